//! An owner's account: what it may do, and what it did this month.

use std::sync::Arc;

use super::env::Env;
use crate::domain::ids::OwnerId;
use crate::domain::keys::Owner;
use crate::domain::policy::Policy;
use crate::domain::usage::{EndCounts, Month};
use crate::ports::{Keys, PortError, Usage};

/// The use case.
#[derive(Clone)]
pub struct Account {
    /// Owners.
    pub keys: Arc<dyn Keys>,
    /// Counts of their ended jobs.
    pub usage: Arc<dyn Usage>,
    /// The cap on an owner's stored bytes, if there is one.
    pub max_stored_bytes: Option<u64>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// An owner's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Credits and rate limit.
    pub owner: Owner,
    /// The present month, in UTC.
    pub month: Month,
    /// The jobs that ended in it.
    pub ended: EndCounts,
    /// The cap on the owner's stored bytes, if there is one.
    pub max_stored_bytes: Option<u64>,
    /// The job's rules.
    pub policy: Policy,
}

impl Account {
    /// The account of this owner.
    ///
    /// # Errors
    /// [`PortError`] on a fault of a store.
    pub async fn run(&self, owner: &OwnerId) -> Result<AccountView, PortError> {
        let month = Month::of(self.env.clock.now());
        let (settings, ended) = futures::try_join!(self.keys.owner(owner), self.usage.ended(owner, month))?;
        let (max_stored_bytes, policy) = (self.max_stored_bytes, self.env.policy);
        Ok(AccountView { owner: settings, month, ended, max_stored_bytes, policy })
    }
}
