//! Repeating ended jobs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::idempotency::IdempotencyKey;
use cutline_core::domain::job::JobSpec;
use cutline_core::domain::lane::Lane;
use cutline_core::ports::{Blobs, JobFiles, Jobs};
use cutline_core::usecases::{AcceptedJob, RerunError, RetryError, Submission, SubmitError, SubmittedSource};
use cutline_core::{Job, JobId, JobState, StorageKey};

use crate::disturb::{Calls, disturb};
use crate::world::{FaultInjector, World};

async fn work(world: &World) {
    world.work(&FaultInjector::none()).await;
}

async fn retry(world: &World, id: JobId) -> Result<Job, RetryError> {
    let accepted = world.retry(&FaultInjector::none()).run(&world.owner, None, id, None).await?;
    Ok(world.job(accepted.id).await)
}

async fn source(world: &World, job: JobId) -> Option<Bytes> {
    world.blobs.get(&StorageKey::Source { job }).await.expect("get")
}

#[tokio::test]
async fn a_retry_is_a_new_job_from_a_copy_of_the_source() {
    let world = World::new(Some(2)).await;
    let url: cutline_core::SourceUrl = "https://example.com/a.jpg".parse().expect("a URL");
    for first in [SubmittedSource::Bytes(Bytes::from_static(b"photo")), SubmittedSource::Url(url)] {
        let world = World::new(Some(2)).await;
        let submission = world.submission(first);
        let submission = Submission { external_id: "4711".parse().ok(), lane: Lane::Bulk, ..submission };
        let old = world.accepted(submission).await;
        work(&world).await;
        let old_source = source(&world, old.id).await;
        let new = retry(&world, old.id).await.expect("accepted");
        let JobSpec { external_id, mode, .. } = &new.spec;
        assert_eq!((new.retry_of, external_id, mode), (Some(old.id), &old.spec.external_id, &old.spec.mode));
        assert_eq!((old.lane, new.lane), (Lane::Bulk, Lane::Bulk));
        assert_ne!(new.id, old.id);
        assert_eq!(world.audited().await, [("job.retried".to_owned(), Some(old.id))]);
        assert!(old_source.is_some() && source(&world, new.id).await == old_source);
        world.blobs.delete(old.id).await.expect("delete");
        work(&world).await;
        assert!(matches!(world.job(new.id).await.state, JobState::Done { .. }), "independent of the old one's files");
        assert_eq!(source(&world, new.id).await, old_source, "not fetched again");
        assert_eq!(world.credits().await, Some(0), "charged like any job");
        assert!(matches!(retry(&world, new.id).await, Err(RetryError::InsufficientCredits)));
    }
    assert!(matches!(
        retry(&world, JobId::new(uuid::Uuid::now_v7())).await,
        Err(RetryError::Rerun(RerunError::NotFound))
    ));
}

#[tokio::test]
async fn without_a_stored_source_a_url_is_fetched_again_and_an_upload_has_expired() {
    let world = World::new(None).await;
    let (fetched, uploaded) = (world.submitted_url().await, world.submitted(b"photo").await);
    assert!(matches!(retry(&world, uploaded.id).await, Err(RetryError::Rerun(RerunError::Pending))));
    work(&world).await;
    for job in [&fetched, &uploaded] {
        world.blobs.delete(job.id).await.expect("delete");
    }
    assert!(matches!(retry(&world, uploaded.id).await, Err(RetryError::Rerun(RerunError::SourceExpired))));
    let again = retry(&world, fetched.id).await.expect("accepted");
    assert_eq!((again.source_bytes, source(&world, again.id).await), (None, None));
    work(&world).await;
    assert!(matches!(world.job(again.id).await.state, JobState::Done { .. }));
    assert_eq!(world.source.fetches.load(std::sync::atomic::Ordering::SeqCst), 2);

    let other = "other".parse().expect("an owner");
    let refused = world.retry(&FaultInjector::none()).run(&other, None, again.id, None).await;
    assert!(matches!(refused, Err(RetryError::Rerun(RerunError::NotFound))), "{refused:?}");
    world.delete(&FaultInjector::none()).run(&world.owner, again.id).await.expect("deleted");
    assert!(matches!(retry(&world, again.id).await, Err(RetryError::Rerun(RerunError::NotFound))));
}

#[tokio::test]
async fn the_result_of_a_retried_drop_replaces_the_manifest() {
    const PATH: &str = "drops/shop/amazon-main/a.jpg";
    let world = World::new(None).await;
    let dropped = world.drop_file(PATH, b"\x89PNG\r\n\x1A\nphoto");
    world.drop_ingest(&FaultInjector::none()).take(&dropped).await.expect("taken in");
    let old = world.store.all_jobs().pop().expect("a job");
    work(&world).await;
    let manifest_job = |world: &World| world.manifest(PATH).expect("a manifest")["job_id"].clone();
    assert_eq!(manifest_job(&world), old.id.to_string());
    let ended = world.job(old.id).await;

    let new = retry(&world, old.id).await.expect("accepted");
    work(&world).await;
    assert_eq!(manifest_job(&world), new.id.to_string());

    // The first job's manifest is delivered late, once more.
    let mut late = ended;
    late.reports = new.reports.clone();
    world.drop_ingest(&FaultInjector::none()).report(&late).await.expect("nothing to do");
    assert_eq!(manifest_job(&world), new.id.to_string());

    // The clock was set back before this one, so its id is lower.
    let third = retry(&world, new.id).await.expect("accepted");
    let low = Job { id: JobId::new(uuid::Uuid::nil()), ..third.clone() };
    world.store.create(&low).await.expect("create");
    let [from, to] = [third.id, low.id].map(|job| StorageKey::Source { job });
    assert!(world.blobs.copy(&from, &to).await.expect("copy"));
    world.process(&FaultInjector::none()).handle_job(low.id).await;
    world.report(&FaultInjector::none()).await;
    assert_eq!(manifest_job(&world), low.id.to_string());

    // A worker still holds this one, which is deleted with its files.
    let held = world.job(low.id).await;
    let held = Job { reports: third.reports.clone(), ..held };
    assert!(world.delete(&FaultInjector::none()).run(&world.owner, low.id).await.expect("deleted"));
    world.blobs.delete(low.id).await.expect("delete");
    world.drop_ingest(&FaultInjector::none()).report(&held).await.expect("nothing to do");
    assert_eq!(world.manifest(PATH).expect("a manifest")["status"], "done", "the good manifest stays");
}

/// The answer to a request for a retry; `None` if the process was killed.
type Answer = Option<Result<AcceptedJob, RetryError>>;

/// A world in which a retry met a fault, after a while.
struct Disturbed {
    world: World,
    first: Answer,
    /// The answer to the same request without a fault, if it was repeated.
    again: Option<Result<AcceptedJob, RetryError>>,
    what: String,
}

/// Sends the request for a retry with a fault at each of its calls in turn; with a key, the client then repeats it.
async fn disturb_retry(key: Option<&IdempotencyKey>, at_least: usize, check: impl AsyncFn(Disturbed)) {
    disturb(Calls::at_least(at_least), async |faults| {
        let world = World::new(Some(5)).await;
        let old = world.submitted(b"photo").await;
        work(&world).await;
        let first = faults.unless_killed(world.retry(&faults).run(&world.owner, None, old.id, key)).await;
        let again = match key {
            Some(_) => Some(world.retry(&FaultInjector::none()).run(&world.owner, None, old.id, key).await),
            None => None,
        };
        for _ in 0..10 {
            work(&world).await;
            world.clock.advance(Duration::from_secs(60));
            world.swept(&FaultInjector::none()).await;
        }
        let what = format!("{faults}: {first:?}, then {again:?}");
        check(Disturbed { world, first, again, what }).await;
    })
    .await;
}

fn done(world: &World) -> usize {
    world.store.all_jobs().iter().filter(|job| matches!(job.state, JobState::Done { .. })).count()
}

/// A call fails before or after it took effect: the caller gets a job that is done in the end, or an error and no job.
#[tokio::test]
async fn a_fault_at_any_call_loses_no_job_and_no_credit() {
    disturb_retry(None, 6, async |Disturbed { world, first, what, .. }| {
        let done = done(&world);
        match &first {
            Some(Ok(new)) => assert!(matches!(world.job(new.id).await.state, JobState::Done { .. }), "{what}"),
            Some(Err(_)) => assert_eq!(done, 1, "{what}"),
            None => {}
        }
        assert_eq!(world.credits().await, Some(5 - done as u64), "{what}");
        assert!(world.audited().await.len() < done, "{what}: an entry for each retry at most");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_repeats_the_job_once() {
    let world = World::new(Some(3)).await;
    let (old, other) = (world.submitted(b"photo").await, world.submitted(b"other").await);
    work(&world).await;
    let key = "order-4711".parse().expect("a key");
    let send =
        async |id, faults: &Arc<FaultInjector>| world.retry(faults).run(&world.owner, None, id, Some(&key)).await;
    let none = FaultInjector::none();
    let first = send(old.id, &none).await.expect("accepted");
    let again = send(old.id, &none).await.expect("accepted, although no credit is left");
    assert_eq!(again, AcceptedJob { is_replay: true, ..first });
    assert_eq!((world.store.all_jobs().len(), world.credits().await), (3, Some(0)));
    for other in [other.id, first.id] {
        let refused = send(other, &none).await;
        assert!(matches!(refused, Err(RetryError::Rerun(RerunError::KeyReused))), "{refused:?}");
    }
    // Neither does a key tell whether another owner has a job, nor does it forget one that is gone.
    let foreign = world.submission(SubmittedSource::Bytes("b".into()));
    let foreign = world.accepted(Submission { owner: "other".parse().expect("an owner"), ..foreign }).await;
    for id in [foreign.id, JobId::new(uuid::Uuid::nil())] {
        let refused = send(id, &none).await;
        assert!(matches!(refused, Err(RetryError::Rerun(RerunError::KeyReused))), "{refused:?}");
    }
    world.delete(&none).run(&world.owner, old.id).await.expect("deleted");
    assert_eq!(send(old.id, &none).await.expect("accepted"), again);
    // The key of an upload is not one for this.
    let uploaded =
        Submission { idempotency_key: Some(key.clone()), ..world.submission(SubmittedSource::Bytes("a".into())) };
    let refused = world.submit(&none).run(uploaded).await;
    assert!(matches!(refused, Err(SubmitError::KeyReused)), "{refused:?}");
}

/// A call fails before or after it took effect; the client repeats the request until it is answered.
#[tokio::test]
async fn a_fault_at_any_call_repeats_the_job_once() {
    let key = "order-4711".parse().expect("a key");
    disturb_retry(Some(&key), 7, async |Disturbed { world, again, what, .. }| {
        let is_answered = again.is_some_and(|again| again.is_ok());
        assert_eq!((done(&world), world.credits().await, is_answered), (2, Some(3), true), "{what}");
        assert!(world.audited().await.len() <= 1, "{what}: an entry for each retry at most");
    })
    .await;
}
