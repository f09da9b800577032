//! The receiver of an owner's webhooks. It refuses the first send of every third event.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// Members of the data that may differ between the sends of an event: links, and their end.
const CHANGING: [&str; 4] = ["final_url", "final_urls", "assets", "expires_at"];

/// The sends of an event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `job.done`, for example.
    pub(crate) kind: String,
    pub(crate) is_accepted: bool,
    /// Whether two sends differ in more than their links.
    pub(crate) is_altered: bool,
    job: String,
    payload: Value,
}

/// A running receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    /// By the event's id.
    events: Arc<Mutex<BTreeMap<String, Event>>>,
}

impl Receiver {
    /// Starts the receiver. It runs until the process ends.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for the receiver of webhooks")?;
        let url = format!("http://{}/webhook", listener.local_addr()?);
        let events = Arc::new(Mutex::new(BTreeMap::new()));
        let received = Arc::clone(&events);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&received);
                thread::spawn(move || drop(receive(stream, &received)));
            }
        });
        Ok(Self { url, events })
    }

    /// The events about each job.
    pub(crate) fn events_by_job(&self) -> BTreeMap<String, Vec<Event>> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_job: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for event in events.values() {
            by_job.entry(event.job.clone()).or_default().push(event.clone());
        }
        by_job
    }
}

/// Reads and answers one request.
fn receive(mut stream: TcpStream, events: &Mutex<BTreeMap<String, Event>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut id, mut length) = (String::new(), 0);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let is_accepted = note(events, id, serde_json::from_slice(&body).map_err(io::Error::other)?);
    let status = if is_accepted { "204 No Content" } else { "500 Internal Server Error" };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// Clears every time in a payload: the clock's jumps move those of the records, so they may differ between sends.
fn clear_times(value: &mut Value) {
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(clear_times),
        Value::Object(members) => members.values_mut().for_each(clear_times),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Notes a send. Returns whether it is accepted.
fn note(events: &Mutex<BTreeMap<String, Event>>, id: String, mut payload: Value) -> bool {
    if let Some(data) = payload["data"].as_object_mut() {
        data.retain(|member, _| !CHANGING.contains(&member.as_str()));
    }
    clear_times(&mut payload);
    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let is_refused = !events.contains_key(&id) && events.len().is_multiple_of(3);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, job) = (text(&payload["type"]), text(&payload["data"]["job_id"]));
    let event = events.entry(id).or_insert_with(|| {
        let payload = payload.clone();
        Event { kind, is_accepted: false, is_altered: false, job, payload }
    });
    event.is_altered |= event.payload != payload;
    event.is_accepted |= !is_refused;
    !is_refused
}
