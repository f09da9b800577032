//! A keep-alive HTTP/1.1 connection with next to no overhead.
//!
//! Clients and server share the machine, so a costly client would slow the server down. This one sends prepared requests
//! and reads answers with a `Content-Length`, as those of `cutline serve` are. It supports nothing else.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than any answer of the API, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// An open connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects to the server.
    pub(crate) async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(2048) })
    }

    /// Sends a request and waits for its answer. An error makes the connection unusable.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.answer().await
    }

    /// Sends a request whose body repeats a piece, and waits for its answer.
    pub(crate) async fn send_large(&mut self, head: &[u8], piece: &[u8], times: usize) -> io::Result<Answer<'_>> {
        self.stream.write_all(head).await?;
        for _ in 0..times {
            self.stream.write_all(piece).await?;
        }
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<Answer<'_>> {
        self.received.clear();
        let (status, head, length) = loop {
            self.receive().await?;
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let (status, length) = read_head(&self.received[..end])?;
                break (status, end + 4, length);
            }
        };
        while self.received.len() < head + length {
            self.receive().await?;
        }
        Ok(Answer { status, body: &self.received[head..head + length] })
    }

    async fn receive(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.received.len() > MAX_ANSWER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "answer too large"));
        }
        Ok(())
    }
}

/// Returns the status and the body's length.
fn read_head(head: &[u8]) -> io::Result<(u16, usize)> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, String::from_utf8_lossy(head).into_owned());
    let head = std::str::from_utf8(head).map_err(|_| invalid())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(invalid)?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(invalid)?;
    Ok((status, length))
}
