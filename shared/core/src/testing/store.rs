//! Jobs, keys, owners and drops in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use super::lock;
use crate::domain::drops::DropId;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::Job;
use crate::domain::keys::{KeyHash, KeyRecord, Owner};
use crate::ports::{CreateError, Drops, Jobs, Keys, PortError, WriteError};

/// [`Jobs`], [`Drops`] and [`Keys`] in memory: together, since they share the owners' credits.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    jobs: HashMap<JobId, Job>,
    keys: HashMap<KeyHash, KeyRecord>,
    owners: HashMap<OwnerId, Owner>,
    drops: HashMap<DropId, JobId>,
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
        self.jobs.insert(job.id, job.clone());
        Ok(())
    }
}

impl MemoryStore {
    /// A store with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every job that is stored.
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

    async fn replace(&self, job: &Job) -> Result<(), WriteError> {
        let mut tables = lock(&self.0);
        match tables.jobs.get_mut(&job.id) {
            Some(stored) if stored.version + 1 == job.version => *stored = job.clone(),
            Some(_) | None => return Err(WriteError::Conflict),
        }
        if job.refunds()
            && let Some(credits) = tables.owners.get_mut(&job.owner).and_then(|owner| owner.credits.as_mut())
        {
            *credits += 1;
        }
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let tables = lock(&self.0);
        let mut due: Vec<_> = tables.jobs.values().filter_map(|job| Some((job.due_at()?, job.id))).collect();
        due.retain(|(at, _)| *at <= now);
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }
}

#[async_trait]
impl Drops for MemoryStore {
    async fn find(&self, id: &DropId) -> Result<Option<JobId>, PortError> {
        Ok(lock(&self.0).drops.get(id).copied())
    }

    async fn create(&self, job: &Job, id: &DropId) -> Result<(), CreateError> {
        let mut tables = lock(&self.0);
        if tables.drops.contains_key(id) {
            return Err(CreateError::Exists);
        }
        tables.create(job)?;
        tables.drops.insert(*id, job.id);
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

    async fn put_owner(&self, owner: &Owner) -> Result<(), PortError> {
        lock(&self.0).owners.insert(owner.id.clone(), owner.clone());
        Ok(())
    }

    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        let tables = lock(&self.0);
        Ok(tables.owners.contains_key(id) || tables.keys.values().any(|key| key.owner == *id))
    }
}
