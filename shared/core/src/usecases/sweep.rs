//! Finding what was lost, and bringing it to an end.
//!
//! The sweep runs every minute and looks at the jobs that are due: a queued job whose message may be lost
//! has it sent again, a running job whose lease ran out is queued again, and a job that has no attempt or
//! no time left fails. A dropped job that has ended and was not reported has its message sent again too, since it is
//! the workers that report. It also takes what the queue gave up on, from the dead letters.
//!
//! A change is written first and its message sent after. If the sweep stops in between, the job is due
//! again later, and the next sweep sends the message.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::persist;
use super::process::{Disposition, disposition_of, interrupted};
use crate::domain::drops::Body;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobState};
use crate::domain::message::Message;
use crate::domain::policy::Policy;
use crate::ports::Clock;
use crate::ports::{Jobs, PortError, Quarantine, Queue, WriteError};

/// How many jobs one sweep looks at. At a few store calls a job this stays well within a minute.
const LIMIT: usize = 500;

/// The use case.
#[derive(Clone)]
pub struct Sweep {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Where messages are sent again.
    pub queue: Arc<dyn Queue>,
    /// Where messages go that cannot be read.
    pub quarantine: Arc<dyn Quarantine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The job's rules.
    pub policy: Policy,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Queued jobs whose message was sent again.
    pub resent: usize,
    /// Queued jobs that were left alone because the queue has a backlog.
    pub backlogged: usize,
    /// Jobs whose worker was gone, queued again.
    pub requeued: usize,
    /// Jobs that had no attempt or no time left.
    pub failed: usize,
    /// Dropped jobs that had ended and were not reported, whose message was sent again.
    pub reminded: usize,
    /// Jobs that could not be dealt with because a store or the queue has a fault. They stay due.
    pub errors: usize,
}

/// What was done with one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Nothing,
    Resent,
    Backlogged,
    Requeued,
    Failed,
    Reminded,
}

impl Sweep {
    /// Looks at what is due, once.
    ///
    /// # Errors
    /// [`PortError`] if it cannot be known what is due. A fault with a single job is counted in
    /// [`SweepReport::errors`] and stops nothing.
    pub async fn run(&self) -> Result<SweepReport, PortError> {
        let mut report = SweepReport::default();
        let due = self.jobs.due(self.clock.now(), LIMIT).await?;
        if due.is_empty() {
            return Ok(report);
        }
        let oldest = self.queue.oldest_age().await?;
        for id in due {
            match self.look_at(id, oldest).await {
                Ok(Action::Nothing) => {}
                Ok(Action::Resent) => report.resent += 1,
                Ok(Action::Backlogged) => report.backlogged += 1,
                Ok(Action::Requeued) => report.requeued += 1,
                Ok(Action::Failed) => report.failed += 1,
                Ok(Action::Reminded) => report.reminded += 1,
                Err(error) => {
                    tracing::error!(job = %id, %error, "a due job could not be dealt with");
                    report.errors += 1;
                }
            }
        }
        Ok(report)
    }

    async fn look_at(&self, id: JobId, oldest: Option<Duration>) -> Result<Action, PortError> {
        let now = self.clock.now();
        let Some(job) = self.jobs.get(id).await? else { return Ok(Action::Nothing) };
        if job.due_at().is_none_or(|due| due > now) {
            return Ok(Action::Nothing);
        }
        match &job.state {
            JobState::Queued { .. } if age(job.created_at, now) >= self.policy.max_pending => {
                self.fail(job, timed_out(), now).await
            }
            // A message older than the job is still waiting, so the job's own may be waiting behind it.
            JobState::Queued { since, .. } if oldest.is_some_and(|oldest| oldest >= age(*since, now)) => {
                self.write(job.look_later(now, &self.policy).ok(), None, Action::Backlogged).await
            }
            JobState::Queued { .. } => {
                self.write(job.resend(&self.policy).ok(), Some(Message { job_id: id }), Action::Resent).await
            }
            JobState::Running { .. } if job.attempts >= self.policy.max_attempts => {
                self.fail(job, interrupted(), now).await
            }
            JobState::Running { .. } => self.requeue(job, now).await,
            JobState::Done { .. } | JobState::Failed { .. } => {
                self.write(job.remind(&self.policy).ok(), Some(Message { job_id: id }), Action::Reminded).await
            }
            JobState::Withdrawn { .. } => Ok(Action::Nothing),
        }
    }

    /// Deals with a message that the queue gave up on, and says what becomes of it.
    pub async fn dead_letter(&self, body: &str) -> Disposition {
        let result = match Body::parse(body) {
            Ok(Body::Job(message)) => self.revive(message.job_id).await,
            Ok(Body::Test) => Ok(Disposition::Acknowledge),
            // Nothing but this message tells of the files. Once it has been tried as long as a job, a person has to see.
            Ok(Body::Dropped(event)) if age(event.at, self.clock.now()) < self.policy.max_pending => {
                tracing::warn!("files that were dropped could not be taken in for a while; they are tried again");
                self.queue.send_again(body).await.map(|()| Disposition::Acknowledge)
            }
            Ok(Body::Dropped(_)) => {
                tracing::error!(
                    "files that were dropped could not be taken in; their message goes to the quarantine queue"
                );
                self.quarantine.park(body).await.map(|()| Disposition::Acknowledge)
            }
            Err(error) => {
                tracing::error!(%error, "a message that cannot be read goes to the quarantine queue");
                self.quarantine.park(body).await.map(|()| Disposition::Acknowledge)
            }
        };
        result.unwrap_or_else(|error| {
            tracing::error!(%error, "a dead letter could not be dealt with");
            Disposition::Defer(self.policy.defer)
        })
    }

    async fn revive(&self, id: JobId) -> Result<Disposition, PortError> {
        let now = self.clock.now();
        let Some(job) = self.jobs.get(id).await? else { return Ok(Disposition::Acknowledge) };
        match &job.state {
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                return Ok(Disposition::Acknowledge);
            }
            JobState::Running { lease, .. } if lease.until > now => {
                return Ok(disposition_of(&job, now, self.policy.defer));
            }
            JobState::Running { .. } | JobState::Queued { .. } => {}
        }
        let action = if job.attempts >= self.policy.max_attempts {
            self.fail(job, interrupted(), now).await?
        } else {
            self.requeue(job, now).await?
        };
        // Nothing done means that somebody else moved the job in between: look again soon.
        Ok(if action == Action::Nothing { Disposition::Defer(self.policy.defer) } else { Disposition::Acknowledge })
    }

    async fn requeue(&self, job: Job, now: Timestamp) -> Result<Action, PortError> {
        let message = Message { job_id: job.id };
        self.write(job.requeue(now, &self.policy).ok(), Some(message), Action::Requeued).await
    }

    async fn fail(&self, job: Job, failure: Failure, now: Timestamp) -> Result<Action, PortError> {
        let next = job.expire(failure, now, &self.policy).ok();
        let message = next.as_ref().filter(|next| next.unreported().is_some()).map(|next| Message { job_id: next.id });
        self.write(next, message, Action::Failed).await
    }

    /// Writes the changed job and then sends its message. Nothing is done where the job could not be
    /// changed so, or was changed by somebody else in between.
    async fn write(&self, next: Option<Job>, message: Option<Message>, action: Action) -> Result<Action, PortError> {
        let Some(next) = next else { return Ok(Action::Nothing) };
        match persist::replace(self.jobs.as_ref(), &next).await {
            Ok(()) => {}
            Err(WriteError::Conflict) => return Ok(Action::Nothing),
            Err(WriteError::Port(error)) => return Err(error),
        }
        if let Some(message) = message {
            let delay = match next.state {
                JobState::Queued { ready_at, .. } => age(self.clock.now(), ready_at),
                JobState::Running { .. }
                | JobState::Done { .. }
                | JobState::Failed { .. }
                | JobState::Withdrawn { .. } => Duration::ZERO,
            };
            self.queue.send(&message, delay).await?;
        }
        tracing::info!(job = %next.id, ?action, "swept");
        Ok(action)
    }
}

/// From `from` to `to`, or nothing where that is backwards.
fn age(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn timed_out() -> Failure {
    Failure {
        code: FailureCode::TimedOut,
        message: "the job was not processed within the time it may wait; send the request again".to_owned(),
        retryable: true,
    }
}
