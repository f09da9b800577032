//! Where measurements go.

use crate::domain::metrics::Measurement;

/// Takes measurements. Returns at once and cannot fail: no job waits for its metrics, or fails with them. Called from any
/// thread.
///
/// A measurement is taken after the change that it measures was stored. A process that is killed in between loses the
/// measurement, so counts are at most once.
pub trait Metrics: Send + Sync {
    /// Takes a measurement.
    fn record(&self, measurement: &Measurement);
}

/// Discards all measurements.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn record(&self, _: &Measurement) {}
}
