//! Encoded files contain the cut-out.

use std::io::Cursor;

use cutline_core::{Channels, OutputFormat, Rendering};
use cutline_imaging::compose::{Backdrop, Layer, Shade};
use cutline_imaging::encode::{Layers, OriginalPicture};
use cutline_imaging::{ClippingPath, Cutout, Document, Error, ImageMetadata, Photo, encode};
use image::{GrayImage, ImageFormat, Luma, RgbImage};
use proptest::prelude::*;

use crate::files;

/// A picture with alpha from 0 at the left to 255 at the right.
fn cutout(width: u32, height: u32) -> Cutout {
    let matte = GrayImage::from_fn(width, height, |x, _| Luma([(x * 255 / (width - 1).max(1)) as u8]));
    Cutout::new(files::picture(width, height), matte).expect("same size")
}

/// The cut-out alone, with default settings.
fn written(cutout: &Cutout, format: OutputFormat, channels: Channels) -> Vec<u8> {
    encode(Document::of(cutout), format, &Rendering { channels, ..Rendering::default() }).expect("encodes")
}

fn read(file: &[u8], format: ImageFormat) -> image::DynamicImage {
    image::load_from_memory_with_format(file, format).expect("decodes")
}

#[test]
fn png_is_lossless() {
    let cutout = cutout(37, 11);
    let file = written(&cutout, OutputFormat::Png, Channels::Rgba);
    assert_eq!(read(&file, ImageFormat::Png).into_rgba8().into_raw(), cutout.interleaved());
    let file = written(&cutout, OutputFormat::Png, Channels::Alpha);
    let gray = read(&file, ImageFormat::Png);
    assert_eq!(gray.color(), image::ColorType::L8);
    assert_eq!(&gray.into_luma8(), cutout.alpha());
}

#[test]
fn webp_keeps_alpha_exactly_and_colors_closely() {
    let cutout = cutout(64, 48);
    let file = written(&cutout, OutputFormat::Webp, Channels::Rgba);
    let rgba = read(&file, ImageFormat::WebP).into_rgba8();
    for (pixel, alpha) in rgba.pixels().zip(cutout.alpha().iter()) {
        assert_eq!(pixel[3], *alpha);
    }
    let (pixel, expected) = (rgba.get_pixel(60, 24).0, cutout.color().get_pixel(60, 24).0);
    assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12), "{pixel:?} {expected:?}");
}

/// Chroma is stored in blocks, so transparent pixels must not have another color.
#[test]
fn webp_edges_keep_their_color() {
    for color in [[220, 20, 20], [30, 40, 220], [240, 220, 30]] {
        let matte = GrayImage::from_fn(120, 120, |x, y| {
            let far = (f64::from(x) - 59.5).hypot(f64::from(y) - 59.5);
            Luma([((45.5 - far).clamp(0.0, 1.0) * 255.0) as u8])
        });
        let picture = RgbImage::from_pixel(120, 120, image::Rgb(color));
        let cutout = Cutout::new(picture, matte).expect("same size");
        let file = written(&cutout, OutputFormat::Webp, Channels::Rgba);
        for pixel in read(&file, ImageFormat::WebP).into_rgba8().pixels().filter(|pixel| pixel[3] > 0) {
            let [red, green, blue, _] = pixel.0;
            let off = [red, green, blue].iter().zip(color).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(6), "{pixel:?}, but {color:?} was written");
        }
    }
}

#[test]
fn jpeg_shows_the_subject_on_white() {
    let file = written(&cutout(64, 48), OutputFormat::Jpeg, Channels::Rgba);
    let flat: RgbImage = read(&file, ImageFormat::Jpeg).into_rgb8();
    assert!(flat.get_pixel(0, 20).0.iter().all(|value| *value > 246), "{:?}", flat.get_pixel(0, 20));
    let (pixel, expected) = (flat.get_pixel(63, 20).0, files::picture(64, 48).get_pixel(63, 20).0);
    assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12), "{pixel:?} {expected:?}");
}

/// Thin red lines on white keep their color only if chroma is not stored at half the resolution.
#[test]
fn jpeg_keeps_chroma_at_full_resolution() {
    let stripes = RgbImage::from_fn(64, 64, |x, _| image::Rgb(if x % 2 == 0 { [255, 0, 0] } else { [255; 3] }));
    let cutout = Cutout::new(stripes, GrayImage::from_pixel(64, 64, Luma([255]))).expect("same size");
    let file = written(&cutout, OutputFormat::Jpeg, Channels::Rgba);
    let [red, green, blue] = read(&file, ImageFormat::Jpeg).into_rgb8().get_pixel(32, 32).0;
    assert!(red > 230 && green < 40 && blue < 40, "{red} {green} {blue}");
}

/// A cut-out of several strips, the last one shorter: noise that no filter predicts, and empty rows.
fn noisy(width: u32, height: u32) -> Cutout {
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let colors = RgbImage::from_fn(width, height, |_, _| image::Rgb([noise(), noise(), noise()]));
    let matte = GrayImage::from_fn(width, height, |x, y| Luma([if y % 97 < 40 { 0 } else { (x + y) as u8 }]));
    Cutout::new(colors, matte).expect("same size")
}

#[test]
fn joins_strips_to_one_picture() {
    let cutout = noisy(1011, 607);
    let file = written(&cutout, OutputFormat::Png, Channels::Rgba);
    assert!(file.windows(4).filter(|kind| kind == b"IDAT").count() > 3);
    assert_eq!(read(&file, ImageFormat::Png).into_rgba8().into_raw(), cutout.interleaved());
    let (pixels, tags) = read_tiff(&written(&cutout, OutputFormat::Tiff, Channels::Rgba));
    assert_eq!(pixels, cutout.interleaved());
    assert_eq!(tags, (8, Some(2), Some(300.0)));
    let (pixels, _) = read_tiff(&written(&cutout, OutputFormat::Tiff, Channels::Alpha));
    assert_eq!(&pixels, cutout.alpha().as_raw());
}

/// The samples, and compression, kind of alpha and dots per inch.
fn read_tiff(file: &[u8]) -> (Vec<u8>, (u16, Option<u16>, Option<f32>)) {
    use tiff::decoder::{Decoder, DecodingResult};
    use tiff::tags::Tag;
    let mut decoder = Decoder::new(Cursor::new(file)).expect("is a TIFF");
    let samples = match decoder.read_image().expect("is read") {
        DecodingResult::U8(samples) => samples,
        other => panic!("unexpected sample type: {other:?}"),
    };
    let compression = decoder.get_tag(Tag::Compression).and_then(|tag| tag.into_u16()).expect("has a compression");
    let alpha = decoder.find_tag(Tag::ExtraSamples).expect("is read").and_then(|tag| tag.into_u16().ok());
    let dpi = decoder.find_tag(Tag::XResolution).expect("is read").map(|tag| match tag {
        tiff::decoder::ifd::Value::Rational(value, of) => value as f32 / of as f32,
        other => panic!("not a fraction: {other:?}"),
    });
    (samples, (compression, alpha, dpi))
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let cutout = noisy(700, 900);
    for format in [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::Psd, OutputFormat::Webp, OutputFormat::Jpeg] {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
            pool.install(|| written(&cutout, format, Channels::Rgba))
        };
        assert!(with(1) == with(3), "{format:?}");
    }
}

#[test]
fn lossless_webp_keeps_visible_pixels() {
    let cutout = noisy(61, 130);
    let rendering = Rendering { lossless: Some(true), ..Rendering::default() };
    let file = encode(Document::of(&cutout), OutputFormat::Webp, &rendering).expect("encodes");
    let read = read(&file, ImageFormat::WebP).into_rgba8();
    for (pixel, expected) in read.pixels().zip(cutout.interleaved().chunks(4)) {
        assert_eq!(pixel[3], expected[3]);
        assert!(expected[3] == 0 || pixel.0 == expected, "{pixel:?} {expected:?}");
    }
}

#[test]
fn file_size_follows_quality() {
    let cutout = noisy(200, 200);
    for format in [OutputFormat::Jpeg, OutputFormat::Webp] {
        let [small, medium, large] = [10, 60, 99].map(|quality: u8| {
            let rendering = Rendering { quality: Some(quality.try_into().expect("in range")), ..Rendering::default() };
            encode(Document::of(&cutout), format, &rendering).expect("encodes").len()
        });
        assert!(small < medium && medium < large, "{format:?}: {small} {medium} {large}");
    }
}

/// The sections of a PSD follow each other up to the end of the file, and its rows unpack to the width.
#[test]
fn psd_sections_fill_the_file() {
    let cutout = noisy(301, 130);
    let original = Photo::opaque(files::picture(301, 130));
    let document = Document { original: Some(OriginalPicture::of(&original)), ..Document::of(&cutout) };
    let file = encode(document, OutputFormat::Psd, &Rendering::default()).expect("encodes");
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
    assert_eq!((&file[..6], number(14), number(18)), (b"8BPS\0\x01".as_slice(), 130, 301));
    let resources = 30;
    assert_eq!(number(26), 0);
    let layers = resources + 4 + number(resources);
    assert_eq!(&file[layers + 8..layers + 10], (-3_i16).to_be_bytes());
    let merged = layers + 4 + number(layers);
    assert_eq!(file[merged..merged + 2], [0, 1]);
    let counts: Vec<usize> = file[merged + 2..][..4 * 130 * 2]
        .chunks_exact(2)
        .map(|count| usize::from(u16::from_be_bytes([count[0], count[1]])))
        .collect();
    let rows = merged + 2 + counts.len() * 2;
    assert_eq!(rows + counts.iter().sum::<usize>(), file.len());
    let alpha = rows + counts[..3 * 130].iter().sum::<usize>();
    let mut unpacked = Vec::new();
    let mut packed = &file[alpha..];
    while let Some((count, rest)) = packed.split_first() {
        let count = usize::from(*count);
        if count < 128 {
            unpacked.extend(&rest[..=count]);
            packed = &rest[count + 1..];
        } else {
            unpacked.extend(std::iter::repeat_n(rest[0], 257 - count));
            packed = &rest[1..];
        }
    }
    assert_eq!(&unpacked, cutout.alpha().as_raw());
}

/// Only credit and resolution can get into a file; device and location of the source cannot.
#[test]
fn writes_credit_into_every_format() {
    let cutout = cutout(20, 10);
    let metadata = ImageMetadata {
        artist: Some("An Artist".to_owned()),
        copyright: Some("A Notice".to_owned()),
        credit: Some("A Credit".to_owned()),
        ..ImageMetadata::default()
    };
    let document = Document { metadata: &metadata, ..Document::of(&cutout) };
    for format in [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::Psd, OutputFormat::Webp, OutputFormat::Jpeg] {
        let file = encode(document, format, &Rendering::default()).expect("encodes");
        for text in ["An Artist", "A Notice", "A Credit"] {
            assert!(file.windows(text.len()).any(|window| window == text.as_bytes()), "{format:?} lacks {text}");
        }
    }
}

#[test]
fn rejects_parts_of_another_size() {
    let cutout = cutout(20, 10);
    let path = ClippingPath { width: 10, height: 20, subpaths: Vec::new() };
    let other = Photo::opaque(files::picture(10, 20));
    let (plain, picture) = (Backdrop::Color([9; 3]), Backdrop::Picture(RgbImage::new(10, 20)));
    let (fitting, moved) = (Layer::whole(cutout.clone()), Layer { x: 1, y: 0, cutout: cutout.clone() });
    let coverage = GrayImage::new(20, 11);
    let shadow = Some(Shade { coverage: &coverage, opacity: 0.5, color: [0; 3] });
    let with = |layers| Document { layers: Some(layers), ..Document::of(&cutout) };
    let layers = Layers { backdrop: &plain, shadow: None, subject: &fitting };
    encode(with(layers), OutputFormat::Psd, &Rendering::default()).expect("these fit");
    let documents = [
        Document { path: Some(&path), ..Document::of(&cutout) },
        Document { original: Some(OriginalPicture::of(&other)), ..Document::of(&cutout) },
        with(Layers { backdrop: &picture, ..layers }),
        with(Layers { shadow, ..layers }),
        with(Layers { subject: &moved, ..layers }),
    ];
    for document in documents {
        let error = encode(document, OutputFormat::Psd, &Rendering::default()).expect_err("is rejected");
        assert!(matches!(error, Error::Encode { format: OutputFormat::Psd, .. }));
    }
}

#[test]
fn rejects_sides_beyond_the_format() {
    for (format, side) in [(OutputFormat::Webp, 16_384), (OutputFormat::Psd, 30_001), (OutputFormat::Jpeg, 65_536)] {
        let error = encode(Document::of(&cutout(side, 1)), format, &Rendering::default()).expect_err("is rejected");
        assert!(matches!(error, Error::TooLargeForFormat { max_side, .. } if max_side == side - 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn writes_any_size_in_every_format(
        (width, height) in prop_oneof![(1_u32..60, 1_u32..60), (Just(1_u32), 1_u32..2000), (1_u32..2000, Just(1_u32))],
        (format, kind) in prop::sample::select(vec![
            (OutputFormat::Png, Some(ImageFormat::Png)),
            (OutputFormat::Jpeg, Some(ImageFormat::Jpeg)),
            (OutputFormat::Webp, Some(ImageFormat::WebP)),
            (OutputFormat::Tiff, None),
            (OutputFormat::Psd, None),
        ]),
        channels in prop::sample::select(vec![Channels::Rgba, Channels::Alpha]),
    ) {
        let cutout = cutout(width, height);
        let file = written(&cutout, format, channels);
        let pixels = match channels {
            Channels::Rgba => cutout.interleaved(),
            Channels::Alpha => cutout.alpha().as_raw().clone(),
        };
        if format == OutputFormat::Tiff {
            prop_assert_eq!(read_tiff(&file).0, pixels);
        } else if let Some(kind) = kind {
            let picture = read(&file, kind);
            prop_assert_eq!((picture.width(), picture.height()), (width, height));
            if format == OutputFormat::Png {
                prop_assert_eq!(picture.into_bytes(), pixels);
            }
        } else {
            prop_assert_eq!(&file[..4], b"8BPS");
        }
    }
}
