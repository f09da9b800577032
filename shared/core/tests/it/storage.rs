//! The cap on the bytes of an owner's files.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::ports::StorageUsage as _;
use cutline_core::usecases::{
    DropIngest, IngestOutcome, StorageCap, StorageFull, Submission, Submit, SubmitError, SubmittedSet, SubmittedSource,
};
use cutline_core::{Job, JobState, Mode, ParamSet};
use futures::future::join_all;
use serde_json::json;

use crate::disturb::{Calls, disturb};
use crate::world::{FaultInjector, World};

const PHOTO: &[u8] = b"\xFF\xD8\xFF 10 byte";

impl World {
    fn cap(&self, max_bytes: u64) -> Option<StorageCap> {
        Some(StorageCap::new(max_bytes, self.store.clone()))
    }

    fn submit_under(&self, cap: Option<StorageCap>, faults: &Arc<FaultInjector>) -> Submit {
        Submit { storage_cap: cap, ..self.submit(faults) }
    }

    fn ingest_under(&self, cap: Option<StorageCap>) -> DropIngest {
        DropIngest { storage_cap: cap, ..self.drop_ingest(&FaultInjector::none()) }
    }

    async fn used(&self) -> u64 {
        self.store.stored_bytes(&self.owner).await.expect("stored bytes")
    }
}

fn bytes(length: usize) -> SubmittedSource {
    SubmittedSource::Bytes(Bytes::from(vec![b'x'; length]))
}

fn url() -> SubmittedSource {
    SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"))
}

async fn run(world: &World, submit: &Submit, source: SubmittedSource) -> Result<Job, SubmitError> {
    let accepted = submit.run(world.submission(source)).await?;
    Ok(world.job(accepted.id).await)
}

#[track_caller]
fn assert_full(result: Result<Job, SubmitError>, max_bytes: u64, used_bytes: u64) {
    match result {
        Err(SubmitError::StorageFull(full)) => assert_eq!(full, StorageFull { max_bytes, used_bytes }),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refuses_an_upload_that_does_not_fit_before_it_is_stored() {
    let world = World::new(Some(5)).await;
    let submit = world.submit_under(world.cap(100), &FaultInjector::none());
    run(&world, &submit, bytes(60)).await.expect("fits");
    let before = (world.blobs.keys(), world.store.all_jobs(), world.queue.bodies(), world.credits().await);
    assert_full(run(&world, &submit, bytes(41)).await, 100, 60);
    let after = (world.blobs.keys(), world.store.all_jobs(), world.queue.bodies(), world.credits().await);
    assert_eq!(after, before, "nothing was stored, sent or debited");
    run(&world, &submit, bytes(40)).await.expect("exactly fits");
    assert_full(run(&world, &submit, url()).await, 100, 100);

    let unlimited = world.submit(&FaultInjector::none());
    run(&world, &unlimited, bytes(1_000)).await.expect("no cap by default");
}

#[tokio::test]
async fn an_accepted_job_is_finished_and_its_results_count() {
    let world = World::new(None).await;
    let submit = world.submit_under(world.cap(100), &FaultInjector::none());
    let job = run(&world, &submit, bytes(60)).await.expect("fits");
    world.work(&FaultInjector::none()).await;
    let done = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &done.state else { panic!("{:?}", done.state) };
    assert_eq!(outcome.bytes(), 120, "the picture and the matte, both copies of the source");
    assert_eq!(world.used().await, 180);
    assert_full(run(&world, &submit, bytes(1)).await, 100, 180);
    assert_full(run(&world, &submit, url()).await, 100, 180);
}

#[tokio::test]
async fn a_fetched_source_and_backdrop_count_once_they_are_fetched() {
    let world = World::new(None).await;
    let submit = world.submit_under(world.cap(20), &FaultInjector::none());
    let set = json!({"background": {"image_url": "https://example.com/b.jpg", "fit": "cover"}});
    let set = ParamSet::read(set).expect("a valid set");
    let set = Some(SubmittedSet::Inline(Box::new(set)));
    let submission = Submission { mode: Mode::Params, set, ..world.submission(url()) };
    let job = world.job(submit.run(submission).await.expect("there is room").id).await;
    assert_eq!((job.source_bytes, world.used().await), (None, 0));
    world.work(&FaultInjector::none()).await;
    let done = world.job(job.id).await;
    let JobState::Done { outcome, .. } = &done.state else { panic!("{:?}", done.state) };
    let fetched = "content 0".len() + "content 1".len();
    assert_eq!(done.source_bytes, Some(fetched as u64));
    assert_eq!(world.used().await, fetched as u64 + outcome.bytes());
    assert_full(run(&world, &submit, url()).await, 20, world.used().await);
}

#[tokio::test]
async fn concurrent_uploads_do_not_exceed_the_cap_together() {
    let world = World::new(None).await;
    let submit = world.submit_under(world.cap(100), &FaultInjector::none());
    let results = join_all((0..20).map(|_| run(&world, &submit, bytes(30)))).await;
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!((accepted, world.used().await), (3, 90));
    assert_eq!(world.blobs.keys().len(), 3, "a refused source is not stored");
}

#[tokio::test]
async fn an_interrupted_upload_keeps_no_room() {
    // The owner, the source, the record and the message.
    disturb(Calls::at_least(4), async |faults| {
        let world = World::new(Some(9)).await;
        let cap = world.cap(100);
        let submit = world.submit_under(cap.clone(), &faults);
        let _outcome = faults.unless_killed(run(&world, &submit, bytes(60))).await;
        let used = world.used().await;
        assert!([0, 60].contains(&used), "{faults}: {used}");
        let next = world.submit_under(cap, &FaultInjector::none());
        let fits = run(&world, &next, bytes(usize::try_from(100 - used).expect("small"))).await;
        assert!(fits.is_ok(), "{faults}: {fits:?}");
    })
    .await;
}

#[tokio::test]
async fn an_owner_without_credit_stores_no_sources() {
    let world = World::new(Some(0)).await;
    let refused = run(&world, &world.submit(&FaultInjector::none()), bytes(60)).await;
    assert!(matches!(refused, Err(SubmitError::InsufficientCredits)), "{refused:?}");
    let object = world.drop_file("drops/shop/ebay/a.jpg", PHOTO);
    let outcome = world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("take");
    assert_eq!((outcome, world.blobs.keys().len()), (IngestOutcome::Refused, 0));
}

#[tokio::test]
async fn a_drop_that_does_not_fit_is_reported_and_can_be_dropped_again() {
    let world = World::new(Some(5)).await;
    let ingest = world.ingest_under(world.cap(20));
    let first = world.drop_file("drops/shop/ebay/a.jpg", PHOTO);
    assert!(matches!(ingest.take(&first).await.expect("take"), IngestOutcome::Job(_)));
    assert_eq!(world.used().await, PHOTO.len() as u64);

    let key = "drops/shop/ebay/b.jpg";
    let second = world.drop_file(key, PHOTO);
    assert_eq!(ingest.take(&second).await.expect("take"), IngestOutcome::Refused);
    let manifest = world.manifest(key).expect("a manifest");
    let message = "storage full: the owner's files have 11 of 20 bytes, and this file does not fit; drop it again once \
                   finished jobs have expired";
    assert_eq!(manifest["error"], json!({"code": "storage_full", "message": message, "retryable": true}));
    assert_eq!((world.credits().await, world.blobs.keys().len()), (Some(4), 1), "nothing was stored or debited");

    world.clock.advance(Duration::from_secs(60));
    let roomy = world.ingest_under(world.cap(40));
    assert!(matches!(roomy.take(&second).await.expect("take"), IngestOutcome::Job(_)), "the same file, once it fits");
}
