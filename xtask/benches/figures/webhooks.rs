//! Webhooks of `cutline serve`: how soon they are sent, and that none is lost while the receiver fails at random and the
//! server is killed again and again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::Setup;
use crate::client::Connection;
use crate::machine::Scratch;
use crate::origin::Origin;
use crate::pictures::Pictures;
use crate::report::{Report, Target, quantile};
use crate::serve::Server;

/// Jobs whose webhook's delay is measured, one after another.
const MEASURED: usize = 100;
/// The most jobs under faults.
const MAX_JOBS: usize = 10_000;
/// One in this many jobs under faults is made from a photo, so that its payload has links. The others fail at once.
const PHOTO_EVERY: usize = 20;
/// The size of that photo.
const PHOTO_SIZE: (u32, u32) = (300, 200);
/// How much longer the events may take for each photo: it may be made three times, as kills interrupt it.
const PHOTO_PATIENCE: Duration = Duration::from_secs(5);
/// The interval of kills.
const KILL_EVERY: Duration = Duration::from_secs(10);
/// A load of this length or more has events that fail three times, and takes another 40 minutes for their waits.
const LONG_SECONDS: u64 = 600;
/// The share of failing answers, and of answers that the receiver is gone, in percent.
const FAILING: u64 = 30;
const GONE: u64 = 1;

/// An event as a receiver got it.
#[derive(Default)]
struct Event {
    job: String,
    /// As it first came, without links.
    payload: Value,
    failures: u32,
    is_accepted: bool,
    is_gone: bool,
}

#[derive(Default)]
struct Received {
    events: HashMap<String, Event>,
    /// From each event's time to its first arrival, in microseconds.
    delays: Vec<u32>,
    after_gone: usize,
    altered: usize,
    requests: usize,
    random: u64,
}

impl Received {
    /// A number from 0 to 99.
    fn percent(&mut self) -> u64 {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100
    }
}

/// A receiver that fails at random, but at most this often for each event, so that all are delivered in time.
#[derive(Clone)]
struct Receiver {
    received: Arc<Mutex<Received>>,
    max_failures: u32,
}

impl Receiver {
    /// Starts it. Returns its address too.
    async fn start(max_failures: u32) -> Result<(Self, String)> {
        let received = Received { random: 0x9E37_79B9_7F4A_7C15, ..Received::default() };
        let receiver = Self { received: Arc::new(Mutex::new(received)), max_failures };
        let routes = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port")?;
        let address = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok((receiver, address))
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events were accepted, or refused for good.
    fn settled(&self) -> usize {
        self.lock().events.values().filter(|event| event.is_accepted || event.is_gone).count()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let arrived = Timestamp::now();
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (job, at) = (text(&value["data"]["job_id"]), text(&value["timestamp"]).parse::<Timestamp>().ok());
    let mut received = receiver.lock();
    received.requests += 1;
    let (chance, is_new) = (received.percent(), !received.events.contains_key(&id));
    if let Some(at) = at.filter(|_| is_new) {
        let delay = arrived.duration_since(at).as_micros();
        received.delays.push(u32::try_from(delay).unwrap_or(0));
    }
    let payload = without_links(value);
    let event =
        received.events.entry(id).or_insert_with(|| Event { job, payload: payload.clone(), ..Event::default() });
    let (was_gone, is_altered) = (event.is_gone, event.payload != payload);
    let status = if chance < FAILING && event.failures < receiver.max_failures {
        event.failures += 1;
        StatusCode::INTERNAL_SERVER_ERROR
    } else if receiver.max_failures > 0 && chance >= 100 - GONE && !event.is_accepted {
        event.is_gone = true;
        StatusCode::GONE
    } else {
        event.is_accepted |= !was_gone;
        StatusCode::NO_CONTENT
    };
    received.after_gone += usize::from(was_gone);
    received.altered += usize::from(is_altered);
    status
}

/// A payload without its links and their end: all that may differ between the sends of an event.
fn without_links(mut payload: Value) -> Value {
    if let Some(data) = payload.get_mut("data").and_then(Value::as_object_mut) {
        for member in ["final_url", "final_urls", "assets", "expires_at"] {
            data.remove(member);
        }
    }
    payload
}

/// A server whose jobs report to this address.
async fn server<'a>(setup: &'a Setup, scratch: &'a Scratch, address: &str) -> Result<Server<'a>> {
    let server = Server::start(setup, scratch.path(), true).await?;
    let url = format!("{address}/hook");
    let output = setup
        .program("cutline")
        .args(["owners", "set", "default", "--allow-private-sources", "--webhook-url", &url, "--data"])
        .arg(scratch.path())
        .output()
        .context("cannot run cutline owners set")?;
    ensure!(output.status.success(), "cannot set the URL: {}", String::from_utf8_lossy(&output.stderr));
    Ok(server)
}

/// The source of a job that fails as soon as a fetcher has it.
fn missing(address: &str) -> String {
    format!("{address}/missing")
}

/// Uploads a job with this source. `None` if the server was killed meanwhile.
async fn upload(server: &Server<'_>, file_url: &str) -> Option<String> {
    let body = serde_json::json!({ "file_url": file_url, "mode": "background" }).to_string();
    let request = format!(
        "POST /api/v1/upload HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        server.key,
        body.len(),
    );
    let mut connection = Connection::open(server.address).await.ok()?;
    let answer = connection.send(request.as_bytes()).await.ok().filter(|answer| answer.status == 202)?;
    let value: Value = serde_json::from_slice(answer.body).ok()?;
    Some(value["job_id"].as_str()?.to_owned())
}

/// Measures how soon a webhook is sent.
pub(crate) async fn delay(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("webhooks: from a job's end to its arrival");
    println!("{MEASURED} jobs one after another; each fails at once, and the receiver is on this machine");
    let scratch = Scratch::new("webhook-delay")?;
    let (receiver, address) = Receiver::start(0).await?;
    let server = server(setup, &scratch, &address).await?;
    for count in 1..=MEASURED {
        upload(&server, &missing(&address)).await.context("an upload was refused")?;
        let started = Instant::now();
        while receiver.settled() < count {
            ensure!(started.elapsed() < Duration::from_secs(60), "a webhook did not come within a minute");
            sleep(Duration::from_millis(2)).await;
        }
    }
    let mut delays = std::mem::take(&mut receiver.lock().delays);
    delays.sort_unstable();
    let milliseconds = |share| quantile(&delays, share).map(|micros| f64::from(micros) / 1000.0);
    let (p50, p99) = (milliseconds(0.5).context("no webhook")?, milliseconds(0.99).context("no webhook")?);
    report.judge("webhooks: sent after a job's end, p50", p50, "ms", 1, Target::AtMost(100.0));
    report.tell("webhooks: sent after a job's end, p99", format!("{p99:.1} ms"));
    Ok(())
}

/// Looks for lost events while the receiver fails and the server is killed.
pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("webhooks under faults");
    let max_failures = if setup.seconds >= LONG_SECONDS { 3 } else { 1 };
    println!(
        "uploads for {} s, {MAX_JOBS} at most, one of {PHOTO_EVERY} with a photo; the receiver fails {FAILING} % of all requests\n\
         at random (an event {max_failures} times at most) and answers 410 to {GONE} %; the server is killed with SIGKILL every\n\
         {} s",
        setup.seconds,
        KILL_EVERY.as_secs()
    );
    let scratch = Scratch::new("webhook-faults")?;
    let (receiver, address) = Receiver::start(max_failures).await?;
    let mut server = server(setup, &scratch, &address).await?;
    let origin = Origin::start(Pictures::read()?.jpeg(0, PHOTO_SIZE.0, PHOTO_SIZE.1)?).await?;
    let sources = [origin.url(), missing(&address)];
    let (end, mut kill_at) = (Instant::now() + Duration::from_secs(setup.seconds), Instant::now() + KILL_EVERY);
    let (mut accepted, mut kills) = (Vec::new(), 0);
    while Instant::now() < end && accepted.len() < MAX_JOBS {
        let has_photo = accepted.len().is_multiple_of(PHOTO_EVERY);
        accepted.extend(upload(&server, &sources[usize::from(!has_photo)]).await);
        if Instant::now() >= kill_at {
            server.kill()?;
            server.restart().await?;
            (kill_at, kills) = (Instant::now() + KILL_EVERY, kills + 1);
        }
    }
    // The last waits, for an event that fails as often as it may: 5 seconds, 5 minutes and 30 minutes.
    let patience = Duration::from_secs(if max_failures == 1 { 600 } else { 3600 });
    let photos = u32::try_from(accepted.len().div_ceil(PHOTO_EVERY))?;
    let patience = patience + PHOTO_PATIENCE * photos;
    let started = Instant::now();
    let (mut last, mut changed_at) = (0, Instant::now());
    while receiver.settled() < accepted.len() && started.elapsed() < patience {
        if Instant::now() >= kill_at && changed_at.elapsed() < Duration::from_secs(60) {
            server.kill()?;
            server.restart().await?;
            (kill_at, kills) = (Instant::now() + KILL_EVERY, kills + 1);
        }
        let settled = receiver.settled();
        if settled != last {
            (last, changed_at) = (settled, Instant::now());
        }
        sleep(Duration::from_millis(100)).await;
    }
    // Whatever would be sent after a 410 comes by now.
    sleep(Duration::from_secs(10)).await;

    let received = receiver.lock();
    let settled: HashSet<_> =
        received.events.values().filter(|event| event.is_accepted || event.is_gone).map(|event| &event.job).collect();
    let lost = accepted.iter().filter(|job| !settled.contains(job)).count();
    report.tell("webhooks under faults: kills, requests", format!("{kills}, {}", received.requests));
    // A kill can lose the note of an answer, 410 too. The events of four sends are then sent once more.
    for (what, count, allowed) in [
        (format!("webhooks under faults: events lost of {}", accepted.len()), lost, 0),
        ("webhooks under faults: sent after a 410".to_owned(), received.after_gone, 4 * kills),
        ("webhooks under faults: payloads that differ for an id".to_owned(), received.altered, 0),
    ] {
        report.judge(&what, count as f64, "", 0, Target::AtMost(0.0));
        if count > allowed {
            report.broken(format!("{what}: {count}"));
        }
    }
    if let Some(first) = accepted.iter().find(|job| !settled.contains(job)) {
        report.broken(format!("webhooks under faults: the event of job {first} was lost"));
    }
    let expected = if setup.seconds >= LONG_SECONDS { MAX_JOBS } else { 1 };
    if accepted.len() < expected {
        report.broken(format!("webhooks under faults: {} of {expected} uploads were accepted", accepted.len()));
    }
    Ok(())
}
