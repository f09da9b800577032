//! Reading photos and writing results.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;

use super::plan::is_standard_stream;

/// The largest file that is read, in bytes. 50 megapixels take less in any format.
const MAX_FILE_BYTES: u64 = 500_000_000;

/// Reads a regular file, or standard input, of at most [`MAX_FILE_BYTES`].
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if is_standard_stream(path) {
        let mut bytes = Vec::new();
        io::stdin().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
        anyhow::ensure!(bytes.len() as u64 <= MAX_FILE_BYTES, too_large());
        return Ok(bytes);
    }
    let metadata = fs::metadata(path).context("cannot read the file")?;
    anyhow::ensure!(metadata.is_file(), "not a file");
    anyhow::ensure!(metadata.len() <= MAX_FILE_BYTES, too_large());
    fs::read(path).context("cannot read the file")
}

fn too_large() -> String {
    format!("file too large: more than {} MB", MAX_FILE_BYTES / 1_000_000)
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

/// Puts new bytes in the place of a file, atomically and durably: whatever happens, the file is the old or the new one.
/// Permissions stay. Returns whether the file changed; equal bytes leave it alone.
///
/// # Errors
/// If the file cannot be written, or is no longer what it was when it was read.
pub(super) fn replace(target: &Path, read: &[u8], new: &[u8]) -> anyhow::Result<bool> {
    // The file behind a symbolic link is replaced, and not the link.
    let target = fs::canonicalize(target).context("cannot read the file")?;
    anyhow::ensure!(
        fs::read(&target).context("cannot read the file")? == read,
        "the file changed meanwhile; try again"
    );
    if read == new {
        return Ok(false);
    }
    let cannot_write = || format!("cannot write {}", target.display());
    replace_by_rename(&target, new).with_context(cannot_write)?;
    Ok(true)
}

fn replace_by_rename(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".cutline-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::metadata(target)?.permissions())?;
    // The bytes are on the disk before their name is.
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(())
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

    #[cfg(unix)]
    #[test]
    fn replaces_a_file_and_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (target, link) = (folder.path().join("a.jpg"), folder.path().join("link.jpg"));
        fs::write(&target, b"old").expect("is written");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).expect("are set");
        std::os::unix::fs::symlink(&target, &link).expect("is created");
        assert!(replace(&link, b"old", b"new").expect("is replaced"));
        assert!(!replace(&link, b"new", b"new").expect("is left alone"));
        assert_eq!(fs::read(&target).expect("exists"), b"new");
        assert!(fs::symlink_metadata(&link).expect("exists").is_symlink());
        assert_eq!(fs::metadata(&target).expect("exists").permissions().mode() & 0o777, 0o640);
        let error = replace(&target, b"old", b"newer").expect_err("changed").to_string();
        assert!(error.contains("changed meanwhile"), "{error}");
        assert_eq!(fs::read(&target).expect("exists"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("is a folder").count(), 2, "no temporary file stays");
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
