//! The database: one writer that commits for many, and readers beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use crate::error::{OpenError, StoreError};
use crate::files::sync_folder;
use crate::readers::Readers;
use crate::schema;
use crate::writer::Writer;

/// How long a connection waits for another process's write lock. The only other writer is `cutline keys`,
/// for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database. Clones share the connections; the last one to go closes them.
///
/// Writing goes through one thread, which commits whatever changes have come in meanwhile with one
/// transaction and so with one `fsync`. Reading goes through connections of its own and waits for nobody,
/// and sees every change that was acknowledged before it began.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Opens the database at `path`; makes it if there is none, and brings an older one up to date.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not Cutline's, is newer than this program, or cannot be used.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Database { path: path.to_owned(), error };
        let mut connection = connect(path).map_err(failed)?;
        schema::migrate(&mut connection, path)?;
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        let readers = Readers::new(path.to_owned());
        let writer = Writer::start(connection).map_err(StoreError::at(path))?;
        Ok(Self { shared: Arc::new(Shared { writer, readers }) })
    }

    /// Runs `change` in a transaction. When this gives its value, the change is on disk. A change that
    /// gives an error is undone; one that is given up on while waiting may be made all the same.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_then(change, |_| ()).await
    }

    /// [`Database::write`], where `then` sees the result once it is certain, even if the caller has gone.
    pub(crate) async fn write_then<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(&Result<T, StoreError>) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let done = move |result: Result<T, StoreError>| {
            then(&result);
            // A caller that has gone does not want to know.
            let _ = answer.send(result);
        };
        self.shared.writer.submit(change, done).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `query` on a connection that reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.readers.run(query).await
    }
}

/// Opens a connection, set up as all of them are.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit that acknowledges something is followed by an fsync (on macOS, by one that really does it).
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A log that a long read has made large is cut down again afterwards.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
