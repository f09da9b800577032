//! Runs steps one after the other, counts the tests they ran, and says so at the end.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How many tests of a step came out how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Counts {
    /// A check that is no test suite: it passed as a whole.
    pub(crate) const ONE_PASSED: Self = Self { passed: 1, failed: 0, ignored: 0 };

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; …`; `None` for any other line.
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
    Done(Counts),
    Failed(Counts),
    NotRun(&'static str),
}

struct Line {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// What was run so far.
#[derive(Default)]
pub(crate) struct Steps {
    lines: Vec<Line>,
}

impl Steps {
    /// Runs a step. `None` if it failed; its error has then been printed, and counts as a failure.
    pub(crate) fn run<T>(&mut self, name: &'static str, step: impl FnOnce(&mut Counts) -> Result<T>) -> Option<T> {
        eprintln!("\n==> {name}");
        let started = Instant::now();
        let mut counts = Counts::default();
        let result = step(&mut counts);
        let (outcome, value) = match result {
            Ok(value) if counts.failed == 0 => (Outcome::Done(counts), Some(value)),
            Ok(_) => (Outcome::Failed(counts), None),
            Err(error) => {
                eprintln!("\n{name}: {error:#}");
                counts.failed = counts.failed.max(1);
                (Outcome::Failed(counts), None)
            }
        };
        self.lines.push(Line { name, outcome, took: started.elapsed() });
        value
    }

    /// Notes that a step was not run, and why.
    pub(crate) fn not_run(&mut self, name: &'static str, why: &'static str) {
        self.lines.push(Line { name, outcome: Outcome::NotRun(why), took: Duration::ZERO });
    }

    /// Prints what ran, with the counts alone on the last line.
    pub(crate) fn summary(&self) -> ExitCode {
        let mut total = Counts::default();
        println!("\n{:<26} {:>7} {:>7} {:>7} {:>7}", "step", "time", "passed", "failed", "ignored");
        for line in &self.lines {
            let Line { name, outcome, took } = line;
            let seconds = took.as_secs();
            let time = format!("{}:{:02}", seconds / 60, seconds % 60);
            match outcome {
                Outcome::Done(counts) | Outcome::Failed(counts) => {
                    total.add(*counts);
                    let mark = if matches!(outcome, Outcome::Failed(_)) { "  FAILED" } else { "" };
                    let Counts { passed, failed, ignored } = counts;
                    println!("{name:<26} {time:>7} {passed:>7} {failed:>7} {ignored:>7}{mark}");
                }
                Outcome::NotRun(why) => println!("{name:<26} {:>7} not run: {why}", "-"),
            }
        }
        println!();
        if total.ignored > 0 {
            println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.ignored);
        } else {
            println!("{} passed, {} failed", total.passed, total.failed);
        }
        if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Runs a program and fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("running {name}"))?;
    anyhow::ensure!(status.success(), "{name} failed: {status}");
    Ok(())
}

/// Runs a program that runs tests, passes on what it prints, and counts them. A suite that ran no test
/// at all has failed: its target was renamed, or its tests are gone.
pub(crate) fn run_tests(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let name = describe(command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("running {name}"))?;
    let mut ran = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.with_context(|| format!("reading from {name}"))?;
            println!("{line}");
            if let Some(more) = Counts::parse(&line) {
                ran.add(more);
            }
        }
    }
    let status = child.wait().with_context(|| format!("waiting for {name}"))?;
    counts.add(ran);
    anyhow::ensure!(status.success(), "{name} failed: {status}");
    anyhow::ensure!(ran.passed > 0, "{name} ran no test");
    Ok(())
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
    fn a_result_line_is_counted_and_no_other() {
        let line = "test result: FAILED. 11 passed; 2 failed; 3 ignored; 0 measured; 9 filtered out; finished in 0.05s";
        assert_eq!(Counts::parse(line), Some(Counts { passed: 11, failed: 2, ignored: 3 }));
        assert_eq!(Counts::parse("test a::b ... ok"), None);
        assert_eq!(Counts::parse("test result: nonsense"), None);
    }

    #[test]
    fn a_failed_step_counts_even_if_no_test_of_it_ran() {
        let mut steps = Steps::default();
        assert!(steps.run("build", |_| anyhow::Ok(())).is_some());
        assert!(steps.run("tests", |_| -> Result<()> { anyhow::bail!("does not compile") }).is_none());
        assert!(matches!(steps.lines[1].outcome, Outcome::Failed(Counts { failed: 1, .. })));
    }
}
