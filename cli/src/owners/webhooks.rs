//! The webhook settings of an owner.

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::domain::webhook_secret::{WebhookSecret, WebhookSecrets};

use cutline_core::ports::OwnerWebhooks;
use cutline_core::usecases::{Env, WebhookSettings};
use cutline_core::{Clock as _, OwnerId, Policy, SystemClock};
use cutline_http::{WebhookReach, read_webhook_url};
use jiff::Timestamp;
use serde::Serialize;

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

/// Changes the settings of an existing owner. A new secret is the only output.
pub(super) async fn set(store: Arc<dyn OwnerWebhooks>, owner: &OwnerId, change: &WebhookChange) -> anyhow::Result<()> {
    let settings = WebhookSettings { store, env: Env::system(Policy::default()) };
    let has_secret = !settings.secrets(owner).await.context("cannot read the secrets")?.secrets.is_empty();
    // Printed before the next step, whose fault would lose a secret that signs already.
    if change.rotate_secret || (matches!(change.url, Some(Some(_))) && !has_secret) {
        show(owner, &settings.rotate(owner).await.context("cannot make a secret")?)?;
    }
    if let Some(url) = &change.url
        && let Some(secret) = settings.set_url(owner, url.as_ref()).await.context("cannot set the webhook URL")?
    {
        show(owner, &secret)?;
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
    use super::*;

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
}
