//! The result of a transition: the next job and its effects.

use jiff::Timestamp;

use super::model::Job;
use super::report::Report;
use super::state::JobState;
use crate::domain::audit::AuditEntry;
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::time::after;
use crate::domain::usage::{JobEnd, Month};

/// A consequence of a transition beyond the job's own record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// One credit goes back to the job's owner.
    Refund,
    /// The report has to be delivered now. The job's record holds it until then, so the store needs to do nothing more.
    Owe(Report),
    /// The job has ended for its owner, and counts in the owner's usage.
    Count(JobEnd),
    /// The change is noted in the audit log.
    Audit(Box<AuditEntry>),
}

/// The next job and its effects. [`Jobs::replace`](crate::ports::Jobs::replace) stores both or neither.
#[must_use = "a transition takes effect when it is stored"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The job after the transition.
    pub job: Job,
    /// Its effects.
    pub effects: Vec<Effect>,
}

impl Transition {
    /// A transition that changes only the job's record.
    pub fn without_effects(job: Job) -> Self {
        Self { job, effects: Vec::new() }
    }

    /// Whether one credit goes back to the job's owner.
    pub fn refunds(&self) -> bool {
        self.effects.contains(&Effect::Refund)
    }

    /// How the job ended by this transition, and in which month; `None` if it did not.
    pub fn counted(&self) -> Option<(JobEnd, Month)> {
        let end = self.effects.iter().find_map(|effect| match effect {
            Effect::Count(end) => Some(*end),
            Effect::Refund | Effect::Owe(_) | Effect::Audit(_) => None,
        });
        end.zip(self.job.state.ended_at().map(Month::of))
    }

    /// The entries of the audit log.
    pub fn audited(&self) -> impl Iterator<Item = &AuditEntry> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Audit(entry) => Some(entry.as_ref()),
            Effect::Refund | Effect::Owe(_) | Effect::Count(_) => None,
        })
    }

    /// Whether a report has to be delivered now.
    pub fn owes_reports(&self) -> bool {
        self.owed().next().is_some()
    }

    /// The reports to deliver now.
    pub fn owed(&self) -> impl Iterator<Item = &Report> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Owe(report) => Some(report),
            Effect::Refund | Effect::Count(_) | Effect::Audit(_) => None,
        })
    }
}

/// The job's state has no such transition, or another worker holds the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid transition: a job that is {state} cannot {transition}")]
pub struct InvalidTransition {
    /// The name of the job's state.
    pub state: &'static str,
    /// The attempted transition, as a verb.
    pub transition: &'static str,
}

impl Job {
    /// The job in its next state.
    pub(super) fn enter(self, state: JobState) -> Self {
        Self { version: self.version + 1, state, ..self }
    }

    /// Ends the job as done or failed: it owes its reports from now on.
    pub(super) fn end(self, state: JobState, now: Timestamp, policy: &Policy) -> Transition {
        let failure = match &state {
            JobState::Failed { failure, .. } => Some(failure.code),
            _ => None,
        };
        let count = Effect::Count(if failure.is_some() { JobEnd::Failed } else { JobEnd::Done });
        let has_empty_draft = self.outcome().is_some_and(Outcome::is_empty);
        let refund = self.charged && failure.is_some_and(|code| has_empty_draft || !code.info().charged);
        let mut job = Self { expires_at: Some(after(now, policy.retention)), ..self.with_wait_until(now).enter(state) };
        job.reports.retain(|report| !report.is_about_draft());
        let owed = job.schedule_reports(now, policy).into_iter().map(Effect::Owe);
        let effects = refund.then_some(Effect::Refund).into_iter().chain(owed).chain([count]).collect();
        Transition { job, effects }
    }

    pub(super) fn invalid(&self, transition: &'static str) -> InvalidTransition {
        InvalidTransition { state: self.state.name(), transition }
    }
}
