//! Reports: messages about a job's end that the job owes to a receiver outside Cutline.
//!
//! A job holds its reports from the start and owes them once it is done or has failed. They are the job's outbox: the
//! write that ends the job also schedules them, so no report is lost, and a report leaves the outbox only after it was
//! delivered. Delivery is therefore at least once, always under the same id. A manifest that cannot be written for half
//! of the job's retention is given up, and the log says so; the results stay available by the API.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The kinds of report.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ReportKind {
    /// The results and the manifest of a dropped file.
    Manifest,
    /// A kind that a newer release introduced, by its name. This release keeps and reschedules such a report but
    /// leaves its delivery to the newer release.
    Unsupported(String),
}

const MANIFEST: &str = "manifest";

impl From<String> for ReportKind {
    fn from(name: String) -> Self {
        if name == MANIFEST { Self::Manifest } else { Self::Unsupported(name) }
    }
}

impl From<ReportKind> for String {
    fn from(kind: ReportKind) -> Self {
        match kind {
            ReportKind::Manifest => MANIFEST.to_owned(),
            ReportKind::Unsupported(name) => name,
        }
    }
}

/// Identifies a report within its job. The same in every delivery, so receivers can drop duplicates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReportId(String);

impl ReportId {
    /// The id of the manifest; a job has at most one.
    pub fn manifest() -> Self {
        Self(MANIFEST.to_owned())
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
    /// Not delivered, and not tried again: delivery failed until half of the job's retention was over.
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
    kind: ReportKind,
    id: ReportId,
    #[serde(default)]
    retries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
    #[serde(default)]
    delivered: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    given_up: bool,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl From<Record> for Report {
    fn from(record: Record) -> Self {
        let Record { kind, id, retries, next_at, delivered, given_up, unknown } = record;
        Self { kind, id, retries, status: Self::status_of(delivered, given_up, next_at), unknown }
    }
}

impl From<Report> for Record {
    fn from(report: Report) -> Self {
        let (next_at, delivered, given_up) = (report.next_at(), !report.is_pending(), report.is_given_up());
        let Report { kind, id, retries, status: _, unknown } = report;
        Self { kind, id, retries, next_at, delivered, given_up, unknown }
    }
}
