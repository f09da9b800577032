//! The delivery of a job's webhook, as the API shows it.

use cutline_core::domain::job::{self, Job, ReportId};
use jiff::Timestamp;
use serde::Serialize;

/// How far the delivery of a webhook is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Webhook))]
pub(crate) struct WebhookStatusBody {
    /// The `webhook-id`.
    #[cfg_attr(test, schema(value_type = String))]
    id: ReportId,
    /// The receiver's host. The rest of its URL can hold a secret.
    host: String,
    state: WebhookState,
    /// Present once the event has happened.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    kind: Option<&'static str>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    last_attempt_at: Option<Timestamp>,
    /// The receiver's status code, if it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    last_error: Option<String>,
    /// When it is sent next, at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    next_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(utoipa::ToSchema))]
enum WebhookState {
    /// The job has not ended.
    Waiting,
    /// To be sent, or to be sent again.
    Pending,
    Delivered,
    GivenUp,
}

impl WebhookStatusBody {
    /// The webhook of a job, if it has one.
    pub(crate) fn new(job: &Job) -> Option<Self> {
        let (report, delivery) = job.webhook()?;
        let state = match job.webhook_state()? {
            job::WebhookState::Waiting => WebhookState::Waiting,
            job::WebhookState::Pending => WebhookState::Pending,
            job::WebhookState::Delivered => WebhookState::Delivered,
            job::WebhookState::GivenUp => WebhookState::GivenUp,
        };
        let last = delivery.last.clone();
        Some(Self {
            id: report.id.clone(),
            host: delivery.url.host(),
            state,
            kind: delivery.event.map(|event| event.kind.as_str()),
            attempts: delivery.attempts,
            last_attempt_at: last.as_ref().map(|last| last.at),
            last_status: last.as_ref().and_then(|last| last.status),
            last_error: last.and_then(|last| last.error),
            next_at: report.next_at().map(|next_at| delivery.ready_at.unwrap_or(next_at)),
        })
    }
}
