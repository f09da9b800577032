//! Color and alpha in two planes.

use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, ImageBuffer, Luma, imageops};

use crate::sample::{ColorSample, Colors};

/// The black of CMYK colors, as [`PlanarRgba::black`] has it.
pub type BlackPlane = ImageBuffer<Luma<u16>, Vec<u16>>;

/// A picture with straight (not premultiplied) alpha, in two planes of the same size.
///
/// The color of a fully transparent pixel has no meaning. Encoders clear it: it would show what was cut away, and make
/// files larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanarRgba<T: ColorSample = u8> {
    color: Colors<T>,
    /// `None` if the colors are not CMYK.
    black: Option<BlackPlane>,
    alpha: GrayImage,
}

impl<T: ColorSample> PlanarRgba<T> {
    /// Joins two planes, or returns `None` if their sizes differ.
    pub fn new(color: Colors<T>, alpha: GrayImage) -> Option<Self> {
        (color.dimensions() == alpha.dimensions()).then_some(Self { color, black: None, alpha })
    }

    /// The same picture, whose colors are CMYK if there is `black`, as [`Self::black`] describes it. `None` if its size
    /// differs.
    pub fn with_black(self, black: Option<BlackPlane>) -> Option<Self> {
        let fits = black.as_ref().is_none_or(|black| black.dimensions() == self.dimensions());
        fits.then_some(Self { black, ..self })
    }

    /// A picture without transparency.
    pub(crate) fn opaque(color: Colors<T>) -> Self {
        let alpha = GrayImage::from_pixel(color.width(), color.height(), Luma([u8::MAX]));
        Self { color, black: None, alpha }
    }

    /// A transparent black picture of `size`, width and height in pixels.
    pub(crate) fn transparent(size: (u32, u32)) -> Self {
        Self { color: Colors::<T>::new(size.0, size.1), black: None, alpha: GrayImage::new(size.0, size.1) }
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.color.dimensions()
    }

    /// The color plane.
    pub fn color(&self) -> &Colors<T> {
        &self.color
    }

    /// The black of CMYK colors; `None` if they are not CMYK. Inks are stored as the light that they leave: 0 is full ink, and
    /// the largest value is bare paper. Cyan, magenta and yellow take the places of red, green and blue.
    pub fn black(&self) -> Option<&BlackPlane> {
        self.black.as_ref()
    }

    /// The alpha plane: 0 is transparent, 255 is opaque.
    pub fn alpha(&self) -> &GrayImage {
        &self.alpha
    }

    /// Both planes as samples, row by row: three a pixel of color, one of alpha.
    pub(crate) fn samples_mut(&mut self) -> (&mut [T], &mut [u8]) {
        (&mut self.color, &mut self.alpha)
    }

    /// The color plane and that of black for writing, next to the alpha plane.
    pub(crate) fn color_mut(&mut self) -> (&mut Colors<T>, Option<&mut BlackPlane>, &GrayImage) {
        (&mut self.color, self.black.as_mut(), &self.alpha)
    }

    /// Replaces the alpha plane and returns the previous one. Returns `None`, and changes nothing, if the sizes differ.
    pub(crate) fn replace_alpha(&mut self, alpha: GrayImage) -> Option<GrayImage> {
        (alpha.dimensions() == self.alpha.dimensions()).then(|| std::mem::replace(&mut self.alpha, alpha))
    }

    /// The part of the picture in a box that lies within it.
    pub(crate) fn cropped(&self, PixelBox { left, top, width, height }: PixelBox) -> Self {
        Self {
            color: imageops::crop_imm(&self.color, left, top, width, height).to_image(),
            black: self.black.as_ref().map(|black| imageops::crop_imm(black, left, top, width, height).to_image()),
            alpha: imageops::crop_imm(&self.alpha, left, top, width, height).to_image(),
        }
    }

    /// Red, green, blue and alpha of every pixel in 8 bits, row by row; black where alpha is 0.
    pub fn interleaved(&self) -> Vec<u8> {
        let mut rgba = Vec::with_capacity(self.alpha.len() * 4);
        for (pixel, alpha) in self.color.as_raw().as_chunks::<3>().0.iter().zip(self.alpha.iter()) {
            let [red, green, blue] = if *alpha == 0 { [0; 3] } else { pixel.map(T::to_u8) };
            rgba.extend_from_slice(&[red, green, blue, *alpha]);
        }
        rgba
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn rejects_planes_of_different_sizes() {
        assert_eq!(PlanarRgba::new(RgbImage::new(2, 1), GrayImage::new(1, 2)), None);
        let mut picture = PlanarRgba::<u8>::transparent((2, 1));
        assert_eq!(picture.replace_alpha(GrayImage::new(3, 1)), None);
    }

    #[test]
    fn black_has_the_size_of_the_colors_and_is_cropped_with_them() {
        let inks = || PlanarRgba::new(Colors::<u16>::new(3, 2), GrayImage::new(3, 2)).expect("same size");
        assert_eq!(inks().with_black(Some(BlackPlane::new(2, 3))), None);
        let black = BlackPlane::from_fn(3, 2, |x, y| Luma([(10 * y + x) as u16]));
        let inks = inks().with_black(Some(black)).expect("same size");
        let part = inks.cropped(PixelBox { left: 1, top: 1, width: 2, height: 1 });
        assert_eq!(part.black().map(|black| black.as_raw().as_slice()), Some([11, 12].as_slice()));
    }

    #[test]
    fn interleaving_clears_transparent_pixels() {
        let color = RgbImage::from_pixel(2, 1, Rgb([10, 20, 30]));
        let alpha = GrayImage::from_fn(2, 1, |x, _| Luma([if x == 0 { 7 } else { 0 }]));
        let picture = PlanarRgba::new(color, alpha).expect("same size");
        assert_eq!(picture.interleaved(), [10, 20, 30, 7, 0, 0, 0, 0]);
    }
}
