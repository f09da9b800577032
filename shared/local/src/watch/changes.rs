//! Changes that the operating system reports.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind, RemoveKind};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// A change below the watched folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// This file may have changed.
    File(PathBuf),
    /// Something changed; only a scan finds out what.
    Unknown,
    /// A folder was removed. Its watch is gone, and one of the same name may already be there.
    FolderRemoved,
    /// Changes were lost, for this reason.
    Lost(String),
}

/// The changes of one watch, and the watch itself: changes arrive until it is dropped.
pub(super) struct Watch {
    pub(super) changes: UnboundedReceiver<Change>,
    pub(super) watcher: RecommendedWatcher,
}

/// Starts watching everything below these folders, and what happens to the folders themselves in their parent.
pub(super) fn watch(parent: &Path, folders: &[PathBuf]) -> notify::Result<Watch> {
    let (sender, changes) = mpsc::unbounded_channel();
    let handle = move |event: notify::Result<Event>| {
        for change in changes_in(event) {
            // The receiver may be gone.
            let _ = sender.send(change);
        }
    };
    let mut watcher = RecommendedWatcher::new(handle, Config::default().with_follow_symlinks(false))?;
    watcher.watch(parent, RecursiveMode::NonRecursive)?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    Ok(Watch { changes, watcher })
}

fn changes_in(event: notify::Result<Event>) -> Vec<Change> {
    match event {
        // Reads change nothing, and this program causes them too.
        Ok(Event { kind: EventKind::Access(kind), .. }) if kind != AccessKind::Close(AccessMode::Write) => Vec::new(),
        Ok(event) if event.need_rescan() => {
            vec![Change::Lost("more changes than the operating system keeps".to_owned())]
        }
        Ok(Event { kind: EventKind::Remove(RemoveKind::Folder), .. }) => vec![Change::FolderRemoved],
        Ok(event) => {
            let change = |path: PathBuf| if path.is_dir() { Change::Unknown } else { Change::File(path) };
            event.paths.into_iter().map(change).collect()
        }
        Err(error) => vec![Change::Lost(describe(&error))],
    }
}

/// The error of a watch, and what to do about it.
pub(super) fn describe(error: &notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "too many folders for this system's limit; raise fs.inotify.max_user_watches".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag};

    use super::*;

    #[test]
    fn an_overflow_and_the_limit_of_watches_lose_changes() {
        let lost = |event| match &changes_in(event)[..] {
            [Change::Lost(reason)] => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert!(lost(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))).contains("more changes"));
        let limit = lost(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
        assert!(limit.contains("fs.inotify.max_user_watches"), "{limit}");
        lost(Err(notify::Error::generic("a fault")));
    }

    #[test]
    fn folders_and_files_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let event = |kind, path: &Path| Ok(Event::new(kind).add_path(path.to_owned()));
        let created = EventKind::Create(CreateKind::Any);
        assert_eq!(changes_in(event(created, folder.path())), [Change::Unknown]);
        let file = folder.path().join("a.jpg");
        assert_eq!(changes_in(event(created, &file)), [Change::File(file)]);
        let removed = EventKind::Remove(RemoveKind::Folder);
        assert_eq!(changes_in(event(removed, folder.path())), [Change::FolderRemoved]);
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(changes_in(event(read, folder.path())), []);
    }
}
