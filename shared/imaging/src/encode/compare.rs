//! The samples that are written, compared with those of the source.

use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::{Channels, OutputFormat, Rendering};
use image::GrayImage;
use rayon::prelude::*;

use super::document::Document;
use super::psd;
use super::raster::{ByteOrder, Raster};
use crate::file_colors::BitDepth;
use crate::planes::BlackPlane;
use crate::sample::{ColorSample, Colors};

/// What the samples of a file are compared with. Both parts have the size of the document.
pub(crate) struct ComparedSource<'a, T: ColorSample> {
    pub(crate) color: &'a Colors<T>,
    /// The black of CMYK colors.
    pub(crate) black: Option<&'a BlackPlane>,
    /// Pixels that are not opaque here have estimated colors, and are not compared. `None` if only the file's own alpha
    /// counts.
    pub(crate) matte: Option<&'a GrayImage>,
}

/// Compares the samples of a file with those of its source, wherever the file and the matte are opaque. These are the samples
/// that the encoder compresses. `None` if the format loses some, or the file has no colors.
pub(crate) fn compare<T: ColorSample>(
    document: &Document<'_, T>,
    format: OutputFormat,
    rendering: &Rendering,
    ComparedSource { color: source, black, matte }: ComparedSource<'_, T>,
) -> Option<PixelCheck> {
    let is_lossless = match format {
        OutputFormat::Png | OutputFormat::Tiff | OutputFormat::Psd => true,
        OutputFormat::Webp => rendering.lossless.unwrap_or_default(),
        OutputFormat::Jpeg => false,
    };
    if !is_lossless || rendering.channels == Channels::Alpha || source.dimensions() != document.cutout.dimensions() {
        return None;
    }
    let depth = if format.info().has_16_bits { document.file.depth } else { BitDepth::Eight };
    let raster = Raster::new(document.cutout, Channels::Rgba, depth, ByteOrder::BigEndian);
    let width = source.width() as usize;
    let rows = source.as_raw().par_chunks_exact(width * 3).enumerate();
    let check = rows.map_init(
        || vec![0; raster.stride()],
        |row, (y, source)| {
            if format == OutputFormat::Psd {
                psd::copy_row(document, y, row)
            } else {
                raster.copy_row(y, row)
            }
            let matte = matte.and_then(|matte| matte.as_raw().get(y * width..)?.get(..width));
            let black = black.and_then(|black| black.as_raw().get(y * width..)?.get(..width));
            // A PSD holds the light that inks leave, as the source does here.
            let holds_light = format == OutputFormat::Psd || !raster.has_inks();
            compare_row((row, depth, holds_light), (source, black), matte)
        },
    );
    Some(check.reduce(PixelCheck::default, PixelCheck::joined))
}

/// Compares a row of colors and alpha, in big-endian order, where the row of the matte is opaque. Written inks are those
/// themselves unless the file `holds_light`.
fn compare_row<T: ColorSample>(
    (row, depth, holds_light): (&[u8], BitDepth, bool),
    (color, black): (&[T], Option<&[u16]>),
    matte: Option<&[u8]>,
) -> PixelCheck {
    let mut check = PixelCheck::default();
    let channels = if black.is_some() { 4 } else { 3 };
    let pixels = row.chunks_exact((channels + 1) * depth.bytes()).zip(color.as_chunks::<3>().0);
    for (x, (written, color)) in pixels.enumerate() {
        if matte.is_some_and(|matte| matte[x] != u8::MAX) {
            continue;
        }
        let source =
            |channel: usize| color.get(channel).map_or_else(|| black.map_or(0, |black| black[x]), |it| it.to_u16());
        let largest_difference = match depth {
            BitDepth::Eight if written[channels] == u8::MAX => largest(channels, |channel| {
                let written = if holds_light { written[channel] } else { u8::MAX - written[channel] };
                ColorSample::to_u8(source(channel)).abs_diff(written).into()
            }),
            BitDepth::Sixteen if written[2 * channels..] == [u8::MAX; 2] => largest(channels, |channel| {
                let written = u16::from_be_bytes([written[2 * channel], written[2 * channel + 1]]);
                source(channel).abs_diff(if holds_light { written } else { u16::MAX - written })
            }),
            BitDepth::Eight | BitDepth::Sixteen => continue,
        };
        check = check.joined(PixelCheck { pixels: 1, largest_difference });
    }
    check
}

/// The largest difference of the channels.
fn largest(channels: usize, difference: impl Fn(usize) -> u16) -> u16 {
    (0..channels).map(difference).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;
    use crate::file_colors::{EmbeddedProfile, FileColors};
    use crate::planes::PlanarRgba;

    /// The check of a picture whose first column is transparent and whose pixel (2, 1) differs from its source by 300.
    fn check(format: OutputFormat, rendering: &Rendering, depth: BitDepth) -> Option<PixelCheck> {
        let source = Colors::<u16>::from_fn(4, 3, |x, y| Rgb([(x * 9_000) as u16, (y * 20_000) as u16, 700]));
        let mut color = source.clone();
        color.get_pixel_mut(2, 1).0[2] += 300;
        color.get_pixel_mut(0, 1).0[2] += 9_000;
        let alpha = GrayImage::from_fn(4, 3, |x, _| Luma([if x == 0 { 254 } else { 255 }]));
        let picture = PlanarRgba::new(color, alpha).expect("same size");
        let file = FileColors { depth, ..FileColors::default() };
        let source = ComparedSource { color: &source, black: None, matte: None };
        compare(&Document { file: &file, ..Document::of(&picture) }, format, rendering, source)
    }

    #[test]
    fn pixels_with_estimated_colors_are_not_compared() {
        let source = Colors::<u16>::from_pixel(4, 3, Rgb([9_000, 20_000, 700]));
        let mut color = source.clone();
        color.get_pixel_mut(1, 1).0[0] += 5_000;
        let picture = PlanarRgba::new(color, GrayImage::from_pixel(4, 3, Luma([255]))).expect("same size");
        let matte = GrayImage::from_fn(4, 3, |x, _| Luma([if x == 1 { 200 } else { 255 }]));
        let file = FileColors { depth: BitDepth::Sixteen, ..FileColors::default() };
        for (matte, pixels, largest_difference) in [(None, 12, 5_000), (Some(&matte), 9, 0)] {
            let compared = ComparedSource { color: &source, black: None, matte };
            let document = Document { file: &file, ..Document::of(&picture) };
            let check = compare(&document, OutputFormat::Png, &Rendering::default(), compared);
            assert_eq!(check, Some(PixelCheck { pixels, largest_difference }));
        }
    }

    #[test]
    fn every_ink_is_compared() {
        let source = Colors::<u16>::from_fn(4, 3, |x, y| Rgb([(x * 9_000) as u16, (y * 20_000) as u16, 700]));
        let black = BlackPlane::from_fn(4, 3, |x, _| Luma([(x * 2_000) as u16]));
        let alpha = GrayImage::from_fn(4, 3, |x, _| Luma([if x == 0 { 254 } else { 255 }]));
        let check = |format, (color, black_there): (&Colors<u16>, &BlackPlane)| {
            let picture = PlanarRgba::new(color.clone(), alpha.clone()).expect("same size");
            let picture = picture.with_black(Some(black_there.clone())).expect("same size");
            let file = FileColors { depth: BitDepth::Sixteen, profile: EmbeddedProfile::Inks(None) };
            let source = ComparedSource { color: &source, black: Some(&black), matte: None };
            compare(&Document { file: &file, ..Document::of(&picture) }, format, &Rendering::default(), source)
        };
        let found = |largest_difference| Some(PixelCheck { pixels: 9, largest_difference });
        let (mut other_color, mut other_black) = (source.clone(), black.clone());
        other_color.get_pixel_mut(3, 2).0[1] += 17;
        other_black.get_pixel_mut(1, 1).0[0] += 40;
        for format in [OutputFormat::Tiff, OutputFormat::Psd] {
            assert_eq!(check(format, (&source, &black)), found(0), "{format}");
            assert_eq!(check(format, (&other_color, &black)), found(17), "{format}");
            assert_eq!(check(format, (&source, &other_black)), found(40), "{format}");
        }
    }

    #[test]
    fn opaque_pixels_of_lossless_files_are_compared_in_the_depth_of_the_file() {
        let (lossy, lossless) = (Rendering::default(), Rendering { lossless: Some(true), ..Rendering::default() });
        let found = |largest_difference| Some(PixelCheck { pixels: 9, largest_difference });
        for format in [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::Psd] {
            assert_eq!(check(format, &lossy, BitDepth::Sixteen), found(300), "{format}");
            assert_eq!(check(format, &lossy, BitDepth::Eight), found(1), "{format}");
        }
        assert_eq!(check(OutputFormat::Webp, &lossless, BitDepth::Sixteen), found(1), "WebP has 8 bits");
        assert_eq!(check(OutputFormat::Webp, &lossy, BitDepth::Eight), None);
        assert_eq!(check(OutputFormat::Jpeg, &lossless, BitDepth::Eight), None);
        let matte = Rendering { channels: Channels::Alpha, ..Rendering::default() };
        assert_eq!(check(OutputFormat::Png, &matte, BitDepth::Eight), None);
    }
}
