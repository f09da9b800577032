//! The fetchers: they store what jobs need from elsewhere. Fetching waits for other hosts and needs no processor, so many
//! fetch at the same time.
//!
//! The queue gives one owner only some of the places, and owners take turns. So slow hosts of one owner never hold all
//! places, and another owner's photo is fetched at once.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, Delivery};
use cutline_core::usecases::Intake;
use cutline_local::ClockKeeper;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::delivery::DeliveryHandler;
use crate::stop::StopSignal;

/// Photos fetched at the same time. How much memory they take together is limited by the fetcher.
const PLACES: usize = 32;
/// The longest wait for a message. The queue wakes its receivers before.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after an error of the queue; it doubles with each further error.
const ERROR_PAUSE: Duration = Duration::from_secs(2);
/// The longest of these pauses.
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(60);

/// All fetchers of a server.
pub(crate) struct Fetchers {
    handler: DeliveryHandler,
    intake: Intake,
}

impl Fetchers {
    pub(crate) fn new(
        queue: Arc<dyn Deliveries>,
        intake: Intake,
        clock: Option<Arc<ClockKeeper>>,
        stop_grace: Duration,
    ) -> Self {
        let defer = intake.env.policy.defer;
        Self { handler: DeliveryHandler { queue, clock, defer, stop_grace }, intake }
    }

    /// Fetches until the server stops. One receiver serves all places, so a message wakes one task and not all of them.
    pub(crate) async fn run(self, stop: StopSignal) {
        let places = Arc::new(Semaphore::new(PLACES));
        let mut running = JoinSet::new();
        let mut pause = ERROR_PAUSE;
        while let Some(Ok(place)) = stop.or(Arc::clone(&places).acquire_owned()).await {
            while running.try_join_next().is_some() {}
            match stop.or(self.handler.queue.receive(1, RECEIVE_TIMEOUT)).await {
                None => break,
                Some(Ok(deliveries)) => {
                    pause = ERROR_PAUSE;
                    if let Some(Delivery { receipt, request, .. }) = deliveries.into_iter().next() {
                        let (handler, intake, stop) = (self.handler.clone(), self.intake.clone(), stop.clone());
                        let work = async move { intake.handle(request).await };
                        running.spawn(async move {
                            handler.handle(&receipt, work, &stop).await;
                            drop(place);
                        });
                    }
                }
                Some(Err(error)) => {
                    tracing::error!(%error, ?pause, "cannot receive from the intake queue");
                    stop.or(sleep(pause)).await;
                    pause = (pause * 2).min(MAX_ERROR_PAUSE);
                }
            }
        }
        // Each ends by itself, after its time of grace at the latest.
        while running.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests;
