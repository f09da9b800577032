//! What clients know of their jobs: the acknowledged ones, what they expect of them, and how they ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::random::Random;

/// How a job may end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Done, with pictures of this size.
    Done { width: u32, height: u32 },
    /// Done, or failed with any documented code.
    Any,
    /// Failed with one of these codes.
    Fails(&'static [&'static str]),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// `done`, or the code of the failure.
    pub(crate) outcome: String,
    /// The digests of the pictures that were fetched, by variation.
    pub(crate) pictures: BTreeMap<String, String>,
}

/// An acknowledged job.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Names the source in messages.
    pub(crate) label: String,
    pub(crate) expectation: Expectation,
    /// When its request was first sent. From then on, a fault may have cost it an attempt.
    pub(crate) sent: Instant,
    pub(crate) accepted: Instant,
    pub(crate) end: Option<(Instant, End)>,
}

impl Entry {
    /// A job that is acknowledged now, whose request was first sent at `sent`.
    pub(crate) fn new(key: &str, label: String, expectation: Expectation, sent: Instant) -> Self {
        Self { key: key.to_owned(), label, expectation, sent, accepted: Instant::now(), end: None }
    }

    pub(crate) fn is_good(&self) -> bool {
        matches!(self.expectation, Expectation::Done { .. })
    }

    /// The time from acceptance to the end, as the client saw it.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.end.as_ref().map(|(at, _)| at.duration_since(self.accepted))
    }
}

/// Numbers for the report.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) refused_files: AtomicU64,
    pub(crate) refused_for_credits: AtomicU64,
    pub(crate) repeated_uploads: AtomicU64,
    pub(crate) unanswered: AtomicU64,
    pub(crate) unavailable: AtomicU64,
    pub(crate) pictures_fetched: AtomicU64,
    pub(crate) polls: AtomicU64,
    pub(crate) drops: AtomicU64,
    pub(crate) failed_starts: AtomicU64,
}

impl Counters {
    pub(crate) fn increment(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// All jobs by id.
#[derive(Default)]
pub(crate) struct Ledger {
    jobs: Mutex<BTreeMap<String, Entry>>,
    /// Acknowledged parameter sets, by name: the side of the canvas.
    sets: Mutex<BTreeMap<String, u64>>,
    pub(crate) counters: Counters,
}

impl Ledger {
    /// Adds an acknowledged job. Returns false if the id was acknowledged before.
    pub(crate) fn accept(&self, id: &str, entry: Entry) -> bool {
        self.jobs().insert(id.to_owned(), entry).is_none()
    }

    /// Records a job's end.
    pub(crate) fn end(&self, id: &str, end: End) {
        if let Some(entry) = self.jobs().get_mut(id) {
            entry.end = Some((Instant::now(), end));
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Entry> {
        self.jobs().get(id).cloned()
    }

    /// All jobs at this moment.
    pub(crate) fn all(&self) -> BTreeMap<String, Entry> {
        self.jobs().clone()
    }

    /// The id of a random job that has ended.
    pub(crate) fn any_ended(&self, random: &mut Random) -> Option<String> {
        let jobs = self.jobs();
        let ended: Vec<_> = jobs.iter().filter(|(_, entry)| entry.end.is_some()).map(|(id, _)| id).collect();
        (!ended.is_empty()).then(|| (*random.pick(&ended)).clone())
    }

    pub(crate) fn acknowledge_set(&self, name: String, side: u64) {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner).insert(name, side);
    }

    pub(crate) fn sets(&self) -> BTreeMap<String, u64> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
