//! The queue, its dead letters, and the place for messages that nobody can read.
//!
//! A message is a row with the time from which it is visible. Taking it moves that time into the future,
//! so a worker that dies gives it back by doing nothing. A receipt is the message's id and how often it
//! had been delivered then: after the next delivery an older receipt means nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::Clock;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries, Delivery, PortError, Quarantine, Queue, Receipt};
use rusqlite::Connection;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::database::Database;
use crate::error::StoreError;

/// The longest that sending may delay a message.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// The longest that a delivered message may be put off.
const MAX_DEFER: Duration = Duration::from_secs(12 * 60 * 60);
/// A waiting worker looks at the clock this often, should it have been set in between.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How a queue treats its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a delivered message is hidden from other workers. Longer than a job's lease, so that a
    /// message that comes again finds the lease run out.
    pub visibility: Duration,
    /// How often a message is delivered before it goes to the dead letters.
    pub max_receives: u32,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { visibility: Duration::from_secs(120), max_receives: 20 }
    }
}

/// The queues of a database.
#[derive(Clone)]
pub struct Queues {
    /// The jobs to be worked on.
    pub jobs: Arc<LocalQueue>,
    /// Messages that were delivered too often. They are delivered from here for ever.
    pub dead_letters: Arc<LocalQueue>,
    /// Messages that nobody can read.
    pub quarantine: Arc<LocalParking>,
}

impl Queues {
    /// The queues of this database. There may be one such value a database and process: a send wakes only
    /// the workers that wait on the same one, and others see it within a minute.
    pub fn new(database: Database, clock: Arc<dyn Clock>, settings: QueueSettings) -> Self {
        let sent = Arc::new(Sent::default());
        let queue = |name| {
            let (database, clock, sent) = (database.clone(), Arc::clone(&clock), Arc::clone(&sent));
            Arc::new(LocalQueue { database, clock, settings, name, sent })
        };
        Self {
            jobs: queue(Name::Jobs),
            dead_letters: queue(Name::DeadLetters),
            quarantine: Arc::new(LocalParking { database, clock: Arc::clone(&clock) }),
        }
    }

    /// Makes what a process that is gone had taken visible at once, in place of after its time. Only for
    /// the one server that holds the folder's lock. How many messages there were.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn release_in_flight(&self) -> Result<usize, PortError> {
        let now = self.jobs.now();
        let sent = Arc::clone(&self.jobs.sent);
        let released = self.jobs.database.write_then(
            move |connection| {
                let sql = "UPDATE messages SET in_flight = 0, visible_at = min(visible_at, ?) WHERE in_flight = 1";
                Ok(connection.prepare_cached(sql)?.execute([now])?)
            },
            move |_| sent.wake_all(),
        );
        Ok(released.await?)
    }
}

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Jobs,
    DeadLetters,
}

impl Name {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::DeadLetters => "dead_letters",
        }
    }
}

/// Wakes the workers that wait for a message.
#[derive(Default)]
struct Sent {
    jobs: Notify,
    dead_letters: Notify,
}

impl Sent {
    fn to(&self, name: Name) -> &Notify {
        match name {
            Name::Jobs => &self.jobs,
            Name::DeadLetters => &self.dead_letters,
        }
    }

    fn wake_all(&self) {
        self.jobs.notify_waiters();
        self.dead_letters.notify_waiters();
    }
}

/// [`Queue`] and [`Deliveries`] in the database.
pub struct LocalQueue {
    database: Database,
    clock: Arc<dyn Clock>,
    settings: QueueSettings,
    name: Name,
    sent: Arc<Sent>,
}

impl LocalQueue {
    /// Sends a body as it is, whatever it says.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn send_body(&self, body: String, delay: Duration) -> Result<(), PortError> {
        let (now, name) = (self.now(), self.name);
        let visible_at = later(now, delay.min(MAX_DELAY));
        let sent = Arc::clone(&self.sent);
        let stored = self
            .database
            .write_then(move |connection| insert(connection, name, &body, now, visible_at), move |_| sent.wake_all());
        Ok(stored.await?)
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// When the next message is visible, also if that is past.
    async fn next_visible_at(&self) -> Result<Option<i64>, StoreError> {
        let name = self.name.as_str();
        let next = self.database.read(move |connection| {
            let sql = "SELECT min(visible_at) FROM messages WHERE queue = ?";
            Ok(connection.prepare_cached(sql)?.query_row([name], |row| row.get(0))?)
        });
        next.await
    }

    async fn take(&self, max: usize) -> Result<Vec<Delivery>, StoreError> {
        let (name, now, settings) = (self.name, self.now(), self.settings);
        let sent = Arc::clone(&self.sent);
        let taken = self.database.write_then(
            move |connection| take(connection, name, now, settings, max),
            move |result| {
                if result.as_ref().is_ok_and(|taken| taken.dead > 0) {
                    sent.to(Name::DeadLetters).notify_waiters();
                }
            },
        );
        Ok(taken.await?.deliveries)
    }
}

#[async_trait]
impl Queue for LocalQueue {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError> {
        self.send_body(message.body(), delay).await
    }

    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.send_body(body.to_owned(), Duration::ZERO).await
    }

    async fn oldest_age(&self) -> Result<Option<Duration>, PortError> {
        let (name, now) = (self.name.as_str(), self.now());
        let oldest = self.database.read(move |connection| {
            let sql = "SELECT sent_at FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY sent_at LIMIT 1";
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query((name, now))?;
            Ok(rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?)
        });
        let age = |sent_at: i64| Duration::from_millis(u64::try_from(now - sent_at).unwrap_or(0));
        Ok(oldest.await?.map(age))
    }
}

#[async_trait]
impl Deliveries for LocalQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError> {
        let deadline = Instant::now() + wait;
        loop {
            // Listening begins before looking, so a message sent in between is not slept through.
            let mut woken = std::pin::pin!(self.sent.to(self.name).notified());
            woken.as_mut().enable();
            let next = self.next_visible_at().await?;
            let now = self.now();
            if next.is_some_and(|at| at <= now) {
                let deliveries = self.take(max).await?;
                if !deliveries.is_empty() {
                    return Ok(deliveries);
                }
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            let until_next = next.map_or(LOOK_AGAIN, |at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)));
            let look_at = Instant::now() + until_next.min(LOOK_AGAIN);
            tokio::select! {
                () = woken => {}
                () = sleep_until(look_at.min(deadline)) => {}
            }
        }
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        let (id, count) = parse_receipt(receipt)?;
        let name = self.name.as_str();
        let deleted = self.database.write(move |connection| {
            let sql = "DELETE FROM messages WHERE queue = ? AND id = ? AND receive_count = ?";
            connection.prepare_cached(sql)?.execute((name, id, count))?;
            Ok(())
        });
        Ok(deleted.await?)
    }

    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError> {
        let (id, count) = parse_receipt(receipt)?;
        let (name, visible_at) = (self.name.as_str(), later(self.now(), after.min(MAX_DEFER)));
        let sent = Arc::clone(&self.sent);
        let deferred = self.database.write_then(
            move |connection| {
                let sql = "UPDATE messages SET visible_at = ?, in_flight = 0
                           WHERE queue = ? AND id = ? AND receive_count = ?";
                connection.prepare_cached(sql)?.execute((visible_at, name, id, count))?;
                Ok(())
            },
            move |_| sent.wake_all(),
        );
        Ok(deferred.await?)
    }
}

/// [`Quarantine`] in the database, in the table `parked`.
pub struct LocalParking {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl LocalParking {
    /// What was parked, the oldest first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn list(&self) -> Result<Vec<String>, PortError> {
        let listed = self.database.read(|connection| {
            let mut query = connection.prepare_cached("SELECT body FROM parked ORDER BY id")?;
            let bodies = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(bodies)
        });
        Ok(listed.await?)
    }
}

#[async_trait]
impl Quarantine for LocalParking {
    async fn park(&self, body: &str) -> Result<(), PortError> {
        let row = (body.to_owned(), self.clock.now().as_millisecond());
        let parked = self.database.write(move |connection| {
            connection.prepare_cached("INSERT INTO parked (body, parked_at) VALUES (?, ?)")?.execute(row)?;
            Ok(())
        });
        Ok(parked.await?)
    }
}

struct Taken {
    deliveries: Vec<Delivery>,
    dead: usize,
}

/// Takes up to `max` visible messages. Those that were delivered too often go to the dead letters instead.
fn take(
    connection: &Connection,
    name: Name,
    now: i64,
    settings: QueueSettings,
    max: usize,
) -> Result<Taken, StoreError> {
    let mut taken = Taken { deliveries: Vec::new(), dead: 0 };
    loop {
        let dead_before = taken.dead;
        for (id, body, count) in visible(connection, name, now, max)? {
            if name == Name::Jobs && count >= settings.max_receives {
                insert(connection, Name::DeadLetters, &body, now, now)?;
                connection.prepare_cached("DELETE FROM messages WHERE id = ?")?.execute([id])?;
                taken.dead += 1;
                continue;
            }
            let receive_count = count.saturating_add(1);
            connection
                .prepare_cached("UPDATE messages SET visible_at = ?, receive_count = ?, in_flight = 1 WHERE id = ?")?
                .execute((later(now, settings.visibility), receive_count, id))?;
            taken.deliveries.push(Delivery { receipt: receipt(id, receive_count), body, receive_count });
        }
        // A round of nothing but dead letters may have hidden a message that is to be delivered.
        if !taken.deliveries.is_empty() || taken.dead == dead_before {
            return Ok(taken);
        }
    }
}

/// Id, body and receive count of up to `limit` visible messages, those visible longest first.
fn visible(connection: &Connection, name: Name, now: i64, limit: usize) -> Result<Vec<(i64, String, u32)>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, body, receive_count FROM messages WHERE queue = ? AND visible_at <= ?
         ORDER BY visible_at, id LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map((name.as_str(), now, limit), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(connection: &Connection, name: Name, body: &str, sent_at: i64, visible_at: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO messages (queue, body, sent_at, visible_at) VALUES (?, ?, ?, ?)")?
        .execute((name.as_str(), body, sent_at, visible_at))?;
    Ok(())
}

fn receipt(id: i64, receive_count: u32) -> Receipt {
    Receipt(format!("{id}-{receive_count}"))
}

fn parse_receipt(receipt: &Receipt) -> Result<(i64, u32), PortError> {
    let parsed = receipt.0.split_once('-').and_then(|(id, count)| Some((id.parse().ok()?, count.parse().ok()?)));
    parsed.ok_or_else(|| PortError::fail("not a receipt of this queue"))
}

/// `time + wait` in milliseconds, at the latest the last time there is.
fn later(time: i64, wait: Duration) -> i64 {
    time.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
