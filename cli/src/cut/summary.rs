//! The summary at the end of a run.

use std::fmt::Write as _;

use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::outcome::NAMES;

use super::layout::PhotoPlan;
use super::outcome::CutOutcome;

/// The outcomes of all photos.
pub(super) struct Summary<'a> {
    /// The photos that were processed.
    pub(super) photos: &'a [PhotoPlan],
    /// Their outcomes, in the same order.
    pub(super) outcomes: &'a [anyhow::Result<CutOutcome>],
    /// The number of further photos, skipped before the run.
    pub(super) skipped: usize,
}

impl Summary<'_> {
    /// Whether every photo has its results.
    pub(super) fn is_success(&self) -> bool {
        self.outcomes.iter().all(Result::is_ok)
    }

    /// The counts, then the failures with their reasons, then notes about the cut-outs.
    pub(super) fn text(&self) -> String {
        let mut text = self.counts();
        for (source, outcome) in self.by_source() {
            if let Err(reason) = outcome {
                // Writing to a string does not fail.
                let _ = writeln!(text, "  {source}: {reason:#}");
            }
        }
        let notes = self.notes();
        if !notes.is_empty() {
            let _ = write!(text, "Notes:\n{notes}");
        }
        text
    }

    fn by_source(&self) -> impl Iterator<Item = (std::path::Display<'_>, &anyhow::Result<CutOutcome>)> {
        self.photos.iter().map(|photo| photo.source.display()).zip(self.outcomes)
    }

    fn counts(&self) -> String {
        let count = |of: fn(&anyhow::Result<CutOutcome>) -> bool| self.outcomes.iter().filter(|one| of(one)).count();
        let cut_out = count(|outcome| matches!(outcome, Ok(CutOutcome::CutOut { .. })));
        let skipped = self.skipped + count(|outcome| matches!(outcome, Ok(CutOutcome::Skipped)));
        let failed = count(Result::is_err);
        let mut text = format!("{cut_out} cut out");
        if skipped > 0 {
            let _ = write!(text, ", {skipped} skipped (results exist; --force replaces them)");
        }
        if failed > 0 {
            let _ = write!(text, ", {failed} failed:");
        }
        text.push('\n');
        text
    }

    /// Doubtful cuts, where to look at them, and warnings, a line each.
    fn notes(&self) -> String {
        let mut notes = String::new();
        for (photo, outcome) in self.photos.iter().zip(self.outcomes) {
            let source = photo.source.display();
            let Ok(CutOutcome::CutOut { confidence, attention, warnings }) = outcome else { continue };
            if let Some(warning) = &photo.warning {
                let _ = writeln!(notes, "  {source}: {NAMES}: {warning}");
            }
            if confidence.is_doubtful() {
                let _ = writeln!(notes, "  {source}: check the result: its confidence is only {}", confidence.get());
                // A dropped object is a warning too.
                let places = attention.iter().filter(|place| place.reason != AttentionReason::DroppedObject);
                for Attention { message, place, .. } in places {
                    let _ = writeln!(notes, "  {source}: at {place}: {message}");
                }
            }
            for (topic, messages) in warnings {
                for message in messages {
                    let _ = writeln!(notes, "  {source}: {topic}: {message}");
                }
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::Confidence;
    use cutline_core::domain::outcome::Warnings;
    use cutline_core::domain::subject::PixelBox;

    use super::*;

    fn summarize(outcomes: Vec<anyhow::Result<CutOutcome>>, skipped: usize) -> (String, bool) {
        let photo = |at: usize| PhotoPlan {
            source: format!("{at}.jpg").into(),
            pictures: Vec::new(),
            svg: None,
            warning: (at == 2).then(|| "no match".to_owned()),
        };
        let photos: Vec<_> = (0..outcomes.len()).map(photo).collect();
        let summary = Summary { photos: &photos, outcomes: &outcomes, skipped };
        (summary.text(), summary.is_success())
    }

    fn cut_out(confidence: f32, warnings: Warnings) -> anyhow::Result<CutOutcome> {
        let place = PixelBox { left: 4, top: 5, width: 60, height: 70 };
        let message = "The networks disagree.".to_owned();
        let attention = vec![Attention { reason: AttentionReason::NetworksDisagree, message, place }];
        Ok(CutOutcome::CutOut { confidence: Confidence::nearest(confidence), attention, warnings })
    }

    #[test]
    fn counts_photos_that_need_no_note() {
        assert_eq!(summarize(vec![cut_out(1.0, Warnings::new())], 0), ("1 cut out\n".to_owned(), true));
    }

    #[test]
    fn skipped_photos_are_not_failures() {
        let expected = "0 cut out, 3 skipped (results exist; --force replaces them)\n";
        assert_eq!(summarize(vec![Ok(CutOutcome::Skipped)], 2), (expected.to_owned(), true));
    }

    #[test]
    fn lists_a_dropped_object_once() {
        let sentence = "An object of 25 % of the subject's size was dropped.";
        let place = PixelBox { left: 4, top: 5, width: 60, height: 70 };
        let dropped = Attention { reason: AttentionReason::DroppedObject, message: sentence.to_owned(), place };
        let warnings = Warnings::from([("subject".to_owned(), vec![format!("{sentence} It is at {place}.")])]);
        let outcome = CutOutcome::CutOut { confidence: Confidence::nearest(0.25), attention: vec![dropped], warnings };
        let (text, _) = summarize(vec![Ok(outcome)], 0);
        assert_eq!(text.matches(sentence).count(), 1, "{text}");
    }

    #[test]
    fn lists_failures_doubts_and_warnings_by_file() {
        let warnings = Warnings::from([("clipping".to_owned(), vec!["hair".to_owned(), "fur".to_owned()])]);
        let outcomes = vec![cut_out(0.9, warnings), Err(anyhow::anyhow!("damaged")), cut_out(0.25, Warnings::new())];
        let expected = "2 cut out, 1 failed:\n  1.jpg: damaged\nNotes:\n  \
                        0.jpg: clipping: hair\n  0.jpg: clipping: fur\n  2.jpg: names: no match\n  \
                        2.jpg: check the result: its confidence is only 0.25\n  \
                        2.jpg: at 4 5 64 75: The networks disagree.\n";
        assert_eq!(summarize(outcomes, 0), (expected.to_owned(), false));
    }
}
