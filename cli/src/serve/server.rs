//! Accepting connections. Like `axum::serve`, with what it does not offer: limits to the number of connections and each
//! address's share of them, to the time for a request's head, and to the time that a caller may stop reading; and answers
//! in our own form to requests that hyper itself refuses.

mod connections;
mod exchange;
mod own_answers;
mod serving;
mod stalls;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::connections::{ConnectionLimits, Connections};
use self::serving::Serving;
use crate::stop::StopSignal;

/// The most connections at once.
const MAX_CONNECTIONS: usize = 1024;
/// The fewest connections, however few files the process may open.
const MIN_CONNECTIONS: u64 = 16;
/// File descriptors reserved for the rest of the process: the database, files, and downloads. Without the reserve, idle
/// connections could make accepted jobs fail.
const RESERVED_FILES: u64 = 128;
/// The longest time for a request's head, and the longest pause between two requests of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests in progress may take after a request to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted, for example for lack of file descriptors.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// The limits of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    connections: ConnectionLimits,
    head_timeout: Duration,
}

impl ServerLimits {
    /// The documented limits, as far as the limit of open files allows, with the configured share of an address.
    pub(crate) fn of_system(per_address: Option<usize>) -> Self {
        Self { connections: ConnectionLimits::new(max_connections(), per_address), head_timeout: HEAD_TIMEOUT }
    }
}

/// Serves until the server stops, and then lets requests in progress finish.
pub(crate) async fn run(listener: TcpListener, router: Router, limits: ServerLimits, stop: StopSignal) {
    let connections = Connections::new(limits.connections);
    let mut tasks = JoinSet::new();
    while let Some((stream, peer)) = stop.or(accept(&listener)).await {
        let Some(admitted) = stop.or(connections.admit(peer.ip())).await else { break };
        // An address over its share is disconnected without an answer: an answer would need a request first.
        let Ok((connection, close)) = admitted else { continue };
        let serving = Serving { stream, router: router.clone(), connection, head_timeout: limits.head_timeout };
        tasks.spawn(serving.run(close, stop.clone()));
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(STOP_GRACE, all_ended).await.is_err() {
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

/// Waits for a connection.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Responses are written in one go. Waiting for more data would only delay them.
                let _ = stream.set_nodelay(true);
                // A failure only means that slow readers are disconnected earlier than necessary.
                let _ = stalls::bound_send_buffer(&stream);
                return (stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}
