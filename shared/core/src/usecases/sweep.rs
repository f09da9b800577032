//! Finding lost work, and bringing it to an end.
//!
//! The sweep runs every minute and looks at the jobs that are due: a queued job whose message may be lost has it sent
//! again, a running job whose lease expired is queued again, and a job without attempts or time left fails. A report that
//! is due has its message sent again; a manifest that could not be written for half of the job's retention is given up. The
//! files of deleted jobs and of replaced drafts are deleted here and nowhere else.
//! The sweep also handles dead letters.
//!
//! A transition is stored before its message is sent. If the sweep stops in between, the job is due again later, and
//! the next sweep sends the message.

mod reports;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::announce::announce;
use super::env::Env;
use super::found_upload::UploadStores;
use super::persist;
use super::work::{Disposition, interrupted, timed_out};
use crate::domain::failure::Failure;
use crate::domain::ids::JobId;
use crate::domain::job::{DeletedUpload, InvalidTransition, Job, JobState, Route, Transition};
use crate::domain::message::Message;
use crate::domain::metrics::Measurement;
use crate::domain::report_message::ReportMessage;
use crate::domain::time::between;
use crate::domain::work_request::WorkRequest;
use crate::ports::{Destination, JobFiles, Jobs, PortError, Quarantine, Queue, ReportQueue, WriteError};

/// How many jobs one sweep looks at. At a few store calls a job, this takes seconds. A bulk lane that fills at once makes
/// two thousand jobs due within two minutes, and the next sweep may be killed.
const MAX_REPAIRS: usize = 1_000;

/// How long it looks at due jobs. Reports and deletions have their time after that, and on Lambda it ends after 55 s.
const REPAIR_TIME: Duration = Duration::from_secs(18);

/// How many jobs with due reports, or with files to delete, are listed at a time.
const LIMIT: usize = 500;

/// How many jobs it looks at concurrently.
const CONCURRENCY: usize = 8;

/// How long it deletes files, whatever the object store does.
const DELETION_TIME: Duration = Duration::from_secs(25);

/// The use case.
#[derive(Clone)]
pub struct Sweep {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// The direct uploads that deleted jobs were made from.
    pub uploads: UploadStores,
    /// The files of deleted jobs.
    pub files: Arc<dyn JobFiles>,
    /// Where messages are sent again.
    pub queue: Arc<dyn Queue>,
    /// Where messages about reports go.
    pub reports: Arc<dyn ReportQueue>,
    /// Where unreadable messages go.
    pub quarantine: Arc<dyn Quarantine>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// The numbers of jobs that a sweep handled, by action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Queued, message sent again.
    pub resent: usize,
    /// Queued, left alone because the queue has a backlog.
    pub backlogged: usize,
    /// Queued again after their worker was lost.
    pub requeued: usize,
    /// Failed for lack of attempts or time.
    pub failed: usize,
    /// Ended with undelivered reports, message sent again.
    pub reminded: usize,
    /// Ended with a report that was given up.
    pub given_up: usize,
    /// Deleted by their owners, or with replaced drafts: files deleted.
    pub deleted: usize,
    /// Left due because of a fault of a store or the queue.
    pub errors: usize,
}

/// The action taken on one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Nothing,
    Resent,
    Backlogged,
    Requeued,
    Failed,
    Reminded,
    GaveUp,
    Deleted,
}

/// The age of each queue's oldest message, looked up once a sweep and only if needed.
#[derive(Default)]
struct BacklogAges([OnceCell<Option<Duration>>; Route::ALL.len()]);

impl BacklogAges {
    async fn of(&self, queue: &dyn Queue, route: Route) -> Result<Option<Duration>, PortError> {
        let index = Route::ALL.iter().position(|one| *one == route).unwrap_or_default();
        self.0[index].get_or_try_init(|| queue.oldest_age(route)).await.copied()
    }
}

impl SweepReport {
    fn count(&mut self, action: Action) {
        match action {
            Action::Nothing => {}
            Action::Resent => self.resent += 1,
            Action::Backlogged => self.backlogged += 1,
            Action::Requeued => self.requeued += 1,
            Action::Failed => self.failed += 1,
            Action::Reminded => self.reminded += 1,
            Action::GaveUp => self.given_up += 1,
            Action::Deleted => self.deleted += 1,
        }
    }
}

/// Waits for all of this, and counts the actions.
async fn count<F>(report: &mut SweepReport, handled: impl Iterator<Item = F>)
where
    F: Future<Output = (JobId, Result<Action, PortError>)>,
{
    let mut handled = stream::iter(handled).buffer_unordered(CONCURRENCY);
    while let Some((id, result)) = handled.next().await {
        match result {
            Ok(action) => report.count(action),
            Err(error) => {
                tracing::error!(job_id = %id, %error, "due job could not be handled");
                report.errors += 1;
            }
        }
    }
}

impl Sweep {
    /// Looks at the jobs that are due, once, for 18 seconds at most, then at due reports for 10 seconds and at files to be
    /// deleted for 25 seconds at most.
    ///
    /// # Errors
    /// [`PortError`] if the due jobs cannot be listed. A fault with a single job is counted in
    /// [`SweepReport::errors`] and does not stop the sweep.
    pub async fn run(&self) -> Result<SweepReport, PortError> {
        let mut report = SweepReport::default();
        // Whatever is not reached stays due.
        match timeout(REPAIR_TIME, self.repair(&mut report)).await {
            Ok(listed) => listed?,
            Err(_) => tracing::warn!("due jobs are left to the next sweep"),
        }
        self.sweep_reports(&mut report).await;
        match timeout(DELETION_TIME, self.delete_files(&mut report)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "deleted jobs cannot be listed");
                report.errors += 1;
            }
            Err(_) => tracing::warn!("files of deleted jobs are left to the next sweep"),
        }
        self.env.metrics.record(&Measurement::Sweep { is_complete: report.errors == 0 });
        Ok(report)
    }

    /// Looks at the jobs that are due.
    async fn repair(&self, report: &mut SweepReport) -> Result<(), PortError> {
        let due = self.jobs.due(self.env.clock.now(), MAX_REPAIRS).await?;
        if !due.is_empty() {
            let ages = BacklogAges::default();
            let looked_at = due.into_iter().map(async |id| (id, self.look_at(id, &ages).await));
            count(report, looked_at).await;
        }
        Ok(())
    }

    /// Deletes files until none is due.
    async fn delete_files(&self, report: &mut SweepReport) -> Result<(), PortError> {
        loop {
            let due = self.jobs.deletions_due(self.env.clock.now(), LIMIT).await?;
            if due.is_empty() {
                return Ok(());
            }
            let before = *report;
            let deleted = due.into_iter().map(async |id| (id, self.delete_files_of(id).await));
            count(report, deleted).await;
            // A store that cannot be written, or an index that is out of date.
            if report.deleted == before.deleted {
                return Ok(());
            }
        }
    }

    /// A sweep that stops in between deletes the files again.
    async fn delete_files_of(&self, id: JobId) -> Result<Action, PortError> {
        let now = self.env.clock.now();
        let Some(job) = self.jobs.get(id).await? else { return Ok(Action::Nothing) };
        if job.deletion_due_at().is_none_or(|due| due > now) {
            return Ok(Action::Nothing);
        }
        if job.deletion.is_none() {
            return self.delete_replaced(job, now).await;
        }
        match self.delete_stored(&job).await {
            Ok(left) => {
                let action = if left.is_empty() { Action::Deleted } else { Action::Nothing };
                self.write(job.files_deleted(left, now), action).await
            }
            Err(error) => {
                self.write(job.delete_files_later(now), Action::Nothing).await?;
                Err(error)
            }
        }
    }

    /// Deletes the files of replaced drafts whose links do not work any more.
    async fn delete_replaced(&self, job: Job, now: Timestamp) -> Result<Action, PortError> {
        let leases: Vec<_> = job.replaced_files_due(now).map(|files| files.lease).collect();
        for lease in &leases {
            if let Err(error) = self.files.delete_outputs(job.id, *lease).await {
                self.write(job.delete_replaced_files_later(now), Action::Nothing).await?;
                return Err(error);
            }
        }
        self.write(job.replaced_files_deleted(&leases), Action::Deleted).await
    }

    /// Deletes everything that is stored for a job. Returns the direct uploads that other jobs still need.
    async fn delete_stored(&self, job: &Job) -> Result<Vec<DeletedUpload>, PortError> {
        self.files.delete(job.id).await?;
        let mut left = Vec::new();
        for upload in job.deletion.iter().flat_map(|deletion| &deletion.uploads) {
            if !self.uploads.delete_with(job, upload, self.jobs.as_ref()).await? {
                left.push(upload.clone());
            }
        }
        Ok(left)
    }

    async fn look_at(&self, id: JobId, ages: &BacklogAges) -> Result<Action, PortError> {
        let (now, policy) = (self.env.clock.now(), &self.env.policy);
        let Some(job) = self.jobs.get(id).await? else { return Ok(Action::Nothing) };
        if job.due_at().is_none_or(|due| due > now) {
            return Ok(Action::Nothing);
        }
        match &job.state {
            JobState::Queued { .. } if job.pending_until(policy) <= now => self.fail(job, timed_out(), now).await,
            JobState::Queued { since, .. } => {
                let oldest = ages.of(self.queue.as_ref(), job.route()).await?;
                // An older message of its lane and stage is still waiting, so this job's may be waiting behind it.
                if oldest.is_some_and(|oldest| oldest >= between(*since, now)) {
                    self.write(job.look_later(now, policy), Action::Backlogged).await
                } else {
                    self.write(job.resend(now, policy), Action::Resent).await
                }
            }
            JobState::Running { .. } if job.attempts >= policy.max_attempts => self.fail(job, interrupted(), now).await,
            JobState::Running { .. } => self.write(job.requeue(now, policy), Action::Requeued).await,
            JobState::Review { deadline, .. } if *deadline <= now => {
                self.write(job.review_expired(now, policy), Action::Failed).await
            }
            JobState::Review { .. } => self.retry_reports(job, now).await,
            // A job that an earlier release wrote last.
            JobState::Done { .. } | JobState::Failed { .. } => self.retry_reports(job, now).await,
            JobState::Withdrawn { .. } => Ok(Action::Nothing),
        }
    }

    /// Handles a message that the queue gave up on. `body` is the message as it was sent, `request` its content.
    pub async fn dead_letter(&self, body: &str, request: WorkRequest) -> Disposition {
        if let Ok(message) = ReportMessage::parse(body) {
            self.dead_report(message.job_id);
            return Disposition::Acknowledge;
        }
        let result = match request {
            WorkRequest::Job(message) => self.revive(message.job_id).await,
            WorkRequest::Nothing => Ok(Disposition::Acknowledge),
            // This message is the only trace of the files. It is retried for as long as they may wait; after that, a
            // person has to look at it.
            WorkRequest::Drops(notice) if between(notice.at, self.env.clock.now()) < self.env.policy.max_drop_wait => {
                tracing::warn!(files = notice.objects.len(), "drop ingest failed repeatedly; retrying");
                self.queue.send_again(body).await.map(|()| Disposition::Acknowledge)
            }
            WorkRequest::Drops(notice) => {
                tracing::error!(files = notice.objects.len(), "drop ingest failed for too long; message quarantined");
                self.quarantine.park(body).await.map(|()| Disposition::Acknowledge)
            }
            WorkRequest::Unreadable { reason } => {
                tracing::error!(reason, "unreadable message; quarantined");
                self.quarantine.park(body).await.map(|()| Disposition::Acknowledge)
            }
        };
        result.unwrap_or_else(|error| {
            tracing::error!(%error, "dead letter could not be handled");
            Disposition::Defer(self.env.policy.defer)
        })
    }

    /// Queues the job of a dead letter again, or fails it.
    async fn revive(&self, id: JobId) -> Result<Disposition, PortError> {
        let (now, policy) = (self.env.clock.now(), &self.env.policy);
        let Some(job) = self.jobs.get(id).await? else { return Ok(Disposition::Acknowledge) };
        match &job.state {
            JobState::Review { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                return Ok(Disposition::Acknowledge);
            }
            JobState::Running { lease, .. } if lease.until > now => {
                return Ok(Disposition::for_job(&job, now, policy.defer));
            }
            JobState::Running { .. } | JobState::Queued { .. } => {}
        }
        let action = if job.attempts >= policy.max_attempts {
            self.fail(job, interrupted(), now).await?
        } else {
            self.write(job.requeue(now, policy), Action::Requeued).await?
        };
        Ok(match action {
            // Another process changed the job: look again soon.
            Action::Nothing => Disposition::Defer(policy.defer),
            _ => Disposition::Acknowledge,
        })
    }

    async fn fail(&self, job: Job, failure: Failure, now: Timestamp) -> Result<Action, PortError> {
        self.write(job.expire(failure, now, &self.env.policy), Action::Failed).await
    }

    /// Stores the transition, then sends the job's message if a worker has something to do. Does nothing if the
    /// job's state has no such transition, or if the job changed in the meantime.
    async fn write(
        &self,
        transition: Result<Transition, InvalidTransition>,
        action: Action,
    ) -> Result<Action, PortError> {
        let Ok(transition) = transition else { return Ok(Action::Nothing) };
        match persist::end_or_replace(&self.env, self.jobs.as_ref(), &transition).await {
            Ok(()) => {}
            Err(WriteError::Conflict) => return Ok(Action::Nothing),
            Err(WriteError::Port(error)) => return Err(error),
        }
        let job = &transition.job;
        let delay = match &job.state {
            JobState::Queued { .. } if action == Action::Backlogged => None,
            JobState::Queued { ready_at, .. } => Some(between(self.env.clock.now(), *ready_at)),
            _ => None,
        };
        if let Some(delay) = delay {
            self.queue.send(&Message { job_id: job.id }, Destination::of(job), delay).await?;
        }
        announce(self.reports.as_ref(), job, transition.owed()).await?;
        tracing::info!(job_id = %job.id, ?action, "due job handled");
        Ok(action)
    }
}
