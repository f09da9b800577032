//! A slow receiver with many events next to a good one.

use std::collections::BTreeSet;
use std::time::Duration;

use cutline_core::domain::job::{Job, ReportId};
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::ports::{Clock, Deliveries, Jobs, ReportQueue};
use cutline_core::usecases::Disposition;
use cutline_core::{JobId, Mode};
use tokio::task::JoinSet;

use crate::receivers::{Answer, GOOD, MINUTE, SLOW, payloads_are_equal, submitted, url, world};
use crate::world::{FaultInjector, World};

/// A job that has ended and owes a webhook to this host, and its message.
async fn owing(world: &World, host: &str) -> JobId {
    let spec = world.submitted_spec();
    let id = cutline_core::Ids::job(world.ids.as_ref());
    let job = Job::new(id, world.owner.clone(), spec, world.clock.now(), &world.policy).with_webhook(url(host), false);
    world.store.create(&job).await.expect("create");
    let failure = cutline_core::Fault::fail(cutline_core::FailureCode::NoSubject, "nothing").failure().clone();
    let ended = job.expire(failure, world.clock.now(), &world.policy).expect("ends");
    world.store.replace(&ended).await.expect("replace");
    let message = ReportMessage { job_id: id, report_id: ReportId::webhook(id) };
    world.reports.send_report(&message, Duration::ZERO).await.expect("send");
    id
}

/// Senders that handle many messages at once, as on one machine.
struct Senders<'a> {
    world: &'a World,
    tasks: JoinSet<(cutline_core::ports::Receipt, Disposition)>,
}

impl Senders<'_> {
    /// Receives what is visible, and settles what has ended.
    async fn turn(&mut self) {
        for delivery in self.world.reports.receive(10, Duration::ZERO).await.expect("receive") {
            let sender = self.world.sender(&FaultInjector::none());
            self.tasks.spawn(async move { (delivery.receipt, sender.handle(&delivery.body).await) });
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        while let Some(ended) = self.tasks.try_join_next() {
            let (receipt, disposition) = ended.expect("no panic");
            match disposition {
                Disposition::Acknowledge => self.world.reports.delete(&receipt).await.expect("delete"),
                Disposition::Defer(wait) => self.world.reports.defer(&receipt, wait).await.expect("defer"),
            }
        }
    }
}

#[tokio::test]
async fn a_slow_receiver_with_a_thousand_events_delays_no_other_one() {
    let world = world().await;
    world.receivers.answer(SLOW, Answer::Hangs);
    let mut slow = BTreeSet::new();
    for n in 0..1_000 {
        slow.insert(ReportId::webhook(owing(&world, SLOW).await).to_string());
        if n == 500 {
            owing(&world, GOOD).await;
        }
    }
    let mut senders = Senders { world: &world, tasks: JoinSet::new() };
    let begun = world.clock.now();
    let mut turns = 0;
    while world.receivers.accepted(GOOD).is_empty() {
        senders.turn().await;
        turns += 1;
        assert!(turns < 120, "the good receiver waits");
    }
    assert_eq!(world.clock.now(), begun, "no time passed");
    assert_eq!(world.receivers.most_at_once(SLOW), 4);
    assert_eq!(senders.tasks.len(), 4, "nothing else is held up");

    // They fail. From then on one probe at a time is in progress.
    world.receivers.release.add_permits(4);
    for _ in 0..200 {
        senders.turn().await;
        assert!(senders.tasks.len() <= 4);
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(senders.tasks.len(), 1);
    owing(&world, GOOD).await;
    let now = world.clock.now();
    let mut turns = 0;
    while world.receivers.accepted(GOOD).len() < 2 {
        senders.turn().await;
        turns += 1;
        assert!(turns < 120 && world.clock.now() == now, "the good receiver waits");
    }

    world.receivers.answer(SLOW, Answer::Accepts);
    world.receivers.release.add_permits(1);
    let mut minutes = 0;
    while world.receivers.accepted(SLOW).len() < slow.len() {
        for _ in 0..60 {
            senders.turn().await;
            world.clock.advance(Duration::from_secs(1));
        }
        world.swept(&FaultInjector::none()).await;
        minutes += 1;
        assert!(minutes < 60, "{} of {} delivered", world.receivers.accepted(SLOW).len(), slow.len());
    }
    assert_eq!(world.receivers.accepted(SLOW), slow);
    payloads_are_equal(&world.receivers.received());
    assert_eq!(world.receivers.most_at_once(SLOW), 4);
}

#[tokio::test]
async fn ten_thousand_due_reports_hide_no_lost_job() {
    let world = world().await;
    for _ in 0..2_000 {
        owing(&world, SLOW).await;
    }
    let lost = submitted(&world, GOOD).await;
    for delivery in world.queue.receive(10, Duration::ZERO).await.expect("receive") {
        world.queue.delete(&delivery.receipt).await.expect("delete");
    }
    world.clock.advance(3 * MINUTE);
    let report = world.sweep(&FaultInjector::none()).run().await.expect("sweeps");
    assert_eq!((report.resent, report.reminded, report.errors), (1, 2_000, 0));
    assert_eq!(world.job(lost.id).await.spec.mode, Mode::Background);
}
