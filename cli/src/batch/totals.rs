//! What became of a run's entries, and the report at its end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use cutline_core::domain::limits::thousands;
use indicatif::{HumanBytes, HumanDuration};
use tokio::time::Instant;

/// Counts of this start.
#[derive(Debug)]
pub(super) struct Totals {
    started: Instant,
    pub(super) done: u64,
    pub(super) bytes: u64,
    /// By code.
    failed: BTreeMap<String, u64>,
    /// Done in an earlier start.
    pub(super) skipped: u64,
    /// Failed in an earlier start.
    pub(super) failed_before: u64,
    /// Waiting for a person's decision.
    pub(super) held: u64,
}

impl Totals {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            done: 0,
            bytes: 0,
            failed: BTreeMap::new(),
            skipped: 0,
            failed_before: 0,
            held: 0,
        }
    }

    pub(super) fn fail(&mut self, code: &str) {
        *self.failed.entry(code.to_owned()).or_default() += 1;
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Entries that need nothing more in this start.
    pub(super) fn settled(&self) -> u64 {
        self.done + self.failed() + self.skipped + self.failed_before + self.held
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The counts as a sentence: `28 done (512 MB), 2 failed (1 no_subject, 1 unreadable), in 3 minutes`.
    pub(super) fn sentence(&self) -> String {
        let mut text = format!("{} done", thousands(self.done));
        // Writing to a string does not fail.
        if self.bytes > 0 {
            let _ = write!(text, " ({})", HumanBytes(self.bytes));
        }
        if !self.failed.is_empty() {
            let codes: Vec<_> =
                self.failed.iter().map(|(code, count)| format!("{} {code}", thousands(*count))).collect();
            let _ = write!(text, ", {} failed ({})", thousands(self.failed()), codes.join(", "));
        }
        for (count, what) in [
            (self.skipped, "skipped (done in an earlier start)"),
            (self.failed_before, "failed in an earlier start"),
            (self.held, "held for review"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {} {what}", thousands(count));
            }
        }
        let _ = write!(text, ", in {}", HumanDuration(self.elapsed()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn counts_by_code_and_leaves_out_what_is_none() {
        let mut totals = Totals::new();
        assert_eq!(totals.sentence(), "0 done, in 0 seconds");
        (totals.done, totals.bytes, totals.skipped, totals.held) = (1_200, 5 << 20, 3, 1);
        totals.fail("no_subject");
        totals.fail("unreadable");
        totals.fail("no_subject");
        let expected = "1,200 done (5.00 MiB), 3 failed (2 no_subject, 1 unreadable), 3 skipped (done in an earlier \
                        start), 1 held for review, in 0 seconds";
        assert_eq!((totals.sentence().as_str(), totals.settled()), (expected, 1_207));
    }
}
