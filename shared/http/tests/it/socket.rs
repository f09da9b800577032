//! The router over a real socket, for what only shows there.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Form, KEY, World};

/// More than the buffers between two sockets hold.
const LARGE: usize = 30_000_000;

async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = axum::serve(listener, cutline_http::router(world.api.clone()));
    tokio::spawn(async move { server.await.expect("served") });
    address
}

/// Sends everything, and only then reads the answer.
async fn send_all_then_read(address: SocketAddr, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!(
        "POST /api/v1/upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}Content-Length: {LARGE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&vec![b'x'; LARGE]).await.expect("all of the body is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn a_client_that_sends_everything_before_it_listens_is_told_why_it_is_refused() {
    let world = World::new().await;
    let address = serve(&world).await;
    let form = format!("Content-Type: {}\r\n", Form::CONTENT_TYPE);
    let cases = [
        (form.clone(), "401 Unauthorized"),
        (format!("{form}X-API-Key: {KEY}\r\n"), "400 Bad Request"),
        (format!("Content-Type: application/json\r\nX-API-Key: {KEY}\r\n"), "413 Payload Too Large"),
        (format!("Content-Type: text/plain\r\nX-API-Key: {KEY}\r\n"), "415 Unsupported Media Type"),
    ];
    for (headers, status) in cases {
        let answer = send_all_then_read(address, &headers).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.contains("\r\n\r\n{\"error\":"), "{answer}");
    }
    assert!(world.store.all_jobs().is_empty());
}
