//! Clicks and strokes of a person who corrects a cut.

use serde::{Deserialize, Serialize};

use super::coordinate::{Coordinate, InvalidCoordinate, Point};

/// Hints, in the order in which they apply: at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hints(pub(super) Vec<Hint>);

/// A click, or a stroke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// What becomes of the region.
    pub kind: HintKind,
    /// One point for a click, or the corners of a stroke: at least one.
    pub points: Vec<Point>,
    /// How large the region is: about a disc with this radius. A percentage is one of the photograph's longer side. `None`
    /// leaves it to the edges of the photograph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<Coordinate>,
}

/// What becomes of the region that a hint means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// It is subject.
    Keep,
    /// It is background.
    Remove,
}

impl HintKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Keep, Self::Remove];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

impl Hints {
    pub(super) fn scaled(&self, factor: f64) -> Result<Self, InvalidCoordinate> {
        let scaled = |hint: &Hint| {
            Ok(Hint {
                kind: hint.kind,
                points: hint.points.iter().map(|point| point.scaled(factor)).collect::<Result<_, _>>()?,
                radius: hint.radius.map(|radius| radius.scaled(factor)).transpose()?,
            })
        };
        self.0.iter().map(scaled).collect::<Result<_, _>>().map(Self)
    }

    /// The hints.
    pub fn as_slice(&self) -> &[Hint] {
        &self.0
    }
}
