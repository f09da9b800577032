//! A decoded photograph.

use std::borrow::Cow;
use std::sync::Arc;

use cutline_core::domain::fidelity::{Depth, Fidelity};
use image::{GrayImage, RgbImage};

use crate::cutout::{RawCutout, multiply};
use crate::digital_source_type::DigitalSourceType;
use crate::error::Error;
use crate::file_colors::{BitDepth, EmbeddedProfile, FileColors};
use crate::matte::Matte;
use crate::native_colors::NativeColors;
use crate::planes::PlanarRgba;
use crate::resample;
use crate::source_metadata::SourceMetadata;

/// The grays that may be laid behind transparent pixels when the networks look for the subject. The first is preferred:
/// white and black are the colors of many products.
const BACKDROPS: [u8; 5] = [128, 192, 64, 255, 0];
/// A pixel this close to a backdrop in every channel is hard to see on it.
const HIDDEN: u8 = 32;
/// The largest fraction of the visible pixels that may be hard to see on the preferred backdrop.
const MAX_HIDDEN: f64 = 0.02;

/// The metadata of a file that its cut-outs keep, and warnings about losses in decoding. Only [`ImageMetadata::all`] holds a
/// location, a device or serial number, or a person except the artist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageMetadata {
    /// Dots per inch, above 0.
    pub dpi: Option<f32>,
    /// The artist.
    pub artist: Option<String>,
    /// The copyright notice.
    pub copyright: Option<String>,
    /// The credit line.
    pub credit: Option<String>,
    /// What the picture was made from, if the file says so in the terms of IPTC.
    pub digital_source_type: Option<DigitalSourceType>,
    /// Everything else, if it is to be kept.
    pub all: Option<Arc<SourceMetadata>>,
    /// The name of the color space that the colors were converted from, if it was not sRGB.
    pub converted_from: Option<String>,
    /// Losses and assumptions when the file was decoded, each as a sentence for the caller: a CMYK file without a
    /// profile, a page that was skipped, text in an SVG that was not drawn.
    pub warnings: Vec<String>,
}

/// An upright photograph: sRGB colors, and the straight (not premultiplied) alpha it came with. Both have the same size
/// of at least 1 x 1 pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    color: RgbImage,
    alpha: Option<GrayImage>,
    /// The same colors in 16 bits or in the color space of the file, if a run asks for that.
    native: Option<NativeColors>,
    metadata: ImageMetadata,
}

impl Photo {
    /// A photograph without alpha.
    pub fn opaque(color: RgbImage) -> Self {
        Self { color, alpha: None, native: None, metadata: ImageMetadata::default() }
    }

    /// The same photograph with the metadata of its file.
    pub fn with_metadata(self, metadata: ImageMetadata) -> Self {
        Self { metadata, ..self }
    }

    /// The same photograph with sides `factor` times as long, for a factor of at most 1, and without native colors.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub(crate) fn reduced(&self, factor: f64) -> Result<Self, Error> {
        let (width, height) = self.dimensions();
        let longer = (f64::from(width.max(height)) * factor) as u32;
        let (width, height) = resample::fit_within(width, height, longer.max(1));
        let color = RgbImage::from_raw(width, height, resample::shrink(&self.color, width, height)?);
        let alpha = self.alpha.as_ref().map(|alpha| {
            let whole = (0.0, 0.0, f64::from(alpha.width()), f64::from(alpha.height()));
            resample::part_of(alpha, whole, (width, height))
        });
        let metadata = self.metadata.clone();
        match color {
            Some(color) => Ok(Self { color, alpha: alpha.transpose()?, native: None, metadata }),
            None => Err(Error::Resample("the resizer returned a picture of another size".into())),
        }
    }

    /// The same photograph with native colors, which have its size.
    pub(crate) fn with_native(self, native: Option<NativeColors>) -> Self {
        Self { native, ..self }
    }

    /// The same photograph, whose 8-bit sRGB colors are all that its file has, with the native colors that a run asks for.
    pub(crate) fn with_srgb_in(self, fidelity: Fidelity) -> Self {
        let depth = if fidelity.depth == Depth::Sixteen { BitDepth::Sixteen } else { BitDepth::Eight };
        if depth == BitDepth::Eight {
            return self;
        }
        let native = NativeColors::of_srgb(&self.color, FileColors { depth, profile: EmbeddedProfile::Srgb });
        self.with_native(Some(native))
    }

    /// The colors in 16 bits or in the color space of the file, if a run asks for them and they differ from 8-bit sRGB.
    pub(crate) fn native(&self) -> Option<&NativeColors> {
        self.native.as_ref()
    }

    /// Takes the native colors out.
    pub(crate) fn take_native(&mut self) -> Option<NativeColors> {
        self.native.take()
    }

    /// The metadata of its file.
    pub fn metadata(&self) -> &ImageMetadata {
        &self.metadata
    }

    /// Keeps all metadata of its file, and adds warnings about what cannot be kept.
    pub(crate) fn keep_all(&mut self, all: SourceMetadata, warnings: Vec<String>) {
        self.metadata.all = Some(Arc::new(all));
        self.metadata.warnings.extend(warnings);
    }

    /// Adds a warning to the metadata of its file.
    pub(crate) fn warn(&mut self, warning: &str) {
        self.metadata.warnings.push(warning.to_owned());
    }

    /// A photograph with alpha; `None` if the sizes differ. Alpha that is 255 everywhere is dropped.
    pub fn with_alpha(color: RgbImage, alpha: GrayImage) -> Option<Self> {
        let same = color.dimensions() == alpha.dimensions();
        let opaque = alpha.as_raw().iter().all(|alpha| *alpha == u8::MAX);
        same.then(|| Self {
            color,
            alpha: (!opaque).then_some(alpha),
            native: None,
            metadata: ImageMetadata::default(),
        })
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.color.dimensions()
    }

    /// The colors, including those of transparent pixels.
    pub fn color(&self) -> &RgbImage {
        &self.color
    }

    /// The alpha that the file came with; `None` if it was opaque.
    pub fn alpha(&self) -> Option<&GrayImage> {
        self.alpha.as_ref()
    }

    /// The photograph as the networks see it: on gray where it is transparent.
    pub fn flattened(&self) -> Cow<'_, RgbImage> {
        match &self.alpha {
            None => Cow::Borrowed(&self.color),
            Some(alpha) => {
                let mut flat = self.color.clone();
                flatten(&mut flat, alpha, self.backdrop());
                Cow::Owned(flat)
            }
        }
    }

    /// The gray that [`flattened`](Self::flattened) lays it over; white for an opaque photograph.
    pub(crate) fn backdrop(&self) -> [u8; 3] {
        [self.alpha.as_ref().map_or(u8::MAX, |alpha| backdrop(&self.color, alpha)); 3]
    }

    /// The photograph laid over one color.
    pub(crate) fn on(self, background: [u8; 3]) -> RgbImage {
        let Self { mut color, alpha, .. } = self;
        if let Some(alpha) = alpha {
            flatten(&mut color, &alpha, background);
        }
        color
    }

    /// The alpha of the subject, as [`cut_out`](Self::cut_out) would give it. The matte has the size of the photograph.
    pub(crate) fn alpha_of_subject<'m>(&self, matte: &'m Matte) -> Cow<'m, GrayImage> {
        let Some(own) = &self.alpha else { return Cow::Borrowed(matte.as_gray()) };
        let mut alpha = matte.as_gray().clone();
        alpha.iter_mut().zip(own.iter()).for_each(|(alpha, own)| *alpha = multiply(*alpha, *own));
        Cow::Owned(alpha)
    }

    /// Cuts the subject out: the photograph's own alpha is multiplied by the matte, so that transparent pixels stay
    /// transparent.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if the matte has another size.
    pub fn cut_out(self, matte: Matte) -> Result<RawCutout, Error> {
        RawCutout::of(self.color, matte, self.alpha)
    }

    /// Cuts the subject out in native colors.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if the matte or the colors have another size.
    pub(crate) fn cut_out_native(self, native: NativeColors, matte: Matte) -> Result<RawCutout<u16>, Error> {
        let planes = PlanarRgba::new(native.pixels, matte.into_gray());
        let planes = planes.and_then(|planes| planes.with_black(native.black));
        Ok(RawCutout::new(planes.ok_or(Error::SizeMismatch("photograph and matte"))?, self.alpha))
    }
}

/// The gray on which the fewest visible pixels are hard to see; the preferred one if they are few on that.
fn backdrop(color: &RgbImage, alpha: &GrayImage) -> u8 {
    let visible = color.pixels().zip(alpha.iter()).filter(|(_, alpha)| **alpha >= 128);
    let (mut count, mut hidden) = (0_u64, BACKDROPS.map(|_| 0_u64));
    for (pixel, _) in visible {
        count += 1;
        for (hidden, gray) in hidden.iter_mut().zip(BACKDROPS) {
            *hidden += u64::from(pixel.0.iter().all(|value| value.abs_diff(gray) < HIDDEN));
        }
    }
    if hidden[0] as f64 <= MAX_HIDDEN * count as f64 {
        return BACKDROPS[0];
    }
    BACKDROPS.into_iter().zip(hidden).min_by_key(|(_, hidden)| *hidden).map_or(BACKDROPS[0], |(gray, _)| gray)
}

/// Lays `color` over one color.
fn flatten(color: &mut RgbImage, alpha: &GrayImage, background: [u8; 3]) {
    for (pixel, alpha) in color.pixels_mut().zip(alpha.iter()) {
        for (value, behind) in pixel.0.iter_mut().zip(background) {
            *value = blend(*value, behind, *alpha);
        }
    }
}

/// `alpha` parts in 255 of `front` and the rest of `back`, rounded.
fn blend(front: u8, back: u8, alpha: u8) -> u8 {
    let (front, back, alpha) = (u32::from(front), u32::from(back), u32::from(alpha));
    ((front * alpha + back * (255 - alpha) + 127) / 255) as u8
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
    fn flattening_is_exact_at_both_ends_and_linear_between() {
        let photo = Photo::with_alpha(color(&[[0, 100, 200]; 3]), gray(&[255, 0, 51])).expect("same size");
        assert_eq!(photo.flattened().as_raw(), &[0, 100, 200, 128, 128, 128, 102, 122, 142]);
    }

    #[test]
    fn gray_parts_lie_on_another_gray() {
        let photo = Photo::with_alpha(color(&[[128; 3], [120, 130, 140], [250; 3]]), gray(&[255, 255, 0]));
        assert_eq!(photo.expect("same size").flattened().get_pixel(2, 0).0, [192; 3]);
    }

    #[test]
    fn drops_opaque_alpha_and_rejects_planes_of_different_sizes() {
        let photo = Photo::with_alpha(color(&[[1; 3]; 2]), gray(&[255, 255])).expect("same size");
        assert_eq!(photo.alpha(), None);
        assert_eq!(Photo::with_alpha(color(&[[1; 3]; 2]), gray(&[255])), None);
        assert!(photo.cut_out(Matte::new(gray(&[0]))).is_err());
    }
}
