//! Conditional writes whose answer was lost.
//!
//! A write that went through and whose answer did not is sent again by the client library, and then
//! conflicts with itself. Every change carries something that no other writer's has (a lease, a version
//! over it, a time), so reading the record back tells the two cases apart.

use crate::domain::job::Job;
use crate::ports::{Jobs, WriteError};

/// [`Jobs::replace`], where a conflict with the very same record is success.
pub(crate) async fn replace(jobs: &dyn Jobs, job: &Job) -> Result<(), WriteError> {
    match jobs.replace(job).await {
        Err(WriteError::Conflict) if jobs.get(job.id).await?.as_ref() == Some(job) => Ok(()),
        result => result,
    }
}
