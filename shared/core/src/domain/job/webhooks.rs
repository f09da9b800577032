//! Transitions of a job's webhooks.

use std::time::Duration;

use jiff::Timestamp;

use super::model::Job;
use super::record::RecordVersion;
use super::report::{Report, ReportId, ReportStatus};
use super::state::JobState;
use super::transition::{Effect, InvalidTransition, Transition};
use super::webhook::{CLAIM, WebhookDelivery, WebhookNotReady, WebhookResult, WebhookState, WebhookVerdict};
use crate::domain::ids::LeaseToken;
use crate::domain::time::after;
use crate::domain::webhook::{WebhookEvent, WebhookEventKind, WebhookUrl};

/// The longest wait of a webhook that uses its message's delay. The sweep ends longer ones.
const MAX_MESSAGE_DELAY: Duration = Duration::from_secs(15 * 60);

/// The most doublings of the wait between two reminders.
const MAX_DOUBLINGS: u32 = 8;

impl Job {
    /// The same new job, which owes a webhook once it has ended. `is_default` for the owner's URL.
    #[must_use]
    pub fn with_webhook(self, url: WebhookUrl, is_default: bool) -> Self {
        let mut reports = self.reports;
        reports.push(Report::webhook(self.id, url, is_default));
        Self { reports, needs: self.needs.max(RecordVersion::REPORTS), ..self }
    }

    /// The webhook about the job's end or, while it is held for review, about that; `None` if it has no receiver.
    pub fn webhook(&self) -> Option<(&Report, &WebhookDelivery)> {
        // One about a draft is the last.
        self.reports.iter().rev().find_map(|report| Some((report, report.as_webhook()?)))
    }

    /// Whether this webhook may be sent at `now`.
    ///
    /// # Errors
    /// [`WebhookNotReady`] says why not.
    pub fn webhook_ready(&self, id: &ReportId, now: Timestamp) -> Result<&WebhookDelivery, WebhookNotReady> {
        let owed = self.owed_reports().find(|report| report.id == *id);
        let delivery = owed.and_then(Report::as_webhook).ok_or(WebhookNotReady::NotOwed)?;
        match delivery.ready_at {
            Some(ready_at) if ready_at > now => Err(WebhookNotReady::NotYet { ready_at }),
            Some(_) | None => Ok(delivery),
        }
    }

    /// Claims the next send of a webhook. If its result is not noted within a minute, the webhook is sent again.
    ///
    /// # Errors
    /// [`WebhookNotReady`].
    pub fn claim_webhook(
        mut self,
        id: &ReportId,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<Transition, WebhookNotReady> {
        self.webhook_ready(id, now)?;
        let (until, event) = (after(now, CLAIM), self.end_event());
        self.change_webhook(id, |delivery| {
            delivery.event = delivery.event.or(event);
            delivery.attempts = delivery.attempts.saturating_add(1);
            (delivery.claim, delivery.ready_at) = (Some(token), Some(until));
            Some(until)
        });
        Ok(Transition::without_effects(self))
    }

    /// The event of the job's end, if it is done or has failed. A webhook notes it, unless an earlier release ended the job.
    pub fn end_event(&self) -> Option<WebhookEvent> {
        match self.state {
            JobState::Done { at, .. } => Some(WebhookEvent { kind: WebhookEventKind::JobDone, at }),
            JobState::Failed { at, .. } => Some(WebhookEvent { kind: WebhookEventKind::JobFailed, at }),
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Withdrawn { .. } => None,
        }
    }

    /// How far the job's webhook is, if it has one.
    pub fn webhook_state(&self) -> Option<WebhookState> {
        let (report, _) = self.webhook()?;
        Some(match report.status {
            ReportStatus::Pending { .. } if !self.has_ended() && !self.is_held() => WebhookState::Waiting,
            ReportStatus::Pending { .. } => WebhookState::Pending,
            ReportStatus::Delivered => WebhookState::Delivered,
            ReportStatus::GivenUp => WebhookState::GivenUp,
        })
    }

    /// Puts a send off until `until`, because its receiver has others in progress. It costs no send.
    ///
    /// # Errors
    /// [`WebhookNotReady`].
    pub fn hold_webhook(
        mut self,
        id: &ReportId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Transition, WebhookNotReady> {
        self.webhook_ready(id, now)?;
        self.change_webhook(id, |delivery| {
            delivery.ready_at = Some(until);
            Some(until)
        });
        Ok(Transition::without_effects(self))
    }

    /// Notes the result of the send with this token. After a failure the webhook waits for its next send, and
    /// [`Effect::Owe`] asks for a message if the wait is short; after the last failure, or if the receiver is gone, it is
    /// given up.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job owes the webhook. A failure counts only while no other send was claimed.
    pub fn webhook_sent(
        mut self,
        id: &ReportId,
        token: LeaseToken,
        result: &WebhookResult,
        now: Timestamp,
    ) -> Result<Transition, InvalidTransition> {
        let is_delivered = result.verdict == WebhookVerdict::Delivered;
        let owed = self.owed_reports().find(|report| report.id == *id).and_then(Report::as_webhook);
        if owed.is_none_or(|delivery| delivery.claim != Some(token) && !is_delivered) {
            return Err(self.invalid("note the result of this webhook"));
        }
        let expires_at = self.expires_at.unwrap_or(Timestamp::MAX);
        let mut wait = None;
        let report = self.change_webhook(id, |delivery| {
            delivery.note(result, now);
            let WebhookVerdict::Failed { retry_after, .. } = &result.verdict else { return None };
            delivery.failures = delivery.failures.saturating_add(1);
            wait = delivery.wait(id.as_str(), *retry_after).filter(|wait| after(now, *wait) < expires_at);
            let ready_at = after(now, wait?);
            delivery.ready_at = Some(ready_at);
            // The message comes first, if there is one.
            Some(if wait? <= MAX_MESSAGE_DELAY { after(ready_at, CLAIM) } else { ready_at })
        });
        let mut effects = Vec::new();
        match (&result.verdict, wait) {
            (WebhookVerdict::Delivered, _) => self.set_status(id, ReportStatus::Delivered),
            (WebhookVerdict::Gone | WebhookVerdict::Failed { .. }, None) => self.set_status(id, ReportStatus::GivenUp),
            (WebhookVerdict::Gone | WebhookVerdict::Failed { .. }, Some(wait)) => {
                effects.extend(report.filter(|_| wait <= MAX_MESSAGE_DELAY).map(Effect::Owe));
            }
        }
        Ok(Transition { job: self, effects })
    }

    /// Begins the schedule of the webhook again, whether it was delivered, given up or still waits.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job has a webhook and is done, has failed or is held for review.
    pub fn resend_webhook(mut self, now: Timestamp) -> Result<Transition, InvalidTransition> {
        let is_reported =
            matches!(self.state, JobState::Done { .. } | JobState::Failed { .. } | JobState::Review { .. });
        let id = self.webhook().map(|(report, _)| report.id.clone()).filter(|_| is_reported);
        let Some(id) = id else { return Err(self.invalid("send its webhook again")) };
        let report = self.change_webhook(&id, |delivery| {
            (delivery.failures, delivery.ready_at, delivery.claim) = (0, None, None);
            Some(after(now, CLAIM))
        });
        Ok(Transition { job: self, effects: report.into_iter().map(Effect::Owe).collect() })
    }

    /// Changes a webhook, and the time at which the sweep looks again to what `change` returns.
    fn change_webhook(
        &mut self,
        id: &ReportId,
        change: impl FnOnce(&mut WebhookDelivery) -> Option<Timestamp>,
    ) -> Option<Report> {
        self.version += 1;
        let report = self.reports.iter_mut().find(|report| report.id == *id)?;
        let next_at = change(report.as_webhook_mut()?);
        (report.status, report.retries) = (ReportStatus::Pending { next_at }, 0);
        Some(report.clone())
    }

    fn set_status(&mut self, id: &ReportId, status: ReportStatus) {
        for report in self.reports.iter_mut().filter(|report| report.id == *id) {
            report.status = status;
        }
    }
}

impl Report {
    /// Schedules the sweep's first look at a webhook whose event happens now.
    pub(super) fn begin_webhook(&mut self, event: WebhookEvent) -> Option<Timestamp> {
        let at = event.at;
        self.as_webhook_mut()?.event = Some(event);
        Some(after(at, CLAIM))
    }

    /// When the sweep looks at a webhook again after it sent its message again. The wait doubles, so that a queue with a
    /// backlog does not fill with repeated messages.
    pub(super) fn next_reminder(&self, now: Timestamp) -> Timestamp {
        after(now, CLAIM * 2u32.saturating_pow(self.retries.min(MAX_DOUBLINGS)))
    }
}
