//! A worker of one stage.

use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::disposition::Disposition;
use super::stop::Stop;
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobStage, JobState};
use crate::domain::message::Message;
use crate::domain::time::between;
use crate::ports::{Destination, Jobs, PortError, Queue, ReportQueue, WriteError};
use crate::usecases::announce::announce;
use crate::usecases::env::Env;
use crate::usecases::persist;

/// A worker of one stage, with what it needs to claim jobs.
#[derive(Clone, Copy)]
pub(in crate::usecases) struct Claimant<'a> {
    pub(in crate::usecases) stage: JobStage,
    pub(in crate::usecases) jobs: &'a Arc<dyn Jobs>,
    pub(in crate::usecases) queue: &'a Arc<dyn Queue>,
    pub(in crate::usecases) reports: &'a Arc<dyn ReportQueue>,
    pub(in crate::usecases) env: &'a Env,
    /// When the host ends this worker.
    pub(in crate::usecases) deadline: Option<Instant>,
}

impl Claimant<'_> {
    /// Handles a message that cannot be read. It is deferred until the queue moves it to the dead letters, where the sweep
    /// quarantines it: deleting it here could lose a job.
    pub(in crate::usecases) fn defer_unreadable(&self, reason: &str) -> Disposition {
        tracing::error!(reason, "unreadable message");
        Disposition::Defer(self.env.policy.defer)
    }

    /// Ends an attempt. If it has ended the job or moved it to another stage, messages about what comes next are sent.
    pub(in crate::usecases) async fn end(&self, attempt: Attempt, result: Result<(), Stop>) -> Disposition {
        match result {
            Ok(()) => self.pass_on(&attempt.job).await,
            Err(stop) => match self.stop(attempt, stop).await {
                Ok(ended) => self.pass_on(&ended).await,
                Err(disposition) => disposition,
            },
        }
    }

    /// Handles the end of an attempt that did not succeed. Returns the job if that ended it.
    async fn stop(&self, attempt: Attempt, stop: Stop) -> Result<Job, Disposition> {
        let (id, number) = (attempt.job.id, attempt.job.attempts);
        match stop {
            Stop::Fault(fault) => {
                tracing::warn!(%fault, attempt = number, stage = self.stage.as_str(), "attempt failed");
                let now = self.env.clock.now();
                let Ok(next) = attempt.give_up(fault) else { return Err(self.defer_to_holder(id).await) };
                match persist::end_or_replace(self.env, self.jobs.as_ref(), &next).await {
                    Ok(()) if next.job.has_ended() => Ok(next.job),
                    Ok(()) => Err(Disposition::for_job(&next.job, now, self.env.policy.defer)),
                    Err(WriteError::Conflict) => Err(self.defer_to_holder(id).await),
                    Err(WriteError::Port(error)) => Err(self.defer_after(&error)),
                }
            }
            Stop::LeaseLost => {
                tracing::warn!("lease lost; files stored under it are left to expire");
                Err(self.defer_to_holder(id).await)
            }
            Stop::Store(error) => Err(self.defer_after(&error)),
        }
    }

    /// Sends a message to the queue of the job's present stage, because the one at hand belongs to another stage. A running
    /// job needs none: its worker has one. Reports that a job owes get messages of their own; one that cannot be
    /// sent is left to the sweep.
    pub(super) async fn pass_on(&self, job: &Job) -> Disposition {
        let delay = match &job.state {
            JobState::Queued { ready_at, .. } => between(self.env.clock.now(), *ready_at),
            JobState::Review { .. } | JobState::Done { .. } | JobState::Failed { .. } => {
                if let Err(error) = announce(self.reports.as_ref(), job, job.owed_reports()).await {
                    tracing::warn!(job_id = %job.id, %error, "message about a report could not be sent; left to the sweep");
                }
                return Disposition::Acknowledge;
            }
            JobState::Running { .. } | JobState::Withdrawn { .. } => return Disposition::Acknowledge,
        };
        match self.queue.send(&Message { job_id: job.id }, Destination::of(job), delay).await {
            Ok(()) => Disposition::Acknowledge,
            // A later delivery of the message at hand finds the job here again.
            Err(error) => {
                tracing::warn!(%error, "message for the job's stage could not be sent");
                Disposition::Defer(self.env.policy.defer)
            }
        }
    }

    /// Defers the message of a job that another worker holds. The message stays while that worker runs: if the worker
    /// stops, the message brings the next one.
    pub(super) async fn defer_to_holder(&self, id: JobId) -> Disposition {
        match self.jobs.get(id).await {
            Ok(Some(job)) => Disposition::for_job(&job, self.env.clock.now(), self.env.policy.defer),
            Ok(None) => Disposition::Acknowledge,
            Err(_) => Disposition::Defer(self.env.policy.defer),
        }
    }

    fn defer_after(&self, error: &PortError) -> Disposition {
        tracing::error!(%error, "job record could not be written");
        Disposition::Defer(self.env.policy.defer)
    }
}
