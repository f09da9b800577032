//! The input of every encoder: a cut-out, and everything else that goes into its file.

use cutline_core::{Channels, OutputFormat};
use image::GrayImage;

use crate::compose::{Backdrop, Layer, Shade};
use crate::error::Cause;
use crate::file_colors::FileColors;
use crate::path::ClippingPath;
use crate::photo::{ImageMetadata, Photo};
use crate::planes::{BlackPlane, PlanarRgba};
use crate::sample::{ColorSample, Colors};

static SRGB: FileColors = FileColors::SRGB;

static NO_METADATA: ImageMetadata = ImageMetadata {
    dpi: None,
    artist: None,
    copyright: None,
    credit: None,
    digital_source_type: None,
    all: None,
    converted_from: None,
    warnings: Vec::new(),
};

/// A cut-out, and everything else that goes into its file. The original and the path have the size of the cut-out; so have the
/// shadow and a backdrop picture among the layers, and the subject's layer lies within it.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a, T: ColorSample = u8> {
    /// The subject's colors, decontaminated, and its alpha.
    pub cutout: &'a PlanarRgba<T>,
    /// The source picture, upright. A PSD holds it in a hidden layer, and shows its colors when a retoucher paints on
    /// the mask where the subject is transparent.
    pub original: Option<OriginalPicture<'a, T>>,
    /// The clipping path, for formats that carry one.
    pub path: Option<&'a ClippingPath>,
    /// Resolution and credit.
    pub metadata: &'a ImageMetadata,
    /// The layers of a composed picture. A PSD holds these in place of the others.
    pub layers: Option<Layers<'a, T>>,
    /// How the file stores its colors. Formats without 16 bits store 8.
    pub file: &'a FileColors,
}

/// A source picture: its colors, and the black and the alpha that it came with, of the same size.
#[derive(Debug, Clone, Copy)]
pub struct OriginalPicture<'a, T: ColorSample = u8> {
    /// The colors.
    pub color: &'a Colors<T>,
    /// The black of CMYK colors, as [`PlanarRgba::black`] describes it.
    pub black: Option<&'a BlackPlane>,
    /// The alpha; `None` if the picture is opaque.
    pub alpha: Option<&'a GrayImage>,
}

impl<'a> OriginalPicture<'a> {
    /// A photograph in 8-bit sRGB.
    pub fn of(photo: &'a Photo) -> Self {
        Self { color: photo.color(), black: None, alpha: photo.alpha() }
    }
}

/// The layers of a composed picture.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a, T: ColorSample = u8> {
    /// The backdrop, at the bottom.
    pub backdrop: &'a Backdrop<T>,
    /// The shadow, in between.
    pub shadow: Option<Shade<'a, T>>,
    /// The subject, positioned on the canvas.
    pub subject: &'a Layer<T>,
}

impl<T: ColorSample> Layers<'_, T> {
    /// Whether they fill a picture of this size, and the subject lies within it.
    fn fit(&self, size: (u32, u32)) -> bool {
        let backdrop_fits = match self.backdrop {
            Backdrop::Transparent | Backdrop::Color(_) => true,
            Backdrop::Picture(picture) => picture.dimensions() == size,
        };
        let shadow_fits = self.shadow.is_none_or(|shadow| shadow.coverage.dimensions() == size);
        let (width, height) = self.subject.cutout.dimensions();
        let ends_within = |start: u32, length: u32, side: u32| u64::from(start) + u64::from(length) <= u64::from(side);
        let is_empty = width == 0 || height == 0;
        let is_within = ends_within(self.subject.x, width, size.0) && ends_within(self.subject.y, height, size.1);
        backdrop_fits && shadow_fits && (is_empty || is_within)
    }
}

impl<'a, T: ColorSample> Document<'a, T> {
    /// A cut-out alone.
    pub fn of(cutout: &'a PlanarRgba<T>) -> Self {
        Self { cutout, original: None, path: None, metadata: &NO_METADATA, layers: None, file: &SRGB }
    }

    /// Checks that a file of colors is in CMYK if and only if they are, and that the format and the layers hold those.
    pub(super) fn check_inks(&self, format: OutputFormat, channels: Channels) -> Result<(), Cause> {
        if channels == Channels::Alpha {
            return Ok(());
        }
        let has_inks = self.file.profile.is_of_inks();
        let of_original = self.original.map(|original| original.black.is_some());
        if self.cutout.black().is_some() != has_inks || of_original.is_some_and(|of_original| of_original != has_inks) {
            return Err("color mismatch: a part of the document is CMYK, and another is not".into());
        }
        if has_inks && !(format.info().has_inks && self.layers.is_none()) {
            return Err("CMYK colors in a format or a composed picture that holds none".into());
        }
        Ok(())
    }

    /// Checks that all parts have the size of the cut-out.
    pub(super) fn check_sizes(&self) -> Result<(), Cause> {
        let size = self.cutout.dimensions();
        let differs = |original: OriginalPicture<'_, T>| {
            let black = original.black.map_or(size, BlackPlane::dimensions);
            original.color.dimensions() != size || black != size
        };
        if self.original.is_some_and(differs) {
            return Err("size mismatch: the original differs in size from the cut-out".into());
        }
        if self.path.is_some_and(|path| (path.width, path.height) != size) {
            return Err("size mismatch: the clipping path was made for a picture of another size".into());
        }
        if self.layers.is_some_and(|layers| !layers.fit(size)) {
            return Err("size mismatch: a layer differs in size from the picture, or reaches beyond it".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::Rendering;
    use image::Luma;

    use super::*;
    use crate::encode::encode;
    use crate::error::Error;
    use crate::file_colors::{BitDepth, EmbeddedProfile};

    fn picture(black: Option<BlackPlane>) -> PlanarRgba<u16> {
        let picture = PlanarRgba::new(Colors::<u16>::new(4, 3), GrayImage::from_pixel(4, 3, Luma([255])));
        picture.expect("same size").with_black(black).expect("same size")
    }

    #[test]
    fn a_file_is_in_cmyk_if_and_only_if_its_colors_are() {
        let inks = FileColors { depth: BitDepth::Eight, profile: EmbeddedProfile::Inks(None) };
        let (cmyk, rgb) = (picture(Some(BlackPlane::new(4, 3))), picture(None));
        let write = |cutout: &PlanarRgba<u16>, file: &FileColors, format, channels| {
            let rendering = Rendering { channels, ..Rendering::default() };
            encode(Document { file, ..Document::of(cutout) }, format, &rendering)
        };
        for format in OutputFormat::ALL {
            let is_written = write(&cmyk, &inks, format, Channels::Rgba).is_ok();
            assert_eq!(is_written, matches!(format, OutputFormat::Tiff | OutputFormat::Psd), "{format}");
            assert!(write(&cmyk, &inks, format, Channels::Alpha).is_ok(), "{format}: alpha alone");
            for (cutout, file) in [(&cmyk, &FileColors::SRGB), (&rgb, &inks)] {
                let refused = write(cutout, file, format, Channels::Rgba);
                assert!(matches!(refused, Err(Error::Encode { .. })), "{format}");
            }
        }
    }

    #[test]
    fn an_original_has_the_inks_of_its_cut_out() {
        let inks = FileColors { depth: BitDepth::Eight, profile: EmbeddedProfile::Inks(None) };
        let (cmyk, color) = (picture(Some(BlackPlane::new(4, 3))), Colors::<u16>::new(4, 3));
        let (black, smaller) = (BlackPlane::new(4, 3), BlackPlane::new(3, 3));
        for (black, is_written) in [(Some(&black), true), (Some(&smaller), false), (None, false)] {
            let original = Some(OriginalPicture { color: &color, black, alpha: None });
            let document = Document { original, file: &inks, ..Document::of(&cmyk) };
            assert_eq!(encode(document, OutputFormat::Psd, &Rendering::default()).is_ok(), is_written);
        }
    }
}
