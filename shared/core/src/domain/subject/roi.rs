//! The part of a photograph that counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::coordinate::{Coordinate, InvalidCoordinate};
use crate::domain::limits::MAX_SIDE;

/// A box in the photograph: `"x1 y1 x2 y2"`, the upper left and the lower right corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Roi {
    left: Coordinate,
    top: Coordinate,
    right: Coordinate,
    bottom: Coordinate,
}

/// Why a text is not a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoi {
    /// Not four coordinates.
    #[error("must be a box: \"x1 y1 x2 y2\", in pixels of the upright photograph or percentages such as \"12%\"")]
    Form,
    /// The second corner is not right of and below the first.
    #[error("must be a box with an area: x2 must be larger than x1, and y2 larger than y1")]
    Empty,
}

/// A box in whole pixels of a photograph. JSON holds it as its corners: `[x1, y1, x2, y2]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[u32; 4]", into = "[u32; 4]")]
pub struct PixelBox {
    /// The column of its first pixels.
    pub left: u32,
    /// The row of its first pixels.
    pub top: u32,
    /// In pixels, at least 1.
    pub width: u32,
    /// In pixels, at least 1.
    pub height: u32,
}

impl PixelBox {
    /// The number of pixels.
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// The numbers are not the corners of a box in a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the corners of a box: [x1, y1, x2, y2], with x2 above x1 and y2 above y1")]
pub struct InvalidPixelBox;

impl TryFrom<[u32; 4]> for PixelBox {
    type Error = InvalidPixelBox;

    fn try_from([left, top, right, bottom]: [u32; 4]) -> Result<Self, InvalidPixelBox> {
        if left < right && top < bottom && right.max(bottom) <= MAX_SIDE {
            Ok(Self { left, top, width: right - left, height: bottom - top })
        } else {
            Err(InvalidPixelBox)
        }
    }
}

impl From<PixelBox> for [u32; 4] {
    fn from(PixelBox { left, top, width, height }: PixelBox) -> Self {
        [left, top, left + width, top + height]
    }
}

impl fmt::Display for PixelBox {
    /// The corners, as a request spells a box.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.left, self.top, self.left + self.width, self.top + self.height)
    }
}

impl Roi {
    /// The pixels of the box that are in a photograph of this width and height; `None` without one.
    pub fn within(&self, (width, height): (u32, u32)) -> Option<PixelBox> {
        let (left, right) = span(self.left, self.right, width)?;
        let (top, bottom) = span(self.top, self.bottom, height)?;
        Some(PixelBox { left, top, width: right - left, height: bottom - top })
    }

    pub(super) fn scaled(self, factor: f64) -> Result<Self, InvalidCoordinate> {
        let Self { left, top, right, bottom } = self;
        Ok(Self {
            left: left.scaled(factor)?,
            top: top.scaled(factor)?,
            right: right.scaled(factor)?,
            bottom: bottom.scaled(factor)?,
        })
    }

    /// Whether part of the box is outside of a photograph of this width and height.
    pub fn exceeds(&self, (width, height): (u32, u32)) -> bool {
        self.right.px(width) > f64::from(width) || self.bottom.px(height) > f64::from(height)
    }
}

/// The first pixel of a range, and the one after the last.
fn span(from: Coordinate, to: Coordinate, side: u32) -> Option<(u32, u32)> {
    let (from, to) = (from.px(side).floor() as u32, (to.px(side).ceil() as u32).min(side));
    (from < to).then_some((from, to))
}

impl FromStr for Roi {
    type Err = InvalidRoi;

    fn from_str(text: &str) -> Result<Self, InvalidRoi> {
        let read = |text: &str| text.parse().map_err(|InvalidCoordinate| InvalidRoi::Form);
        let corners: Vec<Coordinate> = text.split_ascii_whitespace().map(read).collect::<Result<_, _>>()?;
        let [left, top, right, bottom] = corners.try_into().map_err(|_| InvalidRoi::Form)?;
        if right.exceeds(left) == Some(false) || bottom.exceeds(top) == Some(false) {
            return Err(InvalidRoi::Empty);
        }
        Ok(Self { left, top, right, bottom })
    }
}

impl fmt::Display for Roi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.left, self.top, self.right, self.bottom)
    }
}

impl TryFrom<String> for Roi {
    type Error = InvalidRoi;

    fn try_from(text: String) -> Result<Self, InvalidRoi> {
        text.parse()
    }
}

impl From<Roi> for String {
    fn from(roi: Roi) -> Self {
        roi.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(text: &str, size: (u32, u32)) -> Option<[u32; 4]> {
        let pixels = text.parse::<Roi>().expect("a box").within(size)?;
        Some([pixels.left, pixels.top, pixels.width, pixels.height])
    }

    #[test]
    fn a_box_is_in_pixels_or_percentages() {
        assert_eq!(within("10 20 110 220", (400, 300)), Some([10, 20, 100, 200]));
        assert_eq!(within("25% 0 50% 100%", (400, 300)), Some([100, 0, 100, 300]));
        assert_eq!(within("0.5 0.5 1.2 1.2", (400, 300)), Some([0, 0, 2, 2]), "pixels that it touches");
    }

    #[test]
    fn a_box_ends_with_the_photograph() {
        assert_eq!(within("350 250 900 900", (400, 300)), Some([350, 250, 50, 50]));
        assert_eq!(within("400 0 500 10", (400, 300)), None);
        assert_eq!(within("50% 0 100 10", (400, 300)), None, "inverted once the size is known");
        let exceeds = |text: &str| text.parse::<Roi>().expect("a box").exceeds((400, 300));
        assert!(exceeds("0 0 401 300") && exceeds("0 0 400 300.5") && !exceeds("0 0 100% 300"));
    }

    #[test]
    fn json_holds_the_corners_of_a_box_of_pixels() {
        let pixels = PixelBox { left: 10, top: 20, width: 300, height: 400 };
        assert_eq!(serde_json::to_string(&pixels).expect("serializes"), "[10,20,310,420]");
        assert_eq!(serde_json::from_str::<PixelBox>("[10,20,310,420]").expect("is read again"), pixels);
        for bad in ["[10,20,10,420]", "[10,20,9,420]", "[10,20,310,20]", "[0,0,1,65536]", "[1,2,3]", "[-1,0,5,5]"] {
            assert!(serde_json::from_str::<PixelBox>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rejects_what_is_no_box() {
        for bad in ["", "1 2 3", "1 2 3 4 5", "a b c d", "1,2,3,4", "-1 0 5 5", "1px 2px 3px 4px"] {
            assert_eq!(bad.parse::<Roi>(), Err(InvalidRoi::Form), "{bad:?}");
        }
        for bad in ["10 10 10 20", "10 10 20 10", "20 10 10 20", "90% 0 10% 5", "0 0 0 0"] {
            assert_eq!(bad.parse::<Roi>(), Err(InvalidRoi::Empty), "{bad:?}");
        }
    }
}
