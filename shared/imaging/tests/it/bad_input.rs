//! What is no picture, or none that should be decoded: each has a clear error, and none takes the process
//! down.

use cutline_core::kind::ImageKind;
use cutline_core::{FailureCode, Fault};
use cutline_imaging::{Error, Limits, decode};
use image::DynamicImage;
use proptest::prelude::*;

use crate::files;

fn refused(file: &[u8]) -> Error {
    decode(file, &Limits::default()).expect_err("is refused")
}

fn photo(kind: &str) -> Vec<u8> {
    files::write(&DynamicImage::ImageRgb8(files::picture(160, 120)), kind, None)
}

#[test]
fn a_text_is_of_no_known_kind() {
    for file in [b"".as_slice(), b"x", b"this is a text, named photo.jpg", &[0; 64]] {
        assert!(matches!(refused(file), Error::UnknownKind), "{file:?}");
    }
}

#[test]
fn kinds_that_are_not_read_are_named() {
    for (file, name) in [(b"GIF89a....".as_slice(), "GIF"), (b"8BPS\0\x01", "PSD"), (b"<svg/>", "SVG")] {
        let error = refused(file);
        assert!(matches!(error, Error::UnsupportedKind(_)));
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Wherever the data of the picture ends early, there is an error and not a picture with grey in it.
#[test]
fn a_truncated_file_is_damaged() {
    let progressive = include_bytes!("../data/progressive.jpg").to_vec();
    for (file, kind) in [
        (photo("jpeg"), ImageKind::Jpeg),
        (progressive, ImageKind::Jpeg),
        (photo("png"), ImageKind::Png),
        (photo("webp"), ImageKind::Webp),
        (include_bytes!("../data/lossy.webp").to_vec(), ImageKind::Webp),
    ] {
        decode(&file, &Limits::default()).expect("whole, it decodes");
        for percent in [20, 50, 80, 95] {
            let error = refused(&file[..file.len() * percent / 100]);
            let told = matches!(&error, Error::Damaged { kind: told, .. } if *told == kind);
            assert!(told, "{percent} % of a {}: {error:?}", kind.name());
        }
    }
}

#[test]
fn a_head_alone_is_damaged() {
    for head in [b"\xFF\xD8\xFF".as_slice(), b"\x89PNG\r\n\x1A\n", b"RIFF\0\0\0\0WEBP"] {
        assert!(matches!(refused(head), Error::Damaged { .. }), "{head:?}");
    }
}

#[test]
fn a_jpeg_may_have_stray_bytes_around_its_parts() {
    let mut file = photo("jpeg");
    file.extend(b"whatever a camera leaves behind");
    decode(&file, &Limits::default()).expect("what follows the picture does not matter");
}

/// 10,000 x 6,000 pixels of one colour compress to a few kilobytes. The header is enough to refuse it.
#[test]
fn a_png_bomb_is_refused_by_its_header() {
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    let size = [10_000_u32.to_be_bytes(), 6_000_u32.to_be_bytes()].concat();
    file.extend(files::chunk(b"IHDR", &[size.as_slice(), &[8, 2, 0, 0, 0]].concat()));
    file.extend(files::chunk(b"IDAT", &[0x78, 1]));
    let error = refused(&file);
    assert!(matches!(error, Error::TooManyPixels { width: 10_000, height: 6_000, max_pixels: 50_000_000 }));
    assert_eq!(error.to_string(), "the picture is 10000 x 6000 pixels; at most 50 megapixels are read");
    assert_eq!(Fault::from(error).failure().code, FailureCode::ImageTooLarge);
}

#[test]
fn every_kind_is_held_to_the_limits() {
    for kind in ["jpeg", "png", "webp"] {
        let file = photo(kind);
        let few = Limits { max_pixels: 160 * 120 - 1, ..Limits::default() };
        assert!(matches!(decode(&file, &few), Err(Error::TooManyPixels { .. })), "{kind}");
        let enough = Limits { max_pixels: 160 * 120, max_alloc: 1 << 20 };
        decode(&file, &enough).expect("is within the limits");
        let little = Limits { max_alloc: 160 * 120 * 3 - 1, ..Limits::default() };
        assert!(matches!(decode(&file, &little), Err(Error::TooMuchMemory)), "{kind}");
    }
}

/// A caller learns what to do, and nothing of what the decoder said.
#[test]
fn every_refusal_has_its_code() {
    let cases = [
        (refused(b"text"), FailureCode::UnsupportedSource),
        (refused(b"GIF89a...."), FailureCode::UnsupportedSource),
        (refused(&photo("jpeg")[..900]), FailureCode::InvalidImage),
        (Error::NoSubject, FailureCode::NoSubject),
    ];
    for (error, code) in cases {
        let fault = Fault::from(error);
        assert!(matches!(fault, Fault::Fail(_)), "{fault}");
        assert_eq!(fault.failure().code, code);
    }
    let inference = Error::Inference { model: "IS-Net", source: "secret".into() };
    let fault = Fault::from(inference);
    assert!(matches!(fault, Fault::Retry(_)) && !fault.to_string().contains("secret"), "{fault}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Bytes changed at random give a picture or an error, never a panic that leaves the decoder.
    #[test]
    fn damage_never_takes_the_process_down(
        kind in prop::sample::select(vec!["jpeg", "png", "webp"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut file = files::write(&DynamicImage::ImageRgb8(files::picture(24, 18)), kind, Some(files::exif(6)));
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let limits = Limits { max_pixels: 1_000_000, max_alloc: 1 << 24 };
        if let Ok(photo) = decode(&file, &limits) {
            let (width, height) = photo.dimensions();
            prop_assert!(width > 0 && height > 0 && u64::from(width) * u64::from(height) <= limits.max_pixels);
        }
    }
}
