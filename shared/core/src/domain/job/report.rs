//! Reports: messages about a job's end that the job owes to a receiver outside Cutline.
//!
//! A job holds its reports from the start and owes them once it is done or has failed. One about a result that is held for
//! review is added when it happens, and goes when the job ends. They are the job's outbox: the
//! write that ends the job also schedules them, so no report is lost, and a report leaves the outbox only after it was
//! delivered. Delivery is therefore at least once, always under the same id. A manifest that cannot be written for half
//! of the job's retention is given up, and the log says so; the results stay available by the API.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::webhook::WebhookDelivery;
use crate::domain::decision::DraftRevision;
use crate::domain::ids::JobId;
use crate::domain::webhook::{WebhookEvent, WebhookUrl};

/// The kinds of report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportKind {
    /// The results and the manifest of a dropped file.
    Manifest,
    /// A webhook.
    Webhook(Box<WebhookDelivery>),
    /// A kind that a newer release introduced, by its name. This release keeps and reschedules such a report but
    /// leaves its delivery to the newer release.
    Unsupported(String),
}

const MANIFEST: &str = "manifest";
const WEBHOOK: &str = "webhook";

/// Identifies a report within its job. The same in every delivery, so receivers can drop duplicates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReportId(String);

impl ReportId {
    /// The id of the manifest; a job has at most one.
    pub fn manifest() -> Self {
        Self(MANIFEST.to_owned())
    }

    /// The id of the webhook about a job's end; a job has at most one. It is the receiver's `webhook-id` too, so no two
    /// jobs have the same.
    pub fn webhook(job: JobId) -> Self {
        Self(format!("msg_{}", job.uuid().simple()))
    }

    /// The id of the webhook about a result that is held for review.
    pub fn draft(job: JobId, revision: DraftRevision) -> Self {
        Self(format!("msg_{}_r{revision}", job.uuid().simple()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a report still has to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportStatus {
    /// Not delivered.
    Pending {
        /// When delivery is tried again. `None` before the job ends, and once its record is about to expire.
        next_at: Option<Timestamp>,
    },
    /// Delivered, or made obsolete by a newer report to the same place.
    Delivered,
    /// Not delivered, and not tried again: a manifest could not be written until half of the job's retention was over, or
    /// the receiver of a webhook is gone or failed at every send.
    GivenUp,
}

/// One report that a job owes once it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Record", into = "Record")]
pub struct Report {
    /// Its kind.
    pub kind: ReportKind,
    /// Its id.
    pub id: ReportId,
    /// How many times delivery was rescheduled after the job's end.
    pub retries: u32,
    /// Whether it was delivered.
    pub status: ReportStatus,
    /// Attributes that a newer release added.
    pub(super) unknown: Map<String, Value>,
}

impl Report {
    /// The manifest of a dropped file, not yet delivered.
    pub(super) fn manifest() -> Self {
        let status = ReportStatus::Pending { next_at: None };
        Self { kind: ReportKind::Manifest, id: ReportId::manifest(), retries: 0, status, unknown: Map::new() }
    }

    /// A webhook, not yet delivered.
    pub(super) fn webhook(job: JobId, url: WebhookUrl, is_default: bool) -> Self {
        let kind = ReportKind::Webhook(Box::new(WebhookDelivery::new(url, is_default)));
        let status = ReportStatus::Pending { next_at: None };
        Self { kind, id: ReportId::webhook(job), retries: 0, status, unknown: Map::new() }
    }

    /// The webhook about a result that is held for review, which has happened.
    pub(super) fn about_draft(
        job: JobId,
        revision: DraftRevision,
        like: &WebhookDelivery,
        event: WebhookEvent,
    ) -> Self {
        let webhook = Self::webhook(job, like.url.clone(), like.is_default);
        let mut report = Self { id: ReportId::draft(job, revision), ..webhook };
        report.status = ReportStatus::Pending { next_at: report.begin_webhook(event) };
        report
    }

    /// Whether it is about a result that is held for review. It is obsolete once the job ends or has a newer result.
    pub(super) fn is_about_draft(&self) -> bool {
        let event = self.as_webhook().and_then(|delivery| delivery.event);
        event.is_some_and(|event| event.kind.is_about_draft())
    }

    /// The webhook, if it is one.
    pub fn as_webhook(&self) -> Option<&WebhookDelivery> {
        match &self.kind {
            ReportKind::Webhook(delivery) => Some(delivery),
            ReportKind::Manifest | ReportKind::Unsupported(_) => None,
        }
    }

    /// The webhook, if it is one.
    pub(super) fn as_webhook_mut(&mut self) -> Option<&mut WebhookDelivery> {
        match &mut self.kind {
            ReportKind::Webhook(delivery) => Some(delivery),
            ReportKind::Manifest | ReportKind::Unsupported(_) => None,
        }
    }

    /// Whether it still has to be delivered.
    pub fn is_pending(&self) -> bool {
        matches!(self.status, ReportStatus::Pending { .. })
    }

    /// When delivery is tried again, if it is.
    pub fn next_at(&self) -> Option<Timestamp> {
        match self.status {
            ReportStatus::Pending { next_at } => next_at,
            ReportStatus::Delivered | ReportStatus::GivenUp => None,
        }
    }

    /// Whether delivery was given up.
    pub fn is_given_up(&self) -> bool {
        self.status == ReportStatus::GivenUp
    }

    /// The status that a record's attributes describe. A report that was given up counts as delivered too: a release
    /// that does not know `given_up` then leaves it alone.
    pub(super) fn status_of(settled: bool, given_up: bool, next_at: Option<Timestamp>) -> ReportStatus {
        match (settled, given_up) {
            (false, _) => ReportStatus::Pending { next_at },
            (true, false) => ReportStatus::Delivered,
            (true, true) => ReportStatus::GivenUp,
        }
    }
}

/// A report as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    kind: String,
    id: ReportId,
    #[serde(default)]
    retries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
    #[serde(default)]
    delivered: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    given_up: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<Box<WebhookDelivery>>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl From<Record> for Report {
    fn from(record: Record) -> Self {
        let Record { kind, id, retries, next_at, delivered, given_up, webhook, unknown } = record;
        let kind = match (kind.as_str(), webhook) {
            (MANIFEST, _) => ReportKind::Manifest,
            (WEBHOOK, Some(delivery)) => ReportKind::Webhook(delivery),
            (_, _) => ReportKind::Unsupported(kind),
        };
        Self { kind, id, retries, status: Self::status_of(delivered, given_up, next_at), unknown }
    }
}

impl From<Report> for Record {
    fn from(report: Report) -> Self {
        let (next_at, delivered, given_up) = (report.next_at(), !report.is_pending(), report.is_given_up());
        let Report { kind, id, retries, status: _, unknown } = report;
        let (kind, webhook) = match kind {
            ReportKind::Manifest => (MANIFEST.to_owned(), None),
            ReportKind::Webhook(delivery) => (WEBHOOK.to_owned(), Some(delivery)),
            ReportKind::Unsupported(name) => (name, None),
        };
        Self { kind, id, retries, next_at, delivered, given_up, webhook, unknown }
    }
}
