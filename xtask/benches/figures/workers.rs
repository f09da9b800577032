//! The cost of running pictures in child processes: the transport alone, by a pipeline that returns its source, and a
//! photograph of two megapixels, in this process and in a child in turns. With one worker and with two. And how soon a child
//! is gone that a picture made abort, overrun its memory, loop or stand still.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use cutline_core::ports::{
    EncodedPicture, ImageWorkers as _, Pipeline, PipelineInput, PipelineOutput, Progress, Stage,
};
use cutline_core::{Confidence, FailureCode, Fault, Mode, OwnerId, Variation, Warnings};
use cutline_imaging::Imaging;
use cutline_worker::{ChildArgs, MemoryBudget, PoolSettings, RunLimits, SUBCOMMAND, WorkerCommand, WorkerPool, child};
use image::imageops::{self, FilterType};

use crate::Setup;
use crate::imaging::jpeg_of;
use crate::machine;
use crate::pictures::Pictures;
use crate::report::{Report, Target, quantile};
use crate::scene::Scene;

/// The number of timed runs of the transport.
const TRANSPORTS: usize = 60;
/// The number of timed runs of a photograph.
const PHOTOS: usize = 15;
/// The size of a source whose transport is timed, in MB of 2^20 bytes. As much comes back.
const MEGABYTES: usize = 16;
/// The size of the photograph in pixels.
const TWO_MEGAPIXELS: (u32, u32) = (1632, 1224);
/// The models' folder of a child that returns its source.
const ECHO: &str = "echo";

/// A source whose run never ends.
const ENDLESS: &str = "endless";
/// A source whose run aborts the process.
const ABORT: &str = "abort";
/// A source whose run takes more memory than it said.
const HOARD: &str = "hoard";
/// A source whose run stops the process, as SIGSTOP from outside does.
const FROZEN: &str = "frozen";
/// What [`HOARD`] takes, and what the run may take, in bytes.
const HOARDED: usize = 1 << 30;
/// How often each child is lost, and the time that a run and a silence may take.
const LOSSES: usize = 5;
const MAX_RUN: Duration = Duration::from_secs(1);
const MAX_SILENCE: Duration = Duration::from_secs(2);
/// The processes are quiet if they use at most this much processor time, in seconds, within this time, and if their memory
/// is at most this far above that before, in MB of 2^20 bytes.
const QUIET_CPU: f64 = 0.02;
const QUIET_TIME: Duration = Duration::from_millis(100);
const QUIET_MEMORY: f64 = 16.0;
/// Beyond this, the figure is broken rather than bad.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the source as the picture, in no time.
struct Echo;

impl Pipeline for Echo {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        progress(Stage::Background, 100);
        match input.source.as_ref() {
            source if source == ENDLESS.as_bytes() => loop {
                std::hint::black_box(());
            },
            source if source == ABORT.as_bytes() => std::process::abort(),
            source if source == HOARD.as_bytes() => drop(std::hint::black_box(vec![1_u8; HOARDED])),
            source if source == FROZEN.as_bytes() => {
                let signal = rustix::process::Signal::STOP;
                let stopped = rustix::process::kill_process(rustix::process::getpid(), signal);
                stopped.map_err(|error| Fault::retry(FailureCode::Internal, error.to_string()))?;
            }
            _ => {}
        }
        let format = input.file(Variation::Background).0.encoded().unwrap_or_default().into();
        let bytes = input.source.clone();
        Ok(PipelineOutput {
            pictures: vec![EncodedPicture { variation: Variation::Background, format, bytes, width: 1, height: 1 }],
            final_picture: Variation::Background,
            assets: Vec::new(),
            confidence: Confidence::nearest(1.0),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored: Vec::new(),
        })
    }

    fn memory_needed(&self, input: &PipelineInput) -> u64 {
        input.source.len() as u64
    }

    fn version(&self) -> &str {
        ECHO
    }
}

/// Runs this program as an image worker.
pub(crate) fn run_child(args: &ChildArgs) -> ExitCode {
    if args.models == Path::new("/").join(ECHO) {
        return child::run(args, |_| Ok::<_, anyhow::Error>(Echo));
    }
    child::run(args, |args| Imaging::load(&args.models, args.threads))
}

async fn pool(models: &Path, workers: usize, threads: NonZeroUsize, limits: RunLimits) -> Result<WorkerPool> {
    let threads = threads.to_string();
    let args = [SUBCOMMAND.as_ref(), "--models".as_ref(), models.as_os_str(), "--threads".as_ref(), threads.as_ref()];
    let command = WorkerCommand::new(std::env::current_exe()?, args);
    let budget = MemoryBudget::new(None);
    WorkerPool::start(PoolSettings { command, workers, budget, limits }).await.context("cannot start the workers")
}

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("workers: pictures in child processes");
    for workers in [1, 2] {
        transport(workers, report).await?;
    }
    for workers in [1, 2] {
        photographs(setup, workers, report).await?;
    }
    for (source, allowed) in
        [(ABORT, Duration::ZERO), (HOARD, Duration::ZERO), (ENDLESS, MAX_RUN), (FROZEN, MAX_SILENCE)]
    {
        losses(source, allowed, report).await?;
    }
    Ok(())
}

/// How long after it was lost a child's processor time and memory are free again, while its neighbour makes pictures.
/// `allowed` is the time that passes by the rules before the child is killed.
async fn losses(source: &'static str, allowed: Duration, report: &mut Report) -> Result<()> {
    let max_run = if source == ENDLESS { MAX_RUN } else { PATIENCE };
    let limits = RunLimits { max_run, max_silence: MAX_SILENCE, ..RunLimits::default() };
    let pool = pool(&Path::new("/").join(ECHO), 2, NonZeroUsize::MIN, limits).await?;
    let (owner, neighbour): (OwnerId, OwnerId) = ("bench".parse()?, "neighbour".parse()?);
    let plain = PipelineInput::new("plain", Mode::Background);
    // Both children have run once.
    futures::future::try_join(
        pool.run(&owner, plain.clone(), &|_, _| {}),
        pool.run(&neighbour, plain.clone(), &|_, _| {}),
    )
    .await
    .context("a run failed")?;
    let mut slowest = Duration::ZERO;
    for _ in 0..LOSSES {
        let before = children_memory()?;
        let begun = Instant::now();
        let bad = PipelineInput::new(source, Mode::Background);
        let lost = async {
            let result = pool.run(&owner, bad, &|_, _| {}).await;
            ensure!(result.is_err(), "{source}: the run has a result");
            until_quiet(before).await.with_context(|| format!("{source}: after {:?}", begun.elapsed()))?;
            anyhow::Ok(begun.elapsed().saturating_sub(allowed))
        };
        let beside = async { pool.run(&neighbour, plain.clone(), &|_, _| {}).await.context("a neighbour failed") };
        let (took, _) = futures::future::try_join(lost, beside).await?;
        slowest = slowest.max(took);
    }
    let what = format!("workers: {source}, until processor and memory are free, slowest of {LOSSES}");
    report.judge(what, slowest.as_secs_f64(), "s", 2, Target::AtMost(2.0));
    Ok(())
}

/// The resident memory of this process's children, in MB of 2^20 bytes.
fn children_memory() -> Result<f64> {
    let process = std::process::id();
    Ok(machine::memory_with_children(process)?.resident - machine::memory(process)?.resident)
}

/// Waits until the children compute nothing, and take no more memory than before.
async fn until_quiet(memory_before: f64) -> Result<()> {
    let begun = Instant::now();
    let used = || -> Result<f64> { machine::children(std::process::id())?.into_iter().map(machine::cpu_seconds).sum() };
    loop {
        // A child that ends meanwhile cannot be asked.
        let before = used();
        tokio::time::sleep(QUIET_TIME).await;
        let (after, memory) = (used(), children_memory()?);
        if let (Ok(before), Ok(after)) = (before, after)
            && (after - before).abs() <= QUIET_CPU
            && memory <= memory_before + QUIET_MEMORY
        {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "the children are never quiet");
    }
}

/// The time of the transport: of an empty source, and for each MB moved.
async fn transport(workers: usize, report: &mut Report) -> Result<()> {
    let pool = pool(&Path::new("/").join(ECHO), workers, NonZeroUsize::MIN, RunLimits::default()).await?;
    let empty = in_pool(&pool, workers, Bytes::new(), TRANSPORTS).await?;
    let full = in_pool(&pool, workers, Bytes::from(vec![7; MEGABYTES << 20]), TRANSPORTS).await?;
    let (fixed, moved) = (median(empty)?, median(full)?);
    let each = (moved - fixed) / (2 * MEGABYTES) as f64;
    let name = |what: &str| format!("workers, {workers} at a time: {what}");
    report.judge(name("transport, fixed"), fixed * 1e3, "ms", 2, Target::AtMost(5.0));
    report.judge(name("transport, a MB moved"), each * 1e3, "ms", 2, Target::AtMost(1.0));
    Ok(())
}

/// A photograph of two megapixels, in this process and in a child in turns.
async fn photographs(setup: &Setup, workers: usize, report: &mut Report) -> Result<()> {
    let threads = NonZeroUsize::new(2 / workers).unwrap_or(NonZeroUsize::MIN);
    let scene = Scene::new(&Pictures::read()?, 160)?;
    let photo = imageops::resize(&scene.picture, TWO_MEGAPIXELS.0, TWO_MEGAPIXELS.1, FilterType::Triangle);
    let photo = Bytes::from(jpeg_of(&photo)?);
    let pool = pool(&setup.models, workers, threads, RunLimits::default()).await?;
    let here: Vec<Arc<Imaging>> = (0..workers)
        .map(|_| Imaging::load(&setup.models, threads).map(Arc::new))
        .collect::<Result<_, _>>()
        .context("cannot load the models")?;
    let (mut differences, mut ratios, mut moved) = (Vec::new(), Vec::new(), 0);
    for round in 0..=PHOTOS {
        let (inside, bytes) = in_this_process(&here, &photo).await?;
        let outside = in_pool(&pool, workers, photo.clone(), 1).await?[0];
        // The first round warms both up.
        if round > 0 {
            differences.push(outside - inside);
            ratios.push(outside / inside);
            moved = photo.len() + bytes;
        }
    }
    let megabytes = moved as f64 / f64::from(1 << 20);
    let name = |what: &str| format!("workers, {workers} at a time: 2 MP, {what}");
    report.tell(name("moved"), format!("{megabytes:.1} MB"));
    report.judge(name("more time"), median(differences)? * 1e3, "ms", 1, Target::AtMost(5.0 + megabytes.round()));
    report.judge(name("in a child / in this process"), median(ratios)?, "", 3, Target::AtMost(1.03));
    Ok(())
}

/// The seconds of each of these rounds, with all workers busy at the same time.
async fn in_pool(pool: &WorkerPool, workers: usize, source: Bytes, rounds: usize) -> Result<Vec<f64>> {
    let owner: OwnerId = "bench".parse()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        let runs =
            (0..workers).map(|_| pool.run(&owner, PipelineInput::new(source.clone(), Mode::Background), &|_, _| {}));
        futures::future::try_join_all(runs).await.context("a run failed")?;
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// The seconds of one round in this process, and the bytes of a run's files.
async fn in_this_process(imaging: &[Arc<Imaging>], source: &Bytes) -> Result<(f64, usize)> {
    let begun = Instant::now();
    let runs = imaging.iter().map(|imaging| {
        let (imaging, input) = (Arc::clone(imaging), PipelineInput::new(source.clone(), Mode::Background));
        tokio::task::spawn_blocking(move || imaging.run(&input, &|_, _| {}))
    });
    let outputs: Vec<_> = futures::future::try_join_all(runs).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let output = outputs.into_iter().next().context("no run")?.context("a run failed")?;
    let pictures = output.pictures.iter().map(|picture| picture.bytes.len()).sum::<usize>();
    Ok((seconds, pictures + output.assets.iter().map(|asset| asset.bytes.len()).sum::<usize>()))
}

fn median(mut seconds: Vec<f64>) -> Result<f64> {
    seconds.sort_by(f64::total_cmp);
    quantile(&seconds, 0.5).context("nothing was measured")
}
