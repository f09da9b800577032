//! Direct uploads: links, files, the room that they take, and their end.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::contract::{self, PutFile, SetLimit, UploadsUnderTest, samples};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::{JobSpec, Source};
use cutline_core::domain::upload::{KEPT, Upload, UploadRequest};
use cutline_core::ports::{
    Blobs as _, Jobs as _, StorageUsage as _, UploadCopy, UploadLinks as _, UploadObjects as _, Uploads as _,
};
use cutline_core::testing::ManualClock;
use cutline_core::{Clock, Ids as _, Job, OwnerId, Policy, StorageKey, SystemClock, SystemIds};
use cutline_local::{
    LinkError, LinkSecret, LocalUploadLinks, LocalUploads, Purge, PurgeReport, ReceiveError, back_up, restore,
};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::world::{World, job};

const BYTES: &[u8] = b"\x89PNG\r\n\x1A\nphoto";

fn links_at(world: &World, clock: Arc<dyn Clock>) -> LocalUploadLinks {
    let secret = LinkSecret::open(&world.folder).expect("a secret");
    LocalUploadLinks::new(secret, "https://cut.example.com/base/".parse().expect("a URL"), clock)
}

fn uploads_at(world: &World, clock: Arc<dyn Clock>) -> LocalUploads {
    LocalUploads::new(world.database.clone(), world.files(), links_at(world, clock))
}

pub(crate) fn uploads(world: &World) -> LocalUploads {
    uploads_at(world, Arc::new(SystemClock))
}

fn upload(owner: &OwnerId, bytes: &[u8], created_at: Timestamp) -> Upload {
    let content_type = "image/png".parse().expect("a type");
    let request = UploadRequest { content_type, size: bytes.len() as u64, sha256: None };
    Upload { key: SystemIds.upload(), owner: owner.clone(), request, created_at }
}

/// An upload of these bytes, which were received.
async fn received(uploads: &LocalUploads, owner: &OwnerId, bytes: &'static [u8]) -> Upload {
    let upload = upload(owner, bytes, samples::now());
    uploads.open(&upload).await.expect("open");
    put(uploads, &upload, bytes).await;
    upload
}

async fn put(uploads: &LocalUploads, upload: &Upload, bytes: &'static [u8]) {
    let mut writer = uploads.receive(upload.clone()).await.expect("begins");
    writer.write(Bytes::from_static(bytes)).await.expect("written");
    writer.finish().await.expect("stored");
}

fn path_and_query(url: &Url) -> String {
    // What the server sees behind a proxy that removes the base's path.
    url[url::Position::BeforePath..].strip_prefix("/base").expect("the base's path").to_owned()
}

/// The names of the files in a folder of objects.
fn names(world: &World, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(world.folder.files().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

/// Uploads without an HTTP server, with its rules. The end-to-end tests upload over HTTP.
struct InProcess(LocalUploads);

#[async_trait]
impl PutFile for InProcess {
    async fn put(&self, url: &Url, headers: &BTreeMap<&'static str, String>, bytes: Bytes) -> u16 {
        let Ok(key) = self.0.verify(&path_and_query(url)) else { return 403 };
        let upload = self.0.get(key).await.expect("the store answers").expect("an upload");
        if *headers != upload.headers() || bytes.len() as u64 != upload.request.size {
            return 403;
        }
        let mut writer = self.0.receive(upload).await.expect("begins");
        for piece in bytes.chunks(100_000) {
            writer.write(Bytes::copy_from_slice(piece)).await.expect("written");
        }
        match writer.finish().await {
            Ok(_) => 200,
            Err(ReceiveError::WrongDigest | ReceiveError::WrongSize) => 400,
            Err(ReceiveError::Store(error)) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_keep_their_contract() {
    let world = World::new();
    contract::uploads(&uploads(&world), SetLimit::Exact).await;
    contract::upload_uses(&uploads(&world)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_keep_their_contract() {
    let world = World::new();
    let uploads = uploads(&world);
    let (links, files) = (links_at(&world, Arc::new(SystemClock)), world.files());
    let backend = UploadsUnderTest { links: &links, objects: &uploads, records: &uploads, blobs: &files };
    contract::upload_objects(backend, &InProcess(uploads.clone())).await;
    assert_eq!(names(&world, "tmp"), Vec::<String>::new(), "nothing is left behind");
}

#[tokio::test]
async fn a_link_names_its_key_and_any_change_invalidates_it() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let uploads = uploads_at(&world, clock.clone());
    let upload = upload(&samples::owner(), BYTES, clock.now());
    uploads.open(&upload).await.expect("open");
    let url = links_at(&world, clock.clone()).sign(&upload).await.expect("signed").url;
    assert!(
        url.as_str().starts_with(&format!("https://cut.example.com/base/uploads/{}?expires=", upload.key)),
        "{url}"
    );
    let link = path_and_query(&url);
    let linked = |link: &str| uploads.verify(link);
    assert_eq!(linked(&link), Ok(upload.key));
    assert_eq!(uploads.get(upload.key).await.expect("get"), Some(upload.clone()));
    for (at, byte) in link.bytes().enumerate() {
        let other = if byte == b'0' { '1' } else { '0' };
        let changed = format!("{}{other}{}", &link[..at], &link[at + 1..]);
        assert_eq!(linked(&changed), Err(LinkError::Invalid), "{changed}");
    }
    // A link to a file is signed with the same secret, and is no link to an upload.
    let as_file = link.replacen("/uploads/", "/files/", 1);
    for changed in
        ["", "/uploads/", &as_file, &format!("{link}&x=y"), &link.replace("/uploads/", "/uploads/../uploads/")]
    {
        assert_eq!(linked(changed), Err(LinkError::Invalid), "{changed}");
    }
    clock.advance(Duration::from_secs(3_599));
    assert!(linked(&link).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(linked(&link), Err(LinkError::Expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_upload_leaves_nothing_behind() {
    let world = World::new();
    let uploads = uploads(&world);
    let announced = upload(&samples::owner(), &[0; 600_000], samples::now());
    let request = UploadRequest { sha256: Some(Digest::of(b"something else")), ..announced.request.clone() };
    let announced = Upload { request, ..announced };
    uploads.open(&announced).await.expect("open");
    let begin = async || uploads.receive(announced.clone()).await.expect("begins");

    let mut broken_off = begin().await;
    broken_off.write(vec![0; 300_000].into()).await.expect("written");
    assert_eq!(names(&world, "tmp").len(), 1);
    drop(broken_off);

    let mut short = begin().await;
    short.write(vec![0; 599_999].into()).await.expect("written");
    assert!(matches!(short.finish().await, Err(ReceiveError::WrongSize)));

    let mut long = begin().await;
    long.write(vec![0; 600_000].into()).await.expect("written");
    assert!(matches!(long.write(Bytes::from_static(b"!")).await, Err(ReceiveError::WrongSize)));
    drop(long);

    let mut other = begin().await;
    other.write(vec![0; 600_000].into()).await.expect("written");
    assert!(matches!(other.finish().await, Err(ReceiveError::WrongDigest)));

    assert_eq!((names(&world, "tmp").len(), names(&world, "uploads").len()), (0, 0));
    assert_eq!(uploads.head(announced.key).await.expect("head"), None);
    assert_eq!(world.jobs().stored_bytes(&announced.owner).await.expect("counted"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_a_link_to_the_uploaded_file() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    let uploads = uploads(&world);
    let upload = received(&uploads, &samples::owner(), BYTES).await;
    let etag = uploads.head(upload.key).await.expect("head").expect("an object").etag;
    let to = StorageKey::Source { job: SystemIds.job() };
    for _ in 0..2 {
        assert_eq!(uploads.copy(upload.key, &etag, &to).await.expect("copy"), UploadCopy::Copied);
    }
    let inode = |path: String| fs::metadata(world.folder.files().join(path)).expect("a file").ino();
    let [name] = &names(&world, "uploads")[..] else { panic!("one file") };
    assert_eq!(inode(format!("uploads/{name}")), inode(to.to_string()));
    assert_eq!(names(&world, "tmp"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploaded_bytes_are_the_owners_until_a_job_has_them() {
    let world = World::new();
    let (uploads, owner) = (uploads(&world), samples::owner());
    let stored = async || world.jobs().stored_bytes(&owner).await.expect("counted");
    let upload = received(&uploads, &owner, BYTES).await;
    assert_eq!(stored().await, BYTES.len() as u64);
    assert!(uploads.head(upload.key).await.expect("head").expect("an object").is_counted);
    put(&uploads, &upload, b"\x89PNG\r\n\x1A\nother").await;
    assert_eq!(stored().await, BYTES.len() as u64, "the object was replaced");
    assert_eq!(names(&world, "uploads").len(), 1, "and its file removed");
    let replaced = "\"replaced\"".parse().expect("an ETag");
    uploads.close(&upload, &replaced).await.expect("close");
    assert_eq!(stored().await, BYTES.len() as u64, "a job was accepted with another content");
    let etag = uploads.head(upload.key).await.expect("head").expect("an object").etag;
    uploads.close(&upload, &etag).await.expect("close");
    assert_eq!(stored().await, 0);
    assert!(!uploads.head(upload.key).await.expect("head").expect("an object").is_counted);
    put(&uploads, &upload, BYTES).await;
    assert_eq!(stored().await, BYTES.len() as u64, "no job has these");
    let etag = uploads.head(upload.key).await.expect("head").expect("an object").etag;
    uploads.delete(upload.key, &etag).await.expect("delete");
    assert_eq!((stored().await, names(&world, "uploads").len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_purged_once_no_repeated_request_needs_it() {
    let world = World::new();
    let (uploads, owner) = (uploads(&world), samples::owner());
    let upload = received(&uploads, &owner, BYTES).await;
    let unused = self::upload(&owner, BYTES, upload.created_at);
    uploads.open(&unused).await.expect("open");
    // Left over by a process that was killed before it wrote the row.
    let leftover = world.folder.files().join("uploads").join(format!("{}.{}", upload.key, uuid::Uuid::now_v7()));
    fs::write(&leftover, "1").expect("a file");
    let foreign = world.folder.files().join("uploads/readme.txt");
    fs::write(&foreign, "1").expect("a file");
    let purge = Purge::new(world.database.clone(), world.files(), Policy::default().retention);
    let kept = SignedDuration::try_from(KEPT).expect("a time");
    let last = upload.created_at + kept - SignedDuration::from_secs(1);
    assert_eq!(purge.expired(last).await.expect("purge"), PurgeReport::default(), "not yet");
    assert_eq!(purge.orphans(samples::now()).await.expect("purge"), PurgeReport::default(), "too new");
    let orphans = purge.orphans(last).await.expect("purge");
    assert_eq!((orphans.uploads, leftover.exists(), foreign.exists()), (1, false, true));
    assert!(uploads.head(upload.key).await.expect("head").is_some(), "its row names it");
    let purged = purge.expired(upload.created_at + kept).await.expect("purge");
    assert_eq!(purged, PurgeReport { uploads: 2, ..PurgeReport::default() });
    assert_eq!(uploads.find(&owner, upload.key).await.expect("find"), None);
    assert_eq!(names(&world, "uploads"), ["readme.txt"]);
    assert_eq!(world.jobs().stored_bytes(&owner).await.expect("counted"), 0);
}

/// A job that was accepted and not copied yet is complete in a backup.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_holds_the_upload_of_a_pending_job() {
    let world = World::new();
    let uploads = uploads(&world);
    let sample = job();
    let upload = received(&uploads, &sample.owner, BYTES).await;
    let unused = received(&uploads, &sample.owner, b"of no job").await;
    let etag = uploads.head(upload.key).await.expect("head").expect("an object").etag;
    let spec = JobSpec { source: Source::Upload { key: upload.key, etag: etag.clone() }, ..sample.spec.clone() };
    let job = Job::new(sample.id, sample.owner, spec, sample.created_at, &Policy::default());
    world.jobs().create(&job).await.expect("create");
    let [target, restored] = ["backup", "restored"].map(|name| world.path().join(name));
    let summary = back_up(world.folder.path(), &target, &mut |_| {}).expect("backs up");
    assert_eq!(summary.missing, 0);
    restore(&target, &restored, &mut |_| {}).expect("restores");
    let again = World::at(&restored);
    let uploads = self::uploads(&again);
    let to = StorageKey::Source { job: job.id };
    assert_eq!(uploads.copy(upload.key, &etag, &to).await.expect("copy"), UploadCopy::Copied);
    assert_eq!(again.files().get(&to).await.expect("get").as_deref(), Some(BYTES));
    assert_eq!(uploads.head(unused.key).await.expect("head"), None, "an upload of no job is left out");
}
