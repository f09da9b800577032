//! The report of a simulation.

use std::fmt::Write as _;
use std::time::Duration;

use crate::lambda::{FunctionCounts, FunctionRules};
use crate::ledger::{End, Entry, Kind};
use crate::network::Traffic;
use crate::rules::Rule;
use crate::settings::Settings;
use crate::simulation::{Outcome, quantile};
use crate::sqs::QueueCounts;

/// The report as text, and the number of broken rules.
pub(crate) fn text(settings: &Settings, outcome: &Outcome) -> (String, usize) {
    let mut text = String::new();
    head(&mut text, settings, outcome);
    times(&mut text, outcome);
    jobs(&mut text, outcome);
    queues(&mut text, outcome);
    functions(&mut text, outcome);
    repairs(&mut text, outcome);
    delay(&mut text, outcome);
    let broken = rules(&mut text, settings, outcome);
    (text, broken)
}

fn line(text: &mut String, line: impl AsRef<str>) {
    text.push_str(line.as_ref());
    text.push('\n');
}

fn head(text: &mut String, settings: &Settings, outcome: &Outcome) {
    let Settings { drops, megapixels, bulk_concurrency, live_concurrency, intake_concurrency, seed, .. } = settings;
    let picture = settings.per_picture().as_secs_f64();
    let _ = writeln!(text, "\nsimulation with seed {seed}");
    let _ =
        writeln!(text, "{drops} dropped files of {megapixels} megapixels, {picture:.2} s each; four requests a minute");
    let _ = writeln!(
        text,
        "concurrency: bulk {bulk_concurrency}, live {live_concurrency}, intake {intake_concurrency} in each lane"
    );
    let _ = writeln!(
        text,
        "failing requests {:.1}%, killed invocations {:.1}%, duplicated messages {:.1}%, fair queues {}",
        settings.faults * 100.0,
        settings.kills * 100.0,
        settings.duplicates * 100.0,
        if settings.has_fair_queues { "on" } else { "off" }
    );
    let estimate = settings.backfill().estimate(settings.bulk_concurrency, 3_008);
    let _ = writeln!(
        text,
        "\nback-fill {} (estimated {}, $ {:.2}); everything {}",
        long(outcome.backfill),
        long(estimate.time),
        estimate.usd,
        long(outcome.duration)
    );
}

/// A time in days, hours and minutes.
fn long(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    if days > 0 { format!("{days} d {hours} h {minutes} min") } else { format!("{hours} h {minutes} min") }
}

/// A row of quantiles, in seconds.
fn row(text: &mut String, name: &str, sorted: &[Duration]) {
    let [median, high, most] = [0.5, 0.99, 1.0].map(|share| quantile(sorted, share).as_secs_f64());
    let _ = writeln!(text, "{name:<36} {:>9} {median:>10.2} {high:>10.2} {most:>10.2}", sorted.len());
}

fn times(text: &mut String, outcome: &Outcome) {
    let _ = writeln!(text, "\n{:<36} {:>9} {:>10} {:>10} {:>10}", "seconds", "", "p50", "p99", "max");
    for (route, times) in &outcome.queue_times {
        row(text, &format!("in the queue {route}"), times);
    }
    for kind in Kind::ALL {
        row(text, &format!("in queues: {}", kind.name()), &outcome.waits(&[kind]));
    }
    for kind in Kind::ALL {
        let total = |entry: &Entry| Some(entry.end?.0.duration_since(entry.created_at).unsigned_abs());
        let mut totals: Vec<_> = outcome.of(kind).filter_map(total).collect();
        totals.sort_unstable();
        row(text, &format!("until the end: {}", kind.name()), &totals);
    }
    row(text, "from the end to the webhook", &outcome.report_delays(&Kind::LIVE));
    row(text, "from the end to the manifest", &outcome.report_delays(&[Kind::Drop]));
    let _ = writeln!(text, "{:<36} {:>9} {:>32.0}", "behind: the sweep", "", outcome.sweep_lag().as_secs_f64());
}

fn jobs(text: &mut String, outcome: &Outcome) {
    let header = ["jobs", "done", "failed", "withdrawn", "pending", "retried"];
    let _ = writeln!(
        text,
        "\n{:<36} {:>9} {:>9} {:>9} {:>9} {:>9}",
        header[0], header[1], header[2], header[3], header[4], header[5]
    );
    for kind in Kind::ALL {
        let count = |wanted: fn(&Entry) -> bool| outcome.of(kind).filter(|entry| wanted(entry)).count();
        let done = count(|entry| matches!(entry.end, Some((_, End::Done))));
        let failed = count(|entry| matches!(entry.end, Some((_, End::Failed(_)))));
        let withdrawn = count(|entry| matches!(entry.end, Some((_, End::Withdrawn))));
        let pending = count(|entry| entry.end.is_none());
        let retried = count(|entry| {
            let usual = if matches!(entry.kind, Kind::Url | Kind::Key) { 2 } else { 1 };
            entry.attempts > usual
        });
        let name = kind.name();
        let _ = writeln!(text, "{name:<36} {done:>9} {failed:>9} {withdrawn:>9} {pending:>9} {retried:>9}");
    }
}

fn queues(text: &mut String, outcome: &Outcome) {
    let _ = writeln!(
        text,
        "\n{:<16} {:>10} {:>11} {:>10} {:>9} {:>9} {:>9} {:>8} {:>6}",
        "queue", "sent", "delivered", "deferred", "longest", "oldest, s", "dead", "expired", "left"
    );
    for (name, counts, left) in &outcome.queues {
        let QueueCounts { sent, delivered, deferred, dead, expired, longest, oldest } = counts;
        let oldest = oldest.as_secs();
        let _ = writeln!(
            text,
            "{name:<16} {sent:>10} {delivered:>11} {deferred:>10} {longest:>9} {oldest:>9} {dead:>9} {expired:>8} {left:>6}"
        );
    }
}

fn functions(text: &mut String, outcome: &Outcome) {
    let _ = writeln!(
        text,
        "\n{:<16} {:>11} {:>9} {:>9} {:>10} {:>10} {:>12}",
        "function", "invocations", "cold", "killed", "timed out", "throttled", "busy, hours"
    );
    for (FunctionRules { name, .. }, counts) in &outcome.functions {
        let FunctionCounts { invocations, cold, killed, timed_out, throttled, busy } = counts;
        let hours = busy.as_secs_f64() / 3_600.0;
        let _ = writeln!(
            text,
            "{name:<16} {invocations:>11} {cold:>9} {killed:>9} {timed_out:>10} {throttled:>10} {hours:>12.1}"
        );
    }
}

fn repairs(text: &mut String, outcome: &Outcome) {
    line(text, "");
    let Traffic { requests, repeated, failed } = outcome.traffic;
    let others = [
        ("requests to AWS", requests),
        ("requests that failed", repeated),
        ("calls that failed at every attempt", failed),
        ("writes of records after their creation", outcome.writes),
    ];
    for (name, number) in outcome.sweeps.iter().copied().chain(others) {
        let _ = writeln!(text, "{name:<40} {number:>12}");
    }
}

/// The job that the sweep was behind with for the longest time: if that breaks a rule, here is the cause.
fn delay(text: &mut String, outcome: &Outcome) {
    let Some(delay) = &outcome.delay else { return };
    let kind = outcome.jobs.get(&delay.job).map_or("job", |entry| entry.kind.name());
    let _ = write!(text, "\n{}", delay.text(kind));
}

/// Returns the number of broken rules.
fn rules(text: &mut String, settings: &Settings, outcome: &Outcome) -> usize {
    line(text, "");
    let mut broken = 0;
    for rule in Rule::ALL {
        let checked = rule.check(settings, outcome);
        broken += usize::from(checked.is_err());
        let _ = writeln!(text, "{}  {}", if checked.is_ok() { "ok    " } else { "BROKEN" }, rule.statement());
        if let Err(reason) = checked {
            let _ = writeln!(text, "        {reason}");
        }
    }
    broken
}
