//! How many sends each receiver has in progress, and when the next one may begin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::time::{after, between};

/// How long a send takes that no one has measured yet.
const FIRST_PACE: Duration = Duration::from_millis(200);

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
    result: Option<(bool, Duration)>,
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
        let new = Host { in_progress: 0, is_failing: false, pace: FIRST_PACE, last_turn: now };
        let host = hosts.entry(name.to_owned()).or_insert(new);
        let limit = if host.is_failing { 1 } else { self.per_host };
        if host.in_progress < limit {
            host.in_progress += 1;
            return Turn::Now(Slot { hosts: self.clone(), host: name.to_owned(), result: None });
        }
        let turn = after(host.last_turn.max(now), (host.pace / limit).max(MIN_PACE));
        host.last_turn = turn.min(after(now, MAX_WAIT));
        Turn::After(between(now, host.last_turn))
    }

    fn leave(&self, slot: &Slot) {
        if let Some(host) = self.lock().get_mut(&slot.host) {
            host.in_progress = host.in_progress.saturating_sub(1);
            if let Some((succeeded, took)) = slot.result {
                host.is_failing = !succeeded;
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
    pub(super) fn end(mut self, succeeded: bool, took: Duration) {
        self.result = Some((succeeded, took));
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

    fn slot(hosts: &Hosts, name: &str) -> Slot {
        match hosts.enter(name, now()) {
            Turn::Now(slot) => slot,
            Turn::After(wait) => panic!("{name} has to wait for {wait:?}"),
        }
    }

    fn wait(hosts: &Hosts, name: &str) -> Duration {
        match hosts.enter(name, now()) {
            Turn::Now(_) => panic!("{name} need not wait"),
            Turn::After(wait) => wait,
        }
    }

    #[test]
    fn a_host_has_four_sends_at_once_and_one_after_a_failure() {
        let hosts = Hosts::new(4);
        let mut slots: Vec<_> = (0..4).map(|_| slot(&hosts, "a.example")).collect();
        wait(&hosts, "a.example");
        drop(slot(&hosts, "b.example"));
        slots.pop().expect("four").end(false, SECOND);
        wait(&hosts, "a.example");
        slots.clear();
        let probe = slot(&hosts, "a.example");
        wait(&hosts, "a.example");
        probe.end(true, SECOND);
        let slots: Vec<_> = (0..4).map(|_| slot(&hosts, "a.example")).collect();
        wait(&hosts, "a.example");
        drop(slots);
    }

    #[test]
    fn those_who_wait_get_turns_one_after_another() {
        let hosts = Hosts::new(2);
        for _ in 0..20 {
            slot(&hosts, "slow.example").end(true, SECOND * 10);
        }
        let _slots = [slot(&hosts, "slow.example"), slot(&hosts, "slow.example")];
        let waits: Vec<_> = (0..1_000).map(|_| wait(&hosts, "slow.example")).collect();
        assert!(waits[0] > SECOND * 4 && waits[0] < SECOND * 6, "{:?}", waits[0]);
        assert!(waits[10] > waits[9], "{waits:?}");
        assert_eq!(*waits.last().expect("some"), MAX_WAIT);
    }

    #[test]
    fn idle_hosts_are_forgotten() {
        let hosts = Hosts::new(4);
        let kept = slot(&hosts, "kept.example");
        for n in 0..MAX_HOSTS * 2 {
            drop(slot(&hosts, &format!("{n}.example")));
        }
        let count = hosts.lock().len();
        assert!(count <= MAX_HOSTS && hosts.lock().contains_key("kept.example"), "{count}");
        drop(kept);
    }
}
