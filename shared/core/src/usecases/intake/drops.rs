//! Taking in dropped files that a message announces.

use super::drop_wait::{BULK, MAX_BULK_JOBS};
use super::worker::Intake;
use crate::domain::time::between;
use crate::domain::work_request::DropNotice;
use crate::ports::PortError;
use crate::usecases::drops::IngestOutcome;
use crate::usecases::work::Disposition;

impl Intake {
    /// Takes in each of the files. If one has to be retried or waits for its cut, the whole message is delivered again;
    /// by then, the others are known.
    pub(super) async fn take_drops(&self, notice: &DropNotice) -> Disposition {
        let Some(drops) = &self.ports.drops else {
            tracing::error!("message about dropped files, but this worker accepts no drops");
            return Disposition::Defer(self.env.policy.defer);
        };
        match self.is_bulk_full(notice).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(files = notice.objects.len(), "dropped files wait: the bulk lane is full");
                return Disposition::Defer(self.drop_wait.get(self.ports.queue.as_ref(), self.env.clock.now()).await);
            }
            Err(error) => {
                tracing::error!(%error, "length of the bulk lane unknown");
                return Disposition::Defer(self.env.policy.defer);
            }
        }
        let mut disposition = Disposition::Acknowledge;
        for object in &notice.objects {
            match drops.take(object).await {
                Ok(IngestOutcome::Waiting) => {
                    tracing::debug!(path = %object.origin.path, "retouched file waits");
                    disposition = Disposition::Defer(self.env.policy.defer);
                }
                Ok(outcome) => tracing::info!(path = %object.origin.path, ?outcome, "drop handled"),
                Err(error) => {
                    tracing::error!(path = %object.origin.path, %error, "drop ingest failed");
                    disposition = Disposition::Defer(self.env.policy.defer);
                }
            }
        }
        disposition
    }

    /// Whether the files have to wait. Retouched ones do not, since their jobs are live. A file that has waited for
    /// [`Policy::max_drop_wait`](crate::Policy::max_drop_wait) is taken in whatever the length: the message is its only
    /// trace, and no queue keeps it for ever.
    async fn is_bulk_full(&self, notice: &DropNotice) -> Result<bool, PortError> {
        let has_photos = notice.objects.iter().any(|object| !object.origin.path.is_retouched());
        if !has_photos || between(notice.at, self.env.clock.now()) >= self.env.policy.max_drop_wait {
            return Ok(false);
        }
        Ok(self.ports.queue.length(BULK).await? >= MAX_BULK_JOBS)
    }
}
