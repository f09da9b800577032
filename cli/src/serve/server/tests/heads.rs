//! Heads of requests: those that hyper refuses, those at the limit, and unusual ones.

use cutline_http::{MAX_HEAD_BYTES, MAX_HEADER_FIELDS};

use super::*;

/// A head for a route that does not exist.
fn get(headers: &str) -> String {
    format!("GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn a_malformed_head_gets_an_error_in_our_form() {
    let server = TestServer::start().await;
    let malformed = [
        "\0\r\n\r\n",
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX y: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}",
    ];
    for bytes in malformed {
        let answer = server.send_one(bytes).await;
        let message = answer.is_error(400, "bad_request");
        assert!(message.contains("malformed"), "{bytes:?}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_before_a_malformed_head_stays_whole() {
    let server = TestServer::start().await;
    let known = format!("GET /api/v1/status?job_id=1 HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\n\r\n", server.key);
    let unknown = "HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = server.send(format!("{known}{known}garbage\r\n\r\n")).await;
    assert_eq!(answers.len(), 3, "{answers:?}");
    answers[0].is_error(422, "validation");
    answers[1].is_error(422, "validation");
    answers[2].is_error(400, "bad_request");
    // The same in single writes, with a response without a body in between.
    let mut stream = server.connect().await;
    for part in [unknown, "garbage\r\n\r\n"] {
        stream.write_all(part.as_bytes()).await.expect("sent");
        sleep(Duration::from_millis(300)).await;
    }
    let text = String::from_utf8(read_to_end(&mut stream).await).expect("text");
    let (first, second) = text.split_once("\r\n\r\n").expect("two answers");
    assert!(first.starts_with("HTTP/1.1 404") && first.contains("x-request-id: "), "{text}");
    assert!(second.starts_with("HTTP/1.1 400") && second.ends_with('}'), "{text}");
}

#[tokio::test]
async fn the_limits_of_a_head_are_exact() {
    let server = TestServer::start().await;
    let filled = |bytes: usize| {
        let empty = get("X: \r\n").len();
        get(&format!("X: {}\r\n", "x".repeat(bytes - empty)))
    };
    assert_eq!(filled(MAX_HEAD_BYTES).len(), MAX_HEAD_BYTES);
    server.send_one(filled(MAX_HEAD_BYTES)).await.is_error(404, "not_found");
    for bytes in [MAX_HEAD_BYTES + 1, 2 * MAX_HEAD_BYTES, 20 * MAX_HEAD_BYTES] {
        let message = server.send_one(filled(bytes)).await.is_error(431, "headers_too_large");
        assert_eq!(message, "The request line and headers may have at most 64 KB and 100 headers.");
    }
    // In pieces, as through a slow network.
    for (bytes, status) in [(MAX_HEAD_BYTES, "404"), (MAX_HEAD_BYTES + 1, "431")] {
        let mut stream = server.connect().await;
        for piece in filled(bytes).as_bytes().chunks(10_000) {
            let _ = stream.write_all(piece).await;
            sleep(Duration::from_millis(20)).await;
        }
        let text = String::from_utf8(read_to_end(&mut stream).await).expect("text");
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
    }
    // Two are in every head here.
    let fields = |count: usize| get(&"X: y\r\n".repeat(count - 2));
    server.send_one(fields(MAX_HEADER_FIELDS)).await.is_error(404, "not_found");
    server.send_one(fields(MAX_HEADER_FIELDS + 1)).await.is_error(431, "headers_too_large");
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_408_and_silence_gets_nothing() {
    let limits =
        ServerLimits { connections: ConnectionLimits::new(16, None), head_timeout: Duration::from_millis(500) };
    let server = TestServer::with(limits).await;
    server.send_one("GET / HTTP/1.1\r\nHost:").await.is_error(408, "request_timeout");
    assert!(server.send("").await.is_empty());
    // A caller that sends a byte now and then gains no time.
    let mut stream = server.connect().await;
    let received = dribble(&mut stream).await;
    answers(&received)[0].is_error(408, "request_timeout");
    // After a response, an idle connection closes without a word.
    let answers = server.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_request_that_ends_early_gets_an_answer() {
    let server = TestServer::start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.expect("sent");
    stream.shutdown().await.expect("closed for writing");
    let message = answers(&read_to_end(&mut stream).await)[0].is_error(400, "bad_request");
    assert_eq!(message, "The request ended within its headers.");
}

#[tokio::test]
async fn http_1_1_requires_one_valid_host() {
    let server = TestServer::start().await;
    let cases = [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "missing"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n", "more than once"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", "not a host"),
        ("GET http://a/ HTTP/1.1\r\nConnection: close\r\n\r\n", "missing"),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "more than once"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "missing"),
    ];
    for (request, part) in cases {
        let message = server.send_one(request).await.is_error(400, "bad_request");
        assert!(message.starts_with("The Host header ") && message.contains(part), "{request}: {message}");
    }
    server.send_one("GET /nowhere HTTP/1.0\r\n\r\n").await.is_error(404, "not_found");
}

#[tokio::test]
async fn unusual_targets_and_methods_get_errors_in_our_form() {
    let server = TestServer::start().await;
    let cases = [
        ("GET nowhere", 404, "not_found"),
        ("OPTIONS *", 404, "not_found"),
        ("CONNECT example.com:443", 404, "not_found"),
        ("TRACE /api/v1/upload", 405, "method_not_allowed"),
        ("OPTIONS /api/v1/upload", 405, "method_not_allowed"),
        ("FROB /api/v1/upload", 405, "method_not_allowed"),
        // The host of an absolute target selects nothing.
        ("GET http://other.example/api/v1/status", 401, "unauthorized"),
        ("GET http://other.example/nowhere?q=1", 404, "not_found"),
    ];
    for (line, status, code) in cases {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        server.send_one(request).await.is_error(status, code);
    }
    let head = server.send_one("HEAD /api/v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!((head.status(), head.body.as_str()), (401, ""));
    assert!(head.header("x-request-id").is_some(), "{head:?}");
}

#[tokio::test]
async fn a_caller_that_waits_for_100_continue_sends_no_body_with_a_wrong_key() {
    let server = TestServer::start().await;
    let head = |key: &str| {
        format!(
            "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
    };
    server.send_one(head("ck_wrong")).await.is_error(401, "unauthorized");
    let answers = server.send(format!("{}{{}}", head(&server.key))).await;
    assert_eq!(answers[0].head, "HTTP/1.1 100 Continue\r\n\r\n");
    answers[1].is_error(422, "validation");
}

#[tokio::test]
async fn reads_chunked_bodies_with_trailers_and_answers_broken_ones() {
    let server = TestServer::start().await;
    let send = async |chunks: &str| {
        let head = format!(
            "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}",
            server.key
        );
        server.send_one(head).await
    };
    let body = r#"{"file_url":"https://example.com/cup.jpg"}"#;
    let whole = format!("{:x};ext=1\r\n{body}\r\n0\r\nX-Trailer: 1\r\nContent-Length: 9\r\n\r\n", body.len());
    assert_eq!(send(&whole).await.status(), 202);
    for broken in ["zz\r\n", "5\r\n{}\r\nxxxx", "2\r\n{}0\r\n\r\n", "fffffffffffffffff\r\n"] {
        send(broken).await.is_error(400, "bad_request");
    }
}
