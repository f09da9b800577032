//! Deleting a job for its owner.

use std::sync::Arc;

use super::audit_log;
use super::env::Env;
use super::persist;
use crate::domain::audit::{Actor, AuditEvent};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::Effect;
use crate::ports::{Jobs, PortError, WriteError};

/// How often a deletion that conflicts with a worker's write is tried. A worker writes a job some times a minute.
const TRIES: usize = 10;

/// The use case. It turns the record into a tombstone, together with an entry of the audit log; the sweep deletes the
/// files.
#[derive(Clone)]
pub struct Delete {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Who deletes, for the audit log.
    pub actor: Actor,
    /// Time, identifiers and rules.
    pub env: Env,
}

impl Delete {
    /// Deletes the job. A pending one is cancelled and gets its credit back, unless it is held for review: its pictures were
    /// made. Returns false if this owner has no such job.
    ///
    /// # Errors
    /// [`PortError`] if the deletion has to be tried again.
    pub async fn run(&self, owner: &OwnerId, id: JobId) -> Result<bool, PortError> {
        for _ in 0..TRIES {
            let now = self.env.clock.now();
            let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, now));
            let Some(job) = job else { return Ok(false) };
            let event = AuditEvent::job_deleted(id, job.state.name());
            let Ok(mut deleted) = job.delete(now, &self.env.policy) else { return Ok(false) };
            let entry = audit_log::entry(&self.env, owner, self.actor.clone(), event);
            deleted.effects.push(Effect::Audit(Box::new(entry)));
            match persist::end_or_replace(&self.env, self.jobs.as_ref(), &deleted).await {
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
