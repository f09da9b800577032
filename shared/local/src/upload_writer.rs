//! Receiving the file of a direct upload, piece by piece.
//!
//! At most one buffer of it is in memory. The file gets its name only when it is complete and exactly as announced; until
//! then, dropping the writer removes it.

use bytes::{Buf as _, Bytes};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::upload::{ETag, Upload};
use cutline_core::ports::PortError;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::database::Database;
use crate::disk::on_disk;
use crate::error::StoreError;
use crate::files::LocalFiles;
use crate::upload_records;

/// The bytes that are written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a received file was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It does not have the announced size.
    #[error("the file does not have the announced size")]
    WrongSize,
    /// It does not have the announced digest.
    #[error("the file does not have the announced SHA-256")]
    WrongDigest,
    /// The store has a fault.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// A file that is being received.
pub struct UploadWriter {
    database: Database,
    files: LocalFiles,
    upload: Upload,
    /// `None` after a failed write.
    partial: Option<PartialFile>,
    received: u64,
}

/// The file so far.
struct PartialFile {
    file: NamedTempFile,
    digest: Sha256,
    /// The bytes that are not written yet.
    buffer: Vec<u8>,
}

impl PartialFile {
    fn flush(&mut self) -> Result<(), StoreError> {
        use std::io::Write as _;
        self.digest.update(&self.buffer);
        let written = self.file.as_file_mut().write_all(&self.buffer);
        written.map_err(StoreError::at(self.file.path()))?;
        self.buffer.clear();
        Ok(())
    }
}

impl UploadWriter {
    pub(crate) async fn begin(database: Database, files: LocalFiles, upload: Upload) -> Result<Self, PortError> {
        let opener = files.clone();
        let file = on_disk(move || opener.begin_upload()).await?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        let partial = Some(PartialFile { file, digest: Sha256::new(), buffer });
        Ok(Self { database, files, upload, partial, received: 0 })
    }

    /// Adds the next bytes of the file.
    ///
    /// # Errors
    /// [`ReceiveError::WrongSize`] if there are more than announced, [`ReceiveError::Store`] on a fault of the disk.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), ReceiveError> {
        self.received = self.received.saturating_add(bytes.len() as u64);
        if self.received > self.upload.request.size {
            return Err(ReceiveError::WrongSize);
        }
        while !bytes.is_empty() {
            let partial = self.partial.as_mut().ok_or(closed())?;
            let room = BUFFER_BYTES - partial.buffer.len();
            let piece = bytes.split_to(bytes.remaining().min(room));
            partial.buffer.extend_from_slice(&piece);
            if partial.buffer.len() == BUFFER_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Writes the buffer where that may block. If this is dropped or fails, the file is removed.
    async fn flush(&mut self) -> Result<(), PortError> {
        let mut partial = self.partial.take().ok_or(closed())?;
        let flushed = on_disk(move || partial.flush().map(|()| partial)).await?;
        self.partial = Some(flushed);
        Ok(())
    }

    /// Makes the received file the upload's object, durably, in place of a previous one. Returns its ETag.
    ///
    /// # Errors
    /// [`ReceiveError`]. Then the previous object stays.
    pub async fn finish(mut self) -> Result<ETag, ReceiveError> {
        if self.received != self.upload.request.size {
            return Err(ReceiveError::WrongSize);
        }
        self.flush().await?;
        let PartialFile { file, digest, .. } = self.partial.take().ok_or(closed())?;
        let digest: [u8; 32] = digest.finalize().into();
        let hex = hex::encode(digest);
        let found: Digest = hex.parse().map_err(PortError::fail)?;
        if self.upload.request.sha256.is_some_and(|announced| announced != found) {
            return Err(ReceiveError::WrongDigest);
        }
        let etag: ETag = format!("\"{hex}\"").parse().map_err(PortError::fail)?;
        let (key, files) = (self.upload.key, self.files.clone());
        let version = on_disk(move || files.finish_upload(key, file)).await?;
        // After an error the row may name either file, so both stay; the purge removes the one that it does not name.
        if let Some(previous) = self.record(&version, &etag).await? {
            let files = self.files.clone();
            if let Err(error) = on_disk(move || files.remove_upload(key, &previous)).await {
                tracing::warn!(file_key = %key, %error, "replaced upload could not be removed; left to the purge");
            }
        }
        Ok(etag)
    }

    /// Makes a version the upload's object. Returns the previous version.
    async fn record(&self, version: &str, etag: &ETag) -> Result<Option<String>, PortError> {
        let (key, bytes) = (self.upload.key, self.received);
        let (version, etag) = (version.to_owned(), etag.clone());
        let recorded = self
            .database
            .write(move |connection| upload_records::replace_version(connection, key, (&version, &etag, bytes)));
        Ok(recorded.await?)
    }
}

fn closed() -> PortError {
    PortError::retry("an earlier write of this file failed")
}
