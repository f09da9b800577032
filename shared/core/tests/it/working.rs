//! The use cases where nothing, or one known thing, goes wrong.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::job::{Source, Step};
use cutline_core::ports::{
    Blobs, Jobs, Pipeline, PipelineInput, PipelineOutput, PortError, Progress, Stage, WriteError,
};
use cutline_core::testing::MemoryQueue;
use cutline_core::usecases::{Disposition, Process, SubmitError, SubmittedSource};
use cutline_core::{AssetKind, Clock, FailureCode, Fault, Ids, Job, JobState, StorageKey, Variation};

use crate::world::{Echo, FaultInjector, Trouble, World};

#[tokio::test]
async fn a_job_goes_from_its_bytes_to_its_picture() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    assert!(!job.charged, "an owner whose credits are not counted is not charged");
    world.work(&FaultInjector::none()).await;
    let job = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &job.state else { panic!("{job:?}") };
    assert_eq!((job.progress, job.attempts, outcome.pipeline_version.as_str()), (100, 1, "echo"));
    assert!(job.version <= 6, "at most six writes a job, and there were {}", job.version);
    assert!(world.queue.bodies().is_empty(), "its message is done with");
}

#[tokio::test]
async fn a_job_of_mode_clipping_has_both_pictures_the_path_and_the_matte() {
    let world = World::new(None).await;
    let job = world.submitted_clipping(b"photo").await;
    world.work(&FaultInjector::none()).await;
    let job = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &job.state else { panic!("{job:?}") };
    assert!(outcome.pictures.keys().eq(&[Variation::Background, Variation::Clipping]), "{outcome:?}");
    assert_eq!(outcome.final_picture, Variation::Clipping);
    assert!(outcome.assets.keys().eq(&[AssetKind::ClippingPath, AssetKind::Matte]), "{outcome:?}");
    assert_eq!(outcome.confidence.expect("is told").get(), 0.25);
    assert!(outcome.warnings.is_empty());
    let keys = outcome.pictures.values().map(|output| output.key);
    for key in keys.chain(outcome.assets.values().map(|asset| asset.key)) {
        assert_eq!(world.blobs.get(&key).await.expect("get").as_deref(), Some(&b"photo"[..]), "{key}");
    }
    assert!(job.version <= 6, "at most six writes a job, and there were {}", job.version);
}

#[tokio::test]
async fn without_an_honest_path_the_picture_is_there_and_the_path_is_not() {
    let world = World::new(None).await;
    let job = world.submitted_clipping(b"hair").await;
    world.work(&FaultInjector::none()).await;
    let job = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &job.state else { panic!("{job:?}") };
    assert!(outcome.pictures.keys().eq(&[Variation::Background, Variation::Clipping]), "{outcome:?}");
    assert_eq!(outcome.final_picture, Variation::Clipping);
    assert!(outcome.assets.keys().eq(&[AssetKind::Matte]), "{outcome:?}");
    assert_eq!(outcome.warnings["clipping"], ["hair"]);
}

#[tokio::test]
async fn no_subject_fails_a_job_in_every_mode() {
    let world = World::new(Some(2)).await;
    for job in [world.submitted(b"fault").await, world.submitted_clipping(b"fault").await] {
        world.work(&FaultInjector::none()).await;
        let job = world.job(job.id).await;
        let JobState::Failed { failure, .. } = &job.state else { panic!("{job:?}") };
        assert!(failure.code == FailureCode::NoSubject && !failure.retryable, "{failure:?}");
    }
    assert_eq!(world.credits().await, Some(2));
}

#[tokio::test]
async fn a_url_is_fetched_once_whatever_happens_after() {
    let world = World::new(None).await;
    let job = world.submitted_url().await;
    assert!(matches!(job.spec.source, Source::Url(_)));
    world.work(&FaultInjector::at_call(4, Trouble::KilledAfter)).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Running { .. }), "killed at work");
    world.clock.advance(Duration::from_secs(720));
    world.work(&FaultInjector::none()).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
    assert_eq!(world.source.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_fault_is_tried_again_where_that_may_help() {
    let world = World::new(Some(1)).await;
    *world.source.fault.lock().expect("lock") = Some(Fault::retry(FailureCode::SourceTimeout, "slow"));
    let job = world.submitted_url().await;
    assert_eq!(world.credits().await, Some(0));
    for (attempt, wait) in [(1, 10), (2, 40)] {
        world.work(&FaultInjector::none()).await;
        let waiting = world.job(job.id).await;
        assert!(matches!(waiting.state, JobState::Queued { .. }), "{waiting:?}");
        assert_eq!(waiting.attempts, attempt);
        world.clock.advance(Duration::from_secs(wait - 1));
        world.work(&FaultInjector::none()).await;
        assert_eq!(world.job(job.id).await.attempts, attempt, "not before its time");
        world.clock.advance(Duration::from_secs(1));
    }
    world.work(&FaultInjector::none()).await;
    let failed = world.job(job.id).await;
    let JobState::Failed { failure, .. } = failed.state else { panic!("{failed:?}") };
    assert_eq!(failure.code, FailureCode::SourceTimeout);
    assert!(failure.retryable, "what could have gone well may go well later");
    assert_eq!(world.credits().await, Some(1), "a failed job is not charged");
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_final_fault_ends_the_job_at_once() {
    let world = World::new(None).await;
    let (fault, panic) = (world.submitted(b"fault").await, world.submitted(b"panic").await);
    world.work(&FaultInjector::none()).await;
    for (job, expected) in [(fault, FailureCode::NoSubject), (panic, FailureCode::Internal)] {
        let job = world.job(job.id).await;
        let JobState::Failed { failure, .. } = &job.state else { panic!("{job:?}") };
        assert_eq!((failure.code, job.attempts), (expected, 1));
    }
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_second_worker_waits_for_the_first() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    let id = job.id;
    world.work(&FaultInjector::at_call(2, Trouble::KilledBefore)).await;
    world.clock.advance(Duration::from_secs(60));
    let second = world.process(&FaultInjector::none()).handle_job(id).await;
    assert_eq!(second, Disposition::Defer(Duration::from_secs(30)), "what remains of the first one's lease");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.process(&FaultInjector::none()).handle_job(id).await, Disposition::Acknowledge);
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
    assert_eq!(
        world.process(&FaultInjector::none()).handle_job(id).await,
        Disposition::Acknowledge,
        "there is nothing to do"
    );
}

#[tokio::test]
async fn messages_without_a_job_are_done_with_and_unreadable_ones_are_kept() {
    let world = World::new(None).await;
    let process = world.process(&FaultInjector::none());
    let nobody = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#;
    assert_eq!(process.handle(MemoryQueue::parse(nobody)).await, Disposition::Acknowledge);
    assert!(matches!(process.handle(MemoryQueue::parse("poison")).await, Disposition::Defer(_)));
}

#[tokio::test]
async fn without_credit_there_is_no_job() {
    let world = World::new(Some(0)).await;
    let submission = world.submission(SubmittedSource::Bytes(bytes::Bytes::from_static(b"photo")));
    let refused = world.submit(&FaultInjector::none()).run(submission).await;
    assert!(matches!(refused, Err(SubmitError::InsufficientCredits)), "{refused:?}");
    assert!(world.store.all_jobs().is_empty() && world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_worker_that_wakes_up_late_changes_nothing() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    // The first worker stands still right after its claim; the second takes over and finishes.
    let claimed = world.job(job.id).await.claim(world.ids.lease(), world.clock.now(), &world.policy).expect("claims");
    world.store.replace(&claimed).await.expect("stores the claim");
    let claimed = claimed.job;
    let JobState::Running { lease, .. } = claimed.state else { panic!("{claimed:?}") };
    world.clock.advance(world.policy.lease);
    world.work(&FaultInjector::none()).await;
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }));
    // Waking up, the first one's finish carries the version it knew.
    let outcome = samples::outcome(job.id, lease.token);
    let late = claimed.finish(lease.token, outcome, world.clock.now(), &world.policy).expect("it thinks so");
    assert!(matches!(world.store.replace(&late).await, Err(WriteError::Conflict)));
    assert_eq!(world.job(job.id).await, done);
}

/// A pipeline that takes as long as it takes until it is let go.
struct Slow(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl Pipeline for Slow {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        self.0.lock().expect("lock").recv().expect("is let go");
        Echo.run(input, progress)
    }
    fn version(&self) -> &str {
        "slow"
    }
}

/// A worker with that pipeline, and what lets it go.
fn slow_worker(world: &World) -> (Process, std::sync::mpsc::Sender<()>) {
    let (go, wait) = std::sync::mpsc::channel();
    let pipeline = std::sync::Arc::new(Slow(std::sync::Mutex::new(wait)));
    (world.process_with(pipeline), go)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_while_work_goes_on() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(10);
    let job = world.submitted(b"photo").await;
    let (process, go) = slow_worker(&world);
    let id = job.id;
    let worker = tokio::spawn(async move { process.handle_job(id).await });

    let lease = async || match world.job(job.id).await.state {
        JobState::Running { lease, .. } => Some(lease),
        JobState::Queued { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => None,
    };
    while lease().await.is_none() {
        tokio::task::yield_now().await;
    }
    let first = lease().await.expect("it runs");
    // Twice as long as a lease holds, in steps that are shorter than one.
    for _ in 0..4 {
        let before = lease().await.expect("it runs");
        world.clock.advance(world.policy.lease / 2);
        while lease().await.expect("it runs").until <= before.until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(lease().await.expect("it runs").token, first.token);
    go.send(()).expect("it waits");
    assert_eq!(worker.await.expect("ends"), Disposition::Acknowledge);
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }) && done.attempts == 1, "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_was_taken_stops_and_keeps_the_message() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(10);
    let job = world.submitted(b"photo").await;
    let (process, go) = slow_worker(&world);
    let id = job.id;
    let worker = tokio::spawn(async move { process.handle_job(id).await });
    // Another worker, whose clock is far ahead, takes the job over.
    let taken = loop {
        let current = world.job(job.id).await;
        let ahead = world.clock.now() + world.policy.lease * 2;
        if matches!(current.state, JobState::Running { step: Step::Background, .. })
            && let Ok(claim) = current.claim(world.ids.lease(), ahead, &world.policy)
            && world.store.replace(&claim).await.is_ok()
        {
            break claim.job;
        }
        tokio::task::yield_now().await;
    };
    let disposition = worker.await.expect("ends");
    assert_eq!(disposition, Disposition::Defer(Duration::from_secs(270)), "until the other one's lease runs out");
    assert_eq!(world.job(job.id).await, taken, "nothing of the other one's is touched");
    // The pipeline may wait for this, or may not have been started at all.
    let _started = go.send(());
}

#[tokio::test]
async fn a_job_whose_message_is_not_sent_is_withdrawn() {
    for trouble in [Trouble::FailsBefore, Trouble::FailsAfter] {
        let world = World::new(Some(1)).await;
        let submission = world.submission(SubmittedSource::Bytes(bytes::Bytes::from_static(b"photo")));
        // The owner, the source, the record, and then the message.
        let refused = world.submit(&FaultInjector::at_call(3, trouble)).run(submission).await;
        assert!(matches!(refused, Err(SubmitError::Unavailable(_))), "{refused:?}");
        let [job] = &world.store.all_jobs()[..] else { panic!("there is one record") };
        assert!(matches!(job.state, JobState::Withdrawn { .. }), "{job:?}");
        assert_eq!(world.credits().await, Some(1));
        world.work(&FaultInjector::none()).await;
        assert!(world.queue.bodies().is_empty(), "a message that was sent all the same finds nothing to do");
    }
}

#[tokio::test]
async fn a_write_that_was_made_though_its_answer_was_lost_costs_no_attempt() {
    // The job, the claim, the source; then the steps and the finish, with the picture and its matte before it.
    for write in [3, 4, 7] {
        let world = World::new(None).await;
        let job = world.submitted(b"photo").await;
        world.work(&FaultInjector::at_call(write, Trouble::FailsAfter)).await;
        let job = world.job(job.id).await;
        assert!(matches!(job.state, JobState::Done { .. }) && job.attempts == 1, "call {write}: {job:?}");
    }
}

/// What blocks for ever would otherwise hold its job, and be renewed, for ever.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_never_ends_is_given_up() {
    let mut world = World::new(None).await;
    world.policy.max_attempt = Duration::from_millis(50);
    world.policy.renew_every = Duration::from_millis(10);
    let job = world.submitted(b"photo").await;
    let (process, go) = slow_worker(&world);
    let disposition = process.handle_job(job.id).await;
    assert_eq!(disposition, Disposition::Defer(world.policy.first_backoff));
    let waiting = world.job(job.id).await;
    assert!(matches!(waiting.state, JobState::Queued { .. }) && waiting.attempts == 1, "{waiting:?}");
    go.send(()).expect("it still blocks its thread");
}

/// Four calls that each take a little less than the time to the next renewal are one renewal apart, not none.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_across_calls_too() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(100);
    let job = world.submitted_url().await;
    let slow = std::sync::Arc::new(SlowBlobs { blobs: world.blobs.clone(), each: Duration::from_millis(80) });
    let mut process = world.process(&FaultInjector::none());
    process.workshop.blobs = slow;
    assert_eq!(process.handle_job(job.id).await, Disposition::Acknowledge);
    let done = world.job(job.id).await;
    // Made, claimed, two steps, finished; what is more are renewals.
    assert!(done.version > 5, "no renewal in {} writes", done.version);
}

/// A blob store whose every call takes its time.
struct SlowBlobs {
    blobs: std::sync::Arc<cutline_core::testing::MemoryBlobs>,
    each: Duration,
}

#[async_trait::async_trait]
impl Blobs for SlowBlobs {
    async fn put(&self, key: &StorageKey, bytes: bytes::Bytes) -> Result<(), PortError> {
        tokio::time::sleep(self.each).await;
        self.blobs.put(key, bytes).await
    }
    async fn put_new(&self, key: &StorageKey, bytes: bytes::Bytes) -> Result<bool, PortError> {
        tokio::time::sleep(self.each).await;
        self.blobs.put_new(key, bytes).await
    }
    async fn get(&self, key: &StorageKey) -> Result<Option<bytes::Bytes>, PortError> {
        tokio::time::sleep(self.each).await;
        self.blobs.get(key).await
    }
}

/// A pipeline that tells what it is given to tell, and ends when there is nothing more.
struct Told(std::sync::Mutex<std::sync::mpsc::Receiver<(Stage, u8)>>);

impl Pipeline for Told {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        while let Ok((stage, percent)) = self.0.lock().expect("lock").recv() {
            progress(stage, percent);
        }
        Echo.run(input, &|_, _| {})
    }
    fn version(&self) -> &str {
        "told"
    }
}

/// A worker at a job whose pipeline is told what to tell.
struct AtWork<'a> {
    world: &'a World,
    job: Job,
    tell: std::sync::mpsc::Sender<(Stage, u8)>,
    worker: tokio::task::JoinHandle<Disposition>,
}

impl<'a> AtWork<'a> {
    fn on(world: &'a World, job: Job) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let pipeline = std::sync::Arc::new(Told(std::sync::Mutex::new(told)));
        let process = world.process_with(pipeline);
        let id = job.id;
        Self { world, job, tell, worker: tokio::spawn(async move { process.handle_job(id).await }) }
    }

    fn tell(&self, stage: Stage, percent: u8) {
        self.tell.send((stage, percent)).expect("it listens");
    }

    /// Waits until the record is so.
    async fn until(&self, is_so: impl Fn(&Job) -> bool) -> Job {
        // Long enough for any machine; what never comes must not hold the tests for ever.
        for _ in 0..60_000 {
            let job = self.world.job(self.job.id).await;
            if is_so(&job) {
                return job;
            }
            assert!(!self.worker.is_finished(), "the worker ended before: {job:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it never became so");
    }

    async fn end(self) -> Job {
        drop(self.tell);
        assert_eq!(self.worker.await.expect("ends"), Disposition::Acknowledge);
        self.world.job(self.job.id).await
    }
}

fn at(job: &Job) -> Option<Step> {
    match job.state {
        JobState::Running { step, .. } => Some(step),
        JobState::Queued { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_told_when_it_begins_and_halfway_through_a_long_one() {
    let mut world = World::new(None).await;
    world.policy.progress_after = Duration::ZERO;
    let work = AtWork::on(&world, world.submitted(b"photo").await);
    let begun = work.until(|job| at(job) == Some(Step::Background)).await;
    assert_eq!(begun.progress, 20);
    // What is early is not worth a write, and of what comes after the one that was, nothing is.
    work.tell(Stage::Background, 40);
    work.tell(Stage::Background, 60);
    let halfway = work.until(|job| job.progress > 20).await;
    assert_eq!((halfway.progress, at(&halfway)), (59, Some(Step::Background)));
    for percent in [70, 80, 20, 255] {
        work.tell(Stage::Background, percent);
    }
    // A stage that the mode does not have.
    work.tell(Stage::Clipping, 50);
    let done = work.end().await;
    assert_eq!((done.progress, done.version), (100, 6), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_mode_clipping_come_one_after_the_other_within_six_writes() {
    let mut world = World::new(None).await;
    world.policy.progress_after = Duration::ZERO;
    let work = AtWork::on(&world, world.submitted_clipping(b"photo").await);
    work.until(|job| at(job) == Some(Step::Background)).await;
    work.tell(Stage::Background, 60);
    work.tell(Stage::Clipping, 20);
    let clipping = work.until(|job| at(job) != Some(Step::Background)).await;
    assert_eq!((clipping.progress, at(&clipping)), (65, Some(Step::Clipping)));
    work.tell(Stage::Clipping, 90);
    // A stage that is over does not come again.
    work.tell(Stage::Background, 90);
    let done = work.end().await;
    assert_eq!((done.progress, done.version), (100, 6), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_tells_progress_for_nothing() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(20);
    let work = AtWork::on(&world, world.submitted_clipping(b"photo").await);
    work.until(|job| at(job) == Some(Step::Background)).await;
    work.tell(Stage::Background, 50);
    let renewed = work.until(|job| job.progress > 20).await;
    assert_eq!((renewed.progress, at(&renewed)), (40, Some(Step::Background)));
    work.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_after_the_lease_was_taken_changes_nothing() {
    let world = World::new(None).await;
    let work = AtWork::on(&world, world.submitted_clipping(b"photo").await);
    let running = work.until(|job| at(job) == Some(Step::Background)).await;
    let ahead = world.clock.now() + world.policy.lease * 2;
    let taken = running.claim(world.ids.lease(), ahead, &world.policy).expect("claims");
    world.store.replace(&taken).await.expect("is the other one's");
    work.tell(Stage::Clipping, 0);
    let disposition = work.worker.await.expect("ends");
    assert_eq!(disposition, Disposition::Defer(Duration::from_secs(270)), "until the other one's lease runs out");
    assert_eq!(world.job(work.job.id).await, taken.job, "nothing of the other one's is touched");
}

#[tokio::test]
async fn progress_that_cannot_be_told_costs_no_attempt() {
    // The job, the claim, the source; then each of the three steps, of which one fails. Where what asks whether it
    // was written fails too, the next write finds the record ahead of what the worker holds.
    for step in [3, 4, 5] {
        for (trouble, after) in [(Trouble::FailsBefore, 0), (Trouble::FailsAfter, 0), (Trouble::FailsAfter, 1)] {
            let world = World::new(None).await;
            let job = world.submitted_clipping(b"photo").await;
            world.work(&FaultInjector::at_call_and_after(step, trouble, after)).await;
            let job = world.job(job.id).await;
            let what = format!("{trouble:?} at {step} and {after} after: {job:?}");
            assert!(matches!(job.state, JobState::Done { .. }) && job.attempts == 1, "{what}");
            assert_eq!(job.version, if trouble == Trouble::FailsBefore { 5 } else { 6 }, "{what}");
        }
    }
}
