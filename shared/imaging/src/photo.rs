//! A decoded photograph, and what is cut out of it.

use std::borrow::Cow;

use image::{GrayImage, RgbImage};

/// The gray that stands behind what is transparent while the subject is looked for. White would hide a
/// white product that was cut out before.
const BACKDROP: u8 = 128;

/// What a file tells about its picture, and what of that outlives the cut. Nothing here names a place, a
/// person who took part, a device or its serial number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageMetadata {
    /// Dots per inch, where the file tells them and they are above 0.
    pub dpi: Option<f32>,
    /// Who made it.
    pub artist: Option<String>,
    /// The copyright notice.
    pub copyright: Option<String>,
    /// The credit line.
    pub credit: Option<String>,
    /// The name of the color space that the colors were converted from, where it was not sRGB.
    pub converted_from: Option<String>,
    /// What was lost or assumed when the file was read, each as a sentence for the caller: a CMYK file without a profile, a page that
    /// was not read, text in an SVG that was not drawn.
    pub warnings: Vec<String>,
}

/// An upright photograph: sRGB colors, not multiplied by alpha, and the alpha it came with. Both have the
/// same size of at least 1 x 1 pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    color: RgbImage,
    alpha: Option<GrayImage>,
    metadata: ImageMetadata,
}

impl Photo {
    /// A photograph without alpha.
    pub fn opaque(color: RgbImage) -> Self {
        Self { color, alpha: None, metadata: ImageMetadata::default() }
    }

    /// The same photograph with what its file tells about it.
    pub fn with_metadata(self, metadata: ImageMetadata) -> Self {
        Self { metadata, ..self }
    }

    /// What its file tells about it.
    pub fn metadata(&self) -> &ImageMetadata {
        &self.metadata
    }

    /// A photograph with alpha; `None` if the sizes differ. Alpha that is 255 everywhere is dropped.
    pub fn with_alpha(color: RgbImage, alpha: GrayImage) -> Option<Self> {
        let same = color.dimensions() == alpha.dimensions();
        let opaque = alpha.as_raw().iter().all(|alpha| *alpha == u8::MAX);
        same.then(|| Self { color, alpha: (!opaque).then_some(alpha), metadata: ImageMetadata::default() })
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.color.dimensions()
    }

    /// The colors, also of what is transparent.
    pub fn color(&self) -> &RgbImage {
        &self.color
    }

    /// The alpha that the file came with, if it was not opaque.
    pub fn alpha(&self) -> Option<&GrayImage> {
        self.alpha.as_ref()
    }

    /// The photograph as the eye sees it, on gray where it is transparent.
    pub fn flattened(&self) -> Cow<'_, RgbImage> {
        match &self.alpha {
            None => Cow::Borrowed(&self.color),
            Some(alpha) => {
                let mut flat = self.color.clone();
                flatten(&mut flat, alpha, [BACKDROP; 3]);
                Cow::Owned(flat)
            }
        }
    }

    /// The photograph on one color where it is transparent.
    pub(crate) fn on(self, background: [u8; 3]) -> RgbImage {
        let Self { mut color, alpha, .. } = self;
        if let Some(alpha) = alpha {
            flatten(&mut color, &alpha, background);
        }
        color
    }

    /// Cuts the subject out: the photograph's own alpha is multiplied by the matte, so that what was
    /// transparent stays so. `None` if the matte has another size.
    pub fn cut_out(self, matte: GrayImage) -> Option<Cutout> {
        if matte.dimensions() != self.color.dimensions() {
            return None;
        }
        let Self { color, alpha, .. } = self;
        let mut cut = matte;
        if let Some(alpha) = alpha {
            for (cut, alpha) in cut.iter_mut().zip(alpha.iter()) {
                *cut = multiply(*cut, *alpha);
            }
        }
        Some(Cutout { color, alpha: cut })
    }
}

/// A subject on transparency: sRGB colors, not multiplied by alpha, and alpha. Both have the same size. The
/// colors are whole: those of what is wholly transparent are cleared when a file is written, since they
/// would tell what was cut away, and make files larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutout {
    color: RgbImage,
    alpha: GrayImage,
}

impl Cutout {
    /// Colors and alpha of the same size.
    pub(crate) fn of(color: RgbImage, alpha: GrayImage) -> Self {
        debug_assert_eq!(color.dimensions(), alpha.dimensions());
        Self { color, alpha }
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.color.dimensions()
    }

    /// The colors.
    pub fn color(&self) -> &RgbImage {
        &self.color
    }

    /// The alpha: 0 is background, 255 is subject.
    pub fn alpha(&self) -> &GrayImage {
        &self.alpha
    }

    /// The colors, to be changed, and the alpha.
    pub fn parts_mut(&mut self) -> (&mut RgbImage, &GrayImage) {
        (&mut self.color, &self.alpha)
    }

    /// Puts another alpha to the same colors and gives the one that was there; `None`, and nothing is changed, if it
    /// has another size.
    pub(crate) fn replace_alpha(&mut self, alpha: GrayImage) -> Option<GrayImage> {
        (alpha.dimensions() == self.alpha.dimensions()).then(|| std::mem::replace(&mut self.alpha, alpha))
    }

    /// Red, green, blue and alpha of every pixel, row by row; black where alpha is 0.
    pub fn interleaved(&self) -> Vec<u8> {
        let mut rgba = Vec::with_capacity(self.alpha.len() * 4);
        for (pixel, alpha) in self.color.pixels().zip(self.alpha.iter()) {
            let [red, green, blue] = if *alpha == 0 { [0; 3] } else { pixel.0 };
            rgba.extend_from_slice(&[red, green, blue, *alpha]);
        }
        rgba
    }
}

/// Lays `color` over one color.
fn flatten(color: &mut RgbImage, alpha: &GrayImage, background: [u8; 3]) {
    for (pixel, alpha) in color.pixels_mut().zip(alpha.iter()) {
        for (value, behind) in pixel.0.iter_mut().zip(background) {
            *value = blend(*value, behind, *alpha);
        }
    }
}

/// `alpha` of `front` and the rest of `back`, rounded.
fn blend(front: u8, back: u8, alpha: u8) -> u8 {
    let (front, back, alpha) = (u32::from(front), u32::from(back), u32::from(alpha));
    ((front * alpha + back * (255 - alpha) + 127) / 255) as u8
}

/// The product of two shares of 255, rounded.
fn multiply(a: u8, b: u8) -> u8 {
    blend(a, 0, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(pixels: &[[u8; 3]]) -> RgbImage {
        RgbImage::from_raw(pixels.len() as u32, 1, pixels.concat()).expect("has that many pixels")
    }

    fn gray(values: &[u8]) -> GrayImage {
        GrayImage::from_raw(values.len() as u32, 1, values.to_vec()).expect("has that many pixels")
    }

    #[test]
    fn the_matte_multiplies_the_alpha_and_clears_what_is_transparent() {
        let photo = Photo::with_alpha(color(&[[10, 20, 30]; 4]), gray(&[255, 128, 0, 255])).expect("same size");
        let cutout = photo.cut_out(gray(&[255, 128, 255, 0])).expect("same size");
        assert_eq!(cutout.alpha().as_raw(), &[255, 64, 0, 0]);
        assert_eq!(cutout.interleaved(), [10, 20, 30, 255, 10, 20, 30, 64, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn flattening_is_exact_at_both_ends_and_even_between() {
        let photo = Photo::with_alpha(color(&[[0, 100, 200]; 3]), gray(&[255, 0, 51])).expect("same size");
        assert_eq!(photo.flattened().as_raw(), &[0, 100, 200, 128, 128, 128, 102, 122, 142]);
    }

    #[test]
    fn opaque_alpha_is_no_alpha_and_sizes_have_to_agree() {
        let photo = Photo::with_alpha(color(&[[1; 3]; 2]), gray(&[255, 255])).expect("same size");
        assert_eq!(photo.alpha(), None);
        assert_eq!(Photo::with_alpha(color(&[[1; 3]; 2]), gray(&[255])), None);
        assert_eq!(photo.cut_out(gray(&[0])), None);
    }
}
