//! Bitmaps embedded in a document.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cutline_core::domain::kind::ImageKind;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use resvg::usvg;

use crate::decode::bitmap;
use crate::decode::color::TargetColors;
use crate::decode::limits::{Limits, PixelBudget};

/// A bitmap costs at least this many pixels: the smallest file may bring a large profile.
const MIN_PIXELS: u64 = 1 << 16;
/// All bitmaps of a document together may have this fraction of the pixels of one image.
const PIXELS_FRACTION: u64 = 4;

/// Decodes the bitmaps of one document within a common budget.
pub(super) struct EmbeddedImages<'a> {
    /// `None` if bitmaps are skipped.
    decoding: Option<(&'a Limits, PixelBudget)>,
    left_out: AtomicBool,
}

impl<'a> EmbeddedImages<'a> {
    /// Bitmaps are decoded.
    pub(super) fn new(limits: &'a Limits) -> Self {
        let budget = PixelBudget::new(limits.max_pixels / PIXELS_FRACTION);
        Self { decoding: Some((limits, budget)), left_out: AtomicBool::new(false) }
    }

    /// Bitmaps are not decoded.
    pub(super) fn skipped() -> Self {
        Self { decoding: None, left_out: AtomicBool::new(false) }
    }

    /// Records that an image is not drawn.
    pub(super) fn leave_out(&self) {
        self.left_out.store(true, Ordering::Relaxed);
    }

    /// Whether an image is not drawn.
    pub(super) fn any_left_out(&self) -> bool {
        self.left_out.load(Ordering::Relaxed)
    }

    /// The bitmap in a `data:` URL as the drawing library takes it; `None` if it is skipped or left out.
    pub(super) fn resolve(&self, data: &[u8]) -> Option<usvg::ImageKind> {
        let (limits, budget) = self.decoding.as_ref()?;
        let decoded = to_png(data, limits, budget);
        if decoded.is_none() {
            self.leave_out();
        }
        decoded
    }
}

/// Decodes a bitmap and encodes it as a PNG in sRGB.
fn to_png(data: &[u8], limits: &Limits, budget: &PixelBudget) -> Option<usvg::ImageKind> {
    let kind = ImageKind::sniff(data)?;
    // The cost of an SVG within an SVG would have to be limited together with the outer one.
    if kind == ImageKind::Svg {
        return None;
    }
    let (width, height) = bitmap::dimensions(kind, data).ok()?;
    // Bitmaps that are left out count too.
    if !budget.spend((u64::from(width) * u64::from(height)).max(MIN_PIXELS)) {
        return None;
    }
    let photo = bitmap::decode(kind, data, limits, TargetColors::Srgb).ok()?;
    let (width, height) = photo.dimensions();
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    let alpha = photo.alpha().map(|alpha| alpha.as_raw().as_slice());
    for (at, pixel) in photo.color().pixels().enumerate() {
        let [red, green, blue] = pixel.0;
        rgba.extend_from_slice(&[red, green, blue, alpha.map_or(255, |alpha| alpha[at])]);
    }
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Sub);
    encoder.write_image(&rgba, width, height, ExtendedColorType::Rgba8).ok()?;
    Some(usvg::ImageKind::PNG(Arc::new(png)))
}
