//! The environment that all use cases share.

use std::sync::Arc;

use crate::domain::policy::Policy;
use crate::ports::{Clock, Ids, Metrics, NoMetrics, SystemClock, SystemIds};

/// The time, identifiers, the job's rules, and where measurements go.
#[derive(Clone)]
pub struct Env {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// The job's rules.
    pub policy: Policy,
    /// Where measurements go.
    pub metrics: Arc<dyn Metrics>,
}

impl Env {
    /// The machine's clock and random identifiers. Measurements are discarded.
    pub fn system(policy: Policy) -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds), policy, metrics: Arc::new(NoMetrics) }
    }
}
