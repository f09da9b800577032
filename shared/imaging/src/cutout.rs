//! A subject cut out of its photograph, before and after its colors are cleaned of the old background.

use std::ops::Deref;

use cutline_core::domain::subject::PixelBox;
use image::GrayImage;
use rayon::prelude::*;

use crate::error::Error;
use crate::foreground::{decontaminate, decontaminate_black};
use crate::matte::Matte;
use crate::planes::PlanarRgba;
use crate::sample::{ColorSample, Colors};

/// How many pixels a task of the thread pool works on.
const CHUNK: usize = 1 << 16;

/// A subject on transparency whose partial pixels still show the background that it was cut from.
/// [`estimate_foreground`](Self::estimate_foreground) turns it into a [`Cutout`]. Until then it can be neither placed nor
/// written:
///
/// ```compile_fail
/// # fn write(raw: &cutline_imaging::RawCutout) {
/// let document = cutline_imaging::Document::of(raw);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCutout<T: ColorSample = u8> {
    planes: PlanarRgba<T>,
    /// Where the photograph came with alpha of its own: 255 where its colors are the subject's already, and 0 where
    /// they are hidden and may be anything. Stands in for alpha when the foreground is estimated.
    own_colors: Option<GrayImage>,
}

impl<T: ColorSample> RawCutout<T> {
    /// Cuts a photograph with these colors, and this alpha of its own, out by a matte.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if colors and matte differ in size.
    pub(crate) fn of(color: Colors<T>, matte: Matte, photo_alpha: Option<GrayImage>) -> Result<Self, Error> {
        let planes = PlanarRgba::new(color, matte.into_gray()).ok_or(Error::SizeMismatch("photograph and matte"))?;
        Ok(Self::new(planes, photo_alpha))
    }

    /// Takes the photograph's colors with its matte, and the alpha that the photograph came with, of the same size.
    /// The matte is multiplied by that alpha, so that transparent pixels stay transparent.
    pub(crate) fn new(mut planes: PlanarRgba<T>, photo_alpha: Option<GrayImage>) -> Self {
        let own_colors = photo_alpha.map(|mut photo_alpha| {
            for (alpha, photo_alpha) in planes.samples_mut().1.iter_mut().zip(photo_alpha.iter_mut()) {
                *alpha = multiply(*alpha, *photo_alpha);
                *photo_alpha = if *photo_alpha > 0 { u8::MAX } else { 0 };
            }
            photo_alpha
        });
        Self { planes, own_colors }
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.planes.dimensions()
    }

    /// The alpha: 0 is background, 255 is subject.
    pub fn alpha(&self) -> &GrayImage {
        self.planes.alpha()
    }

    /// The colors and alpha, for a file that holds alpha alone.
    pub(crate) fn planes(&self) -> &PlanarRgba<T> {
        &self.planes
    }

    /// Replaces the colors of partial pixels by those of the subject alone; see [`decontaminate`].
    ///
    /// `hard_alpha` is the alpha of the cut along the clipping path, of the same size. The path may run a pixel
    /// outside of the matte, and the pixels it covers there get the colors of the subject too.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if `hard_alpha` has another size.
    pub fn estimate_foreground(self, hard_alpha: Option<&GrayImage>) -> Result<Cutout<T>, Error> {
        self.estimate_foreground_by(hard_alpha, decontaminate)
    }

    /// The same, by another function that replaces the colors of partial pixels. Black is always replaced by
    /// [`decontaminate_black`].
    pub(crate) fn estimate_foreground_by(
        self,
        hard_alpha: Option<&GrayImage>,
        decontaminate: impl FnOnce(&mut Colors<T>, &GrayImage) -> Result<(), Error>,
    ) -> Result<Cutout<T>, Error> {
        let Self { mut planes, own_colors } = self;
        if hard_alpha.is_some_and(|alpha| alpha.dimensions() != planes.dimensions()) {
            return Err(Error::SizeMismatch("cut-out and clipping path"));
        }
        let alpha = match (own_colors, hard_alpha) {
            (own_colors, Some(hard_alpha)) => {
                let mut alpha = own_colors.unwrap_or_else(|| planes.alpha().clone());
                mark_covered(&mut alpha, hard_alpha);
                Some(alpha)
            }
            (own_colors, None) => own_colors,
        };
        let (color, black, own) = planes.color_mut();
        let alpha = alpha.as_ref().unwrap_or(own);
        decontaminate(color, alpha)?;
        if let Some(black) = black {
            decontaminate_black(black, alpha)?;
        }
        Ok(Cutout(planes))
    }
}

/// The product of two fractions in 255ths, rounded.
pub(crate) fn multiply(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

/// Raises `alpha` to at least 1 wherever the path covers anything, which makes those pixels partial.
fn mark_covered(alpha: &mut GrayImage, hard_alpha: &GrayImage) {
    let chunks = alpha.par_chunks_mut(CHUNK).zip(hard_alpha.par_chunks(CHUNK));
    chunks.for_each(|(alpha, covered)| {
        for (alpha, covered) in alpha.iter_mut().zip(covered) {
            *alpha = (*alpha).max(u8::from(*covered > 0));
        }
    });
}

/// A subject on transparency, its colors free of the background that it was cut from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutout<T: ColorSample = u8>(PlanarRgba<T>);

impl<T: ColorSample> Cutout<T> {
    /// Takes colors that are the subject's own, and alpha. `None` if their sizes differ.
    pub fn new(color: Colors<T>, alpha: GrayImage) -> Option<Self> {
        PlanarRgba::new(color, alpha).map(Self)
    }

    /// Takes planes whose colors are the subject's own.
    pub(crate) fn from_planes(planes: PlanarRgba<T>) -> Self {
        Self(planes)
    }

    /// The part of the cut-out in a box that lies within it.
    pub(crate) fn cropped(&self, part: PixelBox) -> Self {
        Self(self.0.cropped(part))
    }

    /// Replaces the alpha and returns the previous one. Returns `None`, and changes nothing, if the sizes differ.
    pub(crate) fn replace_alpha(&mut self, alpha: GrayImage) -> Option<GrayImage> {
        self.0.replace_alpha(alpha)
    }
}

/// Encoders write any picture with alpha.
impl<T: ColorSample> Deref for Cutout<T> {
    type Target = PlanarRgba<T>;

    fn deref(&self) -> &PlanarRgba<T> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb, RgbImage};

    use super::*;

    fn raw(color: RgbImage, matte: GrayImage, photo_alpha: Option<GrayImage>) -> RawCutout {
        RawCutout::new(PlanarRgba::new(color, matte).expect("same size"), photo_alpha)
    }

    #[test]
    fn multiplies_the_matte_by_the_alpha_of_the_photograph() {
        let gray = |values: [u8; 4]| GrayImage::from_raw(4, 1, values.to_vec()).expect("four values");
        let color = RgbImage::from_pixel(4, 1, Rgb([10, 20, 30]));
        let raw = raw(color, gray([255, 128, 255, 0]), Some(gray([255, 128, 0, 255])));
        assert_eq!(raw.alpha(), &gray([255, 64, 0, 0]));
        let cutout = raw.estimate_foreground(None).expect("same size");
        assert_eq!(cutout.interleaved(), [10, 20, 30, 255, 10, 20, 30, 64, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn pixels_under_the_path_alone_get_the_color_of_the_subject() {
        // A red subject on blue. The matte ends one column before the path does.
        let color = RgbImage::from_fn(40, 40, |x, _| Rgb(if x < 20 { [200, 0, 0] } else { [0, 0, 200] }));
        let alpha = |width| GrayImage::from_fn(40, 40, move |x, _| Luma([if x < width { 255 } else { 0 }]));
        let raw = raw(color, alpha(20), None);
        let cutout = raw.clone().estimate_foreground(Some(&alpha(21))).expect("same size");
        assert_eq!(cutout.alpha(), &alpha(20), "alpha stays as it is");
        assert!(cutout.color().get_pixel(20, 20)[0] > 150, "{:?}", cutout.color().get_pixel(20, 20));
        let soft = raw.estimate_foreground(None).expect("same size");
        assert_eq!(soft.color().get_pixel(20, 20).0, [0, 0, 200]);
    }
}
