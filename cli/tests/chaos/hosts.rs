//! Web servers as sources: good, slow, hanging, broken.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ledger::Expectation;
use crate::pictures::Catalog;
use crate::random::Random;

/// Longer than a fetch may take.
const LONG: Duration = Duration::from_secs(40);
/// More than a source may have, in bytes.
const TOO_LARGE: usize = 60_000_000;

/// A path of the host, and how a job with this source ends.
struct Route {
    path: &'static str,
    fails_with: &'static [&'static str],
    /// Whether the job is tried again, so that it takes more than a minute.
    is_retried: bool,
}

const ROUTES: [Route; 10] = [
    Route { path: "/trickle", fails_with: &["source_timeout"], is_retried: true },
    Route { path: "/hang", fails_with: &["source_timeout"], is_retried: true },
    Route { path: "/reset", fails_with: &["source_unreachable"], is_retried: true },
    Route { path: "/short", fails_with: &["source_unreachable"], is_retried: true },
    Route { path: "/error", fails_with: &["source_unreachable"], is_retried: true },
    Route { path: "/missing", fails_with: &["source_unreachable"], is_retried: false },
    Route { path: "/loop", fails_with: &["source_unreachable"], is_retried: false },
    Route { path: "/large", fails_with: &["source_too_large"], is_retried: false },
    Route { path: "/endless", fails_with: &["source_too_large"], is_retried: false },
    Route { path: "/text", fails_with: &["unsupported_source"], is_retried: false },
];

/// The address of a running host, `http://127.0.0.1:port`.
pub(crate) struct Host {
    base: String,
    good: Vec<Expectation>,
}

impl Host {
    /// Starts the host. It runs until the process ends.
    pub(crate) fn start(catalog: Arc<Catalog>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for the sources' host")?;
        let base = format!("http://{}", listener.local_addr()?);
        let good = catalog.good.iter().map(|picture| picture.expectation.clone()).collect();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let catalog = Arc::clone(&catalog);
                thread::spawn(move || drop(respond(stream, &catalog)));
            }
        });
        Ok(Self { base, good })
    }

    /// The URL of a good picture, half of them served slowly.
    pub(crate) fn good(&self, random: &mut Random) -> (String, Expectation) {
        let index = random.index(self.good.len());
        let speed = if random.chance(50) { "slow" } else { "good" };
        (format!("{}/{speed}/{index}", self.base), self.good[index].clone())
    }

    /// A URL that leads to no picture. `has_time` allows those whose job takes more than a minute.
    pub(crate) fn bad(&self, random: &mut Random, has_time: bool) -> (String, Expectation) {
        let routes: Vec<_> = ROUTES.iter().filter(|route| has_time || !route.is_retried).collect();
        let route = random.pick(&routes);
        (format!("{}{}", self.base, route.path), Expectation::Fails(route.fails_with))
    }
}

fn respond(mut stream: TcpStream, catalog: &Catalog) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    // A connection that is closed with unread data is reset.
    if path == "/reset" {
        return Ok(());
    }
    while reader.read_line(&mut line)? > 2 {}
    match path.as_str() {
        "/trickle" => {
            head(&mut stream, "200 OK", "", Some(100_000))?;
            send(&mut stream, &[0; 200], 1, Duration::from_millis(200))
        }
        "/hang" => {
            thread::sleep(LONG);
            Ok(())
        }
        "/short" => {
            head(&mut stream, "200 OK", "", Some(100_000))?;
            stream.write_all(&[0xff; 999])
        }
        "/error" => head(&mut stream, "500 Internal Server Error", "", Some(0)),
        "/loop" => head(&mut stream, "302 Found", "Location: /loop\r\n", Some(0)),
        "/large" => head(&mut stream, "200 OK", "", Some(TOO_LARGE)),
        "/endless" => {
            head(&mut stream, "200 OK", "", None)?;
            send(&mut stream, &vec![0xff; TOO_LARGE], 65_536, Duration::ZERO)
        }
        "/text" => {
            head(&mut stream, "200 OK", "Content-Type: image/jpeg\r\n", Some(4))?;
            stream.write_all(b"text")
        }
        path => serve_picture(&mut stream, path, catalog),
    }
}

fn serve_picture(stream: &mut TcpStream, path: &str, catalog: &Catalog) -> io::Result<()> {
    let parts = path.trim_start_matches('/').split_once('/');
    let picture = parts.and_then(|(speed, index)| Some((speed, catalog.good.get(index.parse::<usize>().ok()?)?)));
    let Some((speed, picture)) = picture else { return head(stream, "404 Not Found", "", Some(0)) };
    head(stream, "200 OK", "", Some(picture.bytes.len()))?;
    let pause = if speed == "slow" { Duration::from_millis(150) } else { Duration::ZERO };
    send(stream, &picture.bytes, picture.bytes.len().div_ceil(20), pause)
}

fn head(stream: &mut TcpStream, status: &str, headers: &str, length: Option<usize>) -> io::Result<()> {
    let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    write!(stream, "HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n")
}

fn send(stream: &mut TcpStream, bytes: &[u8], chunk: usize, pause: Duration) -> io::Result<()> {
    for part in bytes.chunks(chunk) {
        stream.write_all(part)?;
        thread::sleep(pause);
    }
    Ok(())
}
