//! The server's database, read and changed behind its back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use cutline_core::domain::job::{Job, JobState};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde_json::Value;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Columns with a time, in milliseconds since 1970.
const TIMES: [(&str, &str); 12] = [
    ("jobs", "due_at"),
    ("jobs", "report_due_at"),
    ("jobs", "deletion_due_at"),
    ("jobs", "expires_at"),
    ("messages", "sent_at"),
    ("messages", "visible_at"),
    ("report_messages", "visible_at"),
    ("identities", "expires_at"),
    ("param_sets", "updated_at"),
    ("keys", "created_at"),
    ("keys", "revoked_at"),
    ("parked", "parked_at"),
];

/// The records at one moment.
pub(crate) struct Snapshot {
    pub(crate) jobs: Vec<Job>,
    /// The credits left, by owner.
    pub(crate) credits: BTreeMap<String, i64>,
    /// The jobs of identities, by digest.
    pub(crate) identities: BTreeMap<String, String>,
}

impl Snapshot {
    /// Reads the records in one transaction. The server may run.
    pub(crate) fn read(database: &Path) -> Result<Self> {
        let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let transaction = connection.transaction()?;
        let documents: Vec<String> = rows(&transaction, "SELECT document FROM jobs", |row| row.get(0))?;
        let parse = |document: String| serde_json::from_str(&document).context("cannot read a job's record");
        Ok(Self {
            jobs: documents.into_iter().map(parse).collect::<Result<_>>()?,
            credits: rows(&transaction, "SELECT id, credits FROM owners WHERE credits IS NOT NULL", |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?,
            identities: rows(&transaction, "SELECT digest, job FROM identities", |row| Ok((row.get(0)?, row.get(1)?)))?,
        })
    }

    /// The credits that an owner has spent: those of jobs that did not fail, and were not withdrawn.
    pub(crate) fn spent(&self, owner: &str) -> i64 {
        let is_spent = |job: &&Job| {
            let is_refunded = matches!(job.state, JobState::Failed { .. } | JobState::Withdrawn { .. });
            job.charged && !is_refunded && job.owner.to_string() == owner
        };
        self.jobs.iter().filter(is_spent).count() as i64
    }
}

fn rows<T, C: FromIterator<T>>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<C> {
    let mut query = connection.prepare(sql)?;
    let rows = query.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<C>>()?)
}

/// Adds this to every stored time, while the server is down. To the next server this looks like a clock that was set
/// back by as much, or forward if it is negative.
pub(crate) fn shift_times(database: &Path, by: SignedDuration) -> Result<()> {
    let mut connection = Connection::open(database)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let milliseconds = i64::try_from(by.as_millis())?;
    for (table, column) in TIMES {
        transaction.execute(&format!("UPDATE {table} SET {column} = {column} + ?"), [milliseconds])?;
    }
    let documents: Vec<(String, String)> =
        rows(&transaction, "SELECT id, document FROM jobs", |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (id, document) in documents {
        let mut document: Value = serde_json::from_str(&document).context("cannot read a job's record")?;
        shift_value(&mut document, by);
        transaction.execute("UPDATE jobs SET document = ? WHERE id = ?", (document.to_string(), id))?;
    }
    Ok(transaction.commit()?)
}

/// Shifts every time in a document.
fn shift_value(value: &mut Value, by: SignedDuration) {
    match value {
        Value::String(text) => {
            if let Some(shifted) = text.parse::<Timestamp>().ok().and_then(|time| time.checked_add(by).ok()) {
                *text = shifted.to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shift_value(item, by)),
        Value::Object(members) => members.values_mut().for_each(|member| shift_value(member, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
