//! The chunks of a WebP, walked before its decoder sees them. The decoder takes memory for a chunk by the
//! length that the chunk tells, and decodes a frame before it compares its size with the one that the file
//! promised. So both are looked at here, and what is wanted of the metadata is taken from here.

use cutline_core::domain::kind::ImageKind;

use super::damaged;
use crate::error::Error;

/// Why a file is damaged.
type Reason = &'static str;
/// Width and height in pixels.
type Size = (u32, u32);

/// Of the flags of an extended file: there are frames instead of a picture.
const ANIMATED: u8 = 0b10;

/// A WebP whose chunks all end within the file, and whose picture or first frame has the size that was
/// promised: that of the canvas, or no more than that for a frame.
pub(super) struct Webp<'a> {
    /// The file without what follows its chunks.
    pub(super) file: &'a [u8],
    /// The canvas.
    pub(super) size: Size,
    pub(super) exif: Option<&'a [u8]>,
    pub(super) profile: Option<&'a [u8]>,
    pub(super) xmp: Option<&'a [u8]>,
    /// How many frames there are; 0 where there is a picture instead.
    pub(super) frames: usize,
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
}

/// Walks the chunks of a file that begins like a WebP.
pub(super) fn walk(bytes: &[u8]) -> Result<Webp<'_>, Error> {
    let webp = || {
        // `RIFF`, the length of what follows that, `WEBP`.
        let (head, chunks) = bytes.split_first_chunk::<12>().ok_or("there is no header")?;
        let [_, _, _, _, a, b, c, d, ..] = *head;
        let end = 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
        let (first, rest) = chunk(chunks)?.ok_or("there is no chunk")?;
        if &first.kind == b"VP8X" { extended(bytes, first.data, rest, end) } else { simple(bytes, &first, rest) }
    };
    webp().map_err(|reason| damaged(ImageKind::Webp, reason))
}

/// The simple form is a picture and nothing else.
fn simple<'a>(bytes: &'a [u8], picture: &Chunk<'a>, rest: &[u8]) -> Result<Webp<'a>, Reason> {
    let size = picture_size(picture.kind, picture.data)?;
    Ok(Webp { file: &bytes[..bytes.len() - rest.len()], size, exif: None, profile: None, xmp: None, frames: 0 })
}

/// The extended form has a header and then, in this order but not only these: profile, picture or frames,
/// Exif data. Of what there should be one of, the first counts.
///
/// Some writers are wrong by a few bytes about where the chunks `end`. So one counts that begins before and
/// goes past it, if only the file is longer; and where the file is shorter, its own end is the end.
fn extended<'a>(bytes: &'a [u8], header: &[u8], mut rest: &'a [u8], end: u64) -> Result<Webp<'a>, Reason> {
    let [flags, _, _, _, size @ ..] = header.first_chunk::<10>().ok_or("the header is too short")?;
    let canvas = (three(size, 0) + 1, three(size, 3) + 1);
    let (mut exif, mut profile, mut xmp, mut frames) = (None, None, None, 0);
    let (mut lossy, mut lossless, mut frame) = (None, None, None);
    while ((bytes.len() - rest.len()) as u64) < end {
        let Some((chunk, after)) = chunk(rest)? else { break };
        rest = after;
        let first = match &chunk.kind {
            b"EXIF" => &mut exif,
            b"ICCP" => &mut profile,
            b"XMP " => &mut xmp,
            b"VP8 " => &mut lossy,
            b"VP8L" => &mut lossless,
            b"ANMF" => {
                frames += 1;
                &mut frame
            }
            _ => continue,
        };
        first.get_or_insert(chunk.data);
    }
    if flags & ANIMATED != 0 {
        check_frame(frame.ok_or("there is no frame")?, canvas)?;
    } else {
        let size = match (lossy, lossless) {
            (Some(lossy), None) => picture_size(*b"VP8 ", lossy)?,
            (None, Some(lossless)) => picture_size(*b"VP8L", lossless)?,
            (None, None) => return Err("there is no picture"),
            (Some(_), Some(_)) => return Err("there are two pictures"),
        };
        if size != canvas {
            return Err("the picture is not of the size of the canvas");
        }
    }
    Ok(Webp { file: &bytes[..bytes.len() - rest.len()], size: canvas, exif, profile, xmp, frames })
}

/// Checks that a frame is of the size that its head tells, and lies on the canvas.
fn check_frame(frame: &[u8], canvas: Size) -> Result<(), Reason> {
    // Half of x and y, width and height less one; three bytes each, like the duration; flags.
    let (head, rest) = frame.split_first_chunk::<16>().ok_or("the frame has no head")?;
    let (x, y) = (three(head, 0) * 2, three(head, 3) * 2);
    let size = (three(head, 6) + 1, three(head, 9) + 1);
    let (mut picture, rest) = chunk(rest)?.ok_or("the frame is empty")?;
    if &picture.kind == b"ALPH" {
        (picture, _) = chunk(rest)?.ok_or("the frame has alpha alone")?;
    }
    if picture_size(picture.kind, picture.data)? != size {
        return Err("the frame is not of the size that its head tells");
    }
    if x + size.0 > canvas.0 || y + size.1 > canvas.1 {
        return Err("the frame does not lie on the canvas");
    }
    Ok(())
}

/// The size of a picture, lossy or lossless, by its own header.
fn picture_size(kind: [u8; 4], data: &[u8]) -> Result<Size, Reason> {
    let (width, height) = match (&kind, data) {
        // After a tag and a mark, two sides of 14 bits; the two bits above them ask for scaling.
        (b"VP8 ", [_, _, _, 0x9D, 0x01, 0x2A, a, b, c, d, ..]) => {
            (u16::from_le_bytes([*a, *b]) & 0x3FFF, u16::from_le_bytes([*c, *d]) & 0x3FFF)
        }
        // After a mark, two sides of 14 bits, less one.
        (b"VP8L", [0x2F, bits @ ..]) => {
            let bits = u32::from_le_bytes(*bits.first_chunk().ok_or("the picture has no header")?);
            ((bits & 0x3FFF) as u16 + 1, (bits >> 14 & 0x3FFF) as u16 + 1)
        }
        (b"VP8 " | b"VP8L", _) => return Err("the picture has no header"),
        _ => return Err("there is no picture where one should be"),
    };
    if width == 0 || height == 0 {
        return Err("the picture is empty");
    }
    Ok((width.into(), height.into()))
}

/// The first chunk, and what follows it. None where there is not even the head of one.
fn chunk(bytes: &[u8]) -> Result<Option<(Chunk<'_>, &[u8])>, Reason> {
    let Some(([a, b, c, d, length @ ..], rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    let (data, rest) = rest.split_at_checked(length).ok_or("a chunk ends past what holds it")?;
    // Chunks begin at even places. The last one may lack the byte that makes its end even.
    let padding = (length % 2).min(rest.len());
    Ok(Some((Chunk { kind: [*a, *b, *c, *d], data }, &rest[padding..])))
}

/// A number of three bytes. The caller knows that they are there.
fn three(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}
