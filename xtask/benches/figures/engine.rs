//! Compares the engine with ONNX Runtime and OpenVINO, in turns so that all meet the same machine: time, memory, time to
//! the first matte, and the difference of the results. The best of several rounds counts, for each of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cutline_engine::{Engine, Isa, Network, Threads};
use cutline_imaging::models::{ISNET, Model, U2NETP};
use cutline_imaging::{Limits, decode};
use image::RgbImage;
use image::imageops::{self, FilterType};
use serde::{Deserialize, Serialize};

use crate::Setup;
use crate::imaging::least;
use crate::machine::{self, Scratch};
use crate::peer::{Peer, Task};
use crate::pictures::Pictures;
use crate::profile;
use crate::report::{Report, Target};
use crate::scene::Scene;
use crate::{set, whole};

/// How often each engine is timed.
const ROUNDS: usize = 5;
/// How many processes are timed to their first matte.
const STARTS: usize = 3;
/// How many photographs the results are compared on.
const PHOTOS: usize = 30;
const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// A network and its targets. Times are relative to ONNX Runtime's.
struct Goal {
    model: Model,
    /// Time on one thread, by instruction set.
    one: [(Isa, Option<f64>); 2],
    /// Time on two threads, with the fastest instruction set.
    two: f64,
    /// Peak memory in MB.
    memory: f64,
}

const GOALS: [Goal; 2] = [
    Goal { model: ISNET, one: [(Isa::Avx2, Some(0.72)), (Isa::Avx512, Some(0.45))], two: 0.50, memory: 500.0 },
    Goal { model: U2NETP, one: [(Isa::Avx2, None), (Isa::Avx512, Some(0.48))], two: 0.50, memory: 90.0 },
];

/// The shortest times, in seconds.
struct Times {
    /// By instruction set.
    ours: Vec<f64>,
    /// By peer.
    theirs: Vec<f64>,
}

/// A prepared network and an input for it.
struct Case {
    goal: &'static Goal,
    prepared: PathBuf,
    input: Vec<f32>,
    input_file: PathBuf,
}

impl Case {
    fn new(goal: &'static Goal, setup: &Setup, picture: &RgbImage, folder: &Path) -> Result<Self> {
        let model = &goal.model;
        let (prepared, input_file) = (folder.join(model.file), folder.join(format!("{}.f32", model.file)));
        Network::read_onnx(&setup.models.join(model.file), model.output)?.prepare(&prepared)?;
        let input = tensor(model, picture);
        write(&input_file, &input)?;
        Ok(Self { goal, prepared, input, input_file })
    }

    fn task<'t>(&'t self, setup: &'t Setup, threads: NonZeroUsize) -> Task<'t> {
        Task { models: &setup.models, model: self.goal.model, threads: threads.get(), input: &self.input_file }
    }

    fn engine(&self, threads: NonZeroUsize, isa: Isa) -> Result<Engine> {
        Ok(Engine::with_isa(load(&self.prepared)?, Threads::new(threads)?, isa)?)
    }

    /// Times the engine with each instruction set and each peer, in turns. The first round only warms up.
    fn times(&self, task: Task<'_>, threads: NonZeroUsize, isas: &[Isa], peers: &mut [Peer]) -> Result<Times> {
        let engines = isas.iter().map(|isa| self.engine(threads, *isa)).collect::<Result<Vec<_>>>()?;
        let mut times = Times { ours: vec![f64::INFINITY; isas.len()], theirs: vec![f64::INFINITY; peers.len()] };
        for round in 0..=ROUNDS {
            for (peer, best) in peers.iter_mut().zip(&mut times.theirs) {
                let seconds = peer.run(task)?.seconds;
                *best = if round == 0 { *best } else { best.min(seconds) };
            }
            for (engine, best) in engines.iter().zip(&mut times.ours) {
                let started = Instant::now();
                std::hint::black_box(engine.run(&self.input)?);
                *best = if round == 0 { *best } else { best.min(started.elapsed().as_secs_f64()) };
            }
        }
        Ok(times)
    }
}

/// Maps a prepared network.
#[expect(unsafe_code, reason = "maps a file of this run's own scratch folder")]
fn load(prepared: &Path) -> Result<Network> {
    // SAFETY: this run prepared the file in a scratch folder of its own, writes it only once, and removes it at the end.
    Ok(unsafe { Network::load_mmap(prepared) }?)
}

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let python = setup.engine_python.as_ref().context("no Python was given to run the peers")?;
    let scratch = Scratch::new("engine")?;
    let scene = Scene::new(&Pictures::read()?, 160)?;
    let cases = GOALS.iter().map(|goal| Case::new(goal, setup, &scene.picture, scratch.path()));
    let cases = cases.collect::<Result<Vec<_>>>()?;

    report.begin("engine: time beside other runtimes");
    let mut peers = [Peer::start(python, "onnxruntime")?, Peer::start(python, "openvino")?];
    for case in &cases {
        times(setup, case, &mut peers, report)?;
    }
    report.begin("engine: the same answers");
    let [reference, _] = &mut peers;
    agreement(setup, &cases, reference, scratch.path(), report)?;
    drop(peers);
    report.begin("engine: memory and the first matte");
    for case in &cases {
        memory(setup, case, python, report)?;
    }
    first_matte(&cases[0], python, report)?;
    report.begin("engine: the whole command");
    whole::run(setup, python, &scene.picture, scratch.path(), report)?;
    if setup.profile {
        for case in &cases {
            profile::print(&case.goal.model, load(&case.prepared)?, &case.input)?;
        }
    }
    Ok(())
}

fn times(setup: &Setup, case: &Case, peers: &mut [Peer], report: &mut Report) -> Result<()> {
    let Goal { model, one, two, .. } = case.goal;
    let peer_times = |times: &Times, peers: &[Peer]| {
        let each = peers.iter().zip(&times.theirs).map(|(peer, seconds)| format!("{} {seconds:.3} s", peer.name()));
        each.collect::<Vec<_>>().join(", ")
    };
    let available: Vec<(Isa, Option<f64>)> = one.iter().copied().filter(|(isa, _)| isa.is_available()).collect();
    let isas: Vec<Isa> = available.iter().map(|(isa, _)| *isa).collect();
    let measured = case.times(case.task(setup, ONE), ONE, &isas, peers)?;
    report.tell(format!("engine, {}, 1 thread: peers", model.name), peer_times(&measured, peers));
    for (isa, _) in one.iter().filter(|(isa, _)| !isa.is_available()) {
        report.tell(format!("engine, {}, 1 thread, {}", model.name, isa.name()), "not on this machine");
    }
    for ((isa, target), seconds) in available.iter().zip(&measured.ours) {
        judge(report, &format!("{}, 1 thread, {}", model.name, isa.name()), *seconds, measured.theirs[0], *target);
    }
    let best = Isa::detect();
    let measured = case.times(case.task(setup, TWO), TWO, &[best], peers)?;
    report.tell(format!("engine, {}, 2 threads: peers", model.name), peer_times(&measured, peers));
    let what = format!("{}, 2 threads, {}", model.name, best.name());
    judge(report, &what, measured.ours[0], measured.theirs[0], Some(*two));
    Ok(())
}

fn judge(report: &mut Report, what: &str, ours: f64, theirs: f64, target: Option<f64>) {
    report.tell(format!("engine, {what}"), format!("{ours:.3} s"));
    let (what, ratio) = (format!("engine, {what}: time / ONNX Runtime's"), ours / theirs);
    match target {
        Some(target) => report.judge(what, ratio, "", 3, Target::AtMost(target)),
        None => report.tell(what, format!("{ratio:.3}")),
    }
}

/// Compares the mattes of photographs of all kinds with ONNX Runtime's of the same tensors.
fn agreement(setup: &Setup, cases: &[Case], peer: &mut Peer, folder: &Path, report: &mut Report) -> Result<()> {
    let Some(set) = &setup.eval else {
        report.tell("engine, difference", "not measured: no evaluation set; pass --eval or set CUTLINE_EVAL");
        return Ok(());
    };
    let rows = set::rows(set)?;
    let count = rows.len().min(PHOTOS);
    let photos = (0..count).map(|at| {
        let path = rows[at * rows.len() / count].image(set)?;
        decode(&fs::read(&path)?, &Limits::default()).with_context(|| format!("reading {}", path.display()))
    });
    let photos = photos.collect::<Result<Vec<_>>>()?;
    for case in cases {
        let model = &case.goal.model;
        let engine = case.engine(TWO, Isa::detect())?;
        let input = folder.join("input.f32");
        let task = Task { input: &input, ..case.task(setup, TWO) };
        let (mut max, mut sum, mut values) = (0.0_f64, 0.0, 0_u64);
        for photo in &photos {
            let tensor = tensor(model, photo.color());
            write(&input, &tensor)?;
            let theirs = peer.output(task, folder.join("output.f32"))?;
            let ours = engine.run(&tensor)?;
            ensure!(ours.len() == theirs.len(), "{} returns {} values for {}", peer.name(), theirs.len(), model.name);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let off = f64::from((ours - theirs).abs());
                ensure!(off.is_finite(), "a difference for {} is not finite", model.name);
                (max, sum, values) = (max.max(off), sum + off, values + 1);
            }
        }
        let what = |kind: &str| format!("engine, {}, {count} photographs: {kind} difference", model.name);
        report.judge(what("largest"), max, "", 5, Target::AtMost(0.004));
        report.judge(what("mean"), sum / values as f64, "", 7, Target::AtMost(1e-4));
    }
    Ok(())
}

/// Measures the peak memory of processes that only load a network and run it: the engine's and the peers'.
fn memory(setup: &Setup, case: &Case, python: &Path, report: &mut Report) -> Result<()> {
    let model = &case.goal.model;
    let mut peers = Vec::new();
    for name in ["onnxruntime", "openvino"] {
        let mut peer = Peer::start(python, name)?;
        peer.run(case.task(setup, TWO))?;
        let answer = peer.run(case.task(setup, TWO))?;
        peers.push(format!("{name} {}: {:.0} MB", answer.version, answer.peak));
    }
    report.tell(format!("engine, {}, 2 threads: peak memory of peers", model.name), peers.join(", "));
    let (_, usage) = infer_in_process(&case.prepared)?;
    let what = format!("engine, {}, 2 threads: peak memory", model.name);
    report.judge(what.clone(), usage.peak, "MB", 0, Target::AtMost(case.goal.memory));
    report.tell(format!("{what}, of which maps"), format!("{:.0} MB", usage.maps));
    Ok(())
}

/// Measures how much longer a process takes from its start to the first matte than for a matte.
fn first_matte(case: &Case, python: &Path, report: &mut Report) -> Result<()> {
    let overhead = || infer_in_process(&case.prepared).map(|(first, usage)| first - usage.steady);
    // The system drops the file's pages only while no process maps it, as now.
    let status = Command::new(python).args(["-c", DROP_PAGES]).arg(&case.prepared).status()?;
    ensure!(status.success(), "the prepared file could not be dropped from the page cache: {status}");
    let name = case.goal.model.name;
    report.tell(format!("engine, {name}: start to first matte less a run, cold"), format!("{:.3} s", overhead()?));
    let warm = (0..STARTS).map(|_| overhead()).collect::<Result<Vec<_>>>()?;
    let what = format!("engine, {name}: start to first matte less a run");
    report.judge(what, least(&warm), "s", 3, Target::AtMost(0.15));
    Ok(())
}

/// Drops a file's pages from the page cache, and no other's.
const DROP_PAGES: &str = "
import os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
os.fsync(file)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
";

/// The argument that makes this program only run a prepared network.
pub(crate) const INFER: &str = "--infer";

/// The report of such a process.
#[derive(Serialize, Deserialize)]
struct Usage {
    /// The time of a run after the first, in seconds.
    steady: f64,
    /// The peak memory after two runs, in MB.
    peak: f64,
    /// The memory of the maps between the layers, which is part of the peak, in MB.
    maps: f64,
}

/// Loads a network and runs it on two threads. Prints a line after the first run, and [`Usage`] at the end.
pub(crate) fn run_alone(prepared: &str) -> Result<()> {
    let engine = Engine::new(load(prepared.as_ref())?, Threads::new(TWO)?)?;
    let input = vec![0.25; engine.network().input().values()];
    let run = || -> Result<f64> {
        let started = Instant::now();
        std::hint::black_box(engine.run(&input)?);
        Ok(started.elapsed().as_secs_f64())
    };
    run()?;
    println!("a matte");
    let mut times = vec![run()?];
    let peak = machine::memory(std::process::id())?.peak;
    for _ in 1..ROUNDS {
        times.push(run()?);
    }
    let maps = engine.memory() as f64 / f64::from(1 << 20);
    println!("{}", serde_json::to_string(&Usage { steady: least(&times), peak, maps })?);
    Ok(())
}

/// Runs such a process. Returns the seconds from its start to its first matte, and its report.
fn infer_in_process(prepared: &Path) -> Result<(f64, Usage)> {
    let started = Instant::now();
    let mut child = Command::new(std::env::current_exe()?).arg(INFER).arg(prepared).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe from the process")?).lines();
    let mut line =
        || lines.next().context("the process printed too few lines")?.context("reading the process's output");
    line()?;
    let first = started.elapsed().as_secs_f64();
    let usage = serde_json::from_str(&line()?).context("reading the process's report")?;
    ensure!(child.wait()?.success(), "the process failed");
    Ok((first, usage))
}

/// A picture as a network's input: planes of normalized color.
fn tensor(model: &Model, picture: &RgbImage) -> Vec<f32> {
    let small = imageops::resize(picture, model.input.side, model.input.side, FilterType::Triangle);
    let max = f32::from(small.iter().copied().max().unwrap_or(0).max(1));
    let channels = model.input.mean.iter().zip(&model.input.std).enumerate();
    let planes = channels.flat_map(|(channel, (mean, std))| {
        small.pixels().map(move |pixel| (f32::from(pixel.0[channel]) / max - mean) / std)
    });
    planes.collect()
}

/// Writes a tensor in the format that the peers read.
fn write(path: &Path, values: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}
