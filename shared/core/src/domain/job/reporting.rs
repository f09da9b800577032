//! Transitions of a job that owes reports. They change its reports and nothing else.

use std::time::Duration;

use jiff::Timestamp;

use super::model::Job;
use super::report::{Report, ReportId, ReportKind, ReportStatus};
use super::state::JobState;
use super::transition::{Effect, InvalidTransition, Transition};
use crate::domain::policy::Policy;
use crate::domain::time::{after, between};

/// The longest wait between two attempts to deliver a report.
const MAX_INTERVAL: Duration = Duration::from_secs(12 * 60 * 60);

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

    /// Tries again the reports that are due, and schedules the attempt after this one. Webhooks have a schedule of their
    /// own, and only their message is repeated here. For others the interval doubles, up to 12 hours. A manifest that is still due when half of the job's retention is over is given up: as much time remains to
    /// get the results by the API. Other reports have no more attempts once the job's record expires.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless a report is due at `now`.
    pub fn retry_reports(mut self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let (JobState::Done { at: ended_at, .. }
        | JobState::Failed { at: ended_at, .. }
        | JobState::Review { since: ended_at, .. }) = self.state
        else {
            return Err(self.invalid("retry its reports"));
        };
        let expires_at = self.expires_at.unwrap_or_else(|| after(ended_at, policy.retention));
        let give_up_at = after(ended_at, between(ended_at, expires_at) / 2);
        let (mut effects, mut given_up) = (Vec::new(), false);
        for report in self.reports.iter_mut().filter(|report| report.next_at().is_some_and(|at| at <= now)) {
            let is_manifest = report.kind == ReportKind::Manifest;
            if is_manifest && now >= give_up_at {
                report.status = ReportStatus::GivenUp;
                given_up = true;
                continue;
            }
            if report.as_webhook().is_some() {
                let next_at = Some(report.next_reminder(now)).filter(|at| *at < expires_at);
                report.retries = report.retries.saturating_add(1);
                report.status = ReportStatus::Pending { next_at };
                effects.push(Effect::Owe(report.clone()));
                continue;
            }
            report.retries = report.retries.saturating_add(1);
            let next_at = after(ended_at, retry_after(report.retries, policy));
            let next_at = match is_manifest {
                true => Some(next_at.min(give_up_at)),
                false => Some(next_at).filter(|at| *at < expires_at),
            };
            report.status = ReportStatus::Pending { next_at };
            effects.push(Effect::Owe(report.clone()));
        }
        if effects.is_empty() && !given_up {
            return Err(self.invalid("retry its reports"));
        }
        Ok(Transition { job: Self { version: self.version + 1, ..self }, effects })
    }

    /// Schedules the first retry of every report, in case the first attempt is lost. Returns the reports.
    pub(super) fn schedule_reports(&mut self, now: Timestamp, policy: &Policy) -> Vec<Report> {
        let event = self.end_event();
        for report in self.reports.iter_mut().filter(|report| report.is_pending()) {
            let next_at =
                event.and_then(|event| report.begin_webhook(event)).unwrap_or_else(|| after(now, policy.resend_at(0)));
            report.status = ReportStatus::Pending { next_at: Some(next_at) };
        }
        self.owed_reports().cloned().collect()
    }
}

/// When a report is tried again after `retries` retries, measured from the job's end.
fn retry_after(retries: u32, policy: &Policy) -> Duration {
    let known = policy.resend_after.len() - 1;
    let doublings = usize::try_from(retries).unwrap_or(usize::MAX).saturating_sub(known);
    let first = policy.resend_at(retries.min(known as u32));
    // Past this number of doublings every interval has its full length.
    let growing = doublings.min(16);
    let grown = (0..growing).fold(first, |after, _| after + after.min(MAX_INTERVAL));
    grown + MAX_INTERVAL * u32::try_from(doublings - growing).unwrap_or(u32::MAX).min(10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_twelve_hours() {
        let minutes = |retries| retry_after(retries, &Policy::default()).as_secs() / 60;
        let waits: Vec<_> = (0..9).map(minutes).collect();
        assert_eq!(waits, [2, 10, 60, 120, 240, 480, 960, 1680, 2400]);
        assert_eq!(minutes(100) - minutes(99), 720);
        assert!(minutes(u32::MAX) > minutes(1000));
    }
}
