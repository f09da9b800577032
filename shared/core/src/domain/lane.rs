//! Lanes: two classes of jobs that wait separately.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;

/// How urgent a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Somebody waits for the job.
    #[default]
    Live,
    /// Nobody does: dropped files and back-fills. A bulk job delays a live one by at most the picture in work.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 2] = [Self::Live, Self::Bulk];

    /// The lane's name in requests, records and queues.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bulk => "bulk",
        }
    }

    /// Whether this is the lane of a request that names none.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for Lane {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text).ok_or(InvalidChoice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_contract() {
        for lane in Lane::ALL {
            assert_eq!(lane.as_str().parse(), Ok(lane));
            assert_eq!(serde_json::to_value(lane).expect("serializes"), lane.as_str());
        }
        assert!("Live".parse::<Lane>().is_err() && "".parse::<Lane>().is_err());
        assert!(Lane::Live.is_default() && !Lane::Bulk.is_default());
    }
}
