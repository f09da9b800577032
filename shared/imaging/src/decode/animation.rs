//! Animations in WebP and PNG: their first frame, or the first one that shows something if that is blank, such as one that
//! fades in. The `image` crate composes frames on the canvas.

use image::{ColorType, DynamicImage, Frame, GenericImageView as _, GrayAlphaImage, ImageResult, Rgba, RgbaImage};

use super::limits::{Limits, PixelBudget};

/// Most frames that are decoded in search of one that shows something.
pub(super) const MAX_FRAMES: usize = 100;
/// Those frames together may have this many times the pixels of the largest image.
pub(super) const PIXELS_FACTOR: u64 = 2;

/// Memory per pixel while frames are composed: the first frame, two canvases, the frame and copies of it, and what the
/// decoder of PNG keeps of a canvas that it clears, 12 bytes a pixel.
const BYTES_PER_PIXEL: u8 = 40;

/// The warning for animations.
pub(super) const FIRST_FRAME_ONLY: &str = "Only the first frame of the animation was used.";
const BLANK: &str = "Only the first frame of the animation was used, and it is blank. Send the frame that shows the subject \
                     as a picture of its own.";

/// The warning for animations whose first frames show nothing. Frames count from 1.
pub(super) fn later_frame(number: usize) -> String {
    format!("Only frame {number} of the animation was used: those before it are blank.")
}

/// Frames on their canvas, from the first one on.
pub(super) type Frames<'a> = Box<dyn Iterator<Item = ImageResult<Frame>> + 'a>;

/// Decodes the frames of a file, if it can.
pub(super) type FrameSource<'a> = &'a dyn Fn() -> Option<Frames<'a>>;

/// The frame that is used of an animation with this first picture, and the warning about the others.
/// Frames are decoded only if it is blank.
pub(super) fn used_frame(first: DynamicImage, frames: FrameSource<'_>, limits: &Limits) -> (DynamicImage, String) {
    if !is_blank(first.pixels().map(|(_, _, pixel)| pixel)) {
        return (first, FIRST_FRAME_ONLY.to_owned());
    }
    match later(&first, frames, limits) {
        // A picture in front of the animation was blank.
        Some((frame, 1)) => (frame, FIRST_FRAME_ONLY.to_owned()),
        Some((frame, number)) => (frame, later_frame(number)),
        None => (first, BLANK.to_owned()),
    }
}

/// The first frame that shows something, with the samples of the first picture, and its number. `None` if none is found
/// within the limits.
fn later(first: &DynamicImage, frames: FrameSource<'_>, limits: &Limits) -> Option<(DynamicImage, usize)> {
    limits.check((first.width(), first.height()), BYTES_PER_PIXEL).ok()?;
    let budget = PixelBudget::new(limits.max_pixels.saturating_mul(PIXELS_FACTOR));
    let pixels = u64::from(first.width()) * u64::from(first.height());
    let mut frames = frames()?;
    for number in 1..=MAX_FRAMES {
        if !budget.spend(pixels) {
            return None;
        }
        let frame = frames.next()?.ok()?.into_buffer();
        if !is_blank(frame.pixels().copied()) {
            return Some((like(first.color(), frame), number));
        }
    }
    None
}

/// The frame in gray, if the file is. Its profile is for gray then.
fn like(color: ColorType, frame: RgbaImage) -> DynamicImage {
    if color.has_color() {
        return DynamicImage::ImageRgba8(frame);
    }
    let gray = |pixel: &Rgba<u8>| [pixel.0[0], pixel.0[3]];
    let samples = frame.pixels().flat_map(gray).collect();
    GrayAlphaImage::from_raw(frame.width(), frame.height(), samples)
        .map_or_else(|| DynamicImage::ImageRgba8(frame), DynamicImage::ImageLumaA8)
}

/// Whether all pixels have one color, or are transparent.
fn is_blank(mut pixels: impl Iterator<Item = Rgba<u8>>) -> bool {
    let visible =
        |Rgba([red, green, blue, alpha]): Rgba<u8>| if alpha == 0 { [0; 4] } else { [red, green, blue, alpha] };
    let first = pixels.next().map(visible);
    pixels.all(|pixel| Some(visible(pixel)) == first)
}
