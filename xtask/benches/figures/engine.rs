//! The networks by our own engine, beside ONNX Runtime and OpenVINO in the same minute: time, memory, how long until
//! the first matte, and whether they say the same. Of several rounds the best counts, on either side.

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

/// How often each side of a comparison is timed.
const ROUNDS: usize = 5;
/// How many processes are timed until their first matte.
const STARTS: usize = 3;
/// How many photographs the networks are compared on.
const PHOTOS: usize = 30;
const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// A network and what it is to reach: times are shares of ONNX Runtime's.
struct Aim {
    model: Model,
    /// On one thread, by instructions.
    one: [(Isa, Option<f64>); 2],
    /// On two threads, with the best instructions.
    two: f64,
    /// Peak memory in MB.
    memory: f64,
}

const AIMS: [Aim; 2] = [
    Aim { model: ISNET, one: [(Isa::Avx2, Some(0.72)), (Isa::Avx512, Some(0.45))], two: 0.50, memory: 500.0 },
    Aim { model: U2NETP, one: [(Isa::Avx2, None), (Isa::Avx512, Some(0.48))], two: 0.50, memory: 90.0 },
];

/// The least time of each, in seconds.
struct Times {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

/// A network, prepared, and a tensor for it.
struct Case {
    aim: &'static Aim,
    prepared: PathBuf,
    input: Vec<f32>,
    input_file: PathBuf,
}

impl Case {
    fn new(aim: &'static Aim, setup: &Setup, picture: &RgbImage, folder: &Path) -> Result<Self> {
        let model = &aim.model;
        let (prepared, input_file) = (folder.join(model.file), folder.join(format!("{}.f32", model.file)));
        Network::read_onnx(&setup.models.join(model.file), model.output)?.prepare(&prepared)?;
        let input = tensor(model, picture);
        write(&input_file, &input)?;
        Ok(Self { aim, prepared, input, input_file })
    }

    fn task<'t>(&'t self, setup: &'t Setup, threads: NonZeroUsize) -> Task<'t> {
        Task { models: &setup.models, model: self.aim.model, threads: threads.get(), input: &self.input_file }
    }

    fn engine(&self, threads: NonZeroUsize, isa: Isa) -> Result<Engine> {
        Ok(Engine::with_isa(Network::load(&self.prepared)?, Threads::new(threads)?, isa)?)
    }

    /// Everyone in turn. The first round only warms up.
    fn times(&self, task: Task<'_>, threads: NonZeroUsize, isas: &[Isa], peers: &mut [Peer]) -> Result<Times> {
        let engines = isas.iter().map(|isa| self.engine(threads, *isa)).collect::<Result<Vec<_>>>()?;
        let mut times = Times { ours: vec![f64::INFINITY; isas.len()], theirs: vec![f64::INFINITY; peers.len()] };
        for round in 0..=ROUNDS {
            for (peer, least) in peers.iter_mut().zip(&mut times.theirs) {
                let seconds = peer.run(task)?.seconds;
                *least = if round == 0 { *least } else { least.min(seconds) };
            }
            for (engine, least) in engines.iter().zip(&mut times.ours) {
                let begun = Instant::now();
                std::hint::black_box(engine.run(&self.input)?);
                *least = if round == 0 { *least } else { least.min(begun.elapsed().as_secs_f64()) };
            }
        }
        Ok(times)
    }
}

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let python = setup.engine_python.as_ref().context("no Python was given to run the peers")?;
    let scratch = Scratch::new("engine")?;
    let scene = Scene::new(&Pictures::read()?, 160)?;
    let cases = AIMS.iter().map(|aim| Case::new(aim, setup, &scene.picture, scratch.path()));
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
            profile::print(&case.aim.model, &case.prepared, &case.input)?;
        }
    }
    Ok(())
}

fn times(setup: &Setup, case: &Case, peers: &mut [Peer], report: &mut Report) -> Result<()> {
    let Aim { model, one, two, .. } = case.aim;
    let peer_times = |times: &Times, peers: &[Peer]| {
        let each = peers.iter().zip(&times.theirs).map(|(peer, seconds)| format!("{} {seconds:.3} s", peer.name()));
        each.collect::<Vec<_>>().join(", ")
    };
    let here: Vec<(Isa, Option<f64>)> = one.iter().copied().filter(|(isa, _)| isa.is_available()).collect();
    let isas: Vec<Isa> = here.iter().map(|(isa, _)| *isa).collect();
    let measured = case.times(case.task(setup, ONE), ONE, &isas, peers)?;
    report.tell(format!("engine, {}, 1 thread: peers", model.name), peer_times(&measured, peers));
    for (isa, _) in one.iter().filter(|(isa, _)| !isa.is_available()) {
        report.tell(format!("engine, {}, 1 thread, {}", model.name, isa.name()), "not on this machine");
    }
    for ((isa, target), seconds) in here.iter().zip(&measured.ours) {
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

/// Both networks on photographs of all kinds, beside what ONNX Runtime makes of the same tensors.
fn agreement(setup: &Setup, cases: &[Case], peer: &mut Peer, folder: &Path, report: &mut Report) -> Result<()> {
    let Some(set) = &setup.eval else {
        report.tell("engine, difference", "not measured: no set was given, with --eval or CUTLINE_EVAL");
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
        let model = &case.aim.model;
        let engine = case.engine(TWO, Isa::detect())?;
        let input = folder.join("input.f32");
        let task = Task { input: &input, ..case.task(setup, TWO) };
        let (mut most, mut sum, mut values) = (0.0_f64, 0.0, 0_u64);
        for photo in &photos {
            let tensor = tensor(model, photo.color());
            write(&input, &tensor)?;
            let theirs = peer.output(task, folder.join("output.f32"))?;
            let ours = engine.run(&tensor)?;
            ensure!(ours.len() == theirs.len(), "{} makes {} values of {}", peer.name(), theirs.len(), model.name);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let off = f64::from((ours - theirs).abs());
                ensure!(off.is_finite(), "something of {} is no number", model.name);
                (most, sum, values) = (most.max(off), sum + off, values + 1);
            }
        }
        let what = |of: &str| format!("engine, {}, {count} photographs: {of} difference", model.name);
        report.judge(what("largest"), most, "", 5, Target::AtMost(0.004));
        report.judge(what("mean"), sum / values as f64, "", 7, Target::AtMost(1e-4));
    }
    Ok(())
}

/// What a process takes that does nothing but to load a network and run it, and what those of the peers take.
fn memory(setup: &Setup, case: &Case, python: &Path, report: &mut Report) -> Result<()> {
    let model = &case.aim.model;
    let mut peers = Vec::new();
    for name in ["onnxruntime", "openvino"] {
        let mut peer = Peer::start(python, name)?;
        peer.run(case.task(setup, TWO))?;
        let told = peer.run(case.task(setup, TWO))?;
        peers.push(format!("{name} {}: {:.0} MB", told.version, told.peak));
    }
    report.tell(format!("engine, {}, 2 threads: peak memory of peers", model.name), peers.join(", "));
    let told = alone(&case.prepared)?.1;
    let what = format!("engine, {}, 2 threads: peak memory", model.name);
    report.judge(what.clone(), told.peak, "MB", 0, Target::AtMost(case.aim.memory));
    report.tell(format!("{what}, of which maps"), format!("{:.0} MB", told.maps));
    Ok(())
}

/// How much longer it takes from the start of a process to the first matte than a matte takes.
fn first_matte(case: &Case, python: &Path, report: &mut Report) -> Result<()> {
    let beyond = || alone(&case.prepared).map(|(first, told)| first - told.steady);
    // Nobody has the file mapped now; only then are its pages given up.
    let status = Command::new(python).args(["-c", FORGET]).arg(&case.prepared).status()?;
    ensure!(status.success(), "the prepared file could not be dropped from the page cache: {status}");
    let name = case.aim.model.name;
    report.tell(format!("engine, {name}: start to first matte less a run, cold"), format!("{:.3} s", beyond()?));
    let warm = (0..STARTS).map(|_| beyond()).collect::<Result<Vec<_>>>()?;
    let what = format!("engine, {name}: start to first matte less a run");
    report.judge(what, least(&warm), "s", 3, Target::AtMost(0.15));
    Ok(())
}

/// Drops a file's pages from the cache, and nothing else's.
const FORGET: &str = "
import os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
os.fsync(file)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
";

/// The argument by which this program runs a prepared network alone.
pub(crate) const INFER: &str = "--infer";

/// What such a process tells.
#[derive(Serialize, Deserialize)]
struct Alone {
    /// How long a run takes after the first.
    steady: f64,
    /// The most memory that it had when it had run twice, in MB.
    peak: f64,
    /// The memory of that which the maps between the layers take.
    maps: f64,
}

/// Loads a network and runs it on two threads. Prints a line after the first run, and [`Alone`] in the end.
pub(crate) fn run_alone(prepared: &str) -> Result<()> {
    let engine = Engine::new(Network::load(prepared.as_ref())?, Threads::new(TWO)?)?;
    let input = vec![0.25; engine.network().input().values()];
    let run = || -> Result<f64> {
        let begun = Instant::now();
        std::hint::black_box(engine.run(&input)?);
        Ok(begun.elapsed().as_secs_f64())
    };
    run()?;
    println!("a matte");
    let mut times = vec![run()?];
    let peak = machine::memory(std::process::id())?.peak;
    for _ in 1..ROUNDS {
        times.push(run()?);
    }
    let maps = engine.memory() as f64 / f64::from(1 << 20);
    println!("{}", serde_json::to_string(&Alone { steady: least(&times), peak, maps })?);
    Ok(())
}

/// How long such a process takes until its first matte, in seconds, and what it tells.
fn alone(prepared: &Path) -> Result<(f64, Alone)> {
    let begun = Instant::now();
    let mut child = Command::new(std::env::current_exe()?).arg(INFER).arg(prepared).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe from the process")?).lines();
    let mut line = || lines.next().context("the process told too little")?.context("reading what the process told");
    line()?;
    let first = begun.elapsed().as_secs_f64();
    let told = serde_json::from_str(&line()?).context("reading what the process told")?;
    ensure!(child.wait()?.success(), "the process failed");
    Ok((first, told))
}

/// A picture as a network wants it.
fn tensor(model: &Model, picture: &RgbImage) -> Vec<f32> {
    let small = imageops::resize(picture, model.input.side, model.input.side, FilterType::Triangle);
    let most = f32::from(small.iter().copied().max().unwrap_or(0).max(1));
    let channels = model.input.mean.iter().zip(&model.input.std).enumerate();
    let planes = channels.flat_map(|(channel, (mean, std))| {
        small.pixels().map(move |pixel| (f32::from(pixel.0[channel]) / most - mean) / std)
    });
    planes.collect()
}

/// Writes a tensor as the peers read it.
fn write(path: &Path, values: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}
