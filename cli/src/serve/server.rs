//! Accepting connections. What `axum::serve` does, with the limits that it cannot set: how many connections
//! there are, how long a caller may take to send a request's head, and how long it may read nothing of the
//! answer.

mod stalls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use self::stalls::NoStalls;
use super::stop::Stop;

/// How many connections there are at once, at most. Further ones wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How many files the rest of the process may have open: the database, what is read and written, what is
/// fetched. They are kept from the connections, or idle ones could make accepted jobs fail.
const OTHER_FILES: u64 = 128;
/// How long a caller may take to send a request's head, and may keep a connection open between requests.
const HEAD: Duration = Duration::from_secs(30);
/// How long a caller may read nothing of an answer that waits for it.
const STALL: Duration = Duration::from_secs(30);
/// How much of an answer waits in memory, and the longest head of a request, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long requests that are being answered may take once the server is asked to stop.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long to wait where a connection cannot be accepted, for want of file descriptors say.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is asked to stop, and then lets what is being answered end.
pub(crate) async fn run(listener: TcpListener, router: Router, stop: Stop) {
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections()));
    while let Some((stream, place)) = stop.or(accept(&listener, &places)).await {
        let connection = open.watch(connection(stream, router.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // The caller's doing, nearly always: a reset, a time-out, a request that is none.
                tracing::debug!(%error, "a connection ended with an error");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(FAREWELL, open.shutdown()).await.is_err() {
        tracing::warn!("some requests took too long to answer and were cut off");
    }
}

/// How many connections there may be, once the process has got all the open files that the system lets it have.
fn connections() -> usize {
    let wanted = CONNECTIONS as u64 + OTHER_FILES;
    let files = match rlimit::increase_nofile_limit(wanted) {
        Ok(files) if files >= wanted => return CONNECTIONS,
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(%error, "it is not known how many files this process may have open");
            return CONNECTIONS / 8;
        }
    };
    tracing::warn!(
        files,
        "this process may have few files open, so it serves few connections at once (see `ulimit -n`)"
    );
    usize::try_from(files.saturating_sub(OTHER_FILES).max(16)).unwrap_or(CONNECTIONS)
}

/// What serves one caller.
fn connection(
    stream: TcpStream,
    router: Router,
) -> http1::Connection<TokioIo<NoStalls<TcpStream>>, TowerToHyperService<Router>> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER);
    http.serve_connection(TokioIo::new(NoStalls::new(stream, STALL)), TowerToHyperService::new(router))
}

/// The next connection, and its place among those that may be open.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer is written at once; waiting for more to send would only delay it.
                let _ = stream.set_nodelay(true);
                // Where this fails, a slow reader is cut off earlier than it need be.
                let _ = stalls::bound_send_buffer(&stream);
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
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
    async fn a_caller_that_stops_reading_is_cut_off_and_little_was_taken_for_it() {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let router = Router::new().route(
            "/",
            get(async move || {
                Body::from_stream(stream::repeat(Bytes::from_static(&[0; 65_536])).map(move |piece| {
                    count.fetch_add(piece.len(), Ordering::Relaxed);
                    Ok::<_, Infallible>(piece)
                }))
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut caller = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let (stream, _) = accept(&listener, &Arc::new(Semaphore::new(1))).await;
        // The body never ends, and neither would this.
        connection(stream, router).await.expect_err("cut off");
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken > 0 && taken < 2_000_000, "{taken}");
    }
}
