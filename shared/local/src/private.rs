//! Files and folders that only their owner can use, whatever the umask. Unix only, as this crate.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

use crate::error::{OpenError, StoreError};

/// The mode of files.
const FILE_MODE: u32 = 0o600;
/// The mode of folders.
const FOLDER_MODE: u32 = 0o700;
/// The rights of group and others.
const OTHERS: u32 = 0o077;

/// Creates a folder for its owner only.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(FOLDER_MODE).create(path)?;
    // The umask may have removed rights of the owner.
    fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))
}

/// Creates an empty file for its owner only, unless the file exists.
///
/// Never opens an existing file: if it is a database, closing it again would release the locks that this process
/// holds on it.
pub(crate) fn create_file(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(FILE_MODE)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a temporary file for its owner only. It keeps its mode when it is renamed.
pub(crate) fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let file = NamedTempFile::new_in(folder)?;
    file.as_file().set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Creates a temporary folder for its owner only. It keeps its mode when it is renamed.
pub(crate) fn temporary_folder(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    let folder =
        tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(FOLDER_MODE)).tempdir_in(parent)?;
    fs::set_permissions(folder.path(), Permissions::from_mode(FOLDER_MODE))?;
    Ok(folder)
}

/// Whether group or others have any right to a file or folder.
pub(crate) fn is_shared(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & OTHERS != 0)
}

/// Takes the rights of group and others to a file or folder away, and logs that. Does nothing if it is missing.
///
/// # Errors
/// [`OpenError::NotPrivate`] if this user may not change the mode.
pub(crate) fn tighten(path: &Path) -> Result<(), OpenError> {
    let mode = match fs::symlink_metadata(path) {
        // A link's own mode means nothing. Cutline creates none.
        Ok(metadata) if metadata.file_type().is_symlink() => match fs::metadata(path) {
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) => return Err(StoreError::at(path)(error).into()),
        },
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::at(path)(error).into()),
    } & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) {
        Ok(()) => {
            let [from, to] = [mode, mode & !OTHERS].map(|mode| format!("{mode:o}"));
            tracing::warn!(path = %path.display(), from, to, "other users' access removed");
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(OpenError::NotPrivate { path: path.to_owned(), mode })
        }
        Err(error) => Err(StoreError::at(path)(error).into()),
    }
}
