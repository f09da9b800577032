//! The file header of a Photoshop document: its first 26 bytes.

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;

/// Length of the header in bytes.
pub(super) const LENGTH: usize = 26;

/// Longest side of a PSD in pixels.
const MAX_PSD_SIDE: u32 = 30_000;
/// Longest side of a PSB in pixels.
const MAX_PSB_SIDE: u32 = 300_000;
const MAX_CHANNELS: u16 = 56;

/// A document's color mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColorMode {
    Bitmap,
    Gray,
    Indexed,
    Rgb,
    Cmyk,
    Multichannel,
    Duotone,
    Lab,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Whether it is a PSB, which has longer length fields.
    pub(super) is_large: bool,
    /// 1 to 56, once [`Self::check_channels`] has passed.
    pub(super) channels: usize,
    /// Width and height in pixels, both above 0.
    pub(super) size: (u32, u32),
    /// Bits per channel, unchecked.
    pub(super) depth: u16,
    pub(super) mode: ColorMode,
}

impl Header {
    /// Parses the header and checks the size.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let header = bytes.first_chunk::<LENGTH>().ok_or_else(|| Error::truncated(ImageKind::Psd))?;
        let u16_at = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let u32_at = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (is_large, height, width) = (header[5] == 2, u32_at(14), u32_at(18));
        if width == 0 || height == 0 {
            return Err(Error::damaged(ImageKind::Psd, "the image is empty"));
        }
        if width.max(height) > if is_large { MAX_PSB_SIDE } else { MAX_PSD_SIDE } {
            return Err(Error::damaged(ImageKind::Psd, "a side is longer than the format allows"));
        }
        Ok(Self {
            is_large,
            channels: u16_at(12).into(),
            size: (width, height),
            depth: u16_at(22),
            mode: color_mode(u16_at(24)),
        })
    }

    pub(super) fn check_channels(&self) -> Result<(), Error> {
        if (1..=usize::from(MAX_CHANNELS)).contains(&self.channels) {
            Ok(())
        } else {
            Err(Error::damaged(ImageKind::Psd, "its number of channels is invalid"))
        }
    }
}

fn color_mode(code: u16) -> ColorMode {
    match code {
        0 => ColorMode::Bitmap,
        1 => ColorMode::Gray,
        2 => ColorMode::Indexed,
        3 => ColorMode::Rgb,
        4 => ColorMode::Cmyk,
        7 => ColorMode::Multichannel,
        8 => ColorMode::Duotone,
        9 => ColorMode::Lab,
        _ => ColorMode::Unknown,
    }
}
