//! The store of parameter sets.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{PortError, PutSetError, WriteError};
use crate::domain::ids::OwnerId;
use crate::domain::params::{ParamSet, Revision, SetName};

/// A stored parameter set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSet {
    /// Its name.
    pub name: SetName,
    /// Changes with every write.
    pub revision: Revision,
    /// When it was written.
    pub updated_at: Timestamp,
    /// The set.
    pub set: ParamSet,
}

/// The condition on the stored set under which a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// A set of any revision.
    Present,
    /// A set of one of these revisions.
    OneOf(Vec<Revision>),
}

impl Precondition {
    /// Whether the stored revision meets the precondition.
    pub fn allows(&self, stored: Option<Revision>) -> bool {
        match (self, stored) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::OneOf(revisions), Some(stored)) => revisions.contains(&stored),
            (Self::Absent, Some(_)) | (Self::Present | Self::OneOf(_), None) => false,
        }
    }
}

/// The parameter sets of owners. An owner never sees another owner's sets.
///
/// An owner stores at most [`MAX_PARAM_SETS`](crate::domain::limits::MAX_PARAM_SETS) sets. Those that were stored before
/// this limit existed remain, however many they are: they can be read, listed, replaced and deleted.
#[async_trait]
pub trait ParamSets: Send + Sync {
    /// The set of this name. Sees every acknowledged change.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store, or if the stored set cannot be read.
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError>;

    /// Up to `limit` of the owner's sets, ordered by the bytes of their names: name, revision, time of the last write.
    /// The first is the set named `from`, or the next one after that name; with `None`, the owner's first. Fewer than
    /// `limit` sets are the owner's last ones.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn list(
        &self,
        owner: &OwnerId,
        from: Option<&SetName>,
        limit: usize,
    ) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError>;

    /// Stores a set, durably, replacing any previous one of its name. Returns whether there was one.
    ///
    /// # Errors
    /// [`PutSetError::Conflict`] if the stored set does not meet the precondition; else [`PutSetError::TooMany`] if no
    /// set of this name is stored and the owner has [`MAX_PARAM_SETS`](crate::domain::limits::MAX_PARAM_SETS). Nothing
    /// was changed then. A store may exceed the limit by one set for each call that runs at the same time.
    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, PutSetError>;

    /// Deletes the set of this name, durably. Returns whether there was one.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the stored set does not meet the precondition. Nothing was changed then.
    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError>;
}
