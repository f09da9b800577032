use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;

/// A writer on a table of numbers, in its own file.
struct World {
    writer: Writer,
    reader: Connection,
    /// Set to make the writer believe that its file was lost.
    lost: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set_up: impl FnOnce(&Connection)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        std::fs::File::create(&path).expect("a file");
        let connection = crate::connection::connect(&path).expect("a connection");
        connection.execute_batch("CREATE TABLE t (x NOT NULL, filler)").expect("a table");
        set_up(&connection);
        let lost = Arc::new(AtomicBool::new(false));
        let is_lost = Arc::clone(&lost);
        let check = move || match is_lost.load(Ordering::Acquire) {
            true => Err(StoreError::Lost("test.db".into())),
            false => Ok(()),
        };
        let writer = Writer::start(connection, check).expect("a thread");
        let reader = crate::connection::connect(&path).expect("a connection");
        Self { writer, reader, lost, _folder: folder }
    }

    /// Submits a change without waiting for its answer.
    async fn submit(
        &self,
        change: impl FnOnce(&Connection) -> Result<i64, StoreError> + Send + 'static,
    ) -> oneshot::Receiver<Result<i64, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let done = move |result| {
            let _ = answer.send(result);
        };
        self.writer.submit(change, done).await.expect("submitted");
        answered
    }

    /// Blocks the writer until the sender is dropped, so that all changes submitted meanwhile form one batch.
    async fn hold(&self) -> Sender<()> {
        let (release, held): (Sender<()>, Receiver<()>) = channel();
        let (begun, beginning) = oneshot::channel();
        let answered = self.submit(move |_| {
            let _ = begun.send(());
            let _ = held.recv_timeout(Duration::from_secs(60));
            Ok(0)
        });
        drop(answered.await);
        beginning.await.expect("the writer begins");
        release
    }

    fn numbers(&self) -> Vec<i64> {
        let mut query = self.reader.prepare("SELECT x FROM t ORDER BY x").expect("a query");
        query.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("numbers")
    }
}

fn insert(x: i64) -> impl FnOnce(&Connection) -> Result<i64, StoreError> + Send {
    move |connection| {
        connection.execute("INSERT INTO t (x) VALUES (?)", [x])?;
        Ok(x)
    }
}

#[tokio::test]
async fn undoes_only_the_change_that_fails_or_panics() {
    let world = World::new();
    let release = world.hold().await;
    let first = world.submit(insert(1)).await;
    let failing = world
        .submit(|connection| {
            insert(2)(connection)?;
            connection.execute("INSERT INTO t (x) VALUES (NULL)", [])?;
            Ok(2)
        })
        .await;
    let panicking = world
        .submit(|connection| {
            insert(3)(connection)?;
            panic!("a bug in a change");
        })
        .await;
    let last = world.submit(insert(4)).await;
    drop(release);
    assert_eq!(first.await.expect("an answer").expect("made"), 1);
    let error = failing.await.expect("an answer").expect_err("refused");
    assert!(matches!(error, StoreError::Database(_)) && !error.is_transient(), "{error}");
    assert!(matches!(panicking.await.expect("an answer"), Err(StoreError::Panicked)));
    assert_eq!(last.await.expect("an answer").expect("made"), 4);
    assert_eq!(world.numbers(), [1, 4]);
}

#[tokio::test]
async fn a_full_disk_loses_no_acknowledged_change() {
    let world = World::with(|connection| connection.pragma_update(None, "max_page_count", 40).expect("a limit"));
    let large = |x: i64| {
        move |connection: &Connection| {
            connection.execute("INSERT INTO t (x, filler) VALUES (?, zeroblob(30000))", [x])?;
            Ok(x)
        }
    };
    let release = world.hold().await;
    let mut answers = Vec::new();
    for x in 0..10 {
        answers.push(world.submit(large(x)).await);
    }
    drop(release);
    let mut acknowledged = Vec::new();
    let mut failed = 0;
    for answer in answers {
        match answer.await.expect("an answer") {
            Ok(x) => acknowledged.push(x),
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                failed += 1;
            }
        }
    }
    assert!(failed > 0, "the limit allows all of them");
    assert_eq!(world.numbers(), acknowledged, "stored and acknowledged changes differ");

    // With free space, the writer works again.
    let emptied = world.submit(|connection| Ok(connection.execute("DELETE FROM t", [])? as i64)).await;
    emptied.await.expect("an answer").expect("deleting needs no new page");
    let again = world.submit(large(11)).await;
    assert_eq!(again.await.expect("an answer").expect("there is room again"), 11);
}

#[tokio::test]
async fn a_rolled_back_transaction_fails_every_change_in_it() {
    let world = World::new();
    let release = world.hold().await;
    let before = world.submit(insert(1)).await;
    // SQLite does this itself on some faults.
    let breaking = world.submit(|connection| Ok(connection.execute("ROLLBACK", [])? as i64)).await;
    let after = world.submit(insert(2)).await;
    drop(release);
    assert!(before.await.expect("an answer").is_err_and(|error| error.is_transient()));
    assert!(breaking.await.expect("an answer").is_err());
    assert_eq!(after.await.expect("an answer").expect("made in the next transaction"), 2);
    assert_eq!(world.numbers(), [2]);
}

#[tokio::test]
async fn closing_makes_submitted_changes_even_if_no_caller_waits() {
    let mut world = World::new();
    let release = world.hold().await;
    for x in 0..3 {
        drop(world.submit(insert(x)).await);
    }
    drop(release);
    let unused = Writer::start(Connection::open_in_memory().expect("a connection"), || Ok(())).expect("a thread");
    drop(std::mem::replace(&mut world.writer, unused));
    assert_eq!(world.numbers(), [0, 1, 2]);
}

#[tokio::test]
async fn waits_for_another_process_lock() {
    let world = World::new();
    world.reader.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let waiting = world.submit(insert(1)).await;
    std::thread::sleep(Duration::from_millis(200));
    world.reader.execute_batch("COMMIT").expect("the lock is released");
    assert_eq!(waiting.await.expect("an answer").expect("made"), 1);
}

#[tokio::test]
async fn a_commit_to_a_lost_file_is_not_acknowledged() {
    let world = World::new();
    let lost = Arc::clone(&world.lost);
    // The file is lost after the transaction began.
    let during = world.submit(move |connection| {
        lost.store(true, Ordering::Release);
        insert(1)(connection)
    });
    let error = during.await.await.expect("an answer").expect_err("is not acknowledged");
    assert!(matches!(error, StoreError::Lost(_)) && error.is_transient(), "{error}");
    let after = world.submit(insert(2)).await;
    assert!(matches!(after.await.expect("an answer"), Err(StoreError::Lost(_))));
    assert_eq!(world.numbers(), [1], "nothing more is written");
}
