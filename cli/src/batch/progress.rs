//! How far a run is, on standard error: a bar on a terminal, else a line now and then.

use std::time::Duration;

use cutline_core::domain::limits::thousands;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::totals::Totals;

/// The time between two lines without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// Shows progress.
pub(super) struct ProgressLine {
    bar: ProgressBar,
    total: u64,
    printed: Instant,
}

impl ProgressLine {
    /// For a run of `total` entries.
    pub(super) fn new(total: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left  {wide_msg}");
        let bar = ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, total, printed: Instant::now() }
    }

    /// Shows these counts.
    pub(super) fn show(&mut self, totals: &Totals, open: usize) {
        self.bar.set_position(totals.settled().min(self.total));
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{open} open, {} failed", thousands(totals.failed())));
        } else if self.printed.elapsed() >= LINE_INTERVAL {
            self.printed = Instant::now();
            let [settled, total, failed] = [totals.settled(), self.total, totals.failed()].map(thousands);
            eprintln!("{settled} of {total} ended, {failed} failed, {open} open");
        }
    }

    /// Prints a line above the bar.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
