//! Cutting a photograph again: the next revision of a held job, or a new job for a done one.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::job::{
    DecisionRefused, RecordVersion, Recut, RecutRefused, ReportId, ReviewDecision, WaitingDraft,
};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::message::Message;
use cutline_core::domain::outcome::RECUT;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{Hints, HintsChange, Holes, MaskSource, SubjectChanges, SubjectSettings};
use cutline_core::domain::usage::EndCounts;
use cutline_core::ports::{Blobs as _, Destination, Queue as _};
use cutline_core::testing::MemoryLinks;
use cutline_core::usecases::{
    AcceptedJob, RecutError, RecutRequest, RerunError, ReviewError, Submission, SubmittedSource,
};
use cutline_core::{AssetKind, Clock as _, Confidence, FailureCode, Job, JobId, JobState, StorageKey, Variation};
use serde_json::json;

use crate::naming::linked_names;
use crate::receivers::{GOOD, url, world};
use crate::world::{FaultInjector, World};

pub(crate) const FIRST: DraftRevision = DraftRevision::FIRST;
const SECOND: DraftRevision = FIRST.next();
const HOUR: Duration = Duration::from_secs(60 * 60);

pub(crate) fn none() -> Arc<FaultInjector> {
    FaultInjector::none()
}

fn submission(world: &World, review: ReviewRule) -> Submission {
    Submission { review: Some(review), ..world.submission(SubmittedSource::Bytes("photo".into())) }
}

/// A held job, which cost the owner's only credit.
pub(crate) async fn held(world: &World) -> Job {
    let job = world.accepted(submission(world, ReviewRule::Always)).await;
    world.work(&none()).await;
    let job = world.job(job.id).await;
    assert!(job.is_held(), "{job:?}");
    job
}

/// A click that removes something.
pub(crate) fn click() -> SubjectChanges {
    let hints = Hints::read(&json!([{"kind": "remove", "points": [[3, 4]]}])).expect("valid").expect("has hints");
    SubjectChanges { hints: Some(HintsChange::Replace(hints)), ..SubjectChanges::default() }
}

fn holes(holes: Holes) -> SubjectChanges {
    SubjectChanges { holes: Some(holes), ..SubjectChanges::default() }
}

fn cut_by(mask_source: MaskSource) -> SubjectChanges {
    SubjectChanges { mask_source: Some(mask_source), ..SubjectChanges::default() }
}

pub(crate) async fn recut(
    world: &World,
    id: JobId,
    revision: DraftRevision,
    changes: SubjectChanges,
    by: &str,
) -> Result<AcceptedJob, RecutError> {
    let request = RecutRequest { revision: Some(revision), changes, mask: None };
    world.recut(by, &none()).run(&world.owner, None, id, &request, None).await
}

/// The new job of one that is done.
pub(crate) async fn recut_done(world: &World, id: JobId, changes: SubjectChanges) -> Result<AcceptedJob, RecutError> {
    let request = RecutRequest { revision: None, changes, mask: None };
    world.recut("anna", &none()).run(&world.owner, None, id, &request, None).await
}

async fn decide(world: &World, id: JobId, revision: DraftRevision) -> Result<Job, ReviewError> {
    let by = Actor::Key("anna".to_owned());
    world.review(&none()).decide(&world.owner, id, revision, ReviewDecision::Approve, by).await
}

pub(crate) fn revision(job: &Job) -> DraftRevision {
    match job.state {
        JobState::Review { revision, .. } => revision,
        ref state => panic!("not held: {state:?}"),
    }
}

async fn stored(world: &World, key: StorageKey) -> Option<String> {
    let bytes = world.blobs.get(&key).await.expect("get")?;
    Some(String::from_utf8(bytes.to_vec()).expect("text"))
}

/// The content of a job's picture, and of its evidence.
async fn files(world: &World, job: &Job) -> (String, String) {
    let outcome = job.outcome().expect("an outcome");
    let picture = stored(world, outcome.pictures[&Variation::Background].key).await.expect("a picture");
    let evidence = stored(world, outcome.assets[&AssetKind::Evidence].key).await.expect("evidence");
    (picture, evidence)
}

#[tokio::test]
async fn a_recut_is_held_as_the_next_revision() {
    let world = World::new(Some(1)).await;
    let first = held(&world).await;
    let before = files(&world, &first).await;
    let accepted = recut(&world, first.id, FIRST, click(), "anna").await.expect("accepted");
    assert_eq!((accepted.id, accepted.is_replay), (first.id, false));

    let waiting = world.job(first.id).await;
    assert!(matches!(waiting.state, JobState::Queued { .. }), "{waiting:?}");
    assert_eq!((waiting.progress, waiting.attempts, waiting.lane), (99, 0, Lane::Live));
    assert_eq!(waiting.outcome(), first.outcome(), "its draft can be seen meanwhile");
    let view = world.status(MemoryLinks::new(world.clock.clone())).run(&world.owner, first.id).await;
    let view = view.expect("no fault").expect("a job");
    let stored = &first.outcome().expect("a draft").assets;
    let listed = AssetKind::listed().filter(|kind| stored.contains_key(kind)).count();
    assert_eq!((view.links.len(), view.assets.len()), (1, listed));
    assert!(stored.contains_key(&AssetKind::Preview) && listed < stored.len(), "{stored:?}");

    world.work(&none()).await;
    let second = world.job(first.id).await;
    assert_eq!((revision(&second), second.progress, second.attempts), (SECOND, 99, 1));
    let (picture, evidence) = files(&world, &second).await;
    assert_eq!(picture, format!("photo{}", serde_json::to_string(&second.spec.subject).expect("serializes")));
    assert_eq!(evidence, before.1, "the networks did not look again");
    assert_ne!(
        second.outcome().and_then(|outcome| outcome.lease()),
        first.outcome().and_then(|outcome| outcome.lease())
    );
    let Recut { of, by, changes, replaces, .. } = *second.recut.clone().expect("the record says so");
    assert_eq!((of, by, changes, replaces), (FIRST, Actor::Key("anna".to_owned()), click(), None));
    let deadline = |job: &Job| job.repair_due_at();
    assert_eq!(deadline(&second), deadline(&first), "nobody gets more time");

    assert_eq!((world.credits().await, world.ended().await), (Some(0), EndCounts::default()));
    assert_eq!(world.audited().await, [("job.recut".to_owned(), Some(first.id))]);
    let stale = decide(&world, first.id, FIRST).await;
    assert!(matches!(stale, Err(ReviewError::Refused(DecisionRefused::Stale { current })) if current == SECOND));
    let approved = decide(&world, first.id, SECOND).await.expect("approved");
    assert_eq!(approved.outcome(), second.outcome());
    assert_eq!(world.ended().await, EndCounts { done: 1, ..EndCounts::default() });
}

#[tokio::test]
async fn a_recut_has_previews_however_sure_it_is() {
    let world = World::new(None).await;
    let rule = ReviewRule::Below(Confidence::nearest(0.5));
    let job = world.accepted(submission(&world, rule)).await;
    world.work(&none()).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    world.work(&none()).await;
    let job = world.job(job.id).await;
    assert_eq!(revision(&job), SECOND);
    let outcome = job.outcome().expect("a draft");
    assert!(!rule.holds(outcome.confidence), "{outcome:?}");
    for kind in [AssetKind::Preview, AssetKind::SourcePreview, AssetKind::Thumb] {
        assert!(outcome.assets.contains_key(&kind), "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_recut_does_not_change_stays() {
    let world = World::new(None).await;
    let job = held(&world).await;
    let steps = [
        (click(), json!({"hints": [{"kind": "remove", "points": [[3.0, 4.0]]}]})),
        (holes(Holes::Open), json!({"hints": [{"kind": "remove", "points": [[3.0, 4.0]]}], "holes": "open"})),
        (SubjectChanges { hints: Some(HintsChange::Remove), ..SubjectChanges::default() }, json!({"holes": "open"})),
        (cut_by(MaskSource::Path), json!({"holes": "open", "mask_source": "path"})),
        (cut_by(MaskSource::Auto), json!({"holes": "open", "mask_source": "auto"})),
    ];
    for (seen, (changes, expected)) in (1..).zip(steps) {
        recut(&world, job.id, DraftRevision::new(seen), changes, "anna").await.expect("accepted");
        world.work(&none()).await;
        let job = world.job(job.id).await;
        assert_eq!(serde_json::to_value(&job.spec.subject).expect("serializes"), expected);
        assert_eq!(revision(&job), DraftRevision::new(seen + 1));
    }
}

#[tokio::test]
async fn releases_that_do_not_know_masks_leave_a_recut_by_one_alone() {
    let world = World::new(None).await;
    let job = held(&world).await;
    recut(&world, job.id, FIRST, holes(Holes::Open), "anna").await.expect("accepted");
    assert!(world.job(job.id).await.needs < RecordVersion::MASK);
    world.work(&none()).await;
    recut(&world, job.id, SECOND, cut_by(MaskSource::Alpha), "anna").await.expect("accepted");
    assert_eq!(world.job(job.id).await.needs, RecordVersion::MASK);
}

#[tokio::test]
async fn nobody_decides_while_a_job_is_cut_again() {
    let world = World::new(None).await;
    let job = held(&world).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    let check = async |what: &str| {
        let decision = decide(&world, job.id, FIRST).await;
        assert!(matches!(decision, Err(ReviewError::Refused(DecisionRefused::Recutting))), "{what}: {decision:?}");
        let other = recut(&world, job.id, FIRST, holes(Holes::Open), "bert").await;
        assert!(matches!(other, Err(RecutError::Refused(RecutRefused::InProgress))), "{what}: {other:?}");
    };
    check("queued").await;
    // A worker pauses in the middle of its work.
    let faults = FaultInjector::pausing_at(3);
    let ((), ()) = tokio::join!(world.work(&faults), async {
        faults.paused().await;
        assert!(matches!(world.job(job.id).await.state, JobState::Running { .. }));
        check("running").await;
        faults.resume();
    });
    assert_eq!(revision(&world.job(job.id).await), SECOND);
}

#[tokio::test]
async fn the_first_of_two_reviewers_cuts_again() {
    let world = World::new(None).await;
    let job = held(&world).await;
    let (anna, bert) = tokio::join!(
        recut(&world, job.id, FIRST, click(), "anna"),
        recut(&world, job.id, FIRST, holes(Holes::Open), "bert")
    );
    anna.expect("accepted");
    assert!(matches!(bert, Err(RecutError::Refused(RecutRefused::InProgress))), "{bert:?}");
    // A request whose answer was lost is sent again, before and after the recut is finished.
    for _ in 0..2 {
        let again = recut(&world, job.id, FIRST, click(), "anna").await.expect("the same answer");
        assert_eq!((again.id, again.is_replay), (job.id, true));
        world.work(&none()).await;
    }
    assert_eq!(revision(&world.job(job.id).await), SECOND);
    let stale = recut(&world, job.id, FIRST, click(), "bert").await;
    assert!(
        matches!(stale, Err(RecutError::Refused(RecutRefused::Stale { current })) if current == SECOND),
        "{stale:?}"
    );
    // Approval and recut of the same draft: one of them wins.
    let (approved, late) = tokio::join!(decide(&world, job.id, SECOND), recut(&world, job.id, SECOND, click(), "bert"));
    approved.expect("approved");
    assert!(matches!(late, Err(RecutError::Refused(RecutRefused::NotHeld))), "{late:?}");
}

#[tokio::test]
async fn a_job_returns_with_its_draft_if_the_recut_fails() {
    let world = World::new(Some(1)).await;
    let first = held(&world).await;
    for _ in 0..2 {
        // The same request again is another try.
        recut(&world, first.id, FIRST, holes(Holes::Keep), "anna").await.expect("accepted");
        world.work(&none()).await;
        let back = world.job(first.id).await;
        assert_eq!((revision(&back), &back.recut), (FIRST, &None));
        assert_eq!(back.spec.subject, SubjectSettings::default(), "its settings return too");
        let outcome = back.outcome().expect("a draft");
        assert_eq!(outcome.pictures, first.outcome().expect("a draft").pictures);
        assert_eq!(outcome.warnings[RECUT], ["The recut failed, and revision 1 stays: no holes."]);
        assert_eq!((world.credits().await, world.ended().await), (Some(0), EndCounts::default()));
    }
    recut(&world, first.id, FIRST, click(), "anna").await.expect("accepted");
    world.work(&none()).await;
    let second = world.job(first.id).await;
    assert!(!second.outcome().expect("a draft").warnings.contains_key(RECUT), "{second:?}");
    assert_eq!(revision(&second), SECOND);
}

#[tokio::test]
async fn the_deadline_ends_a_job_after_its_recut() {
    // No worker takes the job, or one is at work when the deadline passes.
    for has_worker in [false, true] {
        let world = World::new(Some(1)).await;
        let job = held(&world).await;
        let deadline = job.repair_due_at().expect("a deadline");
        world.clock.set(deadline.checked_sub(jiff::SignedDuration::from_secs(1)).expect("a time"));
        recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
        if has_worker {
            let faults = FaultInjector::pausing_at(3);
            let ((), ()) = tokio::join!(world.work(&faults), async {
                faults.paused().await;
                world.clock.advance(Duration::from_secs(2));
                world.swept(&none()).await;
                assert!(world.job(job.id).await.is_recutting(), "the worker goes on");
                faults.resume();
            });
            assert_eq!(revision(&world.job(job.id).await), SECOND);
            let late = recut(&world, job.id, SECOND, click(), "anna").await;
            assert!(matches!(late, Err(RecutError::Refused(RecutRefused::NotHeld))), "{late:?}");
        }
        for _ in 0..5 {
            world.clock.advance(Duration::from_secs(60));
            world.swept(&none()).await;
        }
        let ended = world.job(job.id).await;
        let JobState::Failed { failure, .. } = &ended.state else { panic!("{has_worker}: {ended:?}") };
        assert_eq!(failure.code, FailureCode::ReviewExpired);
        assert_eq!((world.credits().await, world.ended().await.failed), (Some(0), 1));
        world.work(&none()).await;
        assert_eq!(world.job(job.id).await, ended, "its message does nothing any more");
    }
}

/// A job that was held for days has as much time in the queue as any other.
#[tokio::test]
async fn a_recut_may_wait_for_a_worker() {
    let world = World::new(None).await;
    let job = held(&world).await;
    world.clock.advance(world.policy.max_pending + HOUR);
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    for _ in 0..10 {
        world.clock.advance(HOUR);
        world.swept(&none()).await;
    }
    assert!(world.job(job.id).await.is_recutting());
    world.work(&none()).await;
    assert_eq!(revision(&world.job(job.id).await), SECOND);
}

#[tokio::test]
async fn a_job_can_be_deleted_while_it_is_cut_again() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    assert!(world.delete(&none()).run(&world.owner, job.id).await.expect("no fault"));
    for _ in 0..15 {
        world.work(&none()).await;
        world.swept(&none()).await;
        world.clock.advance(Duration::from_secs(60));
    }
    let tombstone = world.job(job.id).await;
    assert!(matches!(tombstone.state, JobState::Withdrawn { .. }) && tombstone.recut.is_none(), "{tombstone:?}");
    assert!(world.blobs.keys().is_empty());
    assert_eq!((world.credits().await, world.ended().await.cancelled), (Some(0), 1), "its pictures were made");
}

#[tokio::test]
async fn a_message_that_arrives_twice_makes_one_revision() {
    let world = World::new(None).await;
    let job = held(&world).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    let waiting = world.job(job.id).await;
    for _ in 0..2 {
        let message = Message { job_id: job.id };
        world.queue.send(&message, Destination::of(&waiting), Duration::ZERO).await.expect("sent");
    }
    world.work(&none()).await;
    world.work(&none()).await;
    assert_eq!(revision(&world.job(job.id).await), SECOND);
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn replaced_files_go_once_no_link_to_them_works() {
    for is_approved in [false, true] {
        let world = World::new(None).await;
        let first = held(&world).await;
        let lease = first.outcome().and_then(|outcome| outcome.lease());
        let old = || world.blobs.keys().into_iter().filter(|key| key.lease() == lease).count();
        assert!(old() > 2);
        recut(&world, first.id, FIRST, click(), "anna").await.expect("accepted");
        world.work(&none()).await;
        let second = world.job(first.id).await;
        assert_eq!(second.stored_bytes(), first.stored_bytes() + second.outcome().expect("a draft").bytes());
        if is_approved {
            decide(&world, first.id, SECOND).await.expect("approved");
        }
        world.clock.advance(HOUR - Duration::from_secs(1));
        world.swept(&none()).await;
        assert!(old() > 2, "links to them may still work");
        world.clock.advance(Duration::from_secs(1));
        world.swept(&none()).await;
        assert_eq!(old(), 0);
        let job = world.job(first.id).await;
        assert_eq!((job.replaced.len(), job.deletion_due_at()), (0, None));
        files(&world, &job).await;
        assert!(stored(&world, StorageKey::Source { job: job.id }).await.is_some());
    }
}

#[tokio::test]
async fn a_job_has_fifty_revisions_at_most() {
    let world = World::new(None).await;
    let job = held(&world).await;
    for seen in 1..DraftRevision::LAST.get() {
        recut(&world, job.id, DraftRevision::new(seen), click(), "anna").await.expect("accepted");
        world.work(&none()).await;
    }
    let last = world.job(job.id).await;
    assert_eq!((revision(&last), last.replaced.len()), (DraftRevision::LAST, 49));
    let refused = recut(&world, job.id, DraftRevision::LAST, click(), "anna").await;
    assert!(matches!(refused, Err(RecutError::Refused(RecutRefused::TooMany))), "{refused:?}");
    world.clock.advance(2 * HOUR);
    world.swept(&none()).await;
    assert!(world.job(job.id).await.replaced.is_empty());
}

#[tokio::test]
async fn the_networks_look_again_if_the_evidence_is_gone() {
    let world = World::new(None).await;
    let first = held(&world).await;
    let before = files(&world, &first).await.1;
    let lease = first.outcome().and_then(|outcome| outcome.lease()).expect("a lease");
    cutline_core::ports::JobFiles::delete_outputs(world.blobs.as_ref(), first.id, lease).await.expect("deleted");
    recut(&world, first.id, FIRST, click(), "anna").await.expect("accepted");
    world.work(&none()).await;
    let second = world.job(first.id).await;
    let after = files(&world, &second).await.1;
    assert!(revision(&second) == SECOND && after != before && after.starts_with("look "), "{after}");
}

/// A file that was fetched from a URL is not fetched again: it may be another one by now.
#[tokio::test]
async fn without_its_photograph_a_draft_stays() {
    let world = World::new(None).await;
    let url = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
    let job = world.accepted(Submission { review: Some(ReviewRule::Always), ..world.submission(url) }).await;
    world.work(&none()).await;
    let job = world.job(job.id).await;
    assert!(job.is_held());
    let lease = job.outcome().and_then(|outcome| outcome.lease());
    cutline_core::ports::JobFiles::delete(world.blobs.as_ref(), job.id).await.expect("deleted");
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    world.work(&none()).await;
    let back = world.job(job.id).await;
    assert_eq!((revision(&back), back.outcome().and_then(|outcome| outcome.lease())), (FIRST, lease));
    assert!(back.outcome().expect("a draft").warnings[RECUT][0].contains("no longer stored"), "{back:?}");
    assert_eq!(world.source.fetches.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_receiver_hears_of_every_revision() {
    let world = world().await;
    let submission = Submission { webhook_url: Some(url(GOOD)), ..submission(&world, ReviewRule::Always) };
    let job = world.accepted(submission).await;
    world.work_on_jobs(&none()).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    // The event of the first draft was not delivered yet, and is not any more.
    while world.report(&none()).await > 0 {}
    assert!(world.receivers.received().is_empty(), "nothing is held now");
    world.work(&none()).await;
    decide(&world, job.id, SECOND).await.expect("approved");
    world.clock.advance(Duration::from_secs(1));
    while world.report(&none()).await > 0 {}
    let received = world.receivers.received();
    let ids: Vec<_> = received.iter().map(|one| one.id.clone()).collect();
    assert_eq!(ids, [ReportId::draft(job.id, SECOND).to_string(), ReportId::webhook(job.id).to_string()]);
    assert!(received[0].payload.contains("JobRevised"), "{received:?}");
}

pub(crate) async fn done(world: &World, review: ReviewRule) -> Job {
    let job = world.accepted(submission(world, review)).await;
    world.work(&none()).await;
    match review {
        ReviewRule::Off => world.job(job.id).await,
        _ => decide(world, job.id, FIRST).await.expect("approved"),
    }
}

#[tokio::test]
async fn a_done_job_is_cut_again_as_a_new_one() {
    for review in [ReviewRule::Always, ReviewRule::Off] {
        let world = World::new(Some(1)).await;
        let old = done(&world, review).await;
        let accepted = recut_done(&world, old.id, click()).await.expect("accepted");
        let new = world.job(accepted.id).await;
        assert_eq!((new.recut_of, new.retry_of, new.charged), (Some(old.id), None, false));
        assert_eq!((new.spec.review, new.lane), (ReviewRule::Always, Lane::Live));
        world.work(&none()).await;
        let new = world.job(new.id).await;
        assert_eq!(revision(&new), FIRST);
        let (picture, evidence) = files(&world, &new).await;
        assert!(picture.starts_with("photo{\"hints\""), "{picture}");
        if review == ReviewRule::Always {
            assert_eq!(evidence, files(&world, &old).await.1, "the networks did not look again");
            assert_eq!(new.source_bytes, Some(("photo".len() + evidence.len()) as u64));
        }
        assert_eq!((world.credits().await, world.ended().await.done), (Some(0), 1), "it costs nothing");
        assert_eq!(world.audited().await, [("job.recut".to_owned(), Some(old.id))]);
        assert_eq!(world.job(old.id).await, old);
        decide(&world, new.id, FIRST).await.expect("approved");
        assert!(world.delete(&none()).run(&world.owner, new.id).await.expect("no fault"));
        world.swept(&none()).await;
        world.clock.advance(HOUR);
        world.swept(&none()).await;
        assert!(world.blobs.keys().iter().all(|key| key.job() == old.id), "{:?}", world.blobs.keys());
    }
}

#[tokio::test]
async fn the_number_in_names_of_files_goes_on_in_the_new_job() {
    let world = World::new(None).await;
    let named = Submission { output_name: "v{revision}".parse().ok(), ..submission(&world, ReviewRule::Always) };
    let job = world.accepted(named).await;
    world.work(&none()).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    world.work(&none()).await;
    let job = decide(&world, job.id, SECOND).await.expect("approved");
    let name = async |id| linked_names(&world, id).await[0].clone().expect("a name");
    assert_eq!(name(job.id).await, "v2.png");
    let mut last = job.id;
    for expected in ["v3.png", "v4.png"] {
        last = recut_done(&world, last, click()).await.expect("accepted").id;
        world.work(&none()).await;
        decide(&world, last, FIRST).await.expect("approved");
        assert_eq!(name(last).await, expected);
    }
}

#[tokio::test]
async fn a_repeated_request_makes_one_new_job() {
    let world = World::new(None).await;
    let old = done(&world, ReviewRule::Always).await;
    let key = "again".parse().expect("a key");
    let run = async |changes| {
        let request = RecutRequest { revision: None, changes, mask: None };
        world.recut("anna", &none()).run(&world.owner, None, old.id, &request, Some(&key)).await
    };
    let first = run(click()).await.expect("accepted");
    let second = run(click()).await.expect("the same answer");
    assert_eq!((first.id, first.is_replay, second.id, second.is_replay), (second.id, false, first.id, true));
    let other = run(holes(Holes::Open)).await;
    assert!(matches!(other, Err(RecutError::Rerun(RerunError::KeyReused))), "{other:?}");
    assert_eq!(world.store.all_jobs().len(), 2);
}

#[tokio::test]
async fn a_recut_needs_a_cut_and_its_photograph() {
    let world = World::new(Some(9)).await;
    let refusal = async |id| recut_done(&world, id, click()).await.expect_err("refused");
    let pending = world.submitted(b"photo").await;
    assert!(matches!(refusal(pending.id).await, RecutError::Rerun(RerunError::Pending)));
    let failed = world.submitted(b"fault").await;
    world.work(&none()).await;
    assert!(matches!(refusal(failed.id).await, RecutError::Failed));
    let held = held(&world).await;
    assert!(matches!(refusal(held.id).await, RecutError::RevisionMissing));
    recut(&world, held.id, FIRST, click(), "anna").await.expect("accepted");
    assert!(matches!(refusal(held.id).await, RecutError::RevisionMissing));
    let done = done(&world, ReviewRule::Always).await;
    let named = recut(&world, done.id, FIRST, click(), "anna").await;
    assert!(matches!(named, Err(RecutError::Refused(RecutRefused::NotHeld))), "{named:?}");
    cutline_core::ports::JobFiles::delete(world.blobs.as_ref(), done.id).await.expect("deleted");
    assert!(matches!(refusal(done.id).await, RecutError::Rerun(RerunError::SourceExpired)));
    let other = "other".parse().expect("an owner");
    let request = RecutRequest { revision: None, changes: click(), mask: None };
    let foreign = world.recut("anna", &none()).run(&other, None, done.id, &request, None).await;
    assert!(matches!(foreign, Err(RecutError::Rerun(RerunError::NotFound))), "{foreign:?}");
}

/// The settings of a waiting draft are the job's own again if its recut fails, and nothing else of it changes.
#[tokio::test]
async fn a_waiting_draft_has_all_that_returns() {
    let world = World::new(None).await;
    let held = held(&world).await;
    let JobState::Review { since, outcome, deadline, .. } = held.state.clone() else { panic!("{held:?}") };
    recut(&world, held.id, FIRST, click(), "anna").await.expect("accepted");
    let waiting = world.job(held.id).await;
    let (_, draft) = waiting.recut_in_progress().expect("a recut");
    assert_eq!(
        *draft,
        WaitingDraft { since, outcome, deadline, subject: held.spec.subject.clone(), mask: None, inset: None }
    );
    assert!(waiting.needs > RecordVersion::SUBJECT);
    assert_eq!(
        serde_json::from_value::<Job>(serde_json::to_value(&waiting).expect("serializes")).expect("reads"),
        waiting
    );
    assert!(waiting.pending_until(&world.policy) <= deadline && world.clock.now() < deadline);
}
