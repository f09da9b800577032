//! Tests of the rules of queues.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::OwnerId;
use tokio::time::Instant;

use crate::clock::block_on;
use crate::random::Random;
use crate::sqs::{Body, Delivered, MAX_IN_FLIGHT, Rules, SimQueue};

const RULES: Rules = Rules {
    visibility: Duration::from_secs(60),
    retention: Duration::from_secs(3_600),
    max_receives: 2,
    is_fair: true,
    duplicates: 0.0,
};

fn queue(rules: Rules, dead_letters: Option<Arc<SimQueue>>) -> Arc<SimQueue> {
    SimQueue::new("test", rules, dead_letters, Arc::new(Random::new(1)))
}

fn texts(received: &[Delivered]) -> Vec<&str> {
    received.iter().map(|one| one.body.text()).collect()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn owner(name: &str) -> OwnerId {
    name.parse().expect("a name")
}

#[test]
fn a_message_returns_after_its_timeout_and_then_goes_to_the_dead_letters() {
    block_on(async {
        let dead = queue(Rules { max_receives: u32::MAX, ..RULES }, None);
        let queue = queue(RULES, Some(dead.clone()));
        queue.send(Body::new("a"), None, Duration::ZERO);
        let first = queue.receive(10).await;
        assert_eq!(texts(&first), ["a"]);
        let before = Instant::now();
        assert_eq!(texts(&queue.receive(10).await), ["a"]);
        assert_eq!(before.elapsed(), RULES.visibility);
        queue.delete(first[0].ticket);
        assert_eq!(queue.len(), 1, "an old receipt deletes nothing");
        pass(60).await;
        assert!(queue.try_receive(10).0.is_empty());
        assert_eq!((queue.len(), queue.counts().dead), (0, 1));
        let letter = dead.receive(1).await;
        dead.delete(letter[0].ticket);
        assert_eq!((texts(&letter), dead.len()), (vec!["a"], 0));
    });
}

#[test]
fn delays_and_deferrals_end_on_time() {
    block_on(async {
        let queue = queue(RULES, None);
        queue.send(Body::new("later"), None, Duration::from_secs(5));
        let begun = Instant::now();
        let received = queue.receive(1).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
        queue.defer(received[0].ticket, Duration::from_secs(2));
        assert_eq!(texts(&queue.receive(1).await), ["later"]);
        assert_eq!(begun.elapsed(), Duration::from_secs(7));
        pass(3_600).await;
        assert!(queue.try_receive(1).0.is_empty());
        assert_eq!(queue.counts().expired, 1, "past its retention");
    });
}

#[test]
fn a_fair_queue_serves_a_quiet_group_before_a_noisy_one() {
    for (is_fair, expected) in [(true, "quiet"), (false, "noisy")] {
        block_on(async {
            let queue = queue(Rules { is_fair, ..RULES }, None);
            for _ in 0..100 {
                queue.send(Body::new("noisy"), Some(&owner("many")), Duration::ZERO);
            }
            let in_flight = queue.receive(40).await;
            assert_eq!(in_flight.len(), 40);
            pass(1).await;
            queue.send(Body::new("quiet"), Some(&owner("few")), Duration::ZERO);
            assert_eq!(texts(&queue.receive(1).await), [expected]);
        });
    }
}

#[test]
fn a_duplicated_message_goes_to_two_workers_at_once() {
    block_on(async {
        let queue = queue(Rules { duplicates: 1.0, ..RULES }, None);
        queue.send(Body::new("a"), None, Duration::ZERO);
        let received = queue.receive(2).await;
        assert_eq!(texts(&received), ["a", "a"]);
    });
}

#[test]
fn no_more_messages_are_delivered_than_may_be_in_flight() {
    block_on(async {
        let queue = queue(RULES, None);
        for _ in 0..MAX_IN_FLIGHT + 10 {
            queue.send(Body::new("a"), None, Duration::ZERO);
        }
        assert_eq!(queue.receive(usize::MAX).await.len(), MAX_IN_FLIGHT);
        assert!(queue.try_receive(1).0.is_empty());
        pass(60).await;
        assert_eq!(queue.try_receive(1).0.len(), 1);
    });
}

#[test]
fn reports_are_out_of_date() {
    block_on(async {
        let queue = queue(RULES, None);
        pass(100).await;
        queue.send(Body::new("a"), None, Duration::ZERO);
        pass(5).await;
        assert_eq!(queue.reported_length(), 0);
        pass(25).await;
        assert_eq!(queue.reported_length(), 1);
        queue.sample();
        assert_eq!(queue.reported_age(), None);
        pass(60).await;
        assert_eq!(queue.reported_age(), Some(Duration::from_secs(30)));
        pass(240).await;
        assert_eq!(queue.reported_age(), None, "older than five minutes");
    });
}
