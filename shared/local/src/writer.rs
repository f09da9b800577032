//! Group commit: one thread writes for all callers.
//!
//! The thread takes all waiting changes, runs each in a savepoint of one transaction, commits, and answers the callers.
//! While it waits for the disk, the next changes gather: under load one `fsync` serves many callers, without load a
//! change is committed at once.
//!
//! A change that fails or panics is rolled back alone. A failed commit, for example on a full disk, fails every change
//! in it. So does a database file that is lost before or during the commit.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::mpsc;

use crate::error::StoreError;

/// Changes that may wait for the thread. Beyond that, callers wait to submit theirs.
const MAX_WAITING: usize = 1024;
/// Changes in one commit. Bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;

/// A handle to the thread. Dropping it waits until the thread has made all submitted changes.
pub(crate) struct Writer {
    changes: Option<mpsc::Sender<Box<dyn Change>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns the connection. `check` says whether the database still has its files.
    pub(crate) fn start(
        connection: Connection,
        check: impl Fn() -> Result<(), StoreError> + Send + 'static,
    ) -> io::Result<Self> {
        let (changes, waiting) = mpsc::channel(MAX_WAITING);
        let name = "cutline-writer".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || write_all(&connection, &check, waiting))?;
        Ok(Self { changes: Some(changes), thread: Some(thread) })
    }

    /// Submits a change. The thread calls `done` with its result after the commit.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let changes = self.changes.as_ref().ok_or(StoreError::Closed)?;
        let task = Task { change: Some(change), result: Err(StoreError::Panicked), done };
        changes.send(Box::new(task)).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked: it catches every panic.
            let _ = thread.join();
        }
    }
}

/// A [`Task`] with its types erased.
trait Change: Send {
    /// Makes the change. Returns whether to keep it.
    fn make(&mut self, connection: &Connection) -> bool;
    /// Passes the result to the caller; an error in `committed` replaces the change's own result.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Task<T, C, D> {
    change: Option<C>,
    result: Result<T, StoreError>,
    done: D,
}

impl<T, C, D> Change for Task<T, C, D>
where
    T: Send,
    C: FnOnce(&Connection) -> Result<T, StoreError> + Send,
    D: FnOnce(Result<T, StoreError>) + Send,
{
    fn make(&mut self, connection: &Connection) -> bool {
        if let Some(change) = self.change.take() {
            self.result = catch_unwind(AssertUnwindSafe(|| change(connection))).unwrap_or(Err(StoreError::Panicked));
        }
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        (self.done)(committed.and(self.result));
    }
}

/// Fails if the database's files were lost.
type Check<'a> = &'a dyn Fn() -> Result<(), StoreError>;

/// The thread: commits batch after batch until the handle is dropped.
fn write_all(connection: &Connection, check: Check<'_>, mut waiting: mpsc::Receiver<Box<dyn Change>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = VecDeque::from([first]);
        while batch.len() < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            batch.push_back(next);
        }
        // Changes catch their own panics, so this guards only the code around them. Callers without an answer see
        // their channel closed.
        if catch_unwind(AssertUnwindSafe(|| commit_all(connection, check, batch))).is_err() {
            tracing::error!("the database writer panicked");
        }
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll back a transaction");
        }
    }
}

/// Makes all changes of a batch: in one transaction, or in several if SQLite rolls one back.
fn commit_all(connection: &Connection, check: Check<'_>, mut batch: VecDeque<Box<dyn Change>>) {
    while !batch.is_empty() {
        if let Err(error) = check().and_then(|()| run(connection, "BEGIN IMMEDIATE")) {
            return answer_all(batch, Err(error));
        }
        let mut made = VecDeque::with_capacity(batch.len());
        let mut lost = None;
        while lost.is_none()
            && let Some(change) = batch.pop_front()
        {
            lost = make_one(connection, change, &mut made).err();
        }
        let committed = match lost {
            // The changes made so far are lost with the transaction. The rest gets another one.
            Some(error) => Err(error),
            // A commit to a file without a name is lost, so it is not acknowledged.
            None => run(connection, "COMMIT").and_then(|()| check()),
        };
        if !connection.is_autocommit() {
            // A failed commit leaves its transaction open.
            if let Err(error) = run(connection, "ROLLBACK") {
                tracing::error!(%error, "cannot roll back a transaction");
                answer_all(batch, Err(error.clone()));
                return answer_all(made, committed.and(Err(error)));
            }
        }
        answer_all(made, committed);
    }
}

/// Makes one change in a savepoint. An error means that the whole transaction was lost.
fn make_one(
    connection: &Connection,
    mut change: Box<dyn Change>,
    made: &mut VecDeque<Box<dyn Change>>,
) -> Result<(), StoreError> {
    if let Err(error) = run(connection, "SAVEPOINT change") {
        change.answer(Err(error.clone()));
        return Err(error);
    }
    let keep = change.make(connection);
    // On some faults, such as a full disk, SQLite itself rolls back the whole transaction.
    let closed = if connection.is_autocommit() {
        Err(StoreError::from(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
            Some("the transaction was lost to a full or failing disk".to_owned()),
        )))
    } else if keep {
        run(connection, "RELEASE change")
    } else {
        run(connection, "ROLLBACK TO change").and_then(|()| run(connection, "RELEASE change"))
    };
    if keep && closed.is_ok() {
        made.push_back(change);
    } else {
        // The change's own error, if it has one, says more than the lost transaction.
        change.answer(if keep { closed.clone() } else { Ok(()) });
    }
    closed
}

fn answer_all(changes: impl IntoIterator<Item = Box<dyn Change>>, committed: Result<(), StoreError>) {
    for change in changes {
        change.answer(committed.clone());
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests;
