//! The router over a real socket, for behavior that only shows there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cutline_http::{LinkError, SignedFile, SignedFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Form, KEY, World};

/// The largest file: more than the buffers between two sockets hold, in bytes.
const LIMIT: usize = 16_000_000;
/// A body well over it.
const OVER: usize = 60_000_000;
/// How long a caller without a checked key has for its body.
const TIME_WITHOUT_KEY: Duration = Duration::from_secs(2);

struct NoFiles;

#[async_trait]
impl SignedFiles for NoFiles {
    async fn open(&self, _: &str) -> Result<SignedFile, LinkError> {
        Err(LinkError::NotFound)
    }
}

async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = axum::serve(listener, cutline_http::router(world.api.clone()));
    tokio::spawn(async move { server.await.expect("served") });
    address
}

/// Sends everything, and only then reads the response. With an `Expect` header, waits for `100 Continue` first.
async fn send_all_then_read(address: SocketAddr, request: &str, headers: &str, length: usize) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head =
        format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    if headers.contains("Expect") {
        let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut interim).await?;
        assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    stream.write_all(&vec![b'x'; length]).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The answer to a client that sends everything first. Tries again if the machine was too slow for a caller without a key.
async fn answer_to(address: SocketAddr, request: &str, headers: &str, length: usize) -> String {
    for _ in 0..10 {
        let begun = Instant::now();
        match send_all_then_read(address, request, headers, length).await {
            Err(_) if !headers.contains("X-API-Key") && begun.elapsed() >= TIME_WITHOUT_KEY => {}
            answer => return answer.expect("the server reads the whole body and answers"),
        }
    }
    panic!("the machine was too slow ten times: {request}")
}

#[tokio::test]
async fn a_client_that_reads_only_after_sending_gets_the_reason_of_a_refusal() {
    let world = World::new().await.with(|api| {
        api.max_file_bytes = LIMIT;
        api.files = Some(Arc::new(NoFiles));
    });
    let address = serve(&world).await;
    let key = format!("X-API-Key: {KEY}\r\n");
    let form = format!("Content-Type: {}\r\n{key}", Form::CONTENT_TYPE);
    let json = format!("Content-Type: application/json\r\n{key}");
    let text = format!("Content-Type: text/plain\r\n{key}");
    let waits = format!("{form}Expect: 100-continue\r\n");
    let upload = "POST /api/v1/upload";
    // A caller without a checked key has little time for its body, so it sends less here.
    let cases = [
        (upload, "", LIMIT, "401 Unauthorized"),
        (upload, &form, LIMIT, "400 Bad Request"),
        (upload, &waits, LIMIT, "400 Bad Request"),
        (upload, &form, OVER, "413 Payload Too Large"),
        (upload, &json, OVER, "413 Payload Too Large"),
        (upload, &text, OVER, "415 Unsupported Media Type"),
        ("PUT /api/v1/upload", &form, LIMIT, "405 Method Not Allowed"),
        ("POST /api/v1/status", &form, LIMIT, "405 Method Not Allowed"),
        ("POST /files/a", &form, LIMIT, "405 Method Not Allowed"),
        ("POST /api/v1/unknown", "", LIMIT, "404 Not Found"),
        ("PUT /api/v1/params/a", "", LIMIT, "401 Unauthorized"),
        ("PUT /api/v1/params/a", &text, OVER, "415 Unsupported Media Type"),
        ("PUT /api/v1/params/a", &json, OVER, "413 Payload Too Large"),
        ("PUT /api/v1/params/a", &json, 64_000, "400 Bad Request"),
        ("DELETE /api/v1/params/a", &key, OVER, "404 Not Found"),
        ("POST /api/v1/params/a", &json, LIMIT, "405 Method Not Allowed"),
    ];
    for (request, headers, length, status) in cases {
        let answer = answer_to(address, request, headers, length).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request} {answer}");
        assert!(answer.contains("\r\n\r\n{\"error\":"), "{answer}");
    }
    assert!(world.store.all_jobs().is_empty());
}
