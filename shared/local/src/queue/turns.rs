//! Whose message is next.
//!
//! Live messages go before bulk ones, but every tenth delivery is bulk if one waits. Within a lane the owner that was
//! served longest ago goes first. Turns are numbers of deliveries and not times, so no change of the clock affects them.
//!
//! Each choice looks at few rows, however many messages wait: the index of turns leads to the next owner, and the index of
//! messages tells whether one of that owner's is visible.

use cutline_core::domain::lane::Lane;
use rusqlite::{Connection, OptionalExtension as _};

use super::rows::{MessagePlace, QueueName, StoredMessage};
use crate::error::StoreError;

/// Of so many deliveries, one is bulk if bulk waits.
const BULK_EVERY: i64 = 10;

/// Chooses the owner whose message is next. Parameters: queue, lane, the time, and the most messages of an owner in this lane
/// that may be in flight; negative for any number.
pub(super) const NEXT_OWNER: &str = "
    SELECT owner FROM turns
    WHERE queue = ?1 AND lane = ?2 AND messages > 0
      AND EXISTS (
          SELECT 1 FROM messages
          WHERE messages.queue = ?1 AND messages.lane = ?2 AND messages.owner = turns.owner AND visible_at <= ?3
      )
      AND (?4 < 0 OR ?4 > (
          SELECT count(*) FROM messages
          WHERE messages.queue = ?1 AND messages.lane = ?2 AND messages.owner = turns.owner
            AND in_flight = 1 AND visible_at > ?3
      ))
    ORDER BY served, owner LIMIT 1";

/// An owner's message that has been visible longest. Parameters: queue, lane, owner, the time.
pub(super) const OLDEST_OF_OWNER: &str = "
    SELECT id, body, receive_count FROM messages
    WHERE queue = ?1 AND lane = ?2 AND owner = ?3 AND visible_at <= ?4
    ORDER BY visible_at, id LIMIT 1";

/// The next message of a queue that is visible at `now`. An owner with `max_in_flight`
/// live messages in flight, or half as many bulk ones, has no turn in that lane.
pub(super) fn next(
    connection: &Connection,
    name: QueueName,
    now: i64,
    max_in_flight: Option<u32>,
) -> Result<Option<StoredMessage>, StoreError> {
    let mut lanes = Lane::ALL;
    if (deliveries(connection, name)? + 1) % BULK_EVERY == 0 {
        lanes.reverse();
    }
    for lane in lanes {
        // Half of it for bulk, so that one owner's slow hosts leave room in whatever both lanes share.
        let max_in_flight = max_in_flight.map_or(-1, |max| match lane {
            Lane::Live => i64::from(max),
            Lane::Bulk => i64::from(max.div_ceil(2)),
        });
        let owner: Option<String> = connection
            .prepare_cached(NEXT_OWNER)?
            .query_row((name.as_str(), lane.as_str(), now, max_in_flight), |row| row.get(0))
            .optional()?;
        let Some(owner) = owner else { continue };
        let mut query = connection.prepare_cached(OLDEST_OF_OWNER)?;
        let parameters = (name.as_str(), lane.as_str(), &owner, now);
        let (id, body, receive_count) =
            query.query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let place = MessagePlace { name, lane, owner };
        return Ok(Some(StoredMessage { id, body, receive_count, place }));
    }
    Ok(None)
}

/// Notes that a message of this place is delivered.
pub(super) fn note_delivery(connection: &Connection, place: &MessagePlace) -> Result<(), StoreError> {
    let (queue, lane) = (place.name.as_str(), place.lane.as_str());
    let sql = "INSERT INTO deliveries (queue, count) VALUES (?, 1) ON CONFLICT (queue) DO UPDATE SET count = count + 1
               RETURNING count";
    let number: i64 = connection.prepare_cached(sql)?.query_row([queue], |row| row.get(0))?;
    let sql = "UPDATE turns SET served = ? WHERE queue = ? AND lane = ? AND owner = ?";
    connection.prepare_cached(sql)?.execute((number, queue, lane, &place.owner))?;
    Ok(())
}

/// How many messages the queue has delivered.
fn deliveries(connection: &Connection, name: QueueName) -> Result<i64, StoreError> {
    let sql = "SELECT count FROM deliveries WHERE queue = ?";
    let count = connection.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0)).optional()?;
    Ok(count.unwrap_or(0))
}

#[cfg(test)]
mod tests;
