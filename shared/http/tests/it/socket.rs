//! The router over a real socket, for behavior that only shows there.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use cutline_http::{LinkError, SignedFile, SignedFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Form, KEY, World};

/// The largest file: more than the buffers between two sockets hold, in bytes.
const LIMIT: usize = 16_000_000;
/// A body well over it.
const OVER: usize = 60_000_000;

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
async fn send_all_then_read(address: SocketAddr, request: &str, headers: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head =
        format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    if headers.contains("Expect") {
        let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut interim).await.expect("an interim response");
        assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    stream.write_all(&vec![b'x'; length]).await.expect("the server reads the whole body");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
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
    // A caller without a checked key has two seconds for its body, so it sends less here.
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
        let answer = send_all_then_read(address, request, headers, length).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request} {answer}");
        assert!(answer.contains("\r\n\r\n{\"error\":"), "{answer}");
    }
    assert!(world.store.all_jobs().is_empty());
}
