//! Waiting for the end of a job, for callers that prefer that to asking again.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::PortError;
use cutline_core::usecases::{JobView, Status};
use cutline_core::{JobId, OwnerId};
use tokio::sync::{Semaphore, watch};

/// How requests may wait for the end of their job. Clones share the number of waiting requests.
#[derive(Debug, Clone)]
pub struct Waiting {
    longest: Duration,
    /// One for each request that may wait at the same time.
    places: Arc<Semaphore>,
    /// Becomes true when the process stops.
    stopping: Option<watch::Receiver<bool>>,
}

impl Waiting {
    /// At most `requests` requests wait at the same time, each for `longest` at most, and none once `stopping` is true.
    /// Others are answered at once.
    pub fn new(longest: Duration, requests: usize, stopping: Option<watch::Receiver<bool>>) -> Self {
        Self { longest, places: Arc::new(Semaphore::new(requests)), stopping }
    }

    /// The wait that a caller gets who prefers this one.
    pub(crate) fn granted(&self, preferred: Duration) -> Duration {
        preferred.min(self.longest)
    }

    /// The job once it has ended, or as it is after this time, or when the process stops.
    pub(crate) async fn for_end(
        &self,
        status: &Status,
        owner: &OwnerId,
        id: JobId,
        limit: Duration,
    ) -> Result<Option<JobView>, PortError> {
        let Ok(_place) = self.places.try_acquire() else { return status.run(owner, id).await };
        tokio::select! {
            view = status.wait(owner, id, limit) => view,
            () = self.stopped() => status.run(owner, id).await,
        }
    }

    async fn stopped(&self) {
        match &self.stopping {
            // An error means that the process is ending.
            Some(stopping) => drop(stopping.clone().wait_for(|stopping| *stopping).await),
            None => std::future::pending().await,
        }
    }
}
