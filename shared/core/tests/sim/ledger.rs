//! What happens to every job, as the store sees it, and the rules that this breaks.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutline_core::domain::job::{Job, JobState, Source};
use cutline_core::domain::lane::Lane;
use cutline_core::{Clock, FailureCode, JobId};
use jiff::Timestamp;

use crate::clock::SimClock;
use crate::delays::{Delay, Delays};

/// The most violations that are kept as text.
const MAX_VIOLATIONS: usize = 20;

/// Where a job comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A dropped file.
    Drop,
    /// A live upload.
    Upload,
    /// A live `file_url`.
    Url,
    /// A live `file_key`.
    Key,
    /// A bulk upload of an owner who drops no files.
    Bulk,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Upload, Self::Url, Self::Key, Self::Bulk, Self::Drop];
    pub(crate) const LIVE: [Self; 3] = [Self::Upload, Self::Url, Self::Key];

    fn of(job: &Job) -> Self {
        match (&job.drop, job.lane, &job.spec.source) {
            (Some(_), _, _) => Self::Drop,
            (None, Lane::Bulk, _) => Self::Bulk,
            (None, Lane::Live, Source::Stored) => Self::Upload,
            (None, Lane::Live, Source::Url(_)) => Self::Url,
            (None, Lane::Live, Source::Upload { .. }) => Self::Key,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Drop => "dropped file",
            Self::Upload => "live upload",
            Self::Url => "live file_url",
            Self::Key => "live file_key",
            Self::Bulk => "bulk upload, other owner",
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed(FailureCode),
    Withdrawn,
}

/// One job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) created_at: Timestamp,
    pub(crate) end: Option<(Timestamp, End)>,
    /// How long it waited in queues.
    pub(crate) waited: Duration,
    /// How often it was claimed, at both stages.
    pub(crate) attempts: u32,
    /// When the last report was delivered that it owed.
    pub(crate) reported_at: Option<Timestamp>,
    progress: u8,
}

/// Every job.
#[derive(Debug)]
pub(crate) struct Ledger {
    clock: SimClock,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    jobs: HashMap<JobId, Entry>,
    drops: u64,
    open_drops: u64,
    open: u64,
    owing: u64,
    /// Writes of records.
    writes: u64,
    delays: Delays,
    violations: Vec<String>,
    more_violations: u64,
}

/// The work that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// Jobs of dropped files that were created so far.
    pub(crate) drops: u64,
    /// Of those, jobs that have not ended.
    pub(crate) open_drops: u64,
    /// Jobs that have not ended.
    pub(crate) open: u64,
    /// Ended jobs that owe a report.
    pub(crate) owing: u64,
}

impl Ledger {
    pub(crate) fn new(clock: SimClock) -> Arc<Self> {
        Arc::new(Self { clock, book: Mutex::default() })
    }

    /// Notes a new job.
    pub(crate) fn created(&self, job: &Job) {
        let entry = Entry {
            kind: Kind::of(job),
            created_at: job.created_at,
            end: None,
            waited: Duration::ZERO,
            attempts: 0,
            reported_at: None,
            progress: job.progress,
        };
        let (now, mut book) = (self.clock.now(), self.lock());
        book.delays.created(job, now);
        book.drops += u64::from(entry.kind == Kind::Drop);
        book.open_drops += u64::from(entry.kind == Kind::Drop);
        book.open += 1;
        if book.jobs.insert(job.id, entry).is_some() {
            book.violate(format!("{}: created twice", job.id));
        }
    }

    /// Notes a change of a job.
    pub(crate) fn changed(&self, job: &Job) {
        let (now, mut book) = (self.clock.now(), self.lock());
        book.writes += 1;
        book.delays.changed(job, now);
        let Some(mut entry) = book.jobs.get(&job.id).copied() else {
            return book.violate(format!("{}: changed before it was created", job.id));
        };
        if job.progress < entry.progress {
            book.violate(format!("{}: its progress fell from {} to {}", job.id, entry.progress, job.progress));
        }
        entry.progress = job.progress;
        entry.waited = Duration::from_millis(job.queue_ms);
        entry.attempts = job.attempts + job.intake_attempts;
        let end = end_of(job);
        match (entry.end, end) {
            (None, Some(end)) => {
                entry.end = Some((now, end));
                book.open_drops -= u64::from(entry.kind == Kind::Drop);
                book.open -= 1;
                book.owing += 1;
            }
            (Some((_, before)), after) if after != Some(before) => {
                book.violate(format!("{}: ended as {before:?}, and then changed to {:?}", job.id, job.state.name()));
            }
            _ => {}
        }
        if entry.end.is_some() && entry.reported_at.is_none() && job.owed_reports().next().is_none() {
            entry.reported_at = Some(now);
            book.owing -= 1;
        }
        book.jobs.insert(job.id, entry);
    }

    /// Notes a job that the sweep is behind with.
    pub(crate) fn delayed(&self, delay: Delay) {
        self.lock().delays.note(delay);
    }

    /// The job that the sweep was behind with for the longest time.
    pub(crate) fn longest_delay(&self) -> Option<Delay> {
        self.lock().delays.longest()
    }

    pub(crate) fn left(&self) -> Left {
        let Book { drops, open_drops, open, owing, .. } = *self.lock();
        Left { drops, open_drops, open, owing }
    }

    /// All jobs, in the order of their ids.
    pub(crate) fn jobs(&self) -> BTreeMap<JobId, Entry> {
        self.lock().jobs.iter().map(|(id, entry)| (*id, *entry)).collect()
    }

    pub(crate) fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// The violations, and how many more there are.
    pub(crate) fn violations(&self) -> (Vec<String>, u64) {
        let book = self.lock();
        (book.violations.clone(), book.more_violations)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn violate(&mut self, violation: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(violation);
        } else {
            self.more_violations += 1;
        }
    }
}

fn end_of(job: &Job) -> Option<End> {
    match &job.state {
        JobState::Queued { .. } | JobState::Running { .. } | JobState::Review { .. } => None,
        JobState::Done { .. } => Some(End::Done),
        JobState::Failed { failure, .. } => Some(End::Failed(failure.code)),
        JobState::Withdrawn { .. } => Some(End::Withdrawn),
    }
}
