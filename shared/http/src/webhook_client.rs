//! Sending webhooks, to receivers that we do not trust.
//!
//! Connections go to public addresses only, as those of the source fetcher do, without proxies and redirects. The answer's
//! body is never used.

use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::job::{WebhookResult, WebhookVerdict};
use cutline_core::ports::{OutgoingWebhook, WebhookClient};
use cutline_core::usecases::JobView;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;

use crate::fetch::SetupError;
use crate::fetch::address::AddressPolicy;
use crate::fetch::client::{guarded_client, literal_address};
use crate::fetch::fault::{causes, chain, is_untrusted_certificate};
use crate::fetch::resolve::{ForbiddenAddress, Lookup, system_lookup};
use crate::responses::StatusBody;
use crate::retry_after::wait_of;
use crate::webhook_url::WebhookReach;

/// The headers of Standard Webhooks.
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The longest send, from the first DNS lookup to the answer's headers.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer's body is read, so that a polite receiver can finish it, and for how long.
const MAX_DRAINED_BYTES: usize = 64_000;
const MAX_DRAIN: Duration = Duration::from_secs(1);

/// The body of a webhook. Its data is the status that the API gives.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Event))]
pub(crate) struct WebhookBody {
    /// The type of the event. Ignore types that you do not know.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When the job ended, or was held for review.
    timestamp: Timestamp,
    /// The job's status.
    data: StatusBody,
}

/// [`WebhookClient`] over HTTP. Create it once and share it: it holds the root certificates.
#[derive(Debug, Clone)]
pub struct HttpWebhooks {
    client: Client,
    policy: AddressPolicy,
    reach: WebhookReach,
    timeout: Duration,
}

impl HttpWebhooks {
    /// A client that trusts the system's root certificates.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(reach: WebhookReach) -> Result<Self, SetupError> {
        Self::with(reach, AddressPolicy::public(reach.allows_private()), system_lookup())
    }

    fn with(reach: WebhookReach, policy: AddressPolicy, lookup: Lookup) -> Result<Self, SetupError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let client = guarded_client(policy.clone(), lookup, headers)?;
        Ok(Self { client, policy, reach, timeout: TIMEOUT })
    }
}

#[async_trait]
impl WebhookClient for HttpWebhooks {
    async fn send(&self, webhook: OutgoingWebhook) -> WebhookResult {
        let url = webhook.url.as_url().clone();
        if url.scheme() != "https" && !self.reach.allows_private() {
            return failed(None, "the URL is not https");
        }
        if literal_address(&url).is_some_and(|address| !self.policy.allows(address)) {
            return failed(None, FORBIDDEN);
        }
        let Some((headers, body)) = signed(webhook) else {
            return failed(None, "bug in Cutline: the job has no status to send; please report it");
        };
        let request = self.client.post(url).headers(headers).body(body).send();
        // The answer counts by its headers, so reading its body must not make it late.
        match tokio::time::timeout(self.timeout, request).await {
            Ok(Ok(response)) => answer(response).await,
            Ok(Err(error)) => of_client_error(&error),
            Err(_) => failed(None, &format!("the receiver did not answer within {} s", self.timeout.as_secs_f64())),
        }
    }
}

const FORBIDDEN: &str = "the receiver's address is not on the public internet";

/// The headers and the body. `None` if the job has no status, which its record rules out.
fn signed(webhook: OutgoingWebhook) -> Option<(HeaderMap, Vec<u8>)> {
    let OutgoingWebhook { id, event, job, links, assets, secrets, sent_at, .. } = webhook;
    // All sends of an event have the same payload, so it holds nothing that changes while the job is held.
    let data = StatusBody::new(JobView { job, links, assets }).ok()?.without_recut_warning();
    let body = serde_json::to_vec(&WebhookBody { kind: event.kind.as_str(), timestamp: event.at, data }).ok()?;
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id.as_str(), sent_at, &body)).collect();
    let headers = HeaderMap::from_iter([
        (WEBHOOK_ID, HeaderValue::try_from(id.as_str()).ok()?),
        (WEBHOOK_TIMESTAMP, HeaderValue::from(sent_at.as_second())),
        (WEBHOOK_SIGNATURE, HeaderValue::try_from(signatures.join(" ")).ok()?),
    ]);
    Some((headers, body))
}

fn failed(status: Option<StatusCode>, error: &str) -> WebhookResult {
    let verdict = WebhookVerdict::Failed { error: error.to_owned(), retry_after: None };
    WebhookResult { status: status.map(|status| status.as_u16()), verdict }
}

/// What an answer means. Its body does not matter.
async fn answer(mut response: Response) -> WebhookResult {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| wait_of(value, Timestamp::now()));
    let drain = async {
        let mut drained = 0;
        while let Ok(Some(piece)) = response.chunk().await {
            drained += piece.len();
            if drained > MAX_DRAINED_BYTES {
                return;
            }
        }
    };
    // Whatever happens here, the receiver has answered.
    let _ = tokio::time::timeout(MAX_DRAIN, drain).await;
    let verdict = match status {
        status if status.is_success() => WebhookVerdict::Delivered,
        StatusCode::GONE => WebhookVerdict::Gone,
        status if status.is_redirection() => {
            let error = format!("the receiver answered with status {status}; redirects are not followed");
            WebhookVerdict::Failed { error, retry_after }
        }
        status => WebhookVerdict::Failed { error: format!("the receiver answered with status {status}"), retry_after },
    };
    WebhookResult { status: Some(status.as_u16()), verdict }
}

fn of_client_error(error: &reqwest::Error) -> WebhookResult {
    tracing::debug!(error = %chain(error), "webhook could not be sent");
    if causes(error).any(|cause| cause.is::<ForbiddenAddress>()) {
        return failed(None, FORBIDDEN);
    }
    failed(
        None,
        if causes(error).any(is_untrusted_certificate) {
            "the receiver's TLS certificate is not trusted: it has expired, is for another name, or its issuer is not known"
        } else if error.is_connect() {
            "the receiver could not be found or connected to"
        } else {
            "the receiver closed the connection or did not speak HTTP"
        },
    )
}

#[cfg(test)]
mod tests;
