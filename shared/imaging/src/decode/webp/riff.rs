//! The chunks of a WebP, checked before its decoder sees them (RFC 9649, section 2).
//!
//! The decoder allocates memory by the length that a chunk states, and decodes a frame before it compares its size with
//! the canvas. So both are checked here, and the metadata is read on the way.

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;

use crate::decode::animation::MAX_FRAMES;
use crate::error::Error;

/// Width and height in pixels.
type Size = (u32, u32);

/// Flag of an extended file: it has frames instead of an image.
const ANIMATED: u8 = 0b10;
/// Flag of an extended file: some of it is transparent.
const ALPHA: u8 = 0b1_0000;
/// Bytes of a chunk in front of its data.
const CHUNK_HEADER: usize = 8;
/// Flag of a frame: it replaces what is below it.
const NOT_BLENDED: u8 = 0b10;
/// The place of the flags in the data of a frame.
const FRAME_FLAGS: usize = 15;
/// The place of the flags: behind the header of the file, and that of its first chunk.
const FLAGS: usize = 20;

/// A WebP whose chunks all end within the file. Its image has the size of the canvas, or its first frame lies on it.
pub(super) struct Webp<'a> {
    /// The file without bytes after its chunks.
    pub(super) file: &'a [u8],
    /// Size of the canvas.
    pub(super) size: Size,
    pub(super) exif: Option<&'a [u8]>,
    pub(super) profile: Option<&'a [u8]>,
    pub(super) xmp: Option<&'a [u8]>,
    /// Number of frames. A file that is not animated has none.
    pub(super) frames: usize,
    /// How many of the first frames have a header that their image agrees with, and lie on the canvas; of them at most as
    /// many are counted as are ever decoded.
    pub(super) sound_frames: usize,
    first_frame: Option<FirstFrame>,
}

/// The first frame of an animation.
struct FirstFrame {
    /// The place of its flags in the file.
    flags: usize,
    /// Whether it leaves a part of the canvas free.
    is_partial: bool,
}

impl<'a> Webp<'a> {
    /// The file with the flags with which its decoder composes the first frame exactly. Blending it with the blank canvas
    /// would darken it by a step. Where it leaves a part of the canvas free, a file that does not say that it has
    /// transparency would get black there.
    pub(super) fn composable(&self) -> Cow<'a, [u8]> {
        let mut file = Cow::Borrowed(self.file);
        let mut set = |at: usize, flag: u8| {
            if self.file.get(at).is_some_and(|flags| flags & flag == 0) {
                file.to_mut()[at] |= flag;
            }
        };
        if let Some(frame) = &self.first_frame {
            set(frame.flags, NOT_BLENDED);
            if frame.is_partial {
                set(FLAGS, ALPHA);
            }
        }
        file
    }
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
}

/// The chunks of an extended file that matter here. Of repeated chunks the first counts.
#[derive(Default)]
struct ExtendedChunks<'a> {
    exif: Option<&'a [u8]>,
    profile: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
    lossy: Option<&'a [u8]>,
    lossless: Option<&'a [u8]>,
    /// The first frames.
    first_frames: Vec<&'a [u8]>,
    /// The place of the first one in the file.
    first_frame_at: usize,
    frames: usize,
}

fn damaged(problem: &'static str) -> Error {
    Error::damaged(ImageKind::Webp, problem)
}

fn truncated() -> Error {
    Error::truncated(ImageKind::Webp)
}

/// Parses and checks a file that begins with the signature of WebP.
pub(super) fn parse(bytes: &[u8]) -> Result<Webp<'_>, Error> {
    // `RIFF`, the length of the rest, `WEBP`.
    let (head, chunks) = bytes.split_first_chunk::<12>().ok_or_else(truncated)?;
    let [_, _, _, _, a, b, c, d, ..] = *head;
    let end = 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
    let (first, rest) = split_chunk(chunks)?.ok_or_else(truncated)?;
    if &first.kind == b"VP8X" {
        parse_extended(bytes, first.data, rest, end)
    } else {
        parse_simple(bytes, &first, rest)
    }
}

/// The simple format: one image and no metadata.
fn parse_simple<'a>(bytes: &'a [u8], image: &Chunk<'a>, rest: &[u8]) -> Result<Webp<'a>, Error> {
    let size = image_size(image.kind, image.data)?;
    let file = &bytes[..bytes.len() - rest.len()];
    Ok(Webp { file, size, exif: None, profile: None, xmp: None, frames: 0, sound_frames: 0, first_frame: None })
}

/// The extended format: a header, then among others a profile, an image or frames, and metadata.
fn parse_extended<'a>(bytes: &'a [u8], header: &[u8], rest: &'a [u8], end: u64) -> Result<Webp<'a>, Error> {
    let [flags, _, _, _, size @ ..] = header.first_chunk::<10>().ok_or_else(|| damaged("the header is too short"))?;
    let canvas = (u24(size, 0) + 1, u24(size, 3) + 1);
    let (chunks, rest) = read_chunks(bytes, rest, end)?;
    let (mut sound_frames, mut first_frame) = (0, None);
    if flags & ANIMATED != 0 {
        let first = chunks.first_frames.first().ok_or_else(|| damaged("it has no frame"))?;
        let is_partial = check_frame(first, canvas)? != canvas;
        first_frame = Some(FirstFrame { flags: chunks.first_frame_at + FRAME_FLAGS, is_partial });
        sound_frames = chunks.first_frames.iter().take_while(|frame| check_frame(frame, canvas).is_ok()).count();
    } else {
        let size = match (chunks.lossy, chunks.lossless) {
            (Some(lossy), None) => image_size(*b"VP8 ", lossy)?,
            (None, Some(lossless)) => image_size(*b"VP8L", lossless)?,
            (None, None) => return Err(damaged("it has no image")),
            (Some(_), Some(_)) => return Err(damaged("it has two images")),
        };
        if size != canvas {
            return Err(damaged("image and canvas differ in size"));
        }
    }
    let ExtendedChunks { exif, profile, xmp, frames, .. } = chunks;
    let file = &bytes[..bytes.len() - rest.len()];
    Ok(Webp { file, size: canvas, exif, profile, xmp, frames, sound_frames, first_frame })
}

/// Reads the chunks after the header, up to the stated `end`; also returns the bytes after them.
///
/// Some writers state an end that is off by a few bytes. So a chunk that begins before the end may go past it, and a
/// file may end before it.
fn read_chunks<'a>(bytes: &'a [u8], mut rest: &'a [u8], end: u64) -> Result<(ExtendedChunks<'a>, &'a [u8]), Error> {
    let mut chunks = ExtendedChunks::default();
    while ((bytes.len() - rest.len()) as u64) < end {
        let start = bytes.len() - rest.len();
        let Some((chunk, after)) = split_chunk(rest)? else { break };
        rest = after;
        let field = match &chunk.kind {
            b"EXIF" => &mut chunks.exif,
            b"ICCP" => &mut chunks.profile,
            b"XMP " => &mut chunks.xmp,
            b"VP8 " => &mut chunks.lossy,
            b"VP8L" => &mut chunks.lossless,
            b"ANMF" => {
                chunks.frames += 1;
                if chunks.first_frames.is_empty() {
                    chunks.first_frame_at = start + CHUNK_HEADER;
                }
                if chunks.first_frames.len() < MAX_FRAMES {
                    chunks.first_frames.push(chunk.data);
                }
                continue;
            }
            _ => continue,
        };
        field.get_or_insert(chunk.data);
    }
    Ok((chunks, rest))
}

/// Checks that a frame's image has the size in the frame's header, and lies on the canvas. Returns that size.
fn check_frame(frame: &[u8], canvas: Size) -> Result<Size, Error> {
    // Half of x, half of y, width - 1, height - 1, duration, each of three bytes; flags.
    let (header, rest) = frame.split_first_chunk::<16>().ok_or_else(|| damaged("the frame has no header"))?;
    let (x, y) = (u24(header, 0) * 2, u24(header, 3) * 2);
    let size = (u24(header, 6) + 1, u24(header, 9) + 1);
    let (mut image, rest) = split_chunk(rest)?.ok_or_else(|| damaged("the frame is empty"))?;
    if &image.kind == b"ALPH" {
        (image, _) = split_chunk(rest)?.ok_or_else(|| damaged("the frame has alpha but no colors"))?;
    }
    if image_size(image.kind, image.data)? != size {
        return Err(damaged("the frame's image and header differ in size"));
    }
    if x + size.0 > canvas.0 || y + size.1 > canvas.1 {
        return Err(damaged("the frame lies outside the canvas"));
    }
    Ok(size)
}

/// Size of an image by its own header, in a `VP8 ` (lossy) or `VP8L` (lossless) chunk.
fn image_size(kind: [u8; 4], data: &[u8]) -> Result<Size, Error> {
    let (width, height) = match (&kind, data) {
        // A frame tag and a start code, then two sides of 14 bits. The two bits above each ask for upscaling.
        (b"VP8 ", [_, _, _, 0x9D, 0x01, 0x2A, a, b, c, d, ..]) => {
            (u16::from_le_bytes([*a, *b]) & 0x3FFF, u16::from_le_bytes([*c, *d]) & 0x3FFF)
        }
        // A signature, then two sides of 14 bits, less 1.
        (b"VP8L", [0x2F, bits @ ..]) => {
            let bits = u32::from_le_bytes(*bits.first_chunk().ok_or_else(|| damaged("the image has no header"))?);
            ((bits & 0x3FFF) as u16 + 1, (bits >> 14 & 0x3FFF) as u16 + 1)
        }
        (b"VP8 " | b"VP8L", _) => return Err(damaged("the image has no header")),
        _ => return Err(damaged("it has no image")),
    };
    if width == 0 || height == 0 {
        return Err(damaged("the image is empty"));
    }
    Ok((width.into(), height.into()))
}

/// The first chunk, and the bytes after it. `None` if there is not even a chunk's header.
fn split_chunk(bytes: &[u8]) -> Result<Option<(Chunk<'_>, &[u8])>, Error> {
    let Some(([a, b, c, d, length @ ..], rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    let (data, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
    // Chunks are padded to even lengths. The last one may lack its padding.
    let padding = (length % 2).min(rest.len());
    Ok(Some((Chunk { kind: [*a, *b, *c, *d], data }, &rest[padding..])))
}

/// A little-endian number of three bytes. The caller guarantees that they exist.
fn u24(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}
