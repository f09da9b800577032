//! Hyper's own answers in the form of all others.
//!
//! Hyper answers a head that it cannot parse by itself, with a status and no body, before any service sees the request. It
//! offers no hook for that. But it does so only between two exchanges: the last response is flushed, and none has begun.
//! Bytes written then are such an answer, and this stream writes ours with the same status in its place. The alternative
//! would be to parse every head a second time, and to know where each body ends: a second HTTP parser that must agree with
//! hyper's in every detail.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cutline_http::HeadFault;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::WritePhase;

/// A stream to a caller.
pub(super) struct OwnAnswers<S> {
    stream: S,
    phase: Arc<WritePhase>,
    replacement: Option<Replacement>,
    has_answered: bool,
}

/// An answer in place of hyper's.
struct Replacement {
    bytes: Vec<u8>,
    written: usize,
    /// The length of hyper's answer.
    replaced: usize,
}

impl<S> OwnAnswers<S> {
    pub(super) fn new(stream: S, phase: Arc<WritePhase>) -> Self {
        Self { stream, phase, replacement: None, has_answered: false }
    }

    /// Whether an answer of hyper was replaced.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

/// The fault of an answer that starts with `HTTP/1.1 431`.
fn fault(answer: &[u8]) -> HeadFault {
    let status = answer.get(9..12).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    HeadFault::of_status(status.unwrap_or(400))
}

impl<S: AsyncRead + Unpin> AsyncRead for OwnAnswers<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for OwnAnswers<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.replacement.is_none() {
            if !this.phase.is_idle() {
                return Pin::new(&mut this.stream).poll_write(context, bytes);
            }
            this.replacement = Some(Replacement { bytes: fault(bytes).response(), written: 0, replaced: bytes.len() });
        }
        let Some(Replacement { bytes, written, replaced }) = &mut this.replacement else {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        };
        while *written < bytes.len() {
            match ready!(Pin::new(&mut this.stream).poll_write(context, &bytes[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written += more,
            }
        }
        let replaced = *replaced;
        this.replacement = None;
        this.has_answered = true;
        Poll::Ready(Ok(replaced))
    }

    /// Without vectored writes, an answer of hyper is always in one piece.
    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.phase.flushed();
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
