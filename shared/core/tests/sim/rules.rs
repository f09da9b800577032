//! The conditions that hold at the end of every simulation.

use std::collections::BTreeSet;
use std::time::Duration;

use cutline_core::FailureCode;
use cutline_core::domain::failure::Retryable;

use crate::ledger::{End, Kind};
use crate::settings::Settings;
use crate::simulation::{Outcome, quantile};

/// The longest time that the sweep may be behind.
const MAX_SWEEP_LAG: Duration = Duration::from_secs(3 * 60);
/// The share of jobs that may fail although nothing is wrong with them, if requests fail or processes are killed.
const MAX_FAILED: f64 = 0.001;
/// How much longer a back-fill may take than estimated, and what its beginning and its end take in addition. The message of a
/// killed process returns after twelve minutes.
const ESTIMATE_TOLERANCE: f64 = 1.1;
const ESTIMATE_ENDS: Duration = Duration::from_secs(3 * 60);
const RETURN_OF_A_MESSAGE: Duration = Duration::from_secs(15 * 60);

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    OneJobADrop,
    AnswersHold,
    EveryJobEnds,
    NoMessageIsLost,
    NothingTimesOut,
    FewFail,
    CreditsAddUp,
    ReportsArrive,
    LiveJobsWaitLittle,
    SweepKeepsUp,
    EstimateHolds,
}

impl Rule {
    pub(crate) const ALL: [Self; 11] = [
        Self::OneJobADrop,
        Self::AnswersHold,
        Self::EveryJobEnds,
        Self::NoMessageIsLost,
        Self::NothingTimesOut,
        Self::FewFail,
        Self::CreditsAddUp,
        Self::ReportsArrive,
        Self::LiveJobsWaitLittle,
        Self::SweepKeepsUp,
        Self::EstimateHolds,
    ];

    /// The rule as a sentence.
    pub(crate) const fn statement(self) -> &'static str {
        match self {
            Self::OneJobADrop => "each dropped file is exactly one job",
            Self::AnswersHold => "each answered request is one job, which ends as done or failed",
            Self::EveryJobEnds => "every job ends once, and its progress never falls",
            Self::NoMessageIsLost => "no message is lost, and none is left",
            Self::NothingTimesOut => "no job and no function times out",
            Self::FewFail => "jobs fail only if requests fail or processes are killed, and then rarely",
            Self::CreditsAddUp => "credits granted = spent on results + left",
            Self::ReportsArrive => "every manifest is written and every webhook sent",
            Self::LiveJobsWaitLittle => "of 100 live jobs, 99 wait for two pictures' time at most",
            Self::SweepKeepsUp => "the sweep is never behind by more than three minutes",
            Self::EstimateHolds => "the back-fill takes as long as estimated",
        }
    }

    /// Checks the rule.
    ///
    /// # Errors
    /// What breaks it.
    pub(crate) fn check(self, settings: &Settings, outcome: &Outcome) -> Result<(), String> {
        match self {
            Self::OneJobADrop => one_job_a_drop(settings, outcome),
            Self::AnswersHold => answers_hold(outcome),
            Self::EveryJobEnds => every_job_ends(outcome),
            Self::NoMessageIsLost => no_message_is_lost(outcome),
            Self::NothingTimesOut => nothing_times_out(outcome),
            Self::FewFail => few_fail(settings, outcome),
            Self::CreditsAddUp => credits_add_up(outcome),
            Self::ReportsArrive => reports_arrive(outcome),
            Self::LiveJobsWaitLittle => {
                let wait = quantile(&outcome.waits(&Kind::LIVE), 0.99);
                ensure(wait <= 2 * settings.per_picture(), || format!("they wait for {:.1} s", wait.as_secs_f64()))
            }
            Self::SweepKeepsUp => {
                let lag = outcome.sweep_lag();
                ensure(lag <= MAX_SWEEP_LAG, || format!("it was behind by {:.0} s", lag.as_secs_f64()))
            }
            Self::EstimateHolds => {
                let estimate = settings.backfill().estimate(settings.bulk_concurrency, 0).time;
                let returns = if settings.is_disturbed() { RETURN_OF_A_MESSAGE } else { Duration::ZERO };
                let limit = estimate.mul_f64(ESTIMATE_TOLERANCE) + ESTIMATE_ENDS + returns;
                let hours = |time: Duration| time.as_secs_f64() / 3_600.0;
                ensure(outcome.backfill <= limit, || {
                    format!("{:.2} h instead of {:.2} h", hours(outcome.backfill), hours(estimate))
                })
            }
        }
    }
}

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

/// The records say it, not the messages: [`crate::ledger`] notes each job that was created.
fn one_job_a_drop(settings: &Settings, outcome: &Outcome) -> Result<(), String> {
    let (drops, jobs) = (settings.drops, outcome.of(Kind::Drop).count() as u64);
    ensure(jobs == drops, || format!("{drops} files became {jobs} jobs"))
}

fn answers_hold(outcome: &Outcome) -> Result<(), String> {
    let unique: BTreeSet<_> = outcome.accepted.iter().collect();
    ensure(unique.len() == outcome.accepted.len(), || "two requests were answered with one job".to_owned())?;
    ensure(!unique.is_empty(), || "no request was answered".to_owned())?;
    let end = |id| outcome.jobs.get(id).and_then(|entry| entry.end);
    let broken = unique.iter().find(|id| matches!(end(**id), None | Some((_, End::Withdrawn))));
    ensure(broken.is_none(), || format!("{broken:?} was answered with, and has no result"))
}

fn every_job_ends(outcome: &Outcome) -> Result<(), String> {
    let (violations, more) = &outcome.violations;
    ensure(violations.is_empty(), || format!("{}; {more} more", violations.join("; ")))?;
    ensure(outcome.left.open == 0, || format!("{} jobs are pending", outcome.left.open))
}

fn no_message_is_lost(outcome: &Outcome) -> Result<(), String> {
    for (name, counts, left) in &outcome.queues {
        ensure(counts.expired == 0, || format!("{name}: {} messages were too old", counts.expired))?;
        ensure(*left == 0, || format!("{name}: {left} messages are left"))?;
    }
    Ok(())
}

fn nothing_times_out(outcome: &Outcome) -> Result<(), String> {
    let is_late = |entry: &&crate::ledger::Entry| {
        matches!(entry.end, Some((_, End::Failed(FailureCode::TimedOut | FailureCode::TooSlow))))
    };
    let jobs = outcome.jobs.values().filter(is_late).count();
    ensure(jobs == 0, || format!("{jobs} jobs timed out"))?;
    let late = outcome.functions.iter().find(|(_, counts)| counts.timed_out > 0);
    ensure(late.is_none(), || format!("{late:?} ran into its timeout"))
}

fn few_fail(settings: &Settings, outcome: &Outcome) -> Result<(), String> {
    let code = |entry: &crate::ledger::Entry| match entry.end {
        Some((_, End::Failed(code))) => Some(code),
        _ => None,
    };
    let codes: Vec<_> = outcome.jobs.values().filter_map(code).collect();
    let limit = if settings.is_disturbed() { (outcome.jobs.len() as f64 * MAX_FAILED).ceil() as usize } else { 0 };
    ensure(codes.len() <= limit, || format!("{} of {} jobs failed", codes.len(), outcome.jobs.len()))?;
    let permanent = codes.iter().find(|code| code.info().retryable == Retryable::No);
    ensure(permanent.is_none(), || format!("a job failed with {permanent:?}"))
}

fn credits_add_up(outcome: &Outcome) -> Result<(), String> {
    let done = outcome.jobs.values().filter(|entry| matches!(entry.end, Some((_, End::Done)))).count() as u64;
    let spent = outcome.credits_spent;
    ensure(spent == done, || format!("{spent} credits were spent on {done} results"))
}

fn reports_arrive(outcome: &Outcome) -> Result<(), String> {
    ensure(outcome.without_manifest == 0, || format!("{} files have no manifest", outcome.without_manifest))?;
    ensure(outcome.left.owing == 0, || format!("{} jobs owe a report", outcome.left.owing))
}
