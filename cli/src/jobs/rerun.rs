//! Why a job is not run again, whether to repeat it or to correct its cut.

use anyhow::anyhow;
use cutline_core::JobId;
use cutline_core::usecases::RerunError;

use super::find::not_found;

/// Why the job is not run again, and what to do. `failed` says what cannot be done, in front of an error that names no
/// remedy.
pub(super) fn explain(error: RerunError, id: JobId, failed: &'static str) -> anyhow::Error {
    match error {
        RerunError::NotFound => not_found(id),
        RerunError::Pending => anyhow!("job has not ended: {id}; wait until `cutline jobs show {id}` says `done`"),
        RerunError::SourceExpired => anyhow!("photo or mask no longer stored: job {id}; upload it again"),
        error @ (RerunError::Mask(_)
        | RerunError::StorageFull(_)
        | RerunError::KeyReused
        | RerunError::Unavailable(_)) => anyhow::Error::new(error).context(failed),
    }
}
