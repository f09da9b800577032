//! The table of messages. Times are milliseconds since 1970.

use std::time::Duration;

use cutline_core::domain::job::Route;
use cutline_core::domain::work_request::WorkRequest;
use cutline_core::ports::{Delivery, Receipt};
use rusqlite::Connection;

use super::rows::{MessagePlace, QueueName, StoredMessage};
use super::turns;
use crate::error::StoreError;

/// How a queue treats its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// The visibility timeout: how long a delivered message is hidden from other workers. Longer than a job's lease,
    /// so that a redelivered message finds the lease expired.
    pub visibility: Duration,
    /// Deliveries of a message before it moves to the dead letters.
    pub max_receives: u32,
    /// Live messages of one owner in flight at intake, at most, and twice as many as bulk ones, so that one owner's slow
    /// hosts do not hold all fetchers.
    pub max_in_flight_per_owner: Option<u32>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { visibility: Duration::from_secs(120), max_receives: 20, max_in_flight_per_owner: Some(4) }
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
    place: &MessagePlace,
    body: &str,
    (sent_at, visible_at): (i64, i64),
) -> Result<(), StoreError> {
    let sql = "INSERT INTO messages (queue, lane, owner, body, sent_at, visible_at) VALUES (?, ?, ?, ?, ?, ?)";
    let MessagePlace { name, lane, owner } = place;
    connection.prepare_cached(sql)?.execute((name.as_str(), lane.as_str(), owner, body, sent_at, visible_at))?;
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
    let max_in_flight = settings.max_in_flight_per_owner.filter(|_| name == QueueName::Intake);
    while batch.deliveries.len() < max
        && let Some(message) = turns::next(connection, name, now, max_in_flight)?
    {
        if name != QueueName::DeadLetters && message.receive_count >= settings.max_receives {
            move_to_dead_letters(connection, &message, now)?;
            batch.dead_letters += 1;
        } else {
            batch.deliveries.push(deliver(connection, message, add_millis(now, settings.visibility))?);
        }
    }
    Ok(batch)
}

fn move_to_dead_letters(connection: &Connection, message: &StoredMessage, now: i64) -> Result<(), StoreError> {
    let place = MessagePlace { name: QueueName::DeadLetters, ..message.place.clone() };
    insert(connection, &place, &message.body, (now, now))?;
    connection.prepare_cached("DELETE FROM messages WHERE id = ?")?.execute([message.id])?;
    Ok(())
}

fn deliver(connection: &Connection, message: StoredMessage, hidden_until: i64) -> Result<Delivery, StoreError> {
    let StoredMessage { id, body, receive_count, place } = message;
    turns::note_delivery(connection, &place)?;
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
pub(super) fn oldest_sent_at(connection: &Connection, route: Route, now: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT sent_at FROM messages WHERE queue = ? AND lane = ? AND visible_at <= ? ORDER BY sent_at LIMIT 1";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query((QueueName::of(route.stage).as_str(), route.lane.as_str(), now))?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// The number of messages, visible or not.
pub(super) fn length(connection: &Connection, route: Route) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(sum(messages), 0) FROM turns WHERE queue = ? AND lane = ? AND messages > 0";
    let name = QueueName::of(route.stage).as_str();
    Ok(connection.prepare_cached(sql)?.query_row((name, route.lane.as_str()), |row| row.get(0))?)
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
