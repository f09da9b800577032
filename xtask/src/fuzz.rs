//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/`, each for a while, starting from the tests' own files.
//! With `--slow` it searches for expensive small files instead.

mod slow;
mod tools;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

pub(crate) use self::slow::DEFAULT_SECONDS as SLOW_SECONDS;
use self::tools::{MAX_INPUT, fuzz_into, install, read, seeds};
use crate::programs::Programs;
use crate::workspace::root;

/// The duration of each target by default, in seconds.
pub(crate) const DEFAULT_SECONDS: u32 = 60;
/// Runs `[TARGET]... [--seconds N]` or `--slow [KIND]... [--seconds N]`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let is_slow = |argument: &String| argument == "--slow";
    if arguments.iter().any(is_slow) {
        let rest: Vec<String> = arguments.iter().filter(|argument| !is_slow(argument)).cloned().collect();
        return slow::run(&rest);
    }
    let all = targets()?;
    let (mut selected, seconds) = read(arguments, &all, DEFAULT_SECONDS)?;
    let features = features(&mut selected)?;
    install()?;
    let seeds = seeds()?;
    fuzz(&[&["build"][..], features].concat())?;
    let mut failed = Vec::new();
    for target in &selected {
        println!("\n==> {target}, {seconds} s");
        if let Err(error) = run_target(target, seconds, &seeds, features) {
            println!("{error:#}");
            failed.push(target.as_str());
        }
    }
    println!("\nfuzzed for {seconds} s each: {}", selected.join(", "));
    if failed.is_empty() {
        println!("no failures");
        return Ok(ExitCode::SUCCESS);
    }
    println!("failed: {}; the inputs are under fuzz/artifacts", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The arguments for the features of the targets. Without libheif, its target is left out, and the only one is an error.
fn features(selected: &mut Vec<String>) -> Result<&'static [&'static str]> {
    if Programs::ready("heic").missing.is_empty() {
        return Ok(&["--features", "heic"]);
    }
    let count = selected.len();
    selected.retain(|target| target != "heic");
    ensure!(
        !selected.is_empty(),
        "the target `heic` needs libheif, which pkg-config does not find; install libheif-dev"
    );
    if selected.len() < count {
        println!("skipped: heic, since pkg-config finds no libheif; install libheif-dev");
    }
    Ok(&[])
}

fn run_target(target: &str, seconds: u32, seeds: &Path, features: &[&str]) -> Result<()> {
    let corpus = root().join("target/fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    let mut command: Vec<String> = vec!["run".into(), target.to_owned()];
    command.extend(features.iter().map(|argument| (*argument).to_owned()));
    command.extend([&corpus, seeds].map(|folder| folder.display().to_string()));
    command.push("--".into());
    command.push(format!("-max_total_time={seconds}"));
    command.extend([format!("-max_len={MAX_INPUT}"), "-timeout=20".into(), "-rss_limit_mb=1500".into()]);
    command.push("-print_final_stats=1".into());
    let dictionary = root().join(format!("fuzz/{target}.dict"));
    if dictionary.exists() {
        command.push(format!("-dict={}", dictionary.display()));
    }
    fuzz(&command)
}

/// Runs `cargo fuzz` with these arguments.
fn fuzz(arguments: &[impl AsRef<OsStr>]) -> Result<()> {
    fuzz_into("target/fuzz", arguments)
}

/// The names of all targets, sorted.
pub(crate) fn targets() -> Result<Vec<String>> {
    tools::targets()
}
