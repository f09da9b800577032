//! Requests with an idempotency key become one job, however often and however concurrently they are sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::idempotency::IdempotencyKey;
use cutline_core::usecases::{AcceptedJob, Submission, SubmitError, SubmittedSource};
use cutline_core::{Clock as _, JobId, JobState, Mode};
use futures::future::join_all;

use crate::disturb::{Calls, disturb};
use crate::world::{FaultInjector, InjectedFault, World};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn key(text: &str) -> Option<IdempotencyKey> {
    Some(text.parse().expect("a key"))
}

fn request(world: &World, photo: &'static [u8]) -> Submission {
    let source = SubmittedSource::Bytes(Bytes::from_static(photo));
    Submission { idempotency_key: key("order 4711".replace(' ', "-").as_str()), ..world.submission(source) }
}

async fn send(world: &World, submission: Submission) -> Result<AcceptedJob, SubmitError> {
    world.submit(&FaultInjector::none()).run(submission).await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_stores_nothing() {
    let world = World::new(Some(1)).await;
    let first = send(&world, request(&world, b"photo")).await.expect("accepted");
    assert!(!first.is_replay);
    for wait in [Duration::ZERO, DAY / 2] {
        world.clock.advance(wait);
        let again = send(&world, request(&world, b"photo")).await.expect("accepted, although no credit is left");
        assert_eq!(again, AcceptedJob { is_replay: true, ..first });
    }
    assert_eq!((world.store.all_jobs().len(), world.blobs.keys().len()), (1, 1));
    assert_eq!((world.credits().await, world.queue.bodies().len()), (Some(0), 1));
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let world = World::new(None).await;
    send(&world, request(&world, b"photo")).await.expect("accepted");
    let others = [request(&world, b"another photo"), Submission { mode: Mode::Clipping, ..request(&world, b"photo") }];
    for other in others {
        let refused = send(&world, other).await;
        assert!(matches!(refused, Err(SubmitError::KeyReused)), "{refused:?}");
    }
    let another_key = Submission { idempotency_key: key("other"), ..request(&world, b"photo") };
    let another_owner = Submission { owner: "other".parse().expect("an owner"), ..request(&world, b"photo") };
    for other in [another_key, another_owner] {
        assert!(!send(&world, other).await.expect("accepted").is_replay);
    }
    assert_eq!(world.store.all_jobs().len(), 3);
}

#[tokio::test]
async fn an_expired_key_blocks_nothing() {
    let world = World::new(None).await;
    let first = send(&world, request(&world, b"photo")).await.expect("accepted");
    world.clock.advance(DAY);
    // The store still holds the key.
    let second = send(&world, request(&world, b"another photo")).await.expect("accepted");
    assert!(!second.is_replay && second.id != first.id);
    assert!(send(&world, request(&world, b"another photo")).await.expect("accepted").is_replay);
}

#[tokio::test]
async fn a_replay_outlives_the_job() {
    let world = World::new(None).await;
    let first = send(&world, request(&world, b"photo")).await.expect("accepted");
    assert!(world.delete(&FaultInjector::none()).run(&world.owner, first.id).await.expect("deleted"));
    let again = send(&world, request(&world, b"photo")).await.expect("accepted");
    assert_eq!(again, AcceptedJob { is_replay: true, ..first });
    assert!(!world.job(first.id).await.is_visible_to(&world.owner, world.clock.now()));
}

#[tokio::test]
async fn a_rejected_request_is_not_remembered() {
    let world = World::new(Some(0)).await;
    let refused = send(&world, request(&world, b"photo")).await;
    assert!(matches!(refused, Err(SubmitError::InsufficientCredits)), "{refused:?}");
    let owner = cutline_core::domain::keys::Owner::unlimited(world.owner.clone());
    let owner = cutline_core::domain::keys::Owner { credits: Some(1), ..owner };
    samples::put_owner(world.store.as_ref(), &owner).await;
    assert!(!send(&world, request(&world, b"another photo")).await.expect("accepted").is_replay);
}

/// Every request pauses once before one of its calls, so that they meet there.
#[tokio::test]
async fn equal_requests_at_the_same_time_become_one_job() {
    for call in 0..4 {
        let world = World::new(Some(1)).await;
        let faults: Vec<_> = (0..3).map(|_| FaultInjector::pausing_at(call)).collect();
        let send = |faults: Arc<FaultInjector>| {
            let submit = world.submit(&faults);
            let submission = request(&world, b"photo");
            tokio::spawn(async move { submit.run(submission).await })
        };
        let sent: Vec<_> = faults.iter().cloned().map(send).collect();
        for faults in &faults {
            faults.paused().await;
        }
        for faults in &faults {
            faults.resume();
        }
        let answers: Vec<_> = join_all(sent).await.into_iter().map(|answer| answer.expect("no panic")).collect();
        let ids: Vec<_> = answers.iter().map(|answer| answer.as_ref().expect("accepted").id).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "call {call}: {answers:?}");
        let firsts = answers.iter().flatten().filter(|answer| !answer.is_replay).count();
        assert_eq!((firsts, world.store.all_jobs().len(), world.credits().await), (1, 1, Some(0)), "call {call}");
    }
}

/// A call fails before or after it took effect, or the process is killed there; the client repeats its request until it
/// is answered.
#[tokio::test]
async fn a_fault_at_any_call_leaves_one_job() {
    disturb(Calls::at_least(5), async |faults| {
        let world = World::new(Some(2)).await;
        let first = faults.unless_killed(world.submit(&faults).run(request(&world, b"photo"))).await;
        let again = send(&world, request(&world, b"photo")).await.expect("accepted");
        let what = format!("{faults}: {first:?}, then {again:?}");
        if let Some(Ok(first)) = &first {
            assert_eq!(again, AcceptedJob { is_replay: true, ..*first }, "{what}");
        }
        ends_as_one_job(&world, again.id, &what).await;
    })
    .await;
}

/// A request pauses before it sends its job's message, and its repetition is answered. Then the send fails before or
/// after it took effect, or the process is killed there.
#[tokio::test]
async fn a_send_that_fails_after_a_replay_was_answered_loses_nothing() {
    let undisturbed = FaultInjector::none();
    let world = World::new(Some(2)).await;
    world.submit(&undisturbed).run(request(&world, b"photo")).await.expect("accepted");
    // The message is sent last.
    let last = undisturbed.calls() - 1;
    for injected in InjectedFault::ALL {
        let world = World::new(Some(2)).await;
        let faults = FaultInjector::pausing_before(last, injected);
        let paused = {
            let (submit, submission, faults) = (world.submit(&faults), request(&world, b"photo"), faults.clone());
            tokio::spawn(async move { faults.unless_killed(submit.run(submission)).await })
        };
        faults.paused().await;
        let replayed = send(&world, request(&world, b"photo")).await.expect("accepted");
        assert!(replayed.is_replay && world.queue.bodies().is_empty(), "{faults}: {replayed:?}");
        faults.resume();
        let first = paused.await.expect("no panic");
        let what = format!("{faults}: {first:?} after {replayed:?}");
        match (injected, first) {
            (InjectedFault::KilledBefore | InjectedFault::KilledAfter, first) => assert!(first.is_none(), "{what}"),
            (_, first) => {
                let first = first.expect("not killed").expect("the sweep can send the message");
                assert_eq!(first, AcceptedJob { is_replay: false, ..replayed }, "{what}");
            }
        }
        let is_lost = matches!(injected, InjectedFault::FailsBefore | InjectedFault::KilledBefore);
        assert_eq!(world.queue.bodies().is_empty(), is_lost, "{what}");
        ends_as_one_job(&world, replayed.id, &what).await;
    }
}

/// Works and sweeps until this is the only job, done, and has cost one of two credits. The sweep sends a message that
/// was not sent.
async fn ends_as_one_job(world: &World, id: JobId, what: &str) {
    for _ in 0..10 {
        world.work(&FaultInjector::none()).await;
        world.clock.advance(Duration::from_secs(60));
        world.swept(&FaultInjector::none()).await;
    }
    let jobs = world.store.all_jobs();
    assert!(matches!(&jobs[..], [job] if matches!(job.state, JobState::Done { .. })), "{what}: {jobs:?}");
    assert_eq!((jobs[0].id, world.credits().await), (id, Some(1)), "{what}");
}
