//! Photos come out upright, for every orientation and every place in a file that states it.

use cutline_imaging::{Limits, decode};
use image::{DynamicImage, RgbImage};
use proptest::prelude::*;

use crate::files;

/// The position in the stored image, of `width` x `height`, of the pixel at `(x, y)` of the upright one. By the table
/// in the Exif standard, whose values name the sides of the scene at row 0 and column 0.
fn stored_at(orientation: u8, x: u32, y: u32, width: u32, height: u32) -> (u32, u32) {
    match orientation {
        1 => (x, y),
        2 => (width - 1 - x, y),
        3 => (width - 1 - x, height - 1 - y),
        4 => (x, height - 1 - y),
        5 => (y, x),
        6 => (y, height - 1 - x),
        7 => (width - 1 - y, height - 1 - x),
        8 => (width - 1 - y, x),
        other => panic!("invalid orientation {other}"),
    }
}

fn upright(stored: &RgbImage, orientation: u8) -> RgbImage {
    let (width, height) = stored.dimensions();
    let (across, down) = if orientation > 4 { (height, width) } else { (width, height) };
    RgbImage::from_fn(across, down, |x, y| {
        let (x, y) = stored_at(orientation, x, y, width, height);
        *stored.get_pixel(x, y)
    })
}

fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn applies_the_exif_orientation(
        width in 1_u32..40,
        height in 1_u32..40,
        orientation in 1_u8..=8,
        kind in prop::sample::select(vec!["jpeg", "png", "webp"]),
    ) {
        let stored = files::picture(width, height);
        let file = files::write(&DynamicImage::ImageRgb8(stored.clone()), kind, Some(files::exif(orientation)));
        let photo = decode(&file, &Limits::default()).expect("decodes");
        let tolerance = if kind == "jpeg" { 8 } else { 0 };
        let difference = largest_difference(photo.color(), &upright(&stored, orientation));
        prop_assert!(difference <= tolerance, "{difference}");
    }
}

#[test]
fn turns_alpha_with_the_colors() {
    let rgba = image::RgbaImage::from_fn(3, 2, |x, y| image::Rgba([x as u8, y as u8, 7, (10 * x + y) as u8]));
    for kind in ["png", "webp"] {
        let file = files::write(&DynamicImage::ImageRgba8(rgba.clone()), kind, Some(files::exif(6)));
        let photo = decode(&file, &Limits::default()).expect("decodes");
        let alpha = photo.alpha().expect("has alpha");
        assert_eq!(alpha.dimensions(), (2, 3), "{kind}");
        assert_eq!(alpha.as_raw(), &[1, 0, 11, 10, 21, 20], "{kind}");
    }
}

#[test]
fn finds_exif_after_the_pixels_of_a_png() {
    let stored = files::picture(5, 3);
    let mut file = files::write(&DynamicImage::ImageRgb8(stored.clone()), "png", None);
    let end = file.len() - 12;
    assert_eq!(&file[end + 4..end + 8], b"IEND");
    file.splice(end..end, files::chunk(b"eXIf", &files::exif(8)));
    let photo = decode(&file, &Limits::default()).expect("decodes");
    assert_eq!(photo.color(), &upright(&stored, 8));
}

#[test]
fn reads_exif_of_a_webp_with_the_prefix_of_jpeg() {
    let stored = files::picture(5, 3);
    let marked = [b"Exif\0\0".to_vec(), files::exif(3)].concat();
    let file = files::write(&DynamicImage::ImageRgb8(stored.clone()), "webp", Some(marked));
    let photo = decode(&file, &Limits::default()).expect("decodes");
    assert_eq!(photo.color(), &upright(&stored, 3));
}

#[test]
fn ignores_broken_exif() {
    let stored = files::picture(5, 3);
    for exif in [vec![], b"MM\0*".to_vec(), vec![0xFF; 40], files::exif(77)] {
        let file = files::write(&DynamicImage::ImageRgb8(stored.clone()), "png", Some(exif));
        let photo = decode(&file, &Limits::default()).expect("decodes");
        assert_eq!(photo.color(), &stored);
    }
}
