//! The connections that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection::connect;
use crate::error::StoreError;
use crate::open_files::{OpenFiles, check_all};

/// Concurrent reads. Reads take microseconds; more connections would only use more memory.
const MAX_CONNECTIONS: usize = 4;

/// A pool of connections, opened when first needed.
pub(crate) struct Readers {
    path: Arc<PathBuf>,
    /// The files that must not be lost.
    guards: Arc<[Arc<OpenFiles>]>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, guards: Arc<[Arc<OpenFiles>]>) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { path: Arc::new(path), guards, idle: Arc::default(), permits }
    }

    /// Runs `query` on a connection, where it may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (path, guards, idle) = (Arc::clone(&self.path), Arc::clone(&self.guards), Arc::clone(&self.idle));
        let read = tokio::task::spawn_blocking(move || {
            // Held until the read ends, even if the caller stops waiting.
            let _permit = permit;
            check_all(&guards)?;
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match pooled {
                Some(connection) => connection,
                None => {
                    let connection = open(&path)?;
                    // Another file may have taken the name just before.
                    check_all(&guards)?;
                    connection
                }
            };
            // A panic drops the connection; the next read opens another.
            let result = query(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        read.await.unwrap_or_else(|error| Err(error.into()))
    }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
