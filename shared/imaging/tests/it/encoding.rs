//! What is written is what was cut out.

use cutline_core::{Channels, OutputFormat};
use cutline_imaging::{Cutout, Error, Photo, encode};
use image::{GrayImage, ImageFormat, Luma, RgbImage};
use proptest::prelude::*;

use crate::files;

/// A picture whose alpha runs from 0 at the left to 255 at the right.
fn cutout(width: u32, height: u32) -> Cutout {
    let matte = GrayImage::from_fn(width, height, |x, _| Luma([(x * 255 / (width - 1).max(1)) as u8]));
    Photo::opaque(files::picture(width, height)).cut_out(matte).expect("same size")
}

fn read(file: &[u8], format: ImageFormat) -> image::DynamicImage {
    image::load_from_memory_with_format(file, format).expect("decodes")
}

#[test]
fn png_keeps_colours_and_alpha_exactly() {
    let cutout = cutout(37, 11);
    let file = encode(cutout.clone(), OutputFormat::Png, Channels::Rgba).expect("encodes");
    assert_eq!(read(&file, ImageFormat::Png).into_rgba8().into_raw(), cutout.interleaved());
    let file = encode(cutout.clone(), OutputFormat::Png, Channels::Alpha).expect("encodes");
    let grey = read(&file, ImageFormat::Png);
    assert_eq!(grey.color(), image::ColorType::L8);
    assert_eq!(&grey.into_luma8(), cutout.alpha());
}

#[test]
fn webp_keeps_alpha_exactly_and_colours_closely() {
    let cutout = cutout(64, 48);
    let file = encode(cutout.clone(), OutputFormat::Webp, Channels::Rgba).expect("encodes");
    let rgba = read(&file, ImageFormat::WebP).into_rgba8();
    for (pixel, alpha) in rgba.pixels().zip(cutout.alpha().iter()) {
        assert_eq!(pixel[3], *alpha);
    }
    let (pixel, expected) = (rgba.get_pixel(60, 24).0, cutout.colour().get_pixel(60, 24).0);
    assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12), "{pixel:?} {expected:?}");
}

#[test]
fn jpeg_lies_on_white() {
    let file = encode(cutout(64, 48), OutputFormat::Jpeg, Channels::Rgba).expect("encodes");
    let flat: RgbImage = read(&file, ImageFormat::Jpeg).into_rgb8();
    assert!(flat.get_pixel(0, 20).0.iter().all(|value| *value > 246), "{:?}", flat.get_pixel(0, 20));
    let (pixel, expected) = (flat.get_pixel(63, 20).0, files::picture(64, 48).get_pixel(63, 20).0);
    assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12), "{pixel:?} {expected:?}");
}

/// Sharp red on white keeps its colour in a JPEG only if colour is not stored at half the size.
#[test]
fn jpeg_keeps_colour_at_full_size() {
    let stripes = RgbImage::from_fn(64, 64, |x, _| image::Rgb(if x % 2 == 0 { [255, 0, 0] } else { [255; 3] }));
    let cutout = Photo::opaque(stripes).cut_out(GrayImage::from_pixel(64, 64, Luma([255]))).expect("same size");
    let file = encode(cutout, OutputFormat::Jpeg, Channels::Rgba).expect("encodes");
    let [red, green, blue] = read(&file, ImageFormat::Jpeg).into_rgb8().get_pixel(32, 32).0;
    assert!(red > 230 && green < 40 && blue < 40, "{red} {green} {blue}");
}

#[test]
fn formats_of_later_versions_and_sides_beyond_a_format_are_refused() {
    for format in [OutputFormat::Psd, OutputFormat::Tiff] {
        let error = encode(cutout(2, 2), format, Channels::Rgba).expect_err("is refused");
        assert!(matches!(error, Error::UnsupportedFormat(refused) if refused == format));
    }
    for (format, side) in [(OutputFormat::Webp, 16_384), (OutputFormat::Jpeg, 65_536)] {
        let error = encode(cutout(side, 1), format, Channels::Rgba).expect_err("is refused");
        assert!(matches!(error, Error::TooLargeForFormat { max_side, .. } if max_side == side - 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_size_is_written_in_every_format_and_channel(
        (width, height) in prop_oneof![(1_u32..60, 1_u32..60), (Just(1_u32), 1_u32..2000), (1_u32..2000, Just(1_u32))],
        (format, kind) in prop::sample::select(vec![
            (OutputFormat::Png, ImageFormat::Png),
            (OutputFormat::Jpeg, ImageFormat::Jpeg),
            (OutputFormat::Webp, ImageFormat::WebP),
        ]),
        channels in prop::sample::select(vec![Channels::Rgba, Channels::Alpha]),
    ) {
        let file = encode(cutout(width, height), format, channels).expect("encodes");
        let picture = read(&file, kind);
        prop_assert_eq!((picture.width(), picture.height()), (width, height));
        let has_alpha = channels == Channels::Rgba && format == OutputFormat::Png;
        prop_assert!(!has_alpha || picture.color().has_alpha());
    }
}
