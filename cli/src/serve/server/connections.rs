//! The open connections: how many there are, whose they are, and which one makes room for another.
//!
//! Connections are scarce, and opening one costs a caller nothing. So one address has a share of them only. When they run
//! out, a new one takes the place of the one that is worth least: first one that has never had a request with a valid key,
//! then one without a request, and among equals the one that has done nothing for longest. A connection whose request
//! carries a valid key is never closed for another.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// The part of all connections that one address may have by default: an eighth.
const SHARE_DIVISOR: usize = 8;
/// The pause between two warnings about addresses at their limit.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// Of all callers together.
    pub(super) total: usize,
    /// Of one address: an IPv4 address, or the /64 network of an IPv6 address. Does not apply to this machine's own
    /// addresses, where a reverse proxy has the connections of all its clients.
    pub(super) per_address: usize,
}

impl ConnectionLimits {
    /// The limits for this total, with the configured share of an address or the default one.
    pub(super) fn new(total: usize, per_address: Option<usize>) -> Self {
        Self { total, per_address: per_address.unwrap_or(total / SHARE_DIVISOR).clamp(1, total.max(1)) }
    }
}

/// Whom a connection counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    ThisMachine,
    V4(Ipv4Addr),
    /// The first address of the /64 network, which one subscriber has.
    V6(Ipv6Addr),
}

impl Client {
    fn of(address: IpAddr) -> Self {
        // A socket for both versions shows IPv4 addresses as IPv6 ones.
        match address.to_canonical() {
            address if address.is_loopback() => Self::ThisMachine,
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        }
    }
}

/// All open connections.
pub(super) struct Connections {
    limits: ConnectionLimits,
    state: Mutex<State>,
    /// Notified when a connection ends or may be closed for another.
    changed: Notify,
}

#[derive(Default)]
struct State {
    open: HashMap<u64, Entry>,
    next_id: u64,
    warned_at: Option<Instant>,
}

struct Entry {
    client: Client,
    /// Whether a request on it ever had a valid key.
    had_key: bool,
    request: RequestState,
    /// When it was opened, or its last request ended.
    idle_since: Instant,
    /// Dropping it closes the connection.
    _close: oneshot::Sender<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestState {
    /// No request, or not yet one with a valid key.
    None,
    /// A request with a valid key is in progress.
    Accepted,
}

/// An open connection. Dropping it ends it.
pub(super) struct OpenConnection {
    id: u64,
    all: Arc<Connections>,
}

/// Resolves when the connection must close for another.
pub(super) struct CloseSignal(oneshot::Receiver<()>);

impl CloseSignal {
    pub(super) async fn requested(&mut self) {
        // Nothing is ever sent: the sender's drop is the signal.
        if !self.0.is_terminated() {
            let _ = (&mut self.0).await;
        }
    }
}

/// The address has its share of connections already, and none of them may be closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShareExhausted;

/// What to do with a new connection.
enum Admission {
    Open(OpenConnection, CloseSignal),
    Refused,
    /// Every connection has a request with a valid key.
    Wait,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), changed: Notify::new() })
    }

    /// Admits a connection from this address. Closes another one if necessary, and waits if none may be closed.
    ///
    /// # Errors
    /// [`ShareExhausted`].
    pub(super) async fn admit(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Result<(OpenConnection, CloseSignal), ShareExhausted> {
        let client = Client::of(address);
        loop {
            // Created first, so that no change is missed.
            let changed = self.changed.notified();
            match self.try_admit(client) {
                Admission::Open(connection, close) => return Ok((connection, close)),
                Admission::Refused => return Err(ShareExhausted),
                Admission::Wait => changed.await,
            }
        }
    }

    fn try_admit(self: &Arc<Self>, client: Client) -> Admission {
        let mut state = self.lock();
        let own = state.open.values().filter(|entry| entry.client == client).count();
        if client != Client::ThisMachine && own >= self.limits.per_address {
            state.warn(client, self.limits.per_address);
            if !state.close_one(|entry| entry.client == client) {
                return Admission::Refused;
            }
        } else if state.open.len() >= self.limits.total && !state.close_one(|_| true) {
            return Admission::Wait;
        }
        let id = state.next_id;
        state.next_id += 1;
        let (sender, receiver) = oneshot::channel();
        let entry =
            Entry { client, had_key: false, request: RequestState::None, idle_since: Instant::now(), _close: sender };
        state.open.insert(id, entry);
        Admission::Open(OpenConnection { id, all: Arc::clone(self) }, CloseSignal(receiver))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Closes the connection that is worth least among these. Returns false if none may be closed.
    fn close_one(&mut self, among: impl Fn(&Entry) -> bool) -> bool {
        let candidates = self.open.iter().filter(|(_, entry)| entry.request == RequestState::None && among(entry));
        let least = candidates.min_by_key(|(_, entry)| (entry.had_key, entry.idle_since)).map(|(id, _)| *id);
        match least {
            Some(id) => self.open.remove(&id).is_some(),
            None => false,
        }
    }

    fn warn(&mut self, client: Client, limit: usize) {
        if self.warned_at.is_none_or(|time| time.elapsed() >= WARNING_PAUSE) {
            self.warned_at = Some(Instant::now());
            tracing::warn!(
                ?client,
                limit,
                "an address has its share of connections; for a reverse proxy on another machine, raise \
                 --max-connections-per-address or CUTLINE_MAX_CONNECTIONS_PER_ADDRESS"
            );
        }
    }
}

impl OpenConnection {
    /// The request in progress has a valid key.
    pub(super) fn key_accepted(&self) {
        self.change(|entry| (entry.had_key, entry.request) = (true, RequestState::Accepted));
    }

    /// The response of a request was sent, or given up.
    pub(super) fn request_ended(&self) {
        self.change(|entry| (entry.request, entry.idle_since) = (RequestState::None, Instant::now()));
        self.all.changed.notify_one();
    }

    /// Changes the entry, unless the connection is closing for another.
    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.all.lock().open.get_mut(&self.id) {
            change(entry);
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.id);
        self.all.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Opened {
        connection: OpenConnection,
        close: CloseSignal,
    }

    impl Opened {
        fn is_closing(&mut self) -> bool {
            self.close.requested().now_or_never().is_some()
        }
    }

    /// Opens a connection, if that is possible at once.
    fn open(all: &Arc<Connections>, address: &str) -> Option<Result<Opened, ShareExhausted>> {
        let opened = all.admit(address.parse().expect("an address")).now_or_never()?;
        Some(opened.map(|(connection, close)| Opened { connection, close }))
    }

    async fn opened(all: &Arc<Connections>, address: &str) -> Opened {
        // So that no two are equally idle.
        sleep(SECOND).await;
        open(all, address).expect("at once").expect("admitted")
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_worth_least_makes_room() {
        let all = Connections::new(ConnectionLimits::new(4, Some(4)));
        let mut known = opened(&all, "192.0.2.1").await;
        known.connection.key_accepted();
        known.connection.request_ended();
        let mut busy = opened(&all, "192.0.2.2").await;
        busy.connection.key_accepted();
        let mut old = opened(&all, "192.0.2.3").await;
        let mut new = opened(&all, "192.0.2.4").await;
        // A request without a valid key protects from nothing, and restarts the time.
        sleep(SECOND).await;
        old.connection.request_ended();
        let mut fifth = opened(&all, "192.0.2.5").await;
        assert!(new.is_closing() && !old.is_closing());
        fifth.connection.key_accepted();
        let mut sixth = opened(&all, "192.0.2.6").await;
        assert!(old.is_closing() && !known.is_closing());
        sixth.connection.key_accepted();
        let mut seventh = opened(&all, "192.0.2.7").await;
        assert!(known.is_closing(), "idle with a key comes after those without one");
        seventh.connection.key_accepted();
        assert!(open(&all, "192.0.2.8").is_none(), "every connection has a request with a key");
        assert!([&mut busy, &mut fifth, &mut sixth, &mut seventh].into_iter().all(|one| !one.is_closing()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_waits_for_a_request_to_end() {
        let all = Connections::new(ConnectionLimits::new(1, None));
        let busy = opened(&all, "192.0.2.1").await;
        busy.connection.key_accepted();
        let (waiting, ()) = tokio::join!(all.admit("192.0.2.2".parse().expect("an address")), async {
            sleep(SECOND).await;
            busy.connection.request_ended();
        });
        drop(busy);
        assert!(waiting.is_ok());
        drop(waiting);
        assert!(all.lock().open.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_share_only() {
        let all = Connections::new(ConnectionLimits::new(16, None));
        let mut own = [opened(&all, "2001:db8::1").await, opened(&all, "2001:db8::ffff:2").await];
        own[1].connection.key_accepted();
        let third = opened(&all, "2001:db8:0:0:9::").await;
        assert!(own[0].is_closing() && !own[1].is_closing());
        third.connection.key_accepted();
        assert_eq!(open(&all, "2001:db8::5").map(|opened| opened.err()), Some(Some(ShareExhausted)));
        assert!(open(&all, "2001:db8:0:1::1").is_some_and(|opened| opened.is_ok()), "another network");
        let mapped = opened(&all, "::ffff:192.0.2.1").await;
        let plain = opened(&all, "192.0.2.1").await;
        mapped.connection.key_accepted();
        plain.connection.key_accepted();
        assert!(open(&all, "192.0.2.1").is_some_and(|opened| opened.is_err()), "one address in two forms");
        let mut local = Vec::new();
        for _ in 0..8 {
            local.push(opened(&all, "::ffff:127.0.0.1").await);
        }
        assert!(all.lock().open.len() > 8, "this machine has no share");
    }

    #[test]
    fn a_share_is_an_eighth_unless_configured() {
        let share = |total, configured| ConnectionLimits::new(total, configured).per_address;
        assert_eq!([share(1024, None), share(16, None), share(4, None)], [128, 2, 1]);
        assert_eq!([share(1024, Some(1000)), share(100, Some(1000)), share(100, Some(1))], [1000, 100, 1]);
    }
}
