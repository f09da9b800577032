//! Finding out which jobs have ended.
//!
//! Many jobs are watched by the list, not by their statuses: a page of the list is one request that shows a thousand jobs,
//! with their errors, where a thousand requests for the status would cost a thousand invocations and reads. A status is
//! asked for once, after the end, since only it has links. Few jobs are asked for one by one: that costs less than the list,
//! which examines every job that the owner created since the oldest of them.

use std::collections::BTreeMap;
use std::time::Duration;

use cutline_core::JobId;
use cutline_http::{JobStatus, ReportedFailure};
use tokio::time::Instant;

use super::calls::Fault;
use super::collect::Verdict;
use super::context::Context;

/// Up to this number, jobs are asked for one by one.
const FEW: usize = 4;

/// The most pages of a list in one round. Jobs behind them are asked for one by one, a few each round.
const MAX_PAGES: usize = 10;

/// The waits between rounds. They grow while no job ends.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(20);

/// A job that is missing in the list this long after it was accepted is asked for: the list may lag by seconds, but a
/// deleted job never appears.
const LIST_LAG: Duration = Duration::from_secs(60);

/// The findings of a round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The jobs that have ended.
    pub(super) ended: Vec<(JobId, Verdict)>,
    /// The jobs about which a person decides.
    pub(super) held: Vec<JobId>,
}

/// The wait before the next round.
#[derive(Debug)]
pub(super) struct Interval(Duration);

impl Interval {
    pub(super) fn new() -> Self {
        Self(FIRST_INTERVAL)
    }

    /// The next wait, after a round that found something or nothing.
    pub(super) fn after(&mut self, round: &Round) -> Duration {
        let has_news = !round.ended.is_empty() || !round.held.is_empty();
        self.0 = if has_news { (self.0 / 2).max(FIRST_INTERVAL) } else { (self.0 * 3 / 2).min(LONGEST_INTERVAL) };
        self.0
    }
}

/// A job that is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    pub(super) job: JobId,
    /// Since when, by this process.
    pub(super) since: Instant,
}

/// Asks about these jobs. `number` counts the rounds.
pub(super) async fn round(context: &Context, jobs: Vec<Watched>, number: usize) -> Result<Round, Fault> {
    let mut round = Round::default();
    let unclear = match jobs.len() {
        0..=FEW => jobs.into_iter().map(|watched| watched.job).collect(),
        _ => listed(context, jobs, &mut round).await?,
    };
    // In turn, so that a job that stays pending hides no other.
    let start = if unclear.is_empty() { 0 } else { number * FEW % unclear.len() };
    for job in unclear.iter().cycle().skip(start).take(FEW.min(unclear.len())) {
        match context.calls.api(async || context.client.status(*job).await).await {
            Ok(report) => note(&mut round, *job, report.status(), report.error),
            Err(Fault::Refused { code, .. }) if code == "not_found" => round.ended.push((*job, Verdict::Unknown)),
            Err(fault) => return Err(fault),
        }
    }
    Ok(round)
}

/// Reads the list back to the oldest of these jobs. Returns the jobs that it does not show.
async fn listed(context: &Context, jobs: Vec<Watched>, round: &mut Round) -> Result<Vec<JobId>, Fault> {
    let mut missing: BTreeMap<JobId, Instant> = jobs.into_iter().map(|Watched { job, since }| (job, since)).collect();
    // Ids are in the order of their creation.
    let Some((oldest, _)) = missing.first_key_value() else { return Ok(Vec::new()) };
    let after = oldest.time() - Duration::from_millis(1);
    let mut cursor: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = context.calls.api(async || context.client.jobs(after, cursor.as_deref()).await).await?;
        for job in page.jobs {
            if missing.remove(&job.job_id).is_some() {
                note(round, job.job_id, job.status(), job.error);
            }
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let is_unclear = |since: Instant| cursor.is_some() || since.elapsed() > LIST_LAG;
    Ok(missing.into_iter().filter(|(_, since)| is_unclear(*since)).map(|(job, _)| job).collect())
}

fn note(round: &mut Round, job: JobId, status: JobStatus, error: Option<ReportedFailure>) {
    match status {
        JobStatus::Pending => {}
        JobStatus::Held => round.held.push(job),
        JobStatus::Done => round.ended.push((job, Verdict::Done)),
        JobStatus::Failed => round.ended.push((job, error.map_or(Verdict::Unknown, Verdict::Failed))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn rounds_become_rarer_while_nothing_happens() {
        let (nothing, news) =
            (Round::default(), Round { held: vec![JobId::first_at(Timestamp::UNIX_EPOCH)], ended: vec![] });
        let mut interval = Interval::new();
        let waits: Vec<_> = (0..10).map(|_| interval.after(&nothing)).collect();
        assert!(waits.is_sorted() && waits[9] == LONGEST_INTERVAL, "{waits:?}");
        assert_eq!(interval.after(&news), LONGEST_INTERVAL / 2);
        assert_eq!((0..10).map(|_| interval.after(&news)).last(), Some(FIRST_INTERVAL));
    }
}
