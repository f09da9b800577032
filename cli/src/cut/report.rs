//! What became of the pictures, in words.

use std::fmt::Write as _;

use cutline_core::Confidence;
use cutline_core::domain::outcome::Warnings;

use super::plan::Item;

/// What became of a picture that did not fail.
#[derive(Debug)]
pub(super) enum Done {
    /// It was cut out.
    CutOut {
        /// How sure the cut is.
        confidence: Confidence,
        /// What there is to say about it.
        warnings: Warnings,
    },
    /// Its result was there before.
    AlreadyThere,
}

/// What became of all of them.
pub(super) struct Report<'a> {
    /// The pictures that were worked on.
    pub(super) items: &'a [Item],
    /// What became of each of them.
    pub(super) results: &'a [anyhow::Result<Done>],
    /// How many more had their result before.
    pub(super) there: usize,
}

impl Report<'_> {
    /// Whether every picture has its result.
    pub(super) fn is_whole(&self) -> bool {
        self.results.iter().all(Result::is_ok)
    }

    /// The counts, what failed and why, and then what there is to say about each of the others.
    pub(super) fn text(&self) -> String {
        let count = |of: fn(&anyhow::Result<Done>) -> bool| self.results.iter().filter(|result| of(result)).count();
        let cut_out = count(|result| matches!(result, Ok(Done::CutOut { .. })));
        let there = self.there + count(|result| matches!(result, Ok(Done::AlreadyThere)));
        let failed = count(Result::is_err);

        let mut text = format!("{cut_out} cut out");
        // Writing to a string does not fail.
        if there > 0 {
            let _ = write!(text, ", {there} already there (--force makes them anew)");
        }
        if failed > 0 {
            let _ = write!(text, ", {failed} not:");
        }
        text.push('\n');
        let pictures = || self.items.iter().map(|item| item.source.display()).zip(self.results);
        for (source, result) in pictures() {
            if let Err(reason) = result {
                let _ = writeln!(text, "  {source}: {reason:#}");
            }
        }
        let mut said = String::new();
        for (source, result) in pictures() {
            let Ok(Done::CutOut { confidence, warnings }) = result else { continue };
            if confidence.is_doubtful() {
                let _ = writeln!(said, "  {source}: look at it; the confidence is {}", confidence.get());
            }
            for (about, sentences) in warnings {
                for sentence in sentences {
                    let _ = writeln!(said, "  {source}: {about}: {sentence}");
                }
            }
        }
        if !said.is_empty() {
            let _ = write!(text, "to know about what was cut out:\n{said}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(results: Vec<anyhow::Result<Done>>, there: usize) -> (String, bool) {
        let item = |at: usize| Item { source: format!("{at}.jpg").into(), targets: Vec::new(), path: None };
        let items: Vec<_> = (0..results.len()).map(item).collect();
        let report = Report { items: &items, results: &results, there };
        (report.text(), report.is_whole())
    }

    fn cut_out(confidence: f32, warnings: Warnings) -> anyhow::Result<Done> {
        Ok(Done::CutOut { confidence: Confidence::nearest(confidence), warnings })
    }

    #[test]
    fn what_went_well_is_a_count() {
        assert_eq!(text(vec![cut_out(1.0, Warnings::new())], 0), ("1 cut out\n".to_owned(), true));
    }

    #[test]
    fn what_was_there_before_is_no_failure() {
        let expected = "0 cut out, 3 already there (--force makes them anew)\n";
        assert_eq!(text(vec![Ok(Done::AlreadyThere)], 2), (expected.to_owned(), true));
    }

    #[test]
    fn failures_doubts_and_warnings_are_told_by_file() {
        let warnings = Warnings::from([("clipping".to_owned(), vec!["hair".to_owned(), "fur".to_owned()])]);
        let results = vec![cut_out(0.9, warnings), Err(anyhow::anyhow!("damaged")), cut_out(0.25, Warnings::new())];
        let expected = "2 cut out, 1 not:\n  1.jpg: damaged\nto know about what was cut out:\n  \
                        0.jpg: clipping: hair\n  0.jpg: clipping: fur\n  \
                        2.jpg: look at it; the confidence is 0.25\n";
        assert_eq!(text(results, 0), (expected.to_owned(), false));
    }
}
