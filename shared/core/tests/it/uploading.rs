//! Direct uploads: granting them, and jobs that name them by their key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::job::{RecordVersion, Source};
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_OPEN_UPLOADS};
use cutline_core::domain::upload::{ETag, KEY_LIFETIME, Upload, UploadKey, UploadRequest, UploadUse};
use cutline_core::ports::{
    Blobs, JobFiles, Link, OpenUploadError, PortError, UploadCopy, UploadLinks, UploadObjects, UploadedObject, Uploads,
};
use cutline_core::testing::MemoryUploads;
use cutline_core::usecases::{
    AcceptedJob, DirectUpload, Env, GrantError, GrantedUpload, RerunError, RetryError, StorageCap, Submission, Submit,
    SubmitError, SubmittedMask, SubmittedSource, UploadFault, UploadStores,
};
use cutline_core::{FailureCode, Job, JobId, JobState, Mode, OwnerId, StorageKey};

use crate::disturb::{Calls, disturb};
use crate::world::{FaultInjector, Faulty, World};

pub(crate) const PHOTO: Bytes = Bytes::from_static(b"\x89PNG\r\n\x1A\nphoto");
pub(crate) const OTHER: Bytes = Bytes::from_static(b"\x89PNG\r\n\x1A\nother");

#[async_trait]
impl Uploads for Faulty<MemoryUploads> {
    async fn open(&self, upload: &Upload) -> Result<(), OpenUploadError> {
        self.faults.call(|| self.port.open(upload)).await
    }
    async fn find(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<Upload>, PortError> {
        self.faults.call(|| self.port.find(owner, key)).await
    }
    async fn note_job(&self, upload: &Upload, etag: &ETag, job: JobId) -> Result<bool, PortError> {
        self.faults.call(|| self.port.note_job(upload, etag, job)).await
    }
    async fn uses(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, PortError> {
        self.faults.call(|| self.port.uses(owner, key)).await
    }
    async fn close(&self, upload: &Upload, etag: &ETag) -> Result<(), PortError> {
        self.faults.call(|| self.port.close(upload, etag)).await
    }
}

#[async_trait]
impl UploadLinks for Faulty<MemoryUploads> {
    async fn sign(&self, upload: &Upload) -> Result<Link, PortError> {
        self.faults.call(|| self.port.sign(upload)).await
    }
}

#[async_trait]
impl UploadObjects for Faulty<MemoryUploads> {
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError> {
        self.faults.call(|| self.port.head(key)).await
    }
    async fn copy(&self, key: UploadKey, etag: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError> {
        self.faults.call(|| self.port.copy(key, etag, to)).await
    }
    async fn delete(&self, key: UploadKey, etag: &ETag) -> Result<(), PortError> {
        self.faults.call(|| self.port.delete(key, etag)).await
    }
}

pub(crate) fn none() -> Arc<FaultInjector> {
    FaultInjector::none()
}

fn request(bytes: &Bytes) -> UploadRequest {
    let content_type = "image/png".parse().expect("a type");
    UploadRequest { content_type, size: bytes.len() as u64, sha256: None }
}

pub(crate) async fn grant(
    world: &World,
    faults: &Arc<FaultInjector>,
    bytes: &Bytes,
) -> Result<GrantedUpload, GrantError> {
    world.direct_upload(faults).run(&world.owner, request(bytes)).await
}

/// An upload of this file, which the client has sent.
pub(crate) async fn uploaded(world: &World, bytes: &Bytes) -> UploadKey {
    let granted = grant(world, &none(), bytes).await.expect("granted");
    assert!(world.uploads.put(granted.upload.key, bytes.clone()));
    granted.upload.key
}

pub(crate) fn submission(world: &World, key: UploadKey) -> Submission {
    world.submission(SubmittedSource::Upload(key))
}

pub(crate) fn identified(world: &World, key: UploadKey) -> Submission {
    Submission { idempotency_key: "order-4711".parse().ok(), ..submission(world, key) }
}

pub(crate) async fn send(world: &World, submission: Submission) -> Result<AcceptedJob, SubmitError> {
    world.submit(&none()).run(submission).await
}

async fn refusal(world: &World, submission: Submission) -> UploadFault {
    match send(world, submission).await {
        Err(SubmitError::Upload(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

async fn work(world: &World) {
    world.work(&none()).await;
}

pub(crate) async fn source(world: &World, job: &Job) -> Option<Bytes> {
    world.blobs.get(&StorageKey::Source { job: job.id }).await.expect("get")
}

fn failure(job: &Job) -> FailureCode {
    match &job.state {
        JobState::Failed { failure, .. } => failure.code,
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn a_job_is_made_from_a_copy_of_the_upload() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    let job = world.accepted(submission(&world, key)).await;
    assert!(matches!(&job.spec.source, Source::Upload { key: named, .. } if *named == key), "{job:?}");
    assert_eq!((job.source_bytes, job.needs), (Some(PHOTO.len() as u64), RecordVersion::UPLOADS));
    assert_eq!(source(&world, &job).await, None, "the request copies nothing");
    work(&world).await;
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }), "{done:?}");
    assert!(done.version <= 6, "at most six writes a job, and there were {}", done.version);
    // What becomes of the upload does not matter any more.
    world.uploads.put_unchecked(key, None);
    assert_eq!(source(&world, &done).await, Some(PHOTO));
}

#[tokio::test]
async fn a_key_serves_several_jobs_of_its_owner() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    for _ in 0..2 {
        world.accepted(submission(&world, key)).await;
    }
    work(&world).await;
    for job in world.store.all_jobs() {
        assert!(matches!(job.state, JobState::Done { .. }), "{job:?}");
    }
    let foreign = Submission { owner: "other".parse().expect("an owner"), ..submission(&world, key) };
    assert_eq!(refusal(&world, foreign).await, UploadFault::Unknown);
}

#[tokio::test]
async fn refuses_what_is_not_there_or_not_a_picture() {
    let world = World::new(Some(5)).await;
    assert_eq!(refusal(&world, submission(&world, UploadKey::new(uuid::Uuid::nil()))).await, UploadFault::Unknown);
    let key = grant(&world, &none(), &PHOTO).await.expect("granted").upload.key;
    assert_eq!(refusal(&world, submission(&world, key)).await, UploadFault::Missing);
    world.uploads.put_unchecked(key, Some(PHOTO.slice(..8)));
    let wrong_size = UploadFault::WrongSize { announced: PHOTO.len() as u64, found: 8 };
    assert_eq!(refusal(&world, submission(&world, key)).await, wrong_size);
    let page = Bytes::from_static(b"<html><svg/></html>");
    let html = uploaded(&world, &page).await;
    assert_eq!(refusal(&world, submission(&world, html)).await, UploadFault::UnknownKind(None));
    let key = uploaded(&world, &PHOTO).await;
    let never_used = grant(&world, &none(), &PHOTO).await.expect("granted").upload.key;
    world.clock.advance(KEY_LIFETIME - Duration::from_secs(1));
    send(&world, submission(&world, key)).await.expect("the key holds for 24 hours");
    world.clock.advance(Duration::from_secs(1));
    for expired in [key, never_used] {
        assert_eq!(refusal(&world, submission(&world, expired)).await, UploadFault::Unknown);
    }
    assert_eq!((world.credits().await, world.store.all_jobs().len()), (Some(4), 1));

    let without_uploads = Submit { uploads: None, ..world.submit(&none()) };
    let refused = without_uploads.run(submission(&world, key)).await;
    assert!(matches!(refused, Err(SubmitError::Upload(UploadFault::Unknown))), "{refused:?}");
}

/// Where one program takes uploads and makes pictures, it knows what it cannot decode.
#[tokio::test]
async fn a_kind_without_a_decoder_is_refused_where_that_is_known() {
    let world = World::new(Some(1)).await;
    let heic = Bytes::from_static(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    let (photo, other) = (uploaded(&world, &heic).await, uploaded(&world, &PHOTO).await);
    let env = Env { undecodable: &[ImageKind::Heic], ..world.env() };
    let submit = Submit { env, ..world.submit(&none()) };
    let refused = submit.run(submission(&world, photo)).await;
    let fault = UploadFault::Undecodable(ImageKind::Heic);
    assert!(matches!(refused, Err(SubmitError::Upload(found)) if found == fault), "{refused:?}");
    let with_mask = Submission { mask: Some(SubmittedMask::Upload(photo)), ..submission(&world, other) };
    let refused = submit.run(with_mask).await;
    assert!(matches!(refused, Err(SubmitError::Mask(found)) if found == fault), "{refused:?}");
    assert_eq!((world.credits().await, world.store.all_jobs().len()), (Some(1), 0));
    world.submit(&none()).run(submission(&world, photo)).await.expect("another program may have the decoder");
}

#[tokio::test]
async fn a_file_that_changes_before_it_is_copied_fails_the_job() {
    for replacement in [Some(OTHER), None] {
        let world = World::new(Some(1)).await;
        let key = uploaded(&world, &PHOTO).await;
        let job = world.accepted(submission(&world, key)).await;
        world.uploads.put_unchecked(key, replacement);
        work(&world).await;
        let failed = world.job(job.id).await;
        assert_eq!((failure(&failed), failed.attempts), (FailureCode::SourceChanged, 1));
        assert_eq!((world.credits().await, source(&world, &failed).await), (Some(1), None), "refunded");
        let retried = world.retry(&none()).run(&world.owner, None, job.id, None).await;
        assert!(matches!(retried, Err(RetryError::Rerun(RerunError::SourceExpired))), "{retried:?}");
    }
}

#[tokio::test]
async fn a_file_that_changes_after_it_was_copied_changes_nothing() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    let job = world.accepted(submission(&world, key)).await;
    // The copy is made, and the worker is killed before it can use it.
    let Source::Upload { etag, .. } = &job.spec.source else { panic!("{job:?}") };
    world.uploads.copy(key, etag, &StorageKey::Source { job: job.id }).await.expect("copied");
    assert!(world.uploads.put(key, OTHER));
    work(&world).await;
    let done = world.job(job.id).await;
    assert!(matches!(done.state, JobState::Done { .. }), "{done:?}");
    assert_eq!(source(&world, &done).await, Some(PHOTO));
}

#[tokio::test]
async fn a_retry_uses_the_stored_copy() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    let job = world.accepted(submission(&world, key)).await;
    work(&world).await;
    world.uploads.put_unchecked(key, None);
    let again = world.retry(&none()).run(&world.owner, None, job.id, None).await.expect("accepted");
    let again = world.job(again.id).await;
    assert_eq!((&again.spec.source, again.needs), (&Source::Stored, RecordVersion::FIRST));
    world.blobs.delete(job.id).await.expect("delete");
    work(&world).await;
    let done = world.job(again.id).await;
    assert!(matches!(done.state, JobState::Done { .. }), "{done:?}");
    assert_eq!(source(&world, &done).await, Some(PHOTO));
}

#[tokio::test]
async fn only_open_uploads_count_against_the_limit() {
    let world = World::new(None).await;
    let first = uploaded(&world, &PHOTO).await;
    for _ in 1..MAX_OPEN_UPLOADS {
        grant(&world, &none(), &PHOTO).await.expect("granted");
    }
    world.clock.advance(Duration::from_secs(3_600));
    let refused = grant(&world, &none(), &PHOTO).await;
    let wait = KEY_LIFETIME - Duration::from_secs(3_600);
    assert!(matches!(refused, Err(GrantError::TooMany { wait: until }) if until == wait), "{refused:?}");
    let other = world.direct_upload(&none()).run(&"other".parse().expect("an owner"), request(&PHOTO)).await;
    assert!(other.is_ok(), "{other:?}");

    send(&world, submission(&world, first)).await.expect("accepted");
    assert_eq!(world.uploads.open_uploads(&world.owner), MAX_OPEN_UPLOADS - 1);
    grant(&world, &none(), &PHOTO).await.expect("a job was accepted with one");
    world.clock.advance(wait);
    grant(&world, &none(), &PHOTO).await.expect("the others have expired");
    assert_eq!(world.uploads.open_uploads(&world.owner), 2);
}

#[tokio::test]
async fn a_file_that_does_not_fit_under_the_cap_is_not_granted() {
    let world = World::new(None).await;
    let cap = Some(StorageCap::new(PHOTO.len() as u64, world.store.clone()));
    let upload = DirectUpload { storage_cap: cap.clone(), ..world.direct_upload(&none()) };
    let more = UploadRequest { size: PHOTO.len() as u64 + 1, ..request(&PHOTO) };
    let refused = upload.run(&world.owner, more).await;
    assert!(matches!(refused, Err(GrantError::StorageFull(_))), "{refused:?}");
    assert_eq!(world.uploads.open_uploads(&world.owner), 0);
    let key = upload.run(&world.owner, request(&PHOTO)).await.expect("fits").upload.key;
    assert!(world.uploads.put(key, PHOTO));
    let submit = Submit { storage_cap: cap, ..world.submit(&none()) };
    submit.run(submission(&world, key)).await.expect("fits");
    // The job has the bytes now.
    let refused = submit.run(submission(&world, key)).await;
    assert!(matches!(refused, Err(SubmitError::StorageFull(_))), "{refused:?}");
}

#[tokio::test]
async fn a_repeated_request_is_answered_even_after_the_key_has_expired() {
    let world = World::new(Some(1)).await;
    let key = uploaded(&world, &PHOTO).await;
    world.clock.advance(KEY_LIFETIME - Duration::from_secs(1));
    let first = send(&world, identified(&world, key)).await.expect("accepted");
    world.clock.advance(Duration::from_secs(23 * 3_600));
    let again = send(&world, identified(&world, key)).await.expect("a replay");
    assert_eq!(again, AcceptedJob { is_replay: true, ..first });

    // Another content under the same key is another request.
    assert!(world.uploads.put(key, OTHER));
    let refused = send(&world, identified(&world, key)).await;
    assert!(matches!(refused, Err(SubmitError::KeyReused)), "{refused:?}");
    // And so is the same content under another key.
    let another = uploaded(&world, &PHOTO).await;
    let refused = send(&world, identified(&world, another)).await;
    assert!(matches!(refused, Err(SubmitError::KeyReused)), "{refused:?}");
    assert_eq!(world.store.all_jobs().len(), 1);
}

/// Sweeps until nothing is left to delete. A failed deletion is tried again after ten minutes.
async fn swept(world: &World) {
    for _ in 0..15 {
        world.swept(&none()).await;
        world.clock.advance(Duration::from_secs(60));
    }
}

async fn delete(world: &World, job: &Job) {
    assert!(world.delete(&none()).run(&world.owner, job.id).await.expect("no fault"));
}

async fn is_stored(world: &World, key: UploadKey) -> bool {
    world.uploads.head(key).await.expect("head").is_some()
}

#[tokio::test]
async fn an_upload_is_deleted_with_its_job() {
    for is_done in [false, true] {
        let world = World::new(Some(2)).await;
        let key = uploaded(&world, &PHOTO).await;
        let first = send(&world, identified(&world, key)).await.expect("accepted");
        if is_done {
            work(&world).await;
        }
        delete(&world, &world.job(first.id).await).await;
        swept(&world).await;
        assert!(!is_stored(&world, key).await, "done: {is_done}");
        let tombstone = serde_json::to_string(&world.job(first.id).await).expect("serializes");
        assert!(!tombstone.contains(&key.to_string()), "{tombstone}");
        assert_eq!(refusal(&world, submission(&world, key)).await, UploadFault::Deleted);
        let again = send(&world, identified(&world, key)).await.expect("a replay");
        assert_eq!(again, AcceptedJob { is_replay: true, ..first }, "done: {is_done}");
        // The link still works, and the client may send the file again.
        assert!(world.uploads.put(key, PHOTO));
        send(&world, submission(&world, key)).await.expect("accepted");
    }
}

#[tokio::test]
async fn an_upload_stays_until_its_last_job_has_a_copy() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    let [first, second] = [(); 2].map(|()| submission(&world, key));
    let (first, second) = (world.accepted(first).await, world.accepted(second).await);
    delete(&world, &first).await;
    swept(&world).await;
    assert!(is_stored(&world, key).await, "the second job needs it");
    work(&world).await;
    let done = world.job(second.id).await;
    assert!(matches!(done.state, JobState::Done { .. }), "{done:?}");
    swept(&world).await;
    assert!(!is_stored(&world, key).await, "the second job has its copy");
    assert_eq!(source(&world, &done).await, Some(PHOTO));
}

#[tokio::test]
async fn a_file_that_was_sent_since_stays() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    let job = world.accepted(submission(&world, key)).await;
    work(&world).await;
    assert!(world.uploads.put(key, OTHER));
    delete(&world, &job).await;
    swept(&world).await;
    assert!(is_stored(&world, key).await, "no deleted job was made from it");
    send(&world, submission(&world, key)).await.expect("accepted");
}

#[tokio::test]
async fn an_upload_serves_a_hundred_jobs() {
    let world = World::new(Some(200)).await;
    let key = uploaded(&world, &PHOTO).await;
    for _ in 0..MAX_JOBS_PER_UPLOAD {
        send(&world, submission(&world, key)).await.expect("accepted");
    }
    assert_eq!(refusal(&world, submission(&world, key)).await, UploadFault::Spent);
    assert_eq!((world.credits().await, world.store.all_jobs().len()), (Some(100), 100));
}

#[tokio::test]
async fn repeated_requests_use_up_nothing_of_an_upload() {
    let world = World::new(None).await;
    let key = uploaded(&world, &PHOTO).await;
    let first = send(&world, identified(&world, key)).await.expect("accepted");
    for _ in 0..MAX_JOBS_PER_UPLOAD {
        let again = send(&world, identified(&world, key)).await.expect("a replay");
        assert_eq!(again, AcceptedJob { is_replay: true, ..first });
        let other = Submission { mode: Mode::Clipping, ..identified(&world, key) };
        let refused = send(&world, other).await;
        assert!(matches!(refused, Err(SubmitError::KeyReused)), "{refused:?}");
    }
    let used = world.uploads.uses(&world.owner, key).await.expect("uses").expect("a job was made from it");
    assert_eq!(used.jobs, BTreeSet::from([first.id]));
    send(&world, submission(&world, key)).await.expect("accepted");
    assert_eq!(world.store.all_jobs().len(), 2);
}

#[tokio::test]
async fn an_upload_that_cannot_be_deleted_is_deleted_later() {
    disturb(Calls::at_least(5), async |faults| {
        let world = World::new(None).await;
        let key = uploaded(&world, &PHOTO).await;
        let job = world.accepted(submission(&world, key)).await;
        work(&world).await;
        delete(&world, &job).await;
        world.swept(&faults).await;
        swept(&world).await;
        assert!(!is_stored(&world, key).await, "{faults}");
    })
    .await;
}

#[test]
fn a_record_of_an_upload_is_refused_by_releases_that_do_not_know_it() {
    let source = Source::Upload {
        key: "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("a key"),
        etag: "\"d41d8cd98f00b204e9800998ecf8427e\"".parse().expect("an ETag"),
    };
    let expected = serde_json::json!({"upload": {
        "key": "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a", "etag": "\"d41d8cd98f00b204e9800998ecf8427e\"",
    }});
    assert_eq!(serde_json::to_value(&source).expect("serializes"), expected);
    let sample = cutline_core::contract::samples::job(&"shop".parse().expect("an owner"), false);
    let spec = cutline_core::domain::job::JobSpec { source, ..sample.spec.clone() };
    let job = Job::new(sample.id, sample.owner, spec, sample.created_at, &cutline_core::Policy::default());
    let record = serde_json::to_value(&job).expect("serializes");
    assert_eq!(record["needs"], serde_json::to_value(RecordVersion::UPLOADS).expect("serializes"));
    assert_eq!(serde_json::from_value::<Job>(record).expect("is read again"), job);
}

#[tokio::test]
async fn memory_keeps_the_contract_of_records() {
    let world = World::new(None).await;
    cutline_core::contract::uploads(world.uploads.as_ref(), cutline_core::contract::SetLimit::Exact).await;
    cutline_core::contract::upload_uses(world.uploads.as_ref()).await;
}

impl World {
    /// The records and objects of direct uploads.
    pub(crate) fn upload_stores(&self, faults: &Arc<FaultInjector>) -> UploadStores {
        UploadStores { records: self.faulty(&self.uploads, faults), objects: self.faulty(&self.uploads, faults) }
    }

    /// The use case that grants uploads.
    pub(crate) fn direct_upload(&self, faults: &Arc<FaultInjector>) -> DirectUpload {
        self.use_cases(faults).direct_upload(self.faulty(&self.uploads, faults), self.faulty(&self.uploads, faults))
    }
}
