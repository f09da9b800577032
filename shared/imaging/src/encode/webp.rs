//! WebP: compressed by libwebp, then put into the extended container, which can hold profile and credit.

use std::alloc::{Layout, handle_alloc_error};

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;
use libwebp_sys::WebPEncodingError;
use webp::{PixelLayout, WebPConfig};

use super::document::Document;
use super::exif::ExifColors;
use super::icc;
use super::metadata::FileMetadata;
use crate::error::Cause;
use crate::file_colors::EmbeddedProfile;
use crate::planes::PlanarRgba;
use crate::sample::ColorSample;

/// Out of 100, for the colors.
const DEFAULT_QUALITY: f32 = 90.0;
/// Out of 100, and effort from 0 to 6, for previews: more effort takes several times as long and saves a few percent.
const PREVIEW_QUALITY: f32 = 80.0;
const PREVIEW_METHOD: i32 = 1;
/// Effort of the lossless encoder, out of 100. More takes several times as long and saves a few percent.
const EFFORT: f32 = 25.0;

/// Bits of the extended header.
mod flag {
    pub(super) const PROFILE: u8 = 0x20;
    pub(super) const ALPHA: u8 = 0x10;
    pub(super) const EXIF: u8 = 0x08;
    pub(super) const XMP: u8 = 0x04;
}

/// Sides of the squares whose visible pixels fill transparent ones, in pixels: close to an edge, and as far as a block of
/// the format and its neighbor reach, since the format smooths across block borders.
const NEAR: usize = 2;
const BLOCK: usize = 16;
/// Beyond this many pixels a second thread is not worth its memory.
const MAX_THREADED_PIXELS: u64 = 16_000_000;

pub(super) fn write<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
    let encoded = compress(document.cutout, rendering)?;
    // Alpha alone is gray, for which no profile of colors is made.
    let is_color = rendering.channels == Channels::Rgba;
    let profile = if is_color { &document.file.profile } else { &EmbeddedProfile::Srgb };
    extended(&encoded, document.cutout.dimensions(), metadata, profile)
}

/// A small picture for screens, in the plain container: sRGB is what browsers take it for.
///
/// # Errors
/// If libwebp fails.
pub(crate) fn write_preview(picture: &PlanarRgba) -> Result<Vec<u8>, Cause> {
    let (width, height) = picture.dimensions();
    let pixels = filled(picture);
    let mut config = new_config()?;
    config.quality = PREVIEW_QUALITY;
    config.method = PREVIEW_METHOD;
    let encoder = webp::Encoder::new(&pixels, PixelLayout::Rgba, width, height);
    Ok(encoder.encode_advanced(&config).map_err(|error| failed(error, &pixels))?.to_vec())
}

/// The picture as libwebp encodes it.
fn compress<T: ColorSample>(cutout: &PlanarRgba<T>, rendering: &Rendering) -> Result<webp::WebPMemory, Cause> {
    let (width, height) = cutout.dimensions();
    let lossless = rendering.lossless.unwrap_or_default();
    let (pixels, layout) = match rendering.channels {
        Channels::Rgba if lossless => (cutout.interleaved(), PixelLayout::Rgba),
        Channels::Rgba => (filled(cutout), PixelLayout::Rgba),
        Channels::Alpha => (cutout.alpha().iter().flat_map(|alpha| [*alpha; 3]).collect(), PixelLayout::Rgb),
    };
    let config = config(rendering, u64::from(width) * u64::from(height))?;
    let encoder = webp::Encoder::new(&pixels, layout, width, height);
    encoder.encode_advanced(&config).map_err(|error| failed(error, &pixels))
}

/// The cause of libwebp's error. Without memory it returns an error where Rust ends the process; this does the same, so
/// that a picture over its limit has one outcome.
fn failed(error: WebPEncodingError, pixels: &[u8]) -> Cause {
    match error {
        WebPEncodingError::VP8_ENC_ERROR_OUT_OF_MEMORY
        | WebPEncodingError::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY
        // There are no pixels because their copy could not be allocated.
        | WebPEncodingError::VP8_ENC_ERROR_NULL_PARAMETER => handle_alloc_error(Layout::for_value(pixels)),
        error => format!("libwebp failed: {error:?}").into(),
    }
}

fn new_config() -> Result<WebPConfig, Cause> {
    WebPConfig::new().map_err(|()| "libwebp mismatch: the library has another version than its headers".into())
}

fn config(rendering: &Rendering, pixels: u64) -> Result<WebPConfig, Cause> {
    let mut config = new_config()?;
    // A second thread compresses alpha in parallel with the colors, and both working sets are in memory.
    config.thread_level = i32::from(pixels <= MAX_THREADED_PIXELS);
    if rendering.lossless.unwrap_or_default() {
        config.lossless = 1;
        config.quality = EFFORT;
        config.method = 2;
    } else {
        config.quality = rendering.quality.map_or(DEFAULT_QUALITY, |quality| f32::from(quality.get()));
        // Chroma is stored at half the resolution. This keeps it from bleeding across sharp edges.
        config.use_sharp_yuv = 1;
    }
    Ok(config)
}

/// RGBA of every pixel, with fully transparent pixels in the mean color of visible pixels close by, or black if there are
/// none. Chroma is stored at half the resolution and in blocks, so that transparent pixels would otherwise discolor the
/// visible edge.
fn filled<T: ColorSample>(cutout: &PlanarRgba<T>) -> Vec<u8> {
    let (width, height) = cutout.dimensions();
    let mut rgba = cutout.interleaved();
    let near = BlockMeans::new(&rgba, width as usize, height as usize, NEAR);
    let block = BlockMeans::new(&rgba, width as usize, height as usize, BLOCK);
    for (y, row) in rgba.chunks_exact_mut(width as usize * 4).enumerate() {
        let (pixels, _) = row.as_chunks_mut::<4>();
        for (x, pixel) in pixels.iter_mut().enumerate().filter(|(_, pixel)| pixel[3] == 0) {
            let [red, green, blue] = near.around(x, y).or_else(|| block.around(x, y)).unwrap_or_default();
            *pixel = [red, green, blue, 0];
        }
    }
    rgba
}

/// The mean colors of the visible pixels in squares of the picture.
struct BlockMeans {
    side: usize,
    across: usize,
    /// For each square the sums of red, green and blue, and the number of visible pixels.
    sums: Vec<[u32; 4]>,
}

impl BlockMeans {
    fn new(rgba: &[u8], width: usize, height: usize, side: usize) -> Self {
        let across = width.div_ceil(side);
        let mut sums = vec![[0; 4]; across * height.div_ceil(side)];
        for (y, row) in rgba.chunks_exact(width * 4).enumerate() {
            let (pixels, _) = row.as_chunks::<4>();
            for (x, [red, green, blue, _]) in pixels.iter().enumerate().filter(|(_, pixel)| pixel[3] > 0) {
                let sum = &mut sums[y / side * across + x / side];
                for (sum, value) in sum.iter_mut().zip([*red, *green, *blue, 1]) {
                    *sum += u32::from(value);
                }
            }
        }
        Self { side, across, sums }
    }

    /// The mean color of the pixel's square and the eight around it; `None` if nothing in them is visible.
    fn around(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let (x, y) = (x / self.side, y / self.side);
        let mut sum = [0; 4];
        for row in self.sums.chunks_exact(self.across).skip(y.saturating_sub(1)).take(if y == 0 { 2 } else { 3 }) {
            for square in &row[x.saturating_sub(1)..(x + 2).min(self.across)] {
                sum = std::array::from_fn(|n| sum[n] + square[n]);
            }
        }
        mean(sum)
    }
}

fn mean([red, green, blue, count]: [u32; 4]) -> Option<[u8; 3]> {
    (count > 0).then(|| [red, green, blue].map(|sum| ((sum + count / 2) / count) as u8))
}

/// The same picture in the extended container.
fn extended(
    encoded: &[u8],
    (width, height): (u32, u32),
    metadata: &FileMetadata,
    profile: &EmbeddedProfile,
) -> Result<Vec<u8>, Cause> {
    let picture = picture_chunks(encoded)?;
    let (packet, icc) = (metadata.xmp(), icc::of(profile));
    let mut flags = flag::EXIF;
    if icc.is_some() {
        flags |= flag::PROFILE;
    }
    if picture.iter().any(Chunk::has_alpha) {
        flags |= flag::ALPHA;
    }
    if packet.is_some() {
        flags |= flag::XMP;
    }

    let mut file = Vec::with_capacity(encoded.len() + 16_384);
    file.extend(b"RIFF\0\0\0\0WEBP");
    let [size_x, size_y] = [width, height].map(|side| (side - 1).to_le_bytes());
    append_chunk(&mut file, b"VP8X", &[&[flags, 0, 0, 0], &size_x[..3], &size_y[..3]].concat())?;
    if let Some(icc) = icc {
        append_chunk(&mut file, b"ICCP", &icc)?;
    }
    for Chunk { kind, content } in picture {
        append_chunk(&mut file, kind, content)?;
    }
    append_chunk(&mut file, b"EXIF", &metadata.exif((width, height), ExifColors::of(Channels::Rgba, profile))?)?;
    if let Some(packet) = packet {
        append_chunk(&mut file, b"XMP ", &packet)?;
    }
    let size = u32::try_from(file.len() - 8)?.to_le_bytes();
    file[4..8].copy_from_slice(&size);
    Ok(file)
}

/// A chunk of a RIFF file.
struct Chunk<'a> {
    kind: &'a [u8],
    content: &'a [u8],
}

impl Chunk<'_> {
    /// Whether the chunk contains alpha.
    fn has_alpha(&self) -> bool {
        match self.kind {
            b"ALPH" => true,
            // A signature, 14 bits of width and of height, and the bit for alpha.
            b"VP8L" => self.content.get(4).is_some_and(|byte| byte & 0x10 != 0),
            _ => false,
        }
    }
}

/// The chunks of a file, without an extended header.
fn picture_chunks(file: &[u8]) -> Result<Vec<Chunk<'_>>, Cause> {
    let mut chunks = Vec::new();
    let mut rest = file.get(12..).ok_or("unexpected output of libwebp: no RIFF header")?;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let (kind, length) = head.split_at(4);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let content = after.get(..length).ok_or("unexpected output of libwebp: a chunk is truncated")?;
        if kind != b"VP8X" {
            chunks.push(Chunk { kind, content });
        }
        rest = after.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    Ok(chunks)
}

fn append_chunk(file: &mut Vec<u8>, kind: &[u8], content: &[u8]) -> Result<(), Cause> {
    file.extend(kind);
    file.extend(u32::try_from(content.len())?.to_le_bytes());
    file.extend(content);
    file.extend((content.len() % 2 == 1).then_some(0));
    Ok(())
}
