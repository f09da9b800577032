//! How every connection to the database is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a connection waits for another process's write lock. The only other writers are `cutline keys` and
/// `cutline jobs`, briefly.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Size to which SQLite truncates the write-ahead log after a long read has made it grow.
const JOURNAL_SIZE_LIMIT: i64 = 64 << 20;

/// Opens a connection that reads and writes. Never creates the file: one that has disappeared is not replaced by an empty
/// one.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Every commit is followed by an fsync; `fullfsync` makes it a real one on macOS.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_SIZE_LIMIT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
