//! Handling one delivery of a message.

use bytes::Bytes;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::claim::Claim;
use super::disposition::Disposition;
use super::worker::{Process, Stop};
use crate::domain::drops::DroppedObject;
use crate::domain::failure::Fault;
use crate::domain::ids::JobId;
use crate::domain::job::{Job, Step};
use crate::domain::work_request::WorkRequest;
use crate::ports::{PortError, WriteError};
use crate::usecases::persist;
use crate::usecases::reports::announce;

impl Process {
    /// Handles one delivery of a message to the end.
    pub async fn handle(&self, request: WorkRequest) -> Disposition {
        match request {
            WorkRequest::Job(message) => self.handle_job(message.job_id).await,
            WorkRequest::Drops(notice) => self.ingest(&notice.objects).await,
            WorkRequest::Nothing => {
                tracing::info!("test message received");
                Disposition::Acknowledge
            }
            WorkRequest::Unreadable { reason } => {
                // Deferred until the queue moves it to the dead letters, where the sweep quarantines it. Deleting it
                // here could lose a job.
                tracing::error!(reason, "unreadable message");
                Disposition::Defer(self.env.policy.defer)
            }
        }
    }

    /// Claims the job and makes its pictures, or has the reports delivered that an ended job owes.
    #[tracing::instrument(name = "job", skip(self), fields(%id))]
    pub async fn handle_job(&self, id: JobId) -> Disposition {
        let mut attempt = match self.claim(id).await {
            Claim::Won(attempt) => *attempt,
            Claim::Ended(job) => return self.announce_reports(&job).await,
            Claim::Settled(disposition) => return disposition,
        };
        let begun = Instant::now();
        match self.make(&mut attempt).await {
            Ok(()) => {
                tracing::info!(attempt = attempt.job.attempts, ms = begun.elapsed().as_millis(), "job finished");
                self.announce_reports(&attempt.job).await
            }
            Err(Stop::Fault(fault)) => self.give_up(attempt, fault).await,
            Err(Stop::LeaseLost) => {
                tracing::warn!("lease lost; outputs stored under it are left to expire");
                self.defer_to_holder(id).await
            }
            Err(Stop::Store(error)) => self.defer_after(&error),
        }
    }

    /// From the claim to the finish.
    async fn make(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        let source = self.source(attempt).await?;
        attempt.note_source_bytes(source.len());
        let backdrop = self.backdrop(attempt).await?;
        attempt.note_source_bytes(source.len() + backdrop.as_ref().map_or(0, Bytes::len));
        attempt.advance(Step::Background).await?;
        let output = self.run_pipeline(attempt, source, backdrop).await?;
        attempt.advance(Step::Delivery).await?;
        let outcome = self.deliver(attempt, output).await?;
        attempt.finish(outcome).await
    }

    /// Ingests each of the files. If one has to be retried, the whole message is delivered again; by then, the others
    /// are known.
    async fn ingest(&self, objects: &[DroppedObject]) -> Disposition {
        let Some(drops) = &self.workshop.drops else {
            tracing::error!("message about dropped files, but this worker accepts no drops");
            return Disposition::Defer(self.env.policy.defer);
        };
        let mut disposition = Disposition::Acknowledge;
        for object in objects {
            match drops.take(object).await {
                Ok(outcome) => tracing::info!(path = %object.origin.path, ?outcome, "drop handled"),
                Err(error) => {
                    tracing::error!(path = %object.origin.path, %error, "drop ingest failed");
                    disposition = Disposition::Defer(self.env.policy.defer);
                }
            }
        }
        disposition
    }

    /// Sends messages about the reports that an ended job owes. A message that cannot be sent is left to the sweep.
    async fn announce_reports(&self, job: &Job) -> Disposition {
        if let Err(error) = announce(self.workshop.reports.as_ref(), job, job.owed_reports()).await {
            tracing::warn!(job_id = %job.id, %error, "message about a report could not be sent; left to the sweep");
        }
        Disposition::Acknowledge
    }

    /// Stores the fault, and lets the message come again if the job has another attempt.
    async fn give_up(&self, attempt: Attempt, fault: Fault) -> Disposition {
        let (id, now) = (attempt.job.id, self.env.clock.now());
        tracing::warn!(%fault, attempt = attempt.job.attempts, "attempt failed");
        let Ok(next) = attempt.give_up(fault) else { return self.defer_to_holder(id).await };
        match persist::replace(self.jobs.as_ref(), &next).await {
            Ok(()) if next.job.has_ended() => self.announce_reports(&next.job).await,
            Ok(()) => Disposition::for_job(&next.job, now, self.env.policy.defer),
            Err(WriteError::Conflict) => self.defer_to_holder(id).await,
            Err(WriteError::Port(error)) => self.defer_after(&error),
        }
    }

    /// Defers the message of a job that another worker holds. The message stays while that worker runs: if the worker
    /// stops, the message brings the next one.
    async fn defer_to_holder(&self, id: JobId) -> Disposition {
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
