//! Receiving from both lanes of a stage, for a server. Functions have a trigger for each queue instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::lane::Lane;
use cutline_core::ports::{Deliveries, Delivery, PortError, Receipt};
use tokio::time::Instant;

use super::lanes::SqsLanes;
use super::queue::SqsQueue;

/// How long a receive waits at one queue before it looks at the other. SQS counts in whole seconds.
const LOOK: Duration = Duration::from_secs(1);
/// Of so many receives, one asks the bulk queue first.
const BULK_EVERY: u64 = 10;

/// [`Deliveries`] of both lanes of a stage: live messages first, but every tenth receive begins with bulk.
#[derive(Debug, Clone)]
pub struct SqsLaneDeliveries {
    live: SqsQueue,
    bulk: SqsQueue,
    receives: Arc<AtomicU64>,
}

impl SqsLanes {
    /// The receiving side of a stage.
    pub fn deliveries(&self, stage: JobStage) -> SqsLaneDeliveries {
        let queue = |lane| self.queue(Route { lane, stage }).clone();
        SqsLaneDeliveries { live: queue(Lane::Live), bulk: queue(Lane::Bulk), receives: Arc::default() }
    }
}

impl SqsLaneDeliveries {
    fn queue(&self, lane: Lane) -> &SqsQueue {
        match lane {
            Lane::Live => &self.live,
            Lane::Bulk => &self.bulk,
        }
    }

    /// The queue of a receipt, and its receipt there. A receipt names its lane, as only its own queue knows it.
    fn owner_of(&self, receipt: &Receipt) -> Result<(&SqsQueue, Receipt), PortError> {
        let parts = receipt.0.split_once(' ').and_then(|(lane, rest)| Some((lane.parse().ok()?, rest)));
        let (lane, rest): (Lane, _) = parts.ok_or_else(|| PortError::fail("a receipt of another queue"))?;
        Ok((self.queue(lane), Receipt(rest.to_owned())))
    }
}

#[async_trait]
impl Deliveries for SqsLaneDeliveries {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError> {
        let deadline = Instant::now() + wait;
        let mut lanes = Lane::ALL;
        if self.receives.fetch_add(1, Ordering::Relaxed) % BULK_EVERY == BULK_EVERY - 1 {
            lanes.reverse();
        }
        loop {
            for lane in lanes {
                let rest = deadline.saturating_duration_since(Instant::now());
                let mut deliveries = self.queue(lane).receive(max, rest.min(LOOK)).await?;
                if !deliveries.is_empty() {
                    for Delivery { receipt, .. } in &mut deliveries {
                        receipt.0 = format!("{} {}", lane.as_str(), receipt.0);
                    }
                    return Ok(deliveries);
                }
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
        }
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        let (queue, receipt) = self.owner_of(receipt)?;
        queue.delete(&receipt).await
    }

    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError> {
        let (queue, receipt) = self.owner_of(receipt)?;
        queue.defer(&receipt, after).await
    }
}
