//! The store of parameter sets.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PortError, WriteError};
use crate::domain::ids::OwnerId;
use crate::domain::params::{ParamSet, Revision, SetName};

/// A parameter set as its owner stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSet {
    /// What its owner calls it.
    pub name: SetName,
    /// Names this state of it.
    pub revision: Revision,
    /// Since when it is in this state.
    pub updated_at: Timestamp,
    /// The set.
    pub set: ParamSet,
}

/// What has to be stored under a name for a change to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// A set, in whatever state.
    Present,
    /// A set in one of these states.
    OneOf(Vec<Revision>),
}

impl Precondition {
    /// Whether what is stored meets it.
    pub fn allows(&self, stored: Option<Revision>) -> bool {
        match (self, stored) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::OneOf(revisions), Some(stored)) => revisions.contains(&stored),
            (Self::Absent, Some(_)) | (Self::Present | Self::OneOf(_), None) => false,
        }
    }
}

/// The parameter sets of owners. An owner never sees another's.
#[async_trait]
pub trait ParamSets: Send + Sync {
    /// The set of this name, as it is after every change that was acknowledged.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store, also if what is stored is no set that is read.
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError>;

    /// Every name that the owner has a set under, in the order of their bytes, with its state.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn list(&self, owner: &OwnerId) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError>;

    /// Stores a set, durably, in place of what was there under its name. Whether there was one.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if what is stored does not meet the precondition. Nothing was changed then.
    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, WriteError>;

    /// Deletes the set of this name, durably. Whether there was one.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if what is stored does not meet the precondition. Nothing was changed then.
    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError>;
}
