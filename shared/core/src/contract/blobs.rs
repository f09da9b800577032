//! The contracts of [`Blobs`], [`JobFiles`] and [`Links`].

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use url::Url;

use super::samples;
use crate::domain::asset::AssetKind;
use crate::domain::digest::Digest;
use crate::domain::file_format::FileFormat;
use crate::domain::file_name::{MAX_FILE_NAME_BYTES, content_disposition};
use crate::domain::format::OutputFormat;
use crate::domain::mask::{MaskContent, MaskId};
use crate::domain::storage::StorageKey;
use crate::domain::time::after;
use crate::domain::variation::Variation;
use crate::ports::{Blobs, JobFiles, Links};
use crate::ports::{Ids, SystemIds};

/// The response to a GET of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`, if present.
    pub content_type: Option<String>,
    /// The `Content-Disposition`, if present.
    pub content_disposition: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// A client without an API key that follows links.
#[async_trait]
pub trait Download: Send + Sync {
    /// GETs `url`.
    async fn get(&self, url: &Url) -> Downloaded;
}

fn source() -> StorageKey {
    StorageKey::Source { job: SystemIds.job() }
}

fn output(format: FileFormat) -> StorageKey {
    StorageKey::Output { job: SystemIds.job(), lease: SystemIds.lease(), variation: Variation::Background, format }
}

fn asset(kind: AssetKind) -> StorageKey {
    StorageKey::Asset { job: SystemIds.job(), lease: SystemIds.lease(), kind }
}

/// Checks that a store copies objects, and that `files` deletes those of one job and of no other.
pub async fn job_files(blobs: &dyn Blobs, files: &dyn JobFiles) {
    let stored = async |key: &StorageKey| blobs.get(key).await.expect("get");
    let (job, other, lease) = (SystemIds.job(), SystemIds.job(), SystemIds.lease());
    let source = StorageKey::Source { job };
    let copy = StorageKey::Source { job: other };
    assert!(!blobs.copy(&source, &copy).await.expect("copy"), "an object that was never stored");
    assert_eq!(stored(&copy).await, None);
    let bytes = Bytes::from(vec![7; 300_000]);
    for bytes in [Bytes::from_static(b"replaced by the second copy"), bytes.clone()] {
        blobs.put(&source, bytes.clone()).await.expect("put");
        assert!(blobs.copy(&source, &copy).await.expect("copy"));
        assert_eq!((stored(&source).await, stored(&copy).await), (Some(bytes.clone()), Some(bytes)));
    }

    let of = |job| {
        let (variation, format) = (Variation::Background, OutputFormat::Png.into());
        let outputs = [
            StorageKey::Output { job, lease, variation, format },
            StorageKey::Output { job, lease: SystemIds.lease(), variation, format },
            StorageKey::Asset { job, lease, kind: AssetKind::Matte },
        ];
        let masks = [b"one", b"two"].map(|bytes| StorageKey::Mask { job, mask: mask_id(bytes) });
        StorageKey::inputs(job).into_iter().chain(masks).chain(outputs).collect::<Vec<_>>()
    };
    let (keys, others) = (of(job), of(other));
    for key in keys.iter().chain(&others) {
        blobs.put(key, Bytes::from_static(b"a file")).await.expect("put");
    }
    for _ in 0..2 {
        files.delete_outputs(job, lease).await.expect("delete the outputs");
        for key in keys.iter().chain(&others) {
            let is_of_attempt = key.job() == job && key.lease() == Some(lease);
            assert_eq!(stored(key).await.is_none(), is_of_attempt, "{key}");
        }
    }
    for _ in 0..2 {
        files.delete(job).await.expect("delete");
        for (key, other) in keys.iter().zip(&others) {
            assert_eq!((stored(key).await, stored(other).await.is_some()), (None, true), "{key}");
        }
    }
    assert!(!blobs.copy(&source, &copy).await.expect("copy"), "a deleted object");
    assert!(stored(&copy).await.is_some(), "its copy stays");
}

fn mask_id(bytes: &[u8]) -> MaskId {
    MaskId::new(&MaskContent::Sha256(Digest::of(bytes)), samples::now())
}

/// Checks a store of objects.
pub async fn blobs(blobs: &dyn Blobs) {
    let get = async |key: &StorageKey| blobs.get(key).await.expect("get");
    for key in [source(), output(OutputFormat::Png.into()), asset(AssetKind::Matte)] {
        assert_eq!(get(&key).await, None, "an object that was never stored");
        // Larger than any buffer or part, and incompressible.
        let large: Bytes = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for bytes in [Bytes::from_static(b"first"), Bytes::new(), large] {
            blobs.put(&key, bytes.clone()).await.expect("put");
            assert!(get(&key).await == Some(bytes), "the last object stored");
        }
        assert!(!blobs.put_new(&key, Bytes::from_static(b"new")).await.expect("put new"), "one exists");
        assert_ne!(get(&key).await, Some(Bytes::from_static(b"new")));
    }

    let key = source();
    let contents: Vec<_> = (0..8).map(|i| Bytes::from(format!("writer {i}").repeat(10_000))).collect();
    let stored = join_all(contents.iter().map(|bytes| blobs.put_new(&key, bytes.clone()))).await;
    let winners: Vec<_> = stored.into_iter().map(|result| result.expect("put new")).collect();
    assert_eq!(winners.iter().filter(|won| **won).count(), 1, "one of several is stored: {winners:?}");
    let winner = winners.iter().position(|won| *won).expect("a winner");
    assert!(get(&key).await.as_ref() == Some(&contents[winner]), "and its writer got that answer");
}

/// Checks links to the objects of `blobs`, as `client` follows them.
pub async fn links(links: &dyn Links, blobs: &dyn Blobs, client: &dyn Download) {
    for key in FileFormat::all().map(output).chain(AssetKind::ALL.map(asset)) {
        let body = Bytes::from_static(b"a picture\0\xFF");
        blobs.put(&key, body.clone()).await.expect("put");
        let before = samples::now();
        let link = links.sign(&key, None).await.expect("sign");
        assert!(link.url.path().ends_with(&format!("/{}", key.file_name())), "{link:?}");
        let (min, max) = (Duration::from_secs(15 * 60), Duration::from_secs(60 * 60));
        assert!(link.expires_at >= after(before, min), "{link:?} at {before}");
        assert!(link.expires_at <= after(samples::now(), max), "{link:?} at {before}");
        let answer = client.get(&link.url).await;
        let content_type = Some(key.content_type().to_owned());
        assert_eq!((answer.status, &answer.content_type, &answer.body), (200, &content_type, &body));
    }
    let (job, key, body) = samples::done_job_with_name();
    blobs.put(&key, body.clone()).await.expect("put");
    let names = job.file_names(MAX_FILE_NAME_BYTES);
    let name = &names.pictures[&Variation::Background];
    assert!(!name.as_str().is_ascii(), "a name that the header has to encode");
    let link = links.sign(&key, Some(name)).await.expect("sign");
    assert!(link.url.path().ends_with("/background.webp"), "the path does not change: {link:?}");
    let answer = client.get(&link.url).await;
    let disposition = Some(content_disposition(name.as_str()));
    assert_eq!((answer.status, answer.content_disposition, answer.body), (200, disposition, body));

    let missing =
        links.sign(&output(OutputFormat::Png.into()), None).await.expect("a link to a missing object can be signed");
    assert_eq!(client.get(&missing.url).await.status, 404, "and finds nothing");
}
