//! Keeps the folders of drops watched.
//!
//! A watch belongs to a folder, not to its name. If the folder of drops or its parent is removed, renamed or replaced,
//! or if changes were lost, the watch is started again; until that succeeds, only scans find files. The caller scans
//! after every start, so files from in between are found. The folder of retouched files may come and go.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::RecommendedWatcher;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::changes::{self, Change, Watch, describe};
use crate::disk::on_disk;
use crate::open_files::FileId;

/// Interval between two looks at the watched folder's identity.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Pause after the operating system refused a watch. Asking again lists all folders.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// The names of the folders.
#[derive(Debug, Clone)]
struct Names {
    parent: PathBuf,
    drops: PathBuf,
    retouched: PathBuf,
}

impl Names {
    /// The folders that have these names now.
    fn find(&self) -> io::Result<Folders> {
        let (parent, drops) = (FileId::of(&self.parent)?, FileId::of(&self.drops)?);
        let retouched = match FileId::of(&self.retouched) {
            Ok(folder) => Some(folder),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Folders { parent, drops, retouched })
    }
}

/// The folder of drops, that of retouched files if it exists, and their parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Folders {
    parent: FileId,
    drops: FileId,
    retouched: Option<FileId>,
}

impl Folders {
    /// Whether those are the same that cannot be missing.
    fn has_drops_of(&self, other: &Self) -> bool {
        (self.parent, self.drops) == (other.parent, other.drops)
    }
}

/// The watch of the folders of drops.
pub(super) struct Supervisor {
    names: Names,
    state: State,
    /// Whether the log says that the folder is not watched.
    is_loss_logged: bool,
    /// Whether the watch may have lost a folder, and is started again at the next look.
    is_doubtful: bool,
    look_at: Instant,
}

enum State {
    /// Changes arrive until `_watcher` is dropped.
    Watching {
        changes: UnboundedReceiver<Change>,
        _watcher: RecommendedWatcher,
        folders: Folders,
    },
    NotWatching,
}

impl Supervisor {
    /// Watches nothing until the first [`Supervisor::look`], which is due at once.
    pub(super) fn new(parent: &Path, drops: &Path, retouched: &Path) -> Self {
        let [parent, drops, retouched] = [parent, drops, retouched].map(Path::to_owned);
        Self {
            names: Names { parent, drops, retouched },
            state: State::NotWatching,
            is_loss_logged: false,
            is_doubtful: false,
            look_at: Instant::now(),
        }
    }

    /// When the next look is due.
    pub(super) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// The next change. Waits forever while nothing is watched.
    pub(super) async fn change(&mut self) -> Change {
        if let State::Watching { changes, .. } = &mut self.state {
            match changes.recv().await {
                Some(change) => return change,
                None => {
                    // Dropping the watcher would ask its thread to stop, which is gone.
                    std::mem::forget(std::mem::replace(&mut self.state, State::NotWatching));
                    return Change::Lost("the watching thread has stopped".to_owned());
                }
            }
        }
        std::future::pending().await
    }

    /// A change that has arrived already.
    pub(super) fn waiting_change(&mut self) -> Option<Change> {
        match &mut self.state {
            State::Watching { changes, .. } => changes.try_recv().ok(),
            State::NotWatching => None,
        }
    }

    /// Looks again soon, because a folder below was removed.
    pub(super) fn doubt(&mut self, look_at: Instant) {
        self.is_doubtful = true;
        self.look_at = self.look_at.min(look_at);
    }

    /// Notes that changes were lost: logs it, and starts the watch again at once.
    pub(super) fn lost(&mut self, reason: &str) {
        self.log_loss(reason);
        self.doubt(Instant::now());
    }

    /// Checks that the folders of these names are those that are watched, and watches them otherwise. Returns whether a
    /// scan has to find what happened meanwhile.
    pub(super) async fn look(&mut self) -> bool {
        let now = Instant::now();
        if now < self.look_at {
            return false;
        }
        self.look_at = now + LOOK_INTERVAL;
        let names = self.names.clone();
        let found = match on_disk(move || Ok(names.find())).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return self.stop(&error.to_string()),
            Err(error) => return self.stop(&error.to_string()),
        };
        match &self.state {
            State::Watching { folders, .. } if *folders == found && !self.is_doubtful => return false,
            State::Watching { folders, .. } if !folders.has_drops_of(&found) => {
                self.log_loss("it was replaced by another folder");
            }
            State::Watching { .. } | State::NotWatching => {}
        }
        self.start(found).await
    }

    async fn start(&mut self, folders: Folders) -> bool {
        let Names { parent, drops, retouched } = self.names.clone();
        let below = [Some(drops), folders.retouched.map(|_| retouched)].into_iter().flatten().collect::<Vec<_>>();
        // The new watch exists before the old one ends, and before the caller's scan.
        match on_disk(move || Ok(changes::watch(&parent, &below))).await {
            Ok(Ok(Watch { changes, watcher })) => {
                self.state = State::Watching { changes, _watcher: watcher, folders };
                self.is_doubtful = false;
                if std::mem::take(&mut self.is_loss_logged) {
                    tracing::info!(folder = %self.names.drops.display(), "folder of drops is watched again");
                }
                true
            }
            Ok(Err(error)) => {
                self.look_at = Instant::now() + REFUSED_PAUSE;
                self.stop(&describe(&error))
            }
            Err(error) => self.stop(&error.to_string()),
        }
    }

    /// Ends the watch. Always returns false: there is nothing new to scan.
    fn stop(&mut self, reason: &str) -> bool {
        self.log_loss(reason);
        self.state = State::NotWatching;
        false
    }

    /// Logs that the watch was lost, once until it is restored.
    fn log_loss(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.is_loss_logged, true) {
            tracing::error!(
                folder = %self.names.drops.display(),
                reason,
                "folder of drops is not watched; scanning it every minute until it can be watched again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn lost_changes_start_the_watch_and_a_scan_again() {
        let folder = tempfile::tempdir().expect("a folder");
        // Events have the real path.
        let parent = folder.path().canonicalize().expect("exists");
        let drops = parent.join("drops");
        fs::create_dir(&drops).expect("is created");
        let mut supervisor = Supervisor::new(&parent, &drops, &parent.join("retouch"));
        assert!(supervisor.look().await, "the first watch");
        assert!(!supervisor.look().await, "nothing is due");

        supervisor.lost("too many changes at once");
        assert!(supervisor.is_loss_logged);
        assert!(supervisor.look().await, "the caller scans");
        assert!(!supervisor.is_loss_logged, "the next loss is logged again");
        let file = drops.join("cup.jpg");
        fs::write(&file, "a photo").expect("is written");
        let arrived = async { while !matches!(supervisor.change().await, Change::File(path) if path == file) {} };
        timeout(Duration::from_secs(60), arrived).await.expect("the new watch reports changes");

        for is_there in [true, false] {
            match is_there {
                true => fs::create_dir(parent.join("retouch")).expect("is created"),
                false => fs::remove_dir(parent.join("retouch")).expect("is removed"),
            }
            supervisor.look_at = Instant::now();
            assert!(supervisor.look().await, "the folder of retouched files may come and go");
            assert!(!supervisor.is_loss_logged);
        }
    }
}
