//! The intake stage: what a job needs is fetched and stored before its pictures are made.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cutline_core::domain::job::{JobStage, Route, Step};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Blobs, JobFiles, Jobs as _, Queue as _};
use cutline_core::testing::MemoryQueue;
use cutline_core::usecases::{Disposition, Intake, Submission, SubmittedSource};
use cutline_core::{Clock, FailureCode, Fault, Ids, Job, JobState, StorageKey};
use serde_json::{Value, json};

use crate::world::{FaultInjector, InjectedFault, World};

fn none() -> std::sync::Arc<FaultInjector> {
    FaultInjector::none()
}

async fn submitted_url(world: &World, lane: Lane) -> Job {
    let url = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
    world.accepted(Submission { lane, ..world.submission(url) }).await
}

async fn source(world: &World, job: &Job) -> Option<bytes::Bytes> {
    world.blobs.get(&StorageKey::Source { job: job.id }).await.expect("get")
}

#[tokio::test]
async fn a_url_is_fetched_at_intake_and_made_in_its_lane() {
    for lane in Lane::ALL {
        let world = World::new(None).await;
        let job = submitted_url(&world, lane).await;
        assert_eq!(world.queue.routes(), [Route { lane, stage: JobStage::Intake }]);
        assert_eq!((job.stage(), job.step(), job.progress), (Some(JobStage::Intake), None, 0));
        world.make(&none()).await;
        assert_eq!(world.job(job.id).await, job, "no maker touches it");
        world.fetch(&none()).await;
        let fetched = world.job(job.id).await;
        assert_eq!(world.queue.routes(), [Route { lane, stage: JobStage::Make }]);
        assert_eq!((fetched.stage(), fetched.progress), (Some(JobStage::Make), Step::Background.progress()));
        assert_eq!((fetched.attempts, fetched.intake_attempts, fetched.source_bytes), (0, 1, Some(9)));
        assert!(fetched.timings.contains_key(&Step::Fetch));
        assert_eq!(fetched.step(), Some(Step::Background), "its status never goes back to `queued`");
        world.make(&none()).await;
        let done = world.job(job.id).await;
        assert!(matches!(done.state, JobState::Done { .. }), "{done:?}");
        assert_eq!((done.attempts, done.intake_attempts), (1, 1));
        // Created, claimed, fetched; claimed, one step, finished.
        assert_eq!(done.version, 6);
        let steps: Vec<_> = done.timings.keys().copied().collect();
        assert_eq!(steps, [Step::Fetch, Step::Background, Step::Delivery], "of both stages");
        assert!(world.queue.bodies().is_empty());
    }
}

#[tokio::test]
async fn an_uploaded_photo_needs_no_intake() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    assert_eq!(job.route(), Route { lane: Lane::Live, stage: JobStage::Make });
    assert_eq!(world.queue.routes(), [job.route()]);
}

/// Attempts count per stage: two failed fetches leave three attempts for the pictures.
#[tokio::test]
async fn attempts_count_per_stage() {
    let world = World::new(Some(1)).await;
    *world.source.fault.lock().expect("lock") = Some(Fault::retry(FailureCode::SourceTimeout, "slow"));
    let job = submitted_url(&world, Lane::Live).await;
    for wait in [10, 40] {
        world.work(&none()).await;
        assert_eq!(world.queue.routes(), [job.route()], "it stays at intake");
        world.clock.advance(Duration::from_secs(wait));
    }
    *world.source.fault.lock().expect("lock") = None;
    world.fetch(&none()).await;
    assert_eq!(world.job(job.id).await.intake_attempts, 3);
    // Makers are killed twice.
    for _ in 0..2 {
        world.make(&FaultInjector::at_call(3, InjectedFault::KilledBefore)).await;
        world.clock.advance(Duration::from_secs(720));
    }
    world.make(&none()).await;
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }) && done.attempts == 3, "{done:?}");
}

#[tokio::test]
async fn a_fetch_that_fails_for_good_ends_the_job_and_refunds_it() {
    let world = World::new(Some(1)).await;
    *world.source.fault.lock().expect("lock") = Some(Fault::fail(FailureCode::SourceForbidden, "private"));
    let job = submitted_url(&world, Lane::Live).await;
    world.fetch(&none()).await;
    let failed = world.job(job.id).await;
    let JobState::Failed { failure, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!((failure.code, world.credits().await), (FailureCode::SourceForbidden, Some(1)));
    assert!(world.queue.bodies().is_empty());
}

/// A message that arrives late, twice or at the wrong stage is acknowledged, and costs the job nothing.
#[tokio::test]
async fn a_message_at_the_wrong_stage_is_acknowledged() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Bulk).await;
    let body = Message { job_id: job.id }.body();
    let at_make = async || world.process(&none()).handle(&body, MemoryQueue::parse(&body)).await;
    let at_intake = async || world.intake(&none()).handle(MemoryQueue::parse(&body)).await;
    // A maker passes it on, so the message is never lost.
    assert_eq!(at_make().await, Disposition::Acknowledge);
    assert_eq!(world.queue.routes(), [job.route(); 2]);
    assert_eq!(world.job(job.id).await, job);
    // Both copies are delivered to fetchers: one fetches, the other passes the job on again.
    world.fetch(&none()).await;
    let make = Route { stage: JobStage::Make, ..job.route() };
    assert_eq!(world.queue.routes(), [make; 2]);
    assert_eq!(world.source.fetches.load(Ordering::SeqCst), 1);
    world.make(&none()).await;
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }) && done.attempts == 1, "{done:?}");
    world.make(&none()).await;
    for late in [at_intake().await, at_make().await] {
        assert_eq!(late, Disposition::Acknowledge);
    }
    assert_eq!(world.job(job.id).await, done);
    assert!(world.queue.bodies().is_empty());
}

/// A fetcher and a maker hold the job in turn; each stage's messages leave the other's worker alone.
#[tokio::test]
async fn a_running_job_is_left_to_its_worker() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    world.fetch(&FaultInjector::at_call(2, InjectedFault::KilledBefore)).await;
    let running = world.job(job.id).await;
    assert!(matches!(running.state, JobState::Running { stage: JobStage::Intake, .. }));
    let body = Message { job_id: job.id }.body();
    let routes = world.queue.routes();
    assert_eq!(world.process(&none()).handle(&body, MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    assert_eq!((world.job(job.id).await, world.queue.routes()), (running, routes));
    assert_eq!(world.intake(&none()).handle_job(job.id).await, Disposition::Defer(Duration::from_secs(90)));
}

/// The content of the URL changes with every fetch; every attempt at every stage works on what was stored first.
#[tokio::test]
async fn all_attempts_use_the_bytes_that_were_stored_first() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    // Fetched and stored, but killed before the record says so.
    world.fetch(&FaultInjector::at_call(4, InjectedFault::KilledBefore)).await;
    assert_eq!(source(&world, &job).await.as_deref(), Some(&b"content 0"[..]));
    world.clock.advance(Duration::from_secs(720));
    world.fetch(&none()).await;
    world.make(&FaultInjector::at_call(4, InjectedFault::KilledBefore)).await;
    world.clock.advance(Duration::from_secs(720));
    world.make(&none()).await;
    let done = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &done.state else { panic!("{done:?}") };
    let picture = outcome.pictures[&outcome.final_picture].key;
    assert_eq!(world.blobs.get(&picture).await.expect("get").as_deref(), Some(&b"content 0"[..]));
    assert_eq!(world.source.fetches.load(Ordering::SeqCst), 1);
}

/// Two fetchers: the first one loses its lease while the host drips, and stores its bytes late.
#[tokio::test]
async fn a_late_fetcher_replaces_nothing() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    let faults = FaultInjector::pausing_at(3);
    let slow = world.intake(&faults);
    let overtake = async {
        faults.paused().await;
        world.clock.advance(world.policy.lease);
        assert_eq!(world.intake(&none()).handle_job(job.id).await, Disposition::Acknowledge);
        faults.resume();
    };
    let (late, ()) = tokio::join!(slow.handle_job(job.id), overtake);
    assert!(matches!(late, Disposition::Defer(_)), "the job is another's by now: {late:?}");
    assert_eq!(source(&world, &job).await.as_deref(), Some(&b"content 1"[..]), "of the fetcher that won");
    world.work(&none()).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
}

/// Releases without intake create such jobs: at `make`, with nothing stored.
#[tokio::test]
async fn a_job_of_a_release_without_intake_is_sent_back_to_it() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    let mut record = serde_json::to_value(&job).expect("serializes");
    record["state"].as_object_mut().expect("a state").remove("stage");
    record["version"] = json!(job.version + 1);
    let old: Job = serde_json::from_value(record).expect("is read");
    assert_eq!(old.stage(), Some(JobStage::Make));
    world.store.replace(&cutline_core::domain::job::Transition::without_effects(old)).await.expect("replace");
    let body = Message { job_id: job.id }.body();
    assert_eq!(world.process(&none()).handle(&body, MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    let back = world.job(job.id).await;
    assert_eq!((back.stage(), back.attempts), (Some(JobStage::Intake), 0));
    for _ in 0..2 {
        world.work(&none()).await;
    }
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_source_that_is_lost_again_and_again_fails_the_job() {
    let world = World::new(Some(1)).await;
    let job = submitted_url(&world, Lane::Live).await;
    for _ in 0..10 {
        world.fetch(&none()).await;
        JobFiles::delete(world.blobs.as_ref(), job.id).await.expect("delete");
        world.make(&none()).await;
    }
    let failed = world.job(job.id).await;
    let JobState::Failed { failure, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!((failure.code, failed.intake_attempts), (FailureCode::Internal, 3), "{failure:?}");
    assert_eq!((world.credits().await, world.source.fetches.load(Ordering::SeqCst)), (Some(1), 3));
}

#[tokio::test]
async fn the_sweep_repairs_a_job_at_its_own_stage() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Bulk).await;
    let lose = async || {
        for delivery in
            cutline_core::ports::Deliveries::receive(world.queue.as_ref(), 10, Duration::ZERO).await.expect("receive")
        {
            cutline_core::ports::Deliveries::delete(world.queue.as_ref(), &delivery.receipt).await.expect("delete");
        }
    };
    lose().await;
    world.clock.advance(Duration::from_secs(120));
    world.swept(&none()).await;
    assert_eq!(world.queue.routes(), [job.route()], "resent to bulk intake");
    // The fetcher dies.
    world.fetch(&FaultInjector::at_call(2, InjectedFault::KilledBefore)).await;
    lose().await;
    world.clock.advance(world.policy.lease);
    world.swept(&none()).await;
    // The dead fetcher's message is still hidden.
    assert_eq!(world.queue.routes(), [job.route(); 2], "queued again at intake");
    let body = Message { job_id: job.id }.body();
    let dead = world.sweep(&none()).dead_letter(&body, MemoryQueue::parse(&body)).await;
    assert_eq!((dead, world.queue.routes()), (Disposition::Acknowledge, vec![job.route(); 3]), "dead letters too");
    world.fetch(&none()).await;
    lose().await;
    world.clock.advance(Duration::from_secs(120));
    world.swept(&none()).await;
    let make = Route { stage: JobStage::Make, ..job.route() };
    assert_eq!(world.queue.routes(), [job.route(), make], "resent to bulk makers");
}

/// Pending time counts from the creation, not from the stage.
#[tokio::test]
async fn no_stage_starts_the_time_again() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    world.clock.advance(world.policy.max_pending - Duration::from_secs(1));
    world.fetch(&none()).await;
    assert_eq!(world.job(job.id).await.stage(), Some(JobStage::Make));
    world.clock.advance(Duration::from_secs(121));
    world.swept(&none()).await;
    let failed = world.job(job.id).await;
    assert!(matches!(&failed.state, JobState::Failed { failure, .. } if failure.code == FailureCode::TimedOut));
}

/// A host that drips until the invocation is about to end costs one attempt, in time to store the fault.
#[tokio::test(start_paused = true)]
async fn a_fetch_ends_before_its_host_does() {
    struct Dripping;
    #[async_trait::async_trait]
    impl cutline_core::ports::SourceFetcher for Dripping {
        async fn fetch(&self, _: &cutline_core::SourceUrl) -> Result<bytes::Bytes, Fault> {
            std::future::pending().await
        }
    }
    let mut world = World::new(None).await;
    world.policy.deadline_margin = Duration::from_secs(2);
    let job = submitted_url(&world, Lane::Live).await;
    let deadline = tokio::time::Instant::now() + Duration::from_millis(2_100);
    let mut intake = Intake { deadline: Some(deadline), ..world.intake(&none()) };
    intake.ports.fetcher = std::sync::Arc::new(Dripping);
    let disposition = intake.handle_job(job.id).await;
    assert!(tokio::time::Instant::now() < deadline);
    assert_eq!(disposition, Disposition::Defer(Duration::from_secs(10)));
    let waiting = world.job(job.id).await;
    assert_eq!((waiting.stage(), waiting.attempts), (Some(JobStage::Intake), 1));
}

#[tokio::test]
async fn deleting_a_job_between_its_stages_waits_for_late_fetchers() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    world.fetch(&none()).await;
    let fetched = world.job(job.id).await;
    let deleted = fetched.delete(world.clock.now(), &world.policy).expect("deletes").job;
    let deletion = deleted.deletion.clone().expect("a deletion");
    assert_eq!(deletion.writes_until, world.clock.now() + world.policy.max_attempt);
}

#[tokio::test]
async fn records_name_the_stage_only_at_intake() {
    let world = World::new(None).await;
    let job = submitted_url(&world, Lane::Live).await;
    let write = |job: &Job| -> Value { serde_json::to_value(job).expect("serializes") };
    assert_eq!(write(&job)["state"]["stage"], "intake");
    let (now, token) = (world.clock.now(), world.ids.lease());
    let running = job.claim(token, now, &world.policy).expect("claims").job;
    assert_eq!(write(&running)["state"]["stage"], "intake");
    assert!(
        running
            .clone()
            .finish(token, cutline_core::contract::samples::outcome(running.id, token), now, &world.policy)
            .is_err()
    );
    let fetched = running.fetched(token, now, &world.policy).expect("fetched").job;
    let record = write(&fetched);
    assert_eq!((record["state"].get("stage"), &record["intake_attempts"]), (None, &json!(1)));
    assert_eq!(record.get("needs"), None, "the previous release reads and finishes it");
    assert_eq!(serde_json::from_value::<Job>(record).expect("is read"), fetched);
    let again = fetched.clone().claim(token, now, &world.policy).expect("claims").job;
    assert!(matches!(again.state, JobState::Running { stage: JobStage::Make, step: Step::Background, .. }));
    assert!(again.clone().fetched(token, now, &world.policy).is_err());
    assert_eq!(
        again.give_up(token, Fault::retry(FailureCode::Internal, ""), now, &world.policy).expect("ends").job.stage(),
        Some(JobStage::Make)
    );
    assert!(world.queue.length(Route::ALL[2]).await.expect("length") > 0);
}
