//! The outcome of a photo that did not fail.

use cutline_core::Confidence;
use cutline_core::domain::attention::Attention;
use cutline_core::domain::outcome::Warnings;
use cutline_core::ports::PipelineOutput;

/// The outcome of a photo that did not fail.
#[derive(Debug)]
pub(super) enum CutOutcome {
    /// The photo was cut out.
    CutOut {
        /// How sure the cut is.
        confidence: Confidence,
        /// Where a person should look, worst first.
        attention: Vec<Attention>,
        /// The warnings about it, by topic.
        warnings: Warnings,
    },
    /// The photo already had its results.
    Skipped,
}

impl CutOutcome {
    /// The outcome of a photo whose pictures were written.
    pub(super) fn of(output: PipelineOutput) -> Self {
        let PipelineOutput { confidence, attention, warnings, .. } = output;
        Self::CutOut { confidence, attention, warnings }
    }
}
