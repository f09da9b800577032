//! Ports that fail.

use std::time::Duration;

use async_trait::async_trait;
use cutline_core::OwnerId;
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::{Job, Route, Transition};
use cutline_core::domain::keys::{KeyHash, KeyRecord, Owner, OwnerChange};
use cutline_core::domain::message::Message;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::domain::usage::{EndCounts, Month};
use cutline_core::ports::{
    ChangeOwnerError, CreateError, Destination, JobPage, JobQuery, Jobs, Keys, ParamSets, PortError, Precondition,
    PutSetError, Queue, RateCounters, StoredSet, Usage, WriteError,
};
use jiff::Timestamp;

/// Details that no caller may ever see.
pub(crate) const INTERNALS: &str = "table cutline-jobs at 10.1.2.3";

/// A store and a queue that do not respond.
pub(crate) struct Broken;

fn fault() -> PortError {
    PortError::retry(INTERNALS)
}

#[async_trait]
impl Jobs for Broken {
    async fn create(&self, _: &Job) -> Result<(), CreateError> {
        Err(fault().into())
    }

    async fn get(&self, _: JobId) -> Result<Option<Job>, PortError> {
        Err(PortError::fail(INTERNALS))
    }

    async fn replace(&self, _: &Transition) -> Result<(), WriteError> {
        Err(fault().into())
    }

    async fn due(&self, _: Timestamp, _: usize) -> Result<Vec<JobId>, PortError> {
        Err(fault())
    }

    async fn reports_due(&self, _: Timestamp, _: usize) -> Result<Vec<JobId>, PortError> {
        Err(fault())
    }

    async fn deletions_due(&self, _: Timestamp, _: usize) -> Result<Vec<JobId>, PortError> {
        Err(fault())
    }

    async fn list(&self, _: &OwnerId, _: &JobQuery) -> Result<JobPage, PortError> {
        Err(fault())
    }
}

#[async_trait]
impl Queue for Broken {
    async fn send(&self, _: &Message, _: Destination<'_>, _: Duration) -> Result<(), PortError> {
        Err(fault())
    }

    async fn send_again(&self, _: &str) -> Result<(), PortError> {
        Err(fault())
    }

    async fn oldest_age(&self, _: Route) -> Result<Option<Duration>, PortError> {
        Err(fault())
    }

    async fn length(&self, _: Route) -> Result<u64, PortError> {
        Err(fault())
    }
}

#[async_trait]
impl Keys for Broken {
    async fn insert(&self, _: &KeyRecord) -> Result<(), PortError> {
        Err(fault())
    }

    async fn find(&self, _: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        Err(fault())
    }

    async fn revoke(&self, _: &KeyHash, _: Timestamp) -> Result<bool, PortError> {
        Err(fault())
    }

    async fn owner(&self, _: &OwnerId) -> Result<Owner, PortError> {
        Err(fault())
    }

    async fn change_owner(&self, _: &OwnerId, _: OwnerChange) -> Result<(), ChangeOwnerError> {
        Err(fault().into())
    }

    async fn is_known(&self, _: &OwnerId) -> Result<bool, PortError> {
        Err(fault())
    }
}

#[async_trait]
impl RateCounters for Broken {
    async fn count(&self, _: &OwnerId, _: Timestamp) -> Result<u64, PortError> {
        Err(fault())
    }
}

#[async_trait]
impl Usage for Broken {
    async fn ended(&self, _: &OwnerId, _: Month) -> Result<EndCounts, PortError> {
        Err(fault())
    }
}

#[async_trait]
impl ParamSets for Broken {
    async fn get(&self, _: &OwnerId, _: &SetName) -> Result<Option<StoredSet>, PortError> {
        Err(fault())
    }

    async fn list(
        &self,
        _: &OwnerId,
        _: Option<&SetName>,
        _: usize,
    ) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        Err(fault())
    }

    async fn put(&self, _: &OwnerId, _: &StoredSet, _: &Precondition) -> Result<bool, PutSetError> {
        Err(fault().into())
    }

    async fn delete(&self, _: &OwnerId, _: &SetName, _: &Precondition) -> Result<bool, WriteError> {
        Err(fault().into())
    }
}

/// A key store that panics.
pub(crate) struct Panicking;

#[async_trait]
impl Keys for Panicking {
    async fn insert(&self, _: &KeyRecord) -> Result<(), PortError> {
        panic!("{INTERNALS}")
    }

    async fn find(&self, _: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        panic!("{INTERNALS}")
    }

    async fn revoke(&self, _: &KeyHash, _: Timestamp) -> Result<bool, PortError> {
        panic!("{INTERNALS}")
    }

    async fn owner(&self, _: &OwnerId) -> Result<Owner, PortError> {
        panic!("{INTERNALS}")
    }

    async fn change_owner(&self, _: &OwnerId, _: OwnerChange) -> Result<(), ChangeOwnerError> {
        panic!("{INTERNALS}")
    }

    async fn is_known(&self, _: &OwnerId) -> Result<bool, PortError> {
        panic!("{INTERNALS}")
    }
}
