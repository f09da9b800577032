//! Parameter sets: the owner's own and the built-in ones, under one roof.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::OwnerId;
use crate::domain::job::JobParamSet;
use crate::domain::params::{ParamSet, Revision, SetName, presets};
use crate::ports::{Clock, Ids};
use crate::ports::{ParamSets, PortError, Precondition, StoredSet, WriteError};

/// The use case.
#[derive(Clone)]
pub struct ParamSetLibrary {
    /// Where the owners' sets are.
    pub store: Arc<dyn ParamSets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
}

/// A parameter set with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSet {
    /// Its name.
    pub name: SetName,
    /// Names its state; a built-in set has none.
    pub revision: Option<Revision>,
    /// The set.
    pub set: ParamSet,
}

/// One line of the list of sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetListing {
    /// Its name.
    pub name: SetName,
    /// Its state and since when it is in it; a built-in set has none.
    pub stored: Option<(Revision, Timestamp)>,
}

/// Why a set was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// It is built in.
    #[error("the set is built in")]
    BuiltIn,
    /// What is stored does not meet the precondition.
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
    /// Every set that the owner can use: its own by name, then the built-in ones by name.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn list(&self, owner: &OwnerId) -> Result<Vec<SetListing>, PortError> {
        let own = self.store.list(owner).await?.into_iter();
        let own = own.map(|(name, revision, updated_at)| SetListing { name, stored: Some((revision, updated_at)) });
        let built_in = presets::all().iter().map(|(name, _)| SetListing { name: name.clone(), stored: None });
        Ok(own.chain(built_in).collect())
    }

    /// The names of [`ParamSetLibrary::list`].
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn names(&self, owner: &OwnerId) -> Result<Vec<SetName>, PortError> {
        Ok(self.list(owner).await?.into_iter().map(|line| line.name).collect())
    }

    /// The set of this name. Text that no set can be called by names none.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn get(&self, owner: &OwnerId, name: &str) -> Result<Option<ResolvedSet>, PortError> {
        let Ok(name) = name.parse::<SetName>() else { return Ok(None) };
        if let Some(set) = presets::find(name.as_str()) {
            return Ok(Some(ResolvedSet { name, revision: None, set: set.clone() }));
        }
        let stored = self.store.get(owner, &name).await?;
        Ok(stored.map(|StoredSet { revision, set, .. }| ResolvedSet { name, revision: Some(revision), set }))
    }

    /// The set of this name, as a job keeps it.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn find(&self, owner: &OwnerId, name: &str) -> Result<Option<JobParamSet>, PortError> {
        let found = self.get(owner, name).await?;
        Ok(found.map(|ResolvedSet { name, revision, set }| JobParamSet { name: Some(name), revision, set }))
    }

    /// Stores a set. Its new state, and whether there was one of that name.
    ///
    /// # Errors
    /// [`SetError`]; then nothing was changed, as far as that could be seen to.
    pub async fn put(
        &self,
        owner: &OwnerId,
        name: SetName,
        set: ParamSet,
        precondition: &Precondition,
    ) -> Result<(StoredSet, bool), SetError> {
        if presets::find(name.as_str()).is_some() {
            return Err(SetError::BuiltIn);
        }
        let stored = StoredSet { name, revision: self.ids.revision(), updated_at: self.clock.now(), set };
        match self.store.put(owner, &stored, precondition).await {
            Ok(replaced) => Ok((stored, replaced)),
            // A write whose answer was lost is sent again by the client library, and conflicts with itself.
            Err(WriteError::Conflict) if self.store.get(owner, &stored.name).await?.as_ref() == Some(&stored) => {
                let replaced = !matches!(precondition, Precondition::Absent);
                Ok((stored, replaced))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a set. Whether there was one of that name.
    ///
    /// # Errors
    /// [`SetError`]; then nothing was changed, as far as that could be seen to.
    pub async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, SetError> {
        if presets::find(name.as_str()).is_some() {
            return Err(SetError::BuiltIn);
        }
        Ok(self.store.delete(owner, name, precondition).await?)
    }
}
