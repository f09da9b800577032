//! How many bytes an owner's files have.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::ids::OwnerId;

/// Counts the bytes of owners' files.
///
/// A backend provides this only if it deletes records together with their files, and soon after they expire: DynamoDB
/// deletes records up to days late, and S3 deletes files on its own schedule.
#[async_trait]
pub trait StorageUsage: Send + Sync {
    /// The sum of [`Job::stored_bytes`](crate::domain::job::Job::stored_bytes) over the owner's stored jobs. An expired
    /// job counts until its record is deleted, since its files are deleted just before. Sees every acknowledged change.
    /// A backend that stores direct uploads on the same disk adds their bytes, until a job is accepted with them: then
    /// they are the job's. 0 for an owner without jobs. Takes the same time for any number of jobs.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn stored_bytes(&self, owner: &OwnerId) -> Result<u64, PortError>;
}
