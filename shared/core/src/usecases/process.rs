//! Working on a job: claim it, get its source, run the pipeline, store the pictures, finish it.
//!
//! Everything is made to be repeated. A message can come twice, late, or to two workers at once: the claim
//! is a conditional write, so one worker has the job. A worker can stop at any instant: its lease runs out
//! and the next one starts from the stored source. A worker can wake up late: its outputs lie under its own
//! lease, and its conditional finish is refused.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::persist;
use crate::domain::drops::{Body, DroppedObject};
use crate::domain::failure::{Failure, FailureCode, Fault};
use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::job::{ClaimRefused, Job, JobSpec, JobState, Source, Step};
use crate::domain::outcome::{self, Outcome, StoredAsset, StoredPicture};
use crate::domain::policy::Policy;
use crate::domain::request::{Mode, SourceUrl};
use crate::domain::storage::StorageKey;
use crate::ports::{Blobs, Jobs, Pipeline, PipelineInput, PipelineOutput, PortError, SourceFetcher, Stage, WriteError};
use crate::ports::{Clock, Ids};
use crate::usecases::DropIngest;

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is done with: delete it.
    Acknowledge,
    /// It is to come again after this time: change its visibility, and do not delete it.
    Defer(Duration),
}

/// The use case.
#[derive(Clone)]
pub struct Process {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Sources and outputs.
    pub blobs: Arc<dyn Blobs>,
    /// Gets sources from the internet.
    pub fetcher: Arc<dyn SourceFetcher>,
    /// Makes the pictures.
    pub pipeline: Arc<dyn Pipeline>,
    /// Takes dropped files in and answers them, where any can be dropped.
    pub drops: Option<DropIngest>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// The job's rules.
    pub policy: Policy,
}

/// Why a worker stops working on a job.
enum Stop {
    /// The job has a fault that its record has to tell.
    Fault(Fault),
    /// The job is another worker's, or has ended: nothing more to write.
    LeaseLost,
    /// The record could not be written. The lease runs out by itself.
    Store(PortError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::LeaseLost,
            WriteError::Port(error) => Self::Store(error),
        }
    }
}

impl Process {
    /// Handles one delivery of a message, given by its body, to the end.
    pub async fn handle(&self, body: &str) -> Disposition {
        match Body::parse(body) {
            Ok(Body::Job(message)) => self.work_on(message.job_id).await,
            Ok(Body::Dropped(event)) => self.take_in(&event.objects).await,
            Ok(Body::Test) => {
                tracing::info!("S3 may send messages of dropped files");
                Disposition::Acknowledge
            }
            Err(error) => {
                // Put off until the queue's own limit moves it to the dead letters, where the sweep parks
                // it: deleting it here would lose what may be somebody's job.
                tracing::error!(%error, "a message that cannot be read");
                Disposition::Defer(self.policy.defer)
            }
        }
    }

    /// Takes in what one message tells of. Where one file cannot be taken in now, the message comes again, and the
    /// others are known by then.
    async fn take_in(&self, objects: &[DroppedObject]) -> Disposition {
        let Some(drops) = &self.drops else {
            tracing::error!("a message tells of dropped files, and this worker takes none in");
            return Disposition::Defer(self.policy.defer);
        };
        let mut disposition = Disposition::Acknowledge;
        for object in objects {
            match drops.take(object).await {
                Ok(taken) => tracing::info!(path = %object.origin.path, ?taken, "a file was dropped"),
                Err(error) => {
                    tracing::error!(path = %object.origin.path, %error, "a dropped file could not be taken in");
                    disposition = Disposition::Defer(self.policy.defer);
                }
            }
        }
        disposition
    }

    /// What becomes of the message of a job that has ended, once it is reported where it has to be.
    async fn ended(&self, job: &Job) -> Disposition {
        let (Some(_), Some(drops)) = (job.unreported(), &self.drops) else { return Disposition::Acknowledge };
        match drops.report(job).await {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                tracing::error!(%error, "what a dropped file came to could not be told");
                Disposition::Defer(self.policy.defer)
            }
        }
    }

    #[tracing::instrument(name = "job", skip(self), fields(%id))]
    async fn work_on(&self, id: JobId) -> Disposition {
        let mut held = match self.claim(id).await {
            Ok(held) => held,
            Err(disposition) => return disposition,
        };
        let begun = Instant::now();
        let stop = match self.make(&mut held).await {
            Ok(()) => {
                tracing::info!(attempt = held.job.attempts, ms = begun.elapsed().as_millis(), "the job is done");
                return self.ended(&held.job).await;
            }
            Err(stop) => stop,
        };
        match stop {
            Stop::Fault(fault) => self.give_up(held, fault).await,
            Stop::LeaseLost => {
                tracing::warn!("the lease was lost; what was made under it is left to expire");
                self.defer_to_holder(id).await
            }
            Stop::Store(error) => {
                tracing::error!(%error, "the job's record could not be written");
                Disposition::Defer(self.policy.defer)
            }
        }
    }

    /// Claims the job, or says what becomes of the message.
    async fn claim(&self, id: JobId) -> Result<Held<'_>, Disposition> {
        let put_off = |error: PortError| {
            tracing::error!(%error, "the job's record could not be read or written");
            Disposition::Defer(self.policy.defer)
        };
        // Each round lost means that somebody else moved the job on, so a few are plenty.
        for _ in 0..3 {
            let now = self.clock.now();
            let Some(job) = self.jobs.get(id).await.map_err(put_off)? else {
                tracing::warn!("a message for a job that does not exist");
                return Err(Disposition::Acknowledge);
            };
            let token = self.ids.lease();
            let next = match job.clone().claim(token, now, &self.policy) {
                Ok(claimed) => claimed,
                Err(ClaimRefused::Ended) => return Err(self.ended(&job).await),
                Err(ClaimRefused::Leased { until: at } | ClaimRefused::NotYet { ready_at: at }) => {
                    return Err(Disposition::Defer(until(at, now)));
                }
                Err(ClaimRefused::Spent) => match job.expire(interrupted(), now, &self.policy) {
                    Ok(failed) => failed,
                    Err(_) => return Err(Disposition::Defer(self.policy.defer)),
                },
            };
            match persist::replace(self.jobs.as_ref(), &next).await {
                Ok(()) if next.has_ended() => return Err(self.ended(&next).await),
                Ok(()) => return Ok(Held::new(self, next, token)),
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(put_off(error)),
            }
        }
        Err(Disposition::Defer(self.policy.defer))
    }

    /// From the claim to the finish.
    async fn make(&self, held: &mut Held<'_>) -> Result<(), Stop> {
        let source = self.source(held).await?;
        let backdrop = self.backdrop(held).await?;
        held.advance(Step::Background).await?;
        let made = self.run_pipeline(held, source, backdrop).await?;
        held.advance(Step::Delivery).await?;
        let outcome = self.deliver(held, made).await?;
        held.finish(outcome).await
    }

    /// The source's bytes.
    async fn source(&self, held: &mut Held<'_>) -> Result<Bytes, Stop> {
        let key = StorageKey::Source { job: held.job.id };
        match held.job.spec.source.clone() {
            Source::Url(url) => Ok(self.fetched(held, key, &url).await??),
            Source::Stored => held.stored(self.blobs.get(&key)).await?.ok_or_else(|| {
                let message = "the uploaded file is no longer stored; upload it again";
                Fault::fail(FailureCode::Internal, message).into()
            }),
        }
    }

    /// The bytes of the picture that is to stand behind the subject, where there is one.
    async fn backdrop(&self, held: &mut Held<'_>) -> Result<Option<Bytes>, Stop> {
        let Some(url) = held.job.spec.set.as_ref().and_then(|used| used.set.backdrop()).cloned() else {
            return Ok(None);
        };
        let key = StorageKey::Backdrop { job: held.job.id };
        match self.fetched(held, key, &url).await? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) => Err(fault.about("the background's image").into()),
        }
    }

    /// The bytes behind a URL: as stored, or fetched and stored. What is stored first is what every attempt works on,
    /// since what lies behind a URL may change.
    async fn fetched(
        &self,
        held: &mut Held<'_>,
        key: StorageKey,
        url: &SourceUrl,
    ) -> Result<Result<Bytes, Fault>, Stop> {
        if let Some(bytes) = held.stored(self.blobs.get(&key)).await? {
            return Ok(Ok(bytes));
        }
        let bytes = match held.keep(self.fetcher.fetch(url)).await? {
            Ok(bytes) => bytes,
            Err(fault) => return Ok(Err(fault)),
        };
        if held.stored(self.blobs.put_new(&key, bytes.clone())).await? {
            return Ok(Ok(bytes));
        }
        match held.stored(self.blobs.get(&key)).await? {
            Some(bytes) => Ok(Ok(bytes)),
            None => Err(storage_fault().into()),
        }
    }

    /// Runs the pipeline where it may block. A panic in it is this job's failure and nobody else's.
    ///
    /// What the pipeline tells comes here by a channel that holds the latest alone, so it never waits for a
    /// store, and of what it tells while one answers only the last counts.
    async fn run_pipeline(
        &self,
        held: &mut Held<'_>,
        source: Bytes,
        backdrop: Option<Bytes>,
    ) -> Result<PipelineOutput, Stop> {
        let pipeline = Arc::clone(&self.pipeline);
        let JobSpec { mode, format, rendering, set, .. } = held.job.spec.clone();
        let input = PipelineInput { source, backdrop, mode, format, rendering, set: set.map(|used| used.set) };
        let (teller, mut told) = watch::channel((Stage::Background, 0));
        let mut run = tokio::task::spawn_blocking(move || {
            pipeline.run(&input, &|stage, percent| {
                teller.send_replace((stage, percent));
            })
        });
        let ended = loop {
            let next = async {
                tokio::select! {
                    biased;
                    ended = &mut run => Some(ended),
                    Ok(()) = told.changed() => None,
                }
            };
            match held.keep(next).await? {
                Some(ended) => break ended,
                None => {
                    let (stage, percent) = *told.borrow_and_update();
                    held.reach(stage, percent).await?;
                }
            }
        };
        let made = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "the pipeline panicked");
            Err(Fault::fail(FailureCode::Internal, "the picture could not be processed"))
        })?;
        // A stage that took no longer than a write is told too: what a job goes through does not hang on
        // how fast the machine is.
        let (stage, percent) = *told.borrow();
        if stage.step() > held.told {
            held.reach(stage, percent).await?;
        }
        Ok(made)
    }

    /// Stores what was made under the claim, all of it at once.
    async fn deliver(&self, held: &mut Held<'_>, made: PipelineOutput) -> Result<Outcome, Stop> {
        let PipelineOutput { pictures, final_picture, assets, confidence, warnings, ignored } = made;
        let (job, lease) = (held.job.id, held.token);
        let mut files = Vec::new();
        let pictures = pictures.into_iter().map(|picture| {
            let (variation, format) = (picture.variation, picture.format);
            let key = StorageKey::Output { job, lease, variation, format };
            let bytes = picture.bytes.len() as u64;
            files.push((key, picture.bytes));
            (variation, StoredPicture { key, bytes, width: picture.width, height: picture.height })
        });
        let pictures = pictures.collect();
        let assets = assets.into_iter().map(|asset| {
            let key = StorageKey::Asset { job, lease, kind: asset.kind };
            let bytes = asset.bytes.len() as u64;
            files.push((key, asset.bytes));
            (asset.kind, StoredAsset { key, bytes })
        });
        let assets = assets.collect();
        held.stored(try_join_all(files.iter().map(|(key, bytes)| self.blobs.put(key, bytes.clone())))).await?;
        Ok(Outcome {
            pictures,
            final_picture,
            assets,
            confidence: Some(confidence),
            warnings: outcome::bounded(warnings),
            ignored: ignored.iter().map(|variation| variation.as_str().to_owned()).collect(),
            pipeline_version: self.pipeline.version().to_owned(),
        })
    }

    /// Writes the fault into the record, and lets the message come again if there is another attempt.
    async fn give_up(&self, held: Held<'_>, fault: Fault) -> Disposition {
        let now = self.clock.now();
        let id = held.job.id;
        tracing::warn!(%fault, attempt = held.job.attempts, "the attempt failed");
        let next = match held.job.give_up(held.token, fault, now, &self.policy) {
            Ok(next) => next,
            Err(_) => return self.defer_to_holder(id).await,
        };
        match persist::replace(self.jobs.as_ref(), &next).await {
            Ok(()) if next.has_ended() => self.ended(&next).await,
            Ok(()) => disposition_of(&next, now, self.policy.defer),
            Err(WriteError::Conflict) => self.defer_to_holder(id).await,
            Err(WriteError::Port(error)) => {
                tracing::error!(%error, "the job's record could not be written");
                Disposition::Defer(self.policy.defer)
            }
        }
    }

    /// Somebody else moved the job on. The message stays while the job is theirs: if they stop, it is the
    /// one that brings the next worker.
    async fn defer_to_holder(&self, id: JobId) -> Disposition {
        match self.jobs.get(id).await {
            Ok(Some(job)) => disposition_of(&job, self.clock.now(), self.policy.defer),
            Ok(None) => Disposition::Acknowledge,
            Err(_) => Disposition::Defer(self.policy.defer),
        }
    }
}

/// A job that this worker has claimed. Owns the record while it does, so that renewals and steps, which
/// both raise its version, cannot get in each other's way.
struct Held<'a> {
    process: &'a Process,
    job: Job,
    token: LeaseToken,
    /// When the lease is to be renewed, whatever is being done then.
    renew_at: Instant,
    /// When the attempt has taken too long.
    give_up_at: Instant,
    /// When the record was last written, or that was tried.
    written_at: Instant,
    /// The step that was last told, or that was tried to be.
    told: Step,
    /// How far the job is, in percent; the record may be behind.
    progress: u8,
    /// Whether progress within a step may still cost a write of its own. A job has six: made, claimed, one
    /// for each of its three or four steps after that, ended. So those with three have one to spare.
    spare_write: bool,
}

impl<'a> Held<'a> {
    fn new(process: &'a Process, job: Job, token: LeaseToken) -> Self {
        let (now, policy) = (Instant::now(), &process.policy);
        let (renew_at, give_up_at) = (now + policy.renew_every, now + policy.max_attempt);
        let (progress, spare_write) = (job.progress, job.spec.mode == Mode::Background);
        let told = Step::Fetch;
        Self { process, job, token, renew_at, give_up_at, written_at: now, told, progress, spare_write }
    }

    /// Runs `work` and renews the lease when its time has come, until the attempt has taken too long. Work
    /// that blocks a thread goes on there even so; nothing waits for it any more.
    async fn keep<F: Future>(&mut self, work: F) -> Result<F::Output, Stop> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout_at(self.renew_at.min(self.give_up_at), &mut work).await {
                Ok(output) => return Ok(output),
                Err(_) if Instant::now() >= self.give_up_at => return Err(too_slow().into()),
                Err(_) => self.renew().await?,
            }
        }
    }

    /// [`Held::keep`] for a call to the blob store; its fault is a reason to try the job again.
    async fn stored<T>(&mut self, work: impl Future<Output = Result<T, PortError>>) -> Result<T, Stop> {
        self.keep(work).await?.map_err(|error| {
            tracing::error!(%error, "a stored object could not be read or written");
            storage_fault().into()
        })
    }

    /// Renews the lease.
    async fn renew(&mut self) -> Result<(), Stop> {
        let now = self.process.clock.now();
        let next = self.job.clone().progressed(self.progress).renew(self.token, now, &self.process.policy);
        let every = self.process.policy.renew_every;
        match self.write(next.map_err(|_| Stop::LeaseLost)?).await {
            Ok(()) => self.renew_at = Instant::now() + every,
            // The lease still holds for a while. A failed renewal is tried again soon, not given up on.
            Err(Stop::Store(error)) if self.job.due_at().is_some_and(|until| until > now) => {
                tracing::warn!(%error, "the lease could not be renewed");
                self.renew_at = Instant::now() + every / 6;
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    /// Goes on to a step. What cannot be told now is no reason to lose the work: only a lost lease is.
    async fn advance(&mut self, step: Step) -> Result<(), Stop> {
        self.told = step;
        let next = self.job.clone().progressed(self.progress).advance(self.token, step);
        match self.write(next.map_err(|_| Stop::LeaseLost)?).await {
            Err(Stop::Store(error)) => {
                tracing::warn!(%error, "how far the job is could not be told");
                Ok(())
            }
            told => told,
        }
    }

    /// Notes what the pipeline is at. A step that begins is told at once, and once in a job that has a write
    /// to spare, halfway through a step that takes its time, how far it is; the rest goes along with the
    /// writes that are made anyway.
    async fn reach(&mut self, stage: Stage, percent: u8) -> Result<(), Stop> {
        let (step, mode) = (stage.step(), self.job.spec.mode);
        // Of a stage that the job's mode does not have, or that it has left, nothing is told.
        if step < self.told || !step.is_of(mode) {
            return Ok(());
        }
        self.progress = self.progress.max(step.progress_at(mode, percent));
        let begins = step > self.told;
        let worth_it = self.spare_write && percent >= 50 && self.written_at.elapsed() >= self.process.policy.tell_after;
        if !begins && !worth_it {
            return Ok(());
        }
        self.spare_write &= begins;
        self.advance(step).await
    }

    async fn finish(&mut self, outcome: Outcome) -> Result<(), Stop> {
        let now = self.process.clock.now();
        let next = self.job.clone().finish(self.token, outcome, now, &self.process.policy);
        self.write(next.map_err(|_| Stop::LeaseLost)?).await
    }

    async fn write(&mut self, mut next: Job) -> Result<(), Stop> {
        self.written_at = Instant::now();
        let mut written = persist::replace(self.process.jobs.as_ref(), &next).await;
        if matches!(written, Err(WriteError::Conflict))
            && let Some(version) = self.version_ahead().await
        {
            next.version = version + 1;
            written = persist::replace(self.process.jobs.as_ref(), &next).await;
        }
        match written {
            Ok(()) => {
                self.job = next;
                Ok(())
            }
            Err(WriteError::Port(PortError::Retry(error))) => {
                // It may have been written all the same. Then the record is ahead of what is held here, and
                // the next write would conflict with this worker's own.
                if let Ok(Some(current)) = self.process.jobs.get(next.id).await
                    && current == next
                {
                    self.job = next;
                    return Ok(());
                }
                Err(Stop::Store(PortError::Retry(error)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Held<'_> {
    /// The record's version, if it is ahead of what is held here by this worker's own doing: a write that took effect
    /// though it seemed to fail, and that could not be read back. Nobody else writes while the lease is this one.
    async fn version_ahead(&self) -> Option<u64> {
        let current = self.process.jobs.get(self.job.id).await.ok().flatten()?;
        match current.state {
            JobState::Running { lease, .. } if lease.token == self.token => Some(current.version),
            _ => None,
        }
    }
}

/// What becomes of the message of a job in this state.
pub(crate) fn disposition_of(job: &Job, now: jiff::Timestamp, defer: Duration) -> Disposition {
    match &job.state {
        JobState::Queued { ready_at, .. } if *ready_at > now => Disposition::Defer(until(*ready_at, now)),
        JobState::Queued { .. } => Disposition::Defer(defer.min(Duration::from_secs(1))),
        JobState::Running { lease, .. } => Disposition::Defer(until(lease.until, now)),
        JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => Disposition::Acknowledge,
    }
}

/// From `now` to `at`, rounded up to whole seconds as queues count them, and one at least.
fn until(at: jiff::Timestamp, now: jiff::Timestamp) -> Duration {
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    Duration::from_secs(left.as_millis().div_ceil(1000).max(1) as u64)
}

/// The failure of a job whose attempts all ended without a word: the worker was killed each time.
pub(crate) fn interrupted() -> Failure {
    Failure {
        code: FailureCode::Interrupted,
        message: "every attempt to process the picture was interrupted; a very large picture may need more memory"
            .to_owned(),
        retryable: true,
    }
}

fn too_slow() -> Fault {
    Fault::retry(FailureCode::Interrupted, "the picture took too long to process; send the request again later")
}

fn storage_fault() -> Fault {
    Fault::retry(FailureCode::StorageUnavailable, "the storage did not answer; send the request again later")
}
