//! Changes that the operating system reports.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// A change below the watched folder.
pub(super) enum Change {
    /// This file may have changed.
    File(PathBuf),
    /// Something changed; only a scan finds out what.
    Unknown,
}

/// Starts watching a folder. Changes arrive until the watcher is dropped.
pub(super) fn watch(folder: &Path) -> (UnboundedReceiver<Change>, notify::Result<RecommendedWatcher>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handle = move |event: notify::Result<Event>| {
        for change in changes_in(event) {
            // The receiver may be gone.
            let _ = sender.send(change);
        }
    };
    let watcher = RecommendedWatcher::new(handle, Config::default().with_follow_symlinks(false));
    let watcher = watcher.and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    (receiver, watcher)
}

fn changes_in(event: notify::Result<Event>) -> Vec<Change> {
    match event {
        // Reads change nothing, and this program causes them too.
        Ok(Event { kind: EventKind::Access(kind), .. }) if kind != AccessKind::Close(AccessMode::Write) => Vec::new(),
        Ok(event) if event.need_rescan() => vec![Change::Unknown],
        Ok(event) => {
            let change = |path: PathBuf| if path.is_dir() { Change::Unknown } else { Change::File(path) };
            event.paths.into_iter().map(change).collect()
        }
        Err(_) => vec![Change::Unknown],
    }
}
