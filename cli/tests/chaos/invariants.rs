//! What must hold throughout the run, and the violations found.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Violations kept of each invariant. One fault of the program often causes thousands.
const MAX_KEPT: usize = 20;

/// A statement that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invariant {
    NothingLost,
    OneEnd,
    MonotoneProgress,
    GoodPicturesDone,
    WholeResults,
    DocumentedCodes,
    AttemptsExplained,
    Waits,
    Credits,
    Identities,
    Manifests,
    Webhooks,
    NoTemporaryFiles,
    Answers,
    StaysUp,
    Quiet,
    NotVacuous,
}

impl Invariant {
    pub(crate) const ALL: [Self; 17] = [
        Self::NothingLost,
        Self::OneEnd,
        Self::MonotoneProgress,
        Self::GoodPicturesDone,
        Self::WholeResults,
        Self::DocumentedCodes,
        Self::AttemptsExplained,
        Self::Waits,
        Self::Credits,
        Self::Identities,
        Self::Manifests,
        Self::Webhooks,
        Self::NoTemporaryFiles,
        Self::Answers,
        Self::StaysUp,
        Self::Quiet,
        Self::NotVacuous,
    ];

    pub(crate) fn statement(self) -> &'static str {
        match self {
            Self::NothingLost => "every acknowledged job ends, and acknowledged parameter sets stay",
            Self::OneEnd => "a job ends once, in one state, with one result",
            Self::MonotoneProgress => "progress never decreases",
            Self::GoodPicturesDone => "good pictures are done, unless faults took all their attempts",
            Self::WholeResults => "results are whole and have the expected size",
            Self::DocumentedCodes => "bad pictures fail with a documented code, never `internal`",
            Self::AttemptsExplained => "only faults cost a good picture an attempt",
            Self::Waits => "no good picture waits longer than one attempt may take",
            Self::Credits => "credits granted = spent + left",
            Self::Identities => "each drop and each idempotency key names exactly one job",
            Self::Manifests => "each dropped file gets a manifest that matches its results",
            Self::Webhooks => "each end of a job is reported, and all sends of an event are equal but for links",
            Self::NoTemporaryFiles => "no temporary file stays",
            Self::Answers => "requests fail only while a fault lasts",
            Self::StaysUp => "the server never ends on its own, starts, and stops when asked",
            Self::Quiet => "afterwards the server is idle and its memory bounded",
            Self::NotVacuous => "every kind of fault happened, and enough jobs were made",
        }
    }
}

/// The violations so far.
#[derive(Default)]
pub(crate) struct Violations {
    found: Mutex<Vec<(Invariant, String)>>,
}

impl Violations {
    /// Records a violation, and prints it at once.
    pub(crate) fn add(&self, invariant: Invariant, what: impl Into<String>) {
        let what = what.into();
        let mut found = self.lock();
        if found.iter().filter(|(one, _)| *one == invariant).count() < MAX_KEPT {
            println!("VIOLATION  {}: {what}", invariant.statement());
            found.push((invariant, what));
        }
    }

    /// Records a violation unless `holds`.
    pub(crate) fn check(&self, invariant: Invariant, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.add(invariant, what());
        }
    }

    /// The violations of one invariant.
    pub(crate) fn of(&self, invariant: Invariant) -> Vec<String> {
        self.lock().iter().filter(|(one, _)| *one == invariant).map(|(_, what)| what.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Invariant, String)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
