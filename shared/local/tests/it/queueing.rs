//! The queue beyond its contract: wake-ups, concurrent workers, outdated receipts, a manual clock.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries as _, PortError, Quarantine as _, Queue as _, Receipt};
use cutline_core::testing::ManualClock;
use cutline_core::{Ids as _, SystemIds};
use cutline_local::{QueueSettings, Queues};
use tokio::time::timeout;

use crate::world::World;

const SETTINGS: QueueSettings =
    QueueSettings { visibility: Duration::from_secs(120), max_receives: 3, max_in_flight_per_owner: Some(2) };
/// Longer than any test step, shorter than a worker sleeps without a wake-up.
const SOON: Duration = Duration::from_secs(50);
const LONG: Duration = Duration::from_secs(3600);

fn message() -> Message {
    Message { job_id: SystemIds.job() }
}

fn with_manual_clock(world: &World) -> (Arc<ManualClock>, Queues) {
    let clock = Arc::new(ManualClock::new());
    (clock.clone(), world.queues_at(clock, SETTINGS))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_a_deferral_and_a_dead_letter_wake_a_waiting_worker() {
    let world = World::new();
    let queues = world.queues(QueueSettings { max_receives: 2, ..SETTINGS });
    let waiting = |queue: &Arc<cutline_local::LocalQueue>| {
        let queue = Arc::clone(queue);
        tokio::spawn(async move { queue.receive(1, LONG).await.expect("receive").pop().expect("a message") })
    };

    let worker = waiting(&queues.jobs);
    tokio::time::sleep(Duration::from_millis(100)).await;
    queues.jobs.send(&message(), samples::destination(), Duration::ZERO).await.expect("send");
    let first = timeout(SOON, worker).await.expect("woken by the send").expect("a worker");

    let worker = waiting(&queues.jobs);
    tokio::time::sleep(Duration::from_millis(100)).await;
    queues.jobs.defer(&first.receipt, Duration::ZERO).await.expect("defer");
    let second = timeout(SOON, worker).await.expect("woken by the deferral").expect("a worker");

    let dead_letter_worker = waiting(&queues.dead_letters);
    let worker = waiting(&queues.jobs);
    tokio::time::sleep(Duration::from_millis(100)).await;
    queues.jobs.defer(&second.receipt, Duration::ZERO).await.expect("defer");
    timeout(SOON, dead_letter_worker).await.expect("woken by the dead letter").expect("a worker");
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_worker_wakes_when_a_message_becomes_visible() {
    let world = World::new();
    let queues = world.queues(SETTINGS);
    queues.jobs.send(&message(), samples::destination(), Duration::from_millis(500)).await.expect("send");
    let got = timeout(SOON, queues.jobs.receive(1, LONG)).await.expect("in time").expect("receive");
    assert_eq!(got.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_message_is_redelivered_and_finally_a_dead_letter() {
    let world = World::new();
    let (clock, queues) = with_manual_clock(&world);
    let message = message();
    queues.jobs.send(&message, samples::destination(), Duration::ZERO).await.expect("send");
    for count in 1..=SETTINGS.max_receives {
        let got = queues.jobs.receive(1, Duration::ZERO).await.expect("receive");
        assert_eq!(got[0].receive_count, count);
        clock.advance(SETTINGS.visibility - Duration::from_millis(1));
        assert_eq!(queues.jobs.receive(1, Duration::ZERO).await.expect("receive"), [], "still hidden");
        clock.advance(Duration::from_millis(1));
    }
    // The message behind a dead letter is delivered at once.
    let next = self::message();
    queues.jobs.send(&next, samples::destination(), Duration::ZERO).await.expect("send");
    assert_eq!(queues.jobs.receive(1, Duration::ZERO).await.expect("receive")[0].body, next.body());

    for _ in 0..2 * SETTINGS.max_receives {
        let dead = queues.dead_letters.receive(1, Duration::ZERO).await.expect("receive");
        assert_eq!(dead[0].body, message.body(), "a dead letter is delivered until it is deleted");
        queues.dead_letters.defer(&dead[0].receipt, Duration::ZERO).await.expect("defer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_goes_to_one_of_many_workers() {
    let world = World::new();
    let queues = world.queues(SETTINGS);
    let sent: HashSet<_> = {
        let mut sent = HashSet::new();
        for _ in 0..100 {
            let message = message();
            queues.jobs.send(&message, samples::destination(), Duration::ZERO).await.expect("send");
            sent.insert(message.body());
        }
        sent
    };
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let queue = Arc::clone(&queues.jobs);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let got = queue.receive(3, Duration::ZERO).await.expect("receive");
                    if got.is_empty() {
                        return mine;
                    }
                    mine.extend(got);
                }
            })
        })
        .collect();
    let mut got = Vec::new();
    for worker in workers {
        got.extend(worker.await.expect("a worker"));
    }
    assert_eq!(got.len(), sent.len(), "a message was delivered twice");
    assert_eq!(got.into_iter().map(|delivery| delivery.body).collect::<HashSet<_>>(), sent, "a message is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_receipt_does_not_affect_the_next_delivery() {
    let world = World::new();
    let (clock, queues) = with_manual_clock(&world);
    queues.jobs.send(&message(), samples::destination(), Duration::ZERO).await.expect("send");
    let late = queues.jobs.receive(1, Duration::ZERO).await.expect("receive").remove(0);
    clock.advance(SETTINGS.visibility);
    let current = queues.jobs.receive(1, Duration::ZERO).await.expect("receive").remove(0);

    queues.jobs.delete(&late.receipt).await.expect("no error");
    queues.jobs.defer(&late.receipt, Duration::ZERO).await.expect("no error");
    assert_eq!(queues.jobs.receive(1, Duration::ZERO).await.expect("receive"), [], "another worker has it");
    // A receipt is valid in its own queue only.
    queues.dead_letters.delete(&current.receipt).await.expect("no error");
    clock.advance(SETTINGS.visibility);
    assert_eq!(queues.jobs.receive(1, Duration::ZERO).await.expect("receive").len(), 1, "redelivered");

    let nonsense = Receipt("nonsense".to_owned());
    assert!(matches!(queues.jobs.delete(&nonsense).await, Err(PortError::Fail(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_age_counts_waiting_messages_only() {
    let world = World::new();
    let (clock, queues) = with_manual_clock(&world);
    let age = async || queues.jobs.oldest_age(samples::destination().route).await.expect("age");
    assert_eq!(age().await, None);
    queues.jobs.send(&message(), samples::destination(), Duration::from_secs(60)).await.expect("send");
    assert_eq!(age().await, None, "a delayed message does not wait yet");
    queues.jobs.send(&message(), samples::destination(), Duration::ZERO).await.expect("send");
    clock.advance(Duration::from_secs(10));
    assert_eq!(age().await, Some(Duration::from_secs(10)));
    assert_eq!(queues.jobs.receive(1, Duration::ZERO).await.expect("receive").len(), 1);
    assert_eq!(age().await, None, "a worker has it");
    clock.advance(Duration::from_secs(50));
    assert_eq!(age().await, Some(Duration::from_secs(60)));
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_messages_are_kept_in_quarantine() {
    let world = World::new();
    let queues = world.queues(SETTINGS);
    for body in ["first", "{\"not\": \"ours\"}"] {
        queues.quarantine.park(body).await.expect("park");
    }
    assert_eq!(queues.quarantine.list().await.expect("list"), ["first", "{\"not\": \"ours\"}"]);
}
