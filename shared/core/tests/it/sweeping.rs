//! The sweep finds lost work.

use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries, Queue};
use cutline_core::testing::MemoryQueue;
use cutline_core::usecases::{Disposition, Submission, SubmittedSource, SweepReport};
use cutline_core::{Clock as _, FailureCode, JobState};

use crate::world::{FaultInjector, InjectedFault, World};

/// Loses every message of the queue.
async fn lose_messages(world: &World) {
    for delivery in world.queue.receive(10, Duration::ZERO).await.expect("receive") {
        world.queue.delete(&delivery.receipt).await.expect("delete");
    }
}

async fn sweep(world: &World) -> SweepReport {
    world.sweep(&FaultInjector::none()).run().await.expect("sweeps")
}

#[tokio::test]
async fn a_lost_message_is_resent_after_2_10_and_60_minutes() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    let mut sent_at = Vec::new();
    for minute in 0..=200 {
        lose_messages(&world).await;
        if sweep(&world).await.resent == 1 {
            sent_at.push(minute);
            assert_eq!(world.queue.bodies(), [Message { job_id: job.id }.body()]);
        }
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(sent_at, [2, 10, 60, 120, 180]);
    world.clock.advance(Duration::from_secs(3600));
    sweep(&world).await;
    world.work(&FaultInjector::none()).await;
    assert!(matches!(world.job(job.id).await.state, JobState::Done { .. }));
}

#[tokio::test]
async fn a_backlog_resends_nothing() {
    let world = World::new(None).await;
    let older = world.submitted(b"older").await;
    world.clock.advance(Duration::from_secs(1));
    let job = world.submitted(b"photo").await;
    let mut looks = 0;
    for _ in 0..600 {
        world.clock.advance(Duration::from_secs(60));
        let report = sweep(&world).await;
        assert_eq!(report.resent, 0, "its message waits behind an older one");
        looks += report.backlogged;
    }
    assert!(looks < 30, "ten hours of backlog cost two jobs {looks} writes");
    assert_eq!(world.queue.bodies().len(), 2);
    world.work(&FaultInjector::none()).await;
    for id in [older.id, job.id] {
        assert!(matches!(world.job(id).await.state, JobState::Done { .. }));
    }
}

/// Its message is lost while an older one waits for hours. Once that one is handled, the lost one is sent again as far apart
/// as any other lost message, and the job is never due for longer than the minute between two sweeps.
#[tokio::test]
async fn a_message_lost_behind_a_backlog_is_resent_at_intervals() {
    let world = World::new(None).await;
    world.submitted(b"older").await;
    world.clock.advance(Duration::from_secs(1));
    let lost = world.submitted(b"photo").await;
    let body = Message { job_id: lost.id }.body();
    for delivery in world.queue.receive(10, Duration::ZERO).await.expect("receive") {
        if delivery.body == body {
            world.queue.delete(&delivery.receipt).await.expect("delete");
        } else {
            world.queue.defer(&delivery.receipt, Duration::ZERO).await.expect("defer");
        }
    }
    let mut sent_at = Vec::new();
    for minute in 1..=400 {
        world.clock.advance(Duration::from_secs(60));
        if minute == 100 {
            world.work(&FaultInjector::none()).await;
            assert!(world.queue.bodies().is_empty(), "the older message was handled");
        }
        let due = world.job(lost.id).await.repair_due_at().expect("queued");
        let late = world.clock.now().duration_since(due).as_secs();
        assert!(late < 60, "due for {late} s in minute {minute}");
        if sweep(&world).await.resent == 1 {
            sent_at.push(minute);
            lose_messages(&world).await;
        }
    }
    // The looks at 2, 4, 8, … and 64 found the older message.
    assert_eq!(sent_at, [128, 136, 186, 246, 306, 366]);
}

/// A lane that fills at once makes this many jobs due within two minutes.
#[tokio::test]
async fn one_sweep_looks_at_a_thousand_jobs() {
    let world = World::new(None).await;
    for _ in 0..1_000 {
        world.submitted(b"photo").await;
    }
    while !world.queue.bodies().is_empty() {
        lose_messages(&world).await;
    }
    world.clock.advance(world.policy.resend_after[0]);
    assert_eq!(sweep(&world).await.resent, 1_000);
}

/// A store that never answers about one job keeps the sweep neither from deletions nor from its end.
#[tokio::test(start_paused = true)]
async fn repairs_end_in_time_and_what_is_left_stays_due() {
    let (world, none) = (World::new(None).await, FaultInjector::none());
    let deleted = world.submitted(b"photo").await;
    assert!(world.delete(&none).run(&world.owner, deleted.id).await.expect("no fault"));
    for _ in 0..3 {
        world.submitted(b"photo").await;
    }
    while !world.queue.bodies().is_empty() {
        lose_messages(&world).await;
    }
    world.clock.advance(world.policy.resend_after[0]);
    // The first call lists the due jobs. The second reads one of them, and is never resumed.
    let begun = tokio::time::Instant::now();
    let report = world.sweep(&FaultInjector::pausing_at(1)).run().await.expect("sweeps");
    assert_eq!(report, SweepReport { resent: 2, deleted: 1, ..SweepReport::default() });
    assert_eq!(begun.elapsed().as_secs(), 18);
    assert_eq!(sweep(&world).await, SweepReport { resent: 1, ..SweepReport::default() });
}

/// The job of a lane waits behind older messages of its own lane only.
#[tokio::test]
async fn a_backlog_of_bulk_jobs_hides_no_lost_live_message() {
    let world = World::new(None).await;
    let bulk = Submission { lane: Lane::Bulk, ..world.submission(SubmittedSource::Bytes("bulk".into())) };
    let bulk = world.accepted(bulk).await;
    assert_eq!(world.queue.routes(), [Route { lane: Lane::Bulk, stage: JobStage::Make }]);
    world.clock.advance(Duration::from_secs(1));
    let live = world.submitted(b"photo").await;
    // Only the live message is lost.
    let delivery = world.queue.receive(1, Duration::ZERO).await.expect("receive").remove(0);
    assert_eq!(delivery.body, Message { job_id: live.id }.body());
    world.queue.delete(&delivery.receipt).await.expect("delete");
    world.clock.advance(Duration::from_secs(120));
    let report = sweep(&world).await;
    assert_eq!((report.resent, report.backlogged), (1, 1));
    let mut routes = world.queue.routes();
    routes.sort();
    assert_eq!(routes, [live.route(), bulk.route()], "each again in its own lane");
}

#[tokio::test]
async fn a_killed_worker_is_replaced_until_the_attempts_are_spent() {
    let world = World::new(Some(1)).await;
    let job = world.submitted(b"photo").await;
    for attempt in 1..=3 {
        world.work(&FaultInjector::at_call(3, InjectedFault::KilledBefore)).await;
        assert_eq!(world.job(job.id).await.attempts, attempt);
        assert_eq!(sweep(&world).await, SweepReport::default(), "the lease is live");
        world.clock.advance(world.policy.lease);
        let report = sweep(&world).await;
        assert_eq!((report.requeued, report.failed), if attempt < 3 { (1, 0) } else { (0, 1) });
    }
    let failed = world.job(job.id).await;
    let JobState::Failed { failure, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!(failure.code, FailureCode::Interrupted);
    assert_eq!(world.credits().await, Some(1));
}

#[tokio::test]
async fn a_job_behind_a_backlog_of_days_ends_in_time() {
    let world = World::new(None).await;
    world.submitted(b"older").await;
    world.clock.advance(Duration::from_secs(1));
    let job = world.submitted(b"photo").await;
    let mut hours = 0;
    while matches!(world.job(job.id).await.state, JobState::Queued { .. }) {
        for _ in 0..60 {
            world.clock.advance(Duration::from_secs(60));
            sweep(&world).await;
        }
        hours += 1;
        assert!(hours <= 24 * 4 + 1, "pending after {hours} hours");
    }
}

#[tokio::test]
async fn no_job_is_pending_forever() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    world.clock.advance(world.policy.max_pending);
    assert_eq!(sweep(&world).await.failed, 1);
    let failed = world.job(job.id).await;
    let JobState::Failed { failure, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!(failure.code, FailureCode::TimedOut);
}

#[tokio::test]
async fn a_dead_letter_requeues_defers_or_fails_its_job() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    let body = Message { job_id: job.id }.body();
    lose_messages(&world).await;
    let dead_letter = async || world.sweep(&FaultInjector::none()).dead_letter(&body, MemoryQueue::parse(&body)).await;

    assert_eq!(dead_letter().await, Disposition::Acknowledge);
    assert_eq!(world.queue.bodies(), std::slice::from_ref(&body), "a job with attempts left is queued again");
    for left in [2, 1, 0] {
        world.work(&FaultInjector::at_call(3, InjectedFault::KilledBefore)).await;
        assert_eq!(dead_letter().await, Disposition::Defer(Duration::from_secs(90)), "a live lease is left alone");
        world.clock.advance(world.policy.lease);
        assert_eq!(dead_letter().await, Disposition::Acknowledge);
        let ended = matches!(world.job(job.id).await.state, JobState::Failed { .. });
        assert_eq!(ended, left == 0);
    }
    assert_eq!(dead_letter().await, Disposition::Acknowledge, "the job has ended");
}

#[tokio::test]
async fn an_unreadable_message_is_quarantined() {
    let world = World::new(None).await;
    world.queue.put("poison", Duration::ZERO);
    for _ in 0..25 {
        world.work(&FaultInjector::none()).await;
        world.clock.advance(Duration::from_secs(30));
    }
    assert!(world.queue.bodies().is_empty());
    world.swept(&FaultInjector::none()).await;
    assert!(world.dead_letters.bodies().is_empty());
    assert_eq!(world.quarantine.bodies(), ["poison"], "unchanged");
}

#[tokio::test]
async fn a_lost_message_is_found_while_other_messages_pass() {
    let world = World::new(None).await;
    let lost = world.submitted(b"photo").await;
    lose_messages(&world).await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(60));
        world
            .queue
            .send(&Message { job_id: lost.id }, samples::destination(), Duration::from_secs(900))
            .await
            .expect("send");
        lose_messages(&world).await;
        world.submitted(b"another").await;
        sweep(&world).await;
        world.work(&FaultInjector::none()).await;
    }
    assert!(matches!(world.job(lost.id).await.state, JobState::Done { .. }));
}
