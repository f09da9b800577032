//! The kinds of fault, and the record of those that happened.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers may still suffer from a fault for this long after it ended.
const AFTERMATH: Duration = Duration::from_secs(2);

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    KillServer,
    StopServer,
    FreezeServer,
    KillWorker,
    SegfaultWorker,
    AbortWorker,
    FreezeWorker,
    FullDisk,
    ClockSetForward,
    ClockSetBack,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::KillServer,
        Self::StopServer,
        Self::FreezeServer,
        Self::KillWorker,
        Self::SegfaultWorker,
        Self::AbortWorker,
        Self::FreezeWorker,
        Self::FullDisk,
        Self::ClockSetForward,
        Self::ClockSetBack,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KillServer => "server killed (SIGKILL)",
            Self::StopServer => "server stopped in order (SIGTERM)",
            Self::FreezeServer => "server frozen (SIGSTOP)",
            Self::KillWorker => "image worker killed (SIGKILL)",
            Self::SegfaultWorker => "image worker crashed (SIGSEGV)",
            Self::AbortWorker => "image worker aborted (SIGABRT)",
            Self::FreezeWorker => "image worker frozen (SIGSTOP)",
            Self::FullDisk => "disk full",
            Self::ClockSetForward => "clock set forward",
            Self::ClockSetBack => "clock set back",
        }
    }

    /// The signal for an image worker; `None` for faults of other parts.
    pub(crate) fn worker_signal(self) -> Option<&'static str> {
        match self {
            Self::KillWorker => Some("KILL"),
            Self::SegfaultWorker => Some("SEGV"),
            Self::AbortWorker => Some("ABRT"),
            Self::FreezeWorker => Some("STOP"),
            _ => None,
        }
    }

    /// The most attempts that one such fault can cost a job.
    fn costs_attempts(self) -> u32 {
        match self {
            // Leases outlast it.
            Self::FreezeServer => 0,
            // A write fails, and the server may also be killed meanwhile.
            Self::FullDisk => 2,
            _ => 1,
        }
    }

    /// Whether the server does not answer meanwhile.
    fn interrupts_answers(self) -> bool {
        self.worker_signal().is_none()
    }
}

/// A fault that happened, or still lasts.
#[derive(Debug, Clone, Copy)]
struct Occurrence {
    fault: Fault,
    begun: Instant,
    ended: Option<Instant>,
}

impl Occurrence {
    fn overlaps(&self, from: Instant, until: Instant) -> bool {
        self.begun <= until && self.ended.is_none_or(|ended| ended + AFTERMATH >= from)
    }
}

/// All faults so far. A violation counts only if no fault explains it.
#[derive(Default)]
pub(crate) struct FaultLog {
    occurrences: Mutex<Vec<Occurrence>>,
}

impl FaultLog {
    /// Records a fault for the time of `inflict`. It counts only if that returns true.
    pub(crate) fn during(&self, fault: Fault, inflict: impl FnOnce() -> bool) -> bool {
        let index = {
            let mut occurrences = self.lock();
            occurrences.push(Occurrence { fault, begun: Instant::now(), ended: None });
            occurrences.len() - 1
        };
        let happened = inflict();
        let mut occurrences = self.lock();
        if happened {
            occurrences[index].ended = Some(Instant::now());
        } else {
            // One thread inflicts all faults, so this is the last one.
            occurrences.truncate(index);
        }
        happened
    }

    pub(crate) fn count(&self, fault: Fault) -> usize {
        self.lock().iter().filter(|one| one.fault == fault).count()
    }

    /// The most attempts that a job can have lost to faults between these times.
    pub(crate) fn attempts_lost(&self, from: Instant, until: Instant) -> u32 {
        let occurrences = self.lock();
        occurrences.iter().filter(|one| one.overlaps(from, until)).map(|one| one.fault.costs_attempts()).sum()
    }

    /// Whether the server may have refused or dropped a request between these times.
    pub(crate) fn interrupted_answers(&self, from: Instant, until: Instant) -> bool {
        self.lock().iter().any(|one| one.fault.interrupts_answers() && one.overlaps(from, until))
    }

    /// Whether the disk was full between these times.
    pub(crate) fn filled_disk(&self, from: Instant, until: Instant) -> bool {
        self.lock().iter().any(|one| one.fault == Fault::FullDisk && one.overlaps(from, until))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Occurrence>> {
        self.occurrences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
