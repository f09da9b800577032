//! The tools of both searches: cargo-fuzz, its targets and seeds, and the arguments.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::steps::run_program;
use crate::workspace::{cargo, root};

/// The version of cargo-fuzz, from crates.io.
const CARGO_FUZZ: &str = "0.13.1";
/// Folders of pictures of all kinds, and of networks, from which the fuzzer starts.
const SEEDS: [&str; 5] = [
    "shared/imaging/tests/data/kinds",
    "shared/imaging/tests/data/reading",
    "shared/imaging/tests/data",
    "shared/heic/tests/data",
    "shared/engine/tests/data",
];
/// The largest input, in bytes. Larger ones are slower and find no more.
pub(super) const MAX_INPUT: usize = 20_000;

/// Runs `cargo fuzz` with these arguments, building in a folder.
pub(super) fn fuzz_into(folder: &str, arguments: &[impl AsRef<OsStr>]) -> Result<()> {
    let (verb, rest) = arguments.split_first().context("cargo fuzz needs a subcommand")?;
    let mut command = Command::new(root().join("target/tools/cargo/bin/cargo-fuzz"));
    // The fuzzer's instrumentation is unstable; RUSTC_BOOTSTRAP lets the stable compiler use it.
    // Leak detection is off: the AVIF decoder leaks 48 bytes a picture. Growth still hits the memory limit.
    command.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").env("ASAN_OPTIONS", "detect_leaks=0");
    command.arg("fuzz").arg(verb).args(["--fuzz-dir", "fuzz", "--target-dir", folder]);
    run_program(command.args(rest))
}

pub(super) fn install() -> Result<()> {
    let folder = root().join("target/tools/cargo");
    let version = Command::new(folder.join("bin/cargo-fuzz")).args(["fuzz", "--version"]).output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(CARGO_FUZZ)) {
        return Ok(());
    }
    let package = format!("cargo-fuzz@{CARGO_FUZZ}");
    run_program(cargo().args(["install", "--locked", &package, "--root"]).arg(folder))
}

/// Copies all seeds to one folder, which the fuzzer does not write to.
pub(super) fn seeds() -> Result<PathBuf> {
    let folder = root().join("target/fuzz/seeds");
    fs::create_dir_all(&folder).context("cannot create the folder of seeds")?;
    for source in SEEDS {
        for entry in fs::read_dir(root().join(source)).with_context(|| format!("cannot list {source}"))? {
            let entry = entry?;
            if entry.metadata()?.is_file() {
                fs::copy(entry.path(), folder.join(entry.file_name())).context("cannot copy a seed")?;
            }
        }
    }
    Ok(folder)
}

/// The names of all targets, sorted.
pub(in crate::fuzz) fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/src/bin");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        names.extend(entry?.path().file_stem().and_then(OsStr::to_str).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// The selected targets and the seconds.
pub(super) fn read(arguments: &[String], all: &[String], default_seconds: u32) -> Result<(Vec<String>, u32)> {
    let (mut selected, mut seconds) = (Vec::new(), default_seconds);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--seconds" {
            let value = rest.next().context("--seconds needs a number")?;
            seconds = value.parse().with_context(|| format!("--seconds must be a whole number, not `{value}`"))?;
            ensure!(seconds > 0, "--seconds must be at least 1");
        } else if all.contains(argument) {
            selected.push(argument.clone());
        } else {
            bail!("unknown fuzz target `{argument}`; the targets are {}", all.join(", "));
        }
    }
    Ok((if selected.is_empty() { all.to_vec() } else { selected }, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_targets_by_name_or_all() {
        let all = targets().expect("fuzz targets");
        assert!(all.iter().any(|name| name == "psd") && all.len() == 13, "{all:?}");
        let read =
            |arguments: &[&str]| read(&arguments.iter().map(|&one| one.to_owned()).collect::<Vec<_>>(), &all, 60);
        assert!(read(&[]).is_ok_and(|(selected, seconds)| selected == all && seconds == 60));
        assert!(read(&["svg", "--seconds", "5"]).is_ok_and(|options| options == (vec!["svg".to_owned()], 5)));
        for wrong in [&["bmp"][..], &["--seconds"], &["--seconds", "0"], &["--seconds", "x"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn all_seed_folders_exist() {
        for folder in SEEDS {
            assert!(root().join(folder).is_dir(), "{folder}");
        }
    }
}
