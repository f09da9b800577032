//! The database: one writer that commits for many callers, and several readers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection::connect;
use crate::disk::sync_folder;
use crate::error::{OpenError, StoreError};
use crate::files::LocalFiles;
use crate::open_files::{OpenFiles, check_all};
use crate::private::{create_file, tighten};
use crate::readers::Readers;
use crate::schema;
use crate::writer::Writer;

/// An open database. Clones share the connections; dropping the last one closes them.
///
/// One thread writes. It commits all waiting changes in one transaction, and so with one `fsync`. Reads use
/// connections of their own and never wait for it; they see every change acknowledged before they began.
///
/// Once the database's files were removed, renamed or replaced, every read and write fails with [`StoreError::Lost`]:
/// what an open file without a name contains is gone when the process ends.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Opens the database at `path`. Creates a missing one and migrates an older one. Its files are made accessible to
    /// their owner only.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not Cutline's, was written by a newer version, or cannot be used.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_guarding(path, Vec::new())
    }

    /// Like [`Database::open`]; reads and writes also fail once the folder of these files is lost. A job is then neither
    /// accepted nor failed for a file that is elsewhere.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_with_files(path: &Path, files: &LocalFiles) -> Result<Self, OpenError> {
        Self::open_guarding(path, vec![files.open_files()])
    }

    fn open_guarding(path: &Path, mut guards: Vec<Arc<OpenFiles>>) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Database { path: path.to_owned(), error };
        create_file(path).map_err(StoreError::at(path))?;
        let mut connection = connect(path).map_err(failed)?;
        schema::migrate(&mut connection, path)?;
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        // SQLite creates the other two with the mode of the first, and keeps them as long as a connection is open.
        let files = [path.to_owned(), companion(path, "-wal"), companion(path, "-shm")];
        files.iter().try_for_each(|file| tighten(file))?;
        guards.push(Arc::new(OpenFiles::remember(files)?));
        let guards: Arc<[_]> = guards.into();
        let readers = Readers::new(path.to_owned(), Arc::clone(&guards));
        let check = move || check_all(&guards);
        let writer = Writer::start(connection, check).map_err(StoreError::at(path))?;
        Ok(Self { shared: Arc::new(Shared { writer, readers }) })
    }

    /// Runs `change` in a transaction. Once this returns a value, the change is on disk. A change that returns an error
    /// is undone; a change whose caller stops waiting may still be made.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_then(change, |_| ()).await
    }

    /// Like [`Database::write`], but passes the final result to `then` first, even if the caller has stopped waiting.
    pub(crate) async fn write_then<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(&Result<T, StoreError>) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let done = move |result: Result<T, StoreError>| {
            then(&result);
            // The caller may have stopped waiting.
            let _ = answer.send(result);
        };
        self.shared.writer.submit(change, done).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `query` on a reading connection.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.readers.run(query).await
    }
}

/// The file that SQLite keeps for the database under its name with this ending.
fn companion(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
