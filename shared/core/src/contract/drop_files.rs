//! The contract of [`DropFiles`].

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use uuid::Uuid;

use super::samples;
use crate::StorageKey;
use crate::domain::drops::{DropPath, DroppedObject, MANIFEST};
use crate::domain::limits::MAX_SOURCE_BYTES;
use crate::domain::mask::{MaskContent, MaskId};
use crate::ports::{Blobs, DROP_HEAD_BYTES, DropFiles, DropLook, Ids as _, ManifestTag, SystemIds};

/// The users of a [`DropFiles`]: they drop files and read results.
#[async_trait]
pub trait DropSite: Send + Sync {
    /// Drops a file, and returns its announcement.
    async fn put(&self, path: &DropPath, bytes: Bytes) -> DroppedObject;
    /// Removes a dropped file.
    async fn remove(&self, path: &DropPath);
    /// Whether a copy of a replaced file is refused. `false` for an emulator that ignores the condition of a copy.
    fn refuses_replaced_copies(&self) -> bool {
        true
    }
    /// A result's content, by key.
    async fn result(&self, key: &str) -> Option<Bytes>;
}

/// Checks a place for drops, whose files are copied to `blobs`.
pub async fn drop_files(files: &dyn DropFiles, blobs: &dyn Blobs, site: &dyn DropSite) {
    let own = Uuid::now_v7().simple().to_string();
    let path =
        |name: &str| -> DropPath { DropPath::try_from(format!("drops/{own}/amazon-main/{name}")).expect("a path") };
    // The whole file by its copy, after a look at it.
    let read = async |object: &DroppedObject| {
        let job = SystemIds.job();
        let is_copied = files.copy_to(object, &StorageKey::Source { job }).await.expect("copy");
        let copy = blobs.get(&StorageKey::Source { job }).await.expect("get");
        assert_eq!(copy.is_some(), is_copied);
        let expected = copy.as_ref().map_or(DropLook::Gone, |copy| DropLook::Found {
            bytes: copy.len() as u64,
            head: copy.slice(..copy.len().min(DROP_HEAD_BYTES)),
        });
        assert_eq!(files.look(object).await.expect("look"), expected);
        copy
    };
    let png = "image/png";

    for name in ["a.jpg", "Schuhe/größe 42/rot+1 & 2%.jpg", "…/'quoted' \"x\".png", "no-ending"] {
        let path = path(name);
        let bytes = Bytes::from(format!("content of {name}"));
        let object = site.put(&path, bytes.clone()).await;
        assert_eq!(read(&object).await, Some(bytes), "{name}");
        for content in ["first", "", "second"] {
            files.put_result(&path, "compose.png", png, Bytes::from(content)).await.expect("put result");
            let stored = site.result(&path.result("compose.png")).await;
            assert_eq!(stored, Some(Bytes::from(content)), "{name}: the last one put");
        }
    }
    assert_eq!(read(&site.put(&path("empty"), Bytes::new()).await).await, Some(Bytes::new()));

    let gone = site.put(&path("gone.jpg"), Bytes::from_static(b"soon gone")).await;
    site.remove(&path("gone.jpg")).await;
    assert_eq!(read(&gone).await, None);
    let over = site.put(&path("over.jpg"), Bytes::from_static(b"the first")).await;
    let newer = site.put(&path("over.jpg"), Bytes::from_static(b"the second, another length")).await;
    assert_eq!(files.look(&over).await.expect("look"), DropLook::Gone, "the replaced file is gone");
    if site.refuses_replaced_copies() {
        assert_eq!(read(&over).await, None, "the replaced file is gone");
    }
    assert_eq!(read(&newer).await, Some(Bytes::from_static(b"the second, another length")));
    let large = site.put(&path("large.tif"), Bytes::from(vec![7; MAX_SOURCE_BYTES as usize + 1])).await;
    let look = files.look(&large).await.expect("look");
    let head = Bytes::from(vec![7; DROP_HEAD_BYTES]);
    assert_eq!(look, DropLook::Found { bytes: MAX_SOURCE_BYTES + 1, head });

    let (object, job) = (site.put(&path("again.jpg"), Bytes::from_static(b"new")).await, SystemIds.job());
    let mask = MaskId::new(&MaskContent::Drop(object.origin.identity().digest), samples::now());
    for key in [StorageKey::Source { job }, StorageKey::Mask { job, mask }] {
        blobs.put(&key, Bytes::from_static(b"an earlier copy")).await.expect("put");
        assert!(files.copy_to(&object, &key).await.expect("copy"));
        let copy = blobs.get(&key).await.expect("get");
        assert_eq!(copy, Some(Bytes::from_static(b"new")), "replaced");
    }

    let retouched = DropPath::try_from(format!("retouch/{own}/größe/{job}.psd")).expect("a path");
    let object = site.put(&retouched, Bytes::from_static(b"layers")).await;
    assert_eq!(read(&object).await, Some(Bytes::from_static(b"layers")));
    manifests(files, site, &retouched).await;

    manifests(files, site, &path("Schuhe/manifest ä.jpg")).await;
}

async fn manifests(files: &dyn DropFiles, site: &dyn DropSite, path: &DropPath) {
    let stored = async || files.manifest(path).await.expect("manifest");
    let put = async |text: &str, before: Option<&ManifestTag>| {
        files.put_manifest(path, Bytes::from(text.to_owned()), before).await.expect("put manifest")
    };
    assert_eq!(stored().await, None);
    let no_tag = ManifestTag("\"00000000000000000000000000000000\"".to_owned());
    assert!(!put("a", Some(&no_tag)).await, "nothing to replace");
    assert!(put("a", None).await);
    let first = stored().await.expect("a manifest");
    assert_eq!(first.bytes, "a");
    assert_eq!(site.result(&path.result(MANIFEST)).await, Some(first.bytes.clone()), "it is a file among the results");
    assert!(!put("b", None).await, "one exists");
    assert!(!put("b", Some(&no_tag)).await, "a different one");
    assert!(put("b", Some(&first.tag)).await);
    assert!(!put("c", Some(&first.tag)).await, "a different one by now");
    let second = stored().await.expect("a manifest");
    assert_eq!(second.bytes, "b");

    let texts: Vec<_> = (0..6).map(|writer| format!("by writer {writer}")).collect();
    let made = join_all(texts.iter().map(|text| put(text, Some(&second.tag)))).await;
    let winners: Vec<_> = texts.iter().zip(&made).filter(|(_, made)| **made).map(|(text, _)| text.clone()).collect();
    assert_eq!(winners.len(), 1, "one of several is stored: {made:?}");
    assert_eq!(stored().await.expect("a manifest").bytes, winners[0]);
}
