//! Parameter sets in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use super::lock::lock;
use crate::domain::ids::OwnerId;
use crate::domain::limits::MAX_PARAM_SETS;
use crate::domain::params::{Revision, SetName};
use crate::ports::{ParamSets, PortError, Precondition, PutSetError, StoredSet, WriteError};

/// [`ParamSets`] in memory.
#[derive(Debug, Default)]
pub struct MemorySets(Mutex<BTreeMap<(OwnerId, SetName), StoredSet>>);

impl MemorySets {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl ParamSets for MemorySets {
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError> {
        Ok(lock(&self.0).get(&(owner.clone(), name.clone())).cloned())
    }

    async fn list(
        &self,
        owner: &OwnerId,
        from: Option<&SetName>,
        limit: usize,
    ) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        let sets = lock(&self.0);
        let listed = sets.iter().filter(|((of, name), _)| of == owner && from.is_none_or(|from| name >= from));
        let listed = listed.map(|((_, name), stored)| (name.clone(), stored.revision, stored.updated_at));
        Ok(listed.take(limit).collect())
    }

    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, PutSetError> {
        let mut sets = lock(&self.0);
        let key = (owner.clone(), set.name.clone());
        if !precondition.allows(sets.get(&key).map(|stored| stored.revision)) {
            return Err(PutSetError::Conflict);
        }
        if !sets.contains_key(&key) && sets.keys().filter(|(of, _)| of == owner).count() >= MAX_PARAM_SETS {
            return Err(PutSetError::TooMany);
        }
        Ok(sets.insert(key, set.clone()).is_some())
    }

    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError> {
        let mut sets = lock(&self.0);
        let key = (owner.clone(), name.clone());
        if !precondition.allows(sets.get(&key).map(|stored| stored.revision)) {
            return Err(WriteError::Conflict);
        }
        Ok(sets.remove(&key).is_some())
    }
}
