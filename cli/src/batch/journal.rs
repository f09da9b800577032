//! Appending to the state file. An event counts once it is on disk.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use serde::Serialize;
use tokio::sync::oneshot;

/// Writes lines in a thread of its own. Lines that arrive while the disk is busy share the next flush.
pub(super) struct Journal {
    lines: Option<Sender<PendingLine>>,
    writer: Option<JoinHandle<()>>,
}

/// The state file could not be written. Nothing is sent any more, since it could not be remembered.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot write the state file: {0}; free space on its disk, then run the command again to resume")]
pub(super) struct JournalError(Arc<str>);

struct PendingLine {
    text: Vec<u8>,
    written: oneshot::Sender<Result<(), JournalError>>,
}

impl Journal {
    /// Appends to `file`, whose position is its end.
    pub(super) fn new(file: File) -> Self {
        let (lines, receiver) = channel();
        let writer = std::thread::spawn(move || write_all(file, &receiver));
        Self { lines: Some(lines), writer: Some(writer) }
    }

    /// Appends an event. Returns once it is on disk.
    pub(super) async fn append(&self, event: &impl Serialize) -> Result<(), JournalError> {
        let broken = |cause: &str| JournalError(cause.into());
        let mut text = serde_json::to_vec(event).map_err(|error| broken(&error.to_string()))?;
        text.push(b'\n');
        let (written, done) = oneshot::channel();
        let is_sent = self.lines.as_ref().is_some_and(|lines| lines.send(PendingLine { text, written }).is_ok());
        match done.await {
            Ok(result) if is_sent => result,
            _ => Err(broken("its writer has ended")),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            // It has nothing left to write.
            let _ = writer.join();
        }
    }
}

/// After a failed write, the file may end within a line, so every further one fails too.
fn write_all(mut file: File, lines: &Receiver<PendingLine>) {
    let mut failure = None;
    while let Ok(first) = lines.recv() {
        let pending: Vec<_> = std::iter::once(first).chain(lines.try_iter()).collect();
        let text: Vec<u8> = pending.iter().flat_map(|line| line.text.iter().copied()).collect();
        if failure.is_none() {
            let written = file.write_all(&text).and_then(|()| file.sync_data());
            failure = written.err().map(|error| JournalError(error.to_string().into()));
        }
        for line in pending {
            // An error means that nobody waits any more.
            let _ = line.written.send(failure.clone().map_or(Ok(()), Err));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn every_line_is_written_once_and_in_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let journal = Journal::new(File::create(&path).expect("is created"));
        let results = join_all((0..200).map(|number| {
            let journal = &journal;
            async move { journal.append(&number).await }
        }));
        assert!(results.await.iter().all(Result::is_ok));
        let text = std::fs::read_to_string(&path).expect("reads");
        let mut numbers: Vec<u32> = text.lines().map(|line| line.parse().expect("a number")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_fails_every_further_line() {
        let journal = Journal::new(File::options().write(true).open("/dev/full").expect("a device"));
        for _ in 0..2 {
            let error = journal.append(&1).await.expect_err("is full").to_string();
            assert!(error.contains("No space left") && error.contains("to resume"), "{error}");
        }
    }
}
