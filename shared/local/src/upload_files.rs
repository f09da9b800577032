//! The files of direct uploads.
//!
//! Every PUT writes a file of its own, `uploads/<key>.<version>`, so a file never changes once it has its name. A job's
//! source is a hard link to it: nothing is copied, and a later PUT or the end of the upload does not change the source.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use cutline_core::StorageKey;
use cutline_core::domain::upload::UploadKey;
use cutline_core::ports::START_BYTES;
use tempfile::{NamedTempFile, TempPath};
use uuid::Uuid;

use crate::disk::{ignore_missing, sync_folder};
use crate::error::StoreError;
use crate::files::{LocalFiles, TEMPORARY, UPLOADS};
use crate::private::temporary_file;

/// The name of a version's file.
pub(crate) fn file_name(key: UploadKey, version: &str) -> String {
    format!("{key}.{version}")
}

/// The upload and the version that a file belongs to; `None` for a file that is not an upload's.
pub(crate) fn parse_file_name(name: &str) -> Option<(UploadKey, String)> {
    let (key, version) = name.split_once('.')?;
    let version: Uuid = version.parse().ok()?;
    let (key, version) = (key.parse().ok()?, version.to_string());
    (file_name(key, &version) == name).then_some((key, version))
}

impl LocalFiles {
    fn upload_path(&self, key: UploadKey, version: &str) -> PathBuf {
        self.root().join(UPLOADS).join(file_name(key, version))
    }

    /// A file for an upload in progress, which is removed again if it is dropped.
    pub(crate) fn begin_upload(&self) -> Result<NamedTempFile, StoreError> {
        let folder = self.root().join(TEMPORARY);
        self.check()?;
        temporary_file(&folder).map_err(StoreError::at(&folder))
    }

    /// Makes a complete file a version of an upload, durably. Returns the version.
    pub(crate) fn finish_upload(&self, key: UploadKey, file: NamedTempFile) -> Result<String, StoreError> {
        let version = Uuid::now_v7().to_string();
        let path = self.upload_path(key, &version);
        file.as_file().sync_all().map_err(StoreError::at(file.path()))?;
        file.persist_noclobber(&path).map_err(|error| StoreError::at(&path)(error.error))?;
        sync_folder(&self.root().join(UPLOADS))?;
        // A file in a folder without a name is lost, so it is not acknowledged.
        self.check()?;
        Ok(version)
    }

    /// The size and the first bytes of a version; `None` if it is missing.
    pub(crate) fn upload_start(&self, key: UploadKey, version: &str) -> Result<Option<(u64, Bytes)>, StoreError> {
        let path = self.upload_path(key, version);
        let read = File::open(&path).and_then(|file| {
            let size = file.metadata()?.len();
            let mut start = Vec::new();
            file.take(START_BYTES as u64).read_to_end(&mut start)?;
            Ok((size, start.into()))
        });
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind() == ErrorKind::NotFound => self.missing(),
            Err(error) => Err(StoreError::at(&path)(error)),
        }
    }

    /// Makes a version a stored object too, durably. Returns false if the version is missing.
    pub(crate) fn link_upload(&self, key: UploadKey, version: &str, to: &StorageKey) -> Result<bool, StoreError> {
        let from = self.upload_path(key, version);
        let mut file = match File::open(&from) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.missing::<()>()?.is_some()),
            Err(error) => return Err(StoreError::at(&from)(error)),
        };
        // A hard link cannot replace a file, so it gets a temporary name first.
        let temporary = self.root().join(TEMPORARY).join(format!("link-{}", Uuid::now_v7()));
        self.check()?;
        match fs::hard_link(&from, &temporary) {
            // Renaming one link of a file to another does nothing, so the temporary name may remain and is removed.
            Ok(()) => {
                let link = TempPath::try_from_path(&temporary).map_err(StoreError::at(&temporary))?;
                self.rename_into_place(&link, to)?;
            }
            // Replaced meanwhile, a file system without hard links, or too many of them.
            Err(error) => {
                tracing::debug!(%error, "cannot link an uploaded file; copying it");
                self.store_file(to, &mut file)?;
            }
        }
        Ok(true)
    }

    fn rename_into_place(&self, temporary: &TempPath, to: &StorageKey) -> Result<(), StoreError> {
        let path = self.path(to)?;
        let folder = path.parent().unwrap_or(self.root());
        self.ensure_folders(folder)?;
        fs::rename(temporary, &path).map_err(StoreError::at(&path))?;
        sync_folder(folder)?;
        self.check()
    }

    /// Removes a version.
    pub(crate) fn remove_upload(&self, key: UploadKey, version: &str) -> Result<(), StoreError> {
        let path = self.upload_path(key, version);
        ignore_missing(fs::remove_file(&path)).map_err(StoreError::at(&path))
    }

    /// The versions that were written before `time`.
    pub(crate) fn uploads_before(&self, time: SystemTime) -> Result<Vec<(UploadKey, String)>, StoreError> {
        let folder = self.root().join(UPLOADS);
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(StoreError::at(&folder))? {
            let entry = entry.map_err(StoreError::at(&folder))?;
            let Some(version) = entry.file_name().to_str().and_then(parse_file_name) else { continue };
            match entry.metadata().and_then(|metadata| metadata.modified()) {
                Ok(modified) if modified < time => found.push(version),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::at(&entry.path())(error)),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_leads_to_its_version() {
        let (key, version) = (UploadKey::new(Uuid::now_v7()), Uuid::now_v7().to_string());
        let name = file_name(key, &version);
        assert_eq!(parse_file_name(&name), Some((key, version.clone())));
        for bad in
            ["", "..", &key.to_string(), &version, &format!("{name}.x"), &name.to_uppercase(), &format!("a/{name}")]
        {
            assert_eq!(parse_file_name(bad), None, "{bad}");
        }
    }
}
