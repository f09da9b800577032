//! Claiming a job.

use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use super::attempt::Attempt;
use super::claimant::Claimant;
use super::disposition::Disposition;
use super::failures::interrupted;
use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::job::{ClaimRefused, Job, Route, Transition};
use crate::domain::metrics::Measurement;
use crate::ports::{PortError, WriteError};
use crate::usecases::persist;

/// How often a claim is tried. Each lost round means that another process changed the job, so a few are
/// plenty.
const ROUNDS: usize = 3;

/// The result of a claim.
enum Claim {
    /// This worker has the job.
    Won(Box<Attempt>),
    /// The job has ended. It may owe reports.
    Ended(Box<Job>),
    /// The job is at another stage.
    Elsewhere(Box<Job>),
    /// Nothing to do now.
    Settled(Disposition),
}

/// The transition of one round.
enum Bid {
    /// `waited` is how long the job was ready to be claimed; `None` if it was taken over from a lost worker.
    Claimed { next: Transition, token: LeaseToken, waited: Option<Duration> },
    /// No attempts are left, so the job fails.
    Failed(Transition),
}

impl Claimant<'_> {
    /// Claims the job, or says what happens to the message. The caller works on the job and calls
    /// [`Claimant::end`].
    pub(in crate::usecases) async fn begin(&self, id: JobId) -> Result<Attempt, Disposition> {
        match self.try_claim(id).await {
            Ok(Claim::Won(attempt)) => Ok(*attempt),
            Ok(Claim::Ended(job) | Claim::Elsewhere(job)) => Err(self.pass_on(&job).await),
            Ok(Claim::Settled(disposition)) => Err(disposition),
            Err(error) => {
                tracing::error!(%error, "job record could not be read or written");
                Err(Disposition::Defer(self.env.policy.defer))
            }
        }
    }

    async fn try_claim(&self, id: JobId) -> Result<Claim, PortError> {
        for _ in 0..ROUNDS {
            let Some(job) = self.jobs.get(id).await? else {
                tracing::warn!("message for a job that does not exist");
                return Ok(Claim::Settled(Disposition::Acknowledge));
            };
            let bid = match self.bid(job) {
                Ok(bid) => bid,
                Err(claim) => return Ok(claim),
            };
            let (Bid::Claimed { next, .. } | Bid::Failed(next)) = &bid;
            match persist::end_or_replace(self.env, self.jobs.as_ref(), next).await {
                Ok(()) => {
                    return Ok(match bid {
                        Bid::Claimed { next, token, waited } => self.won(next.job, token, waited),
                        Bid::Failed(next) => Claim::Ended(Box::new(next.job)),
                    });
                }
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error),
            }
        }
        Ok(Claim::Settled(Disposition::Defer(self.env.policy.defer)))
    }

    /// Begins an attempt. The events of this worker name the job's owner from now on.
    fn won(&self, job: Job, token: LeaseToken, waited: Option<Duration>) -> Claim {
        Span::current().record("owner", job.owner.as_str());
        if let Some(time) = waited {
            let route = Route { lane: job.lane, stage: self.stage };
            self.env.metrics.record(&Measurement::QueueTime { route, time });
        }
        Claim::Won(Box::new(Attempt::new(Arc::clone(self.jobs), self.env.clone(), self.deadline, job, token)))
    }

    fn bid(&self, job: Job) -> Result<Bid, Claim> {
        let (now, token, policy) = (self.env.clock.now(), self.env.ids.lease(), &self.env.policy);
        if job.stage().is_some_and(|stage| stage != self.stage) {
            return Err(Claim::Elsewhere(Box::new(job)));
        }
        let waited = job.waited(now);
        match job.clone().claim(token, now, policy) {
            Ok(next) => Ok(Bid::Claimed { next, token, waited }),
            Err(ClaimRefused::Ended) => Err(Claim::Ended(Box::new(job))),
            Err(ClaimRefused::Leased { until: at } | ClaimRefused::NotYet { ready_at: at }) => {
                Err(Claim::Settled(Disposition::until(at, now)))
            }
            Err(ClaimRefused::Spent) => match job.expire(interrupted(), now, policy) {
                Ok(failed) => Ok(Bid::Failed(failed)),
                Err(_) => Err(Claim::Settled(Disposition::Defer(policy.defer))),
            },
        }
    }
}
