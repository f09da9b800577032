//! Receiving directly uploaded files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::OwnerId;
use cutline_core::domain::upload::{ETag, Upload, UploadKey};
use cutline_core::usecases::{Reservation, ReserveError, StorageCap};
use cutline_http::{IncomingFile, SignedUploads, UploadError};
use cutline_local::{LocalUploads, ReceiveError, UploadWriter};

/// How many files are received at the same time. Each holds at most 1 MB of memory, most of it the connection's.
///
/// An owner gets a further place while it has fewer than are free: half of them if nobody else sends. The next owner
/// gets half of the rest. So slow senders of one owner never keep out those of another.
const MAX_RECEIVING: usize = 100;
/// How many of them may come by the same link. A second one lets a client repeat a transfer that hangs.
const MAX_RECEIVING_PER_UPLOAD: usize = 2;

/// [`SignedUploads`] of the local stores.
pub(crate) struct ReceivedUploads {
    uploads: LocalUploads,
    storage_cap: Option<StorageCap>,
    receiving: Arc<Receiving>,
}

/// The uploads whose files are being received, once for each file, and their owners.
#[derive(Default)]
struct Receiving(Mutex<Vec<(UploadKey, OwnerId)>>);

/// A file's place among them, until this value is dropped.
struct Place {
    receiving: Arc<Receiving>,
    key: UploadKey,
}

/// Why a file gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoPlace {
    SameUpload,
    /// The owner has as many places as are free, or none is.
    TooMany,
}

impl NoPlace {
    /// The reason in the log.
    const fn as_str(self) -> &'static str {
        match self {
            Self::SameUpload => "its file is being received already",
            Self::TooMany => "too many at the same time",
        }
    }
}

impl Receiving {
    fn files(&self) -> MutexGuard<'_, Vec<(UploadKey, OwnerId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a file of this upload.
    fn enter(self: &Arc<Self>, upload: &Upload) -> Result<Place, NoPlace> {
        let mut files = self.files();
        if files.iter().filter(|(key, _)| *key == upload.key).count() >= MAX_RECEIVING_PER_UPLOAD {
            return Err(NoPlace::SameUpload);
        }
        let own = files.iter().filter(|(_, owner)| *owner == upload.owner).count();
        if own >= MAX_RECEIVING.saturating_sub(files.len()) {
            return Err(NoPlace::TooMany);
        }
        files.push((upload.key, upload.owner.clone()));
        Ok(Place { receiving: Arc::clone(self), key: upload.key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut files = self.receiving.files();
        if let Some(index) = files.iter().position(|(key, _)| *key == self.key) {
            files.swap_remove(index);
        }
    }
}

impl ReceivedUploads {
    pub(crate) fn new(uploads: LocalUploads, storage_cap: Option<StorageCap>) -> Self {
        Self { uploads, storage_cap, receiving: Arc::default() }
    }
}

/// A file on its way into the store.
struct ReceivedFile {
    writer: UploadWriter,
    /// Its room under the cap, until its record counts.
    _room: Option<Reservation>,
    _place: Place,
}

#[async_trait]
impl SignedUploads for ReceivedUploads {
    async fn find(&self, path_and_query: &str) -> Result<Upload, UploadError> {
        let key = self.uploads.verify(path_and_query).map_err(|reason| {
            tracing::debug!(%reason, "upload link rejected");
            UploadError::Forbidden
        })?;
        self.uploads.get(key).await?.ok_or(UploadError::Forbidden)
    }

    async fn begin(&self, upload: Upload) -> Result<Box<dyn IncomingFile>, UploadError> {
        let place = self.receiving.enter(&upload).map_err(|reason| {
            tracing::warn!(file_key = %upload.key, owner = %upload.owner, reason = reason.as_str(), "upload refused");
            UploadError::Busy
        })?;
        let room = match &self.storage_cap {
            Some(cap) => Some(cap.reserve(&upload.owner, upload.request.size).await.map_err(refused)?),
            None => None,
        };
        let writer = self.uploads.receive(upload).await?;
        Ok(Box::new(ReceivedFile { writer, _room: room, _place: place }))
    }
}

#[async_trait]
impl IncomingFile for ReceivedFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.writer.write(bytes).await.map_err(failed)
    }

    async fn finish(self: Box<Self>) -> Result<ETag, UploadError> {
        let Self { writer, _room, _place } = *self;
        writer.finish().await.map_err(failed)
    }
}

fn refused(error: ReserveError) -> UploadError {
    match error {
        ReserveError::Full(full) => UploadError::StorageFull(full),
        ReserveError::Port(error) => error.into(),
    }
}

fn failed(error: ReceiveError) -> UploadError {
    match error {
        ReceiveError::WrongSize => UploadError::WrongSize,
        ReceiveError::WrongDigest => UploadError::WrongDigest,
        ReceiveError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::upload::UploadRequest;
    use cutline_core::ports::{Link, UploadLinks, UploadObjects, Uploads};
    use cutline_core::{Clock, Ids, SystemClock, SystemIds};
    use cutline_local::{DataDir, Database, LinkSecret, LocalFiles, LocalJobs, LocalUploadLinks};
    use url::Position;

    use super::*;

    const BYTES: &[u8] = b"a picture";

    struct Stores {
        _folder: tempfile::TempDir,
        uploads: LocalUploads,
        links: LocalUploadLinks,
        jobs: Arc<LocalJobs>,
    }

    fn stores() -> Stores {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(&folder.path().join("data")).expect("a data folder");
        let files = LocalFiles::open(&data.files()).expect("the files");
        let database = Database::open_with_files(&data.database(), &files).expect("a database");
        let secret = LinkSecret::open(&data).expect("a secret");
        let base = "http://127.0.0.1:8787".parse().expect("a URL");
        let links = LocalUploadLinks::new(secret, base, Arc::new(SystemClock));
        let jobs = Arc::new(LocalJobs::new(database.clone()));
        Stores { _folder: folder, uploads: LocalUploads::new(database, files, links.clone()), links, jobs }
    }

    async fn granted(stores: &Stores) -> (Upload, String) {
        granted_to("shop", stores).await
    }

    async fn granted_to(owner: &str, Stores { uploads, links, .. }: &Stores) -> (Upload, String) {
        let content_type = "image/png".parse().expect("a type");
        let request = UploadRequest { content_type, size: BYTES.len() as u64, sha256: None };
        let owner = owner.parse().expect("an owner");
        let upload = Upload { key: SystemIds.upload(), owner, request, created_at: SystemClock.now() };
        uploads.open(&upload).await.expect("open");
        let Link { url, .. } = links.sign(&upload).await.expect("signed");
        (upload, url[Position::BeforePath..].to_owned())
    }

    #[tokio::test]
    async fn receives_fifty_files_of_an_owner_at_once() {
        let stores = stores();
        let (upload, link) = granted(&stores).await;
        let uploads = &stores.uploads;
        let received = ReceivedUploads::new(uploads.clone(), None);
        assert_eq!(received.find(&link).await.expect("a good link"), upload);
        assert!(matches!(received.find(&format!("{link}0")).await, Err(UploadError::Forbidden)));
        let mut files = Vec::new();
        for _ in 0..MAX_RECEIVING_PER_UPLOAD {
            files.push(received.begin(upload.clone()).await.expect("a place"));
        }
        assert!(matches!(received.begin(upload.clone()).await, Err(UploadError::Busy)), "one link takes few places");
        for _ in MAX_RECEIVING_PER_UPLOAD..50 {
            let (other, _) = granted(&stores).await;
            files.insert(0, received.begin(other).await.expect("a place"));
        }
        let (other, _) = granted(&stores).await;
        assert!(matches!(received.begin(other).await, Err(UploadError::Busy)));
        let mut last = files.pop().expect("a file");
        last.write(Bytes::from_static(BYTES)).await.expect("written");
        let etag = last.finish().await.expect("stored");
        assert_eq!(uploads.head(upload.key).await.expect("head").map(|object| object.etag), Some(etag));
        assert!(received.begin(upload).await.is_ok(), "its place is free");
    }

    #[tokio::test]
    async fn an_owner_leaves_places_for_others() {
        let stores = stores();
        let received = ReceivedUploads::new(stores.uploads.clone(), None);
        let (mut files, mut counts) = (Vec::new(), Vec::new());
        for owner in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let before = files.len();
            let refused = loop {
                let (upload, _) = granted_to(owner, &stores).await;
                match received.begin(upload).await {
                    Ok(file) => files.push(file),
                    Err(refused) => break refused,
                }
            };
            assert!(matches!(refused, UploadError::Busy), "{owner}: {refused:?}");
            counts.push(files.len() - before);
        }
        assert_eq!(counts, [50, 25, 13, 6, 3, 2, 1, 0]);
        assert_eq!(files.len(), MAX_RECEIVING);
        // The places of an owner that has sent its files are for everyone.
        drop(files.drain(..50));
        let (upload, _) = granted_to("h", &stores).await;
        assert!(received.begin(upload).await.is_ok());
    }

    #[tokio::test]
    async fn files_that_arrive_together_do_not_exceed_the_cap() {
        let stores = stores();
        let cap = StorageCap::new(2 * BYTES.len() as u64, stores.jobs.clone());
        let received = ReceivedUploads::new(stores.uploads.clone(), Some(cap));
        let mut arriving = Vec::new();
        for _ in 0..2 {
            let (upload, _) = granted(&stores).await;
            arriving.push(received.begin(upload).await.expect("fits"));
        }
        let (third, _) = granted(&stores).await;
        assert!(matches!(received.begin(third.clone()).await, Err(UploadError::StorageFull(_))));
        let mut stored = arriving.pop().expect("a file");
        stored.write(Bytes::from_static(BYTES)).await.expect("written");
        stored.finish().await.expect("stored");
        assert!(matches!(received.begin(third.clone()).await, Err(UploadError::StorageFull(_))), "it counts still");
        drop(arriving);
        assert!(received.begin(third).await.is_ok(), "the other one was broken off");
    }
}
