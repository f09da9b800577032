//! The table of messages. Times are milliseconds since 1970.

use std::time::Duration;

use cutline_core::domain::work_request::WorkRequest;
use cutline_core::ports::{Delivery, Receipt};
use rusqlite::Connection;

use crate::error::StoreError;

/// How a queue treats its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// The visibility timeout: how long a delivered message is hidden from other workers. Longer than a job's lease,
    /// so that a redelivered message finds the lease expired.
    pub visibility: Duration,
    /// Deliveries of a message before it moves to the dead letters.
    pub max_receives: u32,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { visibility: Duration::from_secs(120), max_receives: 20 }
    }
}

/// A queue in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueName {
    Jobs,
    DeadLetters,
}

impl QueueName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::DeadLetters => "dead_letters",
        }
    }
}

/// Messages received at once.
pub(super) struct ReceivedBatch {
    pub(super) deliveries: Vec<Delivery>,
    /// Messages that moved to the dead letters instead.
    pub(super) dead_letters: usize,
}

pub(super) fn insert(
    connection: &Connection,
    name: QueueName,
    body: &str,
    sent_at: i64,
    visible_at: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO messages (queue, body, sent_at, visible_at) VALUES (?, ?, ?, ?)")?
        .execute((name.as_str(), body, sent_at, visible_at))?;
    Ok(())
}

/// Receives up to `max` visible messages. Those that were received too often move to the dead letters instead.
pub(super) fn receive(
    connection: &Connection,
    name: QueueName,
    now: i64,
    settings: QueueSettings,
    max: usize,
) -> Result<ReceivedBatch, StoreError> {
    let mut batch = ReceivedBatch { deliveries: Vec::new(), dead_letters: 0 };
    loop {
        let dead_before = batch.dead_letters;
        for message in visible(connection, name, now, max)? {
            if name == QueueName::Jobs && message.receive_count >= settings.max_receives {
                move_to_dead_letters(connection, &message, now)?;
                batch.dead_letters += 1;
            } else {
                batch.deliveries.push(deliver(connection, message, add_millis(now, settings.visibility))?);
            }
        }
        // If all were dead letters, deliverable messages may wait behind them.
        if !batch.deliveries.is_empty() || batch.dead_letters == dead_before {
            return Ok(batch);
        }
    }
}

/// A row of the table.
struct StoredMessage {
    id: i64,
    body: String,
    receive_count: u32,
}

/// Up to `limit` visible messages, those visible longest first.
fn visible(connection: &Connection, name: QueueName, now: i64, limit: usize) -> Result<Vec<StoredMessage>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, body, receive_count FROM messages WHERE queue = ? AND visible_at <= ?
         ORDER BY visible_at, id LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map((name.as_str(), now, limit), |row| {
        Ok(StoredMessage { id: row.get(0)?, body: row.get(1)?, receive_count: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn move_to_dead_letters(connection: &Connection, message: &StoredMessage, now: i64) -> Result<(), StoreError> {
    insert(connection, QueueName::DeadLetters, &message.body, now, now)?;
    connection.prepare_cached("DELETE FROM messages WHERE id = ?")?.execute([message.id])?;
    Ok(())
}

fn deliver(connection: &Connection, message: StoredMessage, hidden_until: i64) -> Result<Delivery, StoreError> {
    let StoredMessage { id, body, receive_count } = message;
    let receive_count = receive_count.saturating_add(1);
    connection
        .prepare_cached("UPDATE messages SET visible_at = ?, receive_count = ?, in_flight = 1 WHERE id = ?")?
        .execute((hidden_until, receive_count, id))?;
    let receipt = Receipt(format!("{id}-{receive_count}"));
    Ok(Delivery { receipt, request: WorkRequest::parse_job(&body), body, receive_count })
}

/// Deletes the message of a receipt. Does nothing if the receipt is outdated.
pub(super) fn delete(connection: &Connection, name: QueueName, receipt: &Receipt) -> Result<(), StoreError> {
    let (id, count) = parse_receipt(receipt)?;
    let sql = "DELETE FROM messages WHERE queue = ? AND id = ? AND receive_count = ?";
    connection.prepare_cached(sql)?.execute((name.as_str(), id, count))?;
    Ok(())
}

/// Hides the message of a receipt until `visible_at`. Does nothing if the receipt is outdated.
pub(super) fn defer(
    connection: &Connection,
    name: QueueName,
    receipt: &Receipt,
    visible_at: i64,
) -> Result<(), StoreError> {
    let (id, count) = parse_receipt(receipt)?;
    let sql = "UPDATE messages SET visible_at = ?, in_flight = 0 WHERE queue = ? AND id = ? AND receive_count = ?";
    connection.prepare_cached(sql)?.execute((visible_at, name.as_str(), id, count))?;
    Ok(())
}

/// Makes messages in flight visible at `now`. Returns their number.
pub(super) fn release_in_flight(connection: &Connection, now: i64) -> Result<usize, StoreError> {
    let sql = "UPDATE messages SET in_flight = 0, visible_at = min(visible_at, ?) WHERE in_flight = 1";
    Ok(connection.prepare_cached(sql)?.execute([now])?)
}

/// Brings messages forward that are hidden for longer than `longest`, and those sent in the future. Returns their number.
pub(crate) fn bring_forward(connection: &Connection, now: i64, longest: Duration) -> Result<usize, StoreError> {
    let latest = add_millis(now, longest);
    let sql = "UPDATE messages SET visible_at = min(visible_at, ?2), sent_at = min(sent_at, ?1)
               WHERE visible_at > ?2 OR sent_at > ?1";
    Ok(connection.prepare_cached(sql)?.execute((now, latest))?)
}

/// Makes all messages visible that wait and are not in flight. For a clock that was set back, whose error no message
/// tells. A message only wakes a worker: the record of its job decides how long to wait.
pub(crate) fn show_waiting(connection: &Connection, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE messages SET visible_at = ?1 WHERE visible_at > ?1 AND in_flight = 0";
    connection.prepare_cached(sql)?.execute([now])?;
    Ok(())
}

/// Moves the times of all messages into the future, by as much as the clock jumped ahead to `now`.
pub(crate) fn postpone(connection: &Connection, by: Duration, now: i64, longest: Duration) -> Result<(), StoreError> {
    let by = add_millis(0, by);
    let sql = "UPDATE messages SET visible_at = visible_at + ?1, sent_at = sent_at + ?1";
    connection.prepare_cached(sql)?.execute([by])?;
    // Those that were sent or received since the jump.
    bring_forward(connection, now, longest)?;
    Ok(())
}

/// The earliest time at which a message is or was visible; `None` if the queue is empty.
pub(super) fn next_visible_at(connection: &Connection, name: QueueName) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(visible_at) FROM messages WHERE queue = ?";
    Ok(connection.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0))?)
}

/// When the oldest visible message was sent.
pub(super) fn oldest_sent_at(connection: &Connection, name: QueueName, now: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT sent_at FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY sent_at LIMIT 1";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query((name.as_str(), now))?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// `time` plus `wait`, capped at the largest time.
pub(super) fn add_millis(time: i64, wait: Duration) -> i64 {
    time.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

/// The message's id and receive count.
fn parse_receipt(receipt: &Receipt) -> Result<(i64, u32), StoreError> {
    let parsed = receipt.0.split_once('-').and_then(|(id, count)| Some((id.parse().ok()?, count.parse().ok()?)));
    parsed.ok_or(StoreError::InvalidReceipt)
}
