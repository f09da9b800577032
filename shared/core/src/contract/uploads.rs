//! The contracts of [`Uploads`], [`UploadLinks`] and [`UploadObjects`].

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use jiff::Timestamp;
use url::Url;

use super::samples;
use super::sets::SetLimit;
use crate::domain::digest::Digest;
use crate::domain::ids::OwnerId;
use crate::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_OPEN_UPLOADS};
use crate::domain::mask::{MaskContent, MaskId};
use crate::domain::storage::StorageKey;
use crate::domain::time::after;
use crate::domain::upload::{CHECKSUM_HEADER, ETag, KEY_LIFETIME, Upload, UploadRequest, UploadUse};
use crate::ports::{
    Blobs, Ids, OpenUploadError, START_BYTES, SystemIds, UploadCopy, UploadLinks, UploadObjects, UploadedObject,
    Uploads,
};

/// How many requests want the last place at the same time.
const CONCURRENCY: usize = 8;

/// A client without an API key that uploads files.
#[async_trait]
pub trait PutFile: Send + Sync {
    /// PUTs the bytes to `url` with these headers and their own `Content-Length`. Returns the HTTP status.
    async fn put(&self, url: &Url, headers: &BTreeMap<&'static str, String>, bytes: Bytes) -> u16;
}

/// An upload of these bytes.
fn upload(owner: &OwnerId, bytes: &[u8], created_at: Timestamp) -> Upload {
    let request =
        UploadRequest { content_type: "image/png".parse().expect("a type"), size: bytes.len() as u64, sha256: None };
    Upload { key: SystemIds.upload(), owner: owner.clone(), request, created_at }
}

/// The same upload with the digest of these bytes.
fn with_digest(upload: Upload, bytes: &[u8]) -> Upload {
    let request = UploadRequest { sha256: Some(Digest::of(bytes)), ..upload.request };
    Upload { request, ..upload }
}

/// Checks a store of records.
pub async fn uploads(uploads: &dyn Uploads, limit: SetLimit) {
    let (owner, other, now) = (samples::owner(), samples::owner(), samples::now());
    let find = async |owner: &OwnerId, upload: &Upload| uploads.find(owner, upload.key).await.expect("find");
    let first = upload(&owner, b"abc", now);
    assert_eq!(find(&owner, &first).await, None, "never opened");
    let digest = with_digest(upload(&owner, b"abc", now), b"abc");
    for upload in [&first, &digest, &first] {
        uploads.open(upload).await.expect("open, and again");
        assert_eq!(find(&owner, upload).await.as_ref(), Some(upload));
        assert_eq!(find(&other, upload).await, None, "another owner's");
    }
    let expired = upload(&owner, b"abc", samples::now() - jiff::SignedDuration::from_hours(25));
    uploads.open(&expired).await.expect("open");
    assert_eq!(find(&owner, &expired).await.as_ref(), Some(&expired), "kept for requests that are repeated");

    // One place is left, and several requests want it. The expired one takes none.
    let more: Vec<_> = (3..MAX_OPEN_UPLOADS).map(|_| upload(&owner, b"abc", now)).collect();
    for upload in &more {
        uploads.open(upload).await.expect("open");
    }
    let rivals: Vec<_> = (0..CONCURRENCY).map(|_| upload(&owner, b"abc", now)).collect();
    let opened = join_all(rivals.iter().map(|upload| uploads.open(upload))).await;
    let won = opened.iter().filter(|opened| opened.is_ok()).count();
    let allowed = if limit == SetLimit::Exact { 1..=1 } else { 1..=CONCURRENCY };
    assert!(allowed.contains(&won), "{won} of {CONCURRENCY} requests got the last place: {opened:?}");
    for (upload, opened) in rivals.iter().zip(&opened) {
        assert_eq!(find(&owner, upload).await.is_some(), opened.is_ok(), "{opened:?}");
    }
    let one_more = upload(&owner, b"abc", now);
    let refused = uploads.open(&one_more).await.expect_err("too many");
    let OpenUploadError::TooMany { until } = refused else { panic!("{refused:?}") };
    assert_eq!(until, first.expires_at());
    assert_eq!(find(&owner, &one_more).await, None, "nothing was stored");
    uploads.open(&first).await.expect("the same upload again, at the limit");
    uploads.open(&upload(&other, b"abc", now)).await.expect("another owner");

    // Closing makes room, once.
    let etag: ETag = "\"0123\"".parse().expect("an ETag");
    uploads.close(&first, &etag).await.expect("close");
    uploads.close(&first, &etag).await.expect("close again");
    for upload in rivals.iter().zip(&opened).filter(|(_, opened)| opened.is_ok()).skip(1).map(|(upload, _)| upload) {
        uploads.close(upload, &etag).await.expect("close");
    }
    assert_eq!(find(&owner, &first).await.as_ref(), Some(&first), "a closed upload can still be found");
    uploads.open(&one_more).await.expect("open");
    assert!(matches!(uploads.open(&upload(&owner, b"abc", now)).await, Err(OpenUploadError::TooMany { .. })));
    let tomorrow = after(now, KEY_LIFETIME);
    uploads.open(&upload(&owner, b"abc", tomorrow)).await.expect("all others have expired by then");
}

/// Checks which jobs a store notes for an upload.
pub async fn upload_uses(uploads: &dyn Uploads) {
    let (owner, other, now) = (samples::owner(), samples::owner(), samples::now());
    let upload = upload(&owner, b"abc", now);
    let [old, new] = ["\"old\"", "\"new\""].map(|etag| etag.parse::<ETag>().expect("an ETag"));
    let (first, second) = (SystemIds.job(), SystemIds.job());
    uploads.note_job(&upload, &old, first).await.expect_err("no such upload");
    assert_eq!(uploads.uses(&owner, upload.key).await.expect("uses"), None, "no such upload");
    uploads.open(&upload).await.expect("open");
    assert_eq!(uploads.uses(&owner, upload.key).await.expect("uses"), None, "no job");
    for (etag, job, jobs) in [(&old, first, vec![first]), (&new, second, vec![first, second])] {
        for _ in 0..2 {
            assert!(uploads.note_job(&upload, etag, job).await.expect("note"));
            let used = UploadUse { etag: etag.clone(), jobs: jobs.iter().copied().collect() };
            assert_eq!(uploads.uses(&owner, upload.key).await.expect("uses"), Some(used));
        }
    }
    for _ in 2..MAX_JOBS_PER_UPLOAD {
        assert!(uploads.note_job(&upload, &new, SystemIds.job()).await.expect("note"));
    }
    assert!(!uploads.note_job(&upload, &old, SystemIds.job()).await.expect("note"), "one too many");
    assert!(uploads.note_job(&upload, &new, first).await.expect("note"), "one that is noted");
    let used = uploads.uses(&owner, upload.key).await.expect("uses").expect("jobs");
    assert_eq!((used.jobs.len(), &used.etag), (MAX_JOBS_PER_UPLOAD, &new));
    uploads.close(&upload, &new).await.expect("close");
    assert!(uploads.uses(&owner, upload.key).await.expect("uses").is_some(), "closing forgets no job");
    assert_eq!(uploads.uses(&other, upload.key).await.expect("uses"), None, "another owner's");
    assert_eq!(uploads.find(&owner, upload.key).await.expect("find"), Some(upload));
}

/// A backend whose uploaded objects are checked.
#[derive(Clone, Copy)]
pub struct UploadsUnderTest<'a> {
    /// Signs links to upload objects.
    pub links: &'a dyn UploadLinks,
    /// The objects.
    pub objects: &'a dyn UploadObjects,
    /// The records.
    pub records: &'a dyn Uploads,
    /// Where objects are copied.
    pub blobs: &'a dyn Blobs,
}

/// Checks a store of uploaded objects, as `client` uploads to it.
pub async fn upload_objects(backend: UploadsUnderTest<'_>, client: &dyn PutFile) {
    let UploadsUnderTest { links, objects, records, blobs } = backend;
    let owner = samples::owner();
    let head = async |upload: &Upload| objects.head(upload.key).await.expect("head");
    // Larger than any buffer or part, and incompressible.
    let large: Bytes = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [large, Bytes::from_static(b"x"), Bytes::from(vec![7; START_BYTES])] {
        let plain = upload(&owner, &bytes, samples::now());
        let digest = with_digest(upload(&owner, &bytes, samples::now()), &bytes);
        for upload in [plain, digest] {
            records.open(&upload).await.expect("open");
            assert_eq!(head(&upload).await, None, "nothing was uploaded");
            let link = grant(links, &upload).await;
            let status = client.put(&link, &upload.headers(), bytes.clone()).await;
            assert_eq!(status, 200, "{link}");
            let UploadedObject { etag, size, start, .. } = head(&upload).await.expect("an object");
            assert_eq!((size, &start[..]), (bytes.len() as u64, &bytes[..bytes.len().min(START_BYTES)]));
            copies(objects, blobs, &upload, &etag, &bytes).await;
        }
    }
    refusals(backend, client, &owner).await;
    replacement(backend, client, &owner).await;
    deletion(backend, client, &owner).await;
}

/// A deleted object is gone; its copies stay, and the link still works.
async fn deletion(backend: UploadsUnderTest<'_>, client: &dyn PutFile, owner: &OwnerId) {
    let UploadsUnderTest { links, objects, records, blobs } = backend;
    let bytes = Bytes::from_static(b"a file");
    let upload = upload(owner, &bytes, samples::now());
    let other: ETag = "\"00000000000000000000000000000000\"".parse().expect("an ETag");
    objects.delete(upload.key, &other).await.expect("nothing to delete");
    records.open(&upload).await.expect("open");
    let link = grant(links, &upload).await;
    assert_eq!(client.put(&link, &upload.headers(), bytes.clone()).await, 200);
    let etag = objects.head(upload.key).await.expect("head").expect("an object").etag;
    let copy = StorageKey::Source { job: SystemIds.job() };
    assert_eq!(objects.copy(upload.key, &etag, &copy).await.expect("copy"), UploadCopy::Copied);
    objects.delete(upload.key, &other).await.expect("another content");
    assert!(objects.head(upload.key).await.expect("head").is_some(), "it is left alone");
    for _ in 0..2 {
        objects.delete(upload.key, &etag).await.expect("delete, and again");
        assert_eq!(objects.head(upload.key).await.expect("head"), None);
    }
    assert_eq!(blobs.get(&copy).await.expect("get").as_ref(), Some(&bytes), "the copy is independent");
    let another = StorageKey::Source { job: SystemIds.job() };
    assert_eq!(objects.copy(upload.key, &etag, &another).await.expect("copy"), UploadCopy::Changed);
    assert_eq!(client.put(&link, &upload.headers(), bytes).await, 200, "the client may upload it again");
    assert!(objects.head(upload.key).await.expect("head").is_some());
}

async fn grant(links: &dyn UploadLinks, upload: &Upload) -> Url {
    let before = samples::now();
    let link = links.sign(upload).await.expect("sign");
    let (min, max) = (Duration::from_secs(15 * 60), Duration::from_secs(60 * 60));
    assert!(link.expires_at >= after(before, min), "{link:?} at {before}");
    assert!(link.expires_at <= after(samples::now(), max), "{link:?} at {before}");
    link.url
}

/// An object is copied if it has the ETag, as often as wanted.
async fn copies(objects: &dyn UploadObjects, blobs: &dyn Blobs, upload: &Upload, etag: &ETag, bytes: &Bytes) {
    let to = StorageKey::Source { job: SystemIds.job() };
    let other: ETag = "\"00000000000000000000000000000000\"".parse().expect("an ETag");
    let copied = objects.copy(upload.key, &other, &to).await.expect("copy");
    assert_eq!(copied, UploadCopy::Changed, "another ETag");
    assert_eq!(objects.copy(SystemIds.upload(), etag, &to).await.expect("copy"), UploadCopy::Changed, "no object");
    assert_eq!(blobs.get(&to).await.expect("get"), None, "nothing was copied");
    // A mask has a folder of its own, which the copy creates.
    let content = MaskContent::Upload { key: upload.key, etag: etag.clone() };
    let mask = StorageKey::Mask { job: SystemIds.job(), mask: MaskId::new(&content, samples::now()) };
    for to in [to, to, mask, mask] {
        assert_eq!(objects.copy(upload.key, etag, &to).await.expect("copy"), UploadCopy::Copied);
        assert!(blobs.get(&to).await.expect("get").as_ref() == Some(bytes), "{to}");
    }
}

/// Whatever was not announced is refused, and leaves nothing behind.
async fn refusals(backend: UploadsUnderTest<'_>, client: &dyn PutFile, owner: &OwnerId) {
    let UploadsUnderTest { links, objects, records, .. } = backend;
    let bytes = Bytes::from_static(b"the announced file");
    let announced = with_digest(upload(owner, &bytes, samples::now()), &bytes);
    let other = upload(owner, &bytes, samples::now());
    for upload in [&announced, &other] {
        records.open(upload).await.expect("open");
    }
    let (link, foreign) = (grant(links, &announced).await, grant(links, &other).await);
    let headers = announced.headers();
    let changed = |name: &'static str, value: &str| {
        let mut headers = headers.clone();
        headers.insert(name, value.to_owned());
        headers
    };
    let same_length = Bytes::from_static(b"THE announced file");
    let mut without_checksum = headers.clone();
    without_checksum.remove(CHECKSUM_HEADER);
    let mut elsewhere = link.clone();
    elsewhere.set_path(foreign.path());
    let mut unsigned = link.clone();
    unsigned.set_query(None);
    let cases = [
        ("shorter", &link, headers.clone(), bytes.slice(1..)),
        ("longer", &link, headers.clone(), [&bytes[..], b"!"].concat().into()),
        ("empty", &link, headers.clone(), Bytes::new()),
        ("another type", &link, changed("Content-Type", "text/html"), bytes.clone()),
        ("another content", &link, headers.clone(), same_length.clone()),
        ("another digest", &link, changed(CHECKSUM_HEADER, &Digest::of(&same_length).to_base64()), same_length),
        ("no digest", &link, without_checksum, bytes.clone()),
        ("another object", &elsewhere, headers.clone(), bytes.clone()),
        ("no signature", &unsigned, headers.clone(), bytes.clone()),
    ];
    for (what, link, headers, bytes) in cases {
        let status = client.put(link, &headers, bytes).await;
        assert!((400..500).contains(&status), "{what}: {status}");
        for upload in [&announced, &other] {
            assert_eq!(objects.head(upload.key).await.expect("head"), None, "{what}");
        }
    }
    assert_eq!(client.put(&link, &headers, bytes).await, 200, "the link still works");
}

/// A second PUT replaces the object and changes its ETag. A copy stays what it was.
async fn replacement(backend: UploadsUnderTest<'_>, client: &dyn PutFile, owner: &OwnerId) {
    let UploadsUnderTest { links, objects, records, blobs } = backend;
    let [first, second] = [Bytes::from_static(b"first"), Bytes::from_static(b"later")];
    let upload = upload(owner, &first, samples::now());
    records.open(&upload).await.expect("open");
    let link = grant(links, &upload).await;
    let put = async |bytes: &Bytes| {
        assert_eq!(client.put(&link, &upload.headers(), bytes.clone()).await, 200);
        objects.head(upload.key).await.expect("head").expect("an object").etag
    };
    let pinned = put(&first).await;
    let copy = StorageKey::Source { job: SystemIds.job() };
    assert_eq!(objects.copy(upload.key, &pinned, &copy).await.expect("copy"), UploadCopy::Copied);
    let replaced = put(&second).await;
    assert_ne!(pinned, replaced);
    assert_eq!(blobs.get(&copy).await.expect("get"), Some(first), "the copy is independent");
    let another = StorageKey::Source { job: SystemIds.job() };
    assert_eq!(objects.copy(upload.key, &pinned, &another).await.expect("copy"), UploadCopy::Changed);
    assert_eq!(objects.copy(upload.key, &replaced, &another).await.expect("copy"), UploadCopy::Copied);
    assert_eq!(blobs.get(&another).await.expect("get"), Some(second));
    // A refused PUT leaves the object alone.
    let status = client.put(&link, &upload.headers(), Bytes::from_static(b"too long")).await;
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(objects.head(upload.key).await.expect("head").map(|object| object.etag), Some(replaced));
}
