//! The audit log of an owner.

use std::sync::Arc;

use super::env::Env;
use crate::domain::audit::{Actor, AuditEntry, AuditEvent, AuditId};
use crate::domain::ids::{JobId, OwnerId};
use crate::ports::{Audit, PortError};

/// The most entries of a job that an answer shows.
const MAX_OF_JOB: usize = 100;

/// The use case.
#[derive(Clone)]
pub struct AuditLog {
    /// The entries.
    pub audit: Arc<dyn Audit>,
    /// Time, identifiers and rules.
    pub env: Env,
}

impl AuditLog {
    /// Notes an event that has just happened.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn note(&self, owner: &OwnerId, actor: Actor, event: AuditEvent) -> Result<(), PortError> {
        self.audit.append(&entry(&self.env, owner, actor, event)).await
    }

    /// Up to `limit` entries of an owner, newest first; with `before`, those before that one.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn page(
        &self,
        owner: &OwnerId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, PortError> {
        self.audit.list(owner, before, limit).await
    }

    /// The latest entries about a job of this owner, newest first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn of_job(&self, owner: &OwnerId, job: JobId) -> Result<Vec<AuditEntry>, PortError> {
        let mut entries = self.audit.of_job(job, MAX_OF_JOB).await?;
        entries.retain(|entry| entry.owner == *owner);
        Ok(entries)
    }
}

/// The entry of an event that happens now.
pub(super) fn entry(env: &Env, owner: &OwnerId, actor: Actor, event: AuditEvent) -> AuditEntry {
    AuditEntry::new(env.ids.audit(), env.clock.now(), owner.clone(), actor, event)
}
