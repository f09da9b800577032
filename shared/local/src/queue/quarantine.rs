//! Unreadable messages, kept for a person.

use std::sync::Arc;

use async_trait::async_trait;
use cutline_core::Clock;
use cutline_core::ports::{PortError, Quarantine};

use crate::database::Database;

/// [`Quarantine`] in the database, in the table `parked`.
pub struct LocalQuarantine {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl LocalQuarantine {
    pub(super) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// The bodies in quarantine, oldest first.
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
impl Quarantine for LocalQuarantine {
    async fn park(&self, body: &str) -> Result<(), PortError> {
        let row = (body.to_owned(), self.clock.now().as_millisecond());
        let parked = self.database.write(move |connection| {
            connection.prepare_cached("INSERT INTO parked (body, parked_at) VALUES (?, ?)")?.execute(row)?;
            Ok(())
        });
        Ok(parked.await?)
    }
}
