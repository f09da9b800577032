//! Many connections, and slow ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;

use super::*;

/// The most connections of the server.
const TOTAL: usize = 1_024;
/// More than the server has connections.
const HOSTILE: usize = 1_100;

/// What hostile connections send first. The empty one is silent, the others then send a byte a second.
static STARTS: [&str; 4] = [
    "",
    "GET /api/v1/status HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
    "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nX-API-Key: ck_wrong\r\nContent-Length: 1000\r\n\r\n",
];
/// How many of the starts have no complete head. Without a time limit for heads, such a connection ends only to make room
/// for another.
const WITHOUT_HEAD: usize = 2;

/// Opens connections with these starts, which reconnect when the server closes them. Returns once it has closed one.
async fn besiege(server: &TestServer, starts: &'static [&'static str]) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let closed = Arc::new(AtomicUsize::new(0));
    for start in starts.iter().cycle().take(HOSTILE) {
        let (address, closed) = (server.address, Arc::clone(&closed));
        tasks.spawn(async move {
            loop {
                if let Ok(stream) = TcpStream::connect(address).await {
                    until_closed(stream, start).await;
                    closed.fetch_add(1, Ordering::Relaxed);
                }
                sleep(Duration::from_secs(1)).await;
            }
        });
    }
    let closes = async {
        while closed.load(Ordering::Relaxed) == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, closes).await.expect("the server closes a connection");
    tasks
}

/// Sends a start, and then a byte a second unless it is silent, until the server closes the connection.
async fn until_closed(mut stream: TcpStream, start: &str) {
    if start.is_empty() {
        let _ = stream.read(&mut [0]).await;
    } else if stream.write_all(start.as_bytes()).await.is_ok() {
        while stream.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_silent_and_slow_connections_delay_nobody() {
    let files = rlimit::increase_nofile_limit(4 * HOSTILE as u64).expect("a limit of open files");
    assert!(files >= 3 * HOSTILE as u64, "this test needs {} open files: raise it with `ulimit -n`", 3 * HOSTILE);
    // Nobody could wait for a head's time to be over.
    let connections = ConnectionLimits::new(TOTAL, None);
    let server = TestServer::with(ServerLimits { connections, head_timeout: 60 * PATIENCE }).await;
    for starts in [&STARTS[..WITHOUT_HEAD], &STARTS[..]] {
        let _tasks = besiege(&server, starts).await;
        for _ in 0..9 {
            let answer = server.send_one(server.upload()).await;
            assert_eq!(answer.status(), 202, "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_valid_key_survives_a_flood() {
    let connections = ConnectionLimits::new(16, None);
    let server = TestServer::with(ServerLimits { connections, head_timeout: HEAD_TIMEOUT }).await;
    let upload = server.upload().replacen("Host: a\r\n", "Host: a\r\nExpect: 100-continue\r\n", 1);
    let (head, body) = upload.split_at(upload.find("\r\n\r\n").expect("a head") + 4);
    let (start, rest) = body.split_at(body.len() - 5);
    let mut slow = server.connect().await;
    slow.write_all(head.as_bytes()).await.expect("sent");
    // The server asks for the body once it has accepted the key.
    let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(PATIENCE, slow.read_exact(&mut interim)).await.expect("in time").expect("an interim response");
    assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n");
    slow.write_all(start.as_bytes()).await.expect("sent");
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(server.connect().await);
    }
    let closed = timeout(PATIENCE, silent[0].read(&mut [0])).await.expect("the first is closed for a later one");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    slow.write_all(rest.as_bytes()).await.expect("sent");
    assert_eq!(answers(&read_to_end(&mut slow).await)[0].status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_wrong_key_is_drained_for_two_seconds() {
    let server = TestServer::start().await;
    for (path, code) in [("/api/v1/upload", "unauthorized"), ("/nowhere", "not_found")] {
        let begun = Instant::now();
        let mut stream = server.connect().await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: ck_wrong\r\nContent-Length: 1000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        let received = dribble(&mut stream).await;
        let took = begun.elapsed();
        // A caller with a valid key has 30 s.
        assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(30), "{took:?}");
        let answers = answers(&received);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].is_error(if path == "/nowhere" { 404 } else { 401 }, code);
    }
}
