//! Photos to upload, and checks of the results.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage, RgbaImage};

/// The largest mean difference of a matte from the expected one, 0 to 1. Processors round differently. Another model, or
/// a shifted or rotated picture, differs far more.
const TOLERANCE: f64 = 0.01;

/// The same for a cut along a path, which is hard where the expected matte is soft.
const CLIPPED_TOLERANCE: f64 = 0.03;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn data(name: &str) -> PathBuf {
    root().join("shared/imaging/tests/data").join(name)
}

/// The file of the photo in `examples/`.
pub(crate) fn photo() -> Vec<u8> {
    fs::read(root().join("examples/coffee.jpg")).expect("the example photo")
}

/// Checks that a picture is the photo's subject: it has the photo's size, the expected matte and, where it is opaque, the
/// photo's colors.
#[track_caller]
pub(crate) fn check(png: &[u8]) {
    let cutout = image::load_from_memory_with_format(png, ImageFormat::Png).expect("a PNG");
    assert!(cutout.color().has_alpha(), "the result has no alpha");
    let cutout = cutout.to_rgba8();
    // Decoded by libjpeg, which Cutline follows to the level. The `image` crate rounds otherwise by up to 3.
    let photo = image::open(data("coffee-decoded.png")).expect("the photo's pixels").to_rgb8();
    assert_eq!(cutout.dimensions(), photo.dimensions());
    check_matte(&matte(&cutout));
    let opaque = cutout.pixels().zip(photo.pixels()).filter(|(cutout, _)| cutout.0[3] == 255);
    let worst = opaque.map(|(cutout, photo)| (0..3).map(|c| cutout.0[c].abs_diff(photo.0[c])).max().unwrap_or(0)).max();
    assert_eq!(worst, Some(0), "the subject's colors are not the photo's");
}

/// Checks that a picture is the photo's subject cut along a path: nearly the expected matte, with few pixels between inside
/// and outside.
#[track_caller]
pub(crate) fn check_clipped(png: &[u8]) {
    let cutout = image::load_from_memory_with_format(png, ImageFormat::Png).expect("a PNG");
    assert!(cutout.color().has_alpha(), "the result has no alpha");
    let alpha = matte(&cutout.to_rgba8());
    let difference = mean_difference(&alpha, &expected_matte());
    assert!(difference < CLIPPED_TOLERANCE, "the cut differs by {difference:.4}");
    let between = alpha.pixels().filter(|alpha| !matches!(alpha.0[0], 0 | 255)).count();
    let inside = alpha.pixels().filter(|alpha| alpha.0[0] == 255).count();
    assert!(between * 20 < inside, "the edge is not hard: {between} pixels, with {inside} inside");
}

/// The photo's pixels, and its matte.
pub(crate) fn subject() -> (RgbImage, GrayImage) {
    (image::open(data("coffee-decoded.png")).expect("the photo's pixels").to_rgb8(), expected_matte())
}

/// Checks that an SVG contains a path on a canvas of the photo's size.
#[track_caller]
pub(crate) fn check_path(svg: &[u8]) {
    let text = std::str::from_utf8(svg).expect("a text");
    assert!(text.contains("<svg") && text.contains("<path") && text.contains(" d=\"M"), "{text:.300}");
    assert!(text.contains("600") && text.contains("400") && !text.contains("<script"), "{text:.300}");
}

/// Checks that a matte is the photo's.
#[track_caller]
pub(crate) fn check_matte(matte: &GrayImage) {
    let difference = mean_difference(matte, &expected_matte());
    assert!(difference < TOLERANCE, "the matte differs by {difference:.4}");
}

fn expected_matte() -> GrayImage {
    let path = data("coffee-matte.png");
    image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_luma8()
}

fn matte(picture: &RgbaImage) -> GrayImage {
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| image::Luma([picture.get_pixel(x, y).0[3]]))
}

fn mean_difference(a: &GrayImage, b: &GrayImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions(), "the size of the expected matte");
    let sum: u64 = a.pixels().zip(b.pixels()).map(|(a, b)| u64::from(a.0[0].abs_diff(b.0[0]))).sum();
    sum as f64 / 255.0 / f64::from(a.width() * a.height())
}

/// A picture as PNG.
pub(crate) fn encoded(picture: DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).expect("encodes");
    bytes.into_inner()
}

/// A mask of the photo's size that keeps its left half, or its right one.
pub(crate) fn half_mask(is_left: bool) -> Vec<u8> {
    let (width, height) = subject().0.dimensions();
    let mask =
        GrayImage::from_fn(width, height, |x, _| image::Luma([if (x < width / 2) == is_left { 255 } else { 0 }]));
    encoded(mask.into())
}

/// Checks that a picture is the photo cut by [`half_mask`].
#[track_caller]
pub(crate) fn check_half(png: &[u8], is_left: bool) {
    let cutout = image::load_from_memory_with_format(png, ImageFormat::Png).expect("a PNG").to_rgba8();
    let mask = image::load_from_memory(&half_mask(is_left)).expect("a PNG").to_luma8();
    assert!(matte(&cutout) == mask, "the alpha is not the mask's");
}

/// A PNG of one pixel.
pub(crate) fn one_pixel() -> Vec<u8> {
    encoded(RgbImage::from_pixel(1, 1, image::Rgb([200, 30, 30])).into())
}

/// A PNG of 60 megapixels in a few kilobytes.
pub(crate) fn bomb() -> Vec<u8> {
    let bytes = encoded(GrayImage::new(10_000, 6_000).into());
    assert!(bytes.len() < 1_000_000, "{} bytes are too many for a bomb", bytes.len());
    bytes
}
