//! Finding the files that are dropped into a folder, once they are there whole.
//!
//! The system tells of changes, and every minute all files are looked at, since it may miss some. A file is taken once
//! its time and its length have been the same for a second; one without content is given longer, since it may be one
//! whose content is still to come.

use std::collections::HashMap;
use std::fs::DirEntry;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cutline_core::domain::drops::{DropId, DropPath, Sequencer};
use cutline_core::ports::{DropFiles as _, Drops as _, PortError};
use cutline_core::usecases::{DropIngest, manifest_sequencer};
use cutline_core::{Clock as _, SystemClock};
use futures::FutureExt as _;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::drop_folder::{DropFolder, Stamp};
use crate::drops::LocalDrops;
use crate::error::StoreError;
use crate::files::on_disk;

/// How long a file has to stay as it is.
const SETTLED_AFTER: Duration = Duration::from_secs(1);
/// How long one without content has to.
const EMPTY_AFTER: Duration = Duration::from_secs(10);
/// How often all files are looked at.
const SCAN_EVERY: Duration = Duration::from_secs(60);
/// How soon they are looked at after something happened to a folder.
const SCAN_SOON: Duration = Duration::from_secs(1);
/// How long to wait with a file that could not be taken in.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// How long to wait after a panic.
const PAUSE: Duration = Duration::from_secs(5);
/// How often the drops whose files are there are kept known.
const KEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// Endings of files that are still being written.
const UNFINISHED: [&str; 3] = ["part", "crdownload", "tmp"];

/// What the system told.
enum Told {
    /// Something happened to this file.
    File(PathBuf),
    /// Something happened that is not known exactly.
    Something,
}

/// A file that is to be taken in.
struct Waiting {
    /// How it was when it was last looked at.
    stamp: Option<Stamp>,
    /// When to look at it next.
    look_at: Instant,
    /// Until when it has to stay as it was then.
    settles_at: Instant,
}

/// Watches a folder.
pub struct Watch {
    folder: DropFolder,
    take_in: DropIngest,
    drops: LocalDrops,
    told: mpsc::UnboundedReceiver<Told>,
    /// Has the system tell, as long as it is there. `None` where the system does not.
    watcher: Option<RecommendedWatcher>,
    waiting: HashMap<DropPath, Waiting>,
    /// What is done with, in which state, and which drop it was.
    done: HashMap<DropPath, (Stamp, DropId)>,
    scan_at: Instant,
    /// Whether the last look at all files was one at all of them.
    complete: bool,
    keep_at: Instant,
    /// That of the last drop.
    sequencer: Option<Sequencer>,
}

impl Watch {
    /// Begins to watch. What is there already is found too.
    pub fn new(folder: DropFolder, take_in: DropIngest, drops: LocalDrops) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let watcher = watcher(&folder.drops(), tell).map_err(|error| {
            tracing::warn!(%error, "the system does not tell of new files; all are looked at once a minute");
        });
        let now = Instant::now();
        let (waiting, done) = (HashMap::new(), HashMap::new());
        Self {
            folder,
            take_in,
            drops,
            told,
            watcher: watcher.ok(),
            waiting,
            done,
            scan_at: now,
            complete: false,
            keep_at: now,
            sequencer: None,
        }
    }

    /// Takes files in as they come, for ever. May be dropped at any instant: what is not done with is found again.
    /// After a panic it goes on with what waits.
    pub async fn run(mut self) {
        loop {
            if AssertUnwindSafe(self.turn()).catch_unwind().await.is_err() {
                tracing::error!(pause = ?PAUSE, "watching for dropped files panicked; after a pause it goes on");
                sleep(PAUSE).await;
                // What was just told of may not have been noted.
                self.scan_at = Instant::now();
            }
        }
    }

    /// Waits for something to do, and does it.
    async fn turn(&mut self) {
        self.listen().await;
        if Instant::now() >= self.scan_at {
            self.scan().await;
        }
        self.look().await;
        if self.complete && self.waiting.is_empty() && Instant::now() >= self.keep_at {
            self.keep().await;
        }
    }

    /// Waits until there is something to do, and notes what the system tells until then.
    async fn listen(&mut self) {
        let next = self.waiting.values().map(|waiting| waiting.look_at).min();
        let until = next.map_or(self.scan_at, |next| next.min(self.scan_at));
        if self.watcher.is_none() {
            return sleep_until(until).await;
        }
        // Only what was told while nobody listened is taken at once; the rest has to settle anyway.
        match timeout_at(until, self.told.recv()).await {
            Ok(Some(told)) => {
                self.note(told);
                while let Ok(told) = self.told.try_recv() {
                    self.note(told);
                }
            }
            Ok(None) => {
                tracing::error!("the system tells of no more files; all are looked at once a minute");
                // Its thread is gone, which its end would wait for.
                std::mem::forget(self.watcher.take());
            }
            Err(_) => {}
        }
    }

    fn note(&mut self, told: Told) {
        let now = Instant::now();
        let path = match told {
            Told::File(file) => file.strip_prefix(self.folder.path()).ok().and_then(drop_of),
            Told::Something => {
                self.scan_at = self.scan_at.min(now + SCAN_SOON);
                return;
            }
        };
        if let Some(path) = path {
            // One that was empty when it was looked at may have its content now.
            let soon = now + SETTLED_AFTER;
            let waiting = self.waiting.entry(path).or_insert(Waiting { stamp: None, look_at: now, settles_at: now });
            waiting.look_at = waiting.look_at.min(soon);
        }
    }

    /// Looks for files that were not told of.
    async fn scan(&mut self) {
        self.scan_at = Instant::now() + SCAN_EVERY;
        self.complete = false;
        let folder = self.folder.clone();
        let found = on_disk(move || {
            let mut found = Vec::new();
            let complete = walk(&folder.drops(), Path::new("drops"), &mut found);
            Ok((found, complete))
        });
        let (found, complete) = match found.await {
            Ok(found) => found,
            Err(error) => return tracing::error!(%error, "the folder of drops could not be looked at"),
        };
        self.complete = complete;
        let look_at = Instant::now();
        let mut gone = std::mem::take(&mut self.done);
        for path in found {
            // Whether it is in that state still is looked at with all that wait.
            if let Some(known) = gone.remove(&path) {
                self.done.insert(path.clone(), known);
            }
            self.waiting.entry(path).or_insert(Waiting { stamp: None, look_at, settles_at: look_at });
        }
    }

    /// Looks at the files whose time has come, first at those that wait for the longest, and takes those in that have
    /// settled.
    async fn look(&mut self) {
        let now = Instant::now();
        let due = self.waiting.iter().filter(|(_, waiting)| waiting.look_at <= now);
        let mut due: Vec<_> = due.map(|(path, waiting)| (waiting.look_at, path.clone())).collect();
        due.sort_by_key(|(look_at, _)| *look_at);
        let folder = self.folder.clone();
        let looked_at = on_disk(move || {
            let stamp = |(_, path): (Instant, DropPath)| {
                let stamp = folder.stamp(&path);
                (path, stamp)
            };
            Ok(due.into_iter().map(stamp).collect::<Vec<_>>())
        });
        match looked_at.await {
            Ok(looked_at) => {
                for (path, stamp) in looked_at {
                    self.judge(path, stamp).await;
                }
            }
            Err(error) => tracing::error!(%error, "dropped files could not be looked at"),
        }
    }

    async fn judge(&mut self, path: DropPath, stamp: io::Result<Option<Stamp>>) {
        let stamp = match stamp {
            Ok(Some(stamp)) => stamp,
            Ok(None) => {
                self.waiting.remove(&path);
                self.done.remove(&path);
                return;
            }
            Err(error) => {
                tracing::error!(%path, %error, "a dropped file could not be looked at");
                return self.put_off(path, None, TRY_AGAIN_AFTER);
            }
        };
        if self.done.get(&path).is_some_and(|(done, _)| *done == stamp) {
            self.waiting.remove(&path);
            return;
        }
        match self.waiting.get_mut(&path) {
            Some(waiting) if waiting.stamp == Some(stamp) && Instant::now() < waiting.settles_at => {
                waiting.look_at = waiting.settles_at;
                return;
            }
            Some(waiting) if waiting.stamp == Some(stamp) => {}
            Some(_) | None => {
                let wait = if stamp.length == 0 { EMPTY_AFTER } else { SETTLED_AFTER };
                return self.put_off(path, Some(stamp), wait);
            }
        }
        // Should this panic, all others that wait have their turn before it comes again.
        self.put_off(path.clone(), Some(stamp), PAUSE);
        match self.take(&path, stamp).await {
            Ok(id) => {
                self.waiting.remove(&path);
                self.done.insert(path, (stamp, id));
            }
            Err(error) => {
                tracing::error!(%path, %error, "a dropped file could not be taken in");
                self.put_off(path, Some(stamp), TRY_AGAIN_AFTER);
            }
        }
    }

    /// Takes a file in that is in this state, and says which drop it is.
    async fn take(&mut self, path: &DropPath, stamp: Stamp) -> Result<DropId, PortError> {
        // Which drop it is does not depend on its place in the order, which is only asked for where it is a new one.
        let mut object = DropFolder::dropped(path.clone(), stamp, Sequencer::of_number(0));
        if self.drops.find(&object.origin.id()).await?.is_none() {
            object = DropFolder::dropped(path.clone(), stamp, self.next_sequencer(path).await?);
        }
        let taken = self.take_in.take(&object).await?;
        tracing::info!(%path, ?taken, "a file was dropped");
        Ok(object.origin.id())
    }

    fn put_off(&mut self, path: DropPath, stamp: Option<Stamp>, wait: Duration) {
        let look_at = Instant::now() + wait;
        self.waiting.insert(path, Waiting { stamp, look_at, settles_at: look_at });
    }

    /// The time in nanoseconds since 1970, but newer than the last drop and than what the path has its manifest of: the
    /// clock may have been set back since.
    async fn next_sequencer(&mut self, path: &DropPath) -> Result<Sequencer, PortError> {
        let stored = self.folder.manifest(path).await?.and_then(|stored| manifest_sequencer(&stored.bytes));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Sequencer::of_number(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        let least = stored.iter().chain(&self.sequencer).map(Sequencer::following);
        let newest = least.fold(now, |newest, other| if other.is_newer_than(&newest) { other } else { newest });
        self.sequencer = Some(newest.clone());
        Ok(newest)
    }

    /// Keeps the drops known whose files are there, and lets the others be forgotten. Only once all that is there was
    /// looked at.
    async fn keep(&mut self) {
        self.keep_at = Instant::now() + KEEP_EVERY;
        let (ids, now): (Vec<_>, _) = (self.done.values().map(|(_, id)| *id).collect(), SystemClock.now());
        let kept = async {
            self.drops.keep(&ids, now).await?;
            self.drops.forget(now).await
        };
        match kept.await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "drops were forgotten whose files are long gone"),
            Err(error) => tracing::error!(%error, "which drops are known could not be kept"),
        }
    }
}

/// Has the system tell of what happens below a folder.
fn watcher(folder: &Path, tell: mpsc::UnboundedSender<Told>) -> notify::Result<RecommendedWatcher> {
    let handle = move |event: notify::Result<Event>| {
        for told in told_by(event) {
            // Who has gone does not want to know.
            let _ = tell.send(told);
        }
    };
    let mut watcher = RecommendedWatcher::new(handle, Config::default().with_follow_symlinks(false))?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

fn told_by(event: notify::Result<Event>) -> Vec<Told> {
    match event {
        // That something was read is no news, and this program reads too.
        Ok(Event { kind: EventKind::Access(kind), .. }) if kind != AccessKind::Close(AccessMode::Write) => Vec::new(),
        Ok(event) if event.need_rescan() => vec![Told::Something],
        Ok(event) => {
            let told = |path: PathBuf| if path.is_dir() { Told::Something } else { Told::File(path) };
            event.paths.into_iter().map(told).collect()
        }
        Err(_) => vec![Told::Something],
    }
}

/// The drop that a file is, by its path below the watched folder; `None` for one that is not taken.
fn drop_of(relative: &Path) -> Option<DropPath> {
    let taken = relative.iter().all(|part| part.to_str().is_some_and(|name| !is_ignored(name)));
    let path = relative.to_str().filter(|_| taken)?.to_owned();
    DropPath::try_from(path).ok()
}

/// Whether a file or folder of this name is somebody's own affair: hidden, or still being written.
fn is_ignored(name: &str) -> bool {
    let unfinished = |ending: &str| UNFINISHED.iter().any(|unfinished| ending.eq_ignore_ascii_case(unfinished));
    name.starts_with(['.', '~']) || name.ends_with('~') || name.rsplit_once('.').is_some_and(|(_, end)| unfinished(end))
}

/// Finds the drops below a folder, and says whether it found all. What cannot be read is logged, and in the way of
/// nothing else.
fn walk(folder: &Path, relative: &Path, found: &mut Vec<DropPath>) -> bool {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let error = StoreError::at(folder)(error);
            tracing::error!(%error, "a folder of drops could not be read");
            return false;
        }
    };
    let mut complete = true;
    for entry in entries {
        let Ok(entry) = entry else {
            complete = false;
            continue;
        };
        let relative = relative.join(entry.file_name());
        match kind_of(&entry) {
            Some(Kind::Folder) => complete &= walk(&entry.path(), &relative, found),
            Some(Kind::File) => found.extend(drop_of(&relative)),
            None => {}
        }
    }
    complete
}

enum Kind {
    Folder,
    File,
}

/// What an entry is, if it is looked at: no link, nothing special, not hidden and not unfinished.
fn kind_of(entry: &DirEntry) -> Option<Kind> {
    let kind = entry.file_type().ok()?;
    match entry.file_name().to_str() {
        Some(name) if !is_ignored(name) && kind.is_dir() => Some(Kind::Folder),
        Some(name) if !is_ignored(name) && kind.is_file() => Some(Kind::File),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_unfinished_files_are_left_alone() {
        for name in ["a.jpg", "part", "rot 1.JPG", "a.part.jpg", "tmp"] {
            assert!(drop_of(&Path::new("drops/shop/ebay").join(name)).is_some(), "{name}");
        }
        for name in [".a.jpg", "~a.jpg", "a.jpg~", "a.jpg.part", "a.PART", "a.crdownload", "a.tmp", ".git/a.jpg"] {
            assert!(drop_of(&Path::new("drops/shop/ebay").join(name)).is_none(), "{name}");
        }
        assert!(drop_of(Path::new("drops/shop/a.jpg")).is_none());
    }
}
