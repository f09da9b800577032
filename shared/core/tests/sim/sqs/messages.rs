//! The messages of a queue, found by what happens to them next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::work_request::WorkRequest;
use cutline_core::testing::MemoryQueue;
use tokio::time::Instant;

use super::fairness::Fairness;

/// Messages that were received more often than this do not count for the age of the oldest one.
const MAX_AGED_RECEIVES: u32 = 3;

/// A message's body, which is parsed at most once.
#[derive(Debug, Clone)]
pub(crate) struct Body(Arc<(String, OnceLock<WorkRequest>)>);

impl Body {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Arc::new((text.into(), OnceLock::new())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.0
    }

    pub(crate) fn request(&self) -> WorkRequest {
        self.0.1.get_or_init(|| MemoryQueue::parse(self.text())).clone()
    }
}

/// Identifies one delivery of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) id: u64,
    receives: u32,
}

/// A message as a worker gets it.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) ticket: Ticket,
    pub(crate) body: Body,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Visible { since: Instant },
    Delayed { until: Instant },
    InFlight { until: Instant },
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) body: Body,
    pub(crate) group: Option<OwnerId>,
    pub(crate) sent_at: Instant,
    receives: u32,
    delivered_at: Option<Instant>,
    place: Place,
}

/// All messages, with indexes.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    messages: HashMap<u64, Message>,
    next_id: u64,
    /// By group, in the order in which they became visible.
    visible: BTreeMap<Option<OwnerId>, BTreeSet<(Instant, u64)>>,
    /// By the time when they become visible.
    hidden: BTreeSet<(Instant, u64)>,
    in_flight: usize,
    /// By the time when they were sent.
    by_age: BTreeSet<(Instant, u64)>,
    /// Of `by_age`, those that count for the age of the oldest message.
    aged: BTreeSet<(Instant, u64)>,
    fairness: Fairness,
}

impl Messages {
    pub(crate) fn add(&mut self, body: Body, group: Option<OwnerId>, sent_at: Instant, visible_at: Instant) {
        let id = self.next_id;
        self.next_id += 1;
        let place = Place::Delayed { until: visible_at };
        self.messages.insert(id, Message { body, group, sent_at, receives: 0, delivered_at: None, place });
        self.hidden.insert((visible_at, id));
        self.by_age.insert((sent_at, id));
        self.aged.insert((sent_at, id));
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn has_visible(&self) -> bool {
        !self.visible.is_empty()
    }

    pub(crate) fn receives(&self, id: u64) -> u32 {
        self.messages.get(&id).map_or(0, |message| message.receives)
    }

    /// Whether this is the last delivery of a message that is still there.
    pub(crate) fn holds(&self, ticket: Ticket) -> bool {
        self.messages.get(&ticket.id).is_some_and(|message| message.receives == ticket.receives)
    }

    pub(crate) fn next_visible_at(&self) -> Option<Instant> {
        self.hidden.first().map(|(at, _)| *at)
    }

    pub(crate) fn oldest_age(&self, now: Instant) -> Option<Duration> {
        self.aged.first().map(|(sent_at, _)| now - *sent_at)
    }

    /// Deletes messages that are too old, and returns their number.
    pub(crate) fn expire(&mut self, now: Instant, retention: Duration) -> u64 {
        let mut expired = 0;
        while let Some((sent_at, id)) = self.by_age.first().copied()
            && now - sent_at > retention
        {
            self.remove(id);
            expired += 1;
        }
        expired
    }

    /// Shows the messages whose time has come.
    pub(crate) fn show(&mut self, now: Instant) {
        while let Some((at, id)) = self.hidden.first().copied()
            && at <= now
        {
            self.hide(id, Place::Visible { since: at });
        }
    }

    /// The message to deliver next.
    pub(crate) fn next(&self, now: Instant, is_fair: bool) -> Option<u64> {
        let is_noisy = |group: &Option<OwnerId>| {
            is_fair && group.as_ref().is_some_and(|group| self.fairness.is_noisy(group, self.in_flight, now))
        };
        let heads = self.visible.iter().filter_map(|(group, ids)| Some((group, *ids.first()?)));
        heads.min_by_key(|(group, head)| (is_noisy(group), *head)).map(|(_, (_, id))| id)
    }

    /// Hands a message out. If it is `duplicated`, it stays visible for another worker.
    pub(crate) fn deliver(&mut self, id: u64, now: Instant, until: Instant, is_duplicated: bool) -> Delivered {
        if !is_duplicated {
            self.hide(id, Place::InFlight { until });
        }
        let message = self.messages.get_mut(&id).expect("a message that is delivered is there");
        message.receives += 1;
        message.delivered_at = Some(now);
        if message.receives > MAX_AGED_RECEIVES {
            self.aged.remove(&(message.sent_at, id));
        }
        Delivered { ticket: Ticket { id, receives: message.receives }, body: message.body.clone() }
    }

    /// Moves a message to another place.
    pub(crate) fn hide(&mut self, id: u64, place: Place) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        let before = std::mem::replace(&mut message.place, place);
        let group = message.group.clone();
        self.leave(id, &group, before);
        match place {
            Place::Visible { since } => {
                self.visible.entry(group).or_default().insert((since, id));
            }
            Place::Delayed { until } => {
                self.hidden.insert((until, id));
            }
            Place::InFlight { until } => {
                self.hidden.insert((until, id));
                self.in_flight += 1;
                if let Some(group) = &group {
                    self.fairness.begin(group);
                }
            }
        }
    }

    /// Takes a message out of the indexes of its place.
    fn leave(&mut self, id: u64, group: &Option<OwnerId>, place: Place) {
        match place {
            Place::Visible { since } => {
                if let Some(ids) = self.visible.get_mut(group) {
                    ids.remove(&(since, id));
                    if ids.is_empty() {
                        self.visible.remove(group);
                    }
                }
            }
            Place::Delayed { until } => {
                self.hidden.remove(&(until, id));
            }
            Place::InFlight { until } => {
                self.hidden.remove(&(until, id));
                self.in_flight -= 1;
                if let Some(group) = group {
                    self.fairness.end(group);
                }
            }
        }
    }

    /// Notes how long a worker had the message.
    pub(crate) fn note_work(&mut self, ticket: Ticket, now: Instant) {
        let Some(message) = self.messages.get_mut(&ticket.id) else { return };
        if let Some(delivered_at) = message.delivered_at.take() {
            self.fairness.note_work(message.group.as_ref(), now - delivered_at, now);
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<Message> {
        let message = self.messages.remove(&id)?;
        self.leave(id, &message.group, message.place);
        self.by_age.remove(&(message.sent_at, id));
        self.aged.remove(&(message.sent_at, id));
        Some(message)
    }
}
