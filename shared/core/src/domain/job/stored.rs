//! The stored form of a job.
//!
//! # Compatibility
//!
//! During a deployment two releases work on the same records, so the previous release must be able to read everything
//! that this one writes, and to write it back. This determines the form:
//!
//! - The manifest's report is stored in `drop` (`reported`, `reminders`, `remind_at`), where the previous release
//!   keeps it, and not in `reports`.
//! - `reports` holds all other kinds. The previous release would drop that attribute, so a record that has it needs
//!   [`RecordVersion::REPORTS`]. This release creates webhooks there, and reads and writes back every other kind. The
//!   previous release keeps a webhook, reschedules it and leaves its delivery to this one.
//! - A manifest that was given up is stored as reported, with `given_up` in addition. A release that does not know
//!   `given_up` sees a delivered manifest, and leaves it alone too.
//! - A manifest found in `reports` is read too, so a later release may move it there. That release has to keep the
//!   manifest's id and add no attributes to it until no worker of this release runs: written back, it is in `drop`.
//! - An attribute that a later release adds without raising `needs` has to hold plain JSON: strings, booleans, 64-bit
//!   integers, lists and maps of these. Binary values and sets of DynamoDB do not survive.
//! - `source_bytes` is such an attribute, but the previous release (0.1.0) keeps none that it does not know. If it writes
//!   the record, the number is lost and the source is not counted. It is used only where one release works at a time.
//!   `mask_bytes` goes with it.
//! - `timings`, `queue_ms`, `retry_of`, `recut_of`, `earlier_revisions`, `recuts`, `retouches`, `mask_uploads`,
//!   `decision`, `deletion`, and in `order` `external_id`, `metadata`, `output_name`, `source_name`, `mask` and
//!   `warnings`, are such attributes too. A deleted job is stored as withdrawn, so a release that does not know
//!   `deletion` leaves it alone.
//! - `lane` and `intake_attempts` are such attributes too. A release that loses `lane` treats a bulk job as a live one.
//! - A state's `stage` is absent at `make`. The previous release ignores and drops it, since it fetches and makes
//!   pictures in one attempt: a job at intake that it writes is at `make` from then on. That needs no newer version: a
//!   maker that does not find what the job needs sends it back to intake, as it does with the records that the previous
//!   release creates.
//! - `needs` is absent while it is 1. It is checked before anything else is read.
//!
//! Stores that add attributes of their own (keys, index entries) remove them before they decode a record; they would
//! otherwise count as unknown attributes and be written back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::deletion::{DeletedUpload, Deletion};
use super::model::Job;
use super::record::{RecordVersion, UnknownAttributes, UnsupportedRecord};
use super::recut_record::{Recut, ReplacedFiles};
use super::report::{Report, ReportKind};
use super::retouch_record::Retouch;
use super::spec::JobSpec;
use super::state::JobState;
use super::step::Step;
use crate::domain::decision::Decision;
use crate::domain::drops::DropOrigin;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::lane::Lane;

#[derive(Serialize, Deserialize)]
struct Record {
    id: JobId,
    owner: OwnerId,
    order: Order,
    #[serde(default, skip_serializing_if = "Lane::is_default")]
    lane: Lane,
    created_at: Timestamp,
    charged: bool,
    version: u64,
    attempts: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    intake_attempts: u32,
    progress: u8,
    state: JobState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    mask_bytes: u64,
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    timings: BTreeMap<Step, u64>,
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    queue_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_of: Option<JobId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recut_of: Option<JobId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    earlier_revisions: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recut: Option<Box<Recut>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    recuts: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retouches: Vec<Retouch>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mask_uploads: Vec<DeletedUpload>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<ReplacedFiles>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deletion: Option<Deletion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drop: Option<DropRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reports: Vec<Report>,
    #[serde(default, skip_serializing_if = "is_first")]
    needs: RecordVersion,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Order {
    #[serde(flatten)]
    spec: JobSpec,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// A drop, with the state of its manifest's report.
#[derive(Serialize, Deserialize)]
struct DropRecord {
    origin: DropOrigin,
    #[serde(default)]
    reported: bool,
    #[serde(default)]
    reminders: u32,
    #[serde(default)]
    remind_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    given_up: bool,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_zero_u64(number: &u64) -> bool {
    *number == 0
}

fn is_first(version: &RecordVersion) -> bool {
    *version == RecordVersion::FIRST
}

impl DropRecord {
    fn new(origin: DropOrigin, manifest: &Report, unknown: Map<String, Value>) -> Self {
        let (reported, reminders, remind_at) = (!manifest.is_pending(), manifest.retries, manifest.next_at());
        Self { origin, reported, reminders, remind_at, given_up: manifest.is_given_up(), unknown }
    }

    fn manifest(&self) -> Report {
        let status = Report::status_of(self.reported, self.given_up, self.remind_at);
        Report { retries: self.reminders, status, ..Report::manifest() }
    }
}

impl From<Record> for Job {
    fn from(record: Record) -> Self {
        let mut reports = record.reports;
        let is_listed = reports.iter().any(|report| report.kind == ReportKind::Manifest);
        if let Some(drop) = record.drop.as_ref().filter(|_| !is_listed) {
            reports.insert(0, drop.manifest());
        }
        let (drop, drop_unknown) = record.drop.map(|drop| (drop.origin, drop.unknown)).unzip();
        Self {
            id: record.id,
            owner: record.owner,
            spec: record.order.spec,
            lane: record.lane,
            created_at: record.created_at,
            charged: record.charged,
            version: record.version,
            attempts: record.attempts,
            intake_attempts: record.intake_attempts,
            progress: record.progress,
            state: record.state,
            source_bytes: record.source_bytes,
            mask_bytes: record.mask_bytes,
            expires_at: record.expires_at,
            timings: record.timings,
            queue_ms: record.queue_ms,
            retry_of: record.retry_of,
            recut_of: record.recut_of,
            earlier_revisions: record.earlier_revisions,
            recut: record.recut,
            recuts: record.recuts,
            retouches: record.retouches,
            mask_uploads: record.mask_uploads,
            replaced: record.replaced,
            decision: record.decision,
            deletion: record.deletion,
            drop,
            reports,
            needs: record.needs,
            unknown: UnknownAttributes {
                record: record.unknown,
                order: record.order.unknown,
                drop: drop_unknown.unwrap_or_default(),
            },
        }
    }
}

impl From<&Job> for Record {
    fn from(job: &Job) -> Self {
        let job = job.clone();
        let mut reports = job.reports;
        let manifest = reports.iter().position(|report| report.kind == ReportKind::Manifest);
        let drop = job.drop.map(|origin| {
            let manifest = manifest.map_or_else(Report::manifest, |index| reports.remove(index));
            DropRecord::new(origin, &manifest, job.unknown.drop)
        });
        let needs = if reports.is_empty() { job.needs } else { job.needs.max(RecordVersion::REPORTS) };
        Self {
            id: job.id,
            owner: job.owner,
            order: Order { spec: job.spec, unknown: job.unknown.order },
            lane: job.lane,
            created_at: job.created_at,
            charged: job.charged,
            version: job.version,
            attempts: job.attempts,
            intake_attempts: job.intake_attempts,
            progress: job.progress,
            state: job.state,
            source_bytes: job.source_bytes,
            mask_bytes: job.mask_bytes,
            expires_at: job.expires_at,
            timings: job.timings,
            queue_ms: job.queue_ms,
            retry_of: job.retry_of,
            recut_of: job.recut_of,
            earlier_revisions: job.earlier_revisions,
            recut: job.recut,
            recuts: job.recuts,
            retouches: job.retouches,
            mask_uploads: job.mask_uploads,
            replaced: job.replaced,
            decision: job.decision,
            deletion: job.deletion,
            drop,
            reports,
            needs,
            unknown: job.unknown.record,
        }
    }
}

impl Serialize for Job {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Record::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Job {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let attributes = Map::deserialize(deserializer)?;
        let needs = attributes.get("needs").map(RecordVersion::deserialize).transpose().map_err(D::Error::custom)?;
        match needs {
            Some(needs) if needs > RecordVersion::CURRENT => Err(D::Error::custom(UnsupportedRecord { needs })),
            Some(_) | None => Ok(Record::deserialize(Value::Object(attributes)).map_err(D::Error::custom)?.into()),
        }
    }
}
