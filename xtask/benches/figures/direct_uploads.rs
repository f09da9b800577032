//! The memory of `cutline serve` while it receives many large direct uploads at once.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::Setup;
use crate::client::Connection;
use crate::machine::{Memory, Scratch, memory};
use crate::report::{Report, Target};
use crate::serve::Server;

/// As many as the server receives of one owner at once.
const CLIENTS: usize = 50;
/// The size of each file, in bytes: the largest.
const FILE_BYTES: usize = 50_000_000;
/// Bytes that a client sends at once.
const PIECE_BYTES: usize = 100_000;
/// MB of 2^20 bytes, in MB of 10^6 bytes.
const MIB: f64 = 1.048_576;

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let title = format!("serve: {CLIENTS} direct uploads of {} MB at once", FILE_BYTES / 1_000_000);
    report.begin(&title);
    println!(
        "Each client asks for an upload and PUTs its file, to a server without workers. The figure is the growth of the\n\
         server's resident set, to its peak. MB are 10^6 bytes."
    );
    let scratch = Scratch::new("direct-uploads")?;
    let server = Server::start(setup, scratch.path(), false).await?;
    let before = memory(server.process_id())?;
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(upload(server.address, server.key.clone()));
    }
    while let Some(ended) = clients.join_next().await {
        ended.context("a client failed")??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let Memory { resident, peak } = memory(server.process_id())?;
    report.judge(format!("{title}: growth"), (peak - before.resident) * MIB, "MB", 0, Target::AtMost(100.0));
    report.tell(format!("{title}: memory after"), format!("{:.0} MB", resident * MIB));
    println!("    {:.0} MB/s", (CLIENTS * FILE_BYTES) as f64 / 1e6 / seconds);
    Ok(())
}

/// Asks for an upload, and sends its file.
async fn upload(server: std::net::SocketAddr, key: String) -> Result<()> {
    let mut connection = Connection::open(server).await?;
    let body = format!(r#"{{"content_type":"image/jpeg","size":{FILE_BYTES}}}"#);
    let request = format!(
        "POST /api/v1/uploads HTTP/1.1\r\nHost: {server}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = connection.send(request.as_bytes()).await?;
    ensure!(answer.status == 201, "an upload was not granted: {}", answer.status);
    let granted: Value = serde_json::from_slice(answer.body)?;
    let url = granted["upload_url"].as_str().context("no upload_url")?;
    let path = url.split_once(&server.to_string()).context("a link to another server")?.1;
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {server}\r\nContent-Type: image/jpeg\r\nContent-Length: {FILE_BYTES}\r\n\r\n"
    );
    let answer = connection.send_large(head.as_bytes(), &[0x55; PIECE_BYTES], FILE_BYTES / PIECE_BYTES).await?;
    ensure!(answer.status == 200, "an upload got {}", answer.status);
    Ok(())
}
