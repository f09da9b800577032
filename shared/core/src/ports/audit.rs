//! The audit log.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::audit::{AuditEntry, AuditId};
use crate::domain::ids::{JobId, OwnerId};

/// The entries of the audit log, by owner.
///
/// [`Jobs::replace`](super::Jobs::replace) stores the entry of a transition
/// ([`Effect::Audit`](crate::domain::job::Effect::Audit)) together with the transition. The store forgets an entry after
/// [`AUDIT_DAYS`](crate::domain::audit::AUDIT_DAYS) days.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Stores an entry, durably. Storing an id again changes nothing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError>;

    /// Up to `limit` entries of an owner, newest first; with `before`, those with a lower id.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn list(&self, owner: &OwnerId, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, PortError>;

    /// Up to `limit` entries about a job, newest first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn of_job(&self, job: JobId, limit: usize) -> Result<Vec<AuditEntry>, PortError>;
}
