//! The index of due jobs in memory, so that a sweep over many jobs costs no more than over few.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::ids::JobId;
use crate::domain::job::Job;

/// The jobs with something that becomes due, in the order of that time.
#[derive(Debug)]
pub(super) struct DueIndex {
    due_at: fn(&Job) -> Option<Timestamp>,
    jobs: BTreeSet<(Timestamp, JobId)>,
}

impl DueIndex {
    pub(super) fn new(due_at: fn(&Job) -> Option<Timestamp>) -> Self {
        Self { due_at, jobs: BTreeSet::new() }
    }

    /// Replaces a job; `before` is the stored one.
    pub(super) fn replace(&mut self, before: Option<&Job>, job: &Job) {
        let (before_at, at) = (before.and_then(self.due_at), (self.due_at)(job));
        if before_at == at {
            return;
        }
        if let Some(before_at) = before_at {
            self.jobs.remove(&(before_at, job.id));
        }
        if let Some(at) = at {
            self.jobs.insert((at, job.id));
        }
    }

    /// Up to `limit` jobs that are due at `now`, earliest first.
    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<JobId> {
        let due = self.jobs.iter().take_while(|(at, _)| *at <= now);
        due.take(limit).map(|(_, id)| *id).collect()
    }
}
