//! `manifest.json`, which makes a backup complete.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use cutline_core::StorageKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::BackupError;
use crate::disk::sync_folder;
use crate::error::StoreError;
use crate::private::temporary_file;
use crate::schema;
use crate::upload_files::parse_file_name;

/// The manifest's name.
pub(super) const MANIFEST: &str = "manifest.json";
/// The database's name, in the backup and in the data folder.
pub(super) const DATABASE: &str = "cutline.db";
/// The name of the secret that signs links.
pub(super) const LINK_SECRET: &str = "link-secret";
/// The folder of stored objects.
pub(super) const FILES: &str = "files";

/// The form of backups that this version writes and reads.
const FORMAT: u32 = 1;

/// A complete backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The form of the backup.
    format: u32,
    /// The version of Cutline.
    pub(super) cutline: String,
    /// The version of the database's tables.
    schema: i64,
    /// When the snapshot of the database was begun.
    pub(super) started_at: Timestamp,
    /// When the last file was copied.
    finished_at: Timestamp,
    /// The number of jobs in the snapshot.
    pub(super) jobs: u64,
    /// The number of keys in the snapshot.
    pub(super) keys: u64,
    /// Every file of the backup.
    pub(super) files: Vec<ManifestFile>,
    /// Stored objects that the snapshot's records name, and that were removed before they could be copied.
    pub(super) missing: Vec<StorageKey>,
}

/// A file of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ManifestFile {
    /// Its path in the backup, and in the data folder.
    pub(super) path: String,
    /// Its size.
    pub(super) bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub(super) sha256: String,
}

/// The counts of a snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct SnapshotCounts {
    pub(super) schema: i64,
    pub(super) jobs: u64,
    pub(super) keys: u64,
}

impl Manifest {
    pub(super) fn new(
        started_at: Timestamp,
        counts: SnapshotCounts,
        files: Vec<ManifestFile>,
        missing: Vec<StorageKey>,
    ) -> Self {
        Self {
            format: FORMAT,
            cutline: env!("CARGO_PKG_VERSION").to_owned(),
            schema: counts.schema,
            started_at,
            finished_at: Timestamp::now(),
            jobs: counts.jobs,
            keys: counts.keys,
            files,
            missing,
        }
    }

    /// The size of all files together.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Writes the manifest, atomically.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let text = serde_json::to_vec_pretty(self).map_err(StoreError::record)?;
        let mut file = temporary_file(folder).map_err(StoreError::at(folder))?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(StoreError::at(&path))?;
        file.persist(&path).map_err(|error| StoreError::at(&path)(error.error))?;
        Ok(sync_folder(folder)?)
    }

    /// Reads and checks the manifest of a backup.
    ///
    /// # Errors
    /// [`BackupError::Incomplete`] if it is missing, [`BackupError::Newer`] if a newer version wrote it,
    /// [`BackupError::InvalidManifest`] if it names a file that no backup has.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => {
                return Err(BackupError::Incomplete(folder.to_owned()));
            }
            Err(error) => return Err(StoreError::at(&path)(error).into()),
        };
        let manifest = Self::parse(&text);
        manifest.map_err(|error| match error {
            ParseError::Newer { version } => BackupError::Newer { version },
            ParseError::Invalid(detail) => BackupError::InvalidManifest { path, detail },
        })
    }

    fn parse(text: &[u8]) -> Result<Self, ParseError> {
        /// The fields that every form has.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            cutline: String,
            schema: i64,
        }
        let invalid = |error: serde_json::Error| ParseError::Invalid(error.to_string());
        let head: Head = serde_json::from_slice(text).map_err(invalid)?;
        if head.format > FORMAT || head.schema > schema::SUPPORTED {
            return Err(ParseError::Newer { version: head.cutline });
        }
        let manifest: Self = serde_json::from_slice(text).map_err(invalid)?;
        if let Some(file) = manifest.files.iter().find(|file| !is_path_of_a_backup(&file.path)) {
            return Err(ParseError::Invalid(format!("unexpected file `{}`", file.path)));
        }
        if !manifest.files.iter().any(|file| file.path == DATABASE) {
            return Err(ParseError::Invalid(format!("it lists no {DATABASE}")));
        }
        Ok(manifest)
    }
}

enum ParseError {
    Newer { version: String },
    Invalid(String),
}

/// Whether a backup may contain a file of this path. Paths consist of ids and fixed names, so they lead nowhere else.
fn is_path_of_a_backup(path: &str) -> bool {
    let object = path.strip_prefix(FILES).and_then(|rest| rest.strip_prefix('/'));
    let is_upload = |key: &str| key.strip_prefix("uploads/").is_some_and(|name| parse_file_name(name).is_some());
    path == DATABASE
        || path == LINK_SECRET
        || object.is_some_and(|key| StorageKey::parse(key).is_some() || is_upload(key))
}

/// The path of a stored object in a backup.
pub(super) fn object_path(key: &StorageKey) -> PathBuf {
    Path::new(FILES).join(key.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn manifest() -> Value {
        let file = |path: &str| json!({"path": path, "bytes": 1, "sha256": "00"});
        json!({
            "format": 1, "cutline": "0.1.0", "schema": 4, "started_at": "2026-01-02T03:04:05Z",
            "finished_at": "2026-01-02T03:05:05Z", "jobs": 1, "keys": 1, "missing": [],
            "files": [file("cutline.db"), file("files/sources/019cdc54-2673-7c32-b9e5-6e1d36cc9e8b")],
        })
    }

    fn error(change: impl FnOnce(&mut Value)) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let mut manifest = manifest();
        change(&mut manifest);
        fs::write(folder.path().join(MANIFEST), manifest.to_string()).expect("a manifest");
        match Manifest::read(folder.path()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn refuses_newer_backups_and_paths_that_lead_elsewhere() {
        assert_eq!(error(|_| {}), "");
        for path in [
            "/etc/passwd",
            "files/../../x",
            "../cutline.db",
            "files/sources/../x",
            "lock",
            "",
            "files/",
            "files/uploads/../x",
        ] {
            let message = error(|manifest| manifest["files"][1]["path"] = json!(path));
            assert!(message.contains("invalid manifest") && message.contains(path), "{path}: {message}");
        }
        assert!(error(|manifest| manifest["files"][0]["path"] = json!("link-secret")).contains("no cutline.db"));
        for field in ["format", "schema"] {
            let message = error(|manifest| {
                manifest[field] = json!(99);
                manifest["cutline"] = json!("9.9.9");
            });
            assert!(message.contains("newer version of Cutline, 9.9.9"), "{message}");
        }
    }
}
