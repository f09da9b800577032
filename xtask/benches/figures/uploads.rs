//! The memory of `cutline serve` while many clients upload files at once.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::Setup;
use crate::client::Connection;
use crate::machine::{Memory, Scratch, memory};
use crate::report::{Report, Target};
use crate::serve::Server;

const CLIENTS: usize = 200;
/// The size of each file, in bytes.
const FILE_BYTES: usize = 1_350_000;
/// How often each client uploads.
const ROUNDS: usize = 5;
/// The documented memory of all request bodies, in MB of 10^6 bytes.
const DOCUMENTED_MB: f64 = 288.0;
/// MB of 2^20 bytes, in MB of 10^6 bytes.
const MIB: f64 = 1.048_576;
/// The pause after a 503, which a client gets while all memory is in use.
const RETRY: Duration = Duration::from_millis(200);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let title = format!("serve: {CLIENTS} clients upload files of {:.2} MB", FILE_BYTES as f64 / 1e6);
    report.begin(&title);
    println!(
        "Each client sends {ROUNDS} multipart uploads, one after another, on one connection, to a server without workers.\n\
         The figure is the peak resident set of the server. MB are 10^6 bytes."
    );
    let scratch = Scratch::new("uploads")?;
    let server = Server::start(setup, scratch.path(), false).await?;
    let before = memory(server.process_id())?;
    let request = std::sync::Arc::new(upload(&server));
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (address, request) = (server.address, std::sync::Arc::clone(&request));
        clients.spawn(async move { client(address, &request).await });
    }
    let mut refused = 0;
    while let Some(ended) = clients.join_next().await {
        refused += ended.context("a client failed")??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let Memory { resident, peak } = memory(server.process_id())?;
    report.tell(format!("{title}: memory before"), format!("{:.0} MB", before.resident * MIB));
    report.judge(format!("{title}: peak"), peak * MIB, "MB", 0, Target::AtMost(DOCUMENTED_MB));
    report.tell(format!("{title}: memory after"), format!("{:.0} MB", resident * MIB));
    let uploads = CLIENTS * ROUNDS;
    println!("    {uploads} uploads in {seconds:.1} s, {refused} of them after a 503");
    Ok(())
}

/// Uploads, and returns how often the server had no memory. Such an upload is repeated.
async fn client(server: std::net::SocketAddr, request: &[u8]) -> Result<usize> {
    let mut connection = Connection::open(server).await?;
    let (mut done, mut refused) = (0, 0);
    while done < ROUNDS {
        match connection.send(request).await?.status {
            202 => done += 1,
            503 => {
                refused += 1;
                tokio::time::sleep(RETRY).await;
            }
            status => ensure!(status == 202, "an upload got {status}"),
        }
    }
    Ok(refused)
}

/// A multipart upload of a file that looks like a JPEG, which is all that the server checks at once.
fn upload(server: &Server<'_>) -> Vec<u8> {
    const BOUNDARY: &str = "cutline-figures";
    let start = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    );
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let mut file = vec![0x55; FILE_BYTES];
    file[..4].copy_from_slice(b"\xFF\xD8\xFF\xE0");
    let mut request = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write!(
        request,
        "POST /api/v1/upload HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n{start}",
        server.address,
        server.key,
        start.len() + file.len() + end.len()
    );
    request.extend_from_slice(&file);
    request.extend_from_slice(end.as_bytes());
    request
}
