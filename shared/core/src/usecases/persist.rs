//! Conditional writes whose answer was lost.
//!
//! If a write took effect but its answer was lost, the client library sends it again, and the second one conflicts
//! with the first. Every change contains something that no other writer's change contains, such as a lease or a time,
//! so reading the record back tells a repeated write from a real conflict.

use super::env::Env;
use super::job_end;
use crate::domain::job::Transition;
use crate::ports::{Jobs, WriteError};

/// [`Jobs::replace`], where a conflict with the very same record is success. For transitions that end no job for its owner;
/// [`end_or_replace`] is for the others.
pub(crate) async fn replace(jobs: &dyn Jobs, transition: &Transition) -> Result<(), WriteError> {
    debug_assert!(transition.counted().is_none(), "the end of a job is reported");
    write(jobs, transition).await
}

/// As [`replace`], for a transition that may end the job: then its end is logged and measured.
pub(crate) async fn end_or_replace(env: &Env, jobs: &dyn Jobs, transition: &Transition) -> Result<(), WriteError> {
    write(jobs, transition).await?;
    job_end::report(env, transition);
    Ok(())
}

async fn write(jobs: &dyn Jobs, transition: &Transition) -> Result<(), WriteError> {
    match jobs.replace(transition).await {
        Err(WriteError::Conflict) if jobs.get(transition.job.id).await?.as_ref() == Some(&transition.job) => Ok(()),
        result => result,
    }
}
