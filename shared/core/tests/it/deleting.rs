//! Deleting jobs: cancelled, refunded once, gone with all files, in whatever state a worker is.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::job::Deletion;
use cutline_core::domain::usage::EndCounts;
use cutline_core::ports::{Audit, JobFiles, Jobs, PortError};
use cutline_core::testing::ManualClock;
use cutline_core::usecases::{Delete, Sweep};
use cutline_core::{Clock as _, Job, JobId, JobState, LeaseToken, Policy};
use uuid::Uuid;

use crate::disturb::{Calls, disturb};
use crate::world::{FaultInjector, World};

async fn delete(world: &World, id: JobId) -> bool {
    world.delete(&FaultInjector::none()).run(&world.owner, id).await.expect("no fault")
}

/// Works and sweeps for this many minutes.
async fn run(world: &World, minutes: u64) {
    for _ in 0..minutes {
        world.work(&FaultInjector::none()).await;
        world.swept(&FaultInjector::none()).await;
        world.clock.advance(Duration::from_secs(60));
    }
}

async fn check_gone(world: &World, job: &Job, what: &str) {
    let tombstone = world.store.get(job.id).await.expect("get").expect("a tombstone");
    assert!(matches!(tombstone.state, JobState::Withdrawn { .. }), "{what}: {tombstone:?}");
    assert!(matches!(tombstone.deletion, Some(Deletion { next_at: None, .. })), "{what}: {tombstone:?}");
    assert_eq!((tombstone.due_at(), tombstone.deletion_due_at()), (None, None), "{what}");
    let record = serde_json::to_string(&tombstone).expect("serializes");
    assert!(!record.contains("example.com") && !record.contains("4711"), "{what}: {record}");
    assert!(world.blobs.keys().iter().all(|key| key.job() != job.id), "{what}: {:?}", world.blobs.keys());
    assert!(world.queue.bodies().is_empty(), "{what}");
}

#[tokio::test]
async fn a_queued_job_is_cancelled_and_refunded() {
    let world = World::new(Some(1)).await;
    let mut submission = world.submission(cutline_core::usecases::SubmittedSource::Url(
        "https://example.com/a.jpg?key=secret".parse().expect("a URL"),
    ));
    submission.external_id = "4711".parse().ok();
    let job = world.accepted(submission).await;
    assert_eq!(world.credits().await, Some(0));
    assert!(delete(&world, job.id).await);
    assert!(!delete(&world, job.id).await, "it is gone");
    assert_eq!(world.credits().await, Some(1), "refunded once");
    run(&world, 2).await;
    check_gone(&world, &job, "queued").await;
    assert_eq!(world.source.fetches.load(std::sync::atomic::Ordering::SeqCst), 0, "no worker began");
}

#[tokio::test]
async fn a_done_job_keeps_its_credit_spent() {
    let world = World::new(Some(1)).await;
    let job = world.submitted_clipping(b"photo").await;
    run(&world, 1).await;
    assert!(world.blobs.keys().len() > 3);
    assert!(delete(&world, job.id).await);
    run(&world, 1).await;
    check_gone(&world, &job, "done").await;
    assert_eq!(world.credits().await, Some(0));
}

/// The entry says who deleted the job in which state, and nothing of the job's own data.
#[tokio::test]
async fn a_deletion_is_in_the_audit_log() {
    let world = World::new(None).await;
    let mut submission = world.submission(cutline_core::usecases::SubmittedSource::Bytes("photo".into()));
    submission.external_id = "4711".parse().ok();
    let job = world.accepted(submission).await;
    run(&world, 1).await;
    let actor = Actor::Key("0a1b2c3d4e5f".to_owned());
    let deletion = Delete { actor: actor.clone(), ..world.delete(&FaultInjector::none()) };
    assert!(deletion.run(&world.owner, job.id).await.expect("no fault"));
    let entries = world.store.of_job(job.id, 10).await.expect("of job");
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((&entry.owner, &entry.actor, entry.at), (&world.owner, &actor, world.clock.now()));
    let record = serde_json::to_value(entry).expect("serializes");
    assert_eq!((&record["action"], &record["detail"]["state"]), (&"job.deleted".into(), &"done".into()), "{record}");
    assert!(!record.to_string().contains("4711"), "{record}");
    let counted = EndCounts { done: 1, ..EndCounts::default() };
    assert_eq!(world.ended().await, counted, "a deleted job stays counted, and is not counted again");
}

#[tokio::test]
async fn another_owner_deletes_nothing() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    let other = "other".parse().expect("an owner");
    assert!(!world.delete(&FaultInjector::none()).run(&other, job.id).await.expect("no fault"));
    run(&world, 1).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
    assert_eq!(world.audited().await, []);
}

/// The worker is stopped before each of its calls in turn, and continues after the deletion.
#[tokio::test]
async fn a_job_is_deleted_while_a_worker_is_at_any_call() {
    let mut call = 0;
    loop {
        let world = World::new(Some(1)).await;
        let job = world.submitted_clipping(b"photo").await;
        let faults = FaultInjector::pausing_at(call);
        let worker = world.work(&faults);
        let deletion = async {
            faults.paused().await;
            let ended = world.job(job.id).await.has_ended();
            assert!(delete(&world, job.id).await, "call {call}");
            world.swept(&FaultInjector::none()).await;
            faults.resume();
            ended
        };
        let mut worker = std::pin::pin!(worker);
        let ended = tokio::select! {
            biased;
            // It ended without a pause: every call had its turn.
            () = &mut worker => break,
            ended = deletion => ended,
        };
        worker.await;
        run(&world, 20).await;
        check_gone(&world, &job, &format!("call {call}")).await;
        assert_eq!(world.credits().await, Some(u64::from(!ended)), "call {call}: a pending job is refunded");
        call += 1;
    }
    assert!(call >= 8, "only {call} calls");
}

/// A call of the deletion or of the sweep after it fails, or the process is killed there.
#[tokio::test]
async fn a_fault_at_any_call_is_harmless() {
    for process in ["delete", "sweep"] {
        disturb(Calls::at_least(2), async |faults| {
            let world = World::new(Some(1)).await;
            let job = world.submitted(b"photo").await;
            let of = |name| if name == process { faults.clone() } else { FaultInjector::none() };
            let _ = faults.unless_killed(world.delete(&of("delete")).run(&world.owner, job.id)).await;
            // The client repeats a request that was not answered.
            delete(&world, job.id).await;
            world.swept(&of("sweep")).await;
            run(&world, 20).await;
            let what = format!("{process}, {faults}");
            check_gone(&world, &job, &what).await;
            assert_eq!(world.credits().await, Some(1), "{what}");
            assert_eq!(world.audited().await, [("job.deleted".to_owned(), Some(job.id))], "{what}: noted once");
            let ended = EndCounts { cancelled: 1, ..EndCounts::default() };
            assert_eq!(world.ended().await, ended, "{what}: counted once");
        })
        .await;
    }
}

#[tokio::test]
async fn a_deleted_drop_is_neither_delivered_nor_taken_in_again() {
    let world = World::new(None).await;
    let drop = world.drop_file("drops/shop/amazon-main/a.jpg", b"\x89PNG\r\n\x1A\nphoto");
    world.drop_ingest(&FaultInjector::none()).take(&drop).await.expect("taken in");
    let job = world.store.all_jobs().pop().expect("a job");
    assert!(delete(&world, job.id).await);
    world.drop_ingest(&FaultInjector::none()).take(&drop).await.expect("known");
    run(&world, 5).await;
    assert_eq!(world.store.all_jobs().len(), 1);
    assert_eq!(world.manifest("drops/shop/amazon-main/a.jpg"), None);
    check_gone(&world, &job, "a drop").await;
}

/// A store of files that deletes nothing.
struct Undeletable;

#[async_trait::async_trait]
impl JobFiles for Undeletable {
    async fn delete(&self, _: JobId) -> Result<(), PortError> {
        Err(PortError::fail("denied"))
    }

    async fn delete_outputs(&self, _: JobId, _: LeaseToken) -> Result<(), PortError> {
        Err(PortError::fail("denied"))
    }
}

#[tokio::test]
async fn deletions_delay_no_other_work() {
    let world = World::new(None).await;
    for _ in 0..1_200 {
        let job = world.submitted(b"photo").await;
        assert!(delete(&world, job.id).await);
    }
    world.clock.advance(Duration::from_secs(1));
    // A worker takes this job and is killed.
    let job = world.submitted(b"photo").await;
    let claimed = job.clone().claim(LeaseToken::new(Uuid::now_v7()), world.clock.now(), &world.policy).expect("claims");
    world.store.replace(&claimed).await.expect("replace");
    world.clock.advance(world.policy.lease);

    let sweep = world.sweep(&FaultInjector::none());
    let denied = Sweep { files: Arc::new(Undeletable), ..sweep.clone() }.run().await.expect("a sweep");
    assert_eq!((denied.requeued, denied.deleted, denied.errors), (1, 0, 500), "and the rest is left to the next sweep");
    assert!(!world.blobs.keys().is_empty());
    world.clock.advance(Duration::from_secs(3600));
    let report = sweep.run().await.expect("a sweep");
    assert_eq!((report.deleted, report.errors), (1_200, 0), "all of them in one sweep");
    assert_eq!(world.blobs.keys().iter().map(|key| key.job()).collect::<Vec<_>>(), [job.id]);
}

#[test]
fn a_tombstone_moves_with_the_clock() {
    let (clock, policy) = (ManualClock::new(), Policy::default());
    let job = Job::new(JobId::new(Uuid::now_v7()), samples::owner(), samples::spec(), clock.now(), &policy);
    let running = job.claim(LeaseToken::new(Uuid::now_v7()), clock.now(), &policy).expect("claims").job;
    let deleted = running.delete(clock.now(), &policy).expect("deletes").job;
    let hour = Duration::from_secs(3600);
    let now = clock.now() - hour;
    let earlier = deleted.clone().bring_forward(now, &policy).expect("is implausible").job;
    let deletion = deleted.deletion.clone().expect("a deletion");
    let expected = Deletion { next_at: Some(now), writes_until: deletion.writes_until - hour, ..deletion.clone() };
    assert_eq!(earlier.deletion, Some(expected));
    let later = deleted.clone().postpone(hour, clock.now() + hour, &policy).job;
    assert_eq!(later.deletion_due_at(), Some(clock.now() + hour));
    assert_eq!(later.deletion.map(|deletion| deletion.writes_until), Some(deletion.writes_until + hour));
    // The lease was written while the clock was ahead, the deletion after it was set back.
    let far = Deletion { writes_until: clock.now() + hour * 24, ..deletion };
    let stuck = Job { deletion: Some(far), ..deleted };
    let repaired = stuck.bring_forward(clock.now(), &policy).expect("is implausible").job;
    let latest = clock.now() + policy.lease + policy.max_attempt;
    assert_eq!(repaired.deletion.map(|deletion| deletion.writes_until), Some(latest));
}
