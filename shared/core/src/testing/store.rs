//! Jobs, identities, keys, owners, counters and the audit log in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use super::due_index::DueIndex;
use super::lock::lock;
use crate::domain::audit::{AuditEntry, AuditId};
use crate::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobSummary, Transition};
use crate::domain::keys::{CreditChange, KeyHash, KeyRecord, Owner, OwnerChange};
use crate::domain::usage::{EndCounts, Month};
use crate::domain::webhook::WebhookUrl;
use crate::domain::webhook_secret::WebhookSecrets;
use crate::ports::{
    Audit, ChangeOwnerError, CreateError, Identities, JobPage, JobQuery, Jobs, Keys, OwnerWebhooks, PortError,
    RateCounters, StorageUsage, Usage, WriteError,
};

/// [`Jobs`], [`Identities`], [`Keys`], [`OwnerWebhooks`], [`RateCounters`], [`StorageUsage`], [`Usage`] and [`Audit`] in
/// memory. One store, since most of them share the owners' settings or a transition.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    jobs: HashMap<JobId, Job>,
    due: DueJobs,
    keys: HashMap<KeyHash, KeyRecord>,
    owners: HashMap<OwnerId, Owner>,
    identities: HashMap<IdentityKey, (Identity, JobId)>,
    secrets: HashMap<OwnerId, WebhookSecrets>,
    rates: HashMap<(OwnerId, Timestamp), u64>,
    ended: HashMap<(OwnerId, Month), EndCounts>,
    audit: BTreeMap<AuditId, AuditEntry>,
}

/// The indexes of jobs by what is due.
#[derive(Debug)]
struct DueJobs {
    repairs: DueIndex,
    reports: DueIndex,
    deletions: DueIndex,
}

impl Default for DueJobs {
    fn default() -> Self {
        Self {
            repairs: DueIndex::new(Job::repair_due_at),
            reports: DueIndex::new(Job::report_due_at),
            deletions: DueIndex::new(Job::deletion_due_at),
        }
    }
}

impl DueJobs {
    fn replace(&mut self, before: Option<&Job>, job: &Job) {
        for index in [&mut self.repairs, &mut self.reports, &mut self.deletions] {
            index.replace(before, job);
        }
    }
}

impl Tables {
    fn create(&mut self, job: &Job) -> Result<(), CreateError> {
        if self.jobs.contains_key(&job.id) {
            return Err(CreateError::Exists);
        }
        if job.charged {
            let credits = self.owners.get_mut(&job.owner).and_then(|owner| owner.credits.as_mut());
            match credits {
                Some(credits) if *credits > 0 => *credits -= 1,
                Some(_) | None => return Err(CreateError::InsufficientCredits),
            }
        }
        self.due.replace(None, job);
        self.jobs.insert(job.id, job.clone());
        Ok(())
    }

    fn live_identity(&self, key: &IdentityKey, now: Timestamp) -> Option<IdentifiedJob> {
        let (identity, job) = self.identities.get(key)?;
        let live = identity.expires_at > now;
        live.then_some(IdentifiedJob { job: *job, fingerprint: identity.fingerprint })
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses the webhook secrets of an owner, whose settings still say that there are some.
    pub fn lose_webhook_secrets(&self, owner: &OwnerId) {
        lock(&self.0).secrets.remove(owner);
    }

    /// Every stored job.
    pub fn all_jobs(&self) -> Vec<Job> {
        lock(&self.0).jobs.values().cloned().collect()
    }
}

#[async_trait]
impl Jobs for MemoryStore {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        lock(&self.0).create(job)
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        Ok(lock(&self.0).jobs.get(&id).cloned())
    }

    async fn replace(&self, transition: &Transition) -> Result<(), WriteError> {
        let mut tables = lock(&self.0);
        let (tables, job) = (&mut *tables, &transition.job);
        match tables.jobs.get_mut(&job.id) {
            Some(stored) if stored.version + 1 == job.version => {
                tables.due.replace(Some(stored), job);
                *stored = job.clone();
            }
            Some(_) | None => return Err(WriteError::Conflict),
        }
        if transition.refunds()
            && let Some(credits) = tables.owners.get_mut(&job.owner).and_then(|owner| owner.credits.as_mut())
        {
            *credits += 1;
        }
        if let Some((end, month)) = transition.counted() {
            *tables.ended.entry((job.owner.clone(), month)).or_default().of(end) += 1;
        }
        for entry in transition.audited() {
            tables.audit.entry(entry.id).or_insert_with(|| entry.clone());
        }
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        Ok(lock(&self.0).due.repairs.due(now, limit))
    }

    async fn reports_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        Ok(lock(&self.0).due.reports.due(now, limit))
    }

    async fn deletions_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        Ok(lock(&self.0).due.deletions.due(now, limit))
    }

    async fn list(&self, owner: &OwnerId, query: &JobQuery) -> Result<JobPage, PortError> {
        Ok(lock(&self.0).list(owner, query))
    }
}

impl Tables {
    /// The owner's settings, created if they are missing.
    fn settings(&mut self, owner: &OwnerId) -> &mut Owner {
        self.owners.entry(owner.clone()).or_insert_with(|| Owner::unlimited(owner.clone()))
    }

    fn list(&self, owner: &OwnerId, query: &JobQuery) -> JobPage {
        let is_asked_for = |job: &&Job| {
            let has_id = |id| job.spec.external_id.as_ref() == Some(id);
            job.owner == *owner
                && query.before.is_none_or(|before| job.id < before)
                && query.external_id.as_ref().is_none_or(has_id)
        };
        let mut own: Vec<_> = self.jobs.values().filter(is_asked_for).collect();
        own.sort_by_key(|job| Reverse(job.id));
        let has_more = own.len() > query.limit;
        own.truncate(query.limit);
        let next = own.last().map(|job| job.id).filter(|_| has_more);
        JobPage { jobs: own.into_iter().filter_map(JobSummary::of).collect(), next }
    }
}

#[async_trait]
impl StorageUsage for MemoryStore {
    async fn stored_bytes(&self, owner: &OwnerId) -> Result<u64, PortError> {
        let tables = lock(&self.0);
        let own = tables.jobs.values().filter(|job| job.owner == *owner);
        Ok(own.map(Job::stored_bytes).fold(0, u64::saturating_add))
    }
}

#[async_trait]
impl Usage for MemoryStore {
    async fn ended(&self, owner: &OwnerId, month: Month) -> Result<EndCounts, PortError> {
        Ok(lock(&self.0).ended.get(&(owner.clone(), month)).copied().unwrap_or_default())
    }
}

#[async_trait]
impl Audit for MemoryStore {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        lock(&self.0).audit.entry(entry.id).or_insert_with(|| entry.clone());
        Ok(())
    }

    async fn list(&self, owner: &OwnerId, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        let is_wanted = |entry: &AuditEntry| entry.owner == *owner && before.is_none_or(|before| entry.id < before);
        Ok(lock(&self.0).audited(limit, is_wanted))
    }

    async fn of_job(&self, job: JobId, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        Ok(lock(&self.0).audited(limit, |entry| entry.job == Some(job)))
    }
}

impl Tables {
    /// The newest entries of the audit log.
    fn audited(&self, limit: usize, is_wanted: impl Fn(&AuditEntry) -> bool) -> Vec<AuditEntry> {
        self.audit.values().rev().filter(|entry| is_wanted(entry)).take(limit).cloned().collect()
    }
}

#[async_trait]
impl Identities for MemoryStore {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        Ok(lock(&self.0).live_identity(key, now))
    }

    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        let mut tables = lock(&self.0);
        if tables.live_identity(&identity.key, job.created_at).is_some() {
            return Err(CreateError::Exists);
        }
        tables.create(job)?;
        tables.identities.insert(identity.key, (*identity, job.id));
        Ok(())
    }
}

#[async_trait]
impl Keys for MemoryStore {
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError> {
        lock(&self.0).keys.entry(key.hash).or_insert_with(|| key.clone());
        Ok(())
    }

    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        Ok(lock(&self.0).keys.get(hash).cloned())
    }

    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError> {
        match lock(&self.0).keys.get_mut(hash) {
            Some(key) if key.revoked_at.is_none() => {
                key.revoked_at = Some(at);
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError> {
        Ok(lock(&self.0).owners.get(id).cloned().unwrap_or_else(|| Owner::unlimited(id.clone())))
    }

    async fn change_owner(&self, id: &OwnerId, change: OwnerChange) -> Result<(), ChangeOwnerError> {
        let mut tables = lock(&self.0);
        let mut owner = tables.owners.get(id).cloned().unwrap_or_else(|| Owner::unlimited(id.clone()));
        let counted = || owner.credits.ok_or(ChangeOwnerError::Credits);
        owner.credits = match change.credits {
            None => owner.credits,
            Some(CreditChange::Unlimited) => None,
            Some(CreditChange::Set(credits)) => Some(credits),
            Some(CreditChange::Add(more)) => Some(counted()? + more),
            Some(CreditChange::Subtract(fewer)) => {
                Some(counted()?.checked_sub(fewer).ok_or(ChangeOwnerError::Credits)?)
            }
        };
        if let Some(limit) = change.requests_per_minute {
            owner.requests_per_minute = limit.limit();
        }
        if let Some(rule) = change.review {
            owner.review = rule;
        }
        tables.owners.insert(id.clone(), owner);
        Ok(())
    }

    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        let tables = lock(&self.0);
        Ok(tables.owners.contains_key(id) || tables.keys.values().any(|key| key.owner == *id))
    }
}

#[async_trait]
impl OwnerWebhooks for MemoryStore {
    async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
        Ok(lock(&self.0).secrets.get(owner).cloned().unwrap_or_default())
    }

    async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError> {
        let mut tables = lock(&self.0);
        if tables.secrets.get(owner).map_or(0, |stored| stored.version) + 1 != secrets.version {
            return Err(WriteError::Conflict);
        }
        tables.secrets.insert(owner.clone(), secrets.clone());
        tables.settings(owner).webhook_secret_at = secrets.created_at();
        Ok(())
    }

    async fn set_webhook_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<(), PortError> {
        lock(&self.0).settings(owner).webhook_url = url.cloned();
        Ok(())
    }
}

#[async_trait]
impl RateCounters for MemoryStore {
    async fn count(&self, owner: &OwnerId, window: Timestamp) -> Result<u64, PortError> {
        let mut tables = lock(&self.0);
        let count = tables.rates.entry((owner.clone(), window)).or_default();
        *count += 1;
        Ok(*count)
    }
}
