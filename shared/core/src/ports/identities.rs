//! The store of external identities.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::{CreateError, PortError};
use crate::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use crate::domain::job::Job;

/// Which external identities became which jobs. See [`crate::domain::identity`].
#[async_trait]
pub trait Identities: Send + Sync {
    /// The job that an identity became. Sees every identity that was stored before. `None` if it was never stored, or
    /// has expired at `now`, whether or not the store still holds it.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError>;

    /// [`Jobs::create`](super::Jobs::create), and stores that the identity became this job, in one transaction. An
    /// identity that has expired at `job.created_at` is overwritten.
    ///
    /// # Errors
    /// As for [`Jobs::create`](super::Jobs::create); also [`CreateError::Exists`] if the identity is stored and has
    /// not expired, even if the owner's credits are spent. Nothing was changed then.
    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError>;
}
