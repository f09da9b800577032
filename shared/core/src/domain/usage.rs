//! What an owner's jobs came to, month by month. Records of jobs expire; these counts stay.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// How long the counts of a month are kept after it, in days: 13 months.
pub const USAGE_DAYS: i64 = 400;

/// How a job ended for its owner. Each accepted job ends once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobEnd {
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// Its owner deleted it before it ended.
    Cancelled,
}

impl JobEnd {
    /// Every end, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Cancelled];

    /// The name in stores and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of a time.
    pub fn of(time: Timestamp) -> Self {
        let date = time.to_zoned(TimeZone::UTC).date();
        Self { year: date.year(), month: date.month() }
    }
}

/// As in stores and answers: `2026-11`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// How many of an owner's jobs ended in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EndCounts {
    /// Done.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Deleted before they ended.
    pub cancelled: u64,
}

impl EndCounts {
    /// The count of one end.
    pub fn of(&mut self, end: JobEnd) -> &mut u64 {
        match end {
            JobEnd::Done => &mut self.done,
            JobEnd::Failed => &mut self.failed,
            JobEnd::Cancelled => &mut self.cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_that_of_utc() {
        let month = |time: &str| Month::of(time.parse().expect("a time")).to_string();
        assert_eq!(month("2026-11-30T23:59:59.999Z"), "2026-11");
        assert_eq!(month("2026-12-01T00:00:00+01:00"), "2026-11");
        assert_eq!(month("2027-01-01T00:00:00Z"), "2027-01");
    }

    #[test]
    fn ends_have_the_names_of_the_counts() {
        for end in JobEnd::ALL {
            let mut counts = EndCounts::default();
            *counts.of(end) += 1;
            let value = serde_json::to_value(counts).expect("serializes");
            let of = |other: &JobEnd| value[other.as_str()].as_u64();
            assert!(JobEnd::ALL.iter().all(|other| of(other) == Some(u64::from(*other == end))), "{value}");
        }
    }
}
