//! Webhooks of a deployment. Its functions send to public addresses only, so no receiver here gets one: the attempts are
//! looked at instead.

use anyhow::{Context, Result, ensure};
use cutline_core::domain::job::WebhookAttempt;
use cutline_core::domain::keys::Owner;
use cutline_core::domain::webhook_secret::{WebhookSecret, WebhookSecrets};
use cutline_core::ports::{Jobs as _, Keys as _, OwnerWebhooks as _};
use jiff::Timestamp;

use crate::checks::{record, uploaded};
use crate::clock;
use crate::world::World;

/// The attempt to send the webhook of a job whose owner has this URL.
async fn attempt(world: &World, url: &str) -> Result<WebhookAttempt> {
    let owner = "shop".parse()?;
    let stored = world.table.webhook_secrets(&owner).await?;
    if stored == WebhookSecrets::default() {
        let secret = WebhookSecret::generate().map_err(|error| anyhow::anyhow!("{error}"))?;
        world.table.put_webhook_secrets(&owner, &stored.rotated(secret, Timestamp::now())).await?;
    }
    world.table.set_webhook_url(&owner, Some(&url.to_owned().try_into()?)).await?;
    let job = uploaded(world).await?;
    world.table.set_webhook_url(&owner, None).await?;
    let message = world.jobs.receive_one().await?;
    world.jobs.deliver(&[message], &world.process).await?;
    ensure!(record(world, &job).await?.has_ended(), "the job is pending");
    let report = world.reports.receive_one().await.context("the worker sent no message about the report")?;
    let reported = world.reports.deliver(&[report], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let job = clock::job(&world.table, &job).await?;
    let (report, webhook) = job.webhook().context("the job has no webhook")?;
    ensure!(report.is_pending() && webhook.failures == 1, "{webhook:?}");
    // Nothing of it may be left for other scenarios.
    world.table.replace(&job.clone().delete(Timestamp::now(), &Default::default())?).await?;
    webhook.last.clone().context("no attempt")
}

pub(crate) async fn the_sweep_sends_webhooks_to_public_addresses_only(world: &World) -> Result<()> {
    let private = attempt(world, "https://169.254.169.254/hook").await?;
    let error = private.error.context("no error")?;
    ensure!(error.contains("not on the public internet"), "{error}");
    let unknown = attempt(world, "https://receiver.invalid/hook").await?;
    let error = unknown.error.context("no error")?;
    ensure!(error.contains("could not be found"), "{error}");
    let owner: Owner = world.table.owner(&"shop".parse()?).await?;
    ensure!(owner.webhook_secret_at.is_some() && owner.webhook_url.is_none(), "{owner:?}");
    Ok(())
}
