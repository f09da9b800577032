//! Webhooks under faults: every call to a store or a queue fails before or after it took effect, or the process is killed
//! there. No event is lost, and none is sent twice without need.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::domain::job::{ReportId, ReportStatus};
use cutline_core::ports::{Clock, Deliveries};
use cutline_core::usecases::Disposition;

use crate::disturb::{Calls, disturb};
use crate::receivers::{Answer, DOWN, GOOD, HOUR, MINUTE, SLOW, pass, payloads_are_equal, status, submitted, world};
use crate::world::{FaultInjector, InjectedFault};

/// Runs two jobs, whose webhooks fail first, with a fault at one call of a process.
async fn run(process: &str, faults: &Arc<FaultInjector>) {
    let what = format!("{process}, {faults}");
    let world = world().await;
    let faults_of = |name: &str| if name == process { faults.clone() } else { FaultInjector::none() };
    let (worker, sender, sweeper) = (faults_of("work"), faults_of("send"), faults_of("sweep"));
    let jobs = [submitted(&world, GOOD).await.id, submitted(&world, DOWN).await.id];
    world.receivers.answer(DOWN, Answer::Fails);
    if process == "sweep" {
        // Leave work for the sweep: the messages about the reports are lost.
        for id in jobs {
            world.process(&FaultInjector::none()).handle_job(id).await;
        }
        for delivery in world.reports.receive(10, Duration::ZERO).await.expect("receive") {
            world.reports.delete(&delivery.receipt).await.expect("delete");
        }
    }
    let begun = world.clock.now();
    while world.clock.now() < begun + 3 * HOUR {
        let seconds = world.clock.now().duration_since(begun).as_secs();
        world.work_on_jobs(&worker).await;
        world.report(&sender).await;
        if seconds % 60 == 0 {
            world.swept(&sweeper).await;
        }
        if seconds >= 60 {
            world.receivers.answer(DOWN, Answer::Accepts);
        }
        world.clock.advance(Duration::from_secs(if seconds < 900 { 5 } else { 60 }));
    }
    let received = world.receivers.received();
    payloads_are_equal(&received);
    for (id, host) in jobs.into_iter().zip([GOOD, DOWN]) {
        let job = world.job(id).await;
        assert_eq!((status(&job), job.due_at()), (ReportStatus::Delivered, None), "{what}");
        assert!(world.receivers.accepted(host).contains(ReportId::webhook(id).as_str()), "{what}: no event is lost");
    }
    let accepted = received.iter().filter(|one| one.accepted).count();
    assert!((2..=3).contains(&accepted), "{what}: at most the disturbed event came twice: {received:?}");
    let hides_no_effect = matches!(
        faults.injected(),
        Some(InjectedFault::DoneTwice | InjectedFault::FailsBefore | InjectedFault::KilledBefore)
    );
    if hides_no_effect && process != "send" {
        assert_eq!(accepted, 2, "{what}: nothing was sent twice");
    }
    assert!(world.reports.bodies().is_empty(), "{what}: {:?}", world.reports.bodies());
}

async fn every_call_of(process: &str, at_least: usize) {
    disturb(Calls { at_most: 60, ..Calls::at_least(at_least) }, async |faults| run(process, &faults).await).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_sender_loses_no_event() {
    every_call_of("send", 15).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_worker_loses_no_event() {
    every_call_of("work", 18).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_the_sweep_loses_no_event() {
    every_call_of("sweep", 5).await;
}

/// One sender pauses before each of its calls in turn, while another one handles the same message.
#[tokio::test]
async fn of_two_senders_one_sends() {
    let mut call = 0;
    loop {
        let world = world().await;
        let job = submitted(&world, GOOD).await;
        world.process(&FaultInjector::none()).handle_job(job.id).await;
        let body = world.reports.bodies().remove(0);
        let faults = FaultInjector::pausing_at(call);
        let (slow, fast) = (world.sender(&faults), world.sender(&FaultInjector::none()));
        let overtaking = async {
            faults.paused().await;
            assert_eq!(fast.handle(&body).await, Disposition::Acknowledge, "call {call}");
            faults.resume();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            disposition = slow.handle(&body) => assert_eq!(disposition, Disposition::Acknowledge, "call {call}"),
            () = overtaking => {}
        }
        assert_eq!(world.receivers.received().len(), 1, "call {call}");
        assert_eq!(status(&world.job(job.id).await), ReportStatus::Delivered);
        if faults.calls() <= call {
            break;
        }
        call += 1;
    }
    assert!(call >= 5, "only {call} calls were reached");
}

#[tokio::test]
async fn the_receiver_of_an_interrupted_send_gets_the_same_event_again() {
    let world = world().await;
    let job = submitted(&world, SLOW).await;
    world.process(&FaultInjector::none()).handle_job(job.id).await;
    world.receivers.answer(SLOW, Answer::Hangs);
    let body = world.reports.bodies().remove(0);
    let sender = world.sender(&FaultInjector::none());
    tokio::select! {
        biased;
        _ = sender.handle(&body) => panic!("it hangs"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
    }
    world.receivers.answer(SLOW, Answer::Accepts);
    pass(&world, 10 * MINUTE).await;
    let received = world.receivers.received();
    assert_eq!(received.len(), 2);
    payloads_are_equal(&received);
    let webhook = world.job(job.id).await.webhook().expect("a webhook").1.clone();
    assert_eq!((webhook.attempts, webhook.failures), (2, 0), "an interruption is no failure of the receiver");
}
