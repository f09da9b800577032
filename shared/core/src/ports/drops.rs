//! The store that maps each drop to its job.

use async_trait::async_trait;

use super::{CreateError, PortError};
use crate::domain::drops::DropId;
use crate::domain::ids::JobId;
use crate::domain::job::Job;

/// Which drops became which jobs.
#[async_trait]
pub trait Drops: Send + Sync {
    /// The job that a drop became, as far as that is still known: for 35 days at least. A message lives for 14, and may be sent anew
    /// until it is four days old.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, id: &DropId) -> Result<Option<JobId>, PortError>;

    /// [`Jobs::create`], and that the drop became this job, in one transaction.
    ///
    /// # Errors
    /// As for [`Jobs::create`]; [`CreateError::Exists`] also if the drop is known. In both cases nothing was changed.
    async fn create(&self, job: &Job, id: &DropId) -> Result<(), CreateError>;
}
