//! Finds files dropped into a folder once they are complete, and turns them into jobs, or into masks of jobs.
//!
//! The operating system reports changes; since it may miss some, a scan lists all files every minute, and whenever the
//! watch had to be started again. A file counts as complete once its modification time and size have not changed for a second, or ten seconds if it is empty: its
//! content may still follow.

mod changes;
mod scan;
mod supervisor;

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cutline_core::domain::drops::{DropPath, Sequencer};
use cutline_core::domain::identity::{IdentityKey, IdentityKind};
use cutline_core::ports::{DropFiles as _, PortError};
use cutline_core::usecases::{DropIngest, IngestOutcome, manifest_sequencer};
use futures::FutureExt as _;
use tokio::time::{Instant, sleep, timeout_at};

use crate::disk::on_disk;
use crate::drop_folder::{DropFolder, FileStamp};
use crate::identities::LocalIdentities;
use changes::Change;
use scan::{Scan, drop_path};
use supervisor::Supervisor;

/// How long a file must stay unchanged.
const SETTLE_TIME: Duration = Duration::from_secs(1);
/// How long an empty file must stay unchanged.
const EMPTY_SETTLE_TIME: Duration = Duration::from_secs(10);
/// Interval between scans.
const SCAN_INTERVAL: Duration = Duration::from_secs(60);
/// Delay of the scan after an unknown change.
const SCAN_DELAY: Duration = Duration::from_secs(1);
/// Delay before a file that failed is tried again; it doubles with each further failure.
const RETRY_DELAY: Duration = Duration::from_secs(30);
/// The longest of these delays.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60 * 60);
/// Interval between two looks at a retouched file whose cut has not ended.
const RETOUCH_INTERVAL: Duration = Duration::from_secs(2);
/// Pause after a panic.
const PANIC_PAUSE: Duration = Duration::from_secs(5);
/// Interval at which the drops in the folder are marked as still present.
const KEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// A file that may become a job or a mask.
struct PendingFile {
    /// Its stamp when it was last checked.
    stamp: Option<FileStamp>,
    /// When to check it next.
    check_at: Instant,
    /// When it counts as complete, if it keeps its stamp until then.
    settles_at: Instant,
    /// How often it failed in this state.
    failures: u32,
}

impl PendingFile {
    /// A file that is checked at once.
    fn new(now: Instant) -> Self {
        Self { stamp: None, check_at: now, settles_at: now, failures: 0 }
    }
}

/// Watches a folder for dropped files.
pub struct DropWatcher {
    folder: DropFolder,
    ingest: DropIngest,
    identities: LocalIdentities,
    supervisor: Supervisor,
    pending: HashMap<DropPath, PendingFile>,
    /// Processed files: their stamps and identities.
    done: HashMap<DropPath, (FileStamp, IdentityKey)>,
    scan_at: Instant,
    /// Whether the last scan could read everything.
    scan_was_complete: bool,
    keep_at: Instant,
    /// The sequencer of the last drop.
    last_sequencer: Option<Sequencer>,
}

impl DropWatcher {
    /// A watcher of this folder. Files that are already in it are found too.
    pub fn new(folder: DropFolder, ingest: DropIngest, identities: LocalIdentities) -> Self {
        let supervisor = Supervisor::new(folder.path(), &folder.drops(), &folder.retouched());
        let now = Instant::now();
        Self {
            folder,
            ingest,
            identities,
            supervisor,
            pending: HashMap::new(),
            done: HashMap::new(),
            scan_at: now,
            scan_was_complete: false,
            keep_at: now,
            last_sequencer: None,
        }
    }

    /// Processes files as they arrive, forever. May be dropped at any time: the next start finds unprocessed files
    /// again. Continues after a panic.
    pub async fn run(mut self) {
        loop {
            if AssertUnwindSafe(self.step()).catch_unwind().await.is_err() {
                tracing::error!(pause = ?PANIC_PAUSE, "watching for drops panicked; resuming after a pause");
                sleep(PANIC_PAUSE).await;
                // A change may be lost.
                self.scan_at = Instant::now();
            }
        }
    }

    /// Waits for something to do, and does it.
    async fn step(&mut self) {
        self.wait_for_change().await;
        if self.supervisor.look().await {
            self.scan_at = Instant::now();
        }
        if Instant::now() >= self.scan_at {
            self.scan().await;
        }
        self.check_due_files().await;
        if self.scan_was_complete && self.pending.is_empty() && Instant::now() >= self.keep_at {
            self.keep_drops().await;
        }
    }

    /// Waits until a file, a scan or a look at the watch is due, and records changes until then.
    async fn wait_for_change(&mut self) {
        let next = self.pending.values().map(|file| file.check_at).min();
        let until = next.into_iter().fold(self.scan_at.min(self.supervisor.look_at()), Instant::min);
        let Ok(change) = timeout_at(until, self.supervisor.change()).await else { return };
        self.record(change);
        // Also the changes that have queued up; files that change later have to settle anyway.
        while let Some(change) = self.supervisor.waiting_change() {
            self.record(change);
        }
    }

    fn record(&mut self, change: Change) {
        let now = Instant::now();
        let path = match change {
            Change::File(file) => file.strip_prefix(self.folder.path()).ok().and_then(drop_path),
            Change::Unknown => {
                self.scan_at = self.scan_at.min(now + SCAN_DELAY);
                return;
            }
            Change::FolderRemoved => return self.supervisor.doubt(now + SCAN_DELAY),
            Change::Lost(reason) => return self.supervisor.lost(&reason),
        };
        if let Some(path) = path {
            let pending = self.pending.entry(path).or_insert(PendingFile::new(now));
            // An empty file is due in ten seconds, but may have its content now.
            pending.check_at = pending.check_at.min(now + SETTLE_TIME);
        }
    }

    /// Lists all files.
    async fn scan(&mut self) {
        self.scan_at = Instant::now() + SCAN_INTERVAL;
        self.scan_was_complete = false;
        let folder = self.folder.clone();
        let scan = on_disk(move || {
            let mut scan = Scan::default();
            scan.add(&folder.drops(), Path::new("drops"));
            let retouched = folder.retouched();
            // Someone who retouches nothing may have removed it.
            if retouched.is_dir() {
                scan.add(&retouched, Path::new("retouch"));
            }
            Ok(scan)
        });
        let scan = match scan.await {
            Ok(scan) => scan,
            Err(error) => return tracing::error!(%error, "cannot scan the folder of drops"),
        };
        self.scan_was_complete = !scan.is_partial;
        let now = Instant::now();
        let mut done = std::mem::take(&mut self.done);
        for path in scan.drops {
            // A processed file may have changed, so check it like all others.
            if let Some(processed) = done.remove(&path) {
                self.done.insert(path.clone(), processed);
            }
            self.pending.entry(path).or_insert(PendingFile::new(now));
        }
    }

    /// Checks the files that are due, longest due first, and processes those that have settled.
    async fn check_due_files(&mut self) {
        let now = Instant::now();
        let due = self.pending.iter().filter(|(_, file)| file.check_at <= now);
        let mut due: Vec<_> = due.map(|(path, file)| (file.check_at, path.clone())).collect();
        due.sort_by_key(|(check_at, _)| *check_at);
        let folder = self.folder.clone();
        let stamps = on_disk(move || {
            let stamped = due.into_iter().map(|(_, path)| {
                let stamp = folder.stamp(&path);
                (path, stamp)
            });
            Ok(stamped.collect::<Vec<_>>())
        });
        match stamps.await {
            Ok(stamps) => {
                for (path, stamp) in stamps {
                    self.check(path, stamp).await;
                }
            }
            Err(error) => tracing::error!(%error, "cannot check dropped files"),
        }
    }

    /// Decides what to do with a file, given its current stamp.
    async fn check(&mut self, path: DropPath, stamp: io::Result<Option<FileStamp>>) {
        let stamp = match stamp {
            Ok(Some(stamp)) => stamp,
            Ok(None) => {
                self.pending.remove(&path);
                self.done.remove(&path);
                return;
            }
            Err(error) => return self.fail(path, None, &error),
        };
        if self.done.get(&path).is_some_and(|(processed, _)| *processed == stamp) {
            self.pending.remove(&path);
            return;
        }
        match self.pending.get_mut(&path) {
            Some(file) if file.stamp == Some(stamp) && Instant::now() < file.settles_at => {
                file.check_at = file.settles_at;
            }
            Some(file) if file.stamp == Some(stamp) => self.process(path, stamp).await,
            Some(_) | None => {
                let delay = if stamp.length == 0 { EMPTY_SETTLE_TIME } else { SETTLE_TIME };
                self.check_again(path, Some(stamp), delay);
            }
        }
    }

    /// Processes a settled file, and schedules another attempt if that fails.
    async fn process(&mut self, path: DropPath, stamp: FileStamp) {
        // If this panics, all other files have their turn before it is tried again.
        if let Some(file) = self.pending.get_mut(&path) {
            file.check_at = Instant::now() + PANIC_PAUSE;
            file.settles_at = file.check_at;
        }
        match self.submit(&path, stamp).await {
            Ok((IngestOutcome::Waiting, _)) => self.check_again(path, Some(stamp), RETOUCH_INTERVAL),
            Ok((_, identity)) => {
                self.pending.remove(&path);
                self.done.insert(path, (stamp, identity));
            }
            Err(error) => self.fail(path, Some(stamp), &error),
        }
    }

    /// Schedules another attempt for a file that failed. Only the first failure is an error in the log: the file stays
    /// where it is, and is tried again at growing intervals until it changes, succeeds or is removed.
    fn fail(&mut self, path: DropPath, stamp: Option<FileStamp>, error: &dyn std::error::Error) {
        let known = self.pending.get(&path).filter(|file| file.stamp == stamp);
        let failures = known.map_or(0, |file| file.failures);
        let delay = (RETRY_DELAY * 2_u32.saturating_pow(failures.min(16))).min(MAX_RETRY_DELAY);
        if failures == 0 {
            tracing::error!(
                %path,
                %error,
                retry_in = ?delay,
                "cannot process a dropped file; trying again at growing intervals"
            );
        } else {
            tracing::debug!(%path, %error, failures, retry_in = ?delay, "cannot process a dropped file again");
        }
        self.check_again(path.clone(), stamp, delay);
        if let Some(file) = self.pending.get_mut(&path) {
            file.failures = failures.saturating_add(1);
        }
    }

    /// Takes a file in, unless that was done before, and returns what became of it and the drop's identity.
    async fn submit(&mut self, path: &DropPath, stamp: FileStamp) -> Result<(IngestOutcome, IdentityKey), PortError> {
        // The identity does not depend on the sequencer, so a known drop needs none. The manifest of a retouched file
        // does.
        let mut object = DropFolder::dropped(path.clone(), stamp, Sequencer::of_number(0));
        let identity = object.origin.identity();
        let is_known = self.identities.revive(&identity, self.ingest.env.clock.now()).await?;
        if !is_known || path.is_retouched() {
            object = DropFolder::dropped(path.clone(), stamp, self.next_sequencer(path).await?);
        }
        let outcome = self.ingest.take(&object).await?;
        if outcome == IngestOutcome::Waiting {
            tracing::debug!(%path, "retouched file waits");
        } else {
            tracing::info!(%path, ?outcome, "drop processed");
        }
        Ok((outcome, identity))
    }

    fn check_again(&mut self, path: DropPath, stamp: Option<FileStamp>, delay: Duration) {
        let check_at = Instant::now() + delay;
        self.pending.insert(path, PendingFile { stamp, check_at, settles_at: check_at, failures: 0 });
    }

    /// A sequencer for the next drop: the time in nanoseconds since 1970. If the clock was set back, one just above the
    /// last drop's and above that in the path's manifest.
    async fn next_sequencer(&mut self, path: &DropPath) -> Result<Sequencer, PortError> {
        let stored = self.folder.manifest(path).await?.and_then(|stored| manifest_sequencer(&stored.bytes));
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Sequencer::of_number(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX));
        let bounds = stored.iter().chain(&self.last_sequencer).map(Sequencer::following);
        let newest = bounds.fold(now, |newest, bound| if bound.is_newer_than(&newest) { bound } else { newest });
        self.last_sequencer = Some(newest.clone());
        Ok(newest)
    }

    /// Renews the identities of the files in the folder, and forgets expired ones. Only after a complete scan.
    async fn keep_drops(&mut self) {
        self.keep_at = Instant::now() + KEEP_INTERVAL;
        let present: Vec<_> = self.done.values().map(|(_, identity)| *identity).collect();
        let now = self.ingest.env.clock.now();
        let kept = async {
            self.identities.keep(&present, now).await?;
            self.identities.forget(IdentityKind::Drop, now).await
        };
        match kept.await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "forgot drops whose files were removed long ago"),
            Err(error) => tracing::error!(%error, "cannot update the known drops"),
        }
    }
}
