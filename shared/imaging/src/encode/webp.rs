//! WebP: compressed by libwebp, and put into the extended container here, which holds profile and credit.

use cutline_core::Channels;
use cutline_core::rendering::Rendering;
use webp::{PixelLayout, WebPConfig};

use super::metadata::Facts;
use super::{Document, icc};
use crate::error::Cause;

/// The longest side, in pixels.
pub(super) const MAX_SIDE: u32 = 16_383;
/// Of 100, for the colours.
const QUALITY: f32 = 90.0;
/// Of 100: how long the lossless encoder tries. More takes several times as long for a few per cent.
const EFFORT: f32 = 25.0;

/// Bits of the extended header.
mod flag {
    pub(super) const PROFILE: u8 = 0x20;
    pub(super) const ALPHA: u8 = 0x10;
    pub(super) const EXIF: u8 = 0x08;
    pub(super) const XMP: u8 = 0x04;
}

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let (width, height) = document.cutout.dimensions();
    let encoded = {
        let (pixels, layout) = match rendering.channels {
            Channels::Rgba => (document.cutout.interleaved(), PixelLayout::Rgba),
            Channels::Alpha => {
                (document.cutout.alpha().iter().flat_map(|alpha| [*alpha; 3]).collect(), PixelLayout::Rgb)
            }
        };
        let config = config(rendering)?;
        webp::Encoder::new(&pixels, layout, width, height)
            .encode_advanced(&config)
            .map_err(|error| format!("libwebp says {error:?}"))?
    };
    extended(&encoded, width, height, facts)
}

fn config(rendering: &Rendering) -> Result<WebPConfig, Cause> {
    let mut config = WebPConfig::new().map_err(|()| "libwebp has another version than it was built for")?;
    config.thread_level = 1;
    if rendering.lossless {
        config.lossless = 1;
        config.quality = EFFORT;
        config.method = 2;
    } else {
        config.quality = rendering.quality.map_or(QUALITY, |quality| f32::from(quality.get()));
        // Colour is stored at half the size. This keeps it from bleeding over sharp edges.
        config.use_sharp_yuv = 1;
    }
    Ok(config)
}

/// The same picture in the extended container.
fn extended(encoded: &[u8], width: u32, height: u32, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let mut flags = flag::PROFILE | flag::EXIF;
    let mut picture: Vec<(&[u8], &[u8])> = Vec::new();
    let mut rest = encoded.get(12..).ok_or("libwebp wrote no file")?;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let (kind, length) = head.split_at(4);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let content = after.get(..length).ok_or("libwebp wrote a chunk that is cut off")?;
        match kind {
            b"ALPH" => flags |= flag::ALPHA,
            // A signature, twice 14 bits of size, and whether there is alpha.
            b"VP8L" if content.get(4).is_some_and(|byte| byte & 0x10 != 0) => flags |= flag::ALPHA,
            _ => {}
        }
        if kind != b"VP8X" {
            picture.push((kind, content));
        }
        rest = after.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    let packet = facts.xmp();
    if packet.is_some() {
        flags |= flag::XMP;
    }

    let mut file = Vec::with_capacity(encoded.len() + 16_384);
    file.extend(b"RIFF\0\0\0\0WEBP");
    let [size_x, size_y] = [width, height].map(|side| (side - 1).to_le_bytes());
    chunk(&mut file, b"VP8X", &[&[flags, 0, 0, 0], &size_x[..3], &size_y[..3]].concat())?;
    chunk(&mut file, b"ICCP", &icc::srgb())?;
    for (kind, content) in picture {
        chunk(&mut file, kind, content)?;
    }
    chunk(&mut file, b"EXIF", &facts.exif(width, height, false)?)?;
    if let Some(packet) = packet {
        chunk(&mut file, b"XMP ", &packet)?;
    }
    let size = u32::try_from(file.len() - 8)?.to_le_bytes();
    file[4..8].copy_from_slice(&size);
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: &[u8], content: &[u8]) -> Result<(), Cause> {
    file.extend(kind);
    file.extend(u32::try_from(content.len())?.to_le_bytes());
    file.extend(content);
    file.extend((content.len() % 2 == 1).then_some(0));
    Ok(())
}
