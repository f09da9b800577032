//! Conditional writes whose answer was lost.
//!
//! If a write took effect but its answer was lost, the client library sends it again, and the second one conflicts
//! with the first. Every change contains something that no other writer's change contains, such as a lease or a time,
//! so reading the record back tells a repeated write from a real conflict.

use crate::domain::job::Transition;
use crate::ports::{Jobs, WriteError};

/// [`Jobs::replace`], where a conflict with the very same record is success.
pub(crate) async fn replace(jobs: &dyn Jobs, transition: &Transition) -> Result<(), WriteError> {
    match jobs.replace(transition).await {
        Err(WriteError::Conflict) if jobs.get(transition.job.id).await?.as_ref() == Some(&transition.job) => Ok(()),
        result => result,
    }
}
