//! The webhook settings of an owner.

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use cutline_core::domain::audit::{Actor, AuditEvent, WebhookSettingChange};
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::domain::webhook_secret::{WebhookSecret, WebhookSecrets};
use cutline_core::ports::{Audit, OwnerWebhooks};
use cutline_core::usecases::{Env, WebhookSettings};
use cutline_core::{Clock as _, OwnerId, Policy, SystemClock};
use cutline_http::{WebhookReach, read_webhook_url};
use jiff::Timestamp;
use serde::Serialize;

use crate::audit::note;
use crate::output::print;

/// Options of `owners set` about webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct WebhookArgs {
    /// Where the events of jobs without a `webhook_url` of their own are sent: an https URL. The first URL comes with a
    /// secret, which is printed once.
    #[arg(long, value_name = "URL|none")]
    webhook_url: Option<String>,

    /// Make a new secret that signs webhooks, and print it once. The previous secret signs too for 24 hours, so receivers
    /// have that time to change.
    #[arg(long)]
    rotate_secret: bool,

    /// Allow a URL on this machine or a private network, and http. Only for tests of a server with the same option.
    #[arg(long, env = "CUTLINE_ALLOW_PRIVATE_SOURCES", hide_env_values = true, hide = true,
          value_parser = clap::builder::BoolishValueParser::new())]
    allow_private_sources: bool,
}

/// A valid change of an owner's webhook settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebhookChange {
    /// The new URL, or its removal.
    url: Option<Option<WebhookUrl>>,
    rotate_secret: bool,
}

impl WebhookArgs {
    /// The change; `None` if nothing about webhooks is to be set.
    pub(super) fn change(&self) -> anyhow::Result<Option<WebhookChange>> {
        let reach = WebhookReach::allowing_private(self.allow_private_sources);
        let url = match self.webhook_url.as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(text) => Some(Some(read_webhook_url(text, reach).context("invalid --webhook-url")?)),
        };
        let change = WebhookChange { url, rotate_secret: self.rotate_secret };
        Ok(Some(change).filter(|change| change.url.is_some() || change.rotate_secret))
    }
}

/// Changes the settings of an existing owner, and notes in the audit log what was changed, even if a later step fails. A
/// new secret is the only output.
pub(super) async fn set(
    store: Arc<dyn OwnerWebhooks>,
    audit: Arc<dyn Audit>,
    owner: &OwnerId,
    change: &WebhookChange,
) -> anyhow::Result<()> {
    let settings = WebhookSettings { store, env: Env::system(Policy::default()) };
    let mut made = Vec::new();
    let done = make(&settings, owner, change, &mut made).await;
    if made.is_empty() {
        return done;
    }
    let noted = note(audit, owner, Actor::CommandLine, AuditEvent::webhooks_changed(&made)).await;
    done.and(noted)
}

/// Makes the change. Adds what was changed to `made`.
async fn make(
    settings: &WebhookSettings,
    owner: &OwnerId,
    change: &WebhookChange,
    made: &mut Vec<WebhookSettingChange>,
) -> anyhow::Result<()> {
    let has_secret = !settings.secrets(owner).await.context("cannot read the secrets")?.secrets.is_empty();
    // Printed before the next step, whose fault would lose a secret that signs already.
    if change.rotate_secret || (matches!(change.url, Some(Some(_))) && !has_secret) {
        let secret = settings.rotate(owner).await.context("cannot make a secret")?;
        made.push(match has_secret {
            true => WebhookSettingChange::SecretRotated,
            false => WebhookSettingChange::SecretCreated,
        });
        show(owner, &secret)?;
    }
    if let Some(url) = &change.url {
        let secret = settings.set_url(owner, url.as_ref()).await.context("cannot set the webhook URL")?;
        made.push(url.clone().map_or(WebhookSettingChange::UrlRemoved, WebhookSettingChange::UrlSet));
        if let Some(secret) = secret {
            made.push(WebhookSettingChange::SecretCreated);
            show(owner, &secret)?;
        }
    }
    Ok(())
}

fn show(owner: &OwnerId, secret: &WebhookSecret) -> anyhow::Result<()> {
    eprintln!("The secret that signs the webhooks of {owner}. It is not shown again; receivers need it:");
    print(&format!("{}\n", secret.reveal()))
}

/// The secrets as `owners show` lists them: when they were made, and nothing of the secrets themselves.
#[derive(Debug, Serialize)]
pub(super) struct ShownSecret {
    created_at: Timestamp,
    /// When it stops signing.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// The active secrets, the newest first.
pub(super) fn shown(secrets: &WebhookSecrets) -> Vec<ShownSecret> {
    let shown = secrets.active(SystemClock.now());
    shown.map(|dated| ShownSecret { created_at: dated.created_at, expires_at: dated.expires_at }).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use cutline_core::ports::{PortError, WriteError};
    use cutline_core::testing::MemoryStore;
    use serde_json::{Value, json};

    use super::*;

    fn owner() -> OwnerId {
        "shop-1".parse().expect("an owner")
    }

    /// The details of all entries about the owner's settings, the oldest first.
    async fn noted(store: &MemoryStore) -> Vec<Value> {
        let mut entries = Audit::list(store, &owner(), None, 100).await.expect("list");
        entries.reverse();
        let is_change = |action: &str, actor: &Actor| action == "owner.changed" && *actor == Actor::CommandLine;
        assert!(entries.iter().all(|entry| is_change(entry.action.as_str(), &entry.actor)), "{entries:?}");
        entries.into_iter().map(|entry| json!(entry.detail)).collect()
    }

    fn change(
        url: Option<&str>,
        rotate_secret: bool,
        allow_private_sources: bool,
    ) -> anyhow::Result<Option<WebhookChange>> {
        WebhookArgs { webhook_url: url.map(str::to_owned), rotate_secret, allow_private_sources }.change()
    }

    #[test]
    fn a_url_is_checked_like_that_of_a_request() {
        assert!(change(None, false, false).expect("valid").is_none());
        assert!(change(None, true, false).expect("valid").is_some());
        let removed = change(Some("none"), false, false).expect("valid").expect("a change");
        assert_eq!(removed.url, Some(None));
        assert!(change(Some("https://example.com/hook"), false, false).expect("valid").is_some());
        for bad in ["http://example.com/", "https://127.0.0.1/", "https://a:b@example.com/", "example.com"] {
            let error = format!("{:#}", change(Some(bad), false, false).expect_err(bad));
            assert!(error.contains("--webhook-url") && error.contains("must"), "{error}");
        }
        assert!(change(Some("http://127.0.0.1:9/"), false, true).is_ok(), "for tests");
    }

    #[tokio::test]
    async fn every_change_is_noted_without_secrets() {
        let store = Arc::new(MemoryStore::new());
        let steps = [
            (Some("https://hooks.example.com/path?token=1"), false),
            (None, true),
            (Some("none"), false),
            (Some("https://other.example.com/"), true),
        ];
        for (url, rotate_secret) in steps {
            let change = change(url, rotate_secret, false).expect("valid").expect("a change");
            set(store.clone(), store.clone(), &owner(), &change).await.expect("set");
        }
        let expected = [
            json!({"webhook_secret": "created", "webhook_url": "hooks.example.com"}),
            json!({"webhook_secret": "rotated"}),
            json!({"webhook_url": "none"}),
            json!({"webhook_secret": "rotated", "webhook_url": "other.example.com"}),
        ];
        assert_eq!(noted(&store).await, expected);
    }

    /// A store that takes no URL.
    struct WithoutUrls(Arc<MemoryStore>);

    #[async_trait]
    impl OwnerWebhooks for WithoutUrls {
        async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
            self.0.webhook_secrets(owner).await
        }
        async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError> {
            self.0.put_webhook_secrets(owner, secrets).await
        }
        async fn set_webhook_url(&self, _: &OwnerId, _: Option<&WebhookUrl>) -> Result<(), PortError> {
            Err(PortError::retry("no URL"))
        }
    }

    #[tokio::test]
    async fn a_secret_is_noted_although_the_url_fails() {
        let store = Arc::new(MemoryStore::new());
        let change = change(Some("https://hooks.example.com/"), false, false).expect("valid").expect("a change");
        let failed = set(Arc::new(WithoutUrls(store.clone())), store.clone(), &owner(), &change).await;
        assert!(format!("{:#}", failed.expect_err("no URL")).contains("cannot set the webhook URL"));
        assert_eq!(noted(&store).await, [json!({"webhook_secret": "created"})]);
    }
}
