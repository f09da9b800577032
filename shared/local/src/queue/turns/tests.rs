use std::sync::Arc;
use std::time::Duration;

use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries as _, Delivery, Destination, Queue as _};
use cutline_core::testing::ManualClock;
use cutline_core::{Ids as _, OwnerId, SystemIds};

use super::*;
use crate::database::Database;
use crate::queue::messages::{self, QueueSettings};
use crate::queue::{LocalQueue, Queues};

struct World {
    clock: Arc<ManualClock>,
    database: Database,
    queues: Queues,
    _folder: tempfile::TempDir,
}

const LIVE: Route = Route { lane: Lane::Live, stage: JobStage::Make };
const BULK: Route = Route { lane: Lane::Bulk, ..LIVE };
const INTAKE: Route = Route { stage: JobStage::Intake, ..LIVE };

fn owner(name: &str) -> OwnerId {
    name.parse().expect("an owner")
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open(&folder.path().join("test.db")).expect("a database");
        let clock = Arc::new(ManualClock::new());
        let queues = Queues::new(database.clone(), clock.clone(), QueueSettings::default());
        Self { clock, database, queues, _folder: folder }
    }

    /// Sends a message, and returns its body.
    async fn send(&self, name: &str, route: Route) -> String {
        let message = Message { job_id: SystemIds.job() };
        let to = Destination { route, owner: &owner(name) };
        self.queues.jobs.send(&message, to, Duration::ZERO).await.expect("send");
        message.body()
    }

    /// Sends many messages at once.
    async fn send_many(&self, name: &str, route: Route, count: usize) {
        let (now, owner) = (self.queues.jobs.now(), name.to_owned());
        let place = MessagePlace { name: QueueName::of(route.stage), lane: route.lane, owner };
        let sent = self.database.write(move |connection| {
            for _ in 0..count {
                let body = Message { job_id: SystemIds.job() }.body();
                messages::insert(connection, &place, &body, (now, now))?;
            }
            Ok(())
        });
        sent.await.expect("sends");
    }

    async fn receive(&self) -> Delivery {
        receive(&self.queues.jobs).await.expect("a message")
    }

    /// Receives a message of the makers' queue and finishes it.
    async fn work(&self) -> String {
        let delivery = self.receive().await;
        self.queues.jobs.delete(&delivery.receipt).await.expect("delete");
        delivery.body
    }
}

async fn receive(queue: &LocalQueue) -> Option<Delivery> {
    queue.receive(1, Duration::ZERO).await.expect("receive").pop()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_waits_for_at_most_one_picture_of_another_owner_with_100_000_jobs() {
    let world = World::new();
    world.send_many("a", LIVE, 100_000).await;
    for _ in 0..3 {
        world.work().await;
    }
    for _ in 0..20 {
        let only = world.send("b", LIVE).await;
        let first_two = [world.work().await, world.work().await];
        assert!(first_two.contains(&only), "b's only job is second at most");
    }
}

/// No step of a choice reads more rows than it needs: every table is searched by an index whose first columns are given.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_scans_no_table() {
    let world = World::new();
    world.send_many("a", LIVE, 100).await;
    let plans = world.database.read(|connection| {
        let plan = |sql: &str| -> Result<Vec<String>, StoreError> {
            let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let steps = query.query_map(("jobs", "live", 0, 0), |row| row.get(3))?.collect::<Result<_, _>>()?;
            Ok(steps)
        };
        Ok((plan(NEXT_OWNER)?, plan(OLDEST_OF_OWNER)?))
    });
    let (owner, message) = plans.await.expect("plans");
    let expected = [
        "INDEX turns_next (queue=? AND lane=?)",
        "INDEX messages_by_turn (queue=? AND lane=? AND owner=? AND visible_at<?)",
        "INDEX messages_in_flight (queue=? AND lane=? AND owner=? AND visible_at>?)",
    ];
    for step in expected {
        assert!(owner.iter().any(|found| found.ends_with(step)), "no {step:?} in {owner:#?}");
    }
    for step in owner.iter().chain(&message) {
        let is_scan = step.contains("SCAN") || step.contains("TEMP B-TREE");
        assert!(!is_scan, "{step}");
    }
    assert_eq!(
        message,
        ["SEARCH messages USING INDEX messages_by_turn (queue=? AND lane=? AND owner=? AND visible_at<?)"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_take_turns_and_each_owners_messages_keep_their_order() {
    let world = World::new();
    let mut expected = Vec::new();
    for number in 0..3 {
        for name in ["a", "b", "c"] {
            expected.push((number, name, world.send(name, LIVE).await));
            world.clock.advance(Duration::from_millis(1));
        }
    }
    for (number, name, body) in expected {
        assert_eq!(world.work().await, body, "{name} {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_goes_before_bulk_but_every_tenth_delivery_is_bulk() {
    let world = World::new();
    world.send_many("a", BULK, 5).await;
    world.send_many("b", LIVE, 40).await;
    let bulk_left = async || world.queues.jobs.length(BULK).await.expect("length");
    for number in 1..=40 {
        world.work().await;
        assert_eq!(bulk_left().await, 5 - number / 10, "after {number} deliveries");
    }
    while world.queues.jobs.length(LIVE).await.expect("length") > 0 {
        world.work().await;
    }
    world.work().await;
    assert_eq!((bulk_left().await, receive(&world.queues.jobs).await), (0, None), "bulk goes when no live job waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_survives_a_restart_and_a_change_of_the_clock() {
    let world = World::new();
    for name in ["a", "b"] {
        world.send_many(name, LIVE, 3).await;
    }
    world.work().await;
    let mut later = jiff::Timestamp::UNIX_EPOCH;
    for expected_left in [[2, 2], [1, 2], [1, 1], [0, 1], [0, 0]] {
        // The order of turns does not depend on what the clock says; messages become visible by `bring_forward`.
        let changed = world.database.write(move |connection| {
            messages::bring_forward(connection, later.as_millisecond(), Duration::ZERO)?;
            messages::show_waiting(connection, later.as_millisecond())
        });
        changed.await.expect("the clock was set");
        world.clock.set(later);
        later += jiff::SignedDuration::from_hours(1);
        let queues = Queues::new(world.database.clone(), world.clock.clone(), QueueSettings::default());
        let delivery = receive(&queues.jobs).await.expect("a message");
        queues.jobs.delete(&delivery.receipt).await.expect("delete");
        let left = world.database.read(|connection| {
            let mut query = connection.prepare("SELECT messages FROM turns ORDER BY owner")?;
            let left = query.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
            Ok(left)
        });
        assert_eq!(left.await.expect("left"), expected_left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delayed_and_deferred_messages_take_no_turn() {
    let world = World::new();
    let message = Message { job_id: SystemIds.job() };
    let to = Destination { route: LIVE, owner: &owner("a") };
    world.queues.jobs.send(&message, to, Duration::from_secs(60)).await.expect("send");
    let other = world.send("b", LIVE).await;
    let deferred = world.receive().await;
    assert_eq!(deferred.body, other);
    world.queues.jobs.defer(&deferred.receipt, Duration::from_secs(30)).await.expect("defer");
    assert_eq!(receive(&world.queues.jobs).await, None);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.work().await, other);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.work().await, message.body());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_intake_an_owner_has_at_most_four_messages_in_flight() {
    let world = World::new();
    let intake = &world.queues.intake;
    world.send_many("a", INTAKE, 20).await;
    let mut held = Vec::new();
    while let Some(delivery) = receive(intake).await {
        held.push(delivery);
    }
    assert_eq!(held.len(), 4);
    let other = world.send("b", INTAKE).await;
    assert_eq!(receive(intake).await.expect("b's turn").body, other);

    world.send("a", Route::DROPS).await;
    assert!(receive(intake).await.is_some(), "the other lane has places of its own");
    intake.delete(&held[0].receipt).await.expect("delete");
    assert!(receive(intake).await.is_some() && receive(intake).await.is_none(), "one ended, so one may begin");
    intake.defer(&held[1].receipt, Duration::from_secs(10)).await.expect("defer");
    assert!(receive(intake).await.is_some() && receive(intake).await.is_none(), "a deferred message is not in flight");

    // Fetchers that never answered.
    world.clock.advance(QueueSettings::default().visibility);
    assert!(receive(intake).await.is_some(), "their messages are free after the visibility timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_message_in_flight_wakes_a_waiting_fetcher() {
    let world = World::new();
    let intake = world.queues.intake.clone();
    world.send_many("a", INTAKE, 5).await;
    let held = intake.receive(4, Duration::ZERO).await.expect("receive");
    let waiting = tokio::spawn(async move { intake.receive(1, Duration::from_secs(60)).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "the owner has no turn");
    world.queues.intake.delete(&held[0].receipt).await.expect("delete");
    let received = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("woken").expect("ends");
    assert_eq!(received.expect("receive").len(), 1);
}
