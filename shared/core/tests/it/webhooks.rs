//! Webhooks: the schedule, and what a request makes of a webhook.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::job::{Job, JobState, ReportId, ReportStatus, Transition};
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::domain::webhook::WebhookEventKind;
use cutline_core::ports::{Deliveries, Jobs as _, Keys, OwnerWebhooks, ReportQueue};
use cutline_core::usecases::{Disposition, ResendError, Submission, SubmitError, SubmittedSource};

use crate::receivers::{
    Answer, DOWN, GOOD, HOUR, MINUTE, ended, pass, payloads_are_equal, settings, status, submitted, url, world,
};
use crate::world::{FaultInjector, InjectedFault, World};

#[tokio::test]
async fn the_end_of_a_job_is_sent_at_once_and_once() {
    let world = world().await;
    let job = ended(&world, GOOD).await;
    let (report, webhook) = job.webhook().expect("a webhook");
    assert_eq!((report.status, webhook.attempts, webhook.failures), (ReportStatus::Delivered, 1, 0));
    let JobState::Done { at, .. } = job.state else { panic!("{job:?}") };
    let event = webhook.event.expect("an event");
    assert_eq!((event.kind, event.at), (WebhookEventKind::JobDone, at));
    let [received] = &world.receivers.received()[..] else { panic!("one") };
    assert_eq!(received.id, format!("msg_{}", job.id.uuid().simple()));
    assert_eq!((received.signatures, job.due_at()), (1, None));
    pass(&world, 2 * HOUR).await;
    assert_eq!(world.receivers.received().len(), 1);
    assert!(world.reports.bodies().is_empty() && world.queue.bodies().is_empty());
    assert!(job.version <= 7, "created, claimed, two steps, ended, claimed, delivered: {}", job.version);
}

#[tokio::test]
async fn a_failed_job_is_an_event_too() {
    let world = world().await;
    let job = submitted(&world, GOOD).await;
    world.clock.advance(world.policy.max_pending);
    world.swept(&FaultInjector::none()).await;
    world.report(&FaultInjector::none()).await;
    let job = world.job(job.id).await;
    assert!(matches!(job.state, JobState::Failed { .. }));
    let (report, webhook) = job.webhook().expect("a webhook");
    assert_eq!(webhook.event.expect("an event").kind, WebhookEventKind::JobFailed);
    assert_eq!(report.status, ReportStatus::Delivered);
}

#[tokio::test]
async fn a_failing_receiver_is_tried_for_about_28_hours() {
    let world = world().await;
    world.receivers.answer(DOWN, Answer::Fails);
    let job = ended(&world, DOWN).await;
    pass(&world, 40 * HOUR).await;
    let received = world.receivers.received();
    let waits: Vec<_> = received.windows(2).map(|two| two[1].at.duration_since(two[0].at).as_secs()).collect();
    let expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
    assert_eq!(waits.len(), expected.len(), "{waits:?}");
    for (wait, expected) in waits.iter().zip(expected) {
        // A tenth of jitter, a minute of the sweep, and the steps of this test.
        assert!(*wait >= expected * 9 / 10 && *wait <= expected * 11 / 10 + 90, "{waits:?}");
    }
    payloads_are_equal(&received);
    let job = world.job(job.id).await;
    assert_eq!((status(&job), job.due_at()), (ReportStatus::GivenUp, None));
    let webhook = job.webhook().expect("a webhook").1;
    assert_eq!((webhook.attempts, webhook.failures), (8, 8));
    let last = webhook.last.as_ref().expect("an attempt");
    assert_eq!((last.status, last.error.as_deref()), (Some(500), Some("no")));
    assert!(matches!(job.state, JobState::Done { .. }), "the job is as it was");
}

#[tokio::test]
async fn a_receiver_that_is_down_for_a_day_gets_every_event() {
    let world = world().await;
    world.receivers.answer(DOWN, Answer::Fails);
    let mut ids = BTreeSet::new();
    for hour in 0..24 {
        ids.insert(ReportId::webhook(ended(&world, DOWN).await.id).to_string());
        if hour == 12 {
            ids.insert(ReportId::webhook(ended(&world, DOWN).await.id).to_string());
        }
        pass(&world, HOUR).await;
    }
    assert_eq!(world.receivers.accepted(DOWN).len(), 0);
    world.receivers.answer(DOWN, Answer::Accepts);
    pass(&world, 30 * HOUR).await;
    assert_eq!(world.receivers.accepted(DOWN), ids);
    let received = world.receivers.received();
    payloads_are_equal(&received);
    assert_eq!(received.iter().filter(|one| one.accepted).count(), ids.len(), "each once");
    assert!(received.len() <= ids.len() * 8, "{}", received.len());
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let world = world().await;
    world.receivers.answer(DOWN, Answer::Gone);
    let job = ended(&world, DOWN).await;
    assert_eq!((status(&job), job.due_at()), (ReportStatus::GivenUp, None));
    world.receivers.answer(DOWN, Answer::Accepts);
    pass(&world, 30 * HOUR).await;
    let late = ReportMessage { job_id: job.id, report_id: ReportId::webhook(job.id) };
    world.reports.send_report(&late, Duration::ZERO).await.expect("send");
    world.report(&FaultInjector::none()).await;
    assert_eq!(world.receivers.received().len(), 1);
    assert!(world.reports.bodies().is_empty());
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let world = world().await;
    world.receivers.answer(DOWN, Answer::RetryAfter(40 * MINUTE));
    ended(&world, DOWN).await;
    world.receivers.answer(DOWN, Answer::Accepts);
    pass(&world, 2 * HOUR).await;
    let received = world.receivers.received();
    let wait = received[1].at.duration_since(received[0].at).as_secs();
    assert!((2_400..2_500).contains(&wait) && received.len() == 2, "{received:?}");
}

#[tokio::test]
async fn a_lost_message_is_found_within_two_minutes_and_repeated_ever_less_often() {
    let world = world().await;
    let job = submitted(&world, GOOD).await;
    let worker = world.process(&FaultInjector::none());
    worker.handle_job(job.id).await;
    let lose = async || {
        let lost = world.reports.receive(10, Duration::ZERO).await.expect("receive");
        for delivery in &lost {
            world.reports.delete(&delivery.receipt).await.expect("delete");
        }
        lost.len()
    };
    assert_eq!(lose().await, 1);
    let mut sent_at = Vec::new();
    for minute in 1..=24 * 60 {
        world.clock.advance(MINUTE);
        world.swept(&FaultInjector::none()).await;
        sent_at.extend(std::iter::repeat_n(minute, lose().await));
    }
    assert_eq!(sent_at[..5], [1, 2, 4, 8, 16], "{sent_at:?}");
    assert!(sent_at.len() < 15, "a day without a sender costs few writes: {sent_at:?}");
    assert!(world.receivers.received().is_empty());
    pass(&world, 5 * HOUR).await;
    assert_eq!(world.receivers.accepted(GOOD).len(), 1);
}

#[tokio::test]
async fn a_deleted_job_sends_nothing() {
    let world = world().await;
    world.receivers.answer(DOWN, Answer::Fails);
    let job = ended(&world, DOWN).await;
    assert!(world.delete(&FaultInjector::none()).run(&world.owner, job.id).await.expect("deletes"));
    pass(&world, 3 * HOUR).await;
    assert_eq!(world.receivers.received().len(), 1);
}

#[tokio::test]
async fn a_webhook_is_sent_again_on_request() {
    let world = world().await;
    let again = world.resend_webhook(&FaultInjector::none());
    let pending = submitted(&world, GOOD).await;
    assert!(matches!(again.run(&world.owner, pending.id).await, Err(ResendError::Pending)));
    world.work(&FaultInjector::none()).await;
    let other = "other".parse().expect("an owner");
    assert!(matches!(again.run(&other, pending.id).await, Err(ResendError::NotFound)));
    let without = world.submitted(b"photo").await;
    world.work(&FaultInjector::none()).await;
    assert!(matches!(again.run(&world.owner, without.id).await, Err(ResendError::NoWebhook)));

    world.receivers.answer(DOWN, Answer::Gone);
    let gone = ended(&world, DOWN).await;
    world.receivers.answer(DOWN, Answer::Fails);
    for id in [pending.id, gone.id] {
        let job = again.run(&world.owner, id).await.expect("sends");
        assert!(job.webhook().expect("a webhook").0.is_pending());
    }
    world.report(&FaultInjector::none()).await;
    assert_eq!(status(&world.job(pending.id).await), ReportStatus::Delivered);
    assert_eq!(world.receivers.received().iter().filter(|one| one.host == GOOD).count(), 2);
    let webhook = world.job(gone.id).await.webhook().expect("a webhook").1.clone();
    assert_eq!((webhook.attempts, webhook.failures), (2, 1), "its schedule began again");
    payloads_are_equal(&world.receivers.received());
}

#[tokio::test]
async fn a_job_reports_to_its_own_url_else_to_its_owners() {
    let world = World::new(None).await;
    let submission = || world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo")));
    let own = || Submission { webhook_url: Some(url("own.example")), ..submission() };
    let refused = world.submit(&FaultInjector::none()).run(own()).await;
    assert!(matches!(refused, Err(SubmitError::NoWebhookSecret)), "{refused:?}");
    assert!(world.store.all_jobs().is_empty());
    assert!(world.accepted(submission()).await.webhook().is_none());

    let secret = settings(&world).set_url(&world.owner, Some(&url(GOOD))).await.expect("sets");
    assert!(secret.is_some(), "the first URL comes with a secret");
    assert_eq!(settings(&world).set_url(&world.owner, Some(&url(GOOD))).await.expect("sets"), None);
    let (first, second) = (world.accepted(own()).await, world.accepted(submission()).await);
    world.work(&FaultInjector::none()).await;
    settings(&world).set_url(&world.owner, Some(&url("new.example"))).await.expect("sets");
    let retry = world.retry(&FaultInjector::none());
    for (job, host) in [(&first, "own.example"), (&second, "new.example")] {
        let again = retry.run(&world.owner, None, job.id, None).await.expect("repeats");
        assert_eq!(world.job(again.id).await.webhook().expect("a webhook").1.url.host(), host);
    }
    settings(&world).set_url(&world.owner, None).await.expect("removes");
    let none = world.accepted(submission()).await;
    assert!(none.webhook().is_none());
    let hosts: Vec<_> = [first, second].iter().map(|job| job.webhook().expect("one").1.url.host()).collect();
    assert_eq!(hosts, ["own.example", GOOD]);
    let owner = world.store.owner(&world.owner).await.expect("owner");
    assert!(owner.webhook_secret_at.is_some() && owner.webhook_url.is_none(), "{owner:?}");
}

#[tokio::test]
async fn a_drop_owes_its_manifest_and_a_webhook() {
    let world = world().await;
    settings(&world).set_url(&world.owner, Some(&url(GOOD))).await.expect("sets");
    let object = world.drop_file("drops/shop/ebay/a.jpg", b"\xFF\xD8\xFF a shoe");
    world.queue.put(&world.drop_body(&[object]), Duration::ZERO);
    for _ in 0..3 {
        world.work(&FaultInjector::none()).await;
    }
    assert!(world.manifest("drops/shop/ebay/a.jpg").is_some());
    assert_eq!(world.receivers.accepted(GOOD).len(), 1);
    let job = world.store.all_jobs().remove(0);
    assert!(job.owed_reports().next().is_none() && job.due_at().is_none(), "{job:?}");
}

#[tokio::test]
async fn two_secrets_sign_for_a_day_after_a_rotation() {
    let world = world().await;
    settings(&world).rotate(&world.owner).await.expect("rotates");
    ended(&world, GOOD).await;
    world.clock.advance(24 * HOUR);
    ended(&world, GOOD).await;
    let signatures: Vec<_> = world.receivers.received().iter().map(|one| one.signatures).collect();
    assert_eq!(signatures, [2, 1]);
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent_until_there_is_one() {
    let world = World::new(None).await;
    settings(&world).rotate(&world.owner).await.expect("rotates");
    world.store.lose_webhook_secrets(&world.owner);
    let job = ended(&world, GOOD).await;
    let last = job.webhook().expect("a webhook").1.last.clone().expect("an attempt");
    assert!(last.error.is_some_and(|error| error.contains("--rotate-secret")) && last.status.is_none());
    assert!(world.receivers.received().is_empty());
    settings(&world).rotate(&world.owner).await.expect("rotates");
    pass(&world, MINUTE).await;
    assert_eq!(world.receivers.accepted(GOOD).len(), 1);
}

#[tokio::test]
async fn the_store_of_secrets_is_asked_before_a_send_is_claimed() {
    let world = world().await;
    let job = submitted(&world, GOOD).await;
    world.process(&FaultInjector::none()).handle_job(job.id).await;
    let body = world.reports.bodies().remove(0);
    // The first call reads the job, the second one the secrets.
    let faults = FaultInjector::at_call(1, InjectedFault::FailsBefore);
    assert_eq!(world.sender(&faults).handle(&body).await, Disposition::Defer(world.policy.defer));
    let webhook = world.job(job.id).await.webhook().expect("a webhook").1.clone();
    assert_eq!((webhook.attempts, webhook.claim), (0, None));
    assert!(!world.store.webhook_secrets(&world.owner).await.expect("secrets").secrets.is_empty());
}

/// An earlier release keeps a webhook that it does not know, and notes no event.
#[tokio::test]
async fn the_webhook_of_a_job_that_an_earlier_release_ended_is_sent() {
    let world = world().await;
    let job = submitted(&world, GOOD).await;
    world.work_on_jobs(&FaultInjector::none()).await;
    let mut record = serde_json::to_value(world.job(job.id).await).expect("serializes");
    let removed = record["reports"][0]["webhook"].as_object_mut().and_then(|webhook| webhook.remove("event"));
    assert!(removed.is_some(), "{record}");
    let mut ended: Job = serde_json::from_value(record).expect("a record");
    ended.version += 1;
    world.store.replace(&Transition::without_effects(ended)).await.expect("replace");
    world.report(&FaultInjector::none()).await;
    let accepted = world.receivers.accepted(GOOD);
    assert_eq!(accepted.len(), 1);
    let job = world.job(job.id).await;
    let (report, delivery) = job.webhook().expect("a webhook");
    assert_eq!((report.status, delivery.event), (ReportStatus::Delivered, job.end_event()));
}
