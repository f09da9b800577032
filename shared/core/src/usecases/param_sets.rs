//! Parameter sets: an owner's own and the built-in ones. An owner's set takes precedence over a preset of its name.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::OwnerId;
use crate::domain::job::JobParamSet;
use crate::domain::params::{ParamSet, Revision, SetName, presets};
use crate::ports::{Clock, Ids};
use crate::ports::{ParamSets, PortError, Precondition, StoredSet, WriteError};

/// Reads and stores parameter sets.
#[derive(Clone)]
pub struct ParamSetLibrary {
    /// The store of the owners' sets.
    pub store: Arc<dyn ParamSets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
}

/// A parameter set that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSet {
    /// Its name.
    pub name: SetName,
    /// Its stored state; `None` for a built-in set.
    pub revision: Option<Revision>,
    /// The set.
    pub set: ParamSet,
}

/// One entry of the list of sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetListing {
    /// Its name.
    pub name: SetName,
    /// Its stored state and when that was stored; `None` for a built-in set.
    pub stored: Option<(Revision, Timestamp)>,
}

/// Why a set was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The set is built in, and built-in sets are read-only.
    #[error("the set is built in")]
    BuiltIn,
    /// The stored set does not meet the precondition.
    #[error("the set was changed in between")]
    Conflict,
    /// The store has a fault.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<WriteError> for SetError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::Conflict,
            WriteError::Port(error) => Self::Unavailable(error),
        }
    }
}

impl ParamSetLibrary {
    /// Every set that the owner can use: its own sorted by name, then the built-in ones that none of its own replaces.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn list(&self, owner: &OwnerId) -> Result<Vec<SetListing>, PortError> {
        let own = self.store.list(owner).await?;
        let replaced = |name: &SetName| own.iter().any(|(own, ..)| own == name);
        let built_in: Vec<_> = presets::all()
            .iter()
            .filter(|(name, _)| !replaced(name))
            .map(|(name, _)| SetListing { name: name.clone(), stored: None })
            .collect();
        let own = own.into_iter();
        let own = own.map(|(name, revision, updated_at)| SetListing { name, stored: Some((revision, updated_at)) });
        Ok(own.chain(built_in).collect())
    }

    /// The names of [`ParamSetLibrary::list`].
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn names(&self, owner: &OwnerId) -> Result<Vec<SetName>, PortError> {
        Ok(self.list(owner).await?.into_iter().map(|line| line.name).collect())
    }

    /// The set of this name: the owner's, else the built-in one. `None` also if the text is not a valid name.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn get(&self, owner: &OwnerId, name: &str) -> Result<Option<ResolvedSet>, PortError> {
        let Ok(name) = name.parse::<SetName>() else { return Ok(None) };
        if let Some(StoredSet { revision, set, .. }) = self.store.get(owner, &name).await? {
            return Ok(Some(ResolvedSet { name, revision: Some(revision), set }));
        }
        let preset = presets::find(name.as_str());
        Ok(preset.map(|set| ResolvedSet { name, revision: None, set: set.clone() }))
    }

    /// The set of this name, as a job stores it.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn find(&self, owner: &OwnerId, name: &str) -> Result<Option<JobParamSet>, PortError> {
        let found = self.get(owner, name).await?;
        Ok(found.map(|ResolvedSet { name, revision, set }| JobParamSet { name: Some(name), revision, set }))
    }

    /// Stores a set. Returns its new state, and whether the owner had one of that name. The precondition is about the
    /// owner's sets alone; a built-in set of the name does not count.
    ///
    /// # Errors
    /// [`SetError::Conflict`] if nothing was changed. After [`SetError::Unavailable`] the set may have been stored.
    pub async fn put(
        &self,
        owner: &OwnerId,
        name: SetName,
        set: ParamSet,
        precondition: &Precondition,
    ) -> Result<(StoredSet, bool), SetError> {
        let stored = StoredSet { name, revision: self.ids.revision(), updated_at: self.clock.now(), set };
        match self.store.put(owner, &stored, precondition).await {
            Ok(replaced) => Ok((stored, replaced)),
            // The client library repeats a write whose answer was lost, and the repetition conflicts with the first.
            Err(WriteError::Conflict) if self.store.get(owner, &stored.name).await?.as_ref() == Some(&stored) => {
                let replaced = !matches!(precondition, Precondition::Absent);
                Ok((stored, replaced))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes an owner's set. Returns whether the owner had one of that name. A built-in set of the name applies
    /// again afterwards.
    ///
    /// # Errors
    /// [`SetError::BuiltIn`] if the name is only that of a built-in set; [`SetError::Conflict`] if the precondition does
    /// not hold. Nothing was changed then. After [`SetError::Unavailable`] the set may have been deleted.
    pub async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, SetError> {
        let is_preset = presets::find(name.as_str()).is_some();
        if is_preset && self.store.get(owner, name).await?.is_none() {
            return Err(SetError::BuiltIn);
        }
        Ok(self.store.delete(owner, name, precondition).await?)
    }
}
