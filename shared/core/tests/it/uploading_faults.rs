//! Direct uploads under faults: for every call to a port in turn, the call fails before or after it took effect, or the
//! process is killed there.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::usecases::AcceptedJob;
use cutline_core::{FailureCode, JobState};

use crate::disturb::{Calls, disturb};
use crate::uploading::{OTHER, PHOTO, grant, identified, none, send, source, submission, uploaded};
use crate::world::{FaultInjector, World};

/// Works until nothing is left to do, and sweeps meanwhile.
async fn run_to_the_end(world: &World, faults: &Arc<FaultInjector>) {
    for _ in 0..30 {
        world.work(faults).await;
        world.clock.advance(Duration::from_secs(60));
        world.swept(&none()).await;
    }
}

/// One call of the worker fails before or after it took effect, or the worker is killed there; meanwhile the client
/// replaces the file or does not. The job ends once: from the file that it was accepted with, or with `source_changed`.
#[tokio::test]
async fn a_fault_at_any_call_of_a_worker_uses_the_pinned_file_or_none() {
    for replaced in [false, true] {
        disturb(Calls::at_least(8), async |faults| {
            let world = World::new(Some(2)).await;
            let key = uploaded(&world, &PHOTO).await;
            let job = world.accepted(submission(&world, key)).await;
            world.work(&faults).await;
            if replaced {
                assert!(world.uploads.put(key, OTHER));
            }
            run_to_the_end(&world, &none()).await;
            let ended = world.job(job.id).await;
            let what = format!("{faults}, replaced: {replaced}: {ended:?}");
            match &ended.state {
                JobState::Done { .. } => {
                    assert_eq!(source(&world, &ended).await, Some(PHOTO), "{what}");
                    assert_eq!(world.credits().await, Some(1), "{what}");
                }
                JobState::Failed { failure, .. } => {
                    assert!(replaced && failure.code == FailureCode::SourceChanged, "{what}");
                    assert_eq!((source(&world, &ended).await, world.credits().await), (None, Some(2)), "{what}");
                }
                state => panic!("{what}: {state:?}"),
            }
        })
        .await;
    }
}

/// A call of a request with a file key fails before or after it took effect, or the process is killed there.
#[tokio::test]
async fn a_fault_at_any_call_of_a_request_loses_no_job_and_no_credit() {
    disturb(Calls::at_least(6), async |faults| {
        let world = World::new(Some(5)).await;
        let key = uploaded(&world, &PHOTO).await;
        let answer = faults.unless_killed(world.submit(&faults).run(submission(&world, key))).await;
        run_to_the_end(&world, &none()).await;
        let jobs = world.store.all_jobs();
        let done = jobs.iter().filter(|job| matches!(job.state, JobState::Done { .. })).count();
        let what = format!("{faults}: {answer:?}, {jobs:?}");
        match &answer {
            Some(Ok(job)) => assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }), "{what}"),
            Some(Err(_)) => assert_eq!(done, 0, "{what}"),
            None => assert!(done <= 1, "{what}"),
        }
        assert_eq!(world.credits().await, Some(5 - done as u64), "{what}");
    })
    .await;
}

/// The same with an idempotency key: the client repeats its request until it is answered, and gets one job.
#[tokio::test]
async fn a_fault_at_any_call_of_a_repeated_request_leaves_one_job() {
    disturb(Calls::at_least(6), async |faults| {
        let world = World::new(Some(2)).await;
        let key = uploaded(&world, &PHOTO).await;
        let first = faults.unless_killed(world.submit(&faults).run(identified(&world, key))).await;
        let again = send(&world, identified(&world, key)).await.expect("accepted");
        let what = format!("{faults}: {first:?}, then {again:?}");
        if let Some(Ok(first)) = &first {
            assert_eq!(again, AcceptedJob { is_replay: true, ..*first }, "{what}");
        }
        run_to_the_end(&world, &none()).await;
        let jobs = world.store.all_jobs();
        assert!(matches!(&jobs[..], [job] if matches!(job.state, JobState::Done { .. })), "{what}: {jobs:?}");
        assert_eq!((jobs[0].id, world.credits().await), (again.id, Some(1)), "{what}");
    })
    .await;
}

/// A grant that fails leaves at most one open upload, which can be used or expires.
#[tokio::test]
async fn a_fault_at_any_call_of_a_grant_costs_one_place_at_most() {
    disturb(Calls::at_least(2), async |faults| {
        let world = World::new(None).await;
        let answer = faults.unless_killed(grant(&world, &faults, &PHOTO)).await;
        let open = world.uploads.open_uploads(&world.owner);
        let what = format!("{faults}: {answer:?}");
        match answer {
            Some(Ok(granted)) => {
                assert_eq!(open, 1, "{what}");
                assert!(world.uploads.put(granted.upload.key, PHOTO), "{what}");
                world.accepted(submission(&world, granted.upload.key)).await;
            }
            Some(Err(_)) | None => assert!(open <= 1, "{what}"),
        }
        assert!(faults.calls() <= 2, "{what}: a grant makes two calls");
    })
    .await;
}
