//! Counters of requests.

use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::ports::{PortError, RateCounters};
use jiff::Timestamp;

use crate::database::Database;
use crate::error::StoreError;

/// How long a counter is kept after its window began. Windows are much shorter.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// [`RateCounters`] in the database.
#[derive(Clone)]
pub struct LocalRateCounters {
    database: Database,
}

impl LocalRateCounters {
    /// The counters in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Removes the counters of windows that are over at `now`.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn forget(&self, now: Timestamp) -> Result<usize, PortError> {
        let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN).as_millisecond();
        let forgotten = self.database.write(move |connection| {
            let sql = "DELETE FROM rate_counters WHERE window_start <= ?";
            Ok(connection.prepare_cached(sql)?.execute([before])?)
        });
        Ok(forgotten.await?)
    }
}

#[async_trait]
impl RateCounters for LocalRateCounters {
    async fn count(&self, owner: &OwnerId, window: Timestamp) -> Result<u64, PortError> {
        let row = (owner.to_string(), window.as_millisecond());
        let counted = self.database.write(move |connection| {
            let sql = "INSERT INTO rate_counters (owner, window_start, count) VALUES (?, ?, 1)
                       ON CONFLICT (window_start, owner) DO UPDATE SET count = count + 1 RETURNING count";
            let count: i64 = connection.prepare_cached(sql)?.query_row(row, |row| row.get(0))?;
            u64::try_from(count).map_err(StoreError::record)
        });
        Ok(counted.await?)
    }
}
