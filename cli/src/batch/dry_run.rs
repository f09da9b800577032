//! `--dry-run`: what a run would send, and what it would take on AWS.
//!
//! A run takes as long as the slower of two: the lane with its concurrency, and this command with its rate of requests
//! and its number of open jobs.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use cutline_core::domain::backfill::{Backfill, CONCURRENCY, MAX_TIME, time_per_picture};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::limits::thousands;
use indicatif::HumanBytes;

use super::calls::MAX_RATE;
use super::survey::Survey;

/// The memory of the process function, in MB: the template's default.
const MEMORY_MB: u32 = 3_008;

/// The concurrency of the live lane, by the template's default of `ProcessConcurrency`.
const LIVE_CONCURRENCY: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// The requests a second that a deployment accepts, by the template's default of `ApiRateLimit`.
const API_RATE: f64 = 100.0;

/// The most requests a second that go to the list of open jobs. Times leave them out.
const LIST_RATE: f64 = 1.0;

/// How many jobs are open for each picture that is made. The others are taken in, wait, or are collected.
const OPEN_PER_PICTURE: NonZeroU32 = NonZeroU32::new(2).unwrap();

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
    /// The most requests a second.
    pub(super) rate: f64,
    /// The most jobs that are open at the same time.
    pub(super) open: NonZeroU32,
    /// Whether results are saved, which takes a request for each job.
    pub(super) is_saving: bool,
}

/// The report.
///
/// # Errors
/// If the run would take longer than a back-fill may.
pub(super) fn report(survey: Survey, assumptions: Assumptions) -> anyhow::Result<String> {
    let Assumptions { concurrency, megapixels, rate, open, is_saving } = assumptions;
    let backfill = Backfill { pictures: survey.count, per_picture: time_per_picture(megapixels) };
    let requests = survey.requests + if is_saving { survey.count } else { 0 };
    let plan = Plan { backfill, requests, rate, open };
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
        let usd = backfill.estimate(at_once, MEMORY_MB).usd;
        let (time, limit) = plan.time(at_once);
        let (time, lane_name) = (shown(time), lane.as_str());
        let limit = limit.map(|option| format!("  limited by {option}")).unwrap_or_default();
        let mark = if lane == Lane::Bulk && at_once == concurrency { "  this run" } else { "" };
        let _ = writeln!(text, "  {lane_name:<6} {at_once:>11} {time:>14} {usd:>12.2}{limit}{mark}");
    }
    if let Some(advice) = plan.advice(concurrency) {
        let _ = write!(text, "\n{advice}\n");
    }
    plan.check(concurrency).map_err(|refused| anyhow::anyhow!("{refused}\n\n{text}"))?;
    Ok(text)
}

/// A run, and what limits this command.
#[derive(Debug, Clone, Copy)]
struct Plan {
    backfill: Backfill,
    requests: u64,
    /// Requests a second.
    rate: f64,
    /// Open jobs.
    open: NonZeroU32,
}

impl Plan {
    /// How long the run takes with this concurrency, and the option that limits it, unless that is the lane.
    fn time(&self, concurrency: NonZeroU32) -> (Duration, Option<&'static str>) {
        let at_once = self.at_once(concurrency);
        let (making, sending) = (self.making(at_once.min(self.open)), self.sending());
        if sending > making { (sending, Some("--rate")) } else { (making, (self.open < at_once).then_some("--open")) }
    }

    /// The pictures that a lane with this concurrency can make at the same time.
    fn at_once(&self, concurrency: NonZeroU32) -> NonZeroU32 {
        let pictures = u32::try_from(self.backfill.pictures).unwrap_or(u32::MAX);
        NonZeroU32::new(pictures).map_or(concurrency, |pictures| concurrency.min(pictures))
    }

    /// How long the pictures take, with this many at the same time.
    fn making(&self, at_once: NonZeroU32) -> Duration {
        self.backfill.estimate(at_once, MEMORY_MB).time
    }

    /// How long the requests take.
    fn sending(&self) -> Duration {
        Duration::try_from_secs_f64(self.requests as f64 / self.rate).unwrap_or(Duration::MAX)
    }

    /// The rate at which the requests take no longer than `time`.
    fn rate_within(&self, time: Duration) -> f64 {
        (self.requests as f64 / time.as_secs_f64() + LIST_RATE).ceil().min(MAX_RATE)
    }

    /// What to give so that this command does not limit the run.
    fn advice(&self, concurrency: NonZeroU32) -> Option<String> {
        let at_once = self.at_once(concurrency);
        let making = self.making(at_once);
        let mut raised = *self;
        if self.sending() > making {
            raised.rate = self.rate_within(making);
        }
        if self.open < at_once {
            raised.open = at_once.saturating_mul(OPEN_PER_PICTURE);
        }
        let options = raised.options_above(self)?;
        let (time, limit) = raised.time(concurrency);
        // The highest rate may be too low.
        let busy =
            if limit.is_none() { format!(" keeps BulkConcurrency {concurrency} busy and") } else { String::new() };
        let mut advice = format!("With {options}, this run{busy} takes {}.", shown(time));
        if raised.rate > API_RATE {
            let _ = write!(advice, " The deployment needs an ApiRateLimit of {} or more.", raised.rate);
        }
        Some(advice)
    }

    /// Checks that the run ends within the time of a back-fill.
    ///
    /// # Errors
    /// The fault, and what to change.
    fn check(&self, concurrency: NonZeroU32) -> Result<(), String> {
        let lane = self.backfill.check(concurrency);
        let (time, _) = self.time(concurrency);
        if lane.is_ok() && time <= MAX_TIME {
            return Ok(());
        }
        let mut raised = *self;
        if self.sending() > MAX_TIME {
            raised.rate = self.rate_within(MAX_TIME);
        }
        if self.making(self.open) > MAX_TIME {
            raised.open = self.backfill.concurrency_needed().unwrap_or(self.open);
        }
        let options = raised.options_above(self);
        Err(match (lane, options) {
            (Err(refused), None) => refused.to_string(),
            (Err(refused), Some(options)) => format!("{refused}; give {options}"),
            (Ok(()), options) => {
                let remedy = options.map_or("split the run".to_owned(), |options| format!("give {options}"));
                let (time, most) = (days(time), days(MAX_TIME));
                format!("the run takes too long: about {time:.1} of at most {most:.0} days; {remedy}")
            }
        })
    }

    /// The options that are higher than those of `other`; `None` if none is.
    fn options_above(&self, other: &Self) -> Option<String> {
        let rate = (self.rate > other.rate).then(|| format!("--rate {}", self.rate));
        let open = (self.open > other.open).then(|| format!("--open {}", self.open));
        let options: Vec<_> = rate.into_iter().chain(open).collect();
        (!options.is_empty()).then(|| options.join(" and "))
    }
}

/// A time in days with one digit, rounded up: a time just above the limit must not read like the limit.
fn days(time: Duration) -> f64 {
    (time.as_secs_f64() / 86_400.0 * 10.0).ceil() / 10.0
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

    /// Many files, whose results are saved.
    const FILES: Survey = Survey { count: 400_000, bytes: 1 << 40, unsized_count: 7, requests: 800_000 };

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("not zero")
    }

    fn assumptions(concurrency: u32) -> Assumptions {
        let (concurrency, open) = (number(concurrency), number(200));
        Assumptions { concurrency, megapixels: 12.0, rate: 20.0, open, is_saving: true }
    }

    #[test]
    fn reports_count_size_time_and_cost() {
        let text = report(FILES, assumptions(20)).expect("fits");
        assert!(text.starts_with("400,000 pictures, 1.00 TiB and 7 of unknown size\n"), "{text}");
        for line in [
            "  bulk             2      11.6 days       125.92\n",
            "  bulk            20         27.8 h       125.92  this run\n",
            "  bulk            50         16.7 h       125.92  limited by --rate\n",
            "  live             5       4.6 days       125.92\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.ends_with("  125.92\n"), "no advice: {text}");
    }

    #[test]
    fn names_the_options_that_keep_the_lane_busy() {
        let keeps = |concurrency, options: &str, time: &str| {
            format!("With {options}, this run keeps BulkConcurrency {concurrency} busy and takes {time}.")
        };
        let limit = "The deployment needs an ApiRateLimit of";
        for (assumptions, row, advice) in [
            // Three requests a picture, and one for the list.
            (assumptions(100), "16.7 h       125.92  limited by --rate", keeps(100, "--rate 61", "5.6 h")),
            (
                Assumptions { rate: 1_000.0, ..assumptions(500) },
                "2.8 h       125.92  limited by --open",
                format!("{} {limit} 1000 or more.", keeps(500, "--open 1000", "67 min")),
            ),
            (
                assumptions(500),
                "16.7 h       125.92  limited by --rate",
                format!("{} {limit} 301 or more.", keeps(500, "--rate 301 and --open 1000", "67 min")),
            ),
            // The lane could make more than the highest rate sends.
            (
                Assumptions { megapixels: 2.0, ..assumptions(1_000) },
                "16.7 h        76.96  limited by --rate",
                format!("With --rate 1000 and --open 2000, this run takes 20 min. {limit} 1000 or more."),
            ),
        ] {
            let text = report(FILES, assumptions).expect("fits");
            let this_run = text.lines().find(|line| line.ends_with("  this run")).expect("a line");
            assert!(this_run.contains(row), "{text}");
            assert!(text.ends_with(&format!("\n\n{advice}\n")), "{advice}: {text}");
        }
        // URLs whose results stay where they are take a request each, and ten pictures keep ten functions busy.
        let urls = Survey { requests: 400_000, ..FILES };
        let few = Survey { count: 10, requests: 20, ..FILES };
        for (survey, is_saving) in [(urls, false), (few, true)] {
            let text = report(survey, Assumptions { is_saving, ..assumptions(100) }).expect("fits");
            assert!(!text.contains("With "), "{text}");
        }
    }

    #[test]
    fn refuses_what_takes_too_long_with_all_that_it_needs() {
        let refusal = |assumptions| {
            let error = report(FILES, assumptions).expect_err("is refused").to_string();
            error.split_once("\n\n400,000 pictures").expect("the report").0.to_owned()
        };
        let slow = assumptions(2);
        let lane = "the back-fill takes too long: about 11.6 of at most 10 days with BulkConcurrency 2; deploy with \
                    BulkConcurrency 3 or more";
        assert_eq!(refusal(slow), lane);
        assert!(report(FILES, assumptions(3)).is_ok());
        let slow = Assumptions { rate: 1.0, ..slow };
        assert_eq!(refusal(slow), format!("{lane}; give --rate 3"));
        assert_eq!(refusal(Assumptions { open: number(1), ..slow }), format!("{lane}; give --rate 3 and --open 3"));
        let client = Assumptions { rate: 1.0, ..assumptions(20) };
        assert_eq!(refusal(client), "the run takes too long: about 13.9 of at most 10 days; give --rate 3");
        assert!(report(FILES, Assumptions { rate: 3.0, ..client }).is_ok());
        let client = Assumptions { open: number(1), ..assumptions(20) };
        assert_eq!(refusal(client), "the run takes too long: about 23.2 of at most 10 days; give --open 3");
        assert!(report(FILES, Assumptions { open: number(3), ..client }).is_ok());
    }
}
