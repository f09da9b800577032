//! The queues of jobs in memory, with dead letters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lock::lock;
use crate::domain::drops::{DropOrigin, DroppedObject};
use crate::domain::job::{JobStage, Route};
use crate::domain::message::Message;
use crate::domain::report_message::ReportMessage;
use crate::domain::time::{after, between};
use crate::domain::work_request::{DropNotice, WorkRequest};
use crate::ports::{Clock, Deliveries, Delivery, Destination, PortError, Quarantine, Queue, Receipt, ReportQueue};

/// [`Queue`], [`ReportQueue`], [`Deliveries`] and [`Quarantine`] in memory. It uses the given clock, so with a manual clock
/// a test never waits; `receive` never waits at all. Live messages go first, those of a lane in the order in which they were
/// sent.
///
/// As [`Deliveries`] it delivers the messages of both stages; [`MemoryQueue::at`] those of one.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    visibility: Duration,
    max_receives: u32,
    dead_letters: Option<Arc<MemoryQueue>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    deliveries: u64,
}

struct Waiting {
    body: String,
    route: Route,
    sent_at: Timestamp,
    visible_at: Timestamp,
    receive_count: u32,
    receipt: Option<Receipt>,
}

/// This queue's own form of a [`DropNotice`].
#[derive(Serialize, Deserialize)]
struct DropBody {
    dropped_at: Timestamp,
    objects: Vec<(DropOrigin, Option<String>)>,
}

impl MemoryQueue {
    /// A queue whose messages go to `dead_letters` after `max_receives` deliveries. Without dead letters they are
    /// delivered any number of times.
    pub fn new(
        clock: Arc<dyn Clock>,
        visibility: Duration,
        max_receives: u32,
        dead_letters: Option<Arc<MemoryQueue>>,
    ) -> Self {
        Self { clock, visibility, max_receives, dead_letters, state: Mutex::default() }
    }

    /// The messages of one stage.
    pub fn at(self: &Arc<Self>, stage: JobStage) -> MemoryStage {
        MemoryStage { queue: Arc::clone(self), stage }
    }

    /// Puts a message into the live queue of makers, whatever its body.
    pub fn put(&self, body: &str, delay: Duration) {
        self.put_to(body, Route::ALL[0], delay);
    }

    /// Puts a message into a queue, whatever its body.
    pub fn put_to(&self, body: &str, route: Route, delay: Duration) {
        let now = self.clock.now();
        lock(&self.state).waiting.push_back(Waiting {
            body: body.to_owned(),
            route,
            sent_at: now,
            visible_at: after(now, delay),
            receive_count: 0,
            receipt: None,
        });
    }

    /// The body of a message about dropped files, as this queue parses it.
    pub fn drop_body(notice: &DropNotice) -> String {
        let objects = notice.objects.iter().map(|object| (object.origin.clone(), object.etag.clone())).collect();
        let body = DropBody { dropped_at: notice.at, objects };
        serde_json::to_string(&body).unwrap_or_else(|_| unreachable!("every field serializes"))
    }

    /// Parses a body.
    pub fn parse(body: &str) -> WorkRequest {
        match serde_json::from_str::<DropBody>(body) {
            Ok(DropBody { dropped_at: at, objects }) => {
                let objects = objects.into_iter().map(|(origin, etag)| DroppedObject { origin, etag }).collect();
                WorkRequest::Drops(DropNotice { at, objects })
            }
            Err(_) => WorkRequest::parse_job(body),
        }
    }

    /// The queues of all messages, including hidden ones.
    pub fn routes(&self) -> Vec<Route> {
        lock(&self.state).waiting.iter().map(|message| message.route).collect()
    }

    /// The bodies of all messages, including hidden ones.
    pub fn bodies(&self) -> Vec<String> {
        lock(&self.state).waiting.iter().map(|message| message.body.clone()).collect()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, message: &Message, to: Destination<'_>, delay: Duration) -> Result<(), PortError> {
        self.put_to(&message.body(), to.route, delay.min(Duration::from_secs(15 * 60)));
        Ok(())
    }

    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.put_to(body, Route::DROPS, Duration::ZERO);
        Ok(())
    }

    async fn oldest_age(&self, route: Route) -> Result<Option<Duration>, PortError> {
        let now = self.clock.now();
        let state = lock(&self.state);
        let waits = |message: &&Waiting| message.route == route && message.visible_at <= now;
        let oldest = state.waiting.iter().filter(waits).map(|message| message.sent_at);
        Ok(oldest.min().map(|sent_at| between(sent_at, now)))
    }

    async fn length(&self, route: Route) -> Result<u64, PortError> {
        Ok(lock(&self.state).waiting.iter().filter(|message| message.route == route).count() as u64)
    }
}

#[async_trait]
impl ReportQueue for MemoryQueue {
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError> {
        self.put(&message.body(), delay.min(Duration::from_secs(15 * 60)));
        Ok(())
    }
}

impl MemoryQueue {
    /// Receives up to `max` visible messages of these stages.
    fn receive_of(&self, stages: &[JobStage], max: usize) -> Vec<Delivery> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        if let Some(dead_letters) = &self.dead_letters {
            let spent = |message: &Waiting| message.visible_at <= now && message.receive_count >= self.max_receives;
            for message in state.waiting.iter().filter(|message| spent(message)) {
                dead_letters.put_to(&message.body, message.route, Duration::ZERO);
            }
            state.waiting.retain(|message| !spent(message));
        }
        let State { waiting, deliveries } = &mut *state;
        let is_visible = |message: &&mut Waiting| message.visible_at <= now && stages.contains(&message.route.stage);
        let mut visible: Vec<_> = waiting.iter_mut().filter(is_visible).collect();
        visible.sort_by_key(|message| message.route.lane);
        let visible = visible.into_iter().take(max);
        visible
            .map(|message| {
                *deliveries += 1;
                let receipt = Receipt(deliveries.to_string());
                message.visible_at = after(now, self.visibility);
                message.receive_count += 1;
                message.receipt = Some(receipt.clone());
                let (body, request) = (message.body.clone(), Self::parse(&message.body));
                Delivery { receipt, body, request, receive_count: message.receive_count }
            })
            .collect()
    }
}

/// [`Deliveries`] of one stage of a [`MemoryQueue`].
pub struct MemoryStage {
    queue: Arc<MemoryQueue>,
    stage: JobStage,
}

#[async_trait]
impl Deliveries for MemoryStage {
    async fn receive(&self, max: usize, _wait: Duration) -> Result<Vec<Delivery>, PortError> {
        Ok(self.queue.receive_of(&[self.stage], max))
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.queue.delete(receipt).await
    }

    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError> {
        self.queue.defer(receipt, after).await
    }
}

#[async_trait]
impl Deliveries for MemoryQueue {
    async fn receive(&self, max: usize, _wait: Duration) -> Result<Vec<Delivery>, PortError> {
        Ok(self.receive_of(&JobStage::ALL, max))
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        lock(&self.state).waiting.retain(|message| message.receipt.as_ref() != Some(receipt));
        Ok(())
    }

    async fn defer(&self, receipt: &Receipt, wait: Duration) -> Result<(), PortError> {
        let visible_at = after(self.clock.now(), wait.min(Duration::from_secs(12 * 60 * 60)));
        let mut state = lock(&self.state);
        if let Some(message) = state.waiting.iter_mut().find(|message| message.receipt.as_ref() == Some(receipt)) {
            message.visible_at = visible_at;
        }
        Ok(())
    }
}

#[async_trait]
impl Quarantine for MemoryQueue {
    async fn park(&self, body: &str) -> Result<(), PortError> {
        self.put(body, Duration::ZERO);
        Ok(())
    }
}
