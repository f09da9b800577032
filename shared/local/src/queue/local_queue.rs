//! Sending and receiving, with workers that wait.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::Clock;
use cutline_core::domain::job::Route;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries, Delivery, Destination, PortError, Queue, Receipt};
use tokio::time::{Instant, sleep_until};

use super::messages::{self, QueueSettings, add_millis};
use super::rows::{MessagePlace, QueueName};
use super::wakeups::Wakeups;
use crate::database::Database;
use crate::error::StoreError;

/// The longest delay of a message.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// The longest deferral of a delivered message.
const MAX_DEFERRAL: Duration = Duration::from_secs(12 * 60 * 60);
/// A waiting worker looks at the clock at least this often, in case someone has set it.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// A worker looks this often at messages that are visible but not its turn, in case no wake-up comes.
const OUT_OF_TURN_SLEEP: Duration = Duration::from_secs(1);

/// [`Deliveries`] of one queue in the database, and a [`Queue`] that sends to all of them.
pub struct LocalQueue {
    pub(super) database: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: QueueSettings,
    pub(super) name: QueueName,
    pub(super) wakeups: Arc<Wakeups>,
}

impl LocalQueue {
    /// Sends any body, even one that is not a valid message.
    async fn send_body(&self, body: String, place: MessagePlace, delay: Duration) -> Result<(), PortError> {
        let now = self.now();
        let visible_at = add_millis(now, delay.min(MAX_DELAY));
        let (wakeups, name) = (Arc::clone(&self.wakeups), place.name);
        let stored = self.database.write_then(
            move |connection| messages::insert(connection, &place, &body, (now, visible_at)),
            move |_| wakeups.of(name).notify_waiters(),
        );
        Ok(stored.await?)
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// When the next message becomes or became visible. `None` if the queue is empty.
    async fn next_visible_at(&self) -> Result<Option<i64>, StoreError> {
        let name = self.name;
        self.database.read(move |connection| messages::next_visible_at(connection, name)).await
    }

    /// Receives up to `max` messages that are visible now.
    async fn receive_visible(&self, max: usize) -> Result<Vec<Delivery>, StoreError> {
        let (name, now, settings) = (self.name, self.now(), self.settings);
        let wakeups = Arc::clone(&self.wakeups);
        let received = self.database.write_then(
            move |connection| messages::receive(connection, name, now, settings, max),
            move |result| {
                if result.as_ref().is_ok_and(|batch| batch.dead_letters > 0) {
                    wakeups.of(QueueName::DeadLetters).notify_waiters();
                }
            },
        );
        Ok(received.await?.deliveries)
    }
}

#[async_trait]
impl Queue for LocalQueue {
    async fn send(&self, message: &Message, to: Destination<'_>, delay: Duration) -> Result<(), PortError> {
        let Destination { route, owner } = to;
        let place =
            MessagePlace { name: QueueName::of(route.stage), lane: route.lane, owner: owner.as_str().to_owned() };
        self.send_body(message.body(), place, delay).await
    }

    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        let Route { lane, stage } = Route::DROPS;
        let place = MessagePlace { name: QueueName::of(stage), lane, owner: String::new() };
        self.send_body(body.to_owned(), place, Duration::ZERO).await
    }

    async fn oldest_age(&self, route: Route) -> Result<Option<Duration>, PortError> {
        let now = self.now();
        let oldest = self.database.read(move |connection| messages::oldest_sent_at(connection, route, now));
        let age = |sent_at: i64| Duration::from_millis(u64::try_from(now - sent_at).unwrap_or(0));
        Ok(oldest.await?.map(age))
    }

    async fn length(&self, route: Route) -> Result<u64, PortError> {
        let length = self.database.read(move |connection| messages::length(connection, route));
        Ok(u64::try_from(length.await?).unwrap_or(0))
    }
}

#[async_trait]
impl Deliveries for LocalQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError> {
        let deadline = Instant::now() + wait;
        loop {
            // Register for the wake-up before looking, so that a message sent in between is not missed.
            let mut woken = std::pin::pin!(self.wakeups.of(self.name).notified());
            woken.as_mut().enable();
            let next = self.next_visible_at().await?;
            let now = self.now();
            if next.is_some_and(|at| at <= now) {
                let deliveries = self.receive_visible(max).await?;
                if !deliveries.is_empty() {
                    return Ok(deliveries);
                }
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            let until_next = match next {
                Some(at) if at > now => Duration::from_millis(u64::try_from(at - now).unwrap_or(0)),
                Some(_) => OUT_OF_TURN_SLEEP,
                None => MAX_SLEEP,
            };
            let look_at = Instant::now() + until_next.min(MAX_SLEEP);
            tokio::select! {
                () = woken => {}
                () = sleep_until(look_at.min(deadline)) => {}
            }
        }
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        let (name, receipt) = (self.name, receipt.clone());
        let wakeups = Arc::clone(&self.wakeups);
        let deleted = self.database.write_then(
            move |connection| messages::delete(connection, name, &receipt),
            // It may be the turn of its owner's next message.
            move |_| match name {
                QueueName::Intake => wakeups.of(name).notify_waiters(),
                QueueName::Jobs | QueueName::DeadLetters => {}
            },
        );
        Ok(deleted.await?)
    }

    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError> {
        let (name, receipt) = (self.name, receipt.clone());
        let visible_at = add_millis(self.now(), after.min(MAX_DEFERRAL));
        let wakeups = Arc::clone(&self.wakeups);
        let deferred = self.database.write_then(
            move |connection| messages::defer(connection, name, &receipt, visible_at),
            move |_| wakeups.wake_all(),
        );
        Ok(deferred.await?)
    }
}
