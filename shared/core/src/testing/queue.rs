//! A queue in memory, with its dead letters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::lock;
use crate::domain::job::after;
use crate::domain::message::Message;
use crate::ports::Clock;
use crate::ports::{Deliveries, Delivery, PortError, Quarantine, Queue, Receipt};

/// [`Queue`], [`Deliveries`] and [`Quarantine`] in memory. Time is the clock's, so a test with a clock set
/// by hand need not wait; `receive` does not wait either way but looks once.
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
    sent_at: Timestamp,
    visible_at: Timestamp,
    receive_count: u32,
    receipt: Option<Receipt>,
}

impl MemoryQueue {
    /// A queue whose messages go to `dead_letters` after `max_receives` deliveries, if there is such a
    /// queue, and otherwise are delivered for ever.
    pub fn new(
        clock: Arc<dyn Clock>,
        visibility: Duration,
        max_receives: u32,
        dead_letters: Option<Arc<MemoryQueue>>,
    ) -> Self {
        Self { clock, visibility, max_receives, dead_letters, state: Mutex::default() }
    }

    /// Puts a message into the queue, whatever its body.
    pub fn put(&self, body: &str, delay: Duration) {
        let now = self.clock.now();
        lock(&self.state).waiting.push_back(Waiting {
            body: body.to_owned(),
            sent_at: now,
            visible_at: after(now, delay),
            receive_count: 0,
            receipt: None,
        });
    }

    /// The bodies of all messages, hidden ones too.
    pub fn bodies(&self) -> Vec<String> {
        lock(&self.state).waiting.iter().map(|message| message.body.clone()).collect()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError> {
        self.put(&message.body(), delay.min(Duration::from_secs(900)));
        Ok(())
    }

    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.put(body, Duration::ZERO);
        Ok(())
    }

    async fn oldest_age(&self) -> Result<Option<Duration>, PortError> {
        let now = self.clock.now();
        let state = lock(&self.state);
        let oldest = state.waiting.iter().filter(|m| m.visible_at <= now).map(|m| m.sent_at).min();
        Ok(oldest.and_then(|sent_at| Duration::try_from(now.duration_since(sent_at)).ok()))
    }
}

#[async_trait]
impl Deliveries for MemoryQueue {
    async fn receive(&self, max: usize, _wait: Duration) -> Result<Vec<Delivery>, PortError> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        if let Some(dead_letters) = &self.dead_letters {
            let spent = |m: &Waiting| m.visible_at <= now && m.receive_count >= self.max_receives;
            for message in state.waiting.iter().filter(|m| spent(m)) {
                dead_letters.put(&message.body, Duration::ZERO);
            }
            state.waiting.retain(|m| !spent(m));
        }
        let State { waiting, deliveries } = &mut *state;
        let visible = waiting.iter_mut().filter(|m| m.visible_at <= now).take(max);
        Ok(visible
            .map(|message| {
                *deliveries += 1;
                let receipt = Receipt(deliveries.to_string());
                message.visible_at = after(now, self.visibility);
                message.receive_count += 1;
                message.receipt = Some(receipt.clone());
                Delivery { receipt, body: message.body.clone(), receive_count: message.receive_count }
            })
            .collect())
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        lock(&self.state).waiting.retain(|m| m.receipt.as_ref() != Some(receipt));
        Ok(())
    }

    async fn defer(&self, receipt: &Receipt, wait: Duration) -> Result<(), PortError> {
        let visible_at = after(self.clock.now(), wait.min(Duration::from_secs(12 * 60 * 60)));
        let mut state = lock(&self.state);
        if let Some(message) = state.waiting.iter_mut().find(|m| m.receipt.as_ref() == Some(receipt)) {
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
