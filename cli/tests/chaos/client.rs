//! What every client does: it submits a job, follows it to its end, and fetches its pictures.

use std::collections::BTreeMap;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::http::{Request, Response};
use crate::invariants::Invariant;
use crate::ledger::{Counters, End, Entry, Expectation};
use crate::results;
use crate::world::World;

const FIRST_INTERVAL: Duration = Duration::from_millis(200);
const MAX_INTERVAL: Duration = Duration::from_millis(1500);
/// The pause after a request without an answer.
const PAUSE: Duration = Duration::from_millis(200);

/// A job's upload: the request, and what the client knows about it.
pub(crate) struct Upload {
    pub(crate) request: Request<'static>,
    pub(crate) key: String,
    pub(crate) label: String,
    pub(crate) expectation: Expectation,
}

/// Sends the upload, again and again under the same idempotency key until it is answered. Returns the id if the job was
/// acknowledged.
pub(crate) fn submit(world: &World, upload: Upload) -> Option<String> {
    let Upload { request, key, label, expectation } = upload;
    let (counters, sent) = (&world.ledger.counters, Instant::now());
    let response = loop {
        match answered(world, request.clone(), "POST /upload") {
            Some(response) => break response,
            None if Instant::now() >= world.give_up => return None,
            None => Counters::increment(&counters.repeated_uploads),
        }
    };
    match response.status {
        202 => {
            let id = parse(&response)?["job_id"].as_str()?.to_owned();
            if let Some(again) = answered(world, request, "POST /upload again") {
                let is_same = again.body == response.body && again.header("idempotent-replayed") == Some("true");
                world.violations.check(Invariant::Identities, is_same, || {
                    format!("the repeated request of {id} was answered with {again:?}")
                });
            }
            let is_new = world.ledger.accept(&id, Entry::new(&key, label, expectation, sent));
            world.violations.check(Invariant::OneEnd, is_new, || format!("{id} was acknowledged twice"));
            return Some(id);
        }
        402 if key == world.owners[1].key => Counters::increment(&counters.refused_for_credits),
        422 if !matches!(expectation, Expectation::Done { .. }) => Counters::increment(&counters.refused_files),
        status => {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            world.violations.add(Invariant::Answers, format!("{status} for {label}: {body}"));
        }
    }
    None
}

/// Polls a job until it ends, and checks how.
pub(crate) fn follow(world: &World, id: &str) {
    let Some(entry) = world.ledger.get(id) else { return };
    let (mut interval, mut progress) = (FIRST_INTERVAL, 0);
    while Instant::now() < world.give_up {
        sleep(interval);
        interval = (interval * 3 / 2).min(MAX_INTERVAL);
        let Some(status) = status(world, id, &entry.key) else { continue };
        let now = status["progress"].as_u64().unwrap_or_default();
        world.violations.check(Invariant::MonotoneProgress, now >= progress, || {
            format!("{id} ({}): from {progress} to {now}", entry.label)
        });
        progress = now.max(progress);
        if status["state"] != "done" {
            continue;
        }
        if let Some(pictures) = pictures(world, &entry, &status) {
            results::check_end(world, id, &entry, &status);
            world.ledger.end(id, End { outcome: results::outcome(&status), pictures });
            return;
        }
    }
    world.violations.add(Invariant::NothingLost, format!("{id} ({}) did not end", entry.label));
}

/// The status of a job; `None` if the request failed, which is a violation unless a fault explains it.
pub(crate) fn status(world: &World, id: &str, key: &str) -> Option<Value> {
    Counters::increment(&world.ledger.counters.polls);
    let request = Request::new("GET", world.server.url(&format!("/api/v1/status?job_id={id}"))).key(key);
    let response = answered(world, request, "GET /status")?;
    match response.status {
        200 => parse(&response),
        404 => {
            world.violations.add(Invariant::NothingLost, format!("{id} is not found"));
            None
        }
        status => {
            world.violations.add(Invariant::Answers, format!("{status} for the status of {id}"));
            None
        }
    }
}

/// Fetches all pictures of a job and checks them. Returns their digests by variation; `None` if a fault interrupted it.
pub(crate) fn pictures(world: &World, entry: &Entry, status: &Value) -> Option<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    let links = [&status["final_urls"], &status["assets"]].into_iter().filter_map(Value::as_object).flatten();
    for (name, link) in links {
        let response = answered(world, Request::new("GET", link.as_str()?), "GET of a picture")?;
        let kind = response.header("content-type").unwrap_or_default().to_owned();
        if response.status != 200 || !kind.starts_with("image/") {
            let found = (response.status, kind);
            world.violations.add(Invariant::WholeResults, format!("{found:?} for {name} of {}", status["job_id"]));
            return None;
        }
        Counters::increment(&world.ledger.counters.pictures_fetched);
        results::check_picture(world, entry, name, &response.body);
        digests.insert(name.clone(), format!("{:x}", HexDigest(&response.body)));
    }
    Some(digests)
}

/// The response to a request. `None` without one, or if the server is unavailable: a violation unless a fault explains
/// it.
pub(crate) fn answered(world: &World, request: Request<'_>, what: &str) -> Option<Response> {
    let sent = Instant::now();
    let result = request.try_send();
    let now = Instant::now();
    let (counter, is_explained, problem) = match result {
        Ok(response) if response.status != 503 => return Some(response),
        Ok(_) => {
            let is_explained = world.faults.filled_disk(sent, now) || world.faults.interrupted_answers(sent, now);
            (&world.ledger.counters.unavailable, is_explained, "503".to_owned())
        }
        Err(error) => {
            (&world.ledger.counters.unanswered, world.faults.interrupted_answers(sent, now), describe(&error))
        }
    };
    Counters::increment(counter);
    world.violations.check(Invariant::Answers, is_explained, || format!("{what}: {problem}"));
    sleep(PAUSE);
    None
}

fn parse(response: &Response) -> Option<Value> {
    serde_json::from_slice(&response.body).ok()
}

fn describe(error: &io::Error) -> String {
    format!("no answer: {error}")
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(crate) struct HexDigest<'a>(pub(crate) &'a [u8]);

impl std::fmt::LowerHex for HexDigest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Sha256::digest(self.0).iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
