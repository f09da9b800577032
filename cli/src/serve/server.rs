//! Accepting connections. What `axum::serve` does, with the limits that it cannot set: how many connections
//! there are, and how long a caller may take to send a request's head.

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

use super::stop::Stop;

/// How many connections there are at once. Further ones wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a caller may take to send a request's head, and may keep a connection open between requests.
const HEAD: Duration = Duration::from_secs(30);
/// How long requests that are being answered may take once the server is asked to stop.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long to wait where a connection cannot be accepted, for want of file descriptors say.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is asked to stop, and then lets what is being answered end.
pub(crate) async fn run(listener: TcpListener, router: Router, stop: Stop) {
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    while let Some((stream, place)) = stop.or(accept(&listener, &places)).await {
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
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
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}
