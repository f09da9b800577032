//! Runs steps one after another, counts their tests, and prints a summary.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail};

/// The longest time without a line from a test program, after which it is killed: a test that hangs must not keep the
/// others from running. Each test prints its result, and a build before them takes some minutes.
const MAX_SILENCE: Duration = Duration::from_secs(20 * 60);

/// The number of tests with each result, and the names of those that failed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) failures: Vec<String>,
}

impl Counts {
    /// A check that is not a test suite counts as one test.
    pub(crate) const ONE_PASSED: Self = Self { passed: 1, failed: 0, ignored: 0, failures: Vec::new() };

    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures.extend_from_slice(&other.failures);
    }

    /// Adds what a line of a test program's output says.
    fn read(&mut self, line: &str) {
        if let Some(result) = Self::parse(line) {
            self.add(&result);
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.trim_end().to_owned());
        }
    }

    /// Parses `test result: ok. 12 passed; 0 failed; 1 ignored; …`; `None` for any other line.
    fn parse(line: &str) -> Option<Self> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = Self::default();
        for part in numbers.split("; ") {
            match part.split_once(' ')? {
                (number, "passed") => counts.passed = number.parse().ok()?,
                (number, "failed") => counts.failed = number.parse().ok()?,
                (number, "ignored") => counts.ignored = number.parse().ok()?,
                _ => {}
            }
        }
        Some(counts)
    }
}

enum Outcome {
    Passed(Counts),
    Failed(Counts),
    /// For this reason. What should have run, and could not, counts as a skipped test.
    Skipped {
        reason: &'static str,
        is_counted: bool,
    },
}

struct Line {
    name: &'static str,
    outcome: Outcome,
    duration: Duration,
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    lines: Vec<Line>,
}

impl Steps {
    /// Runs a step. If it fails, prints its error, counts it as a failed test and returns `None`.
    pub(crate) fn run<T>(&mut self, name: &'static str, step: impl FnOnce(&mut Counts) -> Result<T>) -> Option<T> {
        eprintln!("\n==> {name}");
        let started = Instant::now();
        let mut counts = Counts::default();
        let result = step(&mut counts);
        let (outcome, value) = match result {
            Ok(value) if counts.failed == 0 => (Outcome::Passed(counts), Some(value)),
            Ok(_) => (Outcome::Failed(counts), None),
            Err(error) => {
                eprintln!("\n{name}: {error:#}");
                counts.failed = counts.failed.max(1);
                (Outcome::Failed(counts), None)
            }
        };
        self.lines.push(Line { name, outcome, duration: started.elapsed() });
        value
    }

    /// Lists a step as skipped, with the reason.
    pub(crate) fn skip(&mut self, name: &'static str, reason: &'static str) {
        let outcome = Outcome::Skipped { reason, is_counted: false };
        self.lines.push(Line { name, outcome, duration: Duration::ZERO });
    }

    /// Lists a step that should have run and cannot, with the reason, and counts it as a skipped test.
    pub(crate) fn miss(&mut self, name: &'static str, reason: &'static str) {
        let outcome = Outcome::Skipped { reason, is_counted: true };
        self.lines.push(Line { name, outcome, duration: Duration::ZERO });
    }

    /// Prints one line per step, the names of the tests that failed, and the totals on the last line.
    pub(crate) fn summary(&self) -> ExitCode {
        let mut total = Counts::default();
        println!("\n{:<26} {:>7} {:>7} {:>7} {:>7}", "step", "time", "passed", "failed", "ignored");
        for Line { name, outcome, duration } in &self.lines {
            let seconds = duration.as_secs();
            let time = format!("{}:{:02}", seconds / 60, seconds % 60);
            match outcome {
                Outcome::Passed(counts) | Outcome::Failed(counts) => {
                    total.add(counts);
                    let mark = if matches!(outcome, Outcome::Failed(_)) { "  FAILED" } else { "" };
                    let Counts { passed, failed, ignored, .. } = counts;
                    println!("{name:<26} {time:>7} {passed:>7} {failed:>7} {ignored:>7}{mark}");
                }
                Outcome::Skipped { reason, is_counted } => {
                    total.ignored += u64::from(*is_counted);
                    println!("{name:<26} {:>7} skipped: {reason}", "-");
                }
            }
        }
        println!();
        for name in self.failures() {
            println!("failed: {name}");
        }
        if total.ignored > 0 {
            println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.ignored);
        } else {
            println!("{} passed, {} failed", total.passed, total.failed);
        }
        if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// The names of the tests that failed, and of the steps that failed without one.
    fn failures(&self) -> Vec<String> {
        let names = self.lines.iter().flat_map(|line| match &line.outcome {
            Outcome::Failed(counts) if counts.failures.is_empty() => vec![format!("step {}", line.name)],
            Outcome::Failed(counts) => counts.failures.clone(),
            Outcome::Passed(_) | Outcome::Skipped { .. } => Vec::new(),
        });
        names.collect()
    }
}

/// Runs a program, which must succeed.
pub(crate) fn run_program(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {name}"))?;
    anyhow::ensure!(status.success(), "{name} failed: {status}");
    Ok(())
}

/// Runs a test program, forwards its output, and counts its tests. A suite without a single test fails: its target was
/// renamed, or its tests are gone. So does one that prints nothing for [`MAX_SILENCE`].
pub(crate) fn run_tests(command: &mut Command, counts: &mut Counts) -> Result<()> {
    run_tests_within(command, counts, MAX_SILENCE)
}

fn run_tests_within(command: &mut Command, counts: &mut Counts, max_silence: Duration) -> Result<()> {
    let name = describe(command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {name}"))?;
    let mut suite = Counts::default();
    let lines = lines_of(&mut child);
    loop {
        match lines.recv_timeout(max_silence) {
            Ok(line) => {
                let line = line.with_context(|| format!("cannot read from {name}"))?;
                println!("{line}");
                suite.read(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                counts.add(&suite);
                kill_with_descendants(&mut child);
                bail!(
                    "{name} printed nothing for {} s and was killed; a test without a result above hangs",
                    max_silence.as_secs()
                );
            }
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
    counts.add(&suite);
    anyhow::ensure!(status.success(), "{name} failed: {status}");
    anyhow::ensure!(suite.passed > 0, "{name} ran no test");
    Ok(())
}

/// The lines of a program's output, read on a thread of their own.
fn lines_of(child: &mut Child) -> Receiver<io::Result<String>> {
    let (sender, receiver) = channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

/// Kills a program and, where `/proc` lists them, the programs that it started.
fn kill_with_descendants(child: &mut Child) {
    let mut family = vec![child.id()];
    let processes = parents_of_processes();
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(processes.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        next += 1;
    }
    let killed =
        Command::new("sh").args(["-c", "kill -KILL \"$@\"", "sh"]).args(family.iter().map(u32::to_string)).status();
    if !killed.is_ok_and(|status| status.success()) {
        eprintln!("cannot kill all of the processes {family:?}");
    }
    // If it could not be killed there is nothing to wait for.
    if child.kill().is_ok() {
        _ = child.wait();
    }
}

/// Each process of this machine with its parent, by their numbers; empty without `/proc`.
fn parents_of_processes() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        // `NUMBER (NAME) STATE PARENT …`; the name may hold parentheses and spaces.
        let text = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = text.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some((process, parent))
    });
    processes.collect()
}

fn describe(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_result_lines_and_names_failures() {
        let mut counts = Counts::default();
        counts.read("test a::b ... ok");
        counts.read("test a::c      ... FAILED");
        counts.read("test result: nonsense");
        assert_eq!(counts, Counts { failures: vec!["a::c".to_owned()], ..Counts::default() });
        counts
            .read("test result: FAILED. 11 passed; 2 failed; 3 ignored; 0 measured; 9 filtered out; finished in 0.05s");
        assert_eq!((counts.passed, counts.failed, counts.ignored), (11, 2, 3));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_test_that_hangs_is_killed_and_the_results_before_it_count() {
        // The shell starts a process of its own, as cargo does.
        let script = "sleep 600.25 & echo 'test a ... FAILED'; wait";
        let mut counts = Counts::default();
        let mut command = Command::new("sh");
        let error =
            run_tests_within(command.args(["-c", script]), &mut counts, Duration::from_secs(2)).expect_err("is killed");
        assert!(error.to_string().contains("printed nothing for 2 s"), "{error}");
        assert_eq!(counts.failures, ["a"]);
        let is_left = || {
            parents_of_processes().iter().any(|(process, _)| {
                fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|text| text == "sleep\x00600.25\x00")
            })
        };
        while is_left() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_step_that_fails_before_its_tests_counts_as_one_failure() {
        let mut steps = Steps::default();
        assert!(steps.run("build", |_| anyhow::Ok(())).is_some());
        assert!(steps.run("tests", |_| -> Result<()> { anyhow::bail!("does not compile") }).is_none());
        assert!(matches!(steps.lines[1].outcome, Outcome::Failed(Counts { failed: 1, .. })));
        assert_eq!(steps.failures(), ["step tests"]);
    }
}
