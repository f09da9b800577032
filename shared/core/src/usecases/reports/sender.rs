//! The use case's ports, and handling a message.

use std::sync::Arc;
use std::time::Duration;

use super::receivers::Receivers;
use crate::domain::job::{Job, Report, ReportKind};
use crate::domain::report_message::ReportMessage;
use crate::ports::{Jobs, Links, OwnerWebhooks, PortError, ReportQueue, WebhookClient};
use crate::usecases::drops::DropIngest;
use crate::usecases::env::Env;
use crate::usecases::work::Disposition;

/// How long a manifest waits for others that are being written.
const MANIFEST_WAIT: Duration = Duration::from_secs(2);

/// Delivers reports. May be interrupted at any point, and run several times for the same message.
#[derive(Clone)]
pub struct ReportSender {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// The secrets that sign webhooks.
    pub webhooks: Arc<dyn OwnerWebhooks>,
    /// Signs links to results.
    pub links: Arc<dyn Links>,
    /// Sends webhooks.
    pub client: Arc<dyn WebhookClient>,
    /// Where messages about reports go.
    pub reports: Arc<dyn ReportQueue>,
    /// Delivers manifests; `None` where no files can be dropped.
    pub drops: Option<DropIngest>,
    /// The receivers, shared by all senders of the process.
    pub receivers: Receivers,
    /// Time, identifiers and rules.
    pub env: Env,
}

impl ReportSender {
    /// Handles one delivery of a message to the end.
    pub async fn handle(&self, body: &str) -> Disposition {
        let message = match ReportMessage::parse(body) {
            Ok(message) => message,
            Err(error) => {
                // Nothing is lost: the records say which reports are owed.
                tracing::error!(%error, "unreadable message about a report deleted");
                return Disposition::Acknowledge;
            }
        };
        match self.deliver(&message).await {
            Ok(disposition) => disposition,
            Err(error) => {
                tracing::error!(job_id = %message.job_id, report = %message.report_id, %error, "report could not be delivered");
                Disposition::Defer(self.env.policy.defer)
            }
        }
    }

    async fn deliver(&self, message: &ReportMessage) -> Result<Disposition, PortError> {
        let Some(job) = self.jobs.get(message.job_id).await? else { return Ok(Disposition::Acknowledge) };
        if job.is_expired(self.env.clock.now()) {
            return Ok(Disposition::Acknowledge);
        }
        let Some(report) = job.owed_reports().find(|report| report.id == message.report_id).cloned() else {
            return Ok(Disposition::Acknowledge);
        };
        match report.kind {
            ReportKind::Manifest => match self.receivers.manifest() {
                Some(_permit) => self.deliver_manifest(&job, &report).await,
                None => return Ok(Disposition::Defer(MANIFEST_WAIT)),
            },
            ReportKind::Webhook(_) => return self.deliver_webhook(job, &report.id).await,
            // A newer release delivers it. The sweep sends messages about it until then.
            ReportKind::Unsupported(_) => {}
        }
        Ok(Disposition::Acknowledge)
    }

    /// Writes a drop's results and its manifest. After a failure the sweep sends the message again, at growing intervals.
    async fn deliver_manifest(&self, job: &Job, report: &Report) {
        let (Some(origin), Some(drops)) = (job.owed_manifest(), &self.drops) else { return };
        if let Err(error) = drops.report(job).await {
            // Logged once for each job; the sweep logs the end of the attempts.
            if report.retries == 0 {
                tracing::warn!(job_id = %job.id, path = %origin.path, %error, "results of a drop could not be written; retrying later");
            } else {
                tracing::debug!(job_id = %job.id, path = %origin.path, %error, "results of a drop could not be written again");
            }
        }
    }
}
