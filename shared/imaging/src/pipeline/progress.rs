//! The progress of a run, in percent, for the domain's [`Progress`].

use cutline_core::Mode;
use cutline_core::ports::{Progress, Stage};

/// A stage of the pipeline that has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Milestone {
    Decoded,
    MattePredicted,
    MatteRefined,
    OutlineTraced,
    ForegroundEstimated,
    BackgroundEncoded,
    ClippingEncoded,
    ComposedEncoded,
}

/// Every milestone in the order in which it is reached, and the share of its stage in the whole, in percent.
const WEIGHTS: [(Milestone, u8); 8] = [
    (Milestone::Decoded, 5),
    (Milestone::MattePredicted, 70),
    (Milestone::MatteRefined, 5),
    (Milestone::OutlineTraced, 5),
    (Milestone::ForegroundEstimated, 3),
    (Milestone::BackgroundEncoded, 4),
    (Milestone::ClippingEncoded, 3),
    (Milestone::ComposedEncoded, 5),
];

/// The percentage at [`Milestone::MatteRefined`]. In modes with a second step, that step begins here.
const SECOND_STEP: u32 = before(Milestone::OutlineTraced);

const _: () = {
    let mut sum = 0;
    let mut at = 0;
    while at < WEIGHTS.len() {
        // The table is in the order of the enum and complete, so that `before` and `weight` find every milestone.
        assert!(WEIGHTS[at].0 as usize == at);
        sum += WEIGHTS[at].1;
        at += 1;
    }
    assert!(sum == 100);
};

/// The sum of the weights before a milestone.
const fn before(milestone: Milestone) -> u32 {
    let (mut sum, mut at) = (0, 0);
    while at < milestone as usize {
        sum += WEIGHTS[at].1 as u32;
        at += 1;
    }
    sum
}

/// Reports the milestones of a run.
#[derive(Clone, Copy)]
pub(super) struct ProgressReporter<'a> {
    mode: Mode,
    progress: &'a Progress<'a>,
}

impl<'a> ProgressReporter<'a> {
    pub(super) fn new(mode: Mode, progress: &'a Progress<'a>) -> Self {
        Self { mode, progress }
    }

    /// Reports that a milestone is reached.
    pub(super) fn reached(&self, milestone: Milestone) {
        self.reached_part(milestone, (1, 1));
    }

    /// Reports that `done` of `count` parts of a stage are done.
    pub(super) fn reached_part(&self, milestone: Milestone, (done, count): (usize, usize)) {
        let weight = u32::from(WEIGHTS[milestone as usize].1);
        let share = done.min(count) as f64 / count.max(1) as f64;
        let percent = f64::from(before(milestone)) + f64::from(weight) * share;
        self.report(percent);
    }

    /// Reports that everything is done.
    pub(super) fn finished(&self) {
        self.report(100.0);
    }

    /// Translates the percentage of the whole to that of the mode's step.
    fn report(&self, percent: f64) {
        let second = f64::from(SECOND_STEP);
        let of_second_step = (percent - second) / (100.0 - second) * 100.0;
        let (stage, percent) = match self.mode {
            Mode::Clipping if percent >= second => (Stage::Clipping, of_second_step),
            Mode::Params if percent >= second => (Stage::Compose, of_second_step),
            Mode::Background | Mode::Clipping | Mode::Params => (Stage::Background, percent),
        };
        (self.progress)(stage, percent.round() as u8);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn reports(mode: Mode, composed: usize) -> Vec<(Stage, u8)> {
        let reports = Mutex::new(Vec::new());
        let progress = |stage, percent| reports.lock().expect("not poisoned").push((stage, percent));
        let reporter = ProgressReporter::new(mode, &progress);
        for (milestone, _) in WEIGHTS {
            match milestone {
                Milestone::ComposedEncoded => {
                    (1..=composed).for_each(|done| reporter.reached_part(milestone, (done, composed)));
                }
                milestone => reporter.reached(milestone),
            }
        }
        reporter.finished();
        reports.into_inner().expect("not poisoned")
    }

    #[test]
    fn a_single_step_runs_from_start_to_end() {
        let percents: Vec<u8> = reports(Mode::Background, 0).into_iter().map(|(_, percent)| percent).collect();
        assert_eq!(percents, [5, 75, 80, 85, 88, 92, 95, 100]);
    }

    #[test]
    fn a_second_step_starts_once_the_matte_is_known() {
        let expected = [
            (Stage::Background, 5),
            (Stage::Background, 75),
            (Stage::Compose, 0),
            (Stage::Compose, 25),
            (Stage::Compose, 40),
            (Stage::Compose, 60),
            (Stage::Compose, 75),
            (Stage::Compose, 88),
            (Stage::Compose, 100),
            (Stage::Compose, 100),
        ];
        assert_eq!(reports(Mode::Params, 2), expected);
    }

    #[test]
    fn progress_never_falls_or_passes_100() {
        for mode in [Mode::Background, Mode::Clipping, Mode::Params] {
            for composed in [1, 3, 7, 300] {
                let reports = reports(mode, composed);
                assert!(reports.is_sorted() && reports.iter().all(|(_, percent)| *percent <= 100), "{reports:?}");
            }
        }
    }
}
