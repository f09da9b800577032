//! Accepting connections. Like `axum::serve`, with limits that it does not offer: the number of connections, the time for
//! a request's head, and the time that a caller may stop reading.

mod stalls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use self::stalls::StallTimeout;
use super::stop::StopSignal;

/// The most connections at once. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// The fewest connections, however few files the process may open.
const MIN_CONNECTIONS: u64 = 16;
/// File descriptors reserved for the rest of the process: the database, files, and downloads. Without the reserve, idle
/// connections could make accepted jobs fail.
const RESERVED_FILES: u64 = 128;
/// The longest time for a request's head, and the longest pause between two requests of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a caller may stop reading a response.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The part of a response that waits in memory, and the longest head of a request, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long requests in progress may take after a request to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted, for example for lack of file descriptors.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the server stops, and then lets requests in progress finish.
pub(crate) async fn run(listener: TcpListener, router: Router, stop: StopSignal) {
    let open = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(max_connections()));
    while let Some((stream, permit)) = stop.or(accept(&listener, &permits)).await {
        let connection = open.watch(connection(stream, router.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Nearly always caused by the caller: a reset, a timeout, or an invalid request.
                tracing::debug!(%error, "connection failed");
            }
            drop(permit);
        });
    }
    drop(listener);
    if timeout(STOP_GRACE, open.shutdown()).await.is_err() {
        tracing::warn!(timeout = ?STOP_GRACE, "disconnected unfinished requests");
    }
}

/// The most connections that the limit of open files allows. Raises that limit first, as far as the system permits.
fn max_connections() -> usize {
    let needed = MAX_CONNECTIONS as u64 + RESERVED_FILES;
    let files = match rlimit::increase_nofile_limit(needed) {
        Ok(files) if files >= needed => return MAX_CONNECTIONS,
        Ok(files) => files,
        Err(error) => {
            let connections = MAX_CONNECTIONS / 8;
            tracing::warn!(%error, connections, "unknown limit of open files");
            return connections;
        }
    };
    let connections = files.saturating_sub(RESERVED_FILES).max(MIN_CONNECTIONS);
    tracing::warn!(files, connections, "low limit of open files: fewer connections at once; raise it with `ulimit -n`");
    usize::try_from(connections).unwrap_or(MAX_CONNECTIONS)
}

/// Serves one connection.
fn connection(
    stream: TcpStream,
    router: Router,
) -> http1::Connection<TokioIo<StallTimeout<TcpStream>>, TowerToHyperService<Router>> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(BUFFER_BYTES);
    http.serve_connection(TokioIo::new(StallTimeout::new(stream, STALL_TIMEOUT)), TowerToHyperService::new(router))
}

/// Waits for a permit and then for a connection.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Always `Some`: the semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Responses are written in one go. Waiting for more data would only delay them.
                let _ = stream.set_nodelay(true);
                // A failure only means that slow readers are disconnected earlier than necessary.
                let _ = stalls::bound_send_buffer(&stream);
                return (stream, permit);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures::{StreamExt, stream};
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn disconnects_a_caller_that_stops_reading_and_buffers_little_for_it() {
        let produced = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&produced);
        let router = Router::new().route(
            "/",
            get(async move || {
                Body::from_stream(stream::repeat(Bytes::from_static(&[0; 65_536])).map(move |chunk| {
                    count.fetch_add(chunk.len(), Ordering::Relaxed);
                    Ok::<_, Infallible>(chunk)
                }))
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut caller = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let (stream, _) = accept(&listener, &Arc::new(Semaphore::new(1))).await;
        // The body never ends, so only the timeout ends this.
        connection(stream, router).await.expect_err("disconnected");
        let produced = produced.load(Ordering::Relaxed);
        assert!(produced > 0 && produced < 2_000_000, "{produced}");
    }
}
