//! `cutline serve` under load, killed midway: its speed, and that it loses no accepted job.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{sleep, timeout};

use crate::Setup;
use crate::client::Connection;
use crate::load::{self, ClientReport, Load, Pace, Photo};
use crate::machine::{Scratch, cpu_seconds};
use crate::origin::Origin;
use crate::pictures::Pictures;
use crate::report::{Report, Target, quantile};

const CLIENTS: u32 = 50;
/// The rate of the timetable: 17 million uploads a day.
const UPLOADS_PER_SECOND: f64 = 200.0;
/// Loading the models takes most of this.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    println!(
        "{CLIENTS} clients, each with its own connection, alternate between uploading JSON with a file_url and polling one of\n\
         their jobs, for {} s. Midway the server is killed with SIGKILL and restarted on the same folder. At the end every\n\
         job with a 202 is polled. Closed loop: a client sends again at once, so the server is never idle. Timetable:\n\
         {UPLOADS_PER_SECOND} uploads and as many polls a second in total, timed from when each was due. Clients and server share this\n\
         machine's processors.",
        setup.seconds
    );
    for workers in [false, true] {
        for pace in [Pace::ClosedLoop, Pace::Timetable(UPLOADS_PER_SECOND)] {
            let pacing = match pace {
                Pace::ClosedLoop => "closed loop",
                Pace::Timetable(_) => "timetable",
            };
            let with = if workers { "workers running" } else { "workers paused" };
            let title = format!("serve, {with}, {pacing}");
            report.begin(&title);
            run_load(setup, report, &title, workers, pace).await.with_context(|| title.clone())?;
        }
    }
    Ok(())
}

async fn run_load(setup: &Setup, report: &mut Report, title: &str, workers: bool, pace: Pace) -> Result<()> {
    let scratch = Scratch::new("serve")?;
    let origin = Origin::start(Pictures::read()?.jpeg(0, 1200, 800)?).await?;
    let mut server = Server::start(setup, scratch.path(), workers).await?;
    let duration = Duration::from_secs(setup.seconds);
    let load = Load {
        server: server.address,
        key: server.key.clone(),
        photo: Photo::Url(origin.url()),
        clients: CLIENTS,
        duration,
        pace,
        with_keys: false,
    };
    let own_before = cpu_seconds(std::process::id())?;
    let (clients, downtime) = tokio::try_join!(load.run(), async {
        sleep(duration / 2).await;
        let killed = Instant::now();
        server.kill()?;
        server.restart().await?;
        anyhow::Ok(killed.elapsed())
    })?;
    let own = cpu_seconds(std::process::id())? - own_before;
    let served = server.used_before + cpu_seconds(server.process.id())?;

    let jobs = load::count_jobs(server.address, &server.key, &clients.accepted).await?;
    let accepted = clients.accepted.len();
    report.tell(
        format!("{title}: requests a second"),
        format!("{:.0}", (clients.uploads.len() + clients.statuses.len()) as f64 / duration.as_secs_f64()),
    );
    latencies(report, title, workers, &clients)?;
    println!(
        "    the server was down for {:.2} s and cut off {} requests; it used {:.2} processors, the clients {:.2}",
        downtime.as_secs_f64(),
        clients.cut_off,
        served / duration.as_secs_f64(),
        own / duration.as_secs_f64(),
    );
    for (status, count) in &clients.unexpected {
        println!("    {count} unexpected answers with {status}");
    }
    if workers {
        report.tell(format!("{title}: jobs done, failed"), format!("{}, {}", jobs.done, jobs.failed));
    }
    report.judge(
        format!("{title}: jobs lost of {accepted} accepted"),
        jobs.lost.len() as f64,
        "",
        0,
        Target::AtMost(0.0),
    );
    if accepted == 0 {
        report.broken(format!("{title}: no upload was accepted"));
    }
    if let Some(first) = jobs.lost.first() {
        let first = String::from_utf8_lossy(first);
        report.broken(format!("{title}: {} jobs are lost, the first is {first}", jobs.lost.len()));
    }
    Ok(())
}

/// Reports latencies. They have no target while workers run, which compete with the clients for processors.
fn latencies(report: &mut Report, title: &str, workers: bool, clients: &ClientReport) -> Result<()> {
    for (what, sorted, target) in [("upload", &clients.uploads, 50.0), ("status", &clients.statuses, 20.0)] {
        let milliseconds = |share| quantile(sorted, share).map(|micros| f64::from(micros) / 1000.0);
        let (Some(p50), Some(p99)) = (milliseconds(0.5), milliseconds(0.99)) else {
            bail!("no answer from /{what}");
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

/// A running `cutline serve`, with the settings to restart it.
pub(crate) struct Server<'a> {
    setup: &'a Setup,
    folder: &'a Path,
    workers: bool,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    process: Child,
    /// Processor time of the killed processes, in seconds.
    used_before: f64,
}

impl<'a> Server<'a> {
    /// Creates a key and starts a server on the same folder.
    pub(crate) async fn start(setup: &'a Setup, folder: &'a Path, workers: bool) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").context("cannot find a free port")?.local_addr()?;
        let output = setup
            .program("cutline")
            .args(["keys", "create", "--data"])
            .arg(folder)
            .output()
            .context("cannot run cutline keys create")?;
        ensure!(output.status.success(), "cannot create a key: {}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).context("the key is not UTF-8")?.trim().to_owned();
        let process = spawn(setup, folder, workers, address)?;
        let mut server = Self { setup, folder, workers, address, key, process, used_before: 0.0 };
        server.ready().await?;
        Ok(server)
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.used_before += cpu_seconds(self.process.id())?;
        self.process.kill().context("cannot kill the server")?;
        self.process.wait().context("cannot wait for the killed server")?;
        Ok(())
    }

    /// Starts the server again on the same folder and address.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.process = spawn(self.setup, self.folder, self.workers, self.address)?;
        self.ready().await
    }

    /// Waits until the server answers.
    async fn ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let request = format!("GET /api/v1/status HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        while started.elapsed() < READY_WITHIN {
            if let Some(status) = self.process.try_wait().context("cannot check the server")? {
                let log = std::fs::read_to_string(log_file(self.folder)).unwrap_or_default();
                bail!("the server ended with {status}:\n{log}");
            }
            // While the server loads the models, it accepts connections but does not answer.
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
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(setup: &Setup, folder: &Path, workers: bool, address: SocketAddr) -> Result<Child> {
    let log: File =
        OpenOptions::new().create(true).append(true).open(log_file(folder)).context("cannot open the log")?;
    let mut command: Command = setup.program("cutline");
    command.args(["serve", "--allow-private-sources", "--listen", &address.to_string(), "--data"]).arg(folder);
    if !workers {
        command.args(["--workers", "0"]);
    }
    command
        .arg("--models")
        .arg(&setup.models)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("cannot open the log")?)
        .stderr(log)
        .spawn()
        .context("cannot start cutline serve")
}

fn log_file(folder: &Path) -> std::path::PathBuf {
    folder.join("server.log")
}
