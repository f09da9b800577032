//! Parameter sets.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::ports::{ParamSets, PortError, Precondition, StoredSet, WriteError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::database::Database;
use crate::error::StoreError;

/// [`ParamSets`] in the database.
#[derive(Clone)]
pub struct LocalSets {
    database: Database,
}

impl LocalSets {
    /// The parameter sets in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Makes `change` if the stored set meets the precondition. Returns whether there was a set.
    async fn change(
        &self,
        owner: &OwnerId,
        name: &SetName,
        precondition: &Precondition,
        change: impl FnOnce(&Connection, &str, &str) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<bool, WriteError> {
        let (owner, name, precondition) = (owner.to_string(), name.to_string(), precondition.clone());
        let changed = self.database.write(move |connection| {
            // No other write can come between these statements.
            let stored = revision(connection, &owner, &name)?;
            if !precondition.allows(stored) {
                return Ok(None);
            }
            change(connection, &owner, &name)?;
            Ok(Some(stored.is_some()))
        });
        changed.await?.ok_or(WriteError::Conflict)
    }
}

#[async_trait]
impl ParamSets for LocalSets {
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError> {
        let key = (owner.to_string(), name.to_string());
        let found = self.database.read(move |connection| {
            let sql = "SELECT name, revision, updated_at, document FROM param_sets WHERE owner = ? AND name = ?";
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query(key)?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let (name, revision, updated_at) = listing(row)?;
            let document = row.get_ref(3)?.as_str().map_err(StoreError::record)?;
            let set = serde_json::from_str(document).map_err(StoreError::record)?;
            Ok(Some(StoredSet { name, revision, updated_at, set }))
        });
        Ok(found.await?)
    }

    async fn list(&self, owner: &OwnerId) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        let owner = owner.to_string();
        let listed = self.database.read(move |connection| {
            let sql = "SELECT name, revision, updated_at FROM param_sets WHERE owner = ? ORDER BY name";
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query([owner])?;
            let mut listings = Vec::new();
            while let Some(row) = rows.next()? {
                listings.push(listing(row)?);
            }
            Ok(listings)
        });
        Ok(listed.await?)
    }

    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, WriteError> {
        let (revision, updated_at) = (set.revision.to_string(), set.updated_at.as_millisecond());
        let document = serde_json::to_string(&set.set).map_err(StoreError::record)?;
        let put = move |connection: &Connection, owner: &str, name: &str| {
            connection
                .prepare_cached(
                    "INSERT INTO param_sets (owner, name, revision, updated_at, document)
                     VALUES (:owner, :name, :revision, :updated_at, :document)
                     ON CONFLICT (owner, name) DO UPDATE SET revision = excluded.revision,
                         updated_at = excluded.updated_at, document = excluded.document",
                )?
                .execute(named_params! {
                    ":owner": owner, ":name": name, ":revision": revision, ":updated_at": updated_at,
                    ":document": document,
                })?;
            Ok(())
        };
        self.change(owner, &set.name, precondition, put).await
    }

    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError> {
        let delete = |connection: &Connection, owner: &str, name: &str| {
            let sql = "DELETE FROM param_sets WHERE owner = ? AND name = ?";
            connection.prepare_cached(sql)?.execute((owner, name))?;
            Ok(())
        };
        self.change(owner, name, precondition, delete).await
    }
}

/// The stored revision of a set, if there is one.
fn revision(connection: &Connection, owner: &str, name: &str) -> Result<Option<Revision>, StoreError> {
    let mut query = connection.prepare_cached("SELECT revision FROM param_sets WHERE owner = ? AND name = ?")?;
    let stored = query.query_row((owner, name), |row| row.get::<_, String>(0)).optional()?;
    stored.map(|text| text.parse().map_err(StoreError::record)).transpose()
}

/// Reads name, revision and time from the first columns of a row.
fn listing(row: &Row<'_>) -> Result<(SetName, Revision, Timestamp), StoreError> {
    Ok((
        row.get::<_, String>(0)?.parse().map_err(StoreError::record)?,
        row.get::<_, String>(1)?.parse().map_err(StoreError::record)?,
        Timestamp::from_millisecond(row.get(2)?).map_err(StoreError::record)?,
    ))
}
