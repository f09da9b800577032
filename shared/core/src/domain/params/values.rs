//! The values of a parameter set. Each is checked when it is read, so code that holds one need not check it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::domain::rendering::OutOfRange;

/// The longest length in pixels, either way.
const MAX_PX: f64 = 30_000.0;

/// Describes the valid values, for the message of a fault.
pub(super) trait Expected {
    /// The rest of the sentence "This value must be …".
    const EXPECTED: &'static str;
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Pixels.
    Px(f64),
    /// Hundredths of the canvas's short side.
    Percent(f64),
}

impl Measure {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at(text.find(['p', '%'])?);
        // Rust also reads "inf", "1e3" and "+5".
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        let number: f64 = number.parse().ok().filter(|_| plain)?;
        match unit {
            "px" if number.abs() <= MAX_PX => Some(Self::Px(number)),
            "%" if number.abs() <= 100.0 => Some(Self::Percent(number)),
            _ => None,
        }
    }

    fn is_negative(self) -> bool {
        let (Self::Px(number) | Self::Percent(number)) = self;
        number.is_sign_negative()
    }

    fn px(self, short_side: f64) -> f64 {
        match self {
            Self::Px(px) => px,
            Self::Percent(percent) => short_side * percent / 100.0,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Px(number) => write!(f, "{number}px"),
            Self::Percent(number) => write!(f, "{number}%"),
        }
    }
}

/// Implements what values have in common that JSON holds as a string.
macro_rules! as_text {
    ($name:ident, $pattern:literal, $expected:literal) => {
        impl Expected for $name {
            const EXPECTED: &'static str = $expected;
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }

        impl TryFrom<String> for $name {
            type Error = OutOfRange;

            fn try_from(text: String) -> Result<Self, OutOfRange> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// A length of at least 0: `"8%"` of the canvas's short side, or `"120px"`. At most 100 % or 30,000 px.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(Measure);

/// Never NaN.
impl Eq for Length {}

impl Length {
    /// Zero.
    pub const ZERO: Self = Self(Measure::Px(0.0));

    /// A percentage of the canvas's short side, at most 100.
    pub(super) const fn percent(percent: u8) -> Self {
        Self(Measure::Percent(percent as f64))
    }

    /// In pixels, on a canvas with this short side.
    pub fn px(self, short_side: f64) -> f64 {
        self.0.px(short_side)
    }

    /// The number with its unit.
    pub fn measure(self) -> Measure {
        self.0
    }
}

impl FromStr for Length {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        match Measure::parse(text) {
            Some(measure) if !measure.is_negative() => Ok(Self(measure)),
            _ => Err(OutOfRange(Self::EXPECTED)),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(Length, r"^[0-9]+(\.[0-9]+)?(px|%)$", "a text such as \"8%\" or \"120px\", at most 100% or 30000px");

/// A signed distance, positive to the right or down: `"3%"` of the canvas's short side, or `"-40px"`. At most 100 % or
/// 30,000 px either way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Offset(Measure);

/// Never NaN.
impl Eq for Offset {}

impl Offset {
    /// A percentage of the canvas's short side, at most 100.
    pub(super) const fn percent(percent: i8) -> Self {
        Self(Measure::Percent(percent as f64))
    }

    /// In pixels, on a canvas with this short side.
    pub fn px(self, short_side: f64) -> f64 {
        self.0.px(short_side)
    }
}

impl FromStr for Offset {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        Measure::parse(text).map(Self).ok_or(OutOfRange(Self::EXPECTED))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(
    Offset,
    r"^-?[0-9]+(\.[0-9]+)?(px|%)$",
    "a text such as \"3%\" or \"-40px\", at most 100% or 30000px either way"
);

/// How much of the canvas the subject takes along the side where it takes most: `"1%"` to `"100%"`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fill(f64);

/// Never NaN.
impl Eq for Fill {}

impl Fill {
    /// The share, 0.01 to 1.
    pub fn share(self) -> f64 {
        self.0 / 100.0
    }
}

impl FromStr for Fill {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        match Measure::parse(text) {
            Some(Measure::Percent(percent)) if percent >= 1.0 => Ok(Self(percent)),
            _ => Err(OutOfRange(Self::EXPECTED)),
        }
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Measure::Percent(self.0).fmt(f)
    }
}

as_text!(Fill, r"^[0-9]+(\.[0-9]+)?%$", "a text from \"1%\" to \"100%\"");

/// A height on the canvas, from its upper side: `"1%"` to `"100%"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Baseline(f64);

/// Never NaN.
impl Eq for Baseline {}

impl Baseline {
    /// The share of the canvas's height, 0.01 to 1.
    pub fn share(self) -> f64 {
        self.0 / 100.0
    }
}

impl FromStr for Baseline {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        match Measure::parse(text) {
            Some(Measure::Percent(percent)) if percent >= 1.0 => Ok(Self(percent)),
            _ => Err(OutOfRange(Self::EXPECTED)),
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Measure::Percent(self.0).fmt(f)
    }
}

as_text!(Baseline, r"^[0-9]+(\.[0-9]+)?%$", "a text from \"1%\" to \"100%\"");

/// A color in sRGB: `"#rrggbb"`, also read as `"#rgb"`, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(pub [u8; 3]);

impl Color {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([u8::MAX; 3]);
}

impl FromStr for Color {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let read = || {
            let digits: Option<Vec<u8>> =
                text.strip_prefix('#')?.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
            match digits?[..] {
                [red, green, blue] => Some(Self([red * 17, green * 17, blue * 17])),
                [a, b, c, d, e, f] => Some(Self([a * 16 + b, c * 16 + d, e * 16 + f])),
                _ => None,
            }
        };
        read().ok_or(OutOfRange(Self::EXPECTED))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

as_text!(Color, "^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$", "a color such as \"#f5f5f5\"");

/// Implements what values have in common that JSON holds as a number.
macro_rules! as_number {
    ($name:ident, $min:literal to $max:literal, $expected:literal) => {
        impl Expected for $name {
            const EXPECTED: &'static str = $expected;
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", "minimum": $min, "maximum": $max })
            }
        }

        /// Never NaN.
        impl Eq for $name {}

        impl $name {
            /// The value.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                // With so few digits, every reader gets the same number.
                let rounded = (value * 10_000.0).round() / 10_000.0;
                if ($min..=$max).contains(&value) { Ok(Self(rounded)) } else { Err(OutOfRange(Self::EXPECTED)) }
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

/// A share, 0 to 1, in steps of a ten-thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

as_number!(Share, 0.0 to 1.0, "a number from 0 to 1");

impl Share {
    /// A share in hundredths, at most 100.
    pub(super) fn from_percent(percent: u8) -> Self {
        Self(f64::from(percent.min(100)) / 100.0)
    }
}

/// How many times larger than in the photograph: 1 to 10, in steps of a ten-thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Enlargement(f64);

as_number!(Enlargement, 1.0 to 10.0, "a number from 1 to 10");

/// How many pixels of a composed picture one of the photograph becomes: 0.01 to 10, in steps of a ten-thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Scale(f64);

as_number!(Scale, 0.01 to 10.0, "a number from 0.01 to 10");

/// Width to height, as `"4:5"`: two whole numbers from 1 to 100, neither more than 20 times the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Aspect {
    width: u8,
    height: u8,
}

impl Aspect {
    /// Width divided by height.
    pub fn ratio(self) -> f64 {
        f64::from(self.width) / f64::from(self.height)
    }

    /// Width and height, as they were written.
    pub fn terms(self) -> (u32, u32) {
        (self.width.into(), self.height.into())
    }
}

impl FromStr for Aspect {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let read = || {
            let (width, height) = text.split_once(':')?;
            let side = |side: &str| {
                let plain = side.bytes().all(|byte| byte.is_ascii_digit());
                side.parse::<u8>().ok().filter(|side| plain && (1..=100).contains(side))
            };
            let aspect = Self { width: side(width)?, height: side(height)? };
            (0.05..=20.0).contains(&aspect.ratio()).then_some(aspect)
        };
        read().ok_or(OutOfRange(Self::EXPECTED))
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

as_text!(
    Aspect,
    "^[0-9]{1,3}:[0-9]{1,3}$",
    "a text such as \"4:5\", of whole numbers from 1 to 100 and at most 20:1 or 1:20"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_shares_of_the_short_side_or_pixels() {
        assert_eq!("7.5%".parse::<Length>().expect("a length").px(2000.0), 150.0);
        assert_eq!("120px".parse::<Length>().expect("a length").px(2000.0), 120.0);
        assert_eq!("-3%".parse::<Offset>().expect("an offset").px(1000.0), -30.0);
        for text in ["0px", "0%", "100%", "30000px", "7.5%", "0.125px"] {
            assert_eq!(text.parse::<Length>().expect(text).to_string(), text);
        }
        let faulty = [
            "", "8", "%", "px", "8 %", "8pt", "8%%", "-1px", "100.1%", "30001px", "1e2%", "infpx", "NaN%", "8.1.2%",
            "-0px",
        ];
        for text in faulty {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
        assert!("-30001px".parse::<Offset>().is_err() && "+5px".parse::<Offset>().is_err());
        assert!("0%".parse::<Fill>().is_err() && "85px".parse::<Fill>().is_err());
        assert_eq!("85%".parse::<Fill>().expect("a share").share(), 0.85);
    }

    #[test]
    fn colors_have_three_or_six_digits_and_are_written_with_six() {
        assert_eq!("#fff".parse(), Ok(Color::WHITE));
        assert_eq!("#1aF".parse::<Color>().expect("a color").to_string(), "#11aaff");
        for text in ["", "fff", "#ffff", "#gggggg", "white", "#éé", "#fffffff"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }

    #[test]
    fn aspects_are_two_whole_numbers() {
        assert_eq!("4:5".parse::<Aspect>().expect("an aspect").ratio(), 0.8);
        for text in ["", "4", "4:", "0:1", "1:101", "100:1", "+4:5", "4:5:6", "1.5:1"] {
            assert!(text.parse::<Aspect>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_outside_their_range_are_rejected() {
        assert!(Share::try_from(1.1).is_err() && Share::try_from(f64::NAN).is_err() && Share::try_from(-0.1).is_err());
        assert!(Enlargement::try_from(0.9).is_err() && Enlargement::try_from(10.0).is_ok());
        assert!(Scale::try_from(0.0).is_err() && Scale::try_from(0.01).is_ok() && Scale::try_from(10.1).is_err());
        assert!("0%".parse::<Baseline>().is_err() && "92px".parse::<Baseline>().is_err());
        assert_eq!("92%".parse::<Baseline>().expect("a height").share(), 0.92);
    }
}
