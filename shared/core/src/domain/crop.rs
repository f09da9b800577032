//! How pictures are cropped around the subject.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;
use super::subject::{Coordinate, InvalidCoordinate, PixelBox};

/// What pictures show of the photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// All of it.
    #[default]
    #[serde(rename = "none")]
    Whole,
    /// The subject's box, grown by a margin.
    Subject {
        /// The room around the box. It ends at the frame of the photograph.
        margin: CropMargin,
    },
}

/// A margin without a crop would be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs crop to be subject; set that too, or leave crop_margin out")]
pub struct MarginWithoutCrop;

impl Crop {
    /// The crop that two settings make together; `None` without any.
    ///
    /// # Errors
    /// [`MarginWithoutCrop`].
    pub fn new(choice: Option<CropChoice>, margin: Option<CropMargin>) -> Result<Option<Self>, MarginWithoutCrop> {
        match (choice, margin) {
            (Some(CropChoice::Subject), margin) => Ok(Some(Self::Subject { margin: margin.unwrap_or_default() })),
            (Some(CropChoice::None), None) => Ok(Some(Self::Whole)),
            (None, None) => Ok(None),
            (Some(CropChoice::None) | None, Some(_)) => Err(MarginWithoutCrop),
        }
    }

    /// The margin around the subject; `None` if pictures are not cropped.
    pub const fn margin(self) -> Option<CropMargin> {
        match self {
            Self::Whole => None,
            Self::Subject { margin } => Some(margin),
        }
    }
}

/// The value of the setting `crop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CropChoice {
    /// Pictures show the whole photograph.
    None,
    /// Pictures show the subject and its margin.
    Subject,
}

impl CropChoice {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::None, Self::Subject];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Subject => "subject",
        }
    }
}

impl FromStr for CropChoice {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == text).ok_or(InvalidChoice)
    }
}

/// The room around the subject's box at each side. A length is in pixels of the upright photograph, `"30"` or `"30px"`, or
/// a percentage of the box: of its height at the upper and lower side, of its width at the others. One length is for all
/// sides, two are for upper and lower side and for the others, four for the upper, right, lower and left side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CropMargin {
    top: Coordinate,
    right: Coordinate,
    bottom: Coordinate,
    left: Coordinate,
}

/// The text is not a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {}", CropMargin::EXPECTED)]
pub struct InvalidCropMargin;

impl CropMargin {
    /// The rest of the sentence "must be …".
    pub const EXPECTED: &'static str = "one, two or four lengths: pixels from 0 to 65535 or percentages from 0% to \
                                        100%, such as \"30px\", \"5%\" or \"10px 5% 0 5%\"";

    /// The same percentage of the subject's box at each side, at most 100.
    pub(super) const fn percent(percent: u8) -> Self {
        let all = Coordinate::percent(percent);
        Self { top: all, right: all, bottom: all, left: all }
    }

    /// The room around the subject's box in whole pixels: above it, on its right, below it, and on its left.
    pub fn px(&self, subject: PixelBox) -> [u32; 4] {
        let px = |length: Coordinate, side: u32| length.px(side).round() as u32;
        let PixelBox { width, height, .. } = subject;
        [px(self.top, height), px(self.right, width), px(self.bottom, height), px(self.left, width)]
    }

    /// The subject's box with this margin, as far as a photograph of this width and height reaches. `subject` lies within
    /// the photograph. Lengths are rounded to whole pixels.
    #[must_use]
    pub fn around(&self, subject: PixelBox, (width, height): (u32, u32)) -> PixelBox {
        let [above, right, below, left] = self.px(subject);
        let (left, top) = (subject.left.saturating_sub(left), subject.top.saturating_sub(above));
        let right = (subject.left + subject.width + right).min(width);
        let bottom = (subject.top + subject.height + below).min(height);
        PixelBox { left, top, width: right - left, height: bottom - top }
    }

    /// The same margin in a photograph that is `factor` times as large.
    ///
    /// # Errors
    /// [`InvalidCoordinate`] if a length would be out of range.
    pub fn scaled(self, factor: f64) -> Result<Self, InvalidCoordinate> {
        Ok(Self {
            top: self.top.scaled(factor)?,
            right: self.right.scaled(factor)?,
            bottom: self.bottom.scaled(factor)?,
            left: self.left.scaled(factor)?,
        })
    }
}

impl Default for CropMargin {
    /// No room.
    fn default() -> Self {
        Self { top: Coordinate::ZERO, right: Coordinate::ZERO, bottom: Coordinate::ZERO, left: Coordinate::ZERO }
    }
}

impl FromStr for CropMargin {
    type Err = InvalidCropMargin;

    fn from_str(text: &str) -> Result<Self, InvalidCropMargin> {
        let lengths: Vec<Coordinate> = text.split_ascii_whitespace().map(length).collect::<Result<_, _>>()?;
        let (top, right, bottom, left) = match lengths[..] {
            [all] => (all, all, all, all),
            [upright, across] => (upright, across, upright, across),
            [top, right, bottom, left] => (top, right, bottom, left),
            _ => return Err(InvalidCropMargin),
        };
        Ok(Self { top, right, bottom, left })
    }
}

/// A length, which may end with its unit `px`.
fn length(text: &str) -> Result<Coordinate, InvalidCropMargin> {
    let number = text.strip_suffix("px").filter(|number| !number.ends_with('%')).unwrap_or(text);
    number.parse().map_err(|InvalidCoordinate| InvalidCropMargin)
}

impl fmt::Display for CropMargin {
    /// The shortest form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { top, right, bottom, left } = self;
        match (top == bottom && left == right, top == right) {
            (true, true) => write!(f, "{top}"),
            (true, false) => write!(f, "{top} {right}"),
            (false, _) => write!(f, "{top} {right} {bottom} {left}"),
        }
    }
}

impl TryFrom<String> for CropMargin {
    type Error = InvalidCropMargin;

    fn try_from(text: String) -> Result<Self, InvalidCropMargin> {
        text.parse()
    }
}

impl From<CropMargin> for String {
    fn from(margin: CropMargin) -> Self {
        margin.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PHOTO: (u32, u32) = (400, 300);
    /// 200 x 100 pixels.
    const SUBJECT: PixelBox = PixelBox { left: 100, top: 100, width: 200, height: 100 };

    fn around(margin: &str) -> [u32; 4] {
        margin.parse::<CropMargin>().expect("a margin").around(SUBJECT, PHOTO).into()
    }

    #[test]
    fn a_margin_is_in_pixels_or_shares_of_the_subject() {
        assert_eq!(around("0"), [100, 100, 300, 200]);
        for thirty in ["30", "30px", "30.4px", " 30px ", "30 30", "30px 30 30 30px"] {
            assert_eq!(around(thirty), [70, 70, 330, 230], "{thirty}");
        }
        assert_eq!(around("10%"), [80, 90, 320, 210], "of its width, and of its height");
        assert_eq!(around("10% 5px"), [95, 90, 305, 210]);
        assert_eq!(around("1 2 3 4"), [96, 99, 302, 203], "upper, right, lower, left");
    }

    #[test]
    fn a_margin_ends_at_the_frame() {
        assert_eq!(around("65535px"), [0, 0, 400, 300]);
        assert_eq!(around("100%"), [0, 0, 400, 300]);
        assert_eq!(around("0 0 0 65535"), [0, 100, 300, 200]);
    }

    #[test]
    fn rejects_what_is_no_margin() {
        let bad = [
            "",
            " ",
            "1 2 3",
            "1 2 3 4 5",
            "-1",
            "-5%",
            "1 -2",
            "65536",
            "100.1%",
            "NaN",
            "inf",
            "1e2",
            "px",
            "%",
            "5%px",
            "5 px",
            "5em",
            "1,2",
            "5px%",
            "one",
            "+5",
        ];
        for text in bad {
            assert_eq!(text.parse::<CropMargin>(), Err(InvalidCropMargin), "{text:?}");
            assert!(serde_json::from_value::<CropMargin>(json!(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_crop_survives_a_record_in_its_shortest_form() {
        for (written, stored) in [
            ("0px", "0"),
            ("5% 5%", "5%"),
            ("5% 5px 5%   5px", "5% 5"),
            ("1 2 3 2", "1 2 3 2"),
            ("7.5% 12 0 3.25%", "7.5% 12 0 3.25%"),
        ] {
            let crop = Crop::Subject { margin: written.parse().expect("a margin") };
            let value = serde_json::to_value(crop).expect("serializes");
            assert_eq!(value, json!({"subject": {"margin": stored}}));
            assert_eq!(serde_json::from_value::<Crop>(value).expect("is read again"), crop);
        }
        assert_eq!(serde_json::to_value(Crop::Whole).expect("serializes"), json!("none"));
    }

    #[test]
    fn a_margin_needs_a_crop() {
        let margin = "5%".parse().expect("a margin");
        let subject = Some(CropChoice::Subject);
        assert_eq!(Crop::new(subject, Some(margin)), Ok(Some(Crop::Subject { margin })));
        assert_eq!(Crop::new(subject, None), Ok(Some(Crop::Subject { margin: CropMargin::default() })));
        assert_eq!(Crop::new(Some(CropChoice::None), None), Ok(Some(Crop::Whole)));
        assert_eq!(Crop::new(None, None), Ok(None));
        for choice in [None, Some(CropChoice::None)] {
            assert_eq!(Crop::new(choice, Some(margin)), Err(MarginWithoutCrop));
        }
    }

    #[test]
    fn pixels_shrink_with_the_photograph_and_percentages_stay() {
        let half = "30px 10%".parse::<CropMargin>().expect("a margin").scaled(0.5).expect("in range");
        assert_eq!(half.to_string(), "15 10%");
    }

    proptest! {
        /// The box is within the photograph, and holds the subject.
        #[test]
        fn a_crop_holds_the_subject(
            lengths in prop::collection::vec((0_u32..70_000, any::<bool>()), 4),
            (left, top) in (0_u32..300, 0_u32..200),
            (width, height) in (1_u32..=100, 1_u32..=100),
        ) {
            let length = |(number, is_share): &(u32, bool)| match is_share {
                true => format!("{}%", f64::from(*number) / 700.0),
                false => format!("{}px", (*number).min(65_535)),
            };
            let text = lengths.iter().map(length).collect::<Vec<_>>().join(" ");
            let margin: CropMargin = text.parse().expect("a margin");
            let [x1, y1, x2, y2]: [u32; 4] = margin.around(PixelBox { left, top, width, height }, PHOTO).into();
            prop_assert!(x1 <= left && y1 <= top && x2 >= left + width && y2 >= top + height, "{text}");
            prop_assert!(x2 <= PHOTO.0 && y2 <= PHOTO.1, "{text}");
            prop_assert_eq!(margin.to_string().parse::<CropMargin>(), Ok(margin));
        }
    }
}
