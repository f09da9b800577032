//! Workers outside Lambda: `cutline serve --backend aws --workers 1`, with the variables and the policies that
//! `deploy/workers.yaml` gives a task.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cutline_core::domain::job::{Job, JobStage, JobState};
use cutline_deployment::{Queue, accepted, program, upload_of};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::checks::{check_done, record, schedule, uploaded};
use crate::clock::pass;
use crate::world::World;

/// Sets the number of pictures. `cargo xtask drain` does.
const PICTURES: &str = "CUTLINE_TEST_DRAIN_PICTURES";

/// The pictures of `cargo xtask test`. There are more if the workers would have nothing to do.
const FEW_PICTURES: usize = 15;

/// The fewest jobs that have not ended while a worker is to get one.
const MIN_OPEN: usize = 4;

/// Longer than any step of the scenario takes, even on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// After this time without a new result, the live workers wait for what the killed one holds. Longer than a live worker
/// takes to renew its leases.
const STALL: Duration = Duration::from_secs(40);

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(90);

/// Longer than a lease, and than the time after which a message counts as lost.
const LOST: Duration = Duration::from_secs(130);

/// A running worker, killed on drop.
struct Worker {
    process: Child,
    log: PathBuf,
    metrics: PathBuf,
}

impl Worker {
    fn start(world: &World, name: &str) -> Result<Self> {
        let stack = &world.stack;
        let (log, metrics) = (format!("worker-{name}.log"), format!("worker-{name}.out"));
        let (log, metrics) = (world.log_path(&log), world.log_path(&metrics));
        let process = Command::new(program("cutline")?)
            .args(["serve", "--backend", "aws", "--workers", "1", "--threads", "1", "--listen", "127.0.0.1:0"])
            .env_clear()
            .envs(&stack.functions["UploadFunction"].environment)
            .envs(&stack.functions["StatusFunction"].environment)
            .env("AWS_REGION", &stack.region)
            .env("AWS_ENDPOINT_URL", &stack.endpoint)
            .env("CUTLINE_LOG_FORMAT", "json")
            .env("CUTLINE_MODELS_DIR", &stack.tools.models)
            // The photos come from this machine.
            .env("CUTLINE_ALLOW_PRIVATE_SOURCES", "true")
            .envs(stack.worker.variables())
            .stdin(Stdio::null())
            .stderr(File::create(&log)?)
            .stdout(File::create(&metrics)?)
            .spawn()
            .context("cannot start a worker")?;
        Ok(Self { process, log, metrics })
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().context("cannot run kill")?;
        ensure!(status.success(), "kill {signal} {id} failed");
        Ok(())
    }

    /// The jobs whose end it has logged.
    fn finished(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        // The last line of a killed worker may be incomplete.
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ends = events.filter(|event| event["message"] == "job finished");
        ends.filter_map(|event| event["job_id"].as_str().map(str::to_owned)).collect()
    }

    /// Stops it in order, as ECS does.
    async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal("-TERM")?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!("the worker does not stop")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pictures() -> Result<usize> {
    match std::env::var(PICTURES) {
        Ok(text) => text.parse().with_context(|| format!("{PICTURES} must be a whole number, not `{text}`")),
        Err(_) => Ok(FEW_PICTURES),
    }
}

/// Accepts jobs with these numbers: photos in the request, and photos to be fetched in both lanes.
async fn accept(world: &World, numbers: Range<usize>) -> Result<Vec<String>> {
    let mut jobs = Vec::new();
    for number in numbers {
        let url = world.origin.url("/photo.jpg");
        jobs.push(match number % 3 {
            0 => uploaded(world).await?,
            1 => accepted(&world.upload, &upload_of(&url)?).await?,
            _ => {
                let mut event = upload_of(&url)?;
                let body = json!({"file_url": url, "mode": "background", "lane": "bulk"}).to_string();
                event["headers"]["content-length"] = body.len().to_string().into();
                event["body"] = body.into();
                accepted(&world.upload, &event).await?
            }
        });
    }
    Ok(jobs)
}

/// Accepts one more job if few have not ended.
async fn keep_busy(world: &World, jobs: &mut Vec<String>, ended: usize) -> Result<()> {
    if jobs.len() < ended + MIN_OPEN {
        jobs.extend(accept(world, jobs.len()..jobs.len() + 1).await?);
    }
    Ok(())
}

/// The records of these jobs.
async fn records(world: &World, jobs: &[String]) -> Result<Vec<Job>> {
    let mut records = Vec::new();
    for job in jobs {
        records.push(record(world, job).await?);
    }
    Ok(records)
}

/// Those of these jobs whose pictures are being made.
async fn being_made(world: &World, jobs: &[String]) -> Result<Vec<String>> {
    let mut found = records(world, jobs).await?;
    found.retain(|job| matches!(job.state, JobState::Running { stage: JobStage::Make, .. }));
    Ok(found.iter().map(|job| job.id.to_string()).collect())
}

/// Kills one of two workers while it makes a picture. Returns the jobs that it had finished.
async fn kill_at_work(
    world: &World,
    mut worker: Worker,
    other: &Worker,
    jobs: &mut Vec<String>,
) -> Result<Vec<String>> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        // Reading the records takes a while, in which nothing may change.
        worker.signal("-STOP")?;
        other.signal("-STOP")?;
        let ended = [worker.finished(), other.finished()].concat();
        let open: Vec<_> = jobs.iter().filter(|job| !ended.contains(job)).cloned().collect();
        let made = being_made(world, &open).await?.len();
        other.signal("-CONT")?;
        // Each worker makes one picture at a time, so one of two belongs to this worker.
        if made == 2 {
            worker.process.kill().context("cannot kill a worker")?;
            worker.process.wait()?;
            return Ok(worker.finished());
        }
        worker.signal("-CONT")?;
        keep_busy(world, jobs, ended.len()).await?;
        sleep(Duration::from_millis(150)).await;
    }
    bail!("the two workers never made pictures at the same time")
}

/// Whether a worker that was killed at this time may hold the job: nobody has renewed its lease since.
async fn may_be_held_by_killed(world: &World, job: &str, killed_at: Timestamp) -> Result<bool> {
    Ok(match record(world, job).await?.state {
        JobState::Running { lease, .. } => lease.until <= killed_at + LEASE,
        _ => true,
    })
}

/// Waits until no job is pending. Meanwhile the sweep runs, and time passes for what nobody works on.
async fn drained(world: &World, jobs: &[String], killed_at: Timestamp) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(300) + Duration::from_secs(15) * u32::try_from(jobs.len())?;
    let mut pending = jobs.to_vec();
    let mut progress = Instant::now();
    while Instant::now() < deadline {
        let mut rest = Vec::new();
        for job in &pending {
            if record(world, job).await?.state.ended_at().is_none() {
                rest.push(job.clone());
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        if rest.len() < pending.len() {
            progress = Instant::now();
        } else if progress.elapsed() > STALL {
            for job in &rest {
                if !may_be_held_by_killed(world, job, killed_at).await? {
                    continue;
                }
                // It may end at this moment.
                if let Err(error) = pass(&world.table, job, LOST).await {
                    ensure!(record(world, job).await?.state.ended_at().is_some(), "{job}: {error:#}");
                }
            }
            world.sweep.invoke(&schedule()?).await?;
            progress = Instant::now();
        }
        pending = rest;
        sleep(Duration::from_millis(500)).await;
    }
    bail!("{} of {} jobs are pending, such as {}", pending.len(), jobs.len(), pending[0])
}

/// Two workers drain the queues. One is killed midway and another one is added: every job ends once, with its picture.
pub(crate) async fn a_killed_and_an_added_worker_lose_nothing(world: &World) -> Result<()> {
    let pictures = pictures()?;
    let mut jobs = accept(world, 0..pictures).await?;
    let (first, mut second) = (Worker::start(world, "first")?, Worker::start(world, "second")?);
    let begun = Instant::now();
    loop {
        let (of_first, of_second) = (first.finished().len(), second.finished().len());
        if of_first.min(of_second) > 0 && of_first + of_second >= pictures / 3 {
            break;
        }
        let limit = PATIENCE + Duration::from_secs(15) * u32::try_from(pictures)?;
        ensure!(begun.elapsed() < limit, "two workers finished {of_first} and {of_second} jobs in {limit:?}");
        keep_busy(world, &mut jobs, of_first + of_second).await?;
        sleep(Duration::from_millis(200)).await;
    }
    let of_killed = kill_at_work(world, first, &second, &mut jobs).await?;
    let killed_at = Timestamp::now();
    let mut third = Worker::start(world, "third")?;
    let begun = Instant::now();
    while third.finished().is_empty() {
        ensure!(begun.elapsed() < PATIENCE, "the third worker finished no job");
        keep_busy(world, &mut jobs, of_killed.len() + second.finished().len()).await?;
        sleep(Duration::from_millis(200)).await;
    }
    drained(world, &jobs, killed_at).await?;

    let records = records(world, &jobs).await?;
    let repeated = records.iter().filter(|job| job.attempts > 1).count();
    ensure!(repeated > 0, "the killed worker held no job");
    for job in &records {
        ensure!(matches!(job.state, JobState::Done { .. }), "{}: {}", job.id, job.state);
    }
    for job in &jobs {
        check_done(world, job).await?;
    }

    no_message_waits(world).await?;
    // Their logs and metrics are complete once they have ended.
    for (name, worker) in [("second", &mut second), ("third", &mut third)] {
        let status = worker.stop().await?;
        ensure!(status.success(), "the {name} worker ended: {status}");
    }
    let mut ends = BTreeMap::new();
    for (name, finished) in [("first", of_killed), ("second", second.finished()), ("third", third.finished())] {
        ensure!(!finished.is_empty(), "the {name} worker finished no job");
        for job in finished {
            *ends.entry(job).or_insert(0) += 1;
        }
    }
    ensure!(ends.values().all(|count| *count == 1), "jobs that ended twice: {ends:?}");
    // A killed process may lose the log line of its last job, and no other.
    let logged = jobs.iter().filter(|job| ends.contains_key(*job)).count();
    ensure!(logged + 1 >= jobs.len(), "{logged} of {} ends are in the logs", jobs.len());

    // The dashboard and the alarms count what workers do.
    let metrics = fs::read_to_string(&second.metrics)?;
    let counts =
        metrics.lines().filter(|line| line.contains("\"Cutline/cutline\"") && line.contains("\"JobsFinished\""));
    ensure!(counts.count() == second.finished().len(), "the second worker's metrics: {metrics}");
    Ok(())
}

/// Waits until no queue has a visible message, and none became a dead letter: the workers receive what was sent twice.
async fn no_message_waits(world: &World) -> Result<()> {
    let outputs = &world.stack.outputs;
    let begun = Instant::now();
    for (name, url) in [
        ("live", &outputs.jobs_queue_url),
        ("bulk", &outputs.bulk_queue_url),
        ("live intake", &outputs.intake_queue_url),
        ("bulk intake", &outputs.intake_bulk_queue_url),
        ("dead-letter", &outputs.dead_letter_queue_url),
        ("quarantine", &outputs.parking_queue_url),
    ] {
        // Counted and not received: whatever is received, a worker cannot have.
        let queue = Queue::new(&world.stack, url, &world.stack.admin);
        loop {
            let left = queue.visible().await?;
            if left == 0 {
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "the {name} queue still has {left} messages");
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}
