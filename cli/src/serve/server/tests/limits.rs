//! Many connections, and slow ones.

use std::time::Instant;

use super::*;

/// More than the server has connections.
const HOSTILE: usize = 1_100;

/// Opens connections that send a start, and then a byte a second. They reconnect when the server closes them. An empty
/// start is a silent connection.
fn besiege(server: &TestServer, starts: &'static [&'static str]) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for start in starts.iter().cycle().take(HOSTILE) {
        let address = server.address;
        tasks.spawn(async move {
            loop {
                sleep(Duration::from_millis(100)).await;
                let Ok(mut stream) = TcpStream::connect(address).await else { continue };
                if start.is_empty() {
                    sleep(PATIENCE).await;
                }
                if stream.write_all(start.as_bytes()).await.is_err() {
                    continue;
                }
                while stream.write_all(b"x").await.is_ok() {
                    sleep(Duration::from_secs(1)).await;
                }
            }
        });
    }
    tasks
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_silent_and_slow_connections_delay_nobody() {
    let files = rlimit::increase_nofile_limit(4 * HOSTILE as u64).expect("a limit of open files");
    assert!(files >= 3 * HOSTILE as u64, "this test needs {} open files: raise it with `ulimit -n`", 3 * HOSTILE);
    let server = TestServer::start().await;
    let _tasks = besiege(
        &server,
        &[
            "",
            "GET /api/v1/status HTTP/1.1\r\nHost: a\r\nX-Slow: ",
            "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
            "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nX-API-Key: ck_wrong\r\nContent-Length: 1000\r\n\r\n",
        ],
    );
    sleep(Duration::from_secs(1)).await;
    let mut times = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        let answer = server.send_one(server.upload()).await;
        times.push(begun.elapsed());
        assert_eq!(answer.status(), 202, "{answer:?}");
        sleep(Duration::from_millis(200)).await;
    }
    times.sort_unstable();
    assert!(times[times.len() / 2] < Duration::from_secs(1), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_valid_key_survives_a_flood() {
    let connections = ConnectionLimits::new(16, None);
    let server = TestServer::with(ServerLimits { connections, head_timeout: HEAD_TIMEOUT }).await;
    let upload = server.upload();
    let (start, rest) = upload.split_at(upload.len() - 5);
    let mut slow = server.connect().await;
    slow.write_all(start.as_bytes()).await.expect("sent");
    sleep(Duration::from_millis(500)).await;
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
        assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(20), "{took:?}");
        let answers = answers(&received);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].is_error(if path == "/nowhere" { 404 } else { 401 }, code);
    }
}
