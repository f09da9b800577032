//! Disconnecting callers that stop reading.
//!
//! Hyper waits forever for a caller to read on, and keeps the connection, its permit and the open file meanwhile. Here a
//! write without progress for some time fails, which closes the connection. Any progress restarts the time, so a slow
//! reader gets everything.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Sleep, sleep};

/// The part of a response that the system buffers for the caller, in bytes.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;

/// A stream whose writes fail after `limit` without progress.
pub(super) struct StallTimeout<S> {
    stream: S,
    limit: Duration,
    /// The deadline of the pending write.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> StallTimeout<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, deadline: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let limit = self.limit;
        ready!(self.deadline.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the caller stopped reading")))
    }
}

/// Keeps the system from buffering megabytes of a response. It reports room only when a third of its buffer is empty, so
/// with a large buffer a slow reader looks like one that has stopped.
pub(super) fn bound_send_buffer(stream: &TcpStream) -> io::Result<()> {
    // Options belong to the socket, so they can be set through any of its descriptors.
    let same_socket = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
    TcpSocket::from_std_stream(same_socket).set_send_buffer_size(SEND_BUFFER_BYTES)
}

impl<S: AsyncRead + Unpin> AsyncRead for StallTimeout<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallTimeout<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watch(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Neither waits for the caller: a socket has nothing to flush, and shuts down at once.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// Writes 100 bytes through a buffer of 10, to a caller that reads `count` bytes, one in each interval of seconds.
    async fn write(interval: u64, count: usize) -> io::Result<()> {
        let (near, mut far) = duplex(10);
        let mut near = StallTimeout::new(near, LIMIT);
        let reader = async {
            for _ in 0..count {
                sleep(Duration::from_secs(interval)).await;
                far.read_u8().await.expect("a byte");
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            written = near.write_all(&[0; 100]) => written,
            () = reader => Ok(()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn disconnects_callers_that_stop_reading_but_not_slow_ones() {
        write(29, 100).await.expect("a slow reader may take an hour");
        for read in [0, 50] {
            let error = write(29, read).await.expect_err("the reader stopped");
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{read}");
        }
        assert!(write(31, 100).await.is_err());
    }
}
