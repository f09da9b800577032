//! Delivering a webhook: claim the send, send, note the result.

use std::time::Duration;

use tokio::time::Instant;

use super::receivers::{ReceiverId, SendResult, Slot, Turn};
use super::sender::ReportSender;
use crate::domain::job::{Job, ReportId, Transition, WebhookDelivery, WebhookNotReady, WebhookResult, WebhookVerdict};
use crate::domain::metrics::{Measurement, SendOutcome};
use crate::domain::report_message::ReportMessage;
use crate::domain::time::{after, between};
use crate::ports::{OutgoingWebhook, PortError, WriteError};
use crate::usecases::persist;
use crate::usecases::status::JobView;
use crate::usecases::work::Disposition;

/// The longest wait that a message spends in the queue. A longer one is noted in the record, and the sweep sends the message
/// again.
const MAX_DEFERRAL: Duration = Duration::from_secs(30);

/// How often a write that conflicts with another one is tried. Each lost round means that another process changed the job.
const ROUNDS: usize = 8;

/// The next step for a webhook.
enum Next {
    /// Send it, under this claim.
    Send(Box<Transition>, Slot),
    /// Nothing to do now.
    Settled(Disposition),
}

impl ReportSender {
    /// Sends a webhook, if it is due and its receiver has a free slot.
    pub(super) async fn deliver_webhook(&self, mut job: Job, id: &ReportId) -> Result<Disposition, PortError> {
        for _ in 0..ROUNDS {
            let (claimed, slot) = match self.next(&job, id).await? {
                Next::Send(claimed, slot) => (claimed, slot),
                Next::Settled(disposition) => return Ok(disposition),
            };
            // Before the claim: a fault here costs no send.
            let outgoing = self.outgoing(&claimed.job, id).await?;
            match persist::replace(self.jobs.as_ref(), &claimed).await {
                Ok(()) => return self.send(claimed.job, outgoing, slot).await,
                Err(WriteError::Conflict) => match self.jobs.get(job.id).await? {
                    Some(current) => job = current,
                    None => return Ok(Disposition::Acknowledge),
                },
                Err(WriteError::Port(error)) => return Err(error),
            }
        }
        Ok(Disposition::Defer(self.env.policy.defer))
    }

    /// Claims the send, or says what happens to the message.
    async fn next(&self, job: &Job, id: &ReportId) -> Result<Next, PortError> {
        let now = self.env.clock.now();
        let delivery = match job.webhook_ready(id, now) {
            Ok(delivery) => delivery,
            Err(WebhookNotReady::NotOwed) => return Ok(Next::Settled(Disposition::Acknowledge)),
            Err(WebhookNotReady::NotYet { ready_at }) if between(now, ready_at) <= MAX_DEFERRAL => {
                return Ok(Next::Settled(Disposition::until(ready_at, now)));
            }
            // Another sender has it, or the sweep sends the message again in time.
            Err(WebhookNotReady::NotYet { .. }) => return Ok(Next::Settled(Disposition::Acknowledge)),
        };
        let receiver = ReceiverId { owner: job.owner.clone(), host: delivery.url.host() };
        match self.receivers.enter(receiver, now) {
            Turn::Now(slot) => {
                let claimed = job.clone().claim_webhook(id, self.env.ids.lease(), now);
                Ok(claimed
                    .map_or(Next::Settled(Disposition::Acknowledge), |claimed| Next::Send(Box::new(claimed), slot)))
            }
            Turn::After(wait) if wait <= MAX_DEFERRAL => Ok(Next::Settled(Disposition::Defer(wait))),
            Turn::After(wait) => {
                let held = job.clone().hold_webhook(id, after(now, wait), now);
                let Ok(held) = held else { return Ok(Next::Settled(Disposition::Acknowledge)) };
                match persist::replace(self.jobs.as_ref(), &held).await {
                    Ok(()) => Ok(Next::Settled(Disposition::Acknowledge)),
                    Err(WriteError::Conflict) => Ok(Next::Settled(Disposition::Defer(self.env.policy.defer))),
                    Err(WriteError::Port(error)) => Err(error),
                }
            }
        }
    }

    /// The webhook as it is sent now. `None` if no secret can sign it.
    async fn outgoing(&self, job: &Job, id: &ReportId) -> Result<Option<OutgoingWebhook>, PortError> {
        let Some(delivery) = webhook_of(job, id) else { return Ok(None) };
        let Some(event) = delivery.event.or_else(|| job.end_event()) else { return Ok(None) };
        let sent_at = self.env.clock.now();
        let secrets = self.webhooks.webhook_secrets(&job.owner).await?;
        let secrets: Vec<_> = secrets.active(sent_at).map(|dated| dated.secret.clone()).collect();
        if secrets.is_empty() {
            return Ok(None);
        }
        let (id, url) = (id.clone(), delivery.url.clone());
        let JobView { job, links, assets } = JobView::signed(job.clone(), self.links.as_ref()).await?;
        Ok(Some(OutgoingWebhook { id, url, event, job, links, assets, secrets, sent_at }))
    }

    async fn send(&self, job: Job, outgoing: Option<OutgoingWebhook>, slot: Slot) -> Result<Disposition, PortError> {
        let Some((report, token)) = job.webhook().and_then(|(report, of)| Some((report.id.clone(), of.claim?))) else {
            return Ok(Disposition::Acknowledge);
        };
        let result = match outgoing {
            Some(outgoing) => {
                let begun = Instant::now();
                let result = self.client.send(outgoing).await;
                // A receiver that is gone answers as fast as any other.
                let succeeded = !matches!(result.verdict, WebhookVerdict::Failed { .. });
                slot.end(SendResult { succeeded, took: begun.elapsed(), at: self.env.clock.now() });
                result
            }
            None => no_secret(),
        };
        let mut current = job;
        for _ in 0..ROUNDS {
            let (id, now) = (current.id, self.env.clock.now());
            let Ok(noted) = current.webhook_sent(&report, token, &result, now) else {
                return Ok(Disposition::Acknowledge);
            };
            match persist::replace(self.jobs.as_ref(), &noted).await {
                Ok(()) => {
                    self.note(&noted.job, &report, &result);
                    self.schedule(&noted).await;
                    return Ok(Disposition::Acknowledge);
                }
                Err(WriteError::Conflict) => match self.jobs.get(id).await? {
                    Some(job) => current = job,
                    None => return Ok(Disposition::Acknowledge),
                },
                Err(WriteError::Port(error)) => {
                    tracing::warn!(job_id = %id, %error, "result of a webhook could not be noted");
                    match self.jobs.get(id).await {
                        Ok(Some(job)) => current = job,
                        // The claim ends soon, and the webhook is sent again under the same id.
                        Ok(None) | Err(_) => return Ok(Disposition::Acknowledge),
                    }
                }
            }
        }
        Ok(Disposition::Acknowledge)
    }

    /// Sends the message about the next send, if the wait is short enough for a queue. The sweep covers its loss.
    async fn schedule(&self, noted: &Transition) {
        for report in noted.owed() {
            let Some(ready_at) = report.as_webhook().and_then(|delivery| delivery.ready_at) else { continue };
            let delay = between(self.env.clock.now(), ready_at);
            let message = ReportMessage { job_id: noted.job.id, report_id: report.id.clone() };
            if let Err(error) = self.reports.send_report(&message, delay).await {
                tracing::warn!(job_id = %noted.job.id, %error, "message about a webhook could not be sent; left to the sweep");
            }
        }
    }

    /// Logs and measures a send whose result was stored.
    fn note(&self, job: &Job, id: &ReportId, result: &WebhookResult) {
        let Some(WebhookDelivery { url, attempts, failures, .. }) = webhook_of(job, id) else { return };
        let (host, status) = (url.host(), result.status);
        let is_given_up = job.webhook().is_some_and(|(report, _)| report.is_given_up());
        self.env.metrics.record(&Measurement::WebhookSend(match &result.verdict {
            WebhookVerdict::Delivered => SendOutcome::Delivered,
            WebhookVerdict::Gone => SendOutcome::GivenUp,
            WebhookVerdict::Failed { .. } if is_given_up => SendOutcome::GivenUp,
            WebhookVerdict::Failed { .. } => SendOutcome::Failed,
        }));
        match &result.verdict {
            WebhookVerdict::Delivered => tracing::info!(job_id = %job.id, host, status, attempts, "webhook delivered"),
            WebhookVerdict::Gone => {
                tracing::warn!(job_id = %job.id, host, status, "webhook given up: the receiver answered 410");
            }
            WebhookVerdict::Failed { error, .. } if is_given_up => {
                tracing::warn!(job_id = %job.id, host, status, failures, error, "webhook given up: every send failed");
            }
            WebhookVerdict::Failed { error, .. } => {
                tracing::info!(job_id = %job.id, host, status, failures, error, "webhook failed; sent again later");
            }
        }
    }
}

fn webhook_of<'a>(job: &'a Job, id: &ReportId) -> Option<&'a WebhookDelivery> {
    job.reports.iter().find(|report| report.id == *id)?.as_webhook()
}

/// The owner's secrets were removed, or an older release accepted the job.
fn no_secret() -> WebhookResult {
    let error =
        "the owner has no webhook secret; the operator makes one with `cutline owners set NAME --rotate-secret`";
    WebhookResult { status: None, verdict: WebhookVerdict::Failed { error: error.to_owned(), retry_after: None } }
}
