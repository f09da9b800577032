//! CMYK photographs whose inks are kept: which files have inks, and which pictures hold them.

mod header;

use std::fmt;

pub use header::has_inks;

use super::choice::sentence_list;
use super::format::OutputFormat;
use super::rendering::Channels;
use super::variation::{Ground, Variation};

/// Why a picture of a CMYK photograph does not hold its inks. Shown, it is a part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InksNotHeld {
    /// Files of this format hold none.
    Format(OutputFormat),
    /// This variation is made in RGB.
    Variation(Variation),
}

impl InksNotHeld {
    /// Why a file of this variation does not hold inks; `None` if it does, or holds no colors.
    pub fn of(variation: Variation, format: OutputFormat, channels: Channels) -> Option<Self> {
        match (variation.info().ground, channels) {
            (Ground::Canvas | Ground::Frame, _) => Some(Self::Variation(variation)),
            (Ground::Photo, Channels::Alpha) => None,
            (Ground::Photo, Channels::Rgba) => (!format.info().has_inks).then_some(Self::Format(format)),
        }
    }

    /// What the caller can send instead.
    pub fn remedy(self) -> String {
        match self {
            Self::Format(format) => {
                let with_inks = OutputFormat::ALL.into_iter().filter(|format| format.info().has_inks);
                let formats = sentence_list(with_inks.map(OutputFormat::extension), "or");
                let original = match format {
                    OutputFormat::Jpeg => ", or output_format=original with mode=clipping to get the file itself",
                    _ => "",
                };
                format!("send output_format={formats}, or color=srgb{original}")
            }
            Self::Variation(_) => {
                let with_inks = Variation::ALL.into_iter().filter(|each| each.info().ground == Ground::Photo);
                let variations = sentence_list(with_inks.map(Variation::as_str), "or");
                format!("send a set with no variation but {variations}, or color=srgb")
            }
        }
    }
}

impl fmt::Display for InksNotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(f, "{format} files hold no inks"),
            Self::Variation(variation) => write!(f, "the variation {} is made in RGB", variation.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_are_held_where_the_subject_stays_in_tiff_and_psd() {
        for variation in Variation::ALL {
            for format in OutputFormat::ALL {
                let stays = matches!(variation, Variation::Background | Variation::Clipping);
                let is_held = stays && matches!(format, OutputFormat::Tiff | OutputFormat::Psd);
                let refusal = InksNotHeld::of(variation, format, Channels::Rgba);
                assert_eq!(refusal.is_none(), is_held, "{variation:?} {format}");
                // Alpha alone has no inks.
                assert_eq!(InksNotHeld::of(variation, format, Channels::Alpha).is_none(), stays);
            }
        }
    }

    #[test]
    fn the_reason_and_the_remedy_are_parts_of_a_sentence() {
        let sentence = |refusal: InksNotHeld| format!("{refusal}; {}", refusal.remedy());
        assert_eq!(
            sentence(InksNotHeld::Format(OutputFormat::Png)),
            "PNG files hold no inks; send output_format=psd or tiff, or color=srgb"
        );
        assert_eq!(
            sentence(InksNotHeld::Format(OutputFormat::Jpeg)),
            "JPEG files hold no inks; send output_format=psd or tiff, or color=srgb, or output_format=original with \
             mode=clipping to get the file itself"
        );
        assert_eq!(
            sentence(InksNotHeld::Variation(Variation::ShadowTop)),
            "the variation shadowTop is made in RGB; send a set with no variation but background or clipping, or \
             color=srgb"
        );
    }
}
