//! Animations: the first frame on its canvas, or the first one that shows something.

use cutline_imaging::{Limits, Photo, decode};
use image::{DynamicImage, GrayImage, Luma, RgbImage, Rgba, RgbaImage};

use crate::files;
use crate::webp::{ALPHA, ANIMATED, chunk, frame, header, riff};

const FIRST: &str = "Only the first frame of the animation was used.";
const SECOND: &str = "Only frame 2 of the animation was used: those before it are blank.";

/// The canvas, and a frame on it.
const CANVAS: (u32, u32) = (20, 18);
const PLACE: (u32, u32) = (4, 2);

fn picture() -> RgbImage {
    files::picture(16, 16)
}

/// The only chunk of a lossless picture.
fn lossless(picture: DynamicImage) -> Vec<Vec<u8>> {
    vec![files::write(&picture, "webp", None)[12..].to_vec()]
}

fn partial() -> Vec<u8> {
    frame(PLACE, (16, 16), &lossless(DynamicImage::ImageRgb8(picture())))
}

fn blank(color: [u8; 4]) -> Vec<u8> {
    let picture = RgbaImage::from_pixel(CANVAS.0, CANVAS.1, Rgba(color));
    frame((0, 0), CANVAS, &lossless(DynamicImage::ImageRgba8(picture)))
}

fn webp(flags: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let head = [header(ANIMATED | flags, CANVAS.0, CANVAS.1), chunk(b"ANIM", &[0; 6])];
    riff(&[head.as_slice(), frames].concat())
}

fn decoded(file: &[u8]) -> Photo {
    decode(file, &Limits::default()).expect("decodes")
}

/// Asserts that the photo shows the picture at its place, with samples that differ by at most `tolerance`, and nothing
/// around it.
fn assert_shows_the_picture(photo: &Photo, tolerance: u8) {
    let (alpha, picture) = (photo.alpha().expect("is not opaque"), picture());
    for (x, y, alpha) in alpha.enumerate_pixels() {
        let inside = x.checked_sub(PLACE.0).zip(y.checked_sub(PLACE.1)).filter(|(x, y)| *x < 16 && *y < 16);
        assert_eq!(alpha.0, [if inside.is_some() { 255 } else { 0 }], "{x}, {y}");
        if let Some((left, top)) = inside {
            let (shown, expected) = (photo.color().get_pixel(x, y), *picture.get_pixel(left, top));
            let difference = shown.0.iter().zip(expected.0).map(|(a, b)| a.abs_diff(b)).max();
            assert!(difference <= Some(tolerance), "{x}, {y}: {shown:?}, {expected:?}");
        }
    }
}

#[test]
fn a_frame_smaller_than_its_canvas_leaves_the_rest_transparent() {
    for flags in [0, ALPHA] {
        let single = decoded(&webp(flags, &[partial()]));
        assert_shows_the_picture(&single, 0);
        assert_eq!(single.metadata().warnings, [""; 0]);
        let several = decoded(&webp(flags, &[partial(), blank([9, 9, 9, 255])]));
        assert_shows_the_picture(&several, 0);
        assert_eq!(several.metadata().warnings, [FIRST]);
    }
}

#[test]
fn the_first_frame_of_a_webp_that_shows_something_is_used() {
    let photo = decoded(&webp(ALPHA, &[blank([0; 4]), partial()]));
    // A later frame is blended with those before it.
    assert_shows_the_picture(&photo, 1);
    assert_eq!(photo.metadata().warnings, [SECOND]);
    // Of one color, also if it is opaque.
    let photo = decoded(&webp(0, &[blank([255; 4]), partial()]));
    assert_eq!(photo.metadata().warnings, [SECOND]);
    let (shown, expected) = (photo.color().get_pixel(PLACE.0 + 8, PLACE.1 + 8), *picture().get_pixel(8, 8));
    assert!(shown.0.iter().zip(expected.0).all(|(a, b)| a.abs_diff(b) <= 1), "{shown:?}, {expected:?}");
}

#[test]
fn an_animation_without_a_frame_that_shows_something_says_so() {
    // The header of a frame that is never decoded may lie.
    let lies = frame(PLACE, (16, 15), &lossless(DynamicImage::ImageRgb8(picture())));
    for frames in [[blank([0; 4]), blank([0; 4])], [blank([0; 4]), lies]] {
        let photo = decoded(&webp(ALPHA, &frames));
        assert!(photo.alpha().is_some_and(|alpha| alpha.iter().all(|alpha| *alpha == 0)));
        let warning = &photo.metadata().warnings[0];
        assert!(warning.starts_with(&FIRST[..FIRST.len() - 1]) && warning.contains("it is blank"), "{warning}");
    }
}

/// A PNG of two frames: one that covers the canvas, and one at its place.
fn apng(color: png::ColorType, first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, CANVAS.0, CANVAS.1);
    encoder.set_color(color);
    encoder.set_animated(2, 0).expect("has frames");
    let mut writer = encoder.write_header().expect("writes to memory");
    writer.write_image_data(first).expect("is the first frame");
    writer.set_frame_dimension(16, 16).expect("fits");
    writer.set_frame_position(PLACE.0, PLACE.1).expect("fits");
    writer.write_image_data(second).expect("is the second frame");
    writer.finish().expect("writes to memory");
    file
}

#[test]
fn the_first_frame_of_a_png_that_shows_something_is_used() {
    let second = DynamicImage::ImageRgb8(picture()).into_rgba8();
    let blank = RgbaImage::new(CANVAS.0, CANVAS.1);
    let photo = decoded(&apng(png::ColorType::Rgba, &blank, &second));
    assert_shows_the_picture(&photo, 1);
    assert_eq!(photo.metadata().warnings, [SECOND]);

    let mut dotted = blank.clone();
    dotted.put_pixel(1, 1, Rgba([1, 2, 3, 255]));
    let photo = decoded(&apng(png::ColorType::Rgba, &dotted, &second));
    assert_eq!(photo.metadata().warnings, [FIRST]);
    assert_eq!(photo.alpha().map(|alpha| alpha.get_pixel(5, 5).0), Some([0]), "of the first frame");
}

#[test]
fn a_gray_png_stays_gray() {
    let second = GrayImage::from_fn(16, 16, |x, y| Luma([(x * 16 + y) as u8]));
    let white = GrayImage::from_pixel(CANVAS.0, CANVAS.1, Luma([255]));
    let photo = decoded(&apng(png::ColorType::Grayscale, &white, &second));
    assert_eq!(photo.metadata().warnings, [SECOND]);
    assert_eq!(photo.color().get_pixel(PLACE.0 + 3, PLACE.1 + 2).0, [50; 3]);
    assert!(photo.alpha().is_none_or(|alpha| alpha.get_pixel(0, 0).0 == [255]), "over white");
}
