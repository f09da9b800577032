//! GIF: the first frame that shows something, on the canvas.
//!
//! Like viewers, grows a canvas that is smaller than the first frame, and crops later frames.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::num::NonZeroU64;

use cutline_core::domain::kind::ImageKind;
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, Frame, MemoryLimit};

use super::animation::{self, MAX_FRAMES, PIXELS_FACTOR};
use super::color::{ColorEncoding, ColorModel, TargetColors};
use super::limits::{Limits, PixelBudget};
use super::metadata::MetadataSources;
use super::metadata::kept::Kept;
use super::raster;
use super::upright::upright;
use crate::error::Error;
use crate::photo::Photo;

const KIND: ImageKind = ImageKind::Gif;

/// Memory per pixel while the frame is copied to the canvas, both in RGBA.
const BYTES_PER_PIXEL: u8 = 8;
type Size = (u32, u32);

pub(super) fn dimensions(bytes: &[u8]) -> Result<Size, Error> {
    // A signature of six bytes, then width and height.
    let size = bytes.get(6..).and_then(|rest| rest.first_chunk::<4>());
    let [a, b, c, d] = size.ok_or_else(|| Error::truncated(KIND))?;
    let stated = (u16::from_le_bytes([*a, *b]).into(), u16::from_le_bytes([*c, *d]).into());
    let (right, bottom) = first_frame_end(bytes).unwrap_or(stated);
    let size = (right.max(stated.0), bottom.max(stated.1));
    if size.0 == 0 || size.1 == 0 {
        return Err(Error::damaged(KIND, "the image is empty"));
    }
    Ok(size)
}

/// Where the first frame ends on the canvas, if it can be read. Decodes no pixels.
fn first_frame_end(bytes: &[u8]) -> Option<Size> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(bytes).ok()?;
    let frame = decoder.next_frame_info().ok()??;
    Some((u32::from(frame.left) + u32::from(frame.width), u32::from(frame.top) + u32::from(frame.height)))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let size = dimensions(bytes)?;
    limits.check(size, BYTES_PER_PIXEL)?;
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(NonZeroU64::new(limits.max_alloc).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(bytes).map_err(decoder_error)?;
    let budget = PixelBudget::new(limits.max_pixels.saturating_mul(PIXELS_FACTOR));
    let (canvas, used) = draw_frames(&mut decoder, size, &budget)?;

    let (profile, xmp) = (decoder.icc_profile().map(<[u8]>::to_vec), decoder.xmp_metadata().map(<[u8]>::to_vec));
    // Frees its copy of the frame.
    drop(decoder);
    let sources = MetadataSources { xmp: xmp.map(Cow::Owned), ..MetadataSources::default() };
    let mut metadata = sources.merge();
    let task = ColorEncoding::from(profile.as_deref()).towards(target);
    let image = raster::convert_samples::<u8, 4>(&canvas.rgba, size, ColorModel::Rgb, task, &mut metadata);
    if used > 1 {
        metadata.warnings.push(animation::later_frame(used));
    } else if is_animated(bytes) {
        metadata.warnings.push(animation::FIRST_FRAME_ONLY.into());
    }
    upright(KIND, image, &[sources.orientation()], metadata)
}

/// All metadata of the file up to its first frame. Decodes no pixels.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut decoder) = options.read_info(bytes) else { return Kept::default() };
    // Extensions are read on the way to a frame.
    if decoder.next_frame_info().is_err() {
        return Kept::default();
    }
    let xmp = decoder.xmp_metadata().map(Cow::Borrowed);
    MetadataSources { xmp, ..MetadataSources::default() }.kept()
}

/// Draws frames until one shows something; if none does, the first ones that the budget covers. Returns the canvas and
/// the number of its last frame, from 1.
fn draw_frames(decoder: &mut Decoder<&[u8]>, size: Size, budget: &PixelBudget) -> Result<(Canvas, usize), Error> {
    let mut canvas = Canvas::new(size);
    let mut number = 0;
    loop {
        let frame = match decoder.read_next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) if number == 0 => return Err(Error::damaged(KIND, "it has no frame")),
            Err(error) if number == 0 => return Err(decoder_error(error)),
            Ok(None) | Err(_) => return Ok((canvas, 1)),
        };
        number += 1;
        let before = canvas.first_pixel();
        canvas.draw(frame);
        if !canvas.is_blank() {
            return Ok((canvas, number));
        }
        // The canvas was of one color before, too.
        match frame.dispose {
            DisposalMethod::Background => canvas.fill([0; 4]),
            DisposalMethod::Previous => canvas.fill(before),
            DisposalMethod::Any | DisposalMethod::Keep => {}
        }
        let pixels = u64::from(frame.width) * u64::from(frame.height);
        if number == MAX_FRAMES || !budget.spend(pixels) {
            return Ok((canvas, 1));
        }
    }
}

/// RGBA of the whole image.
struct Canvas {
    rgba: Vec<u8>,
    columns: usize,
}

impl Canvas {
    /// A transparent canvas.
    fn new((width, height): Size) -> Self {
        let columns = width as usize;
        Self { rgba: vec![0; columns * height as usize * 4], columns }
    }

    fn fill(&mut self, color: [u8; 4]) {
        self.rgba.as_chunks_mut::<4>().0.fill(color);
    }

    fn first_pixel(&self) -> [u8; 4] {
        self.rgba.first_chunk().copied().unwrap_or_default()
    }

    /// Whether all pixels have one color, or are transparent.
    fn is_blank(&self) -> bool {
        let visible = |[red, green, blue, alpha]: [u8; 4]| if alpha == 0 { [0; 4] } else { [red, green, blue, alpha] };
        let first = visible(self.first_pixel());
        self.rgba.as_chunks::<4>().0.iter().all(|pixel| visible(*pixel) == first)
    }

    /// Draws the part of a frame that lies on the canvas.
    fn draw(&mut self, frame: &Frame<'_>) {
        let (left, top) = (usize::from(frame.left), usize::from(frame.top));
        let frame_columns = usize::from(frame.width);
        if frame_columns == 0 || left >= self.columns {
            return;
        }
        let visible_columns = frame_columns.min(self.columns - left);
        let rows = self.rgba.chunks_exact_mut(self.columns * 4).skip(top);
        for (row, pixels) in rows.zip(frame.buffer.chunks_exact(frame_columns * 4)) {
            let (targets, _) = row[left * 4..][..visible_columns * 4].as_chunks_mut::<4>();
            for (target, pixel) in targets.iter_mut().zip(pixels.as_chunks::<4>().0) {
                if pixel[3] != 0 {
                    *target = *pixel;
                }
            }
        }
    }
}

/// Whether there is a second frame. Decodes no pixels.
fn is_animated(bytes: &[u8]) -> bool {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut decoder) = options.read_info(bytes) else { return false };
    matches!(decoder.next_frame_info(), Ok(Some(_))) && matches!(decoder.next_frame_info(), Ok(Some(_)))
}

fn decoder_error(error: DecodingError) -> Error {
    match error {
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => Error::TooMuchMemory,
        DecodingError::UnexpectedEof => Error::truncated(KIND).caused_by(error),
        DecodingError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => Error::truncated(KIND).caused_by(error),
        error => Error::undecodable(KIND, error),
    }
}
