//! Whether clients that connect and say nothing delay another one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpStream;

use crate::Setup;
use crate::client::Connection;
use crate::load::{Load, Pace, Photo};
use crate::machine::Scratch;
use crate::report::{Report, Target};
use crate::serve::Server;

const SILENT: usize = 1_000;
/// How often an upload is timed. The longest counts.
const ROUNDS: usize = 20;

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("serve, silent connections");
    println!(
        "    {SILENT} connections of one address send nothing; {ROUNDS} uploads, each on a new connection from that address"
    );
    raise_open_files()?;
    let scratch = Scratch::new("silent")?;
    let server = Server::start(setup, scratch.path(), false).await?;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(server.address).await.context("cannot connect")?);
    }
    let load = Load {
        server: server.address,
        key: server.key.clone(),
        photo: Photo::Url("https://example.com/cup.jpg".to_owned()),
        clients: 1,
        duration: Duration::ZERO,
        pace: Pace::ClosedLoop,
        with_keys: false,
    };
    let request = [b"POST /api/v1/upload HTTP/1.1\r\n".as_slice(), &load.upload()].concat();
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut connection = Connection::open(server.address).await.context("cannot connect")?;
        let status = connection.send(&request).await.context("no answer")?.status;
        ensure!(status == 202, "the upload was answered with {status}");
        longest = longest.max(begun.elapsed());
    }
    drop(silent);
    let name = format!("serve: an upload beside {SILENT} silent connections, longest of {ROUNDS}");
    report.judge(name, longest.as_secs_f64(), "s", 3, Target::Under(1.0));
    Ok(())
}

/// Lets this process and the server open a file for each connection, and some more.
fn raise_open_files() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")?;
    let enough = limit.current.is_none_or(|files| files >= 2 * SILENT as u64);
    ensure!(enough, "this figure needs {} open files: raise the limit with `ulimit -n`", 2 * SILENT);
    Ok(())
}
