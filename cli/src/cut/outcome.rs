//! The outcome of a photo that did not fail.

use cutline_core::Confidence;
use cutline_core::domain::outcome::Warnings;

/// The outcome of a photo that did not fail.
#[derive(Debug)]
pub(super) enum CutOutcome {
    /// The photo was cut out.
    CutOut {
        /// How sure the cut is.
        confidence: Confidence,
        /// The warnings about it, by topic.
        warnings: Warnings,
    },
    /// The photo already had its results.
    Skipped,
}
