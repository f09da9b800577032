//! What the figures of clicks have in common.

use anyhow::{Context, Result};

/// The most clicks on a photograph.
pub(super) const MAX_CLICKS: usize = 10;
/// The IoUs whose clicks are counted.
pub(super) const GOALS: [f64; 2] = [0.90, 0.95];

/// A mask of a size as a gray picture.
pub(super) fn gray(size: (u32, u32), values: impl Iterator<Item = u8>) -> Result<image::GrayImage> {
    image::GrayImage::from_raw(size.0, size.1, values.collect()).context("a mask of another size")
}
