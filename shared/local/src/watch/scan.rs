//! Lists the drops in a folder.

use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::Path;

use cutline_core::domain::drops::DropPath;

use crate::error::StoreError;

/// Extensions of files that another program is still writing.
const UNFINISHED: [&str; 3] = ["part", "crdownload", "tmp"];

/// The drops below a folder.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) drops: Vec<DropPath>,
    /// Whether some folder or entry could not be read. The log has the reason.
    pub(super) is_partial: bool,
}

impl Scan {
    /// Adds the drops below `folder`, which is at `relative` below the watched folder.
    pub(super) fn add(&mut self, folder: &Path, relative: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // Removed in the meantime. If it is the watched folder itself, the log says so already.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.is_partial = true;
                return;
            }
            Err(error) => {
                tracing::error!(error = %StoreError::at(folder)(error), "cannot read a folder of drops");
                self.is_partial = true;
                return;
            }
        };
        for entry in entries {
            let Ok(entry) = entry else {
                self.is_partial = true;
                continue;
            };
            let relative = relative.join(entry.file_name());
            match kind_of(&entry) {
                Some(EntryKind::Folder) => self.add(&entry.path(), &relative),
                Some(EntryKind::File) => self.drops.extend(drop_path(&relative)),
                None => {}
            }
        }
    }
}

enum EntryKind {
    Folder,
    File,
}

/// The kind of an entry; `None` if it is ignored: a link, a special file, hidden or unfinished.
fn kind_of(entry: &DirEntry) -> Option<EntryKind> {
    let kind = entry.file_type().ok()?;
    match entry.file_name().to_str() {
        Some(name) if !is_ignored(name) && kind.is_dir() => Some(EntryKind::Folder),
        Some(name) if !is_ignored(name) && kind.is_file() => Some(EntryKind::File),
        Some(_) | None => None,
    }
}

/// The drop at a path below the watched folder; `None` if it is ignored or not a path for drops.
pub(super) fn drop_path(relative: &Path) -> Option<DropPath> {
    let is_accepted = relative.iter().all(|name| name.to_str().is_some_and(|name| !is_ignored(name)));
    let path = relative.to_str().filter(|_| is_accepted)?.to_owned();
    DropPath::try_from(path).ok()
}

/// Whether a file or folder of this name is hidden or unfinished.
fn is_ignored(name: &str) -> bool {
    let unfinished = |extension: &str| UNFINISHED.iter().any(|known| extension.eq_ignore_ascii_case(known));
    name.starts_with(['.', '~']) || name.ends_with('~') || name.rsplit_once('.').is_some_and(|(_, end)| unfinished(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_hidden_and_unfinished_files() {
        for name in ["a.jpg", "part", "rot 1.JPG", "a.part.jpg", "tmp"] {
            assert!(drop_path(&Path::new("drops/shop/ebay").join(name)).is_some(), "{name}");
        }
        for name in [".a.jpg", "~a.jpg", "a.jpg~", "a.jpg.part", "a.PART", "a.crdownload", "a.tmp", ".git/a.jpg"] {
            assert!(drop_path(&Path::new("drops/shop/ebay").join(name)).is_none(), "{name}");
        }
        assert!(drop_path(Path::new("drops/shop/a.jpg")).is_none());
        assert!(drop_path(Path::new("retouch/shop/a.psd")).is_some());
        assert!(drop_path(Path::new("retouch/shop/a.psd.part")).is_none());
    }
}
