//! A standard queue of SQS, by its documented rules.
//!
//! - A delivered message is hidden for the visibility timeout, or for as long as its worker says, and then delivered again.
//!   After `max_receives` deliveries, the next one goes to the dead-letter queue, where the message keeps its age.
//! - A message is delivered at least once: a small share goes to two workers.
//! - At most 120,000 messages are in flight; deferred ones are among them. Beyond that, none is delivered.
//! - A fair queue delivers messages of quiet groups before those of noisy ones, and treats each message without a group as
//!   a group of its own (`fairness`).
//! - The length is out of date by seconds, the age of the oldest message by a minute, and the age leaves out messages that were
//!   received more than three times.
//!
//! Messages are otherwise delivered in the order in which they became visible; SQS promises less.

mod fairness;
mod gauges;
mod messages;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutline_core::domain::ids::OwnerId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::random::Random;
use gauges::Gauges;
pub(crate) use messages::{Body, Delivered, Ticket};
use messages::{Messages, Place};

/// The most messages in flight.
pub(crate) const MAX_IN_FLIGHT: usize = 120_000;
/// The longest delay of a message that is sent, and the longest deferral.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
const MAX_DEFERRAL: Duration = Duration::from_secs(12 * 60 * 60);

/// A queue's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) visibility: Duration,
    pub(crate) retention: Duration,
    pub(crate) max_receives: u32,
    pub(crate) is_fair: bool,
    /// The share of messages that are delivered to two workers.
    pub(crate) duplicates: f64,
}

/// Counts of a queue's messages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QueueCounts {
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) deferred: u64,
    pub(crate) dead: u64,
    /// Messages that nobody handled in time, and that are lost.
    pub(crate) expired: u64,
    pub(crate) longest: usize,
    /// The highest age of the oldest message.
    pub(crate) oldest: Duration,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct SimQueue {
    pub(crate) name: &'static str,
    rules: Rules,
    dead_letters: Option<Arc<SimQueue>>,
    random: Arc<Random>,
    state: Mutex<State>,
    arrival: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: Messages,
    gauges: Gauges,
    counts: QueueCounts,
}

impl State {
    fn note_length(&mut self, now: Instant) {
        self.gauges.note_length(now, self.messages.len());
    }
}

impl SimQueue {
    pub(crate) fn new(
        name: &'static str,
        rules: Rules,
        dead_letters: Option<Arc<SimQueue>>,
        random: Arc<Random>,
    ) -> Arc<Self> {
        Arc::new(Self { name, rules, dead_letters, random, state: Mutex::default(), arrival: Notify::new() })
    }

    /// Sends a message.
    pub(crate) fn send(&self, body: Body, group: Option<&OwnerId>, delay: Duration) {
        let now = Instant::now();
        self.add(body, group.cloned(), now, now + delay.min(MAX_DELAY));
    }

    fn add(&self, body: Body, group: Option<OwnerId>, sent_at: Instant, visible_at: Instant) {
        let mut state = self.lock();
        state.note_length(Instant::now());
        state.messages.add(body, group, sent_at, visible_at);
        state.counts.sent += 1;
        state.counts.longest = state.counts.longest.max(state.messages.len());
        drop(state);
        self.arrival.notify_one();
    }

    /// Waits for messages, and receives up to `max`.
    pub(crate) async fn receive(&self, max: usize) -> Vec<Delivered> {
        loop {
            let (received, next_at) = self.try_receive(max);
            if !received.is_empty() {
                return received;
            }
            let next = async {
                match next_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.arrival.notified() => {}
                () = next => {}
            }
        }
    }

    /// The messages that can be received now, and when the next one can be.
    pub(crate) fn try_receive(&self, max: usize) -> (Vec<Delivered>, Option<Instant>) {
        let now = Instant::now();
        let mut state = self.lock();
        let State { messages, counts, .. } = &mut *state;
        counts.expired += messages.expire(now, self.rules.retention);
        messages.show(now);
        let (mut received, mut dead) = (Vec::new(), Vec::new());
        while received.len() < max && messages.in_flight() < MAX_IN_FLIGHT {
            let Some(id) = messages.next(now, self.rules.is_fair) else { break };
            if self.dead_letters.is_some() && messages.receives(id) >= self.rules.max_receives {
                dead.extend(messages.remove(id));
                continue;
            }
            let is_duplicated = self.random.chance(self.rules.duplicates);
            received.push(messages.deliver(id, now, now + self.rules.visibility, is_duplicated));
            counts.delivered += 1;
        }
        counts.dead += dead.len() as u64;
        let next_at = messages.next_visible_at();
        drop(state);
        if let Some(queue) = &self.dead_letters {
            for message in dead {
                queue.add(message.body, message.group, message.sent_at, now);
            }
        }
        (received, next_at)
    }

    /// Deletes a message, unless it was delivered again.
    pub(crate) fn delete(&self, ticket: Ticket) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.messages.holds(ticket) {
            state.note_length(now);
            state.messages.note_work(ticket, now);
            state.messages.remove(ticket.id);
        }
    }

    /// Shows a message again after this time, unless it was delivered again.
    pub(crate) fn defer(&self, ticket: Ticket, wait: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.messages.holds(ticket) {
            state.messages.note_work(ticket, now);
            state.messages.hide(ticket.id, Place::InFlight { until: now + wait.min(MAX_DEFERRAL) });
            state.counts.deferred += 1;
        }
        drop(state);
        // Its new time may be earlier than the one that the receiver waits for.
        self.arrival.notify_one();
    }

    /// The number of messages, as SQS reports it.
    pub(crate) fn reported_length(&self) -> u64 {
        let mut state = self.lock();
        let length = state.messages.len();
        state.gauges.length(Instant::now(), length)
    }

    /// The age of the oldest message, as CloudWatch reports it: the highest of the last five minutes.
    pub(crate) fn reported_age(&self) -> Option<Duration> {
        self.lock().gauges.age(Instant::now())
    }

    /// To be called once a minute, for CloudWatch.
    pub(crate) fn sample(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        let age = state.messages.oldest_age(now);
        state.gauges.sample(now, age);
        state.counts.oldest = state.counts.oldest.max(age.unwrap_or_default());
    }

    pub(crate) fn counts(&self) -> QueueCounts {
        self.lock().counts
    }

    /// The age of the oldest message that counts, exactly.
    pub(crate) fn oldest_age(&self) -> Option<Duration> {
        self.lock().messages.oldest_age(Instant::now())
    }

    /// The number of messages, exactly.
    pub(crate) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Whether messages wait that could be delivered now.
    pub(crate) fn has_backlog(&self) -> bool {
        let mut state = self.lock();
        state.messages.show(Instant::now());
        state.messages.has_visible()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
