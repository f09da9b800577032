//! The clients of the load test. Each has one keep-alive connection, uploads, and polls its own jobs.
//!
//! They run in one of two modes, since neither measures both figures. In a closed loop, a client sends the next request as
//! soon as it has an answer: this measures throughput, while latency depends on the number of clients. On a timetable, a
//! client sends at a fixed rate: this measures latency at that rate, counted from when the request was due, so that a
//! stalled server is charged for every request it kept waiting.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Connection;

/// A job's id, as text.
pub(crate) type Id = [u8; 36];

/// The interval between attempts to reconnect.
const RECONNECT: Duration = Duration::from_millis(20);

/// When clients send.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as the last answer has arrived.
    ClosedLoop,
    /// This many uploads a second by all clients together, and as many status requests.
    Timetable(f64),
}

/// The source of every job of a load.
#[derive(Clone)]
pub(crate) enum Photo {
    /// As JSON with a `file_url`.
    Url(String),
    /// As a form with this file.
    File(Vec<u8>),
}

/// The settings of a load.
pub(crate) struct Load {
    pub(crate) server: SocketAddr,
    pub(crate) key: String,
    pub(crate) photo: Photo,
    pub(crate) clients: u32,
    pub(crate) duration: Duration,
    pub(crate) pace: Pace,
    /// Whether every upload has an idempotency key of its own.
    pub(crate) with_keys: bool,
}

/// The clients' measurements.
#[derive(Default)]
pub(crate) struct ClientReport {
    /// Latencies of uploads with a 202, in microseconds.
    pub(crate) uploads: Vec<u32>,
    /// Latencies of status requests with a 200, in microseconds.
    pub(crate) statuses: Vec<u32>,
    /// The jobs of these uploads.
    pub(crate) accepted: Vec<Id>,
    /// Requests without an answer, because the server was killed.
    pub(crate) cut_off: u64,
    /// The number of unexpected answers, by status.
    pub(crate) unexpected: BTreeMap<u16, u64>,
}

impl Load {
    /// Runs the clients to the end. The latencies are sorted.
    pub(crate) async fn run(self) -> Result<ClientReport> {
        let load = Arc::new(self);
        let upload = Arc::new(load.upload());
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for number in 0..load.clients {
            let client = Client {
                schedule: Schedule::new(&load, number, start),
                end: start + load.duration,
                load: Arc::clone(&load),
                connection: None,
                key: load.with_keys.then(|| (format!("{run}-{number}"), 0)),
                report: ClientReport::default(),
            };
            clients.spawn(client.run(Arc::clone(&upload)));
        }
        let mut all = ClientReport::default();
        while let Some(report) = clients.join_next().await {
            let report = report.context("a client failed")?;
            all.uploads.extend(report.uploads);
            all.statuses.extend(report.statuses);
            all.accepted.extend(report.accepted);
            all.cut_off += report.cut_off;
            for (status, count) in report.unexpected {
                *all.unexpected.entry(status).or_default() += count;
            }
        }
        all.uploads.sort_unstable();
        all.statuses.sort_unstable();
        Ok(all)
    }

    /// An upload without its first line.
    pub(crate) fn upload(&self) -> Vec<u8> {
        let (content_type, body) = match &self.photo {
            Photo::Url(url) => {
                let body = serde_json::json!({ "file_url": url, "mode": "background" });
                ("application/json", body.to_string().into_bytes())
            }
            Photo::File(file) => form(file),
        };
        let head = format!(
            "Host: {}\r\nX-API-Key: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.server,
            self.key,
            body.len(),
        );
        [head.into_bytes(), body].concat()
    }
}

/// The type and the body of an upload of this file.
pub(crate) fn form(file: &[u8]) -> (&'static str, Vec<u8>) {
    let head = "--figures\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\nbackground\r\n--figures\r\n\
                Content-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
    ("multipart/form-data; boundary=figures", [head.as_bytes(), file, b"\r\n--figures--\r\n"].concat())
}

/// A request for the status of a job.
pub(crate) fn status(server: SocketAddr, key: &str, id: &Id) -> Vec<u8> {
    let mut request = Vec::with_capacity(256);
    request.extend_from_slice(b"GET /api/v1/status?job_id=");
    request.extend_from_slice(id);
    // Writing to a Vec cannot fail.
    let _ = write!(request, " HTTP/1.1\r\nHost: {server}\r\nX-API-Key: {key}\r\n\r\n");
    request
}

struct Client {
    load: Arc<Load>,
    schedule: Schedule,
    end: Instant,
    connection: Option<Connection>,
    /// The beginning of this client's idempotency keys, and how many were used.
    key: Option<(String, u64)>,
    report: ClientReport,
}

impl Client {
    async fn run(mut self, upload: Arc<Vec<u8>>) -> ClientReport {
        let mut index = 0usize;
        while let Some(due) = self.schedule.next(self.end).await {
            let request = self.upload(&upload);
            if let Some((202, body, took)) = self.exchange(&request, due).await {
                match id_in(&body) {
                    Some(id) => {
                        self.report.accepted.push(id);
                        self.report.uploads.push(took);
                    }
                    None => *self.report.unexpected.entry(202).or_default() += 1,
                }
            }
            let own = self.report.accepted.len();
            if own == 0 {
                continue;
            }
            let Some(due) = self.schedule.next(self.end).await else { break };
            // A stride through its jobs, old and new.
            index += 7919;
            let request = status(self.load.server, &self.load.key, &self.report.accepted[index % own]);
            if let Some((200, _, took)) = self.exchange(&request, due).await {
                self.report.statuses.push(took);
            }
        }
        self.report
    }

    fn upload(&mut self, rest: &[u8]) -> Vec<u8> {
        let mut request = Vec::with_capacity(rest.len() + 128);
        request.extend_from_slice(b"POST /api/v1/upload HTTP/1.1\r\n");
        if let Some((key, used)) = &mut self.key {
            *used += 1;
            // Writing to a Vec cannot fail.
            let _ = write!(request, "Idempotency-Key: {key}-{used}\r\n");
        }
        request.extend_from_slice(rest);
        request
    }

    /// Sends a request. Returns the status, the body and the latency in microseconds from when it was due; `None` without
    /// an answer.
    async fn exchange(&mut self, request: &[u8], mut due: Instant) -> Option<(u16, Vec<u8>, u32)> {
        while self.connection.is_none() {
            match Connection::open(self.load.server).await {
                Ok(connection) => self.connection = Some(connection),
                Err(_) if Instant::now() >= self.end => return None,
                Err(_) => sleep(RECONNECT).await,
            }
            // Requests that were due while the server was down are not counted as late.
            due = Instant::now();
            self.schedule.skip_to(due);
        }
        let expected = if request.starts_with(b"POST") { 202 } else { 200 };
        match self.connection.as_mut()?.send(request).await {
            Ok(answer) => {
                let took = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
                if answer.status != expected {
                    *self.report.unexpected.entry(answer.status).or_default() += 1;
                }
                Some((answer.status, answer.body.to_vec(), took))
            }
            Err(_) => {
                self.report.cut_off += 1;
                self.connection = None;
                None
            }
        }
    }
}

/// The times at which a client sends.
struct Schedule {
    next: Instant,
    /// `None` in a closed loop.
    gap: Option<Duration>,
}

impl Schedule {
    fn new(load: &Load, number: u32, start: Instant) -> Self {
        match load.pace {
            Pace::ClosedLoop => Self { next: start, gap: None },
            Pace::Timetable(uploads) => {
                // Each upload is followed by a status request.
                let gap = Duration::from_secs_f64(f64::from(load.clients) / uploads / 2.0);
                // Staggered, or all clients would send at once.
                Self { next: start + gap * number / load.clients, gap: Some(gap) }
            }
        }
    }

    /// Waits for the next turn and returns when it was due. `None` at the end.
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

    /// Skips the turns before `now`.
    fn skip_to(&mut self, now: Instant) {
        if let Some(gap) = self.gap {
            while self.next < now {
                self.next += gap;
            }
        }
    }
}

/// The job's id in the answer to an upload.
pub(crate) fn id_in(body: &[u8]) -> Option<Id> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body["job_id"].as_str()?.as_bytes().try_into().ok()
}

/// The states of accepted jobs.
#[derive(Default)]
pub(crate) struct JobCounts {
    pub(crate) pending: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    /// Jobs that the server does not know.
    pub(crate) lost: Vec<Id>,
}

/// Requests the status of all these jobs.
pub(crate) async fn count_jobs(server: SocketAddr, key: &str, ids: &[Id]) -> Result<JobCounts> {
    const CONNECTIONS: usize = 8;
    let mut parts = JoinSet::new();
    for part in ids.chunks(ids.len().div_ceil(CONNECTIONS).max(1)) {
        let (part, key) = (part.to_vec(), key.to_owned());
        parts.spawn(async move { poll_jobs(server, &key, &part).await });
    }
    let mut all = JobCounts::default();
    while let Some(part) = parts.join_next().await {
        let part = part.context("polling failed")??;
        all.pending += part.pending;
        all.done += part.done;
        all.failed += part.failed;
        all.lost.extend(part.lost);
    }
    Ok(all)
}

async fn poll_jobs(server: SocketAddr, key: &str, ids: &[Id]) -> Result<JobCounts> {
    let mut connection = Connection::open(server).await.context("cannot connect to the server after the load")?;
    let mut counts = JobCounts::default();
    for id in ids {
        let answer = connection.send(&status(server, key, id)).await.context("cannot poll a job after the load")?;
        if answer.status != 200 {
            counts.lost.push(*id);
            continue;
        }
        let body: serde_json::Value = serde_json::from_slice(answer.body).context("a status is not JSON")?;
        match (body["job_id"].as_str().map(str::as_bytes), body["status"].as_str()) {
            (Some(other), _) if other != id => counts.lost.push(*id),
            (_, Some("done")) => counts.done += 1,
            (_, Some("failed")) => counts.failed += 1,
            (Some(_), Some(_)) => counts.pending += 1,
            (None, _) | (_, None) => counts.lost.push(*id),
        }
    }
    Ok(counts)
}
