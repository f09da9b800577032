//! One attempt: a job under this worker's lease.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::time::Instant;

use super::failures::{source_missing, storage_unavailable, too_slow};
use super::stop::Stop;
use crate::domain::failure::Fault;
use crate::domain::ids::LeaseToken;
use crate::domain::job::{InvalidTransition, Job, JobState, Step, Transition};
use crate::domain::outcome::Outcome;
use crate::domain::request::Mode;
use crate::ports::{Jobs, PortError, Stage, WriteError};
use crate::usecases::env::Env;
use crate::usecases::{job_end, persist};

/// A job that this worker has claimed. Owns the record meanwhile, so renewals and steps, which both raise its version,
/// cannot conflict with each other.
pub(in crate::usecases) struct Attempt {
    jobs: Arc<dyn Jobs>,
    env: Env,
    pub(in crate::usecases) job: Job,
    pub(in crate::usecases) token: LeaseToken,
    /// When to renew the lease, during any work.
    renew_at: Instant,
    /// When to end the attempt because it takes too long.
    give_up_at: Instant,
    /// When the record was last written, or a write was last tried.
    written_at: Instant,
    /// The latest step that was written, or whose write was tried.
    step: Step,
    /// The job's progress in percent; the record may be behind.
    progress: u8,
    /// Whether progress within a step may still cost a write of its own. A job has six writes: created, claimed, one
    /// for each of its two or three later steps, ended. Jobs with two such steps have one to spare.
    has_spare_write: bool,
    /// When each step began, in their order.
    steps: Vec<(Step, Instant)>,
}

impl Attempt {
    /// `deadline` is when the host ends this worker.
    pub(super) fn new(jobs: Arc<dyn Jobs>, env: Env, deadline: Option<Instant>, job: Job, token: LeaseToken) -> Self {
        let (now, policy) = (Instant::now(), env.policy);
        let give_up_at = now + policy.max_attempt;
        let step = match job.state {
            JobState::Running { step, .. } => step,
            _ => Step::Fetch,
        };
        let deadline = deadline.map(|at| at.checked_sub(policy.deadline_margin).unwrap_or(now));
        Self {
            jobs,
            env,
            token,
            renew_at: now + policy.renew_every,
            give_up_at: deadline.map_or(give_up_at, |at| at.min(give_up_at)),
            written_at: now,
            step,
            progress: job.progress,
            has_spare_write: job.spec.mode == Mode::Background,
            steps: vec![(step, now)],
            job,
        }
    }

    /// Notes the size of all that the pictures are made from, in bytes. The next write stores it.
    pub(in crate::usecases) fn note_source_bytes(&mut self, bytes: u64) {
        self.job = self.job.clone().with_source_bytes(bytes);
    }

    /// Counts the bytes of a source or backdrop that did not count before. The next write stores it.
    pub(in crate::usecases) fn add_source_bytes(&mut self, bytes: u64) {
        self.job.source_bytes = Some(self.job.source_bytes.unwrap_or(0).saturating_add(bytes));
    }

    /// Counts the bytes of the mask, once. The next write stores it.
    pub(in crate::usecases) fn count_mask(&mut self, bytes: u64) {
        self.job = self.job.clone().with_mask_bytes(bytes);
    }

    /// Whether `step` was not written yet.
    pub(in crate::usecases) fn is_before(&self, step: Step) -> bool {
        self.step < step
    }

    /// Runs `work`, and renews the lease meanwhile, until the attempt has taken too long. Then `work` is dropped.
    pub(in crate::usecases) async fn keep<F: Future>(&mut self, work: F) -> Result<F::Output, Stop> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout_at(self.renew_at.min(self.give_up_at), &mut work).await {
                Ok(output) => return Ok(output),
                Err(_) if Instant::now() >= self.give_up_at => return Err(too_slow().into()),
                Err(_) => self.renew().await?,
            }
        }
    }

    /// [`Attempt::keep`] for a call to the object store, whose errors are worth another attempt.
    pub(in crate::usecases) async fn keep_blob_call<T>(
        &mut self,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, Stop> {
        self.keep(call).await?.map_err(|error| {
            tracing::error!(job_id = %self.job.id, %error, "object store call failed");
            storage_unavailable().into()
        })
    }

    async fn renew(&mut self) -> Result<(), Stop> {
        let now = self.env.clock.now();
        let renewed = self.current().renew(self.token, now, &self.env.policy);
        let every = self.env.policy.renew_every;
        match self.write(renewed).await {
            Ok(()) => self.renew_at = Instant::now() + every,
            // The lease is still live for a while, so a failed renewal is tried again soon.
            Err(Stop::Store(error)) if self.job.due_at().is_some_and(|until| until > now) => {
                tracing::warn!(job_id = %self.job.id, %error, "lease renewal failed; retrying");
                self.renew_at = Instant::now() + every / 6;
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    /// Begins a step. A failed write is no reason to lose the work; only a lost lease is.
    pub(in crate::usecases) async fn advance(&mut self, step: Step) -> Result<(), Stop> {
        if self.step != step {
            self.steps.push((step, Instant::now()));
        }
        self.step = step;
        let advanced = self.current().advance(self.token, step);
        match self.write(advanced).await {
            Err(Stop::Store(error)) => {
                tracing::warn!(job_id = %self.job.id, ?step, %error, "progress could not be written");
                Ok(())
            }
            result => result,
        }
    }

    /// Notes the pipeline's progress. The beginning of a step is written at once; a job with a write to spare also
    /// writes its progress halfway through a long step. Everything else is stored by the writes that follow anyway.
    pub(in crate::usecases) async fn reach(&mut self, stage: Stage, percent: u8) -> Result<(), Stop> {
        let (step, mode) = (stage.step(), self.job.spec.mode);
        // Stages that the mode lacks, or that the job has left, are ignored.
        if step < self.step || !step.is_of(mode) {
            return Ok(());
        }
        self.progress = self.progress.max(step.progress_at(mode, percent));
        let begins = step > self.step;
        let is_long = self.written_at.elapsed() >= self.env.policy.progress_after;
        let is_worth_a_write = begins || (self.has_spare_write && percent >= 50 && is_long);
        if !is_worth_a_write {
            return Ok(());
        }
        self.has_spare_write &= begins;
        self.advance(step).await
    }

    /// Ends the job successfully.
    pub(in crate::usecases) async fn finish(&mut self, outcome: Outcome) -> Result<(), Stop> {
        let now = self.env.clock.now();
        let finished = self.job.clone().with_timings(self.timings()).finish(self.token, outcome, now, &self.env.policy);
        self.write(finished).await
    }

    /// Ends intake: the job waits for its pictures to be made.
    pub(in crate::usecases) async fn fetched(&mut self) -> Result<(), Stop> {
        let now = self.env.clock.now();
        let fetched = self.job.clone().with_timings(self.timings()).fetched(self.token, now, &self.env.policy);
        self.write(fetched).await
    }

    /// Sends the job back to intake, because something that it needs is not stored.
    pub(in crate::usecases) async fn fetch_again(&mut self) -> Result<(), Stop> {
        let now = self.env.clock.now();
        match self.job.clone().fetch_again(self.token, now, &self.env.policy) {
            Ok(again) => self.write(Ok(again)).await,
            // It was uploaded, or was lost each time it was fetched.
            Err(_) => Err(source_missing().into()),
        }
    }

    /// How long each step has taken, in milliseconds. The last one ends now. Steps before this attempt's first one are
    /// those of another stage.
    fn timings(&self) -> BTreeMap<Step, u64> {
        let ends = self.steps.iter().skip(1).map(|(_, began)| *began).chain([Instant::now()]);
        let taken = |((step, began), end): (&(Step, Instant), Instant)| {
            (*step, u64::try_from(end.duration_since(*began).as_millis()).unwrap_or(u64::MAX))
        };
        let first = self.steps.first().map_or(Step::Fetch, |(step, _)| *step);
        let before = self.job.timings.iter().filter(|(step, _)| **step < first).map(|(step, taken)| (*step, *taken));
        before.chain(self.steps.iter().zip(ends).map(taken)).collect()
    }

    /// Ends the attempt with a fault. The transition is not stored yet.
    pub(super) fn give_up(self, fault: Fault) -> Result<Transition, InvalidTransition> {
        let timings = self.timings();
        self.job.with_timings(timings).give_up(self.token, fault, self.env.clock.now(), &self.env.policy)
    }

    /// The job with the progress reached so far.
    fn current(&self) -> Job {
        self.job.clone().with_progress(self.progress)
    }

    async fn write(&mut self, next: Result<Transition, InvalidTransition>) -> Result<(), Stop> {
        let mut next = next.map_err(|_| Stop::LeaseLost)?;
        self.written_at = Instant::now();
        let mut written = persist::end_or_replace(&self.env, self.jobs.as_ref(), &next).await;
        if matches!(written, Err(WriteError::Conflict))
            && let Some(version) = self.version_ahead().await
        {
            next.job.version = version + 1;
            written = persist::end_or_replace(&self.env, self.jobs.as_ref(), &next).await;
        }
        match written {
            Ok(()) => {}
            Err(WriteError::Port(PortError::Retry(_))) if self.is_stored(&next.job).await => {
                job_end::report(&self.env, &next);
            }
            Err(error) => return Err(error.into()),
        }
        self.job = next.job;
        Ok(())
    }

    /// Whether a write that seemed to fail took effect. Otherwise the record would be ahead of this attempt, and the
    /// next write would conflict with it.
    async fn is_stored(&self, next: &Job) -> bool {
        matches!(self.jobs.get(next.id).await, Ok(Some(current)) if current == *next)
    }

    /// The record's version, if this attempt itself put it ahead: by a write that seemed to fail, took effect, and
    /// could not be read back. No other worker writes while this lease is live.
    async fn version_ahead(&self) -> Option<u64> {
        let current = self.jobs.get(self.job.id).await.ok().flatten()?;
        match current.state {
            JobState::Running { lease, .. } if lease.token == self.token => Some(current.version),
            _ => None,
        }
    }
}
