//! The queue of messages about reports.
//!
//! A message is a row with the time from which it is visible. Receiving it moves that time into the future, so a sender
//! that dies returns the message without any action. A receipt consists of the message's id and receive count; the next
//! delivery invalidates it. Messages wait in a table of their own, so a backlog of reports delays no job. There are no dead
//! letters: the record of a job says which reports it owes, so a message that no sender can handle is deleted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::Clock;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::domain::work_request::WorkRequest;
use cutline_core::ports::{Deliveries, Delivery, PortError, Receipt, ReportQueue};
use rusqlite::Connection;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::database::Database;
use crate::error::StoreError;

/// The longest delay of a message.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// The longest deferral of a delivered message.
const MAX_DEFERRAL: Duration = Duration::from_secs(12 * 60 * 60);
/// A waiting sender looks at the clock at least this often, in case someone has set it.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// How long a delivered message is hidden: as long as a send is claimed.
const VISIBILITY: Duration = Duration::from_secs(60);

/// [`ReportQueue`] and [`Deliveries`] in the database. Use one value per database and process, and clones of it: a send
/// wakes only senders that wait on the same value; others notice within a minute.
#[derive(Clone)]
pub struct LocalReportQueue {
    database: Database,
    clock: Arc<dyn Clock>,
    visibility: Duration,
    sent: Arc<Notify>,
}

impl LocalReportQueue {
    /// The queue in this database.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock, visibility: VISIBILITY, sent: Arc::default() }
    }

    /// The same queue, whose delivered messages are hidden for this long.
    #[must_use]
    pub fn with_visibility(self, visibility: Duration) -> Self {
        Self { visibility, ..self }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    async fn next_visible_at(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(visible_at) FROM report_messages";
        self.database.read(move |connection| Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)).await
    }

    async fn receive_visible(&self, max: usize) -> Result<Vec<Delivery>, StoreError> {
        let (now, hidden_until) = (self.now(), add_millis(self.now(), self.visibility));
        self.database.write(move |connection| receive(connection, now, hidden_until, max)).await
    }
}

/// Receives up to `max` visible messages, those visible longest first.
fn receive(connection: &Connection, now: i64, hidden_until: i64, max: usize) -> Result<Vec<Delivery>, StoreError> {
    let sql = "UPDATE report_messages SET visible_at = ?, receive_count = receive_count + 1
               WHERE id IN (SELECT id FROM report_messages WHERE visible_at <= ? ORDER BY visible_at, id LIMIT ?)
               RETURNING id, receive_count, body";
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map((hidden_until, now, i64::try_from(max).unwrap_or(i64::MAX)), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut deliveries = Vec::new();
    for row in rows {
        let (id, receive_count, body) = row?;
        let receipt = Receipt(format!("{id}-{receive_count}"));
        let request = WorkRequest::Unreadable { reason: "a message about a report".to_owned() };
        deliveries.push(Delivery { receipt, body, request, receive_count });
    }
    Ok(deliveries)
}

#[async_trait]
impl ReportQueue for LocalReportQueue {
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError> {
        let (body, visible_at) = (message.body(), add_millis(self.now(), delay.min(MAX_DELAY)));
        let sent = Arc::clone(&self.sent);
        let stored = self.database.write_then(
            move |connection| {
                let sql = "INSERT INTO report_messages (body, visible_at) VALUES (?, ?)";
                connection.prepare_cached(sql)?.execute((body, visible_at))?;
                Ok(())
            },
            move |_| sent.notify_waiters(),
        );
        Ok(stored.await?)
    }
}

#[async_trait]
impl Deliveries for LocalReportQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError> {
        let deadline = Instant::now() + wait;
        loop {
            // Register for the wake-up before looking, so that a message sent in between is not missed.
            let mut woken = std::pin::pin!(self.sent.notified());
            woken.as_mut().enable();
            let (next, now) = (self.next_visible_at().await?, self.now());
            if next.is_some_and(|at| at <= now) {
                let deliveries = self.receive_visible(max).await?;
                if !deliveries.is_empty() {
                    return Ok(deliveries);
                }
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            let until_next = next.map_or(MAX_SLEEP, |at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)));
            let look_at = Instant::now() + until_next.min(MAX_SLEEP);
            tokio::select! {
                () = woken => {}
                () = sleep_until(look_at.min(deadline)) => {}
            }
        }
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        let (id, count) = parse_receipt(receipt)?;
        let deleted = self.database.write(move |connection| {
            let sql = "DELETE FROM report_messages WHERE id = ? AND receive_count = ?";
            connection.prepare_cached(sql)?.execute((id, count))?;
            Ok(())
        });
        Ok(deleted.await?)
    }

    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError> {
        let (id, count) = parse_receipt(receipt)?;
        let visible_at = add_millis(self.now(), after.min(MAX_DEFERRAL));
        let sent = Arc::clone(&self.sent);
        let deferred = self.database.write_then(
            move |connection| {
                let sql = "UPDATE report_messages SET visible_at = ? WHERE id = ? AND receive_count = ?";
                connection.prepare_cached(sql)?.execute((visible_at, id, count))?;
                Ok(())
            },
            move |_| sent.notify_waiters(),
        );
        Ok(deferred.await?)
    }
}

/// Makes messages visible that are hidden for longer than any delay, after the clock was set back. A message only wakes a
/// sender: the record of its job decides what it waits for.
pub(crate) fn bring_forward(connection: &Connection, now: i64) -> Result<usize, StoreError> {
    let sql = "UPDATE report_messages SET visible_at = ?1 WHERE visible_at > ?2";
    Ok(connection.prepare_cached(sql)?.execute((now, add_millis(now, MAX_DELAY)))?)
}

/// Moves the times of all messages into the future, by as much as the clock jumped ahead.
pub(crate) fn postpone(connection: &Connection, by: Duration) -> Result<(), StoreError> {
    let sql = "UPDATE report_messages SET visible_at = visible_at + ?";
    connection.prepare_cached(sql)?.execute([add_millis(0, by)])?;
    Ok(())
}

fn add_millis(time: i64, wait: Duration) -> i64 {
    time.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

/// The message's id and receive count.
fn parse_receipt(receipt: &Receipt) -> Result<(i64, u32), StoreError> {
    let parsed = receipt.0.split_once('-').and_then(|(id, count)| Some((id.parse().ok()?, count.parse().ok()?)));
    parsed.ok_or(StoreError::InvalidReceipt)
}
