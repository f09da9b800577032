//! WebP chunks: untrusted lengths and sizes are checked, and unusual but legal files are accepted.

use cutline_core::domain::kind::ImageKind;
use cutline_imaging::decode::dimensions;
use cutline_imaging::{Error, Limits, Photo, decode};
use image::{DynamicImage, Rgba, RgbaImage};

use crate::files;

pub(crate) const ANIMATED: u8 = 0b10;
pub(crate) const ALPHA: u8 = 0b1_0000;

/// A chunk, padded to an even length.
pub(crate) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_le_bytes();
    let padding = [0].repeat(data.len() % 2);
    [kind, length.as_slice(), data, &padding].concat()
}

pub(crate) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let length = (chunks.len() as u32 + 4).to_le_bytes();
    [b"RIFF", length.as_slice(), b"WEBP", &chunks].concat()
}

/// The lower three bytes of a number, little-endian.
fn three_bytes(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// The header of an extended file.
pub(crate) fn header(flags: u8, width: u32, height: u32) -> Vec<u8> {
    chunk(b"VP8X", &[&[flags, 0, 0, 0], three_bytes(width - 1).as_slice(), &three_bytes(height - 1)].concat())
}

/// A frame: its header and its chunks.
pub(crate) fn frame((x, y): (u32, u32), (width, height): (u32, u32), chunks: &[Vec<u8>]) -> Vec<u8> {
    let sides =
        [three_bytes(x / 2), three_bytes(y / 2), three_bytes(width - 1), three_bytes(height - 1), three_bytes(100)]
            .concat();
    chunk(b"ANMF", &[sides.as_slice(), &[0], &chunks.concat()].concat())
}

fn animation(width: u32, height: u32, frame: Vec<u8>) -> Vec<u8> {
    riff(&[header(ANIMATED | ALPHA, width, height), chunk(b"ANIM", &[0; 6]), frame])
}

/// The only chunk of a lossless picture.
fn lossless(width: u32, height: u32) -> Vec<u8> {
    files::write(&DynamicImage::ImageRgb8(files::picture(width, height)), "webp", None)[12..].to_vec()
}

/// The chunks of alpha and of a lossy picture of 16 x 16 pixels, as libwebp writes them.
fn lossy() -> (Vec<u8>, Vec<u8>) {
    let rgba = RgbaImage::from_fn(16, 16, |x, y| Rgba([200, 100, 50, if x + y < 8 { 0 } else { 255 }]));
    let file = webp::Encoder::from_rgba(&rgba, 16, 16).encode(80.0);
    let at = |kind: &[u8]| file.windows(4).position(|window| window == kind).expect("has that chunk");
    (file[at(b"ALPH")..at(b"VP8 ")].to_vec(), file[at(b"VP8 ")..].to_vec())
}

/// The same picture with another size in its header.
fn resized(mut lossy: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    lossy[14..18].copy_from_slice([width.to_le_bytes(), height.to_le_bytes()].as_flattened());
    lossy
}

fn decoded(file: &[u8]) -> Photo {
    let photo = decode(file, &Limits::default()).expect("decodes");
    assert_eq!(dimensions(file).expect("has a header"), photo.dimensions());
    photo
}

/// Asserts that both decoding the file and reading its size alone report damage.
fn assert_damaged(file: &[u8], what: &str) {
    for error in [decode(file, &Limits::default()).map(drop), dimensions(file).map(drop)] {
        let error = error.expect_err(what);
        assert!(files::is_damaged(&error, |kind| kind == ImageKind::Webp), "{what}: {error:?}");
    }
}

/// A length beyond the end of the file must not be allocated.
#[test]
fn rejects_chunks_beyond_the_end_of_the_file() {
    for kind in [b"EXIF", b"ICCP", b"XMP ", b"what"] {
        let mut file = riff(&[header(0, 9, 7), lossless(9, 7), chunk(kind, b"some")]);
        decoded(&file);
        let length = file.len() - 8;
        file[length..length + 4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
        assert_damaged(&file, &String::from_utf8_lossy(kind));
    }
}

#[test]
fn rejects_pictures_that_differ_from_the_canvas() {
    let (alpha, lossy) = lossy();
    for (width, height) in [(17, 16), (16, 15), (16_383, 16_383)] {
        let larger = resized(lossy.clone(), width, height);
        assert_damaged(&riff(&[header(0, 16, 16), larger.clone()]), "lossy");
        assert_damaged(&riff(&[header(ALPHA, 16, 16), alpha.clone(), larger]), "lossy with alpha");
    }
    assert_damaged(&riff(&[header(0, 16, 16), lossless(16, 17)]), "lossless");
    assert_damaged(&riff(&[header(0, 16, 16)]), "none");
    assert_damaged(&riff(&[header(0, 16, 16), lossy, lossless(16, 16)]), "two");
}

#[test]
fn rejects_frames_that_contradict_their_header_or_leave_the_canvas() {
    let (alpha, lossy) = lossy();
    let with_alpha = [alpha, lossy.clone()];
    for place in [(0, 0), (4, 2)] {
        assert_eq!(decoded(&animation(20, 18, frame(place, (16, 16), &with_alpha))).dimensions(), (20, 18));
    }
    assert_damaged(&animation(20, 18, frame((6, 2), (16, 16), &with_alpha)), "past the right");
    assert_damaged(&animation(20, 18, frame((4, 4), (16, 16), &with_alpha)), "past the bottom");
    assert_damaged(&animation(20, 18, frame((0, 0), (16, 15), &with_alpha)), "with alpha");
    assert_damaged(&animation(20, 18, frame((0, 0), (15, 16), &with_alpha[1..])), "without");
    assert_damaged(&animation(20, 18, frame((0, 0), (16, 16), &[resized(lossy, 16_383, 16_383)])), "huge");
    assert_damaged(&animation(20, 18, frame((0, 0), (16, 16), &with_alpha[..1])), "alpha alone");
    assert_damaged(&animation(20, 18, frame((0, 0), (16, 16), &[])), "empty");
    assert_damaged(&riff(&[header(ANIMATED, 16, 16), chunk(b"ANIM", &[0; 6]), lossless(16, 16)]), "no frame");
}

#[test]
fn limits_apply_to_the_canvas() {
    for (width, height, side) in [(8000, 8000, false), (1 << 24, 1, true), (1, 65_536, true)] {
        let file = animation(width, height, frame((0, 0), (1, 1), &[lossless(1, 1)]));
        match decode(&file, &Limits::default()) {
            Err(Error::TooManyPixels { .. }) => assert!(!side),
            Err(Error::SideTooLong { .. }) => assert!(side),
            other => panic!("{width} x {height}: {other:?}"),
        }
    }
}

#[test]
fn decodes_unusual_but_legal_files() {
    let plain = riff(&[lossless(9, 7)]);
    let photo = decoded(&plain);
    // Chunks of odd length, unknown chunks, and one of each kind that may surround the picture.
    let extended = riff(&[
        header(0, 9, 7),
        chunk(b"ICCP", b"odd"),
        chunk(b"what", b"n"),
        lossless(9, 7),
        chunk(b"EXIF", &[files::exif(3), vec![0]].concat()),
        chunk(b"XMP ", b"<x/>"),
    ]);
    let turned = decoded(&extended);
    assert_eq!(turned.color(), &image::imageops::rotate180(photo.color()));
    // Trailing bytes, even if they look like the header of a chunk.
    for file in [&plain, &extended] {
        for trail in [b"x".as_slice(), b"EXIF\xFF\xFF\xFF\xFF", &[0; 100]] {
            assert_eq!(decoded(file).dimensions(), decoded(&[file, trail].concat()).dimensions());
        }
    }
    // A total length that is slightly or extremely wrong.
    for length in [extended.len() - 16, extended.len() - 9, extended.len() - 7, u32::MAX as usize] {
        let mut file = extended.clone();
        file[4..8].copy_from_slice(&(length as u32).to_le_bytes());
        assert_eq!(decoded(&file), turned, "{length}");
    }
    // The last chunk lacks its padding.
    let unpadded = riff(&[header(0, 9, 7), lossless(9, 7), chunk(b"what", b"odd")]);
    assert_eq!(decoded(&unpadded[..unpadded.len() - 1]), photo);
}

#[test]
fn decodes_alpha_of_lossy_pictures() {
    let (alpha, lossy) = lossy();
    let photo = decoded(&riff(&[header(ALPHA, 16, 16), alpha, lossy]));
    let alpha = photo.alpha().expect("is not opaque");
    assert_eq!((alpha.get_pixel(0, 0)[0], alpha.get_pixel(15, 15)[0]), (0, 255));
}
