//! The job that was due for the longest time before the sweep looked at it, and what happened to it until then and later.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use cutline_core::domain::job::{Job, JobStage, JobState};
use cutline_core::{JobId, OwnerId};
use jiff::Timestamp;

/// The most changes that are printed.
const MAX_PRINTED: usize = 40;

/// A job after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    at: Timestamp,
    state: &'static str,
    stage: Option<JobStage>,
    /// How often it was claimed at its stage.
    attempts: u32,
    /// How often its message was sent again since it was queued; `None` unless it is queued.
    resends: Option<u32>,
    /// When the sweep has to look at it.
    due_at: Option<Timestamp>,
}

impl Change {
    fn of(job: &Job, at: Timestamp) -> Self {
        let resends = match job.state {
            JobState::Queued { resends, .. } => Some(resends),
            _ => None,
        };
        let (state, stage, attempts) = (job.state.name(), job.stage(), job.attempts);
        Self { at, state, stage, attempts, resends, due_at: job.repair_due_at() }
    }
}

/// A job that the sweep was behind with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) job: JobId,
    pub(crate) owner: OwnerId,
    /// When this was noticed, since the simulation began.
    pub(crate) at: Duration,
    /// How long the job had been due.
    pub(crate) lag: Duration,
    /// The queue of its messages at that time: its name, its length, and the age of the oldest message.
    pub(crate) queue: &'static str,
    pub(crate) length: usize,
    pub(crate) oldest: Option<Duration>,
    /// All changes of the job until it ended.
    pub(crate) changes: Vec<Change>,
}

impl Delay {
    /// The delay as text. `kind` says where the job comes from.
    pub(crate) fn text(&self, kind: &str) -> String {
        let Self { job, owner, at, lag, queue, length, oldest, changes } = self;
        let (minutes, lag) = (at.as_secs() / 60, lag.as_secs());
        let oldest = oldest.map_or("none that counts".to_owned(), |age| format!("the oldest {} s old", age.as_secs()));
        let mut text = format!("most behind: {kind} {job} of {owner}, due for {lag} s after {minutes} min\n");
        let _ = writeln!(text, "its queue at that time: {queue}, {length} messages, {oldest}");
        let _ = writeln!(
            text,
            "{:>12} {:<8} {:<7} {:>8} {:>8} {:>12}",
            "age, s", "state", "stage", "attempts", "resends", "due in, s"
        );
        let begun = changes.first().map(|change| change.at);
        let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
        for Change { at, state, stage, attempts, resends, due_at } in changes.iter().take(MAX_PRINTED) {
            let age = begun.map_or(0.0, |begun| seconds(begun, *at));
            let stage = stage.map_or("", JobStage::as_str);
            let resends = resends.map_or(String::new(), |resends| resends.to_string());
            let due = due_at.map_or(String::new(), |due| format!("{:.1}", seconds(*at, due)));
            let _ = writeln!(text, "{age:>12.1} {state:<8} {stage:<7} {attempts:>8} {resends:>8} {due:>12}");
        }
        if let Some(more) = changes.len().checked_sub(MAX_PRINTED).filter(|more| *more > 0) {
            let _ = writeln!(text, "{more:>12} more");
        }
        text
    }
}

/// The changes of all pending jobs, and the longest delay so far.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    pending: HashMap<JobId, Vec<Change>>,
    longest: Option<Delay>,
}

impl Delays {
    /// Notes a new job.
    pub(crate) fn created(&mut self, job: &Job, at: Timestamp) {
        self.pending.insert(job.id, vec![Change::of(job, at)]);
    }

    /// Notes a change. Those of a job that has ended are forgotten, unless its delay was the longest.
    pub(crate) fn changed(&mut self, job: &Job, at: Timestamp) {
        let Some(changes) = self.pending.get_mut(&job.id) else { return };
        changes.push(Change::of(job, at));
        if !job.has_ended() {
            return;
        }
        let changes = self.pending.remove(&job.id);
        if let Some(longest) = self.longest.as_mut().filter(|longest| longest.job == job.id) {
            longest.changes = changes.unwrap_or_default();
        }
    }

    /// Notes a delay. Its changes are added later.
    pub(crate) fn note(&mut self, delay: Delay) {
        if self.longest.as_ref().is_none_or(|longest| longest.lag < delay.lag) {
            self.longest = Some(delay);
        }
    }

    /// The longest delay, if there was one.
    pub(crate) fn longest(&self) -> Option<Delay> {
        let longest = self.longest.as_ref()?;
        let changes = self.pending.get(&longest.job).unwrap_or(&longest.changes);
        Some(Delay { changes: changes.clone(), ..longest.clone() })
    }
}
