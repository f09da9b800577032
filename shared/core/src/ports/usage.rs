//! Counts of an owner's ended jobs.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::ids::OwnerId;
use crate::domain::usage::{EndCounts, Month};

/// Reads how many of an owner's jobs ended, by month.
///
/// [`Jobs::replace`](super::Jobs::replace) counts a job when it stores the transition that ends it
/// ([`Effect::Count`](crate::domain::job::Effect::Count)), in the month of the end. No job counts twice. A store without
/// cheap transactions may count after the write; if the process is killed or the count fails in between, the job is not
/// counted. The store forgets a month after 13 months.
#[async_trait]
pub trait Usage: Send + Sync {
    /// The counts of a month.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn ended(&self, owner: &OwnerId, month: Month) -> Result<EndCounts, PortError>;
}
