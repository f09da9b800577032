//! The environment that all use cases share.

use std::sync::Arc;

use crate::domain::policy::Policy;
use crate::ports::{Clock, Ids, SystemClock, SystemIds};

/// The time, identifiers and the job's rules.
#[derive(Clone)]
pub struct Env {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// The job's rules.
    pub policy: Policy,
}

impl Env {
    /// The machine's clock and random identifiers.
    pub fn system(policy: Policy) -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds), policy }
    }
}
