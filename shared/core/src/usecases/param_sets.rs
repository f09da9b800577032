//! Parameter sets: an owner's own and the built-in ones. An owner's set takes precedence over a preset of its name.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::try_join_all;
use jiff::Timestamp;

use super::env::Env;
use crate::domain::ids::OwnerId;
use crate::domain::job::JobParamSet;
use crate::domain::limits::MAX_PARAM_SETS;
use crate::domain::params::{ParamSet, Revision, SetName, presets};
use crate::ports::{ParamSets, PortError, Precondition, PutSetError, StoredSet, WriteError};

/// Reads and stores parameter sets.
#[derive(Clone)]
pub struct ParamSetLibrary {
    /// The store of the owners' sets.
    pub store: Arc<dyn ParamSets>,
    /// Time, identifiers and rules.
    pub env: Env,
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

impl SetListing {
    fn own((name, revision, updated_at): (SetName, Revision, Timestamp)) -> Self {
        Self { name, stored: Some((revision, updated_at)) }
    }

    fn built_in(name: &SetName) -> Self {
        Self { name: name.clone(), stored: None }
    }
}

/// Where a page of the list begins: at the set of this name, or at the next one if it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetCursor {
    /// Among the owner's own sets. The built-in ones follow.
    Own(SetName),
    /// Among the built-in sets.
    BuiltIn(SetName),
}

/// A page of the list of sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPage {
    /// Its entries.
    pub sets: Vec<SetListing>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<SetCursor>,
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
    /// The set is new, and its owner has [`MAX_PARAM_SETS`].
    #[error("the owner has too many sets")]
    TooMany,
    /// The store has a fault.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<PutSetError> for SetError {
    fn from(error: PutSetError) -> Self {
        match error {
            PutSetError::Conflict => Self::Conflict,
            PutSetError::TooMany => Self::TooMany,
            PutSetError::Port(error) => Self::Unavailable(error),
        }
    }
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
    /// A page of every set that the owner can use: its own sorted by name, then the built-in ones that none of its own
    /// replaces, sorted by name. A page has `limit` entries unless it is the last. `from` is [`SetPage::next`] of the
    /// previous page; `None` starts the list.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn list(&self, owner: &OwnerId, from: Option<SetCursor>, limit: usize) -> Result<SetPage, PortError> {
        let (mut own, built_in) = match from {
            None => {
                let own = self.store.list(owner, None, limit.saturating_add(1)).await?;
                let names: HashSet<_> = own.iter().map(|(name, ..)| name.clone()).collect();
                (own, presets::all().iter().map(|(name, _)| name).filter(|name| !names.contains(*name)).collect())
            }
            Some(SetCursor::Own(name)) => {
                let own = self.store.list(owner, Some(&name), limit.saturating_add(1)).await?;
                (own, self.built_in(owner, None).await?)
            }
            Some(SetCursor::BuiltIn(name)) => (Vec::new(), self.built_in(owner, Some(&name)).await?),
        };
        if own.len() > limit {
            let next = own.drain(limit..).next().map(|(name, ..)| SetCursor::Own(name));
            return Ok(SetPage { sets: own.into_iter().map(SetListing::own).collect(), next });
        }
        let next = built_in.get(limit - own.len()).map(|name| SetCursor::BuiltIn((*name).clone()));
        let built_in = built_in.into_iter().take(limit - own.len()).map(SetListing::built_in);
        Ok(SetPage { sets: own.into_iter().map(SetListing::own).chain(built_in).collect(), next })
    }

    /// The built-in sets from this name on that none of the owner's replaces, sorted by name.
    async fn built_in(&self, owner: &OwnerId, from: Option<&SetName>) -> Result<Vec<&'static SetName>, PortError> {
        let names = presets::all().iter().map(|(name, _)| name).filter(|name| from.is_none_or(|from| *name >= from));
        let looked_up = names.map(|name| async move {
            // A list, unlike a document, is readable even if the stored set is not.
            let stored = self.store.list(owner, Some(name), 1).await?;
            let is_replaced = stored.first().is_some_and(|(stored, ..)| stored == name);
            Ok::<_, PortError>((!is_replaced).then_some(name))
        });
        Ok(try_join_all(looked_up).await?.into_iter().flatten().collect())
    }

    /// The names of every set that the owner can use, in the order of [`ParamSetLibrary::list`].
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn names(&self, owner: &OwnerId) -> Result<Vec<SetName>, PortError> {
        let (mut names, mut from) = (Vec::new(), None);
        loop {
            let page = self.list(owner, from, MAX_PARAM_SETS).await?;
            names.extend(page.sets.into_iter().map(|line| line.name));
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(names),
            }
        }
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
    /// [`SetError::Conflict`] or [`SetError::TooMany`] if nothing was changed. After [`SetError::Unavailable`] the set may have been stored.
    pub async fn put(
        &self,
        owner: &OwnerId,
        name: SetName,
        set: ParamSet,
        precondition: &Precondition,
    ) -> Result<(StoredSet, bool), SetError> {
        let stored = StoredSet { name, revision: self.env.ids.revision(), updated_at: self.env.clock.now(), set };
        match self.store.put(owner, &stored, precondition).await {
            Ok(replaced) => Ok((stored, replaced)),
            // The client library repeats a write whose answer was lost, and the repetition conflicts with the first.
            Err(PutSetError::Conflict) if self.store.get(owner, &stored.name).await?.as_ref() == Some(&stored) => {
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
