//! The database of a data folder: a dump, and a few facts.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;

/// A job's row: its id, the name of its state, and its record.
pub(crate) struct JobRow {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) document: serde_json::Value,
}

/// Opens the database of a data folder. A server may have it open too.
pub(crate) fn open(data: &Path) -> Result<Connection> {
    let path = data.join("cutline.db");
    let connection = Connection::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(connection)
}

/// All jobs, by id.
pub(crate) fn jobs(connection: &Connection) -> Result<Vec<JobRow>> {
    let mut query = connection.prepare("SELECT id, state, document FROM jobs ORDER BY id")?;
    let rows = query
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?;
    let mut jobs = Vec::new();
    for row in rows {
        let (id, state, document) = row?;
        let document = serde_json::from_str(&document).with_context(|| format!("the record of {id} is not JSON"))?;
        jobs.push(JobRow { id, state, document });
    }
    Ok(jobs)
}

/// The values of a column of texts, as `sql` selects them.
pub(crate) fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut query = connection.prepare(sql)?;
    let rows = query.query_map([], |row| row.get::<_, String>(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// The credits of an owner.
pub(crate) fn credits(connection: &Connection, owner: &str) -> Result<Option<u64>> {
    let credits: Option<i64> =
        connection.query_row("SELECT credits FROM owners WHERE id = ?", [owner], |row| row.get(0))?;
    credits.map(u64::try_from).transpose().context("an owner has fewer than no credits")
}

/// The database as SQL: its marks, its schema and its rows.
pub(crate) fn dump(connection: &Connection) -> Result<String> {
    let mut sql = String::new();
    for mark in ["application_id", "user_version"] {
        let value: i64 = connection.query_row(&format!("PRAGMA {mark}"), [], |row| row.get(0))?;
        writeln!(sql, "PRAGMA {mark} = {value};")?;
    }
    // SQLite makes its own tables by itself.
    let statements = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    for statement in texts(connection, statements)? {
        writeln!(sql, "\n{statement};")?;
    }
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    for table in texts(connection, tables)? {
        let columns = texts(connection, &format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"))?;
        let values: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
        let rows = format!("SELECT {} FROM {table} ORDER BY 1", values.join(" || ', ' || "));
        for row in texts(connection, &rows)? {
            writeln!(sql, "\nINSERT INTO {table} ({}) VALUES\n    ({row});", columns.join(", "))?;
        }
    }
    // The greatest ids that were ever used, so that none is used again.
    for sequence in texts(connection, "SELECT quote(name) || ' ' || seq FROM sqlite_sequence ORDER BY name")? {
        let (table, last) = sequence.rsplit_once(' ').context("a sequence has a number")?;
        writeln!(sql, "\nDELETE FROM sqlite_sequence WHERE name = {table};")?;
        writeln!(sql, "INSERT INTO sqlite_sequence (name, seq) VALUES ({table}, {last});")?;
    }
    Ok(sql)
}
