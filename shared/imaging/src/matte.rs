//! The matte of a photograph at its own size.

use image::GrayImage;

/// The matte of a photograph at its own size: 0 is background, 255 is subject. A network's answer is a
/// [`CoarseMatte`](crate::segment::CoarseMatte) until [`mod@crate::refine`] brings it to this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matte(GrayImage);

impl Matte {
    /// Takes alpha of the photograph's size.
    pub fn new(alpha: GrayImage) -> Self {
        Self(alpha)
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    /// The values as a picture.
    pub fn as_gray(&self) -> &GrayImage {
        &self.0
    }

    /// The values as a picture.
    pub(crate) fn into_gray(self) -> GrayImage {
        self.0
    }
}
