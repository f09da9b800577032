//! Positions in a photograph.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::limits::{MAX_SIDE, thousands};

/// A position along a side of the photograph, or a length: pixels, or a percentage of the side. At least 0, at most 100 %
/// or [`MAX_SIDE`] pixels. JSON holds pixels as a number and a percentage as a text such as `"12%"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Coordinate(Unit);

/// Never NaN.
impl Eq for Coordinate {}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Px(f64),
    Percent(f64),
}

/// The number to five decimals. Finer positions mean nothing, take room in the record, and may be smaller than the numbers
/// that a store holds.
fn rounded(number: f64) -> f64 {
    const STEPS: f64 = 100_000.0;
    (number * STEPS).round() / STEPS
}

/// The value is not a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be pixels from 0 to {}, or a percentage such as \"12%\"", thousands(MAX_SIDE.into()))]
pub struct InvalidCoordinate;

/// A coordinate as JSON holds it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl Coordinate {
    /// No pixels.
    pub const ZERO: Self = Self(Unit::Px(0.0));

    /// A percentage of the side, at most 100.
    pub(crate) const fn percent(percent: u8) -> Self {
        Self(Unit::Percent(percent as f64))
    }

    /// A position in pixels.
    ///
    /// # Errors
    /// [`InvalidCoordinate`].
    pub fn of_pixels(pixels: f64) -> Result<Self, InvalidCoordinate> {
        if !(0.0..=f64::from(MAX_SIDE)).contains(&pixels) {
            return Err(InvalidCoordinate);
        }
        Ok(Self(Unit::Px(rounded(pixels))))
    }

    /// In pixels, along a side of this many pixels.
    pub fn px(self, side: u32) -> f64 {
        match self.0 {
            Unit::Px(pixels) => pixels,
            Unit::Percent(percent) => percent / 100.0 * f64::from(side),
        }
    }

    /// The same position in a photograph that is `factor` times as large.
    pub(crate) fn scaled(self, factor: f64) -> Result<Self, InvalidCoordinate> {
        match self.0 {
            Unit::Px(pixels) => Self::of_pixels(pixels * factor),
            Unit::Percent(_) => Ok(self),
        }
    }

    /// Whether it is larger than another one; `None` if that depends on the photograph's size.
    pub(super) fn exceeds(self, other: Self) -> Option<bool> {
        match (self.0, other.0) {
            (Unit::Px(one), Unit::Px(other)) | (Unit::Percent(one), Unit::Percent(other)) => Some(one > other),
            (Unit::Px(_), Unit::Percent(_)) | (Unit::Percent(_), Unit::Px(_)) => None,
        }
    }
}

impl FromStr for Coordinate {
    type Err = InvalidCoordinate;

    fn from_str(text: &str) -> Result<Self, InvalidCoordinate> {
        let (number, is_percentage) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };
        // Rust also reads "inf", "1e3" and "+5".
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = number.parse::<f64>().ok().filter(|_| plain).ok_or(InvalidCoordinate)?;
        match is_percentage {
            true if number <= 100.0 => Ok(Self(Unit::Percent(rounded(number)))),
            true => Err(InvalidCoordinate),
            false => Self::of_pixels(number),
        }
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unit::Px(pixels) => write!(f, "{pixels}"),
            Unit::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl TryFrom<Written> for Coordinate {
    type Error = InvalidCoordinate;

    fn try_from(written: Written) -> Result<Self, InvalidCoordinate> {
        match written {
            Written::Number(pixels) => Self::of_pixels(pixels),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Coordinate> for Written {
    fn from(coordinate: Coordinate) -> Self {
        match coordinate.0 {
            Unit::Px(pixels) => Self::Number(pixels),
            Unit::Percent(_) => Self::Text(coordinate.to_string()),
        }
    }
}

/// A point of the photograph: how far from its left side, and how far from its upper one. JSON holds it as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Coordinate, Coordinate)", into = "(Coordinate, Coordinate)")]
pub struct Point {
    /// From the left side.
    pub x: Coordinate,
    /// From the upper side.
    pub y: Coordinate,
}

impl Point {
    /// In pixels, in a photograph of this width and height.
    pub fn px(self, (width, height): (u32, u32)) -> (f64, f64) {
        (self.x.px(width), self.y.px(height))
    }
}

impl Point {
    pub(super) fn scaled(self, factor: f64) -> Result<Self, InvalidCoordinate> {
        Ok(Self { x: self.x.scaled(factor)?, y: self.y.scaled(factor)? })
    }
}

impl From<(Coordinate, Coordinate)> for Point {
    fn from((x, y): (Coordinate, Coordinate)) -> Self {
        Self { x, y }
    }
}

impl From<Point> for (Coordinate, Coordinate) {
    fn from(point: Point) -> Self {
        (point.x, point.y)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_coordinate_is_pixels_or_a_percentage() {
        let px = |text: &str| text.parse::<Coordinate>().map(|coordinate| coordinate.px(200));
        assert_eq!((px("120"), px("12.5"), px("12%"), px("100%")), (Ok(120.0), Ok(12.5), Ok(24.0), Ok(200.0)));
        for bad in ["", "%", "-1", "1e3", "inf", "NaN", "+5", "101%", "65536", "12 %", "12px", "1.2.3"] {
            assert_eq!(bad.parse::<Coordinate>(), Err(InvalidCoordinate), "{bad:?}");
        }
        let tiny = ["0.000000000000000000000000001", "0.000000000000000000000000001%"].map(str::parse::<Coordinate>);
        assert_eq!(tiny.map(|coordinate| coordinate.expect("valid").to_string()), ["0", "0%"]);
        let long = ["1.23456789", "33.33333333%"].map(|text| text.parse::<Coordinate>().expect("valid").to_string());
        assert_eq!(long, ["1.23457", "33.33333%"]);
        assert!(Coordinate::of_pixels(f64::NAN).is_err() && Coordinate::of_pixels(-0.5).is_err());
    }

    #[test]
    fn json_holds_pixels_as_numbers() {
        for value in [json!([1.0, "2%"]), json!(["0.5%", 65535.0])] {
            let point: Point = serde_json::from_value(value.clone()).expect("a point");
            assert_eq!(serde_json::to_value(point).expect("serializes"), value);
        }
        for bad in [json!([1]), json!([1, 2, 3]), json!([1, null]), json!([-1, 2]), json!({"x": 1, "y": 2})] {
            assert!(serde_json::from_value::<Point>(bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_value::<Value>(json!(null)).expect("any"), Value::Null);
    }
}
