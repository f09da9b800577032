//! Recuts under faults: for every call that any process makes to any port, in turn, the call fails, or the process is killed.

use std::time::Duration;

use cutline_core::domain::usage::EndCounts;
use cutline_core::usecases::RecutRequest;
use cutline_core::{Job, JobState};

use crate::disturb::{Calls, disturb};
use crate::recutting::{FIRST, click, held, none, recut, revision};
use crate::world::{FaultInjector, InjectedFault, World};

/// Works and sweeps for an hour.
async fn settle(world: &World) {
    for _ in 0..60 {
        world.clock.advance(Duration::from_secs(60));
        world.swept(&none()).await;
        world.work(&none()).await;
    }
}

/// The job is held with its second revision, whose files are stored, and nobody paid again.
async fn check(world: &World, job: &Job, what: &str) {
    let job = world.job(job.id).await;
    assert_eq!(revision(&job).get(), 2, "{what}");
    let keys = world.blobs.keys();
    let outcome = job.outcome().expect("a draft");
    let stored =
        outcome.pictures.values().map(|picture| picture.key).chain(outcome.assets.values().map(|asset| asset.key));
    for key in stored {
        assert!(keys.contains(&key), "{what}: {key} is missing");
    }
    assert_eq!((world.credits().await, world.ended().await), (Some(0), EndCounts::default()), "{what}");
    assert!(world.queue.bodies().is_empty(), "{what}");
}

/// The reviewer got no answer, or an error, and sends the request again.
#[tokio::test]
async fn a_recut_is_accepted_once_whatever_fails() {
    disturb(Calls::at_least(3), async |faults| {
        let world = World::new(Some(1)).await;
        let job = held(&world).await;
        let request = RecutRequest { revision: Some(FIRST), changes: click(), mask: None };
        let use_case = world.recut("anna", &faults);
        let first = faults.unless_killed(use_case.run(&world.owner, None, job.id, &request, None)).await;
        if let Some(Ok(accepted)) = first {
            assert_eq!(accepted.id, job.id);
        }
        recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
        settle(&world).await;
        let what = faults.to_string();
        check(&world, &job, &what).await;
        assert_eq!(world.audited().await.len(), 1, "{what}");
    })
    .await;
}

/// A request that was acknowledged is never lost, even if nobody repeats it.
#[tokio::test]
async fn an_accepted_recut_is_finished_whatever_fails_later() {
    disturb(Calls::at_least(8), async |faults| {
        let world = World::new(Some(1)).await;
        let job = held(&world).await;
        recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
        world.work(&faults).await;
        // At every moment there is a draft to look at.
        let meanwhile = world.job(job.id).await;
        assert!(meanwhile.outcome().is_some(), "{meanwhile:?}");
        settle(&world).await;
        check(&world, &job, &faults.to_string()).await;
    })
    .await;
}

/// Every worker is killed: the job returns with its draft once its attempts are spent.
#[tokio::test]
async fn a_recut_that_kills_its_workers_ends() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    for _ in 0..60 {
        world.work(&FaultInjector::at_call(3, InjectedFault::KilledBefore)).await;
        world.clock.advance(Duration::from_secs(60));
        world.swept(&none()).await;
    }
    let back = world.job(job.id).await;
    assert!(matches!(back.state, JobState::Review { revision, .. } if revision == FIRST), "{back:?}");
    assert_eq!(back.outcome().map(|outcome| &outcome.pictures), job.outcome().map(|outcome| &outcome.pictures));
    assert_eq!((world.credits().await, world.ended().await), (Some(0), EndCounts::default()));
}

/// The sweep deletes replaced files whatever fails, and never those of the draft.
#[tokio::test]
async fn replaced_files_are_deleted_whatever_fails() {
    disturb(Calls::at_least(4), async |faults| {
        let world = World::new(Some(1)).await;
        let first = held(&world).await;
        let lease = first.outcome().and_then(|outcome| outcome.lease());
        recut(&world, first.id, FIRST, click(), "anna").await.expect("accepted");
        world.work(&none()).await;
        world.clock.advance(Duration::from_secs(3_600));
        world.swept(&faults).await;
        settle(&world).await;
        let what = faults.to_string();
        check(&world, &first, &what).await;
        assert!(world.blobs.keys().iter().all(|key| key.lease() != lease), "{what}");
        let job = world.job(first.id).await;
        assert_eq!((job.replaced.len(), job.deletion_due_at()), (0, None), "{what}");
    })
    .await;
}
