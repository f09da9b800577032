//! `--dry-run`: what a run would send, and what it would take on AWS.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use cutline_core::domain::backfill::{Backfill, CONCURRENCY, time_per_picture};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::limits::thousands;
use indicatif::HumanBytes;

use super::survey::Survey;

/// The memory of the process function, in MB: the template's default.
const MEMORY_MB: u32 = 3_008;

/// The concurrency of the live lane, by the template's default of `ProcessConcurrency`.
const LIVE_CONCURRENCY: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Further values that are shown for the bulk lane.
const SHOWN: [NonZeroU32; 5] = [
    CONCURRENCY[0],
    NonZeroU32::new(5).unwrap(),
    NonZeroU32::new(20).unwrap(),
    NonZeroU32::new(50).unwrap(),
    NonZeroU32::new(100).unwrap(),
];

/// The assumptions of an estimate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assumptions {
    /// The pictures that the bulk lane makes at the same time.
    pub(super) concurrency: NonZeroU32,
    /// The size of a picture, in millions of pixels.
    pub(super) megapixels: f64,
}

/// The report.
///
/// # Errors
/// If the run would take longer than a back-fill may.
pub(super) fn report(survey: Survey, assumptions: Assumptions) -> anyhow::Result<String> {
    let Assumptions { concurrency, megapixels } = assumptions;
    let backfill = Backfill { pictures: survey.count, per_picture: time_per_picture(megapixels) };
    let mut text = format!("{} pictures, {}", thousands(survey.count), HumanBytes(survey.bytes));
    // Writing to a string does not fail.
    if survey.unsized_count > 0 {
        let _ = write!(text, " and {} of unknown size", thousands(survey.unsized_count));
    }
    let _ = write!(
        text,
        "\n\nOn AWS, with {megapixels} megapixels a picture, {MEMORY_MB} MB and list prices:\n\n  \
         {:<6} {:>11} {:>14} {:>12}\n",
        "lane", "concurrency", "time", "US dollars"
    );
    let mut bulk: Vec<_> = SHOWN.into_iter().chain([concurrency]).collect();
    bulk.sort_unstable();
    bulk.dedup();
    let lanes = bulk.into_iter().map(|concurrency| (Lane::Bulk, concurrency)).chain([(Lane::Live, LIVE_CONCURRENCY)]);
    for (lane, at_once) in lanes {
        let estimate = backfill.estimate(at_once, MEMORY_MB);
        let mark = if lane == Lane::Bulk && at_once == concurrency { "  this run" } else { "" };
        let (time, usd) = (shown(estimate.time), estimate.usd);
        let _ = writeln!(text, "  {:<6} {at_once:>11} {time:>14} {usd:>12.2}{mark}", lane.as_str());
    }
    backfill.check(concurrency).map_err(|refused| anyhow::anyhow!("{refused}\n\n{text}"))?;
    Ok(text)
}

fn shown(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match minutes {
        0..=120 => format!("{minutes} min"),
        121..=2_880 => format!("{:.1} h", minutes as f64 / 60.0),
        _ => format!("{:.1} days", minutes as f64 / 1_440.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assumptions(concurrency: u32) -> Assumptions {
        Assumptions { concurrency: NonZeroU32::new(concurrency).expect("not zero"), megapixels: 12.0 }
    }

    #[test]
    fn reports_count_size_time_and_cost() {
        let survey = Survey { count: 400_000, bytes: 1 << 40, unsized_count: 7 };
        let text = report(survey, assumptions(20)).expect("fits");
        assert!(text.starts_with("400,000 pictures, 1.00 TiB and 7 of unknown size\n"), "{text}");
        for line in [
            "  bulk             2      11.6 days       125.92\n",
            "  bulk            20         27.8 h       125.92  this run\n",
            "  live             5       4.6 days       125.92\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn refuses_what_takes_too_long_with_the_concurrency_that_it_needs() {
        let survey = Survey { count: 400_000, ..Survey::default() };
        let error = report(survey, assumptions(2)).expect_err("is refused").to_string();
        assert!(error.contains("deploy with BulkConcurrency 3 or more\n\n400,000 pictures"), "{error}");
        assert!(report(survey, assumptions(3)).is_ok());
    }
}
