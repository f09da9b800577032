//! Files that are damaged, hostile or not images. Each returns a clear error, and none takes the process down.

use cutline_core::domain::kind::ImageKind;
use cutline_core::{FailureCode, Fault, OutputFormat};
use cutline_imaging::decode::dimensions;
use cutline_imaging::{Error, Limits, decode};
use image::DynamicImage;
use proptest::prelude::*;

use crate::files;

fn rejection(file: &[u8]) -> Error {
    decode(file, &Limits::default()).expect_err("is rejected")
}

fn photo(kind: &str) -> Vec<u8> {
    files::write(&DynamicImage::ImageRgb8(files::picture(160, 120)), kind, None)
}

#[test]
fn rejects_files_that_are_not_images() {
    for file in [b"".as_slice(), b"x", b"this is a text, named photo.jpg", &[0; 64]] {
        assert!(matches!(rejection(file), Error::UnknownKind), "{file:?}");
    }
}

/// A truncated file is an error, not an image with a gray part.
#[test]
fn rejects_truncated_files() {
    let progressive = include_bytes!("../data/progressive.jpg").to_vec();
    for (file, kind) in [
        (photo("jpeg"), ImageKind::Jpeg),
        (progressive, ImageKind::Jpeg),
        (photo("png"), ImageKind::Png),
        (photo("webp"), ImageKind::Webp),
        (include_bytes!("../data/lossy.webp").to_vec(), ImageKind::Webp),
    ] {
        decode(&file, &Limits::default()).expect("decodes as a whole");
        for percent in [20, 50, 80, 95] {
            let error = rejection(&file[..file.len() * percent / 100]);
            let damaged = files::is_damaged(&error, |found| found == kind);
            assert!(damaged, "{percent} % of a {}: {error:?}", kind.name());
        }
    }
}

/// The exception: a file that was cut and given a new end, perhaps by a repair tool. It decodes, and its missing part
/// is gray.
#[test]
fn decodes_a_truncated_jpeg_with_an_end_marker() {
    for file in [photo("jpeg"), include_bytes!("../data/progressive.jpg").to_vec()] {
        let whole = decode(&file, &Limits::default()).expect("decodes");
        for percent in [50, 80, 95] {
            let cut = [&file[..file.len() * percent / 100], &[0xFF, 0xD9]].concat();
            let photo = decode(&cut, &Limits::default()).expect("decodes");
            assert_eq!(photo.dimensions(), whole.dimensions());
            assert_ne!(photo, whole);
        }
    }
}

#[test]
fn rejects_files_of_a_signature_alone() {
    for head in [
        b"\xFF\xD8\xFF".as_slice(),
        b"\x89PNG\r\n\x1A\n",
        b"RIFF\0\0\0\0WEBP",
        b"GIF89a",
        b"II*\0",
        b"8BPS\0\x01",
        b"\0\0\0\x10ftypavif\0\0\0\0",
        b"<svg",
    ] {
        let error = rejection(head);
        assert!(files::is_damaged(&error, |_| true), "{head:?}: {error:?}");
    }
}

#[test]
fn ignores_bytes_after_a_jpeg() {
    let mut file = photo("jpeg");
    file.extend(b"left behind by a camera");
    decode(&file, &Limits::default()).expect("ignores what follows the image");
}

/// 10,000 x 6,000 pixels of one color compress to a few kilobytes. The header suffices to refuse them.
#[test]
fn rejects_a_png_bomb_by_its_header() {
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    let size = [10_000_u32.to_be_bytes(), 6_000_u32.to_be_bytes()].concat();
    file.extend(files::chunk(b"IHDR", &[size.as_slice(), &[8, 2, 0, 0, 0]].concat()));
    file.extend(files::chunk(b"IDAT", &[0x78, 1]));
    let error = rejection(&file);
    assert!(matches!(error, Error::TooManyPixels { width: 10_000, height: 6_000, max_pixels: 50_000_000 }));
    assert_eq!(
        error.to_string(),
        "image too large: 10000 x 6000 pixels exceed the limit of 50 megapixels; scale it down"
    );
    assert_eq!(Fault::from(error).failure().code, FailureCode::ImageTooLarge);
}

/// An image of a single row can take gigabytes later on, although it has few pixels.
#[test]
fn rejects_too_long_sides_by_the_header() {
    for (width, height) in [(65_536_u32, 1_u32), (1, 65_536), (50_000_000, 1), (1, 50_000_000)] {
        let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        file.extend(files::chunk(b"IHDR", &[size.as_slice(), &[1, 0, 0, 0, 0]].concat()));
        assert_eq!(dimensions(&file).expect("has a header"), (width, height));
        let error = rejection(&file);
        assert!(matches!(error, Error::SideTooLong { max_side: 65_535, .. }), "{error:?}");
        let message = format!(
            "image too large: {width} x {height} pixels exceed the limit of 65535 pixels per side; scale it down"
        );
        assert_eq!(error.to_string(), message);
        assert_eq!(Fault::from(error).failure().code, FailureCode::ImageTooLarge);
    }
    for (width, height) in [(65_535, 1), (1, 65_535)] {
        let file = files::write(&DynamicImage::new_luma8(width, height), "png", None);
        decode(&file, &Limits::default()).expect("is within the limits");
    }
}

/// Metadata before the pixels of a PNG is held in memory, inflated.
#[test]
fn limits_the_metadata_of_a_png() {
    for (megabytes, within) in [(8, true), (33, false)] {
        let mut file = photo("png");
        file.splice(33..33, files::chunk(b"tEXt", &[b"name\0".as_slice(), &vec![b'x'; megabytes << 20]].concat()));
        match decode(&file, &Limits::default()) {
            Ok(_) => assert!(within, "{megabytes}"),
            Err(error) => assert!(!within && matches!(error, Error::TooMuchMemory), "{megabytes}: {error:?}"),
        }
        assert_eq!(dimensions(&file).expect("has a header"), (160, 120));
    }
}

#[test]
fn reads_the_size_of_a_png_from_its_header_alone() {
    let file = photo("png");
    assert_eq!(dimensions(&file[..33]).expect("has a header"), (160, 120));
    let mut other = file.clone();
    other[15] = b'X';
    let mut empty = file.clone();
    empty[16..20].fill(0);
    for file in [&file[..20], &other, &empty] {
        assert!(dimensions(file).is_err_and(|error| files::is_damaged(&error, |kind| kind == ImageKind::Png)));
    }
}

/// Each scan may cover all pixels, so a file full of scans would take hours.
#[test]
fn rejects_a_jpeg_with_too_many_scans() {
    // A false end of the image does not hide the scans after it.
    let end = files::segment(0xFE, &[0xFF, 0xD9]);
    for before in [b"".as_slice(), &end] {
        for count in [3, 100] {
            let photo = decode(&files::scans(count, before), &Limits::default()).expect("decodes");
            assert!(photo.color().iter().all(|value| *value == 128));
        }
        for count in [101, 4000] {
            let error = rejection(&files::scans(count, before));
            let Error::UnsupportedFeature { feature, .. } = error else { panic!("{error:?}") };
            assert_eq!(feature, "more than 100 scans", "{count} after {before:?}");
        }
    }
}

#[test]
fn counts_no_scans_of_thumbnails_or_after_the_image() {
    let many = [0xFF, 0xDA].repeat(500);
    let mut file = photo("jpeg");
    file.extend(&many);
    file.splice(2..2, files::segment(0xE1, &many));
    decode(&file, &Limits::default()).expect("is an image with a thumbnail and a video");
}

/// The decoder looks at earlier metadata again with every further segment.
#[test]
fn rejects_a_jpeg_with_too_many_segments() {
    let mut file = photo("jpeg");
    file.splice(2..2, files::segment(0xFE, b"").repeat(200));
    decode(&file, &Limits::default()).expect("is within the limits");
    file.splice(2..2, files::segment(0xFE, b"").repeat(10_000));
    for error in [rejection(&file), dimensions(&file).expect_err("is rejected")] {
        let Error::UnsupportedFeature { kind: ImageKind::Jpeg, feature, .. } = error else { panic!("{error:?}") };
        assert_eq!(feature, "more than 10000 segments");
    }
}

#[test]
fn applies_the_limits_to_every_kind() {
    for kind in ["jpeg", "png", "webp"] {
        let file = photo(kind);
        let few = Limits { max_pixels: 160 * 120 - 1, ..Limits::default() };
        assert!(matches!(decode(&file, &few), Err(Error::TooManyPixels { .. })), "{kind}");
        let enough = Limits { max_pixels: 160 * 120, max_side: 160, max_alloc: 1 << 20 };
        decode(&file, &enough).expect("is within the limits");
        let short = Limits { max_side: 159, ..Limits::default() };
        assert!(matches!(decode(&file, &short), Err(Error::SideTooLong { .. })), "{kind}");
        let little = Limits { max_alloc: 160 * 120 * 3 - 1, ..Limits::default() };
        assert!(matches!(decode(&file, &little), Err(Error::TooMuchMemory)), "{kind}");
    }
}

/// Messages tell the caller what to do, and contain nothing that a decoder or the operating system reported.
#[test]
fn maps_every_error_to_its_code() {
    let cases = [
        (rejection(b"text"), FailureCode::UnsupportedSource),
        (rejection(include_bytes!("../data/kinds/lab.psd")), FailureCode::UnsupportedSource),
        (rejection(&photo("jpeg")[..900]), FailureCode::InvalidImage),
        (Error::NoSubject, FailureCode::NoSubject),
        (Error::NoSet, FailureCode::Internal),
        (Error::Encode { format: OutputFormat::Png, source: "secret".into() }, FailureCode::Internal),
        (Error::Resample("secret".into()), FailureCode::Internal),
    ];
    for (error, code) in cases {
        let fault = Fault::from(error);
        assert!(matches!(fault, Fault::Fail(_)) && !fault.to_string().contains("secret"), "{fault}");
        assert_eq!(fault.failure().code, code);
    }
    let faults = [
        Error::Inference { model: "IS-Net".into(), source: "secret".into() },
        Error::Model { path: "secret".into(), source: "secret".into() },
        Error::Thread(std::io::Error::other("secret")),
    ];
    for fault in faults.map(Fault::from) {
        assert!(matches!(fault, Fault::Retry(_)) && !fault.to_string().contains("secret"), "{fault}");
        assert_eq!(fault.failure().code, FailureCode::Internal);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Random changes of bytes result in an image or an error.
    #[test]
    fn survives_random_damage(
        kind in prop::sample::select(vec!["jpeg", "png", "webp"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut file = files::write(&DynamicImage::ImageRgb8(files::picture(24, 18)), kind, Some(files::exif(6)));
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let limits = Limits { max_pixels: 1_000_000, max_alloc: 1 << 24, ..Limits::default() };
        if let Ok(photo) = decode(&file, &limits) {
            let (width, height) = photo.dimensions();
            prop_assert!(width > 0 && height > 0 && u64::from(width) * u64::from(height) <= limits.max_pixels);
        }
    }
}
