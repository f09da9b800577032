//! Masks that come as files: stored beside the photograph, handed to the pipeline, and deleted with the job.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::job::{JobStage, RecordVersion, RecutRefused, ReviewDecision};
use cutline_core::domain::limits::MAX_MASK_BYTES;
use cutline_core::domain::outcome::RECUT;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{Holes, MaskSource, SubjectChanges, SubjectSettings};
use cutline_core::domain::upload::{ETag, UploadKey};
use cutline_core::ports::{
    Blobs as _, JobFiles as _, PortError, SourceFetcher, UploadCopy, UploadObjects, UploadedObject, Uploads as _,
};
use cutline_core::testing::MemoryUploads;
use cutline_core::usecases::{
    AcceptedJob, Recut, RecutError, RecutRequest, RerunError, RetryError, StorageCap, Submission, Submit, SubmitError,
    SubmittedMask, SubmittedSource, UploadFault, UploadStores,
};
use cutline_core::{FailureCode, Fault, Job, JobId, JobState, SourceUrl, StorageKey, Variation};

use crate::disturb::{Calls, disturb};
use crate::recutting::{FIRST, click, held, none, revision};
use crate::uploading::{OTHER, PHOTO, uploaded};
use crate::world::World;

const BY_FILE: &str = r#"{"mask_source":"file"}"#;

fn bytes(mask: &'static str) -> SubmittedMask {
    SubmittedMask::Bytes(mask.into())
}

fn url() -> SubmittedMask {
    SubmittedMask::Url("https://example.com/m.png".parse().expect("a URL"))
}

pub(crate) fn photo() -> SubmittedSource {
    SubmittedSource::Bytes("photo".into())
}

fn submission(world: &World, mask: SubmittedMask) -> Submission {
    let subject = SubjectSettings { mask_source: Some(MaskSource::File), ..SubjectSettings::default() };
    Submission { subject, mask: Some(mask), ..world.submission(photo()) }
}

pub(crate) fn correction(mask: Option<SubmittedMask>) -> RecutRequest {
    let changes = SubjectChanges { mask_source: Some(MaskSource::File), ..SubjectChanges::default() };
    RecutRequest { revision: Some(FIRST), changes, mask }
}

pub(crate) async fn recut(world: &World, id: JobId, request: &RecutRequest) -> Result<AcceptedJob, RecutError> {
    world.recut("anna", &none()).run(&world.owner, None, id, request, None).await
}

async fn mask_of(world: &World, job: &Job) -> Option<Bytes> {
    let mask = job.spec.mask.as_ref().expect("a mask").id;
    world.blobs.get(&StorageKey::Mask { job: job.id, mask }).await.expect("get")
}

/// How many masks a job has stored.
pub(crate) fn masks(world: &World, job: JobId) -> usize {
    world.blobs.keys().iter().filter(|key| matches!(key, StorageKey::Mask { job: of, .. } if *of == job)).count()
}

async fn picture(world: &World, job: &Job) -> String {
    let key = job.outcome().expect("an outcome").pictures[&Variation::Background].key;
    let bytes = world.blobs.get(&key).await.expect("get").expect("is stored");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Works until the job has ended, and returns it.
pub(crate) async fn worked(world: &World, id: JobId) -> Job {
    world.work(&none()).await;
    world.job(id).await
}

/// Deletes the only job, and all its files with it.
async fn assert_deletes(world: &World, id: JobId) {
    assert!(world.delete(&none()).run(&world.owner, id).await.expect("no fault"));
    for _ in 0..3 {
        world.swept(&none()).await;
        world.clock.advance(Duration::from_secs(3_600));
    }
    assert!(world.blobs.keys().is_empty(), "{:?}", world.blobs.keys());
}

fn fail_fetches(world: &World, fault: Fault) {
    *world.source.fault.lock().expect("lock") = Some(fault);
}

#[tokio::test]
async fn a_mask_is_stored_beside_its_photograph_and_reaches_the_pipeline() {
    let world = World::new(None).await;
    let job = world.accepted(submission(&world, bytes("mask"))).await;
    assert_eq!((job.stage(), job.needs, job.source_bytes), (Some(JobStage::Make), RecordVersion::MASK, Some(9)));
    assert_eq!(mask_of(&world, &job).await.as_deref(), Some(b"mask".as_slice()));
    let done = worked(&world, job.id).await;
    assert_eq!(picture(&world, &done).await, format!("photo{BY_FILE}mask"));
    assert_eq!(done.source_bytes, Some(9));
    assert_deletes(&world, job.id).await;
}

#[tokio::test]
async fn a_mask_by_its_address_is_fetched_at_intake() {
    let world = World::new(None).await;
    let job = world.accepted(submission(&world, url())).await;
    assert_eq!((job.stage(), mask_of(&world, &job).await), (Some(JobStage::Intake), None));
    world.fetch(&none()).await;
    let fetched = world.job(job.id).await;
    let content = "content 0";
    assert_eq!(mask_of(&world, &fetched).await.as_deref(), Some(content.as_bytes()));
    assert_eq!((fetched.stage(), fetched.source_bytes), (Some(JobStage::Make), Some(14)));
    let done = worked(&world, job.id).await;
    assert_eq!(picture(&world, &done).await, format!("photo{BY_FILE}{content}"));

    fail_fetches(&world, Fault::fail(FailureCode::SourceForbidden, "private"));
    let job = world.accepted(submission(&world, url())).await;
    let failed = worked(&world, job.id).await;
    let JobState::Failed { failure, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!((failure.code, failure.message.as_str()), (FailureCode::SourceForbidden, "the mask: private"));
}

#[tokio::test]
async fn a_mask_can_be_a_direct_upload() {
    let world = World::new(None).await;
    let key = uploaded(&world, &OTHER).await;
    let submission_with = |key| submission(&world, SubmittedMask::Upload(key));
    let job = world.accepted(submission_with(key)).await;
    assert_eq!(mask_of(&world, &job).await, Some(OTHER));
    assert_eq!((job.stage(), job.source_bytes), (Some(JobStage::Make), Some(5 + OTHER.len() as u64)));
    assert_eq!(world.uploads.open_uploads(&world.owner), 0, "it counts as open no longer");
    let before = (world.blobs.keys().len(), world.store.all_jobs().len());
    let unknown = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("a key");
    let refused = world.submit(&none()).run(submission_with(unknown)).await;
    assert!(matches!(refused, Err(SubmitError::Mask(UploadFault::Unknown))), "{refused:?}");
    let nowhere = Submit { uploads: None, ..world.submit(&none()) };
    let refused = nowhere.run(submission_with(key)).await;
    assert!(matches!(refused, Err(SubmitError::Mask(UploadFault::Unknown))), "{refused:?}");
    assert_eq!((world.blobs.keys().len(), world.store.all_jobs().len()), before);
    // Photograph and mask by keys.
    let both = Submission { source: SubmittedSource::Upload(uploaded(&world, &PHOTO).await), ..submission_with(key) };
    let job = world.accepted(both).await;
    assert_eq!((job.stage(), mask_of(&world, &job).await), (Some(JobStage::Intake), Some(OTHER)));
    let done = worked(&world, job.id).await;
    let key = done.outcome().expect("is done").pictures[&Variation::Background].key;
    let made = world.blobs.get(&key).await.expect("get").expect("is stored");
    assert_eq!(made, [&PHOTO[..], BY_FILE.as_bytes(), &OTHER].concat());
}

/// A host whose files are larger than a mask may be.
struct LargeFiles;

#[async_trait::async_trait]
impl SourceFetcher for LargeFiles {
    async fn fetch(&self, _: &SourceUrl) -> Result<Bytes, Fault> {
        Ok(vec![0; MAX_MASK_BYTES as usize + 1].into())
    }
}

#[tokio::test]
async fn a_mask_over_its_limit_is_refused_by_key_and_fails_by_url() {
    let world = World::new(None).await;
    let large = Bytes::from([&OTHER[..], &vec![0; MAX_MASK_BYTES as usize]].concat());
    let key = uploaded(&world, &large).await;
    let refused = world.submit(&none()).run(submission(&world, SubmittedMask::Upload(key))).await;
    let found = large.len() as u64;
    let Err(SubmitError::Mask(fault)) = refused else { panic!("{refused:?}") };
    assert_eq!(fault, UploadFault::MaskTooLarge { found });

    let job = world.accepted(submission(&world, url())).await;
    let mut intake = world.intake(&none());
    intake.ports.fetcher = Arc::new(LargeFiles);
    intake.handle_job(job.id).await;
    let failed = world.job(job.id).await;
    let JobState::Failed { failure, .. } = &failed.state else { panic!("{failed:?}") };
    let message = "the mask: the file is larger than 10 MB";
    assert_eq!((failure.code, failure.message.as_str()), (FailureCode::SourceTooLarge, message));
    assert_eq!(masks(&world, job.id), 0);
}

#[tokio::test]
async fn the_mask_counts_in_idempotency_and_under_the_cap() {
    let world = World::new(None).await;
    let with_key = |mask| Submission { idempotency_key: "again".parse().ok(), ..submission(&world, mask) };
    let cap = StorageCap::new(9, world.store.clone());
    let submit = Submit { storage_cap: Some(cap), ..world.submit(&none()) };
    let refused = submit.run(submission(&world, bytes("large"))).await;
    assert!(matches!(refused, Err(SubmitError::StorageFull(_))), "{refused:?}");
    assert!(world.blobs.keys().is_empty());
    let first = submit.run(with_key(bytes("mask"))).await.expect("fits");
    let again = submit.run(with_key(bytes("mask"))).await.expect("the same answer");
    assert_eq!((again.id, again.is_replay), (first.id, true));
    for other in [bytes("task"), url()] {
        let refused = submit.run(with_key(other)).await;
        assert!(matches!(refused, Err(SubmitError::KeyReused)), "{refused:?}");
    }
    assert_eq!((world.store.all_jobs().len(), world.blobs.keys().len()), (1, 2));
}

#[tokio::test]
async fn a_replay_with_an_uploaded_mask_stores_nothing() {
    let world = World::new(None).await;
    let key = uploaded(&world, &OTHER).await;
    let with_key = || {
        // A source by its address: the mask alone is stored before the record.
        let source = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
        let submission = submission(&world, SubmittedMask::Upload(key));
        Submission { source, idempotency_key: "again".parse().ok(), ..submission }
    };
    let first = world.submit(&none()).run(with_key()).await.expect("accepted");
    assert_eq!((masks(&world, first.id), world.blobs.keys().len()), (1, 1));
    let again = world.submit(&none()).run(with_key()).await.expect("the same answer");
    assert_eq!((again.id, again.is_replay), (first.id, true));
    assert_eq!((world.store.all_jobs().len(), world.blobs.keys().len()), (1, 1));
}

/// The masks of a job's request and of all its recuts, also of those that failed.
#[tokio::test]
async fn uploaded_masks_are_deleted_with_their_job() {
    let world = World::new(None).await;
    let [own, failed, last] =
        [uploaded(&world, &OTHER).await, uploaded(&world, &OTHER).await, uploaded(&world, &PHOTO).await];
    let with_key = || {
        let submission = submission(&world, SubmittedMask::Upload(own));
        Submission { review: Some(ReviewRule::Always), idempotency_key: "again".parse().ok(), ..submission }
    };
    let accepted = world.submit(&none()).run(with_key()).await.expect("accepted");
    let id = accepted.id;
    assert!(worked(&world, id).await.is_held());
    for (key, holes) in [(failed, Some(Holes::Keep)), (last, None)] {
        let changes = SubjectChanges { holes, ..correction(None).changes };
        let request = RecutRequest { revision: Some(FIRST), changes, mask: Some(SubmittedMask::Upload(key)) };
        recut(&world, id, &request).await.expect("accepted");
        world.clock.advance(Duration::from_secs(1));
        assert!(worked(&world, id).await.is_held());
    }
    for key in [own, failed, last] {
        let used = world.uploads.uses(&world.owner, key).await.expect("uses").expect("is noted");
        assert_eq!(used.jobs.into_iter().collect::<Vec<_>>(), [id]);
        assert!(world.uploads.head(key).await.expect("head").is_some());
    }
    assert_deletes(&world, id).await;
    let tombstone = serde_json::to_string(&world.job(id).await).expect("serializes");
    for key in [own, failed, last] {
        assert_eq!(world.uploads.head(key).await.expect("head"), None);
        assert!(!tombstone.contains(&key.to_string()), "{tombstone}");
    }
    let again = world.submit(&none()).run(with_key()).await.expect("the same answer");
    assert_eq!((again.id, again.is_replay), (id, true));
}

/// A source by its address and one by its key, each with a mask that is stored before: their sum counts, after each stage.
#[tokio::test]
async fn source_and_mask_count_together() {
    let world = World::new(None).await;
    let url = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
    let upload = SubmittedSource::Upload(uploaded(&world, &PHOTO).await);
    for (source, before, size) in [(url, 0, 9), (upload, 13, 13)] {
        let job = world.accepted(Submission { source, ..submission(&world, bytes("mask")) }).await;
        assert_eq!((job.source_bytes, job.mask_bytes), (Some(before + 4), 4));
        world.fetch(&none()).await;
        let fetched = world.job(job.id).await;
        assert_eq!((fetched.stage(), fetched.source_bytes), (Some(JobStage::Make), Some(size + 4)));
        let done = worked(&world, job.id).await;
        assert_eq!((done.source_bytes, done.mask_bytes), (Some(size + 4), 4));
    }
}

/// A fetcher is disturbed after it has stored the mask, and another one finds it.
#[tokio::test]
async fn a_fetched_mask_counts_once() {
    disturb(Calls::at_least(4), async |faults| {
        let world = World::new(None).await;
        let job = world.accepted(submission(&world, url())).await;
        world.fetch(&faults).await;
        settle(&world).await;
        let done = world.job(job.id).await;
        assert!(matches!(done.state, JobState::Done { .. }), "{faults}: {done:?}");
        assert_eq!((done.source_bytes, done.mask_bytes), (Some(14), 9), "{faults}");
    })
    .await;
}

/// Uploads whose bytes count as their owner's.
struct CountedUploads(Arc<MemoryUploads>);

#[async_trait::async_trait]
impl UploadObjects for CountedUploads {
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError> {
        Ok(self.0.head(key).await?.map(|object| UploadedObject { is_counted: true, ..object }))
    }
    async fn copy(&self, key: UploadKey, etag: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError> {
        self.0.copy(key, etag, to).await
    }
    async fn delete(&self, key: UploadKey, etag: &ETag) -> Result<(), PortError> {
        self.0.delete(key, etag).await
    }
}

#[tokio::test]
async fn a_mask_that_counts_already_needs_no_room() {
    let world = World::new(None).await;
    let mask = SubmittedMask::Upload(uploaded(&world, &OTHER).await);
    let uploads = || {
        let objects = Arc::new(CountedUploads(world.uploads.clone()));
        Some(UploadStores { records: world.uploads.clone(), objects })
    };
    let cap = |room| Some(StorageCap::new(room, world.store.clone()));
    let submit = Submit { storage_cap: cap(5), uploads: uploads(), ..world.submit(&none()) };
    let accepted = submit.run(submission(&world, mask.clone())).await.expect("there is room for the photograph");
    assert_eq!(world.job(accepted.id).await.source_bytes, Some(5 + OTHER.len() as u64));

    let held = held(&world).await;
    let mut full = Recut { uploads: uploads(), ..world.recut("anna", &none()) };
    full.retry.storage_cap = cap(1);
    let request = correction(Some(mask));
    full.run(&world.owner, None, held.id, &request, None).await.expect("needs no room");
    assert_eq!(world.job(held.id).await.source_bytes, Some(5 + OTHER.len() as u64));
}

/// A new job counts the mask that it has a copy of, and not those of earlier cuts.
#[tokio::test]
async fn a_retry_counts_one_mask() {
    let world = World::new(None).await;
    let review = Some(ReviewRule::Always);
    let job = world.accepted(Submission { review, ..submission(&world, bytes("a long mask")) }).await;
    assert!(worked(&world, job.id).await.is_held());
    recut(&world, job.id, &correction(Some(bytes("mask")))).await.expect("accepted");
    let second = worked(&world, job.id).await;
    assert_eq!((second.source_bytes, second.mask_bytes), (Some(20), 15));
    let by = Actor::Key("anna".to_owned());
    let decided = world.review(&none()).decide(&world.owner, job.id, FIRST.next(), ReviewDecision::Approve, by).await;
    decided.expect("approved");
    let accepted = world.retry(&none()).run(&world.owner, None, job.id, None).await.expect("accepted");
    let new = world.job(accepted.id).await;
    assert_eq!((new.source_bytes, new.mask_bytes), (Some(9), 4));
}

#[tokio::test]
async fn a_retry_has_a_copy_of_the_mask() {
    let world = World::new(None).await;
    let retry = async |id| world.retry(&none()).run(&world.owner, None, id, None).await;
    for mask in [bytes("content 0"), url()] {
        let is_remote = matches!(mask, SubmittedMask::Url(_));
        let old = worked(&world, world.accepted(submission(&world, mask)).await.id).await;
        let accepted = retry(old.id).await.expect("accepted");
        let new = world.job(accepted.id).await;
        assert_eq!((new.stage(), new.source_bytes), (Some(JobStage::Make), Some(14)));
        world.blobs.delete(old.id).await.expect("deleted");
        let done = worked(&world, new.id).await;
        assert_eq!(picture(&world, &done).await, picture_of("content 0"));
        // Without its mask, but with its photograph.
        world.blobs.delete(new.id).await.expect("deleted");
        world.blobs.put(&StorageKey::Source { job: new.id }, "photo".into()).await.expect("put");
        match (is_remote, retry(new.id).await) {
            (false, Err(RetryError::Rerun(RerunError::SourceExpired))) => {}
            (true, Ok(accepted)) => {
                assert_eq!(world.job(accepted.id).await.stage(), Some(JobStage::Intake));
                let done = worked(&world, accepted.id).await;
                assert_eq!(picture(&world, &done).await, picture_of("content 1"));
            }
            (_, other) => panic!("{other:?}"),
        }
    }
}

fn picture_of(mask: &str) -> String {
    format!("photo{BY_FILE}{mask}")
}

#[tokio::test]
async fn a_held_job_is_cut_by_a_mask() {
    let world = World::new(Some(1)).await;
    let first = held(&world).await;
    let missing = recut(&world, first.id, &correction(None)).await;
    assert!(matches!(missing, Err(RecutError::MaskMissing)), "{missing:?}");
    let request = correction(Some(bytes("mask")));
    for is_replay in [false, true] {
        let accepted = recut(&world, first.id, &request).await.expect("accepted");
        assert_eq!((accepted.id, accepted.is_replay), (first.id, is_replay));
    }
    let waiting = world.job(first.id).await;
    assert_eq!((waiting.stage(), waiting.source_bytes), (Some(JobStage::Make), Some(9)));
    assert!(waiting.needs >= RecordVersion::MASK);
    let second = worked(&world, first.id).await;
    assert_eq!((revision(&second), picture(&world, &second).await), (FIRST.next(), picture_of("mask")));

    // A recut that fails returns the mask of its draft.
    let changes = SubjectChanges { holes: Some(Holes::Keep), ..request.changes.clone() };
    let fails = RecutRequest { revision: Some(FIRST.next()), changes, mask: Some(bytes("other")) };
    recut(&world, first.id, &fails).await.expect("accepted");
    world.clock.advance(Duration::from_secs(1));
    let back = worked(&world, first.id).await;
    assert_eq!(
        (revision(&back), &back.spec.mask, &back.spec.subject),
        (FIRST.next(), &second.spec.mask, &second.spec.subject)
    );
    assert_eq!(mask_of(&world, &back).await.as_deref(), Some(b"mask".as_slice()));
    assert_eq!((masks(&world, first.id), back.source_bytes), (2, Some(14)), "both are stored until the job is deleted");
    // By the networks, and by the same mask again.
    for (seen, mask_source, mask) in [(2, MaskSource::Auto, ""), (3, MaskSource::File, "mask")] {
        let changes = SubjectChanges { mask_source: Some(mask_source), ..SubjectChanges::default() };
        let revision = Some(DraftRevision::new(seen));
        let again = RecutRequest { revision, changes, mask: None };
        recut(&world, first.id, &again).await.expect("accepted");
        let cut = worked(&world, first.id).await;
        assert!(picture(&world, &cut).await.ends_with(&format!("\"}}{mask}")), "{mask_source:?}");
    }
    assert_deletes(&world, first.id).await;
}

/// Each recut stores a mask and costs nothing, so those that fail count too.
#[tokio::test]
async fn recuts_that_fail_are_bounded() {
    let world = World::new(None).await;
    let first = held(&world).await;
    let changes = SubjectChanges { holes: Some(Holes::Keep), ..correction(None).changes };
    let request = RecutRequest { revision: Some(FIRST), changes, mask: Some(bytes("mask")) };
    let most = DraftRevision::LAST.get() - 1;
    for number in 1..=60 {
        match recut(&world, first.id, &request).await {
            Ok(_) if number <= most => {
                world.clock.advance(Duration::from_secs(1));
                world.work(&none()).await;
            }
            Err(RecutError::Refused(RecutRefused::TooMany)) if number > most => {}
            other => panic!("recut {number}: {other:?}"),
        }
        let back = world.job(first.id).await;
        assert_eq!((revision(&back), back.recuts), (FIRST, number.min(most)));
        assert_eq!(masks(&world, first.id), back.recuts as usize);
    }
    let mut record = serde_json::to_value(world.job(first.id).await).expect("serializes");
    assert_eq!(record["recuts"], most);
    // A record of a release that did not count.
    record.as_object_mut().expect("an object").remove("recuts");
    assert_eq!(serde_json::from_value::<Job>(record).expect("is read").recuts, 0);
}

#[tokio::test]
async fn a_recut_fetches_its_mask_and_nothing_else() {
    let world = World::new(None).await;
    let source = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
    let submission = Submission { review: Some(ReviewRule::Always), ..world.submission(source) };
    let job = world.accepted(submission).await;
    let first = worked(&world, job.id).await;
    assert!(first.is_held());
    // The mask cannot be had: the draft stays.
    fail_fetches(&world, Fault::fail(FailureCode::SourceForbidden, "private"));
    recut(&world, job.id, &correction(Some(url()))).await.expect("accepted");
    assert_eq!(world.job(job.id).await.stage(), Some(JobStage::Intake));
    let back = worked(&world, job.id).await;
    assert_eq!((revision(&back), back.spec.mask.clone()), (FIRST, None));
    let warning = &back.outcome().expect("a draft").warnings[RECUT][0];
    assert!(warning.contains("the mask: private"), "{warning}");
    *world.source.fault.lock().expect("lock") = None;
    recut(&world, job.id, &correction(Some(url()))).await.expect("accepted");
    let second = worked(&world, job.id).await;
    assert_eq!(revision(&second), FIRST.next());
    assert_eq!(picture(&world, &second).await, format!("content 0{BY_FILE}content 1"));
    assert_eq!(world.source.fetches.load(Ordering::SeqCst), 2, "the photograph and the mask, once each");
    assert_eq!(second.source_bytes, Some(18));
}

#[tokio::test]
async fn a_recut_takes_a_direct_upload_and_stays_under_the_cap() {
    let world = World::new(None).await;
    let job = held(&world).await;
    let key = uploaded(&world, &OTHER).await;
    let request = correction(Some(SubmittedMask::Upload(key)));
    let mut capped = world.recut("anna", &none());
    capped.retry.storage_cap = Some(StorageCap::new(job.stored_bytes() + 10, world.store.clone()));
    let refused = capped.run(&world.owner, None, job.id, &request, None).await;
    assert!(matches!(refused, Err(RecutError::Rerun(RerunError::StorageFull(_)))), "{refused:?}");
    assert_eq!((world.job(job.id).await, masks(&world, job.id)), (job.clone(), 0));
    let unknown = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("a key");
    let refused = recut(&world, job.id, &correction(Some(SubmittedMask::Upload(unknown)))).await;
    assert!(matches!(refused, Err(RecutError::Rerun(RerunError::Mask(UploadFault::Unknown)))), "{refused:?}");
    recut(&world, job.id, &request).await.expect("accepted");
    assert_eq!(world.uploads.open_uploads(&world.owner), 0);
    let second = worked(&world, job.id).await;
    assert_eq!((revision(&second), mask_of(&world, &second).await), (FIRST.next(), Some(OTHER)));
}

#[tokio::test]
async fn a_done_job_is_cut_by_a_mask_as_a_new_one() {
    let world = World::new(None).await;
    let plain = worked(&world, world.accepted(world.submission(photo())).await.id).await;
    let of = |changes, mask| RecutRequest { revision: None, changes, mask };
    let by_file = correction(None).changes;
    let missing = recut(&world, plain.id, &of(by_file.clone(), None)).await;
    assert!(matches!(missing, Err(RecutError::MaskMissing)), "{missing:?}");
    for (mask, stage, content) in [(bytes("mask"), JobStage::Make, "mask"), (url(), JobStage::Intake, "content 0")] {
        let accepted = recut(&world, plain.id, &of(by_file.clone(), Some(mask))).await.expect("accepted");
        assert_eq!(world.job(accepted.id).await.stage(), Some(stage));
        let new = worked(&world, accepted.id).await;
        assert_eq!((new.recut_of, picture(&world, &new).await), (Some(plain.id), picture_of(content)));
    }
    // The mask of the old job stays, whatever else is changed. Without it, only another source can be asked for.
    let masked = worked(&world, world.accepted(submission(&world, bytes("mask"))).await.id).await;
    let accepted = recut(&world, masked.id, &of(click(), None)).await.expect("accepted");
    let new = worked(&world, accepted.id).await;
    assert!(picture(&world, &new).await.ends_with("mask") && mask_of(&world, &new).await.is_some());
    world.blobs.delete(masked.id).await.expect("deleted");
    world.blobs.put(&StorageKey::Source { job: masked.id }, "photo".into()).await.expect("put");
    let expired = recut(&world, masked.id, &of(click(), None)).await;
    assert!(matches!(expired, Err(RecutError::Rerun(RerunError::SourceExpired))), "{expired:?}");
    let by_networks = SubjectChanges { mask_source: Some(MaskSource::Auto), ..SubjectChanges::default() };
    let accepted = recut(&world, masked.id, &of(by_networks, None)).await.expect("accepted");
    assert_eq!(world.job(accepted.id).await.spec.mask, None);
}

/// The job is held with its second revision, which was cut by the mask that is stored.
async fn assert_cut_by_mask(world: &World, id: JobId, what: &str) {
    let second = world.job(id).await;
    assert_eq!(revision(&second), FIRST.next(), "{what}");
    let stored = mask_of(world, &second).await.expect(what);
    assert!(stored.starts_with(b"content"), "{what}");
    assert_eq!(picture(world, &second).await, picture_of(&String::from_utf8_lossy(&stored)), "{what}");
    assert_eq!(world.audited().await.len(), 1, "{what}");
}

/// The reviewer got no answer, or an error, and sends the request again.
#[tokio::test]
async fn a_mask_is_not_lost_whatever_fails() {
    for mask in [bytes("content"), url()] {
        disturb(Calls::at_least(3), async |faults| {
            let world = World::new(Some(1)).await;
            let job = held(&world).await;
            let request = correction(Some(mask.clone()));
            let use_case = world.recut("anna", &faults);
            let _first = faults.unless_killed(use_case.run(&world.owner, None, job.id, &request, None)).await;
            recut(&world, job.id, &request).await.expect("accepted");
            settle(&world).await;
            assert_cut_by_mask(&world, job.id, &format!("{faults} with {mask:?}")).await;
        })
        .await;
    }
}

/// A worker is disturbed, and with a mask to fetch a fetcher before it.
#[tokio::test]
async fn a_cut_by_a_mask_is_finished_whatever_fails() {
    for mask in [bytes("content"), url()] {
        disturb(Calls::at_least(8), async |faults| {
            let world = World::new(Some(1)).await;
            let job = held(&world).await;
            recut(&world, job.id, &correction(Some(mask.clone()))).await.expect("accepted");
            world.work(&faults).await;
            settle(&world).await;
            assert_cut_by_mask(&world, job.id, &format!("{faults} with {mask:?}")).await;
        })
        .await;
    }
}

/// Works and sweeps for an hour.
async fn settle(world: &World) {
    for _ in 0..60 {
        world.clock.advance(Duration::from_secs(60));
        world.swept(&none()).await;
        world.work(&none()).await;
    }
}

#[tokio::test]
async fn a_submission_with_a_mask_is_accepted_once_whatever_fails() {
    disturb(Calls::at_least(5), async |faults| {
        let world = World::new(Some(1)).await;
        let key = uploaded(&world, &OTHER).await;
        let with_key = || {
            let submission = submission(&world, SubmittedMask::Upload(key));
            Submission { idempotency_key: "again".parse().ok(), ..submission }
        };
        let use_case = world.submit(&faults);
        let _first = faults.unless_killed(use_case.run(with_key())).await;
        let accepted = world.submit(&none()).run(with_key()).await.expect("accepted");
        settle(&world).await;
        let done = world.job(accepted.id).await;
        assert!(matches!(done.state, JobState::Done { .. }), "{faults}: {done:?}");
        assert_eq!((world.credits().await, world.store.all_jobs().len()), (Some(0), 1), "{faults}");
    })
    .await;
}
