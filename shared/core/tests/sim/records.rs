//! The records of jobs behind the network, with indexes that lag. Every change is noted in the ledger.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use cutline_core::domain::job::{Job, Transition};
use cutline_core::ports::{CreateError, Identities, JobPage, JobQuery, Jobs, PortError, WriteError};
use cutline_core::testing::MemoryStore;
use cutline_core::{JobId, OwnerId};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::ledger::Ledger;
use crate::network::{Network, Request};

/// An index: the time by which it finds a job.
type Index = fn(&Job) -> Option<Timestamp>;

/// The records.
pub(crate) struct Records {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) network: Arc<Network>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) lag: Duration,
    pub(crate) recent: Mutex<VecDeque<Recent>>,
}

/// A change that the indexes do not show yet.
pub(crate) struct Recent {
    at: Instant,
    /// The record before it, unless it created the job.
    before: Option<Job>,
    id: JobId,
}

impl Records {
    fn created(&self, job: &Job) {
        self.note(None, job.id);
        self.ledger.created(job);
    }

    fn note(&self, before: Option<Job>, id: JobId) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while recent.front().is_some_and(|change| change.at + self.lag <= now) {
            recent.pop_front();
        }
        recent.push_back(Recent { at: now, before, id });
    }

    async fn replaced(&self, transition: &Transition) -> Result<(), WriteError> {
        let before = self.store.get(transition.job.id).await?;
        self.store.replace(transition).await?;
        self.note(before, transition.job.id);
        self.ledger.changed(&transition.job);
        Ok(())
    }

    /// What an index finds: jobs with a recent change as they were before it.
    fn as_indexed(&self, found: Vec<JobId>, index: Index, now: Timestamp, limit: usize) -> Vec<JobId> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let mut seen = HashSet::new();
        let lagging = recent.iter().filter(|change| change.at + self.lag > at);
        let before: Vec<_> = lagging.filter(|change| seen.insert(change.id)).collect();
        let was_due = |change: &&&Recent| change.before.as_ref().and_then(index).is_some_and(|due| due <= now);
        let stale = before.iter().filter(was_due).map(|change| change.id);
        let known = found.into_iter().filter(|id| !seen.contains(id));
        stale.chain(known).take(limit).collect()
    }
}

#[async_trait]
impl Jobs for Records {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        let create = || async {
            Jobs::create(self.store.as_ref(), job).await?;
            self.created(job);
            Ok(())
        };
        self.network.call(Request::Record, create).await
    }
    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.network.call(Request::Record, || self.store.get(id)).await
    }
    async fn replace(&self, transition: &Transition) -> Result<(), WriteError> {
        self.network.call(Request::Record, || self.replaced(transition)).await
    }
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let found = self.network.call(Request::Record, || self.store.due(now, limit)).await?;
        Ok(self.as_indexed(found, Job::repair_due_at, now, limit))
    }
    async fn reports_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let found = self.network.call(Request::Record, || self.store.reports_due(now, limit)).await?;
        Ok(self.as_indexed(found, Job::report_due_at, now, limit))
    }
    async fn deletions_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let found = self.network.call(Request::Record, || self.store.deletions_due(now, limit)).await?;
        Ok(self.as_indexed(found, Job::deletion_due_at, now, limit))
    }
    async fn list(&self, owner: &OwnerId, query: &JobQuery) -> Result<JobPage, PortError> {
        self.network.call(Request::Record, || Jobs::list(self.store.as_ref(), owner, query)).await
    }
}

#[async_trait]
impl Identities for Records {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        self.network.call(Request::Record, || Identities::find(self.store.as_ref(), key, now)).await
    }
    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        let create = || async {
            self.store.create_job(job, identity).await?;
            self.created(job);
            Ok(())
        };
        self.network.call(Request::Record, create).await
    }
}
