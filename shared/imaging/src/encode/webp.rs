//! WebP: compressed by libwebp, and put into the extended container here, which holds profile and credit.

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;
use webp::{PixelLayout, WebPConfig};

use super::metadata::Facts;
use super::{Document, icc};
use crate::error::Cause;
use crate::planes::PlanarRgba;

/// The longest side, in pixels.
pub(super) const MAX_SIDE: u32 = 16_383;
/// Of 100, for the colors.
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

/// The sides of the squares whose visible pixels fill those that are transparent, in pixels: in the neighbourhood of an
/// edge; and as far as a block of the format reaches and a block beside it, across whose border the format smooths.
const NEAR: usize = 2;
const BLOCK: usize = 16;
/// The most pixels for which a further thread is worth its memory.
const MOST_THREADED: u64 = 16_000_000;

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let (width, height) = document.cutout.dimensions();
    let lossless = rendering.lossless.unwrap_or_default();
    let encoded = {
        let (pixels, layout) = match rendering.channels {
            Channels::Rgba if lossless => (document.cutout.interleaved(), PixelLayout::Rgba),
            Channels::Rgba => (filled(document.cutout), PixelLayout::Rgba),
            Channels::Alpha => {
                (document.cutout.alpha().iter().flat_map(|alpha| [*alpha; 3]).collect(), PixelLayout::Rgb)
            }
        };
        let config = config(rendering, u64::from(width) * u64::from(height))?;
        webp::Encoder::new(&pixels, layout, width, height)
            .encode_advanced(&config)
            .map_err(|error| format!("libwebp says {error:?}"))?
    };
    extended(&encoded, width, height, facts)
}

fn config(rendering: &Rendering, pixels: u64) -> Result<WebPConfig, Cause> {
    let mut config = WebPConfig::new().map_err(|()| "libwebp has another version than it was built for")?;
    // With another thread it compresses alpha beside the colors, and holds what both take.
    config.thread_level = i32::from(pixels <= MOST_THREADED);
    if rendering.lossless.unwrap_or_default() {
        config.lossless = 1;
        config.quality = EFFORT;
        config.method = 2;
    } else {
        config.quality = rendering.quality.map_or(QUALITY, |quality| f32::from(quality.get()));
        // Color is stored at half the size. This keeps it from bleeding over sharp edges.
        config.use_sharp_yuv = 1;
    }
    Ok(config)
}

/// Red, green, blue and alpha of every pixel; where alpha is 0, colors of visible pixels near by. Color is stored at
/// half the size and by blocks, so that what is beneath transparency shows at the edge of what is visible. Pixels far
/// from it are black.
fn filled(cutout: &PlanarRgba) -> Vec<u8> {
    let (width, height) = cutout.dimensions();
    let mut rgba = cutout.interleaved();
    let near = Means::new(&rgba, width as usize, height as usize, NEAR);
    let block = Means::new(&rgba, width as usize, height as usize, BLOCK);
    for (y, row) in rgba.chunks_exact_mut(width as usize * 4).enumerate() {
        let (pixels, _) = row.as_chunks_mut::<4>();
        for (x, pixel) in pixels.iter_mut().enumerate().filter(|(_, pixel)| pixel[3] == 0) {
            let [red, green, blue] = near.around(x, y).or_else(|| block.around(x, y)).unwrap_or_default();
            *pixel = [red, green, blue, 0];
        }
    }
    rgba
}

/// The mean colors of what is visible, in squares.
struct Means {
    side: usize,
    across: usize,
    /// The sums of red, green and blue, and how many pixels they are of.
    sums: Vec<[u32; 4]>,
}

impl Means {
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

    /// The mean color of the square that a pixel is in and the eight around it.
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
