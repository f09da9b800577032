//! A connection whose other side has to read what is written to it.
//!
//! Hyper waits for ever for a caller to read on, and with it wait the connection, its place among those
//! that may be open, and the file that is being read for it. Here a write that gets nowhere for a while
//! ends in an error, which closes the connection. Any progress starts the while anew: whoever reads slowly
//! reads to the end.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Sleep, sleep};

/// How many bytes the system may take of an answer before the caller has.
const SEND_BUFFER: u32 = 256 * 1024;

/// A stream whose writes fail once they have got nowhere for so long.
pub(super) struct NoStalls<S> {
    stream: S,
    limit: Duration,
    /// When the write that waits now has waited for too long.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> NoStalls<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, end: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let limit = self.limit;
        ready!(self.end.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the caller stopped reading")))
    }
}

/// Keeps the system from taking megabytes of an answer at once. It says that there is room only when a
/// third of its buffer is empty again: with a large one, a slow reader looks like one that has stopped.
pub(super) fn bound_send_buffer(stream: &TcpStream) -> io::Result<()> {
    // Options are the socket's, whichever descriptor they are set through.
    let same_socket = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
    TcpSocket::from_std_stream(same_socket).set_send_buffer_size(SEND_BUFFER)
}

impl<S: AsyncRead + Unpin> AsyncRead for NoStalls<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for NoStalls<S> {
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

    // A socket has nothing to flush, and is shut down at once: neither waits for the caller.
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

    /// Writes 100 bytes where 10 find room, to somebody who reads `count` bytes, one at each interval.
    async fn write(interval: u64, count: usize) -> io::Result<()> {
        let (near, mut far) = duplex(10);
        let mut near = NoStalls::new(near, LIMIT);
        let reads = async {
            for _ in 0..count {
                sleep(Duration::from_secs(interval)).await;
                far.read_u8().await.expect("a byte");
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            written = near.write_all(&[0; 100]) => written,
            () = reads => Ok(()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_reading_is_cut_off_and_who_reads_slowly_is_not() {
        write(29, 100).await.expect("a trickle goes on for an hour");
        for read in [0, 50] {
            let error = write(29, read).await.expect_err("nobody reads");
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{read}");
        }
        assert!(write(31, 100).await.is_err());
    }
}
