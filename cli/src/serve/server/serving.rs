//! Serving one connection, from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cutline_http::{HeadFault, MAX_HEAD_BYTES};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connections::{CloseSignal, OpenConnection};
use super::exchange::{ExchangeService, WritePhase};
use super::own_answers::OwnAnswers;
use super::stalls::StallTimeout;
use crate::stop::StopSignal;

/// How long a caller may stop reading a response.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The part of a response that waits in memory, in bytes. More than [`MAX_HEAD_BYTES`], which are read into a buffer of
/// this size.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long a closed connection is read, and how much. Closing a socket with unread bytes resets the connection, and the
/// caller's system may then discard the response.
const LINGER: (Duration, usize) = (Duration::from_secs(1), 1_000_000);

type Io = TokioIo<OwnAnswers<StallTimeout<TcpStream>>>;

/// A connection to serve.
pub(super) struct Serving {
    pub(super) stream: TcpStream,
    pub(super) router: Router,
    pub(super) connection: OpenConnection,
    /// The longest time for a request's head, and the longest pause between two requests.
    pub(super) head_timeout: Duration,
}

impl Serving {
    /// Serves until the caller closes the connection, or it must close for another. Once the server stops, a request in
    /// progress is the last.
    pub(super) async fn run(self, mut close: CloseSignal, stop: StopSignal) {
        tokio::select! {
            () = close.requested() => tracing::debug!("connection closed for another"),
            () = self.serve(stop) => {}
        }
    }

    async fn serve(self, stop: StopSignal) {
        let mut connection = self.start();
        let result = tokio::select! {
            result = &mut connection => result,
            () = stop.requested() => {
                Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        let http1::Parts { io, read_buf, service, .. } = connection.into_parts();
        let io = io.into_inner();
        let fault = result.as_ref().err().and_then(|error| unanswered(error, !read_buf.is_empty(), io.has_answered()));
        if let Err(error) = result {
            // Nearly always caused by the caller: a reset, a timeout, or an invalid request.
            tracing::debug!(%error, "connection failed");
        }
        finish(io.into_inner(), fault).await;
        drop(service);
    }

    /// The connection as hyper serves it. Hyper's own limit of header fields is the documented one.
    pub(super) fn start(self) -> http1::Connection<Io, ExchangeService> {
        let phase = Arc::new(WritePhase::default());
        let io = OwnAnswers::new(StallTimeout::new(self.stream, STALL_TIMEOUT), Arc::clone(&phase));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_buf_size(BUFFER_BYTES)
            .max_header_size(MAX_HEAD_BYTES);
        http.serve_connection(TokioIo::new(io), ExchangeService::new(self.router, self.connection, phase))
    }
}

/// The fault of a head that hyper has not answered. A caller that has sent nothing gets no answer.
fn unanswered(error: &hyper::Error, has_bytes: bool, is_answered: bool) -> Option<HeadFault> {
    match error {
        _ if is_answered || !has_bytes => None,
        error if error.is_timeout() => Some(HeadFault::TooSlow),
        error if error.is_incomplete_message() => Some(HeadFault::EndedEarly),
        error if error.is_parse() => Some(HeadFault::Malformed),
        _ => None,
    }
}

/// Answers the fault, if any, and closes the connection so that the caller can read the last response.
async fn finish(mut stream: StallTimeout<TcpStream>, fault: Option<HeadFault>) {
    let (time, bytes) = LINGER;
    let closing = async {
        if let Some(fault) = fault {
            stream.write_all(&fault.response()).await?;
        }
        stream.shutdown().await?;
        let mut rest = stream.take(bytes as u64);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // Whatever fails, the connection is over.
    if let Ok(Err(error)) = timeout(time, closing).await {
        tracing::trace!(%error, "connection ended");
    }
}
