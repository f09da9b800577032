//! Jobs that are held for review: who decides, once, about what they saw, and what happens if nobody does.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::{DraftRevision, RejectReason, ReviewNote, Verdict};
use cutline_core::domain::job::{DecisionRefused, RecordVersion, ReportId, ReportStatus, ReviewDecision};
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::usage::EndCounts;
use cutline_core::ports::Jobs;
use cutline_core::testing::MemoryLinks;
use cutline_core::usecases::{ReviewError, Submission, SubmittedSet, SubmittedSource};
use cutline_core::{AssetKind, Clock as _, Confidence, FailureCode, Job, JobId, JobState, Mode, ParamSet, Policy};
use serde_json::json;

use crate::disturb::{Calls, disturb};
use crate::receivers::{GOOD, url, world};
use crate::world::{FaultInjector, World};

const FIRST: DraftRevision = DraftRevision::FIRST;

fn none() -> Arc<FaultInjector> {
    FaultInjector::none()
}

fn reviewer(name: &str) -> Actor {
    Actor::Key(name.to_owned())
}

fn reject() -> ReviewDecision {
    let note = ReviewNote::try_from("the handle is gone".to_owned()).ok();
    ReviewDecision::Reject { reason: RejectReason::Subject, note }
}

fn submission(world: &World, review: ReviewRule) -> Submission {
    Submission { review: Some(review), ..world.submission(SubmittedSource::Bytes("photo".into())) }
}

/// A job whose pictures were made.
async fn made(world: &World, review: ReviewRule) -> Job {
    let job = world.accepted(submission(world, review)).await;
    world.work(&none()).await;
    world.job(job.id).await
}

async fn held(world: &World) -> Job {
    let job = made(world, ReviewRule::Always).await;
    assert!(matches!(job.state, JobState::Review { .. }), "{job:?}");
    job
}

async fn decide(world: &World, id: JobId, decision: ReviewDecision, by: &str) -> Result<Job, ReviewError> {
    world.review(&none()).decide(&world.owner, id, FIRST, decision, reviewer(by)).await
}

fn failure(job: &Job) -> FailureCode {
    match &job.state {
        JobState::Failed { failure, .. } => failure.code,
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn an_approved_draft_is_the_result() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    let draft = job.outcome().cloned().expect("a draft");
    assert_eq!((job.progress, job.needs, job.expires_at), (99, RecordVersion::RECUT, None));
    assert_eq!((job.stage(), world.ended().await), (None, EndCounts::default()));
    assert!(world.queue.bodies().is_empty(), "no worker knows of it");

    let approved = decide(&world, job.id, ReviewDecision::Approve, "anna").await.expect("approved");
    let JobState::Done { outcome, .. } = &approved.state else { panic!("{approved:?}") };
    assert_eq!((outcome, approved.progress), (&draft, 100));
    let decision = approved.decision.as_ref().expect("a decision");
    assert_eq!((decision.verdict, &decision.by), (Verdict::Approved, &reviewer("anna")));
    assert_eq!(world.job(job.id).await, approved);
    assert_eq!(world.ended().await, EndCounts { done: 1, ..EndCounts::default() });
    assert_eq!(world.credits().await, Some(0));
}

#[tokio::test]
async fn a_rejected_job_fails_and_stays_charged() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    let rejected = decide(&world, job.id, reject(), "anna").await.expect("rejected");
    assert_eq!(failure(&rejected), FailureCode::Rejected);
    let JobState::Failed { failure, .. } = &rejected.state else { panic!("{rejected:?}") };
    assert_eq!(failure.message, "a reviewer rejected the pictures (subject): the handle is gone");
    assert_eq!((world.credits().await, world.ended().await.failed), (Some(0), 1));
    // Its pictures can be made again, for another credit.
    assert!(rejected.expires_at.is_some_and(|at| at > world.clock.now()));
}

#[tokio::test]
async fn a_rule_holds_doubtful_jobs_only() {
    // The pipeline of these tests is always sure by 0.25.
    for (limit, is_held) in [(0.0, false), (0.25, false), (0.251, true), (1.0, true)] {
        let world = World::new(None).await;
        let below = Confidence::try_from(limit).expect("a confidence");
        let job = made(&world, ReviewRule::Below(below)).await;
        assert_eq!(job.is_held(), is_held, "below {limit}");
        assert_eq!(job.needs, RecordVersion::RECUT, "an earlier release would not hold it, nor read its regions");
    }
    let world = World::new(None).await;
    let job = made(&world, ReviewRule::Off).await;
    assert_eq!((job.has_ended(), job.needs), (true, RecordVersion::FIRST));
}

/// A job of a photograph without a subject.
async fn empty(world: &World, review: ReviewRule) -> Job {
    let photo = world.submission(SubmittedSource::Bytes("empty".into()));
    let job = world.accepted(Submission { review: Some(review), ..photo }).await;
    world.work(&none()).await;
    world.job(job.id).await
}

#[tokio::test]
async fn a_photograph_without_a_subject_is_held_with_an_empty_draft_that_nobody_can_approve() {
    for rule in [ReviewRule::Always, ReviewRule::Below(Confidence::nearest(0.1))] {
        let world = World::new(Some(1)).await;
        let job = empty(&world, rule).await;
        let outcome = job.outcome().expect("a draft");
        assert_eq!((job.is_held(), outcome.is_empty(), outcome.confidence), (true, true, Some(Confidence::NONE)));
        assert_eq!(job.needs, RecordVersion::ATTENTION, "an earlier release would let it be approved");
        let record = serde_json::to_value(&job).expect("serializes");
        assert_eq!(serde_json::from_value::<Job>(record).expect("is read again"), job);

        let approved = decide(&world, job.id, ReviewDecision::Approve, "anna").await;
        assert!(matches!(approved, Err(ReviewError::Refused(DecisionRefused::Empty))), "{approved:?}");
        assert_eq!(world.job(job.id).await, job);
        assert_eq!(world.credits().await, Some(0), "a correction may still make pictures");
        let rejected = decide(&world, job.id, reject(), "anna").await.expect("rejected");
        assert_eq!((failure(&rejected), world.credits().await), (FailureCode::Rejected, Some(1)));
    }
}

#[tokio::test]
async fn an_empty_draft_that_expires_or_is_deleted_gives_its_credit_back() {
    let world = World::new(Some(1)).await;
    let job = empty(&world, ReviewRule::Always).await;
    assert!(world.delete(&none()).run(&world.owner, job.id).await.expect("no fault"));
    assert_eq!(world.credits().await, Some(1));

    let world = World::new(Some(1)).await;
    let job = empty(&world, ReviewRule::Always).await;
    world.clock.advance(world.policy.retention);
    world.swept(&none()).await;
    assert_eq!((failure(&world.job(job.id).await), world.credits().await), (FailureCode::ReviewExpired, Some(1)));
}

#[tokio::test]
async fn without_review_a_photograph_without_a_subject_fails_and_is_refunded() {
    for rule in [ReviewRule::Off, ReviewRule::Below(Confidence::NONE)] {
        let world = World::new(Some(1)).await;
        let job = empty(&world, rule).await;
        assert_eq!((failure(&job), world.credits().await), (FailureCode::NoSubject, Some(1)), "{rule}");
    }
}

/// The pipeline's confidence is 0.25.
#[tokio::test]
async fn held_jobs_and_those_that_ask_for_it_have_previews() {
    let below = |limit| ReviewRule::Below(Confidence::try_from(limit).expect("a confidence"));
    let inline = |previews| {
        let set = ParamSet { previews, ..ParamSet::read(json!({"variations": ["background"]})).expect("a set") };
        Some(SubmittedSet::Inline(Box::new(set)))
    };
    for (review, previews, of_set, expected) in [
        (ReviewRule::Off, None, None, false),
        (ReviewRule::Off, Some(true), None, true),
        (ReviewRule::Off, None, Some(true), true),
        (ReviewRule::Off, Some(false), Some(true), false),
        (ReviewRule::Always, Some(false), None, true),
        (below(0.2), None, None, false),
        (below(0.3), None, None, true),
    ] {
        let world = World::new(None).await;
        let submission = Submission { previews, mode: Mode::Params, set: inline(of_set), ..submission(&world, review) };
        let job = world.accepted(submission).await;
        let needs = if review.is_off() && !job.spec.previews { RecordVersion::FIRST } else { RecordVersion::PREVIEWS };
        assert_eq!(job.needs, needs, "{review} {previews:?} {of_set:?}");
        assert_eq!(job.spec.set.as_ref().and_then(|used| used.set.previews), None, "an earlier release reads the set");
        world.work(&none()).await;
        let job = world.job(job.id).await;
        let assets = &job.outcome().expect("a result").assets;
        for kind in [AssetKind::Preview, AssetKind::SourcePreview, AssetKind::Thumb] {
            assert_eq!(assets.contains_key(&kind), expected, "{review} {previews:?} {of_set:?}: {assets:?}");
        }
    }
}

#[tokio::test]
async fn the_first_of_two_reviewers_decides() {
    let world = World::new(None).await;
    let job = held(&world).await;
    let [anna, bert] = [ReviewDecision::Approve, reject()];
    let (first, second) =
        tokio::join!(decide(&world, job.id, anna.clone(), "anna"), decide(&world, job.id, bert.clone(), "bert"));
    let first = first.expect("decided");
    assert!(matches!(second, Err(ReviewError::Refused(DecisionRefused::NotHeld))), "{second:?}");
    assert_eq!(world.job(job.id).await, first);
    // A request whose answer was lost is sent again.
    assert_eq!(decide(&world, job.id, anna, "anna").await.expect("the same decision"), first);
    assert!(matches!(
        decide(&world, job.id, ReviewDecision::Approve, "bert").await,
        Err(ReviewError::Refused(DecisionRefused::NotHeld))
    ));
}

#[tokio::test]
async fn a_decision_about_another_revision_or_another_job_is_refused() {
    let world = World::new(None).await;
    let job = held(&world).await;
    let review = world.review(&none());
    let anna = || reviewer("anna");
    let stale = review.decide(&world.owner, job.id, DraftRevision::new(2), ReviewDecision::Approve, anna()).await;
    let refused = DecisionRefused::Stale { current: FIRST };
    assert!(matches!(stale, Err(ReviewError::Refused(found)) if found == refused), "{stale:?}");
    let other = "other".parse().expect("an owner");
    let foreign = review.decide(&other, job.id, FIRST, ReviewDecision::Approve, anna()).await;
    assert!(matches!(foreign, Err(ReviewError::NotFound)), "{foreign:?}");
    let pending = world.accepted(submission(&world, ReviewRule::Always)).await;
    let early = review.decide(&world.owner, pending.id, FIRST, ReviewDecision::Approve, anna()).await;
    assert!(matches!(early, Err(ReviewError::Refused(DecisionRefused::NotHeld))), "{early:?}");
    assert_eq!(world.job(job.id).await, job, "nothing was decided");
}

#[tokio::test]
async fn nobody_decides_in_time() {
    for days in [1, 7] {
        let policy = Policy::with_retention_days(days);
        let world = World { policy, ..World::new(Some(1)).await };
        let job = held(&world).await;
        let JobState::Review { since, deadline, .. } = job.state else { panic!("{job:?}") };
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(deadline, since + (policy.retention - day).max(policy.retention / 2));
        world.clock.advance(policy.retention / 4);
        world.swept(&none()).await;
        assert!(world.job(job.id).await.is_held(), "not before the deadline");
        world.clock.advance(policy.retention);
        world.swept(&none()).await;
        let expired = world.job(job.id).await;
        assert_eq!((failure(&expired), world.credits().await), (FailureCode::ReviewExpired, Some(0)));
        assert_eq!(expired.decision.as_ref().map(|decision| decision.verdict), Some(Verdict::Expired));
        let late = decide(&world, job.id, ReviewDecision::Approve, "anna").await;
        assert!(matches!(late, Err(ReviewError::Refused(DecisionRefused::NotHeld))), "{late:?}");
    }
}

#[tokio::test]
async fn a_held_job_can_be_deleted_and_keeps_its_credit_spent() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    assert!(world.delete(&none()).run(&world.owner, job.id).await.expect("no fault"));
    world.swept(&none()).await;
    assert!(world.blobs.keys().is_empty());
    assert_eq!((world.credits().await, world.ended().await.cancelled), (Some(0), 1));
    assert!(matches!(decide(&world, job.id, ReviewDecision::Approve, "anna").await, Err(ReviewError::NotFound)));
}

/// The receiver hears that a job is held, and later how it ended. An event that was not delivered in time is not sent any more.
#[tokio::test]
async fn a_receiver_hears_of_the_draft_and_of_the_end() {
    for hears_of_draft in [true, false] {
        let world = world().await;
        let submission = Submission { webhook_url: Some(url(GOOD)), ..submission(&world, ReviewRule::Always) };
        let job = world.accepted(submission).await;
        world.work_on_jobs(&none()).await;
        if hears_of_draft {
            world.report(&none()).await;
        }
        let job = world.job(job.id).await;
        let (report, _) = job.webhook().expect("a webhook");
        assert_eq!(report.id, ReportId::draft(job.id, FIRST));
        assert_eq!(report.status == ReportStatus::Delivered, hears_of_draft);
        decide(&world, job.id, ReviewDecision::Approve, "anna").await.expect("approved");
        world.clock.advance(Duration::from_secs(1));
        while world.report(&none()).await > 0 {}
        let received = world.receivers.received();
        let ids: Vec<_> = received.iter().map(|one| one.id.as_str()).collect();
        let (draft, end) = (ReportId::draft(job.id, FIRST), ReportId::webhook(job.id));
        let expected = [Some(draft.as_str()).filter(|_| hears_of_draft), Some(end.as_str())];
        assert_eq!(ids, Vec::from_iter(expected.into_iter().flatten()));
        let kinds = ["JobReview", "JobDone"];
        for (one, kind) in received.iter().zip(&kinds[usize::from(!hears_of_draft)..]) {
            assert!(one.payload.contains(kind), "{one:?}");
        }
    }
}

/// Every call of the decision fails, or its process is killed, before and after it took effect.
#[tokio::test]
async fn a_decision_is_stored_once_whatever_fails() {
    disturb(Calls::at_least(2), async |faults| {
        let world = World::new(Some(1)).await;
        let job = held(&world).await;
        let review = world.review(&faults);
        let approval = review.decide(&world.owner, job.id, FIRST, ReviewDecision::Approve, reviewer("anna"));
        let first = faults.unless_killed(approval).await;
        // The reviewer got no answer, or an error, and sends the decision again.
        let again = decide(&world, job.id, ReviewDecision::Approve, "anna").await.expect("approved");
        if let Some(Ok(first)) = first {
            assert_eq!(first, again, "{faults}");
        }
        let counted = EndCounts { done: 1, ..EndCounts::default() };
        assert_eq!((world.ended().await, world.credits().await), (counted, Some(0)), "{faults}");
        let refused = decide(&world, job.id, reject(), "bert").await;
        assert!(matches!(refused, Err(ReviewError::Refused(DecisionRefused::NotHeld))), "{refused:?}");
    })
    .await;
}

/// A worker is killed at any call while it makes the pictures: the job is held once all the same.
#[tokio::test]
async fn a_job_is_held_whatever_fails_before() {
    disturb(Calls::at_least(8), async |faults| {
        let world = World::new(Some(1)).await;
        let job = world.accepted(submission(&world, ReviewRule::Always)).await;
        world.work(&faults).await;
        for _ in 0..40 {
            world.clock.advance(Duration::from_secs(60));
            world.swept(&none()).await;
            world.work(&none()).await;
        }
        let job = world.store.get(job.id).await.expect("get").expect("a job");
        assert!(job.is_held(), "{faults}: {job:?}");
        assert_eq!((world.ended().await, world.credits().await), (EndCounts::default(), Some(0)));
    })
    .await;
}

#[tokio::test]
async fn a_decision_after_the_deadline_comes_too_late() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    let JobState::Review { deadline, .. } = job.state else { panic!("{job:?}") };
    world.clock.set(deadline);
    let late = decide(&world, job.id, ReviewDecision::Approve, "anna").await;
    assert!(matches!(late, Err(ReviewError::Refused(DecisionRefused::NotHeld))), "{late:?}");
    // The sweep was down for long.
    world.clock.advance(world.policy.retention * 2);
    world.swept(&none()).await;
    let expired = world.job(job.id).await;
    assert_eq!(failure(&expired), FailureCode::ReviewExpired);
    assert!(expired.expires_at > Some(world.clock.now()), "there is time to read it");
}

/// The files of a job that was not approved are stored until it expires, and count until then.
#[tokio::test]
async fn discarded_pictures_still_count_as_stored() {
    let world = World::new(None).await;
    let job = held(&world).await;
    let rejected = decide(&world, job.id, reject(), "anna").await.expect("rejected");
    assert_eq!(rejected.stored_bytes(), job.stored_bytes());
    assert!(rejected.stored_bytes() > rejected.source_bytes.unwrap_or(0), "{rejected:?}");
}

#[tokio::test]
async fn the_event_of_a_draft_is_sent_again_on_request() {
    let world = world().await;
    let submission = Submission { webhook_url: Some(url(GOOD)), ..submission(&world, ReviewRule::Always) };
    let job = world.accepted(submission).await;
    world.work(&none()).await;
    world.resend_webhook(&none()).run(&world.owner, job.id).await.expect("sent again");
    world.report(&none()).await;
    let ids: Vec<_> = world.receivers.received().iter().map(|one| one.id.clone()).collect();
    assert_eq!(ids, [ReportId::draft(job.id, FIRST).to_string(), ReportId::draft(job.id, FIRST).to_string()]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_a_job_comes_to_be_held_and_not_before() {
    let world = World::new(None).await;
    let job = world.accepted(submission(&world, ReviewRule::Always)).await;
    let limit = Duration::from_secs(20);
    let status = world.status(MemoryLinks::new(world.clock.clone()));
    let wait = async |limit| {
        let begun = tokio::time::Instant::now();
        let view = status.wait(&world.owner, job.id, limit).await.expect("no fault").expect("a job");
        (view.job.is_held(), begun.elapsed())
    };
    let (first, ()) = tokio::join!(wait(limit), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.work(&none()).await;
    });
    assert!(first.0 && first.1 <= Duration::from_millis(1_110), "late by more than a tenth: {first:?}");
    let again = wait(limit).await;
    assert!(again.0 && again.1 >= limit, "its wait is the client's pause: {again:?}");
}
