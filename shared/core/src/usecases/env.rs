//! The environment that all use cases share.

use std::sync::Arc;

use crate::domain::kind::ImageKind;
use crate::domain::policy::Policy;
use crate::ports::{Clock, Ids, Metrics, NoMetrics, SystemClock, SystemIds};

/// The time, identifiers, the job's rules, where measurements go, and what is known about the program that makes pictures.
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
    /// The kinds of picture that cannot be decoded here, so no job is made from them. Empty where another program makes the
    /// pictures: it alone knows its decoders, and fails such a job.
    pub undecodable: &'static [ImageKind],
}

impl Env {
    /// The machine's clock and random identifiers. Measurements are discarded, and no kind of picture is refused.
    pub fn system(policy: Policy) -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            policy,
            metrics: Arc::new(NoMetrics),
            undecodable: &[],
        }
    }

    /// The kind of a file that begins like this, if it cannot be decoded here.
    pub(super) fn undecodable_kind(&self, start: &[u8]) -> Option<ImageKind> {
        ImageKind::sniff(start).filter(|kind| self.undecodable.contains(kind))
    }
}
