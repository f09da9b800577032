//! Listing an owner's jobs.

use std::sync::Arc;

use jiff::Timestamp;

use super::env::Env;
use crate::domain::correlation::ExternalId;
use crate::domain::decision::Verdict;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{JobSummary, ListedStatus};
use crate::domain::outcome::Confidence;
use crate::domain::request::Mode;
use crate::ports::{JobQuery, Jobs, PortError};

/// The most jobs that one page looks at.
const MAX_EXAMINED: usize = 1_000;

/// How many jobs to read at once where conditions, or expired jobs, leave out an unknown share of them.
const CHUNK: usize = 250;

/// Which jobs a list shows. Every condition that is set must hold.
///
/// The times are compared with [`JobId::time`], by which a list is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Whether the job has ended.
    pub has_ended: Option<bool>,
    /// Its status.
    pub status: Option<ListedStatus>,
    /// Its mode.
    pub mode: Option<Mode>,
    /// The caller's id.
    pub external_id: Option<ExternalId>,
    /// The verdict on its pictures.
    pub decided: Option<Verdict>,
    /// Its confidence is known and below this.
    pub confidence_below: Option<Confidence>,
    /// It was created after this time.
    pub created_after: Option<Timestamp>,
    /// It was created before this time.
    pub created_before: Option<Timestamp>,
}

impl JobFilter {
    fn shows(&self, job: &JobSummary) -> bool {
        self.has_ended.is_none_or(|ended| job.status.has_ended() == ended)
            && self.status.is_none_or(|status| job.status == status)
            && self.mode.is_none_or(|mode| job.mode == mode)
            && self.external_id.as_ref().is_none_or(|id| job.external_id.as_ref() == Some(id))
            && self.decided.is_none_or(|verdict| job.decided == Some(verdict))
            && self.confidence_below.is_none_or(|below| job.confidence.is_some_and(|confidence| confidence < below))
            && self.created_after.is_none_or(|after| job.id.time() > after)
            && self.created_before.is_none_or(|before| job.id.time() < before)
    }

    /// Whether this job, and with it every job with a lower id, was created too early.
    fn ends_at(&self, id: JobId) -> bool {
        self.created_after.is_some_and(|after| id.time() <= after)
    }
}

/// Some of an owner's jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobListing {
    /// The jobs, newest first.
    pub jobs: Vec<JobSummary>,
    /// Where the next page begins: it shows jobs with lower ids than this. `None` on the last page.
    pub next: Option<JobId>,
}

/// The use case.
#[derive(Clone)]
pub struct JobList {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Time, identifiers and rules.
    pub env: Env,
}

impl JobList {
    /// Up to `limit` of the owner's jobs, newest first, from below the id `before`. Looks at 1,000 jobs at most, so a page
    /// may be short or empty although there is a next one.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn run(
        &self,
        owner: &OwnerId,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<JobListing, PortError> {
        let now = self.env.clock.now();
        let latest = filter.created_before.map(JobId::first_at);
        let mut next = before.into_iter().chain(latest).min();
        let (mut jobs, mut left) = (Vec::new(), MAX_EXAMINED);
        loop {
            // Without conditions, the first jobs are most likely the ones to show.
            let is_selective = *filter != JobFilter { external_id: filter.external_id.clone(), ..JobFilter::default() };
            let is_first = left == MAX_EXAMINED;
            let wanted = left.min(if is_first && !is_selective { limit } else { CHUNK.max(limit) });
            let query = JobQuery { before: next, external_id: filter.external_id.clone(), limit: wanted };
            let page = self.jobs.list(owner, &query).await?;
            left -= wanted;
            let count = page.jobs.len();
            for (index, job) in page.jobs.into_iter().enumerate() {
                if filter.ends_at(job.id) {
                    return Ok(JobListing { jobs, next: None });
                }
                let id = job.id;
                if !job.is_expired(now) && filter.shows(&job) {
                    jobs.push(job);
                }
                if jobs.len() == limit {
                    let has_more = index + 1 < count || page.next.is_some();
                    return Ok(JobListing { jobs, next: Some(id).filter(|_| has_more) });
                }
            }
            next = page.next;
            if next.is_none() || left == 0 {
                return Ok(JobListing { jobs, next });
            }
        }
    }
}
