//! `cutline serve` under load, killed midway: how fast it answers, and that no job it took in is lost.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{sleep, timeout};

use crate::Setup;
use crate::client::Connection;
use crate::load::{self, Load, Pace, Seen};
use crate::machine::{Scratch, cpu_seconds};
use crate::origin::Origin;
use crate::pictures::Pictures;
use crate::report::{Report, Target, quantile};

const CLIENTS: u32 = 50;
/// The timetable's: 17 million uploads a day.
const UPLOADS_A_SECOND: f64 = 200.0;
/// Loading the models takes the most of it.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    println!(
        "{CLIENTS} clients, each with a connection of its own, upload JSON with a file_url and ask for a job of theirs\n\
         in turn, for {} s. Midway the server is killed with SIGKILL and started again on the same folder; in the end\n\
         every job that was answered with 202 is asked for. Closed loop: a client asks again at once, so the times are\n\
         those of a server that is never idle. Timetable: {UPLOADS_A_SECOND} uploads and as many questions a second in all, timed\n\
         from when each was due. Clients and server share this machine's processors.",
        setup.seconds
    );
    for workers in [false, true] {
        for pace in [Pace::ClosedLoop, Pace::Timetable(UPLOADS_A_SECOND)] {
            let of = match pace {
                Pace::ClosedLoop => "closed loop",
                Pace::Timetable(_) => "timetable",
            };
            let with = if workers { "workers running" } else { "workers paused" };
            let title = format!("serve, {with}, {of}");
            report.begin(&title);
            one(setup, report, &title, workers, pace).await.with_context(|| title.clone())?;
        }
    }
    Ok(())
}

async fn one(setup: &Setup, report: &mut Report, title: &str, workers: bool, pace: Pace) -> Result<()> {
    let scratch = Scratch::new("serve")?;
    let origin = Origin::start(Pictures::read()?.jpeg(0, 1200, 800)?).await?;
    let mut server = Server::start(setup, scratch.path(), workers).await?;
    let lasts = Duration::from_secs(setup.seconds);
    let load =
        Load { server: server.address, key: server.key.clone(), file_url: origin.url(), clients: CLIENTS, lasts, pace };
    let own_before = cpu_seconds(std::process::id())?;
    let (seen, down) = tokio::try_join!(load.run(), async {
        sleep(lasts / 2).await;
        let killed = Instant::now();
        server.kill()?;
        server.start_again().await?;
        anyhow::Ok(killed.elapsed())
    })?;
    let own = cpu_seconds(std::process::id())? - own_before;
    let served = server.used_before + cpu_seconds(server.process.id())?;

    let standing = load::ask_for_all(server.address, &server.key, &seen.accepted).await?;
    let taken = seen.accepted.len();
    report.tell(
        format!("{title}: requests a second"),
        format!("{:.0}", (seen.uploads.len() + seen.statuses.len()) as f64 / lasts.as_secs_f64()),
    );
    times(report, title, workers, &seen)?;
    println!(
        "    the server was down for {:.2} s and cut off {} requests; it used {:.2} processors, the clients {:.2}",
        down.as_secs_f64(),
        seen.cut_off,
        served / lasts.as_secs_f64(),
        own / lasts.as_secs_f64(),
    );
    for (status, count) in &seen.refused {
        println!("    {count} requests were answered with {status}");
    }
    if workers {
        report.tell(format!("{title}: jobs done, failed"), format!("{}, {}", standing.done, standing.failed));
    }
    report.judge(
        format!("{title}: jobs lost of {taken} taken in"),
        standing.lost.len() as f64,
        "",
        0,
        Target::AtMost(0.0),
    );
    if taken == 0 {
        report.broken(format!("{title}: not one upload was taken in"));
    }
    if let Some(first) = standing.lost.first() {
        let first = String::from_utf8_lossy(first);
        report.broken(format!("{title}: {} jobs are lost, the first is {first}", standing.lost.len()));
    }
    Ok(())
}

/// The times of answers. With workers running there is no target: they and the clients want the same
/// processors.
fn times(report: &mut Report, title: &str, workers: bool, seen: &Seen) -> Result<()> {
    for (what, sorted, target) in [("upload", &seen.uploads, 50.0), ("status", &seen.statuses, 20.0)] {
        let milliseconds = |share| quantile(sorted, share).map(|micros| f64::from(micros) / 1000.0);
        let (Some(p50), Some(p99)) = (milliseconds(0.5), milliseconds(0.99)) else {
            bail!("no /{what} was answered");
        };
        report.tell(format!("{title}: /{what} p50"), format!("{p50:.1} ms"));
        let name = format!("{title}: /{what} p99");
        if workers {
            report.tell(name, format!("{p99:.1} ms"));
        } else {
            report.judge(name, p99, "ms", 1, Target::Under(target));
        }
    }
    Ok(())
}

/// A running `cutline serve`, and how to start it again.
struct Server<'a> {
    setup: &'a Setup,
    folder: &'a Path,
    workers: bool,
    address: SocketAddr,
    key: String,
    process: Child,
    /// Processor time that killed ones used, in seconds.
    used_before: f64,
}

impl<'a> Server<'a> {
    /// Makes a key and starts a server on the same folder.
    async fn start(setup: &'a Setup, folder: &'a Path, workers: bool) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").context("finding a free port")?.local_addr()?;
        let output = setup
            .program("cutline")
            .args(["keys", "create", "--data"])
            .arg(folder)
            .output()
            .context("running cutline keys create")?;
        ensure!(output.status.success(), "no key was made: {}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).context("reading the key")?.trim().to_owned();
        let process = spawn(setup, folder, workers, address)?;
        let mut server = Self { setup, folder, workers, address, key, process, used_before: 0.0 };
        server.ready().await?;
        Ok(server)
    }

    /// Kills it with SIGKILL.
    fn kill(&mut self) -> Result<()> {
        self.used_before += cpu_seconds(self.process.id())?;
        self.process.kill().context("killing the server")?;
        self.process.wait().context("waiting for the killed server")?;
        Ok(())
    }

    async fn start_again(&mut self) -> Result<()> {
        self.process = spawn(self.setup, self.folder, self.workers, self.address)?;
        self.ready().await
    }

    /// Waits until it answers.
    async fn ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let request = format!("GET /api/v1/status HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        while started.elapsed() < READY_WITHIN {
            if let Some(status) = self.process.try_wait().context("looking after the server")? {
                let log = std::fs::read_to_string(log_file(self.folder)).unwrap_or_default();
                bail!("the server ended by itself, {status}:\n{log}");
            }
            // While it loads the models it is connected to but does not answer.
            let answered = timeout(Duration::from_secs(1), async {
                let mut connection = Connection::open(self.address).await?;
                connection.send(request.as_bytes()).await.map(|_| ())
            });
            if let Ok(Ok(())) = answered.await {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("the server did not answer within {} s", READY_WITHIN.as_secs())
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(setup: &Setup, folder: &Path, workers: bool, address: SocketAddr) -> Result<Child> {
    let log: File = OpenOptions::new().create(true).append(true).open(log_file(folder)).context("opening the log")?;
    let mut command: Command = setup.program("cutline");
    command.args(["serve", "--allow-private-sources", "--listen", &address.to_string(), "--data"]).arg(folder);
    if !workers {
        command.args(["--workers", "0"]);
    }
    command
        .arg("--models")
        .arg(&setup.models)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("opening the log")?)
        .stderr(log)
        .spawn()
        .context("starting cutline serve")
}

fn log_file(folder: &Path) -> std::path::PathBuf {
    folder.join("server.log")
}
