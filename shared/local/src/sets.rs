//! Parameter sets.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::limits::MAX_PARAM_SETS;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::ports::{ParamSets, PortError, Precondition, PutSetError, StoredSet, WriteError};
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

    async fn list(
        &self,
        owner: &OwnerId,
        from: Option<&SetName>,
        limit: usize,
    ) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        // Every name comes after the empty text.
        let from = from.map(SetName::to_string).unwrap_or_default();
        let (owner, limit) = (owner.to_string(), i64::try_from(limit).unwrap_or(i64::MAX));
        let listed = self.database.read(move |connection| {
            let sql = "SELECT name, revision, updated_at FROM param_sets WHERE owner = ? AND name >= ?
                       ORDER BY name LIMIT ?";
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query((owner, from, limit))?;
            let mut listings = Vec::new();
            while let Some(row) = rows.next()? {
                listings.push(listing(row)?);
            }
            Ok(listings)
        });
        Ok(listed.await?)
    }

    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, PutSetError> {
        let (owner, precondition) = (owner.to_string(), precondition.clone());
        let row = SetRow::of(set)?;
        let outcome = self.database.write(move |connection| {
            // No other write can come between these statements.
            let stored = revision(connection, &owner, &row.name)?;
            if !precondition.allows(stored) {
                return Ok(PutOutcome::Conflict);
            }
            if stored.is_none() && is_full(connection, &owner)? {
                return Ok(PutOutcome::TooMany);
            }
            row.put(connection, &owner)?;
            Ok(PutOutcome::Stored { replaced: stored.is_some() })
        });
        match outcome.await? {
            PutOutcome::Stored { replaced } => Ok(replaced),
            PutOutcome::Conflict => Err(PutSetError::Conflict),
            PutOutcome::TooMany => Err(PutSetError::TooMany),
        }
    }

    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError> {
        let (owner, name, precondition) = (owner.to_string(), name.to_string(), precondition.clone());
        let deleted = self.database.write(move |connection| {
            // No other write can come between these statements.
            let stored = revision(connection, &owner, &name)?;
            if !precondition.allows(stored) {
                return Ok(None);
            }
            let sql = "DELETE FROM param_sets WHERE owner = ? AND name = ?";
            connection.prepare_cached(sql)?.execute((owner, name))?;
            Ok(Some(stored.is_some()))
        });
        deleted.await?.ok_or(WriteError::Conflict)
    }
}

/// The outcome of a write of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PutOutcome {
    Stored { replaced: bool },
    Conflict,
    TooMany,
}

/// A set as a row.
struct SetRow {
    name: String,
    revision: String,
    /// Milliseconds since 1970.
    updated_at: i64,
    document: String,
}

impl SetRow {
    fn of(set: &StoredSet) -> Result<Self, StoreError> {
        Ok(Self {
            name: set.name.to_string(),
            revision: set.revision.to_string(),
            updated_at: set.updated_at.as_millisecond(),
            document: serde_json::to_string(&set.set).map_err(StoreError::record)?,
        })
    }

    /// Stores the row. Replaces a previous one.
    fn put(&self, connection: &Connection, owner: &str) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "INSERT INTO param_sets (owner, name, revision, updated_at, document)
                 VALUES (:owner, :name, :revision, :updated_at, :document)
                 ON CONFLICT (owner, name) DO UPDATE SET revision = excluded.revision,
                     updated_at = excluded.updated_at, document = excluded.document",
            )?
            .execute(named_params! {
                ":owner": owner, ":name": self.name, ":revision": self.revision, ":updated_at": self.updated_at,
                ":document": self.document,
            })?;
        Ok(())
    }
}

/// Whether the owner has as many sets as allowed. Reads at most that many entries of the primary key's index.
fn is_full(connection: &Connection, owner: &str) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM param_sets WHERE owner = ? LIMIT ?)";
    let stored: i64 = connection.prepare_cached(sql)?.query_row((owner, MAX_PARAM_SETS as i64), |row| row.get(0))?;
    Ok(stored >= MAX_PARAM_SETS as i64)
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
