//! How many sends each receiver has in progress, and when the next one may begin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::time::{after, between};

/// How long a send takes that no one has measured yet.
const FIRST_PACE: Duration = Duration::from_millis(200);

/// After a failed send, a host has no other one for this many times as long as that one took. A host that never answers
/// then keeps a sender busy for a quarter of the time at most.
const PAUSE_AFTER_FAILURE: u32 = 3;

/// The shortest time between two sends to one host that are put off.
const MIN_PACE: Duration = Duration::from_millis(20);

/// The longest time that a send is put off for.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// How many manifests are written at once. Their pictures may have hundreds of megabytes.
const MAX_MANIFESTS: usize = 2;

/// How many hosts to remember. Idle ones are forgotten beyond it.
const MAX_HOSTS: usize = 10_000;

/// The receivers that a process sends to, by host, and the manifests that it writes. Shared by all senders of a process.
#[derive(Debug, Clone)]
pub struct Hosts {
    per_host: u32,
    hosts: Arc<Mutex<HashMap<String, Host>>>,
    manifests: Arc<Semaphore>,
}

#[derive(Debug, Clone, Copy)]
struct Host {
    in_progress: u32,
    /// Whether the last send failed.
    is_failing: bool,
    /// How long a send takes, on average.
    pace: Duration,
    /// When the last of the sends that were put off has its turn.
    last_turn: Timestamp,
    /// The earliest time of the next send to a failing host.
    next_probe: Timestamp,
}

/// Whether a send may begin.
pub(super) enum Turn {
    /// Now.
    Now(Slot),
    /// Not before this much time, since other sends to this host are in progress.
    After(Duration),
}

/// A send in progress. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    hosts: Hosts,
    host: String,
    result: Option<SendResult>,
}

/// How a send ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendResult {
    pub(super) succeeded: bool,
    pub(super) took: Duration,
    pub(super) at: Timestamp,
}

impl Hosts {
    /// Allows this many sends to each host at once.
    pub fn new(per_host: u32) -> Self {
        Self { per_host: per_host.max(1), hosts: Arc::default(), manifests: Arc::new(Semaphore::new(MAX_MANIFESTS)) }
    }

    /// The right to write a manifest and its pictures, if few others are being written.
    pub(super) fn manifest(&self) -> Option<SemaphorePermit<'_>> {
        self.manifests.try_acquire().ok()
    }

    /// Takes a turn. Those who have to wait get turns one after another, as fast as sends to this host take.
    pub(super) fn enter(&self, name: &str, now: Timestamp) -> Turn {
        let mut hosts = self.lock();
        if hosts.len() >= MAX_HOSTS {
            hosts.retain(|_, host| host.in_progress > 0 || host.last_turn > now);
        }
        let new = Host { in_progress: 0, is_failing: false, pace: FIRST_PACE, last_turn: now, next_probe: now };
        let host = hosts.entry(name.to_owned()).or_insert(new);
        let limit = if host.is_failing { 1 } else { self.per_host };
        // The clock may have been set back since.
        host.next_probe = host.next_probe.min(after(now, MAX_WAIT));
        let is_paused = host.is_failing && host.next_probe > now;
        if host.in_progress < limit && !is_paused {
            host.in_progress += 1;
            return Turn::Now(Slot { hosts: self.clone(), host: name.to_owned(), result: None });
        }
        let pace = if host.is_failing { host.pace * (1 + PAUSE_AFTER_FAILURE) } else { host.pace / limit };
        let turn = after(host.last_turn.max(now), pace.max(MIN_PACE));
        host.last_turn = turn.min(after(now, MAX_WAIT));
        Turn::After(between(now, host.last_turn))
    }

    fn leave(&self, slot: &Slot) {
        if let Some(host) = self.lock().get_mut(&slot.host) {
            host.in_progress = host.in_progress.saturating_sub(1);
            if let Some(SendResult { succeeded, took, at }) = slot.result {
                host.is_failing = !succeeded;
                host.next_probe = after(at, took * PAUSE_AFTER_FAILURE);
                host.pace = (host.pace * 3 + took) / 4;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Ends the send with its result.
    pub(super) fn end(mut self, result: SendResult) {
        self.result = Some(result);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.hosts.clone().leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    fn slot(hosts: &Hosts, name: &str, at: Timestamp) -> Slot {
        match hosts.enter(name, at) {
            Turn::Now(slot) => slot,
            Turn::After(wait) => panic!("{name} has to wait for {wait:?}"),
        }
    }

    fn wait(hosts: &Hosts, name: &str, at: Timestamp) -> Duration {
        match hosts.enter(name, at) {
            Turn::Now(_) => panic!("{name} need not wait"),
            Turn::After(wait) => wait,
        }
    }

    fn ended(succeeded: bool, took: Duration) -> SendResult {
        SendResult { succeeded, took, at: now() }
    }

    #[test]
    fn a_host_has_four_sends_at_once_and_one_after_a_failure() {
        let (hosts, name) = (Hosts::new(4), "a.example");
        let mut slots: Vec<_> = (0..4).map(|_| slot(&hosts, name, now())).collect();
        wait(&hosts, name, now());
        drop(slot(&hosts, "b.example", now()));
        slots.pop().expect("four").end(ended(false, SECOND));
        wait(&hosts, name, now());
        slots.clear();
        wait(&hosts, name, now());
        let later = after(now(), SECOND * 3);
        let probe = slot(&hosts, name, later);
        wait(&hosts, name, later);
        probe.end(ended(true, SECOND));
        let slots: Vec<_> = (0..4).map(|_| slot(&hosts, name, later)).collect();
        wait(&hosts, name, later);
        drop(slots);
    }

    #[test]
    fn those_who_wait_get_turns_one_after_another() {
        let (hosts, name) = (Hosts::new(2), "slow.example");
        for _ in 0..20 {
            slot(&hosts, name, now()).end(ended(true, SECOND * 10));
        }
        let _slots = [slot(&hosts, name, now()), slot(&hosts, name, now())];
        let waits: Vec<_> = (0..1_000).map(|_| wait(&hosts, name, now())).collect();
        assert!(waits[0] > SECOND * 4 && waits[0] < SECOND * 6, "{:?}", waits[0]);
        assert!(waits[10] > waits[9], "{waits:?}");
        assert_eq!(*waits.last().expect("some"), MAX_WAIT);
    }

    #[test]
    fn a_host_that_never_answers_keeps_a_sender_busy_for_a_quarter_of_the_time() {
        let (hosts, name) = (Hosts::new(4), "dead.example");
        let (mut at, mut busy) = (now(), Duration::ZERO);
        while at < after(now(), SECOND * 3600) {
            match hosts.enter(name, at) {
                Turn::Now(slot) => {
                    at = after(at, SECOND * 15);
                    busy += SECOND * 15;
                    slot.end(SendResult { succeeded: false, took: SECOND * 15, at });
                }
                Turn::After(_) => at = after(at, SECOND),
            }
        }
        assert!(busy > SECOND * 600 && busy <= SECOND * 915, "{busy:?}");
    }

    #[test]
    fn idle_hosts_are_forgotten() {
        let hosts = Hosts::new(4);
        let kept = slot(&hosts, "kept.example", now());
        for n in 0..MAX_HOSTS * 2 {
            drop(slot(&hosts, &format!("{n}.example"), now()));
        }
        let count = hosts.lock().len();
        assert!(count <= MAX_HOSTS && hosts.lock().contains_key("kept.example"), "{count}");
        drop(kept);
    }
}
