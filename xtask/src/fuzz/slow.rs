//! `cargo xtask fuzz --slow`: searches for small files that take far more time than harmless files of their size.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use super::tools::{MAX_INPUT, fuzz_into, install, read, seeds};
use crate::workspace::root;

/// Processor time of all kinds together, in seconds, by default: two hours.
pub(crate) const DEFAULT_SECONDS: u32 = 7200;
/// The kinds of image, as their fuzz targets are named.
const KINDS: [&str; 8] = ["avif", "gif", "jpeg", "png", "psd", "svg", "tiff", "webp"];
/// Where it is built, without AddressSanitizer, which would distort times.
const BUILD: &str = "target/fuzz/slow-build";
/// The search goes on after a file that ends the process, at most this often for each kind.
const MAX_CRASHES: usize = 20;
/// A busy machine gives the search, at low priority, only a part of its time.
const WALL_PER_PROCESSOR_SECOND: u32 = 6;
/// What the search prints once it has used its processor time.
const IS_COMPLETE: &str = "the time is up";
/// The worst allowed ratio to a harmless file of the same size.
const MAX_RATIO: f64 = 3.0;
/// The most memory that an SVG may take, in bytes, apart from that of its pixels, and for each pixel.
const SVG_MEMORY: f64 = 0.26e9;
const SVG_MEMORY_PER_PIXEL: f64 = 16.0;

/// Runs `[KIND]... [--seconds N]`.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let (kinds, seconds) = read(arguments, &KINDS.map(str::to_owned), DEFAULT_SECONDS)?;
    let each = seconds / kinds.len() as u32;
    ensure!(each > 0, "--seconds must be at least 1 for each kind");
    install()?;
    let seeds = seeds()?;
    // `-O` leaves debug assertions out, as the product does: they take time, and those of the AV1 decoder abort.
    fuzz_into(BUILD, &["build", "-O", "--sanitizer", "none", "slow"])?;
    let mut is_fine = true;
    for kind in &kinds {
        println!("\n==> {kind}, {each} s of processor time");
        let searched = search(kind, each, &seeds)?;
        let worst = report(kind)?;
        print_table(kind, &worst);
        is_fine &= searched.crashes == 0
            && searched.is_complete
            && worst.iter().all(|file| file.ratio <= MAX_RATIO && file.fits(kind));
    }
    println!("\nthe files are under target/fuzz/slow; a ratio above {MAX_RATIO} is a bug, and so is TOO MUCH MEMORY");
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder of a kind's worst files.
fn folder(kind: &str) -> PathBuf {
    root().join("target/fuzz/slow").join(kind)
}

/// The search's program for a kind, at low priority.
fn program(kind: &str) -> Result<Command> {
    let built = root().join(BUILD);
    let entries = fs::read_dir(&built).with_context(|| format!("cannot list {}", built.display()))?;
    let programs = entries.filter_map(|entry| Some(entry.ok()?.path().join("release/slow")));
    let program = programs.into_iter().find(|path| path.is_file()).context("the search's program was not built")?;
    let mut command = Command::new("nice");
    command.args(["-n", "15"]).arg(program);
    // With it, the AV1 decoder records a backtrace whenever it needs more data, which no worker of the product does.
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command.env("CUTLINE_SLOW_KIND", kind).env("CUTLINE_SLOW_FOLDER", folder(kind));
    Ok(command)
}

/// How a search went.
struct Searched {
    /// The number of files that ended the process.
    crashes: usize,
    /// Whether it used all of its processor time.
    is_complete: bool,
}

/// Searches for a number of seconds of processor time.
fn search(kind: &str, seconds: u32, seeds: &Path) -> Result<Searched> {
    let (worst, corpus) = (folder(kind), root().join("target/fuzz/slow-corpus").join(kind));
    // Apart from the others: a file that ends the process would end the next one at its start.
    let crashing = root().join("target/fuzz/slow-crashes").join(kind);
    for folder in [&worst, &corpus, &crashing] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut crashes = 0;
    while crashes < MAX_CRASHES {
        let mut command = program(kind)?;
        command.env("CUTLINE_SLOW_SECONDS", seconds.to_string()).args([&corpus, &worst]).arg(seeds);
        command.arg(format!("-max_total_time={}", seconds.saturating_mul(WALL_PER_PROCESSOR_SECOND)));
        command.arg(format!("-max_len={MAX_INPUT}")).args(["-timeout=300", "-rss_limit_mb=3000", "-verbosity=0"]);
        command.arg(format!("-artifact_prefix={}/", crashing.display()));
        let log = worst.with_extension("log");
        command.stderr(fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?);
        let output = command.stdout(Stdio::piped()).output().context("cannot run the search")?;
        if output.status.success() {
            let is_complete = String::from_utf8_lossy(&output.stdout).contains(IS_COMPLETE);
            if !is_complete {
                println!("the machine was too busy: the search ended before it had used its {seconds} s");
            }
            return Ok(Searched { crashes, is_complete });
        }
        crashes += 1;
        println!("a file ended the process: see {} and {}", log.display(), crashing.display());
    }
    println!("too many files ended the process: the search was given up");
    Ok(Searched { crashes, is_complete: false })
}

/// One of the worst files.
struct File {
    nanoseconds: f64,
    pixels: f64,
    memory: f64,
    ratio: f64,
    bytes: f64,
    outcome: String,
}

impl File {
    /// Parses `slow`, nanoseconds, pixels, memory, ratio, bytes and the outcome, separated by tabs.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("slow\t")?.split('\t');
        let mut number = || fields.next()?.parse().ok();
        let (nanoseconds, pixels, memory, ratio, bytes) = (number()?, number()?, number()?, number()?, number()?);
        Some(Self { nanoseconds, pixels, memory, ratio, bytes, outcome: fields.next()?.to_owned() })
    }

    /// Whether its memory is within the bound of its kind. Only SVGs have one: the pixels of the others are bounded.
    fn fits(&self, kind: &str) -> bool {
        kind != "svg" || self.memory <= SVG_MEMORY + SVG_MEMORY_PER_PIXEL * self.pixels
    }
}

/// Measures the worst files of this and earlier searches once more, and keeps ten.
fn report(kind: &str) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder(kind))? {
        let path = entry?.path();
        // Each in a process of its own, so that memory kept by an earlier one does not hide its own.
        let output = program(kind)?.env("CUTLINE_SLOW_REPORT", "1").arg(&path).output().context("cannot run a file")?;
        let text = String::from_utf8_lossy(&output.stdout);
        files.extend(text.lines().find_map(File::parse).map(|file| (file, path)));
    }
    files.sort_by(|(a, _), (b, _)| a.fits(kind).cmp(&b.fits(kind)).then(b.ratio.total_cmp(&a.ratio)));
    for (_, path) in files.iter().skip(10) {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    files.truncate(10);
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

fn print_table(kind: &str, files: &[File]) {
    println!("   ratio        time    bytes   ns/byte   ns/pixel    memory  outcome");
    for file in files {
        let File { nanoseconds, pixels, memory, ratio, bytes, outcome } = file;
        let verdict = if file.fits(kind) { "" } else { "TOO MUCH MEMORY: " };
        let per_pixel = if *pixels > 0.0 { format!("{:.1}", nanoseconds / pixels) } else { "-".to_owned() };
        println!(
            "{ratio:8.2} {:8.2} ms {bytes:8} {:9.0} {per_pixel:>10} {:6.1} MB  {verdict}{}",
            nanoseconds / 1e6,
            nanoseconds / bytes,
            memory / 1e6,
            outcome.chars().take(80).collect::<String>()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_fuzz_target() {
        let targets = crate::fuzz::tools::targets().expect("fuzz targets");
        for kind in KINDS {
            assert!(targets.iter().any(|target| target == kind), "{kind}");
        }
    }

    #[test]
    fn parses_the_report_of_a_file() {
        let file = File::parse("slow\t2000000\t1000\t5000000\t1.5\t201\tdecoded").expect("parses");
        assert_eq!((file.nanoseconds, file.pixels, file.memory), (2e6, 1000.0, 5e6));
        assert_eq!((file.ratio, file.bytes, file.outcome.as_str()), (1.5, 201.0, "decoded"));
        assert!(file.fits("svg"));
        let large = File { memory: 0.27e9, ..file };
        assert!(!large.fits("svg") && large.fits("png"));
        assert!(File { pixels: 1e6, ..large }.fits("svg"), "16 bytes for each of a million pixels");
        for wrong in ["slow", "slow\t1\t2", "INFO: seed", "slow\ta\t1\t1\t1\t1\tdecoded"] {
            assert!(File::parse(wrong).is_none(), "{wrong}");
        }
    }
}
