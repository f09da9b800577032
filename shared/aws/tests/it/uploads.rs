//! Direct uploads, against a server that checks signatures, lengths and checksums like S3, and acts as STS. An emulator
//! that accepts any signature would prove nothing here.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_aws::S3UploadLinks;
use cutline_core::contract::{self, PutFile, UploadsUnderTest, samples};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::upload::{CHECKSUM_HEADER, Upload, UploadRequest};
use cutline_core::ports::{Blobs as _, PortError, START_BYTES, UploadCopy, UploadLinks, UploadObjects};
use cutline_core::testing::{ManualClock, MemoryBlobs, MemoryUploads};
use cutline_core::{Clock, Ids, StorageKey, SystemClock, SystemIds};
use jiff::SignedDuration;
use url::Url;

use crate::common::Browser;
use crate::links::{BUCKET, FixedClock, Sts, World};

const UPLOAD_ROLE: &str = "arn:aws:iam::123456789012:role/upload";
const PHOTO: Bytes = Bytes::from_static(b"\x89PNG\r\n\x1A\nphoto");

fn links(world: &World, clock: impl Clock + 'static) -> S3UploadLinks {
    world.aws.upload_links(BUCKET, UPLOAD_ROLE, std::sync::Arc::new(clock))
}

fn upload(bytes: &[u8], sha256: Option<Digest>) -> Upload {
    let content_type = "image/png".parse().expect("a type");
    let request = UploadRequest { content_type, size: bytes.len() as u64, sha256 };
    Upload { key: SystemIds.upload(), owner: samples::owner(), request, created_at: samples::now() }
}

/// The names of the headers that a link signs.
fn signed_headers(url: &Url) -> Vec<String> {
    let signed = url.query_pairs().find(|(name, _)| name == "X-Amz-SignedHeaders").expect("signed headers").1;
    signed.split(';').map(str::to_owned).collect()
}

#[async_trait]
impl PutFile for Browser {
    async fn put(&self, url: &Url, headers: &BTreeMap<&'static str, String>, bytes: Bytes) -> u16 {
        let request =
            headers.iter().fold(self.0.put(url.clone()), |request, (name, value)| request.header(*name, value));
        request.body(bytes).send().await.expect("an answer").status().as_u16()
    }
}

#[tokio::test]
async fn uploads_keep_their_contract() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let links = links(&world, SystemClock);
    // The records are DynamoDB's, which this server does not have.
    let records = MemoryUploads::new(std::sync::Arc::new(ManualClock::new()), std::sync::Arc::new(MemoryBlobs::new()));
    let backend = UploadsUnderTest { links: &links, objects: &world.bucket, records: &records, blobs: &world.bucket };
    contract::upload_objects(backend, &Browser::new()).await;
    assert_eq!(world.sts_calls(), 1, "one session signs many links");
}

#[tokio::test]
async fn a_link_signs_everything_that_was_announced_and_nothing_else() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let links = links(&world, SystemClock);
    let plain = links.sign(&upload(&PHOTO, None)).await.expect("signed").url;
    assert_eq!(signed_headers(&plain), ["content-length", "content-type", "host"]);
    let digest = links.sign(&upload(&PHOTO, Some(Digest::of(&PHOTO)))).await.expect("signed").url;
    assert_eq!(signed_headers(&digest), ["content-length", "content-type", "host", CHECKSUM_HEADER]);
    for url in [plain, digest] {
        let query = url.query().expect("a query").to_ascii_lowercase();
        assert!(!query.contains("crc32"), "no checksum of an empty body: {url}");
        assert!(url.path().starts_with(&format!("/{BUCKET}/uploads/")), "{url}");
    }
}

#[tokio::test]
async fn refuses_a_changed_link() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let links = links(&world, SystemClock);
    let announced = upload(&PHOTO, None);
    let link = links.sign(&announced).await.expect("signed").url;
    let browser = Browser::new();
    let mut changed = 0;
    for (name, value) in link.query_pairs() {
        let others = link.query_pairs().filter(|(other, _)| *other != name);
        let flipped: String = match name.as_ref() {
            "X-Amz-Expires" => "604800".to_owned(),
            // Names the operation for logs; not signed.
            "x-id" => continue,
            _ => value.chars().rev().collect(),
        };
        let mut url = link.clone();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(&name, &flipped);
        let status = browser.put(&url, &announced.headers(), PHOTO).await;
        assert!(status >= 400, "{name}: {status}");
        changed += 1;
    }
    assert!(changed > 6, "{link}");
    assert_eq!(world.bucket.head(announced.key).await.expect("head"), None);
    assert_eq!(browser.put(&link, &announced.headers(), PHOTO).await, 200, "the unchanged link");
}

#[tokio::test]
async fn refuses_an_expired_link() {
    let two_hours_ago = samples::now() - SignedDuration::from_hours(2);
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let announced = upload(&PHOTO, None);
    let link = links(&world, FixedClock(two_hours_ago)).sign(&announced).await.expect("signed");
    assert!(link.expires_at <= two_hours_ago + SignedDuration::from_hours(1), "{link:?}");
    assert_eq!(Browser::new().put(&link.url, &announced.headers(), PHOTO).await, 403);
    assert_eq!(world.bucket.head(announced.key).await.expect("head"), None);
}

#[tokio::test]
async fn a_link_expires_with_the_session_that_signed_it() {
    let world = World::new(&[Sts::Session(40)], SystemClock).await;
    let link = links(&world, SystemClock).sign(&upload(&PHOTO, None)).await.expect("signed");
    let left = link.expires_at.duration_since(samples::now());
    assert!(left > SignedDuration::from_mins(39) && left <= SignedDuration::from_mins(40), "{left:?}");
    let short = World::new(&[Sts::Session(10)], SystemClock).await;
    let error = links(&short, SystemClock).sign(&upload(&PHOTO, None)).await.expect_err("too short for a link");
    assert!(matches!(error, PortError::Retry(_)), "{error}");
    let denied = World::new(&[Sts::Denied], SystemClock).await;
    let error = links(&denied, SystemClock).sign(&upload(&PHOTO, None)).await.expect_err("refused");
    assert!(matches!(&error, PortError::Fail(_)) && error.to_string().contains("sts:AssumeRole"), "{error}");
}

#[tokio::test]
async fn a_large_object_is_copied_whole_and_its_head_is_short() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let bytes = Bytes::from(vec![7; 100_000]);
    let announced = upload(&bytes, None);
    let link = links(&world, SystemClock).sign(&announced).await.expect("signed").url;
    assert_eq!(Browser::new().put(&link, &announced.headers(), bytes.clone()).await, 200);
    let object = world.bucket.head(announced.key).await.expect("head").expect("an object");
    assert_eq!((object.size, object.start.len(), object.is_counted), (100_000, START_BYTES, false));
    let to = StorageKey::Source { job: SystemIds.job() };
    assert_eq!(
        UploadObjects::copy(&world.bucket, announced.key, &object.etag, &to).await.expect("copy"),
        UploadCopy::Copied
    );
    assert_eq!(world.bucket.get(&to).await.expect("get"), Some(bytes));
}
