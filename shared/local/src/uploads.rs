//! Direct uploads on this machine: records in the database, objects as files, links that this server signs.

use async_trait::async_trait;
use cutline_core::StorageKey;
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::upload::{ETag, Upload, UploadKey, UploadUse};
use cutline_core::ports::{OpenUploadError, PortError, UploadCopy, UploadObjects, UploadedObject, Uploads};

use crate::database::Database;
use crate::disk::on_disk;
use crate::files::LocalFiles;
use crate::links::LinkError;
use crate::upload_links::LocalUploadLinks;
use crate::upload_records::{self, UploadVersion};
use crate::upload_writer::UploadWriter;

/// How often a copy looks again for an object that was replaced meanwhile.
const MAX_LOOKS: usize = 3;

/// [`Uploads`] and [`UploadObjects`] in a data folder.
#[derive(Clone)]
pub struct LocalUploads {
    database: Database,
    files: LocalFiles,
    links: LocalUploadLinks,
}

impl LocalUploads {
    /// The uploads in these stores.
    pub fn new(database: Database, files: LocalFiles, links: LocalUploadLinks) -> Self {
        Self { database, files, links }
    }

    /// Checks a link and returns the key of its upload: see [`LocalUploadLinks::verify`].
    ///
    /// # Errors
    /// [`LinkError`] if the link was changed or has expired.
    pub fn verify(&self, path_and_query: &str) -> Result<UploadKey, LinkError> {
        self.links.verify(path_and_query)
    }

    /// The upload with this key, of any owner.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn get(&self, key: UploadKey) -> Result<Option<Upload>, PortError> {
        Ok(self.database.read(move |connection| upload_records::find(connection, key)).await?)
    }

    /// Begins to receive the file of an upload.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the disk.
    pub async fn receive(&self, upload: Upload) -> Result<UploadWriter, PortError> {
        UploadWriter::begin(self.database.clone(), self.files.clone(), upload).await
    }

    async fn version(&self, key: UploadKey) -> Result<Option<UploadVersion>, PortError> {
        Ok(self.database.read(move |connection| upload_records::version(connection, key)).await?)
    }
}

#[async_trait]
impl Uploads for LocalUploads {
    async fn open(&self, upload: &Upload) -> Result<(), OpenUploadError> {
        let upload = upload.clone();
        let opened = self.database.write(move |connection| upload_records::open(connection, &upload)).await;
        match opened.map_err(PortError::from)? {
            None => Ok(()),
            Some(until) => Err(OpenUploadError::TooMany { until }),
        }
    }

    async fn find(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<Upload>, PortError> {
        Ok(self.get(key).await?.filter(|upload| upload.owner == *owner))
    }

    async fn note_job(&self, upload: &Upload, etag: &ETag, job: JobId) -> Result<bool, PortError> {
        let (key, etag) = (upload.key, etag.clone());
        Ok(self.database.write(move |connection| upload_records::note_job(connection, key, &etag, job)).await?)
    }

    async fn uses(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, PortError> {
        let owner = owner.clone();
        Ok(self.database.read(move |connection| upload_records::uses(connection, &owner, key)).await?)
    }

    async fn close(&self, upload: &Upload, etag: &ETag) -> Result<(), PortError> {
        let (key, etag) = (upload.key, etag.clone());
        Ok(self.database.write(move |connection| upload_records::close(connection, key, &etag)).await?)
    }
}

#[async_trait]
impl UploadObjects for LocalUploads {
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError> {
        // A version that is replaced in between is removed before it can be read.
        for _ in 0..MAX_LOOKS {
            let Some(UploadVersion { version, etag, is_counted }) = self.version(key).await? else { return Ok(None) };
            let files = self.files.clone();
            if let Some((size, start)) = on_disk(move || files.upload_start(key, &version)).await? {
                return Ok(Some(UploadedObject { etag, size, start, is_counted }));
            }
        }
        Ok(None)
    }

    async fn copy(&self, key: UploadKey, etag: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError> {
        for _ in 0..MAX_LOOKS {
            let version = match self.version(key).await? {
                Some(current) if current.etag == *etag => current.version,
                Some(_) | None => return Ok(UploadCopy::Changed),
            };
            let (files, to) = (self.files.clone(), *to);
            if on_disk(move || files.link_upload(key, &version, &to)).await? {
                return Ok(UploadCopy::Copied);
            }
        }
        Ok(UploadCopy::Changed)
    }

    /// The row first: a file that no row names is removed later, if it is not removed here.
    async fn delete(&self, key: UploadKey, etag: &ETag) -> Result<(), PortError> {
        let etag = etag.clone();
        let removed = self.database.write(move |connection| upload_records::remove_version(connection, key, &etag));
        let removed = removed.await?;
        let files = self.files.clone();
        Ok(on_disk(move || removed.map_or(Ok(()), |version| files.remove_upload(key, &version))).await?)
    }
}
