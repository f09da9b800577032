//! The sections of a Photoshop document. Their lengths are untrusted.

use cutline_core::domain::kind::ImageKind;

use super::header::{self, Header};
use crate::error::Error;

/// Compression of the merged image, or of a channel of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// Rows in PackBits.
    PackBits,
    Deflate {
        is_predicted: bool,
    },
}

impl Compression {
    pub(super) fn from_code(code: u16) -> Result<Self, Error> {
        match code {
            0 => Ok(Self::None),
            1 => Ok(Self::PackBits),
            2 => Ok(Self::Deflate { is_predicted: false }),
            3 => Ok(Self::Deflate { is_predicted: true }),
            _ => Err(Error::damaged(ImageKind::Psd, "its compression is invalid")),
        }
    }
}

#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) header: Header,
    /// A palette, or the inks of a duotone.
    pub(super) color_data: &'a [u8],
    /// The image resources.
    pub(super) resources: &'a [u8],
    /// The section of layers and masks.
    layers: &'a [u8],
    /// Whether the first channel after the colors is the alpha of the merged image.
    pub(super) has_merged_alpha: bool,
    pub(super) compression: Compression,
    /// The data of the merged image, to the end of the file.
    pub(super) merged_image: &'a [u8],
}

impl<'a> Document<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::parse(bytes)?;
        header.check_channels()?;
        // Color mode data (a palette, or the inks of a duotone), image resources, layers, merged image.
        let (color_data, rest) = split_section(&bytes[header::LENGTH..], false)?;
        let (resources, rest) = split_section(rest, false)?;
        let (layers, rest) = split_section(rest, header.is_large)?;
        let (compression, merged_image) = rest.split_first_chunk().ok_or_else(|| Error::truncated(ImageKind::Psd))?;
        let compression = Compression::from_code(u16::from_be_bytes(*compression))?;
        let has_merged_alpha = has_merged_alpha(layers, header.is_large).unwrap_or(false);
        Ok(Self { header, color_data, resources, layers, has_merged_alpha, compression, merged_image })
    }
}

impl<'a> Document<'a> {
    /// The number of layers, their records and channels, if there are layers.
    pub(super) fn layer_info(&self) -> Option<&'a [u8]> {
        layer_info(self.layers, self.header.is_large)
    }
}

/// A section and the bytes after it. Its length precedes it, in eight bytes if `wide`, else in four.
pub(super) fn split_section(bytes: &[u8], wide: bool) -> Result<(&[u8], &[u8]), Error> {
    let truncated = || Error::truncated(ImageKind::Psd);
    let (length, rest) = if wide {
        let (length, rest) = bytes.split_first_chunk().ok_or_else(truncated)?;
        (u64::from_be_bytes(*length), rest)
    } else {
        let (length, rest) = bytes.split_first_chunk().ok_or_else(truncated)?;
        (u32::from_be_bytes(*length).into(), rest)
    };
    let length = usize::try_from(length).map_err(|_| truncated())?;
    rest.split_at_checked(length).ok_or_else(truncated)
}

/// Keys of blocks whose length has eight bytes in a PSB.
const WIDE_KEYS: [&[u8; 4]; 13] = [
    b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk", b"lnk2", b"FEid", b"FXid", b"PxSD",
];

/// Whether the layer section says that the merged image has alpha; `None` if it does not say.
///
/// A negative number of layers means that it does. Some documents of 16 bits have a block that only states that there is
/// alpha.
fn has_merged_alpha(layers: &[u8], large: bool) -> Option<bool> {
    if let Some(info) = layer_info(layers, large) {
        return info.first().map(|byte| byte & 0x80 != 0);
    }
    further_blocks(layers, large)?.any(|(key, _)| matches!(key, b"Mtrn" | b"Mt16" | b"Mt32")).then_some(true)
}

/// The number of layers, their records and channels. Documents of 16 bits leave the sections of layers and mask empty, and
/// put the layers into an additional block after them.
fn layer_info(layers: &[u8], large: bool) -> Option<&[u8]> {
    let (info, _) = split_section(layers, large).ok()?;
    if !info.is_empty() {
        return Some(info);
    }
    further_blocks(layers, large)?.find(|(key, _)| matches!(*key, b"Lr16" | b"Lr32" | b"Layr")).map(|(_, data)| data)
}

/// The additional blocks after the sections of layers and mask.
fn further_blocks(layers: &[u8], large: bool) -> Option<impl Iterator<Item = (&[u8; 4], &[u8])>> {
    let (_info, rest) = split_section(layers, large).ok()?;
    let (_mask, rest) = split_section(rest, false).ok()?;
    Some(blocks(rest, large))
}

/// Blocks: a signature, a key, data padded to a multiple of 2 or 4. The search skips the padding byte by byte.
pub(super) fn blocks(bytes: &[u8], large: bool) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let (signature, after) = rest.split_first_chunk::<4>()?;
            if signature != b"8BIM" && signature != b"8B64" {
                rest = &rest[1..];
                continue;
            }
            let (key, after) = after.split_first_chunk::<4>()?;
            let (data, after) = split_section(after, large && WIDE_KEYS.contains(&key)).ok()?;
            rest = after;
            return Some((key, data));
        }
    })
}
