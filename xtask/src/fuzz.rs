//! `cargo xtask fuzz`: feeds every decoder and the engine with files that a fuzzer makes of the tests' own, for a while each.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::root;
use crate::steps::run as run_program;
use crate::targets::cargo;

/// The fuzzer that is run, from crates.io.
const CARGO_FUZZ: &str = "0.13.1";
/// How long each target runs unless told otherwise, in seconds.
const SECONDS: u32 = 60;
/// Pictures that the tests read, of all kinds, and a network: what the fuzzer begins with.
const SEEDS: [&str; 3] = ["shared/imaging/tests/data/kinds", "shared/imaging/tests/data", "shared/engine/tests/data"];
/// No file is longer, in bytes: more of the same would only be slower.
const LONGEST: usize = 20_000;

/// Runs `[TARGET]... [--seconds N]`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let all = targets()?;
    let (chosen, seconds) = read(arguments, &all)?;
    install()?;
    let seeds = seeds()?;
    fuzz(&["build"])?;
    let mut found = Vec::new();
    for target in &chosen {
        println!("\n==> {target}, {seconds} s");
        let corpus = root().join("target/fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("making {}", corpus.display()))?;
        let mut command: Vec<String> = vec!["run".into(), target.clone()];
        command.extend([&corpus, &seeds].map(|folder| folder.display().to_string()));
        command.push("--".into());
        command.push(format!("-max_total_time={seconds}"));
        command.extend([format!("-max_len={LONGEST}"), "-timeout=20".into(), "-rss_limit_mb=1500".into()]);
        command.push("-print_final_stats=1".into());
        let dictionary = root().join(format!("fuzz/{target}.dict"));
        if dictionary.exists() {
            command.push(format!("-dict={}", dictionary.display()));
        }
        if let Err(error) = fuzz(&command) {
            println!("{error:#}");
            found.push(target.as_str());
        }
    }
    println!("\nfuzzed for {seconds} s each: {}", chosen.join(", "));
    if found.is_empty() {
        println!("nothing was found");
        return Ok(ExitCode::SUCCESS);
    }
    println!("found a file, which is under fuzz/artifacts: {}", found.join(", "));
    Ok(ExitCode::FAILURE)
}

/// `cargo fuzz` with these arguments. The fuzzer's instrumentation counts as unstable, which the one toolchain
/// that there is has to be told to allow.
fn fuzz(arguments: &[impl AsRef<OsStr>]) -> Result<()> {
    // Leaks are not looked for: the decoder of AVIF leaves 48 bytes behind with each picture. What grows shows by the
    // limit of memory.
    let (verb, rest) = arguments.split_first().context("a command for cargo fuzz")?;
    let mut command = Command::new(root().join("target/tools/cargo/bin/cargo-fuzz"));
    command.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").env("ASAN_OPTIONS", "detect_leaks=0");
    command.arg("fuzz").arg(verb).args(["--fuzz-dir", "fuzz", "--target-dir", "target/fuzz"]);
    run_program(command.args(rest))
}

fn install() -> Result<()> {
    let folder = root().join("target/tools/cargo");
    let told = Command::new(folder.join("bin/cargo-fuzz")).args(["fuzz", "--version"]).output();
    if told.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(CARGO_FUZZ)) {
        return Ok(());
    }
    let package = format!("cargo-fuzz@{CARGO_FUZZ}");
    run_program(cargo().args(["install", "--locked", &package, "--root"]).arg(folder))
}

/// One folder with all the seeds, which the fuzzer only reads.
fn seeds() -> Result<PathBuf> {
    let folder = root().join("target/fuzz/seeds");
    fs::create_dir_all(&folder).context("making a folder for the seeds")?;
    for from in SEEDS {
        for entry in fs::read_dir(root().join(from)).with_context(|| format!("looking into {from}"))? {
            let entry = entry?;
            if entry.metadata()?.is_file() {
                fs::copy(entry.path(), folder.join(entry.file_name())).context("copying a seed")?;
            }
        }
    }
    Ok(folder)
}

/// The names of all targets, in order.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/src/bin");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("looking into {}", folder.display()))? {
        names.extend(entry?.path().file_stem().and_then(OsStr::to_str).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn read(arguments: &[String], all: &[String]) -> Result<(Vec<String>, u32)> {
    let (mut chosen, mut seconds) = (Vec::new(), SECONDS);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--seconds" {
            let value = rest.next().context("--seconds needs a number")?;
            seconds = value.parse().with_context(|| format!("--seconds needs a whole number, not `{value}`"))?;
            ensure!(seconds > 0, "--seconds needs at least 1");
        } else if all.contains(argument) {
            chosen.push(argument.clone());
        } else {
            bail!("there is no fuzz target `{argument}`; there are {}", all.join(", "));
        }
    }
    Ok((if chosen.is_empty() { all.to_vec() } else { chosen }, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_chosen_by_name_and_all_without() {
        let all = targets().expect("has targets");
        assert!(all.iter().any(|name| name == "psd") && all.len() == 10, "{all:?}");
        let read = |given: &[&str]| read(&given.iter().map(|&one| one.to_owned()).collect::<Vec<_>>(), &all);
        assert!(read(&[]).is_ok_and(|(chosen, seconds)| chosen == all && seconds == SECONDS));
        assert!(read(&["svg", "--seconds", "5"]).is_ok_and(|told| told == (vec!["svg".to_owned()], 5)));
        for wrong in [&["bmp"][..], &["--seconds"], &["--seconds", "0"], &["--seconds", "x"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_folder_of_seeds_is_there() {
        for folder in SEEDS {
            assert!(root().join(folder).is_dir(), "{folder}");
        }
    }
}
