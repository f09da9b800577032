//! A job, and questions about it that change nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::deletion::{DeletedUpload, Deletion};
use super::record::{RecordVersion, UnknownAttributes};
use super::recut_record::{Recut, ReplacedFiles};
use super::report::{Report, ReportKind};
use super::retouch_record::Retouch;
use super::route::Route;
use super::spec::JobSpec;
use super::stage::JobStage;
use super::state::JobState;
use super::step::Step;
use crate::domain::decision::Decision;
use crate::domain::drops::DropOrigin;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::lane::Lane;
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::time::{after, between};

/// One job. The [module](super) describes how it changes; stores keep it as its serde form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its owner.
    pub owner: OwnerId,
    /// The request.
    pub spec: JobSpec,
    /// The lane that it waits in.
    pub lane: Lane,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether a credit was debited for it.
    pub charged: bool,
    /// Raised by one with every stored change.
    pub version: u64,
    /// How many times it was claimed at its stage; at its last one, once it has ended.
    pub attempts: u32,
    /// How many times it was claimed at intake, once it has left that stage.
    pub intake_attempts: u32,
    /// 0 to 100; never decreases.
    pub progress: u8,
    /// Its state.
    pub state: JobState,
    /// The size of its stored source, backdrop, masks and copied evidence together, in bytes. `None` before they are stored,
    /// and in records of releases that did not count.
    pub source_bytes: Option<u64>,
    /// The part of `source_bytes` that its masks have, also those of earlier cuts.
    pub mask_bytes: u64,
    /// When its record may be deleted. Only set once it has ended.
    pub expires_at: Option<Timestamp>,
    /// How long its last attempt took in each step that it completed, in milliseconds. Empty while the first attempt
    /// runs.
    pub timings: BTreeMap<Step, u64>,
    /// How long it has waited for workers, in milliseconds: each time from when it was ready to be claimed.
    pub queue_ms: u64,
    /// The job that it repeats.
    pub retry_of: Option<JobId>,
    /// The job whose cut it corrects.
    pub recut_of: Option<JobId>,
    /// The revisions before the first one of this job: those of the jobs that it corrects. Only names of files count them.
    pub earlier_revisions: u32,
    /// The last recut of its own draft.
    pub recut: Option<Box<Recut>>,
    /// How many recuts of its drafts were accepted, also those that failed.
    pub recuts: u32,
    /// The retouched files that cut its drafts again, oldest first.
    pub retouches: Vec<Retouch>,
    /// The direct uploads of the masks of its recuts, and of those that they replaced.
    pub mask_uploads: Vec<DeletedUpload>,
    /// The files of its replaced drafts that are still stored.
    pub replaced: Vec<ReplacedFiles>,
    /// The decision about its pictures, if they were held for review.
    pub decision: Option<Decision>,
    /// When its files are deleted, if its owner deleted it.
    pub deletion: Option<Deletion>,
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
        let needs = RecordVersion::of_spec(&spec);
        Self {
            id,
            owner,
            spec,
            lane: Lane::default(),
            created_at: now,
            charged: false,
            version: 1,
            attempts: 0,
            intake_attempts: 0,
            progress: 0,
            state: queued(JobStage::Make, now, now, policy),
            source_bytes: None,
            mask_bytes: 0,
            expires_at: None,
            timings: BTreeMap::new(),
            queue_ms: 0,
            retry_of: None,
            recut_of: None,
            earlier_revisions: 0,
            recut: None,
            recuts: 0,
            retouches: Vec::new(),
            mask_uploads: Vec::new(),
            replaced: Vec::new(),
            decision: None,
            deletion: None,
            drop: None,
            reports: Vec::new(),
            needs,
            unknown: UnknownAttributes::default(),
        }
    }

    /// The same new job; if `charged`, it costs one credit.
    #[must_use]
    pub fn with_charge(self, charged: bool) -> Self {
        Self { charged, ..self }
    }

    /// The same new job in this lane.
    #[must_use]
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// The same new job, which waits for intake. For a job some of whose inputs are not stored yet.
    #[must_use]
    pub fn awaiting_intake(mut self) -> Self {
        if let JobState::Queued { stage, .. } = &mut self.state {
            *stage = JobStage::Intake;
        }
        self
    }

    /// The same new job, which repeats another one: in its lane, and it delivers to the same place.
    #[must_use]
    pub fn as_retry_of(self, job: &Self) -> Self {
        // Whoever repeats a correction still corrects the same job.
        let (recut_of, earlier_revisions) = (job.recut_of, job.earlier_revisions);
        Self { retry_of: Some(job.id), recut_of, earlier_revisions, ..self.delivered_like(job) }.in_lane(job.lane)
    }

    /// The same new job, which corrects the cut of another one, and delivers to the same place.
    #[must_use]
    pub fn as_recut_of(self, job: &Self) -> Self {
        let earlier_revisions = job.earlier_revisions.saturating_add(job.revision().get());
        Self { recut_of: Some(job.id), earlier_revisions, ..self.delivered_like(job) }.in_lane(Lane::Live)
    }

    /// The job whose results its own replace.
    pub fn repeats(&self) -> Option<JobId> {
        self.retry_of.or(self.recut_of)
    }

    fn delivered_like(self, job: &Self) -> Self {
        match &job.drop {
            Some(origin) => self.for_drop(origin.clone()),
            None => self,
        }
    }

    /// The same new job, created for a dropped file: it waits in the bulk lane and owes a manifest.
    #[must_use]
    pub fn for_drop(self, origin: DropOrigin) -> Self {
        let others = self.reports.into_iter().filter(|report| report.kind != ReportKind::Manifest);
        let reports = [Report::manifest()].into_iter().chain(others).collect();
        Self { drop: Some(origin), lane: Lane::Bulk, reports, ..self }
    }

    /// Raises the progress to `percent`, at most 99. Not a transition: the next one stores it.
    #[must_use]
    pub fn with_progress(self, percent: u8) -> Self {
        Self { progress: self.progress.max(percent.min(99)), ..self }
    }

    /// Notes that its stored source, backdrop, masks and copied evidence have this many bytes together. Never lowers the
    /// number, since they are deleted only with the record. Not a transition: the next one stores it.
    #[must_use]
    pub fn with_source_bytes(self, bytes: u64) -> Self {
        Self { source_bytes: Some(self.source_bytes.unwrap_or(0).max(bytes)), ..self }
    }

    /// Counts its mask, which is stored and has this many bytes, once. Not a transition: the next one stores it.
    #[must_use]
    pub fn with_mask_bytes(mut self, bytes: u64) -> Self {
        if let Some(mask) = self.spec.mask.as_mut().filter(|mask| mask.bytes.is_none()) {
            mask.bytes = Some(bytes);
            self.source_bytes = Some(self.source_bytes.unwrap_or(0).saturating_add(bytes));
            self.mask_bytes = self.mask_bytes.saturating_add(bytes);
        }
        self
    }

    /// Notes how long each step took. Not a transition: the next one stores it.
    #[must_use]
    pub fn with_timings(self, timings: BTreeMap<Step, u64>) -> Self {
        Self { timings, ..self }
    }

    /// How long a queued job has waited for a worker by `now`; `None` if it is not queued.
    pub fn waited(&self, now: Timestamp) -> Option<Duration> {
        match self.state {
            JobState::Queued { ready_at, .. } => Some(between(ready_at, now)),
            JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => None,
        }
    }

    /// The same job, whose present wait, if it waits, is added to its time in queues.
    #[must_use]
    pub(super) fn with_wait_until(self, now: Timestamp) -> Self {
        let waited = self.waited(now).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Self { queue_ms: self.queue_ms.saturating_add(waited), ..self }
    }

    /// The size of its stored files in bytes, as far as its record lists them: source, backdrop, results and replaced drafts.
    /// What an interrupted attempt left behind is not listed. The files of a deleted job count until they are deleted.
    pub fn stored_bytes(&self) -> u64 {
        if let Some(deletion) = &self.deletion {
            return deletion.bytes;
        }
        let discarded = self.decision.as_ref().map_or(0, |decision| decision.discarded_bytes);
        let results = self.outcome().map_or(discarded, Outcome::bytes);
        let replaced = self.replaced.iter().map(|files| files.bytes).fold(0, u64::saturating_add);
        self.source_bytes.unwrap_or(0).saturating_add(results).saturating_add(replaced)
    }

    /// Whether it is in a terminal state. It may still owe reports.
    pub fn has_ended(&self) -> bool {
        match self.state {
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Review { .. } => false,
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => true,
        }
    }

    /// The stage of a job that a worker has to do something for; `None` once it has ended, and while it is held for review.
    pub fn stage(&self) -> Option<JobStage> {
        match self.state {
            JobState::Queued { stage, .. } | JobState::Running { stage, .. } => Some(stage),
            JobState::Review { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                None
            }
        }
    }

    /// The queue that the job's messages go to. Those of a job that has ended ask for its reports, which the workers of
    /// the last stage deliver.
    pub fn route(&self) -> Route {
        Route { lane: self.lane, stage: self.stage().unwrap_or(JobStage::Make) }
    }

    /// The reports still to be delivered. Empty until the job is done, has failed or is held for review. A held job owes
    /// the report about that alone.
    pub fn owed_reports(&self) -> impl Iterator<Item = &Report> {
        let owes = matches!(self.state, JobState::Done { .. } | JobState::Failed { .. });
        let is_held = self.is_held();
        let is_owed = move |report: &Report| owes || (is_held && report.is_about_draft());
        self.reports.iter().filter(move |report| is_owed(report) && report.is_pending())
    }

    /// The drop whose manifest is still to be delivered.
    pub fn owed_manifest(&self) -> Option<&DropOrigin> {
        let owed = self.owed_reports().any(|report| report.kind == ReportKind::Manifest);
        self.drop.as_ref().filter(|_| owed)
    }

    /// When the sweep has to look at the job: its message may be lost, its worker gone, or a report undelivered.
    /// `None` if nothing remains to be done, or no time remains to do it.
    pub fn due_at(&self) -> Option<Timestamp> {
        [self.repair_due_at(), self.report_due_at()].into_iter().flatten().min()
    }

    /// When the sweep has to look at a job that has not ended; one that is held for review, at its deadline. `None` once it
    /// has ended.
    pub fn repair_due_at(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Queued { resend_at, .. } => Some(*resend_at),
            JobState::Running { lease, .. } => Some(lease.until),
            JobState::Review { deadline, .. } => Some(*deadline),
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => None,
        }
    }

    /// When the sweep has to look at a job that owes reports. `None` unless it owes some.
    pub fn report_due_at(&self) -> Option<Timestamp> {
        self.owed_reports().filter_map(Report::next_at).min()
    }

    /// When the sweep has to delete files of the job: all of them if it was deleted, else those of replaced drafts. `None` once
    /// nothing is left, and while the job is pending, so that no deletion hides a lost worker.
    pub fn deletion_due_at(&self) -> Option<Timestamp> {
        match &self.deletion {
            Some(deletion) => deletion.next_at,
            None if self.stage().is_some() => None,
            None => self.replaced.iter().map(|files| files.delete_at).min(),
        }
    }

    /// Whether this owner may see the job: it is the owner's own, is neither withdrawn nor deleted, and has not expired.
    pub fn is_visible_to(&self, owner: &OwnerId, now: Timestamp) -> bool {
        self.owner == *owner && !matches!(self.state, JobState::Withdrawn { .. }) && !self.is_expired(now)
    }

    /// Whether the record has expired. It then counts as absent, though its store may still hold it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// The state of a job queued at `since` for this stage that may be claimed from `ready_at`.
pub(super) fn queued(stage: JobStage, since: Timestamp, ready_at: Timestamp, policy: &Policy) -> JobState {
    JobState::Queued { stage, since, ready_at, resend_at: after(ready_at, policy.resend_at(0)), resends: 0 }
}
