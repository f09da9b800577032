//! How well estimated probabilities separate good cuts from bad ones, and agree with how many are good.

/// A probability below this says that the cut is bad.
const DOUBTFUL: f64 = 0.5;
/// The ranges of probability that are compared with the share of good cuts, all of the same width.
const BINS: usize = 10;

/// The estimated probability that a cut is good, and whether it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) probability: f64,
    pub(super) is_good: bool,
}

/// The quality of estimates. Shares are from 0 to 1.
#[derive(Debug)]
pub(super) struct Quality {
    /// The share of bad cuts.
    pub(super) bad: f64,
    /// The probability that a good cut has a higher estimate than a bad one.
    pub(super) auroc: f64,
    /// The share of the bad cuts that are called bad.
    pub(super) flagged_bad: f64,
    /// The share of the good cuts that are called bad.
    pub(super) flagged_good: f64,
    /// The mean distance of the estimates of a bin to its share of good cuts, weighted by the number of its cuts.
    pub(super) calibration_error: f64,
    /// Every bin with a cut.
    pub(super) bins: Vec<Bin>,
}

/// The cuts with an estimate in a range.
#[derive(Debug)]
pub(super) struct Bin {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) count: usize,
    /// The mean estimate.
    pub(super) confidence: f64,
    /// The share of good cuts.
    pub(super) good: f64,
}

impl Quality {
    /// `None` without a good cut or without a bad one.
    pub(super) fn of(estimates: &[Estimate]) -> Option<Self> {
        let of = |is_good: bool| -> Vec<f64> {
            estimates.iter().filter(|one| one.is_good == is_good).map(|one| one.probability).collect()
        };
        let (good, bad) = (of(true), of(false));
        if good.is_empty() || bad.is_empty() {
            return None;
        }
        let flagged = |cuts: &[f64]| cuts.iter().filter(|one| **one < DOUBTFUL).count() as f64 / cuts.len() as f64;
        let bins: Vec<Bin> = (0..BINS).filter_map(|index| Bin::of(estimates, index)).collect();
        let off = bins.iter().map(|bin| bin.count as f64 * (bin.confidence - bin.good).abs()).sum::<f64>();
        Some(Self {
            bad: bad.len() as f64 / estimates.len() as f64,
            auroc: auroc(&good, &bad),
            flagged_bad: flagged(&bad),
            flagged_good: flagged(&good),
            calibration_error: off / estimates.len() as f64,
            bins,
        })
    }
}

impl Bin {
    fn of(estimates: &[Estimate], index: usize) -> Option<Self> {
        let bin = |one: &Estimate| ((one.probability * BINS as f64) as usize).min(BINS - 1);
        let within: Vec<Estimate> = estimates.iter().filter(|one| bin(one) == index).copied().collect();
        let count = within.len();
        (count > 0).then(|| Self {
            from: index as f64 / BINS as f64,
            to: (index + 1) as f64 / BINS as f64,
            count,
            confidence: within.iter().map(|one| one.probability).sum::<f64>() / count as f64,
            good: within.iter().filter(|one| one.is_good).count() as f64 / count as f64,
        })
    }
}

/// The share of pairs of a good and a bad cut in which the good one has the higher estimate; equal ones count half.
fn auroc(good: &[f64], bad: &[f64]) -> f64 {
    let pairs = good.iter().flat_map(|good| bad.iter().map(move |bad| (good, bad)));
    let wins = pairs.map(|(good, bad)| match good.total_cmp(bad) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    });
    wins.sum::<f64>() / (good.len() * bad.len()) as f64
}
