//! Deleting a job for its owner.

use std::sync::Arc;

use super::env::Env;
use super::persist;
use crate::domain::ids::{JobId, OwnerId};
use crate::ports::{Jobs, PortError, WriteError};

/// How often a deletion that conflicts with a worker's write is tried. A worker writes a job some times a minute.
const TRIES: usize = 10;

/// The use case. It turns the record into a tombstone; the sweep deletes the files.
#[derive(Clone)]
pub struct Delete {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Time, identifiers and rules.
    pub env: Env,
}

impl Delete {
    /// Deletes the job. A pending one is cancelled and gets its credit back. Returns false if this owner has no such job.
    ///
    /// # Errors
    /// [`PortError`] if the deletion has to be tried again.
    pub async fn run(&self, owner: &OwnerId, id: JobId) -> Result<bool, PortError> {
        for _ in 0..TRIES {
            let now = self.env.clock.now();
            let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, now));
            let Some(Ok(deleted)) = job.map(|job| job.delete(now, &self.env.policy)) else { return Ok(false) };
            match persist::replace(self.jobs.as_ref(), &deleted).await {
                Ok(()) => {
                    tracing::info!(job_id = %id, "job deleted");
                    return Ok(true);
                }
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error),
            }
        }
        Err(PortError::retry("the job keeps changing"))
    }
}
