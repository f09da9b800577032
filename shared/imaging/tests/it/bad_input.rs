//! What is no picture, or none that should be decoded: each has a clear error, and none takes the process
//! down.

use cutline_core::domain::kind::ImageKind;
use cutline_core::{FailureCode, Fault, OutputFormat};
use cutline_imaging::decode::dimensions;
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

/// Wherever the data of the picture ends early, there is an error and not a picture with gray in it.
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

/// The one that cannot be told: something, maybe a repair tool, closed the file where it was cut. It decodes,
/// and what is missing of it is gray.
#[test]
fn a_jpeg_cut_short_and_closed_decodes_with_gray_in_it() {
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
fn a_head_alone_is_damaged() {
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
        assert!(matches!(refused(head), Error::Damaged { .. }), "{head:?}");
    }
}

#[test]
fn a_jpeg_may_have_stray_bytes_around_its_parts() {
    let mut file = photo("jpeg");
    file.extend(b"whatever a camera leaves behind");
    decode(&file, &Limits::default()).expect("what follows the picture does not matter");
}

/// 10,000 x 6,000 pixels of one color compress to a few kilobytes. The header is enough to refuse it.
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

/// Of one row, few pixels are enough to take gigabytes later on.
#[test]
fn a_side_longer_than_a_jpeg_has_is_refused_by_the_header() {
    for (width, height) in [(65_536_u32, 1_u32), (1, 65_536), (50_000_000, 1), (1, 50_000_000)] {
        let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        file.extend(files::chunk(b"IHDR", &[size.as_slice(), &[1, 0, 0, 0, 0]].concat()));
        assert_eq!(dimensions(&file).expect("has a header"), (width, height));
        let error = refused(&file);
        assert!(matches!(error, Error::SideTooLong { max_side: 65_535, .. }), "{error:?}");
        let told = format!("the picture is {width} x {height} pixels; sides of at most 65535 pixels are read");
        assert_eq!(error.to_string(), told);
        assert_eq!(Fault::from(error).failure().code, FailureCode::ImageTooLarge);
    }
    for (width, height) in [(65_535, 1), (1, 65_535)] {
        let file = files::write(&DynamicImage::new_luma8(width, height), "png", None);
        decode(&file, &Limits::default()).expect("is within the limits");
    }
}

/// What stands before the pixels of a PNG is held in memory with them, and may be inflated there.
#[test]
fn the_metadata_of_a_png_are_held_to_a_limit_of_their_own() {
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
fn the_size_of_a_png_is_read_without_what_follows() {
    let file = photo("png");
    assert_eq!(dimensions(&file[..33]).expect("has a header"), (160, 120));
    let mut other = file.clone();
    other[15] = b'X';
    let mut empty = file.clone();
    empty[16..20].fill(0);
    for file in [&file[..20], &other, &empty] {
        assert!(matches!(dimensions(file), Err(Error::Damaged { .. })));
    }
}

/// Each scan may go over all pixels, so one file of nothing else would take hours.
#[test]
fn a_jpeg_of_too_many_scans_is_refused() {
    // What seems to end the file does not hide the scans after it. Neither does a segment that seems to hold
    // the next scan: the decoder reads five bytes of the four before it, and so does not see that it begins.
    let end = files::segment(0xFE, &[0xFF, 0xD9]);
    let hidden = [files::segment(0xE0, b"four"), vec![0xFF, 0xE1, 0, 13]].concat();
    for before in [b"".as_slice(), &end, &hidden] {
        for count in [3, 100] {
            let photo = decode(&files::scans(count, before), &Limits::default()).expect("decodes");
            assert!(photo.color().iter().all(|value| *value == 128));
        }
        for count in [101, 4000] {
            let error = refused(&files::scans(count, before));
            let Error::Damaged { source, .. } = error else { panic!("{error:?}") };
            assert_eq!(source.to_string(), "there are too many scans", "{count} after {before:?}");
        }
    }
}

#[test]
fn scans_of_thumbnails_and_of_what_follows_the_picture_do_not_count() {
    let many = [0xFF, 0xDA].repeat(500);
    let mut file = photo("jpeg");
    file.extend(&many);
    file.splice(2..2, files::segment(0xE1, &many));
    decode(&file, &Limits::default()).expect("is a picture with a thumbnail and a video");
}

/// The decoder looks at what it has seen of some metadata with every further segment.
#[test]
fn a_jpeg_of_too_many_segments_is_refused() {
    let mut file = photo("jpeg");
    file.splice(2..2, files::segment(0xFE, b"").repeat(200));
    decode(&file, &Limits::default()).expect("is within the limits");
    file.splice(2..2, files::segment(0xFE, b"").repeat(10_000));
    assert!(matches!(refused(&file), Error::Damaged { .. }));
    assert!(matches!(dimensions(&file), Err(Error::Damaged { .. })));
}

#[test]
fn every_kind_is_held_to_the_limits() {
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

/// A caller learns what to do, and nothing of what the decoder said.
#[test]
fn every_refusal_has_its_code() {
    let cases = [
        (refused(b"text"), FailureCode::UnsupportedSource),
        (refused(include_bytes!("../data/kinds/lab.psd")), FailureCode::UnsupportedSource),
        (refused(&photo("jpeg")[..900]), FailureCode::InvalidImage),
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
        let limits = Limits { max_pixels: 1_000_000, max_alloc: 1 << 24, ..Limits::default() };
        if let Ok(photo) = decode(&file, &limits) {
            let (width, height) = photo.dimensions();
            prop_assert!(width > 0 && height > 0 && u64::from(width) * u64::from(height) <= limits.max_pixels);
        }
    }
}
