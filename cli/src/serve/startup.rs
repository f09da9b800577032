//! The first steps in a data folder: the first keys, and the jobs that the last process left.

use cutline_core::domain::audit::{Actor, AuditEvent};
use cutline_core::domain::keys::{KeyScope, Secret};
use cutline_core::ports::{Jobs as _, Keys as _, PortError, WriteError};
use cutline_core::{Clock as _, OwnerId, Policy, SystemClock};

use super::local::LocalStores;
use crate::audit::note;
use crate::keys::new_key;

/// The secrets of the first keys, which are not stored.
pub(crate) struct FirstKeys {
    /// For everything.
    pub(crate) full: Secret,
    /// For the link to the web pages, which may get around more easily than a key. So it may only do what they do.
    pub(crate) desk: Secret,
}

/// Creates the first keys if the folder has none.
pub(crate) async fn create_first_keys(stores: &LocalStores) -> anyhow::Result<Option<FirstKeys>> {
    if !stores.keys.list().await?.is_empty() {
        return Ok(None);
    }
    let full = create_key(stores, "created at the first start", KeyScope::Full).await?;
    let desk = create_key(stores, "web pages, created at the first start", KeyScope::Desk).await?;
    Ok(Some(FirstKeys { full, desk }))
}

/// Creates a key of the first owner, and returns its secret.
async fn create_key(stores: &LocalStores, label: &str, scope: KeyScope) -> anyhow::Result<Secret> {
    let owner: OwnerId = "default".parse()?;
    let (secret, record) = new_key(owner, label.to_owned(), scope)?;
    stores.keys.insert(&record).await?;
    let noted = note(stores.audit.clone(), &record.owner, Actor::System, AuditEvent::key_created(&record)).await;
    if let Err(error) = noted {
        tracing::warn!(key = record.hash.id(), ?error, "first key not noted in the audit log");
    }
    Ok(secret)
}

/// Puts the jobs that the last process was working on back into the queue, after it has brought forward what was stored
/// while the clock was ahead.
///
/// This server is the only one in the folder, so the remaining leases belong to no process. Without this step their
/// jobs would wait until the leases expire. They do so if this step fails, for example on a full disk before the purge
/// has made room.
pub(crate) async fn requeue_interrupted_jobs(stores: &LocalStores, policy: Policy) -> Result<(), PortError> {
    stores.clock.repair_at_start().await?;
    let now = SystemClock.now();
    for id in stores.jobs.running(now, policy.lease).await? {
        let Some(job) = stores.jobs.get(id).await? else { continue };
        let Ok(queued) = job.abandon(now, &policy) else { continue };
        match stores.jobs.replace(&queued).await {
            Ok(()) => tracing::info!(job_id = %id, "interrupted job requeued"),
            // Impossible without another process in the folder, and harmless.
            Err(WriteError::Conflict) => {}
            Err(WriteError::Port(error)) => return Err(error),
        }
    }
    stores.queues.release_in_flight().await.map(drop)
}
