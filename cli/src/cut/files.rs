//! Reading photos and writing results.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

/// The largest file that is read, in bytes. 50 megapixels take less in any format.
const MAX_FILE_BYTES: u64 = 500_000_000;

/// Reads a regular file of at most [`MAX_FILE_BYTES`].
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let metadata = fs::metadata(path).context("cannot read the file")?;
    anyhow::ensure!(metadata.is_file(), "not a file");
    anyhow::ensure!(metadata.len() <= MAX_FILE_BYTES, "file too large: more than {} MB", MAX_FILE_BYTES / 1_000_000);
    fs::read(path).context("cannot read the file")
}

/// Writes a file atomically: it appears in full or not at all, even if the process is killed.
///
/// Returns whether the file was written. Without `force` an existing file is kept.
pub(super) fn write(target: &Path, bytes: &[u8], force: bool) -> anyhow::Result<bool> {
    match write_by_rename(target, bytes, force) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", target.display())),
    }
}

fn write_by_rename(target: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cutline-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    let renamed = if force { file.persist(target) } else { file.persist_noclobber(target) };
    renamed.map(drop).map_err(|error| error.error)
}

/// Removes a file. A missing file is fine.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_only_with_force_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("a.png");
        assert!(write(&target, b"one", false).expect("is written"));
        assert!(!write(&target, b"two", false).expect("is kept"));
        assert_eq!(fs::read(&target).expect("exists"), b"one");
        assert!(write(&target, b"two", true).expect("is written"));
        assert_eq!(fs::read(&target).expect("exists"), b"two");
        assert_eq!(fs::read_dir(folder.path()).expect("is a folder").count(), 1);
    }

    #[test]
    fn refuses_devices_and_large_files() {
        let error = read(Path::new("/dev/zero")).expect_err("has no end");
        assert!(error.to_string().contains("not a file"), "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large.png");
        fs::File::create(&path).and_then(|file| file.set_len(MAX_FILE_BYTES + 1)).expect("is created");
        let error = read(&path).expect_err("is too large");
        assert!(error.to_string().contains("more than 500 MB"), "{error}");
    }
}
