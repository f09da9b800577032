//! From a file's colors to 8-bit sRGB.
//!
//! Cameras, phones and print files use wider color spaces or inks. Taken for sRGB, their numbers look pale or wrong,
//! and outputs are sRGB by default. So colors go through the file's ICC profile (perceptual intent; CMYK with black point
//! compensation), and 16-bit samples only then become 8-bit ones. HDR is tone-mapped. Without a description, RGB and gray
//! are taken for sRGB, and CMYK for offset printing. A run that asks for more than 8-bit sRGB gets it in addition (see
//! `native`): inks that are kept are never converted there.

mod black_point;
mod calibration;
mod conversion;
mod curve;
mod encoding;
mod gray;
mod icc;
mod inks;
mod method;
mod model;
mod native;
mod press;
mod sample;
mod tone_map;
mod unblend;

pub(super) use self::calibration::Calibration;
pub(super) use self::conversion::{Conversion, SrgbImage};
pub(super) use self::encoding::{ColorEncoding, ColorTask, TargetColors};
pub(crate) use self::inks::inks_in_srgb;
pub(super) use self::model::{AlphaMode, ColorModel};
pub(super) use self::sample::Sample;
