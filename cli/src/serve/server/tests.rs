//! The server over real sockets: the API on a data folder, as `serve` runs it without workers.

mod heads;
mod limits;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use cutline_core::Policy;
use cutline_core::usecases::Env;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::connections::{ConnectionLimits, Connections};
use super::serving::Serving;
use super::{HEAD_TIMEOUT, ServerLimits, accept, run};
use crate::serve::app::App;
use crate::serve::limits::with_time_limits;
use crate::serve::local::LocalStores;
use crate::serve::startup::create_first_keys;
use crate::stop::StopSignal;

/// Longer than anything in these tests takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It stops on drop.
struct TestServer {
    address: SocketAddr,
    key: String,
    _stop: watch::Sender<bool>,
    _folder: TempDir,
}

impl TestServer {
    async fn start() -> Self {
        Self::with(ServerLimits { connections: ConnectionLimits::new(1024, None), head_timeout: HEAD_TIMEOUT }).await
    }

    async fn with(limits: ServerLimits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = Policy::default();
        let stores = LocalStores::open(&folder.path().join("data"), None, policy).expect("stores");
        let key = create_first_keys(&stores).await.expect("stored").expect("the first keys").full.reveal().to_owned();
        let app = App::new(stores.ports("http://127.0.0.1/".parse().expect("a URL")), Env::system(policy), None);
        let (sender, stop) = StopSignal::manual();
        let router: Router = with_time_limits(cutline_http::router(app.api(Vec::new(), &stop)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            run(listener, router, limits, stop).await;
            drop(stores);
        });
        Self { address, key, _stop: sender, _folder: folder }
    }

    async fn connect(&self) -> TcpStream {
        timeout(PATIENCE, TcpStream::connect(self.address)).await.expect("in time").expect("connected")
    }

    /// Sends bytes on a new connection, and reads until the server closes it.
    async fn send(&self, bytes: impl AsRef<[u8]>) -> Vec<Answer> {
        let mut stream = self.connect().await;
        // The server may answer before it has read everything.
        let _ = stream.write_all(bytes.as_ref()).await;
        answers(&read_to_end(&mut stream).await)
    }

    /// Sends bytes that get one answer.
    async fn send_one(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut answers = self.send(bytes).await;
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// A valid upload in JSON, after which the connection closes.
    fn upload(&self) -> String {
        let body = r#"{"file_url":"https://example.com/cup.jpg"}"#;
        format!(
            "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        )
    }
}

/// Reads until the server closes the connection.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // After a reset, what came before it counts.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    bytes
}

/// Sends a byte now and then until the server closes the connection. Returns what it answered.
async fn dribble(stream: &mut TcpStream) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut received = Vec::new();
    let send = async {
        while writer.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = timeout(PATIENCE, reader.read_to_end(&mut received)) => drop(ended.expect("the server closes it")),
        () = send => {}
    }
    received
}

/// A response with a `Content-Length`, or without a body.
#[derive(Debug)]
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Asserts an error in the form of all errors, and returns its message.
    #[track_caller]
    fn is_error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status(), status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert!(self.header("x-request-id").is_some_and(|id| id.len() == 36), "{self:?}");
        assert!(self.header("date").is_some_and(|date| date.ends_with(" GMT")), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(body["error"], code, "{self:?}");
        body["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// Splits the answers of a connection.
fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let head = str::from_utf8(&bytes[..end]).expect("text").to_owned();
        let mut answer = Answer { head, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let length: usize = length;
        // A response to HEAD has a length and no body.
        let body = &bytes[end..(end + length).min(bytes.len())];
        answer.body = str::from_utf8(body).expect("text").to_owned();
        bytes = &bytes[end + body.len()..];
        answers.push(answer);
    }
    answers
}

mod stalling {
    //! A caller that stops reading.

    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures::{StreamExt, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn disconnects_a_caller_that_stops_reading_and_buffers_little_for_it() {
        let produced = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&produced);
        let router = Router::new().route(
            "/",
            get(async move || {
                Body::from_stream(stream::repeat(Bytes::from_static(&[0; 65_536])).map(move |chunk| {
                    count.fetch_add(chunk.len(), Ordering::Relaxed);
                    Ok::<_, Infallible>(chunk)
                }))
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut caller = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let (stream, _) = accept(&listener).await;
        let all = Connections::new(ConnectionLimits::new(1, None));
        let (connection, _close) = all.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)).await.expect("admitted");
        // The body never ends, so only the timeout ends this.
        let serving = Serving { stream, router, connection, head_timeout: HEAD_TIMEOUT };
        serving.start().await.expect_err("disconnected");
        let produced = produced.load(Ordering::Relaxed);
        assert!(produced > 0 && produced < 2_000_000, "{produced}");
    }
}
