//! Transitions of a job that has ended and owes reports. They change its reports and nothing else.

use jiff::Timestamp;

use super::model::Job;
use super::report::{Report, ReportId, ReportStatus};
use super::state::JobState;
use super::transition::{Effect, InvalidTransition, Transition};
use crate::domain::policy::Policy;
use crate::domain::time::after;

impl Job {
    /// Notes that a report was delivered.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job owes the report.
    pub fn report_delivered(mut self, id: &ReportId) -> Result<Transition, InvalidTransition> {
        if !self.owed_reports().any(|report| report.id == *id) {
            return Err(self.invalid("deliver this report"));
        }
        for report in self.reports.iter_mut().filter(|report| report.id == *id) {
            report.status = ReportStatus::Delivered;
        }
        Ok(Transition::without_effects(Self { version: self.version + 1, ..self }))
    }

    /// Tries again the reports that are due, and schedules the attempt after this one. The interval grows as it does
    /// for the messages of queued jobs. There are no more attempts once the job's record expires.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless a report is due at `now`.
    pub fn retry_reports(mut self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let (JobState::Done { at: ended_at, .. } | JobState::Failed { at: ended_at, .. }) = self.state else {
            return Err(self.invalid("retry its reports"));
        };
        let expires_at = self.expires_at;
        let mut effects = Vec::new();
        for report in self.reports.iter_mut().filter(|report| report.next_at().is_some_and(|at| at <= now)) {
            report.retries = report.retries.saturating_add(1);
            let next_at = after(ended_at, policy.resend_at(report.retries));
            let next_at = Some(next_at).filter(|at| expires_at.is_none_or(|end| *at < end));
            report.status = ReportStatus::Pending { next_at };
            effects.push(Effect::Owe(report.clone()));
        }
        if effects.is_empty() {
            return Err(self.invalid("retry its reports"));
        }
        Ok(Transition { job: Self { version: self.version + 1, ..self }, effects })
    }

    /// Schedules the first retry of every report, in case the first attempt is lost. Returns the reports.
    pub(super) fn schedule_reports(&mut self, now: Timestamp, policy: &Policy) -> Vec<Report> {
        for report in self.reports.iter_mut().filter(|report| report.is_pending()) {
            report.status = ReportStatus::Pending { next_at: Some(after(now, policy.resend_at(0))) };
        }
        self.owed_reports().cloned().collect()
    }
}
