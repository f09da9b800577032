//! Decisions about jobs that are held for review.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::Actor;
use super::choice::InvalidChoice;

/// Numbers the results of a job that reviewers look at. The first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DraftRevision(u32);

impl DraftRevision {
    /// The first result.
    pub const FIRST: Self = Self(1);

    /// The last result that a job can have.
    pub const LAST: Self = Self(50);

    /// The revision with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for DraftRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a reviewer rejects a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The wrong object was cut out, or a part of it is missing.
    Subject,
    /// The edge is wrong.
    Edge,
    /// A color is wrong.
    Color,
    /// Dust, or a prop that belongs to the set.
    Dust,
    /// The photograph has to be made again.
    Reshoot,
    /// Anything else.
    Other,
}

impl RejectReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 6] = [Self::Subject, Self::Edge, Self::Color, Self::Dust, Self::Reshoot, Self::Other];

    /// The reason in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Edge => "edge",
            Self::Color => "color",
            Self::Dust => "dust",
            Self::Reshoot => "reshoot",
            Self::Other => "other",
        }
    }
}

impl FromStr for RejectReason {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(InvalidChoice)
    }
}

/// A reviewer's note: 1 to 500 characters without control characters, except line breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReviewNote(String);

/// The text is not a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a note is 1 to {} characters without control characters, except line breaks", ReviewNote::MAX_CHARS)]
pub struct InvalidReviewNote;

impl ReviewNote {
    /// The longest note, in characters.
    pub const MAX_CHARS: usize = 500;

    /// The note as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReviewNote {
    type Error = InvalidReviewNote;

    fn try_from(text: String) -> Result<Self, InvalidReviewNote> {
        let is_valid = (1..=Self::MAX_CHARS).contains(&text.chars().count())
            && text.chars().all(|char| !char.is_control() || char == '\n');
        if is_valid { Ok(Self(text)) } else { Err(InvalidReviewNote) }
    }
}

impl From<ReviewNote> for String {
    fn from(note: ReviewNote) -> Self {
        note.0
    }
}

/// The outcome of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its draft became its result.
    Approved,
    /// It failed.
    Rejected,
    /// Nobody decided in time, and it failed.
    Expired,
}

impl Verdict {
    /// Every verdict, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Approved, Self::Rejected, Self::Expired];

    /// The verdict in queries and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for Verdict {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text).ok_or(InvalidChoice)
    }
}

/// A decision, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The decision.
    pub verdict: Verdict,
    /// The result that it is about.
    pub revision: DraftRevision,
    /// Who made it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RejectReason>,
    /// The reviewer's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<ReviewNote>,
    /// The size in bytes of the files that are not the job's result. They are stored until it expires.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discarded_bytes: u64,
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_short_text() {
        for good in ["x", "first line\nsecond", &"ß".repeat(500)] {
            assert!(ReviewNote::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "a\u{0}b", "\u{1b}[31m", &"x".repeat(501)] {
            assert_eq!(ReviewNote::try_from(bad.to_owned()), Err(InvalidReviewNote), "{bad:?}");
        }
    }
}
