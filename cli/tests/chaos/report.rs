//! The report of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fault::Fault;
use crate::faults::is_possible;
use crate::invariants::Invariant;
use crate::ledger::{Counters, Entry};
use crate::world::World;

/// The report as text. Its end is in the form of Rust's test harness, with one test for each invariant; kinds of fault that
/// are impossible here count as ignored.
pub(crate) fn text(world: &World, seed: u64, duration: Duration) -> String {
    let mut text = format!("\nchaos: {} s, seed {seed}\n", duration.as_secs());
    let jobs = world.ledger.all();
    outcomes(&mut text, &jobs);
    counters(&mut text, world);
    waits(&mut text, &jobs);
    let impossible = faults(&mut text, world);
    let failed = invariants(&mut text, world);
    let result = if failed == 0 { "ok" } else { "FAILED" };
    let passed = Invariant::ALL.len() - failed;
    line(&mut text, &format!("test result: {result}. {passed} passed; {failed} failed; {impossible} ignored"));
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn outcomes(text: &mut String, jobs: &BTreeMap<String, Entry>) {
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for entry in jobs.values() {
        let outcome = entry.end.as_ref().map_or("not ended", |(_, end)| &end.outcome);
        counts.entry(outcome).or_default()[usize::from(entry.is_good())] += 1;
    }
    let _ = writeln!(text, "\n{:<24} {:>8} {:>8}", "jobs by outcome", "good", "other");
    for (outcome, [other, good]) in counts {
        let _ = writeln!(text, "{outcome:<24} {good:>8} {other:>8}");
    }
}

fn counters(text: &mut String, world: &World) {
    let Counters { refused_files, refused_for_credits, repeated_uploads, unanswered, unavailable, .. } =
        &world.ledger.counters;
    let Counters { pictures_fetched, polls, drops, failed_starts, .. } = &world.ledger.counters;
    line(text, "\nrequests and files");
    for (what, counter) in [
        ("files refused with 422", refused_files),
        ("uploads refused with 402", refused_for_credits),
        ("uploads repeated until answered", repeated_uploads),
        ("requests without an answer", unanswered),
        ("requests refused with 503", unavailable),
        ("polls", polls),
        ("pictures fetched and checked", pictures_fetched),
        ("files dropped", drops),
        ("failed starts on a full disk", failed_starts),
    ] {
        let _ = writeln!(text, "{what:<36} {:>8}", Counters::value(counter));
    }
    let peak = world.peak_memory.load(Ordering::Relaxed) / 1_000_000;
    let _ = writeln!(text, "{:<36} {peak:>5} MB", "peak memory without mapped files");
    let workers = world.image_workers.load(Ordering::Relaxed);
    let _ = writeln!(text, "{:<36} {workers:>8}", "image workers at once");
}

fn waits(text: &mut String, jobs: &BTreeMap<String, Entry>) {
    let mut waits: Vec<_> =
        jobs.values().filter(|entry| entry.is_good()).filter_map(|e| Some((e.wait()?, e))).collect();
    waits.sort_by_key(|(wait, _)| *wait);
    let Some((worst, entry)) = waits.last() else { return line(text, "\nno good picture ended") };
    let median = waits[waits.len() / 2].0.as_secs_f64();
    let _ = writeln!(
        text,
        "\nwait of good pictures: median {median:.1} s, worst {:.1} s: {}",
        worst.as_secs_f64(),
        entry.label
    );
}

/// Returns the number of kinds that are impossible here.
fn faults(text: &mut String, world: &World) -> usize {
    line(text, "\nfaults");
    let mut impossible = 0;
    for fault in Fault::ALL {
        let count = world.faults.count(fault);
        let reason = match (is_possible(world, fault), world.disk.cannot_fill()) {
            (true, _) => None,
            (false, Some(reason)) if fault == Fault::FullDisk => Some(format!("needs root or sudo: {reason}")),
            (false, _) => Some("this server has no image workers".to_owned()),
        };
        impossible += usize::from(reason.is_some());
        let reason = reason.map(|reason| format!("  not run: {reason}")).unwrap_or_default();
        let _ = writeln!(text, "{:<36} {count:>3} times{reason}", fault.name());
    }
    impossible
}

/// Returns the number of violated invariants.
fn invariants(text: &mut String, world: &World) -> usize {
    line(text, "\ninvariants");
    let mut failed = 0;
    for invariant in Invariant::ALL {
        let violations = world.violations.of(invariant);
        failed += usize::from(!violations.is_empty());
        let mark = if violations.is_empty() { "ok" } else { "FAILED" };
        let _ = writeln!(text, "test chaos: {} ... {mark}", invariant.statement());
        for violation in violations {
            let _ = writeln!(text, "        {violation}");
        }
    }
    text.push('\n');
    failed
}
