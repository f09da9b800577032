//! The clients of the load test: each has one keep-alive connection, uploads, and asks for jobs of its own.
//!
//! They come in two kinds, since one cannot tell both figures. A client that asks again as soon as it is
//! answered (a closed loop) finds out how much the server can do; how long an answer takes is then set by
//! how many clients wait with it. A client that keeps to a timetable finds out how long an answer takes at
//! that rate, counted from when the request was due, so that a server that stalls is charged for
//! everything it kept waiting.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Connection;

/// A job's id, as text.
pub(crate) type Id = [u8; 36];

/// How often a client tries to connect to a server that is gone.
const RECONNECT: Duration = Duration::from_millis(20);

/// When clients send.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as they are answered.
    ClosedLoop,
    /// So many uploads a second, all clients together, and as many questions for a status.
    Timetable(f64),
}

/// What is sent, to whom, for how long.
pub(crate) struct Load {
    pub(crate) server: SocketAddr,
    pub(crate) key: String,
    /// What every upload's job is made of.
    pub(crate) file_url: String,
    pub(crate) clients: u32,
    pub(crate) lasts: Duration,
    pub(crate) pace: Pace,
}

/// What the clients saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// How long uploads took that were answered with 202, in microseconds.
    pub(crate) uploads: Vec<u32>,
    /// How long questions for a status took that were answered with 200, in microseconds.
    pub(crate) statuses: Vec<u32>,
    /// The jobs of those uploads.
    pub(crate) accepted: Vec<Id>,
    /// Requests that were not answered, since the server was killed.
    pub(crate) cut_off: u64,
    /// Other answers than those wanted, by status.
    pub(crate) refused: BTreeMap<u16, u64>,
}

impl Load {
    /// Runs the clients to the end. What they saw, with the times sorted.
    pub(crate) async fn run(self) -> Result<Seen> {
        let load = Arc::new(self);
        let upload = Arc::new(load.upload());
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for number in 0..load.clients {
            let client = Client {
                turns: Turns::new(&load, number, start),
                end: start + load.lasts,
                load: Arc::clone(&load),
                connection: None,
                seen: Seen::default(),
            };
            clients.spawn(client.run(Arc::clone(&upload)));
        }
        let mut all = Seen::default();
        while let Some(seen) = clients.join_next().await {
            let seen = seen.context("a client")?;
            all.uploads.extend(seen.uploads);
            all.statuses.extend(seen.statuses);
            all.accepted.extend(seen.accepted);
            all.cut_off += seen.cut_off;
            for (status, count) in seen.refused {
                *all.refused.entry(status).or_default() += count;
            }
        }
        all.uploads.sort_unstable();
        all.statuses.sort_unstable();
        Ok(all)
    }

    fn upload(&self) -> Vec<u8> {
        let body = serde_json::json!({ "file_url": self.file_url, "mode": "background" }).to_string();
        format!(
            "POST /api/v1/upload HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.server,
            self.key,
            body.len(),
        )
        .into_bytes()
    }
}

fn status(server: SocketAddr, key: &str, id: &Id) -> Vec<u8> {
    let mut request = Vec::with_capacity(256);
    request.extend_from_slice(b"GET /api/v1/status?job_id=");
    request.extend_from_slice(id);
    // Writing to memory does not fail.
    let _ = write!(request, " HTTP/1.1\r\nHost: {server}\r\nX-API-Key: {key}\r\n\r\n");
    request
}

struct Client {
    load: Arc<Load>,
    turns: Turns,
    end: Instant,
    connection: Option<Connection>,
    seen: Seen,
}

impl Client {
    async fn run(mut self, upload: Arc<Vec<u8>>) -> Seen {
        let mut asked = 0usize;
        while let Some(due) = self.turns.next(self.end).await {
            if let Some((202, body, took)) = self.exchange(&upload, due).await {
                match id_in(&body) {
                    Some(id) => {
                        self.seen.accepted.push(id);
                        self.seen.uploads.push(took);
                    }
                    None => *self.seen.refused.entry(202).or_default() += 1,
                }
            }
            let own = self.seen.accepted.len();
            if own == 0 {
                continue;
            }
            let Some(due) = self.turns.next(self.end).await else { break };
            // Any of its jobs, old and new.
            asked += 7919;
            let asked = status(self.load.server, &self.load.key, &self.seen.accepted[asked % own]);
            if let Some((200, _, took)) = self.exchange(&asked, due).await {
                self.seen.statuses.push(took);
            }
        }
        self.seen
    }

    /// Sends a request and tells how long its answer took, in microseconds from when it was due. `None`
    /// where there was no answer.
    async fn exchange(&mut self, request: &[u8], mut due: Instant) -> Option<(u16, Vec<u8>, u32)> {
        while self.connection.is_none() {
            match Connection::open(self.load.server).await {
                Ok(connection) => self.connection = Some(connection),
                Err(_) if Instant::now() >= self.end => return None,
                Err(_) => sleep(RECONNECT).await,
            }
            // What was due while there was no server is not late by it: only what it answers is measured.
            due = Instant::now();
            self.turns.skip_to(due);
        }
        let wanted = if request.starts_with(b"POST") { 202 } else { 200 };
        match self.connection.as_mut()?.send(request).await {
            Ok(answer) => {
                let took = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
                if answer.status != wanted {
                    *self.seen.refused.entry(answer.status).or_default() += 1;
                }
                Some((answer.status, answer.body.to_vec(), took))
            }
            Err(_) => {
                self.seen.cut_off += 1;
                self.connection = None;
                None
            }
        }
    }
}

/// When a client sends its next request.
struct Turns {
    next: Instant,
    /// `None` in a closed loop.
    gap: Option<Duration>,
}

impl Turns {
    fn new(load: &Load, number: u32, start: Instant) -> Self {
        match load.pace {
            Pace::ClosedLoop => Self { next: start, gap: None },
            Pace::Timetable(uploads) => {
                // Two requests for each upload: itself and a question for a status.
                let gap = Duration::from_secs_f64(f64::from(load.clients) / uploads / 2.0);
                // The clients take turns, or they would all send at once.
                Self { next: start + gap * number / load.clients, gap: Some(gap) }
            }
        }
    }

    /// Waits for the turn and says when it was due. `None` when the time is over.
    async fn next(&mut self, end: Instant) -> Option<Instant> {
        let due = match self.gap {
            None => Instant::now(),
            Some(gap) => {
                let due = self.next;
                self.next = due + gap;
                due
            }
        };
        if due >= end || Instant::now() >= end {
            return None;
        }
        sleep_until(due).await;
        Some(due)
    }

    /// Leaves out the turns before `now`.
    fn skip_to(&mut self, now: Instant) {
        if let Some(gap) = self.gap {
            while self.next < now {
                self.next += gap;
            }
        }
    }
}

/// The job's id in the answer to an upload.
fn id_in(body: &[u8]) -> Option<Id> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body["job_id"].as_str()?.as_bytes().try_into().ok()
}

/// How jobs stand that were taken in.
#[derive(Default)]
pub(crate) struct Standing {
    pub(crate) pending: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    /// Those that the server does not know of.
    pub(crate) lost: Vec<Id>,
}

/// Asks for the status of every one of these jobs.
pub(crate) async fn ask_for_all(server: SocketAddr, key: &str, ids: &[Id]) -> Result<Standing> {
    const CONNECTIONS: usize = 8;
    let mut parts = JoinSet::new();
    for part in ids.chunks(ids.len().div_ceil(CONNECTIONS).max(1)) {
        let (part, key) = (part.to_vec(), key.to_owned());
        parts.spawn(async move { ask_for(server, &key, &part).await });
    }
    let mut all = Standing::default();
    while let Some(part) = parts.join_next().await {
        let part = part.context("asking for jobs")??;
        all.pending += part.pending;
        all.done += part.done;
        all.failed += part.failed;
        all.lost.extend(part.lost);
    }
    Ok(all)
}

async fn ask_for(server: SocketAddr, key: &str, ids: &[Id]) -> Result<Standing> {
    let mut connection = Connection::open(server).await.context("connecting to the server after the load")?;
    let mut standing = Standing::default();
    for id in ids {
        let answer = connection.send(&status(server, key, id)).await.context("asking for a job after the load")?;
        if answer.status != 200 {
            standing.lost.push(*id);
            continue;
        }
        let body: serde_json::Value = serde_json::from_slice(answer.body).context("a status that is no JSON")?;
        match (body["job_id"].as_str().map(str::as_bytes), body["status"].as_str()) {
            (Some(told), _) if told != id => standing.lost.push(*id),
            (_, Some("done")) => standing.done += 1,
            (_, Some("failed")) => standing.failed += 1,
            (Some(_), Some(_)) => standing.pending += 1,
            (None, _) | (_, None) => standing.lost.push(*id),
        }
    }
    Ok(standing)
}
