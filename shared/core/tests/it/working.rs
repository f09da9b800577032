//! The use cases without faults, and with single known ones.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::job::{Source, Step};
use cutline_core::ports::{
    Blobs, ImageWorkers, Jobs, Pipeline, PipelineInput, PipelineOutput, PortError, Progress, Stage, WriteError,
};
use cutline_core::testing::MemoryQueue;
use cutline_core::usecases::{Disposition, Process, SubmitError, SubmittedSource, Workshop};
use cutline_core::{AssetKind, Clock, FailureCode, Fault, Ids, Job, JobState, OwnerId, StorageKey, Variation};

use crate::world::{Echo, FaultInjector, InjectedFault, World};

#[tokio::test]
async fn a_job_turns_its_source_into_a_picture() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    assert!(!job.charged, "uncounted credits are not debited");
    world.work(&FaultInjector::none()).await;
    let job = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &job.state else { panic!("{job:?}") };
    assert_eq!((job.progress, job.attempts, outcome.pipeline_version.as_str()), (100, 1, "echo"));
    assert!(job.version <= 6, "at most six writes a job, and there were {}", job.version);
    assert!(world.queue.bodies().is_empty(), "the message is deleted");
}

#[tokio::test]
async fn mode_clipping_makes_both_pictures_the_path_and_the_matte() {
    let world = World::new(None).await;
    let job = world.submitted_clipping(b"photo").await;
    world.work(&FaultInjector::none()).await;
    let job = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &job.state else { panic!("{job:?}") };
    assert!(outcome.pictures.keys().eq(&[Variation::Background, Variation::Clipping]), "{outcome:?}");
    assert_eq!(outcome.final_picture, Variation::Clipping);
    assert!(outcome.assets.keys().eq(&[AssetKind::ClippingPath, AssetKind::Matte]), "{outcome:?}");
    assert_eq!(outcome.confidence.expect("a confidence").get(), 0.25);
    assert!(outcome.warnings.is_empty());
    let keys = outcome.pictures.values().map(|output| output.key);
    for key in keys.chain(outcome.assets.values().map(|asset| asset.key)) {
        assert_eq!(world.blobs.get(&key).await.expect("get").as_deref(), Some(&b"photo"[..]), "{key}");
    }
    assert!(job.version <= 6, "at most six writes a job, and there were {}", job.version);
}

#[tokio::test]
async fn an_untraceable_outline_yields_the_picture_without_a_path() {
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
async fn a_missing_subject_fails_the_job_in_every_mode() {
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
async fn a_url_is_fetched_once_though_the_worker_is_killed() {
    let world = World::new(None).await;
    let job = world.submitted_url().await;
    assert!(matches!(job.spec.source, Source::Url(_)));
    // Calls: the job, the claim, the look for a stored source, its storage.
    world.fetch(&FaultInjector::at_call(3, InjectedFault::KilledAfter)).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Running { .. }), "killed at work");
    world.clock.advance(Duration::from_secs(720));
    world.work(&FaultInjector::none()).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
    assert_eq!(world.source.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn transient_faults_are_retried() {
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
    assert!(failure.retryable, "a transient fault is worth another request");
    assert_eq!(world.credits().await, Some(1), "a failed job is refunded");
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn permanent_faults_fail_the_job_at_once() {
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
    world.work(&FaultInjector::at_call(2, InjectedFault::KilledBefore)).await;
    world.clock.advance(Duration::from_secs(60));
    let second = world.process(&FaultInjector::none()).handle_job(id).await;
    assert_eq!(second, Disposition::Defer(Duration::from_secs(30)), "the rest of the first worker's lease");
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
async fn messages_without_a_job_are_acknowledged_and_unreadable_ones_deferred() {
    let world = World::new(None).await;
    let process = world.process(&FaultInjector::none());
    let nobody = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#;
    assert_eq!(process.handle(nobody, MemoryQueue::parse(nobody)).await, Disposition::Acknowledge);
    assert!(matches!(process.handle("poison", MemoryQueue::parse("poison")).await, Disposition::Defer(_)));
}

#[tokio::test]
async fn rejects_a_job_without_credit() {
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
    // The first worker pauses right after its claim; the second one takes over and finishes.
    let claimed = world.job(job.id).await.claim(world.ids.lease(), world.clock.now(), &world.policy).expect("claims");
    world.store.replace(&claimed).await.expect("stores the claim");
    let claimed = claimed.job;
    let JobState::Running { lease, .. } = claimed.state else { panic!("{claimed:?}") };
    world.clock.advance(world.policy.lease);
    world.work(&FaultInjector::none()).await;
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }));
    // The first one wakes up and finishes with the version it knew.
    let outcome = samples::outcome(job.id, lease.token);
    let late = claimed.finish(lease.token, outcome, world.clock.now(), &world.policy).expect("finishes");
    assert!(matches!(world.store.replace(&late).await, Err(WriteError::Conflict)));
    assert_eq!(world.job(job.id).await, done);
}

/// A pipeline that waits until the test lets it continue.
struct BlockedPipeline(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl Pipeline for BlockedPipeline {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        self.0.lock().expect("lock").recv().expect("continues");
        Echo.run(input, progress)
    }
    fn memory_needed(&self, _: &PipelineInput) -> u64 {
        0
    }
    fn version(&self) -> &str {
        "slow"
    }
}

/// A worker with that pipeline, and the channel that lets it continue.
fn blocked_worker(world: &World) -> (Process, std::sync::mpsc::Sender<()>) {
    let (go, wait) = std::sync::mpsc::channel();
    let pipeline = BlockedPipeline(std::sync::Mutex::new(wait));
    (world.process_with(pipeline), go)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_renewed_during_the_work() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(10);
    let job = world.submitted(b"photo").await;
    let (process, go) = blocked_worker(&world);
    let id = job.id;
    let worker = tokio::spawn(async move { process.handle_job(id).await });

    let lease = async || match world.job(job.id).await.state {
        JobState::Running { lease, .. } => Some(lease),
        JobState::Queued { .. }
        | JobState::Review { .. }
        | JobState::Done { .. }
        | JobState::Failed { .. }
        | JobState::Withdrawn { .. } => None,
    };
    while lease().await.is_none() {
        tokio::task::yield_now().await;
    }
    let first = lease().await.expect("runs");
    // Twice the length of a lease, in steps shorter than one.
    for _ in 0..4 {
        let before = lease().await.expect("runs");
        world.clock.advance(world.policy.lease / 2);
        while lease().await.expect("runs").until <= before.until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(lease().await.expect("runs").token, first.token);
    go.send(()).expect("waits");
    assert_eq!(worker.await.expect("ends"), Disposition::Acknowledge);
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }) && done.attempts == 1, "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_loses_its_lease_stops_and_keeps_the_message() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(10);
    let job = world.submitted(b"photo").await;
    let (process, go) = blocked_worker(&world);
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
    assert_eq!(disposition, Disposition::Defer(Duration::from_secs(270)), "until the other worker's lease expires");
    assert_eq!(world.job(job.id).await, taken, "the other worker's record is unchanged");
    // The pipeline may be waiting for this, or may not have started.
    let _started = go.send(());
}

/// A picture that is not made before the invocation is about to end costs one attempt, in time to store the fault.
#[tokio::test(start_paused = true)]
async fn an_attempt_ends_before_its_host_does() {
    /// Never answers.
    struct Endless;
    #[async_trait::async_trait]
    impl ImageWorkers for Endless {
        async fn run(&self, _: &OwnerId, _: PipelineInput, _: &Progress<'_>) -> Result<PipelineOutput, Fault> {
            std::future::pending().await
        }
        fn version(&self) -> &str {
            "endless"
        }
    }
    let mut world = World::new(None).await;
    world.policy.deadline_margin = Duration::from_secs(2);
    let job = world.submitted(b"photo").await;
    let deadline = tokio::time::Instant::now() + Duration::from_millis(2_100);
    let process = world.process(&FaultInjector::none());
    let workshop = Workshop { image_workers: Arc::new(Endless), ..process.workshop };
    let process = Process { workshop, deadline: Some(deadline), ..process };
    let disposition = process.handle_job(job.id).await;
    assert!(tokio::time::Instant::now() < deadline);
    assert!(matches!(disposition, Disposition::Defer(_)), "{disposition:?}");
    let waiting = world.job(job.id).await;
    assert!(matches!(waiting.state, JobState::Queued { .. }) && waiting.attempts == 1, "{waiting:?}");
}

#[tokio::test]
async fn a_job_whose_message_cannot_be_sent_is_withdrawn() {
    for injected in [InjectedFault::FailsBefore, InjectedFault::FailsAfter] {
        let world = World::new(Some(1)).await;
        let submission = world.submission(SubmittedSource::Bytes(bytes::Bytes::from_static(b"photo")));
        // Calls: the owner, the source, the record, and then the message.
        let refused = world.submit(&FaultInjector::at_call(3, injected)).run(submission).await;
        assert!(matches!(refused, Err(SubmitError::Unavailable(_))), "{refused:?}");
        let [job] = &world.store.all_jobs()[..] else { panic!("there is one record") };
        assert!(matches!(job.state, JobState::Withdrawn { .. }), "{job:?}");
        assert_eq!(world.credits().await, Some(1));
        world.work(&FaultInjector::none()).await;
        assert!(world.queue.bodies().is_empty(), "a message that was sent nevertheless finds a withdrawn job");
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_costs_no_attempt() {
    // Calls: the job, the claim, the source; then the steps, the picture and its matte, and the finish.
    for write in [3, 4, 7] {
        let world = World::new(None).await;
        let job = world.submitted(b"photo").await;
        world.work(&FaultInjector::at_call(write, InjectedFault::FailsAfter)).await;
        let job = world.job(job.id).await;
        assert!(matches!(job.state, JobState::Done { .. }) && job.attempts == 1, "call {write}: {job:?}");
    }
}

/// A call that blocks forever would otherwise keep its job, and renew its lease, forever.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_attempt_is_given_up() {
    let mut world = World::new(None).await;
    world.policy.max_attempt = Duration::from_millis(50);
    world.policy.renew_every = Duration::from_millis(10);
    let job = world.submitted(b"photo").await;
    let (process, go) = blocked_worker(&world);
    let disposition = process.handle_job(job.id).await;
    assert_eq!(disposition, Disposition::Defer(world.policy.first_backoff));
    let waiting = world.job(job.id).await;
    assert!(matches!(waiting.state, JobState::Queued { .. }) && waiting.attempts == 1, "{waiting:?}");
    go.send(()).expect("the thread is still blocked");
}

/// Four calls that each take a little less than the renewal interval still need renewals between them.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_renewed_across_calls() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(100);
    let job = world.submitted_url().await;
    let slow = std::sync::Arc::new(SlowBlobs { blobs: world.blobs.clone(), each: Duration::from_millis(80) });
    let mut intake = world.intake(&FaultInjector::none());
    intake.ports.blobs = slow.clone();
    let mut process = world.process(&FaultInjector::none());
    process.workshop.blobs = slow;
    assert_eq!(intake.handle_job(job.id).await, Disposition::Acknowledge);
    let fetched = world.job(job.id).await;
    // Created, claimed, fetched; the rest are renewals.
    assert!(fetched.version > 3, "no renewal in {} writes", fetched.version);
    assert_eq!(process.handle_job(job.id).await, Disposition::Acknowledge);
    let done = world.job(job.id).await;
    // Claimed, one step, finished.
    assert!(done.version > fetched.version + 3, "no renewal in {} writes", done.version);
}

/// A blob store with slow calls.
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
    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError> {
        tokio::time::sleep(self.each).await;
        self.blobs.copy(from, to).await
    }
}

/// A pipeline that reports the progress that the test sends, and ends when the test closes the channel.
struct ScriptedPipeline(std::sync::Mutex<std::sync::mpsc::Receiver<(Stage, u8)>>);

impl Pipeline for ScriptedPipeline {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        while let Ok((stage, percent)) = self.0.lock().expect("lock").recv() {
            progress(stage, percent);
        }
        Echo.run(input, &|_, _| {})
    }
    fn memory_needed(&self, _: &PipelineInput) -> u64 {
        0
    }
    fn version(&self) -> &str {
        "scripted"
    }
}

/// A worker at a job whose pipeline the test scripts.
struct ScriptedWorker<'a> {
    world: &'a World,
    job: Job,
    progress: std::sync::mpsc::Sender<(Stage, u8)>,
    worker: tokio::task::JoinHandle<Disposition>,
}

impl<'a> ScriptedWorker<'a> {
    fn on(world: &'a World, job: Job) -> Self {
        let (progress, script) = std::sync::mpsc::channel();
        let pipeline = ScriptedPipeline(std::sync::Mutex::new(script));
        let process = world.process_with(pipeline);
        let id = job.id;
        Self { world, job, progress, worker: tokio::spawn(async move { process.handle_job(id).await }) }
    }

    fn report(&self, stage: Stage, percent: u8) {
        self.progress.send((stage, percent)).expect("the pipeline runs");
    }

    /// Waits until the record meets the condition.
    async fn until(&self, condition: impl Fn(&Job) -> bool) -> Job {
        // Long enough for any machine, but not forever.
        for _ in 0..60_000 {
            let job = self.world.job(self.job.id).await;
            if condition(&job) {
                return job;
            }
            assert!(!self.worker.is_finished(), "the worker ended before: {job:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the record never met the condition");
    }

    async fn end(self) -> Job {
        drop(self.progress);
        assert_eq!(self.worker.await.expect("ends"), Disposition::Acknowledge);
        self.world.job(self.job.id).await
    }
}

fn at(job: &Job) -> Option<Step> {
    match job.state {
        JobState::Running { step, .. } => Some(step),
        JobState::Queued { .. }
        | JobState::Review { .. }
        | JobState::Done { .. }
        | JobState::Failed { .. }
        | JobState::Withdrawn { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_written_when_a_step_begins_and_halfway_through_a_long_one() {
    let mut world = World::new(None).await;
    world.policy.progress_after = Duration::ZERO;
    let work = ScriptedWorker::on(&world, world.submitted(b"photo").await);
    let begun = work.until(|job| at(job) == Some(Step::Background)).await;
    assert_eq!(begun.progress, 20);
    // Early progress is not worth a write, and neither is any after the halfway one.
    work.report(Stage::Background, 40);
    work.report(Stage::Background, 60);
    let halfway = work.until(|job| job.progress > 20).await;
    assert_eq!((halfway.progress, at(&halfway)), (59, Some(Step::Background)));
    for percent in [70, 80, 20, 255] {
        work.report(Stage::Background, percent);
    }
    // A stage that the mode lacks.
    work.report(Stage::Clipping, 50);
    let done = work.end().await;
    assert_eq!((done.progress, done.version), (100, 6), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_mode_clipping_take_six_writes() {
    let mut world = World::new(None).await;
    world.policy.progress_after = Duration::ZERO;
    let work = ScriptedWorker::on(&world, world.submitted_clipping(b"photo").await);
    work.until(|job| at(job) == Some(Step::Background)).await;
    work.report(Stage::Background, 60);
    work.report(Stage::Clipping, 20);
    let clipping = work.until(|job| at(job) != Some(Step::Background)).await;
    assert_eq!((clipping.progress, at(&clipping)), (65, Some(Step::Clipping)));
    work.report(Stage::Clipping, 90);
    // A stage that is over does not return.
    work.report(Stage::Background, 90);
    let done = work.end().await;
    assert_eq!((done.progress, done.version), (100, 6), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_stores_progress_too() {
    let mut world = World::new(None).await;
    world.policy.renew_every = Duration::from_millis(20);
    let work = ScriptedWorker::on(&world, world.submitted_clipping(b"photo").await);
    work.until(|job| at(job) == Some(Step::Background)).await;
    work.report(Stage::Background, 50);
    let renewed = work.until(|job| job.progress > 20).await;
    assert_eq!((renewed.progress, at(&renewed)), (40, Some(Step::Background)));
    work.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_after_a_lost_lease_changes_nothing() {
    let world = World::new(None).await;
    let work = ScriptedWorker::on(&world, world.submitted_clipping(b"photo").await);
    let running = work.until(|job| at(job) == Some(Step::Background)).await;
    let ahead = world.clock.now() + world.policy.lease * 2;
    let taken = running.claim(world.ids.lease(), ahead, &world.policy).expect("claims");
    world.store.replace(&taken).await.expect("stores the other claim");
    work.report(Stage::Clipping, 0);
    let disposition = work.worker.await.expect("ends");
    assert_eq!(disposition, Disposition::Defer(Duration::from_secs(270)), "until the other worker's lease expires");
    assert_eq!(world.job(work.job.id).await, taken.job, "the other worker's record is unchanged");
}

#[tokio::test]
async fn progress_that_cannot_be_written_costs_no_attempt() {
    // Calls: the job, the claim, the source; then each of the three steps, of which one fails. If reading back fails
    // too, the next write finds the record ahead of the worker.
    for step in [3, 4, 5] {
        for (injected, after) in
            [(InjectedFault::FailsBefore, 0), (InjectedFault::FailsAfter, 0), (InjectedFault::FailsAfter, 1)]
        {
            let world = World::new(None).await;
            let job = world.submitted_clipping(b"photo").await;
            world.work(&FaultInjector::at_call_and_after(step, injected, after)).await;
            let job = world.job(job.id).await;
            let what = format!("{injected:?} at {step} and {after} after: {job:?}");
            assert!(matches!(job.state, JobState::Done { .. }) && job.attempts == 1, "{what}");
            assert_eq!(job.version, if injected == InjectedFault::FailsBefore { 5 } else { 6 }, "{what}");
        }
    }
}
