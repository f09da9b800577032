//! A job, and questions about it that change nothing.

use jiff::Timestamp;

use super::record::{RecordVersion, UnknownAttributes};
use super::report::{Report, ReportKind};
use super::spec::JobSpec;
use super::state::JobState;
use crate::domain::drops::DropOrigin;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::policy::Policy;
use crate::domain::time::after;

/// One job. The [module](super) describes how it changes; stores keep it as its serde form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its owner.
    pub owner: OwnerId,
    /// The request.
    pub spec: JobSpec,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether a credit was debited for it.
    pub charged: bool,
    /// Raised by one with every stored change.
    pub version: u64,
    /// How many times it was claimed.
    pub attempts: u32,
    /// 0 to 100; never decreases.
    pub progress: u8,
    /// Its state.
    pub state: JobState,
    /// The size of its stored source and backdrop together, in bytes. `None` before they are stored, and in records of
    /// releases that did not count.
    pub source_bytes: Option<u64>,
    /// When its record may be deleted. Only set once it has ended.
    pub expires_at: Option<Timestamp>,
    /// Where its file was dropped; `None` for a job that a caller requested.
    pub drop: Option<DropOrigin>,
    /// The reports that it owes once it has ended.
    pub reports: Vec<Report>,
    /// The lowest record version that can read it.
    pub needs: RecordVersion,
    /// Attributes that a newer release wrote.
    pub unknown: UnknownAttributes,
}

impl Job {
    /// A new, queued job that costs nothing.
    pub fn new(id: JobId, owner: OwnerId, spec: JobSpec, now: Timestamp, policy: &Policy) -> Self {
        Self {
            id,
            owner,
            spec,
            created_at: now,
            charged: false,
            version: 1,
            attempts: 0,
            progress: 0,
            state: queued(now, now, policy),
            source_bytes: None,
            expires_at: None,
            drop: None,
            reports: Vec::new(),
            needs: RecordVersion::FIRST,
            unknown: UnknownAttributes::default(),
        }
    }

    /// The same new job; if `charged`, it costs one credit.
    #[must_use]
    pub fn with_charge(self, charged: bool) -> Self {
        Self { charged, ..self }
    }

    /// The same new job, created for a dropped file: it owes a manifest.
    #[must_use]
    pub fn for_drop(self, origin: DropOrigin) -> Self {
        Self { drop: Some(origin), reports: vec![Report::manifest()], ..self }
    }

    /// Raises the progress to `percent`, at most 99. Not a transition: the next one stores it.
    #[must_use]
    pub fn with_progress(self, percent: u8) -> Self {
        Self { progress: self.progress.max(percent.min(99)), ..self }
    }

    /// Notes that its stored source and backdrop have this many bytes together. Never lowers the number, since they are
    /// deleted only with the record. Not a transition: the next one stores it.
    #[must_use]
    pub fn with_source_bytes(self, bytes: u64) -> Self {
        Self { source_bytes: Some(self.source_bytes.unwrap_or(0).max(bytes)), ..self }
    }

    /// The size of its stored files in bytes, as far as its record lists them: source, backdrop and results. What an
    /// interrupted attempt left behind is not listed.
    pub fn stored_bytes(&self) -> u64 {
        let results = match &self.state {
            JobState::Done { outcome, .. } => outcome.bytes(),
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => 0,
        };
        self.source_bytes.unwrap_or(0).saturating_add(results)
    }

    /// Whether it is in a terminal state. It may still owe reports.
    pub fn has_ended(&self) -> bool {
        match self.state {
            JobState::Queued { .. } | JobState::Running { .. } => false,
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => true,
        }
    }

    /// The reports still to be delivered. Empty until the job is done or has failed.
    pub fn owed_reports(&self) -> impl Iterator<Item = &Report> {
        let owes = matches!(self.state, JobState::Done { .. } | JobState::Failed { .. });
        self.reports.iter().filter(move |report| owes && report.is_pending())
    }

    /// The drop whose manifest is still to be delivered.
    pub fn owed_manifest(&self) -> Option<&DropOrigin> {
        let owed = self.owed_reports().any(|report| report.kind == ReportKind::Manifest);
        self.drop.as_ref().filter(|_| owed)
    }

    /// When the sweep has to look at the job: its message may be lost, its worker gone, or a report undelivered.
    /// `None` if nothing remains to be done, or no time remains to do it.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Queued { resend_at, .. } => Some(*resend_at),
            JobState::Running { lease, .. } => Some(lease.until),
            JobState::Done { .. } | JobState::Failed { .. } => self.owed_reports().filter_map(Report::next_at).min(),
            JobState::Withdrawn { .. } => None,
        }
    }

    /// Whether the record has expired. It then counts as absent, though its store may still hold it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// The state of a job queued at `since` that may be claimed from `ready_at`.
pub(super) fn queued(since: Timestamp, ready_at: Timestamp, policy: &Policy) -> JobState {
    JobState::Queued { since, ready_at, resend_at: after(ready_at, policy.resend_at(0)), resends: 0 }
}
