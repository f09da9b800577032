//! HEIC files from end to end: container, limits, libheif, colors, orientation. `xtask/py/heic_samples.py` wrote them.

macro_rules! data {
    ($name:literal) => {
        &include_bytes!(concat!("../data/", $name))[..]
    };
}

mod fidelity;

use std::sync::{Arc, LazyLock};

use cutline_heic::Libheif;
use cutline_imaging::decode::{Decoding, dimensions};
use cutline_imaging::{Error, Limits, Photo};

/// The colors of the four corners: upper left, upper right, lower left, lower right.
const RED: [u8; 3] = [230, 26, 26];
const GREEN: [u8; 3] = [26, 204, 51];
const BLUE: [u8; 3] = [26, 51, 230];
const WHITE: [u8; 3] = [242, 242, 242];
/// Levels by which a color may differ after lossy compression.
const TOLERANCE: u8 = 5;

static DECODING: LazyLock<Decoding> = LazyLock::new(|| {
    let decoder = Libheif::start().unwrap_or_else(|error| panic!("{error}"));
    Decoding { limits: Limits::default(), heic: Some(Arc::new(decoder)) }
});

fn decode(file: &[u8]) -> Photo {
    DECODING.decode(file).unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

fn refusal(file: &[u8]) -> String {
    DECODING.decode(file).expect_err("is refused").to_string()
}

/// The colors at the center of each quarter, in reading order.
fn quarters(photo: &Photo) -> [[u8; 3]; 4] {
    let (width, height) = photo.dimensions();
    let at = |x: u32, y: u32| photo.color().get_pixel(width * x / 4, height * y / 4).0;
    [at(1, 1), at(3, 1), at(1, 3), at(3, 3)]
}

#[track_caller]
fn assert_close(found: &[[u8; 3]], expected: &[[u8; 3]]) {
    let differences = found.as_flattened().iter().zip(expected.as_flattened()).map(|(a, b)| a.abs_diff(*b));
    assert!(differences.max() <= Some(TOLERANCE) && found.len() == expected.len(), "{found:?}, not {expected:?}");
}

#[test]
fn decodes_both_chroma_formats() {
    for file in [data!("corners.heic"), data!("corners-444.heic")] {
        let photo = decode(file);
        assert_eq!((photo.dimensions(), dimensions(file).expect("has a size")), ((160, 96), (160, 96)));
        assert_close(&quarters(&photo), &[RED, GREEN, BLUE, WHITE]);
        assert_eq!((photo.alpha(), &photo.metadata().warnings[..]), (None, &[][..]));
    }
}

#[test]
fn exif_tells_the_artist_and_no_orientation() {
    let photo = decode(data!("exif.heic"));
    assert_eq!(photo.metadata().artist.as_deref(), Some("Ann"));
    assert_eq!(photo.dimensions(), (160, 96), "the Exif block says that the picture is turned");
    assert_close(&quarters(&photo), &[RED, GREEN, BLUE, WHITE]);
}

#[test]
fn the_container_turns_and_mirrors_once() {
    // A quarter turn counterclockwise makes the right side the upper one; then left and right are exchanged.
    let photo = decode(data!("turned.heic"));
    assert_eq!(photo.dimensions(), (96, 160));
    assert_close(&quarters(&photo), &[WHITE, GREEN, BLUE, RED]);
}

#[test]
fn the_container_crops() {
    let photo = decode(data!("cropped.heic"));
    assert_eq!((photo.dimensions(), dimensions(data!("cropped.heic")).expect("has a size")), ((80, 48), (80, 48)));
    assert_close(&quarters(&photo), &[RED; 4]);
}

#[test]
fn joins_the_tiles_of_a_grid() {
    let photo = decode(data!("grid.heic"));
    assert_eq!(photo.dimensions(), (120, 100));
    assert_close(&quarters(&photo), &[RED, GREEN, BLUE, WHITE]);
}

#[test]
fn keeps_alpha() {
    let photo = decode(data!("alpha.heic"));
    let alpha = photo.alpha().expect("has alpha");
    let at = |x| alpha.get_pixel(x, 48).0[0];
    assert!(at(20) <= TOLERANCE && at(60).abs_diff(128) <= TOLERANCE && at(120) >= 255 - TOLERANCE, "{}", at(60));
}

#[test]
fn alpha_is_turned_with_the_colors_or_refused() {
    let photo = decode(data!("turned-alpha.heic"));
    let alpha = photo.alpha().expect("has alpha");
    assert_eq!(photo.dimensions(), (96, 160));
    // The transparent left side is now the lower one.
    assert!(alpha.get_pixel(48, 40).0[0] >= 255 - TOLERANCE && alpha.get_pixel(48, 120).0[0] <= TOLERANCE);
    let said = refusal(data!("turned-colors.heic"));
    assert_eq!(said, "unsupported HEIC: turned colors with transparency that is not; convert it to PNG");
}

#[test]
fn ten_bits_make_a_smooth_ramp() {
    let photo = decode(data!("ten-bits.heic"));
    let row: Vec<u8> = (0..160).map(|x| photo.color().get_pixel(x, 48).0[1]).collect();
    let expected = (0..160).map(|x| (255.0 * (0.2 + 0.4 * f64::from(x) / 159.0)).round() as u8);
    let difference = row.iter().zip(expected).map(|(found, expected)| found.abs_diff(expected)).max();
    assert!(difference <= Some(2), "{row:?}");
}

#[test]
fn converts_from_code_points_and_profiles() {
    let display_p3 = decode(data!("display-p3.heic"));
    assert_eq!(display_p3.metadata().converted_from.as_deref(), Some("Display P3"));
    let adobe = decode(data!("adobe-rgb.heic"));
    assert_eq!(adobe.metadata().converted_from.as_deref(), Some("adobe"));
    for photo in [&display_p3, &adobe] {
        let [red, green, _, white] = quarters(photo);
        assert!(red[0] > RED[0] && green[0] < GREEN[0], "wide colors become more saturated: {red:?}, {green:?}");
        assert_close(&[white], &[WHITE]);
    }
}

#[test]
fn checks_the_size_before_decoding() {
    let limited = |limits| Decoding { limits, heic: DECODING.heic.clone() }.decode(data!("corners.heic"));
    let pixels = Limits { max_pixels: 160 * 96 - 1, ..Limits::default() };
    assert!(matches!(limited(pixels), Err(Error::TooManyPixels { width: 160, height: 96, .. })));
    let side = Limits { max_side: 159, ..Limits::default() };
    assert!(matches!(limited(side), Err(Error::SideTooLong { .. })));
    let memory = Limits { max_alloc: 160 * 96, ..Limits::default() };
    assert!(matches!(limited(memory), Err(Error::TooMuchMemory)));
}

#[test]
fn refuses_a_stream_larger_than_the_image() {
    let said = refusal(data!("small-box.heic"));
    assert_eq!(said, "damaged HEIC: its stream is larger than the image; export it again");
}

#[test]
fn truncated_and_changed_files_are_errors_and_nothing_worse() {
    let mut refused = 0;
    for file in [data!("corners.heic"), data!("grid.heic"), data!("alpha.heic"), data!("exif.heic")] {
        for length in 0..file.len() {
            let cut = &file[..length];
            refused += usize::from(DECODING.decode(cut).is_err());
        }
        for at in 0..file.len() {
            let mut changed = file.to_vec();
            changed[at] ^= 0x55;
            // Some changes are within the picture, and show.
            let _ = DECODING.decode(&changed);
        }
    }
    assert!(refused > 3_000, "{refused} of the cut files were refused");
}

#[test]
fn a_cut_stream_is_truncated() {
    let file = data!("corners.heic");
    let said = refusal(&file[..file.len() - 40]);
    assert_eq!(said, "truncated HEIC: the file ends early; send the complete file");
}
