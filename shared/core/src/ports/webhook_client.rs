//! Sending a webhook.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::links::Link;
use crate::domain::asset::AssetKind;
use crate::domain::job::{Job, ReportId, WebhookResult};
use crate::domain::variation::Variation;
use crate::domain::webhook::{WebhookEvent, WebhookUrl};
use crate::domain::webhook_secret::WebhookSecret;

/// A webhook to send: its data is the job's status, with links that work now.
#[derive(Debug, Clone)]
pub struct OutgoingWebhook {
    /// Its id, the same at every send.
    pub id: ReportId,
    /// The receiver.
    pub url: WebhookUrl,
    /// The event.
    pub event: WebhookEvent,
    /// The job, which has ended or is held for review.
    pub job: Job,
    /// A link to each picture; empty if the job has failed.
    pub links: BTreeMap<Variation, Link>,
    /// A link to each asset; empty if the job has failed.
    pub assets: BTreeMap<AssetKind, Link>,
    /// The secrets that sign it, at least one.
    pub secrets: Vec<WebhookSecret>,
    /// The time of this send.
    pub sent_at: Timestamp,
}

/// Sends webhooks.
#[async_trait]
pub trait WebhookClient: Send + Sync {
    /// Sends a webhook once, without following redirects, and to public addresses only. Waits for the answer's headers
    /// for 15 seconds at most, and then for its body for a second. Whatever goes wrong is a failed send.
    async fn send(&self, webhook: OutgoingWebhook) -> WebhookResult;
}
