//! How many sends each receiver has in progress, and when the next one may begin.
//!
//! A receiver is a host as one owner uses it. Hosts such as webhook relays serve many owners, and the failing URL of one
//! must not delay the events of another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::ids::OwnerId;
use crate::domain::time::{after, between};

/// How long a send takes that no one has measured yet.
const FIRST_PACE: Duration = Duration::from_millis(200);

/// After a failed send, a receiver has no other one for this many times as long as that one took. A receiver that never
/// answers then keeps a sender busy for a quarter of the time at most.
const PAUSE_AFTER_FAILURE: u32 = 3;

/// The same after a slow send, if it holds up the batch that it came in: half of the time at most.
const PAUSE_AFTER_SLOW: u32 = 1;

/// A send that took longer is slow.
const SLOW: Duration = Duration::from_secs(2);

/// The shortest time between two sends to one receiver that are put off.
const MIN_PACE: Duration = Duration::from_millis(20);

/// The longest time that a send is put off for.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// How many manifests are written at once. Their pictures may have hundreds of megabytes.
const MAX_MANIFESTS: usize = 2;

/// How many receivers to remember. Idle ones are forgotten beyond it.
const MAX_RECEIVERS: usize = 10_000;

/// How many sends of one owner may be in progress, to any number of receivers: a quarter of what a server sends at once.
const MAX_PER_OWNER: usize = 64;

/// The time between two sends of an owner that has that many in progress. Each takes 16 seconds at most, so a place is
/// free at least this often.
const OWNER_PACE: Duration = Duration::from_millis(250);

/// The receivers that a process sends to, and the manifests that it writes. Shared by all senders of a process.
#[derive(Debug, Clone)]
pub struct Receivers {
    per_receiver: u32,
    /// Whether messages come in batches, of which the next one waits for the slowest send.
    sends_batches: bool,
    table: Arc<Mutex<Table>>,
    manifests: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Table {
    receivers: HashMap<ReceiverId, Receiver>,
    /// The owners that have sends in progress.
    owners: HashMap<OwnerId, OwnerSends>,
}

#[derive(Debug, Clone, Copy)]
struct OwnerSends {
    in_progress: usize,
    /// When the last of the sends has its turn that were put off because the owner has too many.
    last_turn: Timestamp,
}

/// A host as one owner uses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ReceiverId {
    pub(super) owner: OwnerId,
    pub(super) host: String,
}

#[derive(Debug, Clone, Copy)]
struct Receiver {
    in_progress: u32,
    health: Health,
    /// How long a send takes, on average.
    pace: Duration,
    /// When the last of the sends that were put off has its turn.
    last_turn: Timestamp,
    /// The earliest time of the next send, unless the receiver is well.
    next_probe: Timestamp,
}

/// How the last send to a receiver went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    /// It held up others.
    Slow,
    Failing,
}

impl Health {
    /// How many times as long as the last send the receiver has no other one.
    const fn pause(self) -> u32 {
        match self {
            Self::Well => 0,
            Self::Slow => PAUSE_AFTER_SLOW,
            Self::Failing => PAUSE_AFTER_FAILURE,
        }
    }
}

/// Whether a send may begin.
pub(super) enum Turn {
    /// Now.
    Now(Slot),
    /// Not before this much time, since other sends of this owner or to this host are in progress.
    After(Duration),
}

/// A send in progress. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    receivers: Receivers,
    id: ReceiverId,
    result: Option<SendResult>,
}

/// How a send ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendResult {
    pub(super) succeeded: bool,
    pub(super) took: Duration,
    pub(super) at: Timestamp,
}

impl Receivers {
    /// Allows this many sends to each receiver at once.
    pub fn new(per_receiver: u32) -> Self {
        let manifests = Arc::new(Semaphore::new(MAX_MANIFESTS));
        Self { per_receiver: per_receiver.max(1), sends_batches: false, table: Arc::default(), manifests }
    }

    /// The same for messages that come in batches, each of which ends with its slowest send, as on Lambda. A receiver that
    /// takes more than two seconds would hold up all others, so it has one send at a time and pauses in between.
    pub fn in_batches(per_receiver: u32) -> Self {
        Self { sends_batches: true, ..Self::new(per_receiver) }
    }

    /// The right to write a manifest and its pictures, if few others are being written.
    pub(super) fn manifest(&self) -> Option<SemaphorePermit<'_>> {
        self.manifests.try_acquire().ok()
    }

    /// Takes a turn. Those who have to wait get turns one after another, as fast as sends to this receiver take.
    pub(super) fn enter(&self, id: ReceiverId, now: Timestamp) -> Turn {
        let mut table = self.lock();
        let Table { receivers, owners } = &mut *table;
        if receivers.len() >= MAX_RECEIVERS {
            receivers.retain(|_, receiver| receiver.in_progress > 0 || receiver.last_turn > now);
        }
        let new = Receiver { in_progress: 0, health: Health::Well, pace: FIRST_PACE, last_turn: now, next_probe: now };
        let receiver = receivers.entry(id.clone()).or_insert(new);
        let is_well = receiver.health == Health::Well;
        let limit = if is_well { self.per_receiver } else { 1 };
        // The clock may have been set back since.
        receiver.next_probe = receiver.next_probe.min(after(now, MAX_WAIT));
        let is_paused = !is_well && receiver.next_probe > now;
        let of_owner = owners.entry(id.owner.clone()).or_insert(OwnerSends { in_progress: 0, last_turn: now });
        if of_owner.in_progress >= MAX_PER_OWNER {
            of_owner.last_turn = after(of_owner.last_turn.max(now), OWNER_PACE).min(after(now, MAX_WAIT));
            return Turn::After(between(now, of_owner.last_turn));
        }
        if receiver.in_progress < limit && !is_paused {
            receiver.in_progress += 1;
            of_owner.in_progress += 1;
            return Turn::Now(Slot { receivers: self.clone(), id, result: None });
        }
        if of_owner.in_progress == 0 {
            owners.remove(&id.owner);
        }
        let pace = receiver.pace * (1 + receiver.health.pause()) / limit;
        let turn = after(receiver.last_turn.max(now), pace.max(MIN_PACE));
        receiver.last_turn = turn.min(after(now, MAX_WAIT));
        Turn::After(between(now, receiver.last_turn))
    }

    fn leave(&self, slot: &Slot) {
        let mut table = self.lock();
        if let Some(of_owner) = table.owners.get_mut(&slot.id.owner) {
            of_owner.in_progress = of_owner.in_progress.saturating_sub(1);
            if of_owner.in_progress == 0 {
                table.owners.remove(&slot.id.owner);
            }
        }
        if let Some(receiver) = table.receivers.get_mut(&slot.id) {
            receiver.in_progress = receiver.in_progress.saturating_sub(1);
            if let Some(SendResult { succeeded, took, at }) = slot.result {
                receiver.health = match succeeded {
                    false => Health::Failing,
                    true if self.sends_batches && took > SLOW => Health::Slow,
                    true => Health::Well,
                };
                receiver.next_probe = after(at, took * receiver.health.pause());
                receiver.pace = (receiver.pace * 3 + took) / 4;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.receivers.clone().leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    fn id(owner: &str, host: &str) -> ReceiverId {
        ReceiverId { owner: owner.parse().expect("an owner"), host: host.to_owned() }
    }

    fn slot(receivers: &Receivers, name: &str, at: Timestamp) -> Slot {
        match receivers.enter(id("shop", name), at) {
            Turn::Now(slot) => slot,
            Turn::After(wait) => panic!("{name} has to wait for {wait:?}"),
        }
    }

    fn wait(receivers: &Receivers, name: &str, at: Timestamp) -> Duration {
        match receivers.enter(id("shop", name), at) {
            Turn::Now(_) => panic!("{name} need not wait"),
            Turn::After(wait) => wait,
        }
    }

    fn ended(succeeded: bool, took: Duration) -> SendResult {
        SendResult { succeeded, took, at: now() }
    }

    #[test]
    fn a_receiver_has_four_sends_at_once_and_one_after_a_failure() {
        let (receivers, name) = (Receivers::new(4), "a.example");
        let mut slots: Vec<_> = (0..4).map(|_| slot(&receivers, name, now())).collect();
        wait(&receivers, name, now());
        drop(slot(&receivers, "b.example", now()));
        slots.pop().expect("four").end(ended(false, SECOND));
        wait(&receivers, name, now());
        slots.clear();
        wait(&receivers, name, now());
        let later = after(now(), SECOND * 3);
        let probe = slot(&receivers, name, later);
        wait(&receivers, name, later);
        probe.end(ended(true, SECOND));
        let slots: Vec<_> = (0..4).map(|_| slot(&receivers, name, later)).collect();
        wait(&receivers, name, later);
        drop(slots);
    }

    #[test]
    fn those_who_wait_get_turns_one_after_another() {
        let (receivers, name) = (Receivers::new(2), "slow.example");
        for _ in 0..20 {
            slot(&receivers, name, now()).end(ended(true, SECOND * 10));
        }
        let _slots = [slot(&receivers, name, now()), slot(&receivers, name, now())];
        let waits: Vec<_> = (0..1_000).map(|_| wait(&receivers, name, now())).collect();
        assert!(waits[0] > SECOND * 4 && waits[0] < SECOND * 6, "{:?}", waits[0]);
        assert!(waits[10] > waits[9], "{waits:?}");
        assert_eq!(*waits.last().expect("some"), MAX_WAIT);
    }

    #[test]
    fn a_receiver_that_never_answers_keeps_a_sender_busy_for_a_quarter_of_the_time() {
        let (receivers, name) = (Receivers::new(4), "dead.example");
        let (mut at, mut busy) = (now(), Duration::ZERO);
        while at < after(now(), SECOND * 3600) {
            match receivers.enter(id("shop", name), at) {
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
    fn a_slow_receiver_holds_up_batches_for_half_of_the_time() {
        let (receivers, name) = (Receivers::in_batches(2), "slow.example");
        let (mut at, mut busy) = (now(), Duration::ZERO);
        while at < after(now(), SECOND * 3600) {
            match receivers.enter(id("shop", name), at) {
                Turn::Now(slot) => {
                    at = after(at, SECOND * 14);
                    busy += SECOND * 14;
                    slot.end(SendResult { succeeded: true, took: SECOND * 14, at });
                }
                Turn::After(_) => at = after(at, SECOND),
            }
        }
        assert!(busy > SECOND * 1_600 && busy <= SECOND * 1_814, "{busy:?}");
        // A send of two seconds is not slow, and neither is any where no other one waits for it.
        for (receivers, took) in [(Receivers::in_batches(2), SECOND * 2), (Receivers::new(2), SECOND * 14)] {
            slot(&receivers, name, now()).end(ended(true, took));
            let _both = [slot(&receivers, name, now()), slot(&receivers, name, now())];
        }
    }

    #[test]
    fn idle_receivers_are_forgotten() {
        let receivers = Receivers::new(4);
        let kept = slot(&receivers, "kept.example", now());
        for n in 0..MAX_RECEIVERS * 2 {
            drop(slot(&receivers, &format!("{n}.example"), now()));
        }
        let table = receivers.lock();
        let count = table.receivers.len();
        assert!(count <= MAX_RECEIVERS && table.receivers.contains_key(&id("shop", "kept.example")), "{count}");
        assert_eq!(table.owners.len(), 1, "only the send in progress counts");
        drop(table);
        drop(kept);
        assert!(receivers.lock().owners.is_empty());
    }

    #[test]
    fn one_owners_failing_url_delays_no_other_owner_at_the_same_host() {
        let (receivers, host) = (Receivers::new(4), "relay.example");
        let enter = |owner| receivers.enter(id(owner, host), now());
        let Turn::Now(failing) = enter("shop") else { panic!("the first send") };
        failing.end(ended(false, SECOND * 15));
        assert!(matches!(enter("shop"), Turn::After(_)));
        let slots: Vec<_> = (0..4).map(|_| enter("studio")).collect();
        assert!(slots.iter().all(|turn| matches!(turn, Turn::Now(_))));
    }

    #[test]
    fn an_owner_of_many_slow_receivers_leaves_room_for_others() {
        let receivers = Receivers::new(4);
        let enter = |owner, n: usize| receivers.enter(id(owner, &format!("{n}.example")), now());
        let mut slots: Vec<_> = (0..MAX_PER_OWNER).map(|n| enter("shop", n)).collect();
        assert!(slots.iter().all(|turn| matches!(turn, Turn::Now(_))));
        for turn in 1..100 {
            let Turn::After(wait) = enter("shop", MAX_PER_OWNER + turn) else { panic!("the owner has too many") };
            assert_eq!(wait, OWNER_PACE * u32::try_from(turn).expect("small"), "one after another");
        }
        assert!(matches!(enter("studio", 0), Turn::Now(_)));
        slots.pop();
        assert!(matches!(enter("shop", MAX_PER_OWNER), Turn::Now(_)));
    }
}
