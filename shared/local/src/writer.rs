//! Group commit: one thread makes everybody's changes.
//!
//! The thread takes whatever changes are waiting, runs each in a savepoint of one transaction, commits, and
//! then answers everybody. While it waits for the disk the next changes gather, so under load one `fsync`
//! serves many callers, and without load a change is committed at once.
//!
//! A change that fails is rolled back alone. A commit that fails (the disk is full) fails all that were in
//! it. A change that panics fails alone, too, and the thread goes on.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::mpsc;

use crate::error::StoreError;

/// How many changes wait before those who bring more have to.
const WAITING: usize = 1024;
/// How many changes are committed together. Bounds how long the first of them waits for the last.
const TOGETHER: usize = 256;

/// The thread, and the way to it. Dropping it lets the thread finish what it was given, and waits for that.
pub(crate) struct Writer {
    changes: Option<mpsc::Sender<Box<dyn Change>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on its connection.
    pub(crate) fn start(connection: Connection) -> io::Result<Self> {
        let (changes, waiting) = mpsc::channel(WAITING);
        let name = "cutline-writer".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || write_all(&connection, waiting))?;
        Ok(Self { changes: Some(changes), thread: Some(thread) })
    }

    /// Hands over a change; `done` is called on the thread, with what it gave, after the commit.
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
            // It cannot have panicked: everything it runs is caught.
            let _ = thread.join();
        }
    }
}

/// A change whose types only its caller knows.
trait Change: Send {
    /// Makes the change. Whether it is to be kept.
    fn make(&mut self, connection: &Connection) -> bool;
    /// Tells the caller; an error here stands in place of what the change gave.
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

/// The thread.
fn write_all(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Change>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = VecDeque::from([first]);
        while batch.len() < TOGETHER
            && let Ok(next) = waiting.try_recv()
        {
            batch.push_back(next);
        }
        // What can still panic here is only our own code around the changes. Callers that are not answered
        // see their channel closed.
        if catch_unwind(AssertUnwindSafe(|| commit_all(connection, batch))).is_err() {
            tracing::error!("the database's writer panicked");
        }
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// Makes all changes, in one transaction if nothing goes wrong.
fn commit_all(connection: &Connection, mut batch: VecDeque<Box<dyn Change>>) {
    while !batch.is_empty() {
        if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
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
            // The changes made so far are gone with the transaction. The rest gets another.
            Some(error) => Err(error),
            None => run(connection, "COMMIT"),
        };
        if !connection.is_autocommit() {
            // A commit that failed leaves its transaction open.
            if let Err(error) = run(connection, "ROLLBACK") {
                tracing::error!(%error, "a transaction could not be rolled back");
                answer_all(batch, Err(error.clone()));
                return answer_all(made, committed.and(Err(error)));
            }
        }
        answer_all(made, committed);
    }
}

/// Makes one change in a savepoint. An error means that the whole transaction is lost.
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
    // SQLite rolls a whole transaction back by itself on some faults, such as a full disk.
    let closed = if connection.is_autocommit() {
        Err(StoreError::from(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
            Some("another change met a full or failing disk".to_owned()),
        )))
    } else if keep {
        run(connection, "RELEASE change")
    } else {
        run(connection, "ROLLBACK TO change").and_then(|()| run(connection, "RELEASE change"))
    };
    if keep && closed.is_ok() {
        made.push_back(change);
    } else {
        // Its own error, where it has one, says more than that the transaction is gone.
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
