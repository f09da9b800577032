//! Torments the real server while clients use it, and checks the rules of a job throughout: `cargo xtask chaos` runs
//! this, with the folder of the models in CUTLINE_MODELS_DIR.
//!
//! One process, `cutline serve`, works in an empty folder. Clients upload pictures, submit URLs, drop files, ask for
//! jobs and fetch their pictures, and one receives webhooks. Meanwhile the server and its image workers are killed and frozen, its disk is full,
//! its clock jumps, its sources hang, and part of its pictures are hostile. [`invariants::Invariant`] lists what must
//! hold. A seed repeats the choices, but not the timing.
//!
//! The data folder, the log and the report stay in `target/chaos`.

mod checks;
mod client;
mod database;
mod disk;
mod drops;
mod fault;
mod faults;
mod hostile;
mod hosts;
#[path = "../e2e/http.rs"]
mod http;
mod invariants;
mod ledger;
mod load;
mod pictures;
mod processes;
mod random;
mod receiver;
mod report;
mod results;
mod server;
mod world;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use cutline_core::Policy;

use drops::Drops;
use invariants::Invariant;
use random::Random;
use world::World;

/// Clients that upload, each with one job at a time.
const UPLOADERS: usize = 4;
/// Five minutes, and the shortest run in which every kind of fault has its turn.
const DEFAULT_SECONDS: u64 = 300;
const MIN_SECONDS: u64 = 60;

/// The arguments: `[--seconds N] [--seed S]`.
struct Options {
    duration: Duration,
    seed: u64,
}

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (mut seconds, mut seed) = (DEFAULT_SECONDS, since_1970.as_secs());
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} needs a number"))?;
            let number = value.parse().with_context(|| format!("{argument} must be a whole number, not `{value}`"))?;
            match argument.as_str() {
                "--seconds" => seconds = number,
                "--seed" => seed = number,
                _ => bail!("unknown argument `{argument}`; the arguments are --seconds N and --seed S"),
            }
        }
        ensure!(seconds >= MIN_SECONDS, "--seconds must be at least {MIN_SECONDS}, so that every fault has its turn");
        Ok(Self { duration: Duration::from_secs(seconds), seed })
    }
}

fn run(options: &Options) -> Result<ExitCode> {
    let models =
        std::env::var_os("CUTLINE_MODELS_DIR").context("CUTLINE_MODELS_DIR is not set: run `cargo xtask chaos`")?;
    let folder = pictures::root().canonicalize().context("cannot find the workspace")?.join("target/chaos");
    fs::create_dir_all(&folder).context("cannot create target/chaos")?;
    for file in ["server.log", "report.txt"] {
        let file = folder.join(file);
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    println!("chaos for {} s with seed {}, in {}", options.duration.as_secs(), options.seed, folder.display());
    // Every job ends within its attempts; a job that waits longer than one may take is a violation anyway.
    let patience = Policy::default().max_attempt;
    let world = World::create(&folder, &PathBuf::from(models), options.duration, patience)?;
    let drops = Drops::default();
    torment(&world, &drops, Random::new(options.seed));
    let text = report::text(&world, options.seed, options.duration);
    fs::write(folder.join("report.txt"), &text).context("cannot write the report")?;
    print!("{text}");
    let has_failed = Invariant::ALL.iter().any(|invariant| !world.violations.of(*invariant).is_empty());
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs all clients and all faults, and then checks everything.
fn torment(world: &World, drops: &Drops, mut random: Random) {
    thread::scope(|scope| {
        for _ in 0..UPLOADERS {
            let random = random.fork();
            scope.spawn(move || world.as_client(|| load::upload_files(world, random)));
        }
        let [urls, files, questions, faults] = [random.fork(), random.fork(), random.fork(), random.fork()];
        scope.spawn(move || world.as_client(|| load::submit_urls(world, urls)));
        scope.spawn(move || world.as_client(|| drops.drop_files(world, files)));
        scope.spawn(move || load::ask_again(world, questions));
        scope.spawn(move || load::watch_records(world));
        faults::inflict(world, faults);
        println!("no more faults; waiting for all jobs to end");
        checks::wait_for_quiet(world, drops);
    });
    checks::check_all(world, drops);
}
