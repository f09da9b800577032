//! Functions of Lambda and their triggers, by the documented rules.
//!
//! - A function's process handles one event at a time and stays warm for a while. A new one has to start first.
//! - An invocation ends at the function's timeout, at the latest: then its process is killed.
//! - The trigger of a queue begins with five batches at a time and adds up to 300 a minute while messages wait. It stays under
//!   its maximum concurrency, and receives no message that it cannot hand over.
//! - Without a free place in the account, the trigger tries again until the messages' visibility timeout is over.
//! - Messages that the function reports as failed stay in the queue; the trigger deletes the others.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::network::{Network, Request};
use crate::random::Random;
use crate::sqs::{Delivered, SimQueue, Ticket};

/// How long a process without work stays. Lambda promises nothing.
const WARM: Duration = Duration::from_secs(10 * 60);
/// The batches that a trigger begins with, and how many it adds a minute.
const FIRST_BATCHES: usize = 5;
const MORE_BATCHES: usize = 300;
/// The wait of a trigger for a place in the account.
const FULL_WAIT: Duration = Duration::from_secs(1);

/// The input of an invocation.
#[derive(Clone)]
pub(crate) enum Event {
    /// Messages of one queue.
    Messages(Arc<SimQueue>, Vec<Delivered>),
    /// The schedule.
    Schedule,
}

/// The code of a function, in one process.
#[async_trait]
pub(crate) trait Code: Send + Sync {
    /// Handles an event, and returns the messages that stay in their queue. The process is killed at `deadline`.
    async fn run(&self, event: Event, deadline: Instant) -> Vec<Ticket>;
}

/// A function's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionRules {
    pub(crate) name: &'static str,
    pub(crate) timeout: Duration,
    /// How long a new process takes to start.
    pub(crate) start: Duration,
    /// About how long an event takes. Kills happen within this time.
    pub(crate) usual: Duration,
    /// The share of invocations that are killed.
    pub(crate) kills: f64,
}

/// Counts of a function's invocations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionCounts {
    pub(crate) invocations: u64,
    pub(crate) cold: u64,
    pub(crate) killed: u64,
    /// Of those, at the function's timeout.
    pub(crate) timed_out: u64,
    pub(crate) throttled: u64,
    /// The time of all invocations.
    pub(crate) busy: Duration,
}

#[derive(Debug, Default)]
struct Counters {
    invocations: AtomicU64,
    cold: AtomicU64,
    killed: AtomicU64,
    timed_out: AtomicU64,
    throttled: AtomicU64,
    busy_ms: AtomicU64,
}

/// A function.
pub(crate) struct Function {
    pub(crate) rules: FunctionRules,
    new_process: Box<dyn Fn() -> Arc<dyn Code> + Send + Sync>,
    idle: Mutex<Vec<(Instant, Arc<dyn Code>)>>,
    /// The account's concurrency.
    account: Arc<Semaphore>,
    random: Arc<Random>,
    counters: Counters,
}

impl Function {
    pub(crate) fn new(
        rules: FunctionRules,
        account: &Arc<Semaphore>,
        random: &Arc<Random>,
        new_process: impl Fn() -> Arc<dyn Code> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (account, random) = (Arc::clone(account), Arc::clone(random));
        let (idle, counters) = (Mutex::default(), Counters::default());
        Arc::new(Self { rules, new_process: Box::new(new_process), idle, account, random, counters })
    }

    /// Invokes the function. `None` if its process was killed, or if the account had no place for it until `until`.
    pub(crate) async fn invoke(&self, event: Event, until: Instant) -> Option<Vec<Ticket>> {
        let _place = loop {
            match self.account.try_acquire() {
                Ok(place) => break place,
                Err(_) => add(&self.counters.throttled, 1),
            }
            sleep(FULL_WAIT).await;
            if Instant::now() >= until {
                return None;
            }
        };
        add(&self.counters.invocations, 1);
        let process = self.process().await;
        let begun = Instant::now();
        let deadline = begun + self.rules.timeout;
        let killed_at = if self.random.chance(self.rules.kills) {
            (begun + self.random.below(self.rules.usual)).min(deadline)
        } else {
            deadline
        };
        let ended = timeout_at(killed_at, process.run(event, deadline)).await;
        add(&self.counters.busy_ms, u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        match ended {
            Ok(kept) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), process));
                Some(kept)
            }
            Err(_) => {
                add(&self.counters.killed, 1);
                add(&self.counters.timed_out, u64::from(killed_at == deadline));
                None
            }
        }
    }

    /// A warm process, or a new one.
    async fn process(&self) -> Arc<dyn Code> {
        let warm = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            idle.retain(|(since, _)| *since + WARM > now);
            idle.pop()
        };
        match warm {
            Some((_, process)) => process,
            None => {
                add(&self.counters.cold, 1);
                sleep(self.random.log_normal(self.rules.start, 0.2)).await;
                (self.new_process)()
            }
        }
    }

    pub(crate) fn counts(&self) -> FunctionCounts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { invocations, cold, killed, timed_out, throttled, busy_ms } = &self.counters;
        FunctionCounts {
            invocations: value(invocations),
            cold: value(cold),
            killed: value(killed),
            timed_out: value(timed_out),
            throttled: value(throttled),
            busy: Duration::from_millis(value(busy_ms)),
        }
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

/// The trigger of a queue.
pub(crate) struct Trigger {
    pub(crate) queue: Arc<SimQueue>,
    pub(crate) function: Arc<Function>,
    pub(crate) batch_size: usize,
    pub(crate) max_concurrency: NonZeroU32,
    pub(crate) visibility: Duration,
    pub(crate) network: Arc<Network>,
}

impl Trigger {
    /// Runs until the simulation ends.
    pub(crate) async fn run(self: Arc<Self>) {
        let most = self.max_concurrency.get() as usize;
        let slots = Arc::new(Semaphore::new(FIRST_BATCHES.min(most)));
        tokio::spawn(Self::scale(Arc::clone(&self.queue), Arc::clone(&slots), most));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let messages = self.queue.receive(self.batch_size).await;
            let trigger = Arc::clone(&self);
            tokio::spawn(async move {
                trigger.hand_over(messages).await;
                drop(slot);
            });
        }
    }

    async fn hand_over(&self, messages: Vec<Delivered>) {
        self.network.travel(Request::Message).await;
        let event = Event::Messages(Arc::clone(&self.queue), messages.clone());
        let Some(kept) = self.function.invoke(event, Instant::now() + self.visibility).await else { return };
        self.network.travel(Request::Message).await;
        for message in messages.iter().filter(|message| !kept.contains(&message.ticket)) {
            self.queue.delete(message.ticket);
        }
    }

    /// Adds batches every minute while messages wait, and goes back to the first ones when none does.
    async fn scale(queue: Arc<SimQueue>, slots: Arc<Semaphore>, most: usize) {
        let first = FIRST_BATCHES.min(most);
        let mut now = first;
        loop {
            sleep(Duration::from_secs(60)).await;
            if queue.has_backlog() {
                let more = MORE_BATCHES.min(most - now);
                slots.add_permits(more);
                now += more;
            } else {
                now -= slots.forget_permits(now - first);
            }
        }
    }
}
