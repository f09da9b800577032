//! Which of several objects are the subject.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::coordinate::{InvalidCoordinate, Point};
use crate::domain::choice::InvalidChoice;

/// Which objects are the subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Keep {
    /// All that stand out from the background, or the main one alone.
    Choice(KeepChoice),
    /// Those at these points, one point for each: 1 to
    /// [`MAX_KEEP_POINTS`](crate::domain::limits::MAX_KEEP_POINTS).
    Points(Vec<Point>),
}

/// A choice of objects by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepChoice {
    /// All that stand out from the background.
    All,
    /// The largest, with a preference for the middle of the photograph.
    Main,
}

impl Keep {
    /// All that stand out from the background.
    pub const ALL: Self = Self::Choice(KeepChoice::All);
    /// The one object that is the subject.
    pub const MAIN: Self = Self::Choice(KeepChoice::Main);
}

impl Keep {
    pub(super) fn scaled(&self, factor: f64) -> Result<Self, InvalidCoordinate> {
        match self {
            Self::Choice(choice) => Ok(Self::Choice(*choice)),
            Self::Points(points) => {
                points.iter().map(|point| point.scaled(factor)).collect::<Result<_, _>>().map(Self::Points)
            }
        }
    }
}

impl KeepChoice {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::All, Self::Main];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Main => "main",
        }
    }
}

impl FromStr for KeepChoice {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == text).ok_or(InvalidChoice)
    }
}
