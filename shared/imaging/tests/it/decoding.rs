//! Sample types, palettes, profiles and animations of JPEG, PNG and WebP.

use cutline_imaging::decode::dimensions;
use cutline_imaging::{Limits, Photo, decode};
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, Rgba, RgbaImage};
use proptest::prelude::*;

use crate::files;

fn decoded(file: &[u8]) -> Photo {
    decode(file, &Limits::default()).expect("decodes")
}

#[test]
fn reduces_16_bits_to_8() {
    let deep = ImageBuffer::from_fn(3, 1, |x, _| Rgb([[0_u16, 32_768, 65_535][x as usize]; 3]));
    let photo = decoded(&files::write(&DynamicImage::ImageRgb16(deep), "png", None));
    assert_eq!(photo.color().as_raw(), &[0, 0, 0, 128, 128, 128, 255, 255, 255]);
}

#[test]
fn reduces_16_bits_with_alpha_to_8() {
    let deep = ImageBuffer::from_fn(2, 1, |x, _| Rgba([65_535_u16, 0, 257, [65_535, 257 * 100][x as usize]]));
    let photo = decoded(&files::write(&DynamicImage::ImageRgba16(deep), "png", None));
    assert_eq!(photo.color().as_raw(), &[255, 0, 1, 255, 0, 1]);
    assert_eq!(photo.alpha().expect("has alpha").as_raw(), &[255, 100]);
}

#[test]
fn converts_gray_to_rgb() {
    let gray = GrayImage::from_fn(2, 1, |x, _| Luma([[7, 200][x as usize]]));
    for kind in ["png", "jpeg"] {
        let photo = decoded(&files::write(&DynamicImage::ImageLuma8(gray.clone()), kind, None));
        for (pixel, expected) in photo.color().pixels().zip([7_u8, 200]) {
            let [red, green, blue] = pixel.0;
            assert!(red == green && green == blue && red.abs_diff(expected) <= 3, "{kind}: {pixel:?}");
        }
    }
}

#[test]
fn keeps_the_alpha_of_gray() {
    let gray = GrayAlphaImage::from_fn(2, 1, |x, _| LumaA([90, [255, 17][x as usize]]));
    let photo = decoded(&files::write(&DynamicImage::ImageLumaA8(gray), "png", None));
    assert_eq!(photo.color().as_raw(), &[90; 6]);
    assert_eq!(photo.alpha().expect("has alpha").as_raw(), &[255, 17]);
}

/// A PNG of two pixels and two palette colors, the second half transparent.
#[test]
fn resolves_a_palette_with_transparency() {
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    file.extend(files::chunk(b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0]));
    file.extend(files::chunk(b"PLTE", &[10, 20, 30, 40, 50, 60]));
    file.extend(files::chunk(b"tRNS", &[255, 128]));
    // A zlib stream of one stored block: filter 0, then the two indices.
    file.extend(files::chunk(b"IDAT", &[0x78, 1, 1, 3, 0, 0xFC, 0xFF, 0, 0, 1, 0, 5, 0, 2]));
    file.extend(files::chunk(b"IEND", &[]));
    let photo = decoded(&file);
    assert_eq!(photo.color().as_raw(), &[10, 20, 30, 40, 50, 60]);
    assert_eq!(photo.alpha().expect("has alpha").as_raw(), &[255, 128]);
}

/// Adobe's programs store inks inverted. 16 x 8 pixels: the left half red (no cyan, full magenta and yellow), the right
/// half dark green with black ink.
#[test]
fn reads_the_inverted_inks_of_adobe() {
    for (file, name) in
        [(include_bytes!("../data/cmyk.jpg").as_slice(), "CMYK"), (include_bytes!("../data/ycck.jpg"), "YCCK")]
    {
        let photo = decoded(file);
        assert_eq!(photo.dimensions(), (16, 8), "{name}");
        let near = |x, expected: [u8; 3]| {
            let pixel = photo.color().get_pixel(x, 4).0;
            let difference = pixel.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            assert!(difference <= Some(6), "{name}: {pixel:?} where {expected:?} is expected");
        };
        // As offset printing shows them.
        near(2, [225, 47, 44]);
        near(13, [39, 76, 60]);
    }
}

/// Three colors in Display P3. Its pure red lies outside of sRGB; its gray is the same. In the JPEG each color is a
/// block, and the profile is in two segments, the second one first.
#[test]
fn converts_wide_colors_to_srgb() {
    let expected: [[u8; 3]; 3] = [[128, 128, 128], [255, 0, 0], [228, 59, 42]];
    for (file, name) in [
        (include_bytes!("../data/display-p3.png").as_slice(), "PNG"),
        (include_bytes!("../data/display-p3.jpg"), "JPEG"),
        (include_bytes!("../data/display-p3.webp"), "WebP"),
    ] {
        let photo = decoded(file);
        let block = photo.dimensions().0 / 3;
        for (at, expected) in (0..).zip(expected) {
            let pixel = photo.color().get_pixel(at * block + block / 2, 0).0;
            let difference = pixel.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            assert!(difference <= Some(3), "{name}: {pixel:?} where {expected:?} is expected");
        }
    }
}

#[test]
fn ignores_an_unreadable_profile() {
    let stored = files::picture(4, 4);
    let mut file = files::write(&DynamicImage::ImageRgb8(stored.clone()), "png", None);
    // A name, a zero byte, the method, and a zlib stream of four bytes.
    let body = [b"x\0\0".as_slice(), &[0x78, 1, 1, 4, 0, 0xFB, 0xFF, 1, 2, 3, 4, 0, 24, 0, 11]].concat();
    file.splice(33..33, files::chunk(b"iCCP", &body));
    assert_eq!(decoded(&file).color(), &stored);
}

#[test]
fn uses_the_first_frame_of_an_animated_webp() {
    let photo = decoded(include_bytes!("../data/animated.webp"));
    assert_eq!(photo.dimensions(), (8, 8));
    let [red, green, blue] = photo.color().get_pixel(4, 4).0;
    assert!(red > 200 && green < 60 && blue < 60, "{red} {green} {blue}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn decodes_any_size(
        (width, height) in prop_oneof![(1_u32..70, 1_u32..70), (Just(1_u32), 1_u32..3000), (1_u32..3000, Just(1_u32))],
        kind in prop::sample::select(vec!["jpeg", "png", "webp"]),
    ) {
        let rgba = RgbaImage::from_pixel(width, height, Rgba([1, 2, 3, 255]));
        let picture = DynamicImage::ImageRgba8(rgba);
        let picture = if kind == "jpeg" { DynamicImage::ImageRgb8(picture.into_rgb8()) } else { picture };
        let file = files::write(&picture, kind, None);
        let photo = decoded(&file);
        prop_assert_eq!(photo.dimensions(), (width, height));
        prop_assert!(photo.alpha().is_none());
        prop_assert_eq!(dimensions(&file).expect("has a header"), (width, height));
    }
}
