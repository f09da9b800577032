//! Whether slow hosts of one owner delay the photos of another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::Setup;
use crate::client::Connection;
use crate::machine::Scratch;
use crate::report::{Report, Target};
use crate::serve::Server;

const DRIPPING: usize = 20;
/// How often it is measured. The longest wait is reported.
const ROUNDS: usize = 5;
/// Longer than a fetch may take, so that a photo behind all slow ones is measured too.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("serve, slow hosts");
    println!(
        "    owner A has {DRIPPING} jobs whose hosts send a byte a second; then owner B uploads a file_url. Timed from B's 202 to\n\
         the request that its host gets, {ROUNDS} times."
    );
    let scratch = Scratch::new("fetching")?;
    let server = Server::start(setup, scratch.path(), true).await?;
    let output =
        setup.program("cutline").args(["keys", "create", "--owner", "b", "--data"]).arg(scratch.path()).output();
    let output = output.context("cannot run cutline keys create")?;
    ensure!(output.status.success(), "cannot create a key: {}", String::from_utf8_lossy(&output.stderr));
    let other = String::from_utf8(output.stdout).context("the key is not UTF-8")?.trim().to_owned();

    let mut hosts = Hosts::start().await?;
    for _ in 0..DRIPPING {
        upload(server.address, &server.key, &hosts.url("slow")).await?;
    }
    // At least one of them is being fetched.
    timeout(PATIENCE, hosts.slow.recv()).await.context("no slow host was asked")?;
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        upload(server.address, &other, &hosts.url("quick")).await?;
        let accepted = Instant::now();
        timeout(PATIENCE, hosts.quick.recv()).await.context("the quick host was not asked")?;
        longest = longest.max(accepted.elapsed());
        sleep(Duration::from_millis(500)).await;
    }
    let name = format!("serve: a file_url of owner B behind {DRIPPING} dripping ones of owner A");
    report.judge(name, longest.as_secs_f64(), "s", 2, Target::AtMost(1.5));
    Ok(())
}

/// Uploads a URL.
async fn upload(server: SocketAddr, key: &str, url: &str) -> Result<()> {
    let body = json!({ "file_url": url, "mode": "background" }).to_string();
    let request = format!(
        "POST /api/v1/upload HTTP/1.1\r\nHost: {server}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = Connection::open(server).await?;
    let answer = connection.send(request.as_bytes()).await?;
    ensure!(answer.status == 202, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(())
}

/// A web server that answers `/slow` drop by drop, and `/quick` at once. It reports each request.
struct Hosts {
    address: SocketAddr,
    slow: mpsc::UnboundedReceiver<()>,
    quick: mpsc::UnboundedReceiver<()>,
}

impl Hosts {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port")?;
        let address = listener.local_addr()?;
        let ((slow_asked, slow), (quick_asked, quick)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // An error means that the server has hung up.
                tokio::spawn(answer(stream, slow_asked.clone(), quick_asked.clone()));
            }
        });
        Ok(Self { address, slow, quick })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

async fn answer(
    mut stream: TcpStream,
    slow: mpsc::UnboundedSender<()>,
    quick: mpsc::UnboundedSender<()>,
) -> std::io::Result<()> {
    let mut head = [0; 1024];
    let length = stream.read(&mut head).await?;
    if head[..length].starts_with(b"GET /quick ") {
        // Nobody listens once the figure is measured.
        let _ = quick.send(());
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    }
    let _ = slow.send(());
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n").await?;
    loop {
        stream.write_all(b"\xFF").await?;
        sleep(Duration::from_secs(1)).await;
    }
}
