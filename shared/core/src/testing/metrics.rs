//! Metrics that keep every measurement.

use std::sync::Mutex;

use super::lock::lock;
use crate::domain::metrics::{Measurement, Metric};
use crate::ports::Metrics;

/// [`Metrics`] in memory.
#[derive(Debug, Default)]
pub struct MemoryMetrics(Mutex<Vec<Measurement>>);

impl MemoryMetrics {
    /// The measurements of a metric, in their order.
    pub fn of(&self, metric: Metric) -> Vec<Measurement> {
        lock(&self.0).iter().filter(|one| one.metric() == metric).copied().collect()
    }
}

impl Metrics for MemoryMetrics {
    fn record(&self, measurement: &Measurement) {
        lock(&self.0).push(*measurement);
    }
}
