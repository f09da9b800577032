//! Depth and color space: files hold what the source holds, and the check of their pixels says so.

use std::cell::Cell;
use std::io::Cursor;

use bytes::Bytes;
use cutline_core::domain::fidelity::{ColorSpace, Depth, PixelCheck};
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{Mode, OutputFormat, ParamSet, Rendering, Variation};
use cutline_imaging::{Error, Limits, decode};
use image::codecs::png::PngEncoder;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageEncoder, Luma, Rgb, RgbImage};
use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, Layout, ToneReprCurve, TransformOptions};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tiff::tags::Tag;

use crate::files;
use crate::params::knowing;

pub(crate) type DeepImage = ImageBuffer<Rgb<u16>, Vec<u16>>;

pub(crate) const SIZE: (u32, u32) = (120, 90);
const LOSSLESS: [OutputFormat; 4] = [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::Psd, OutputFormat::Webp];

pub(crate) fn inside(x: u32, y: u32) -> bool {
    (30..90).contains(&x) && (20..70).contains(&y)
}

/// The matte of a block.
fn matte() -> GrayImage {
    GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
}

/// A block of noise in saturated colors on gray. All its samples use 16 bits.
pub(crate) fn photo(seed: u32) -> DeepImage {
    DeepImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let noise = (x * 7919 + y * 104_729 + seed * 31).wrapping_mul(2_654_435_761) >> 20;
        let noise = noise as u16;
        Rgb(if inside(x, y) { [noise, 40_000 + noise * 3, 257 + noise] } else { [52_000, 51_111 + noise / 8, 52_000] })
    })
}

fn with_curve(curve: ToneReprCurve, mut profile: ColorProfile) -> ColorProfile {
    profile.cicp = None;
    [profile.red_trc, profile.green_trc, profile.blue_trc] = [0; 3].map(|_| Some(curve.clone()));
    profile
}

/// eciRGB v2: its primaries, D50, and lightness as its curve.
fn eci_rgb() -> ColorProfile {
    let light = |value: f64| {
        let lightness = value * 100.0;
        if lightness > 8.0 { ((lightness + 16.0) / 116.0).powi(3) } else { lightness / 903.3 }
    };
    let points = (0..1024).map(|point| (light(f64::from(point) / 1023.0) * 65_535.0).round() as u16).collect();
    let mut profile = with_curve(ToneReprCurve::Lut(points), ColorProfile::new_srgb());
    let primaries = ColorPrimaries {
        red: Chromaticity::new(0.67, 0.33),
        green: Chromaticity::new(0.21, 0.71),
        blue: Chromaticity::new(0.14, 0.08),
    };
    profile.update_rgb_colorimetry(Chromaticity::new(0.3457, 0.3585).to_xyyb(), primaries);
    profile
}

fn linear() -> ColorProfile {
    with_curve(ToneReprCurve::Lut(Vec::new()), ColorProfile::new_bt2020())
}

/// Profiles by name; `None` for a source without one.
pub(crate) fn profiles() -> Vec<(&'static str, Option<Vec<u8>>)> {
    let written = |profile: ColorProfile| Some(profile.encode().expect("encodes"));
    vec![
        ("untagged", None),
        ("sRGB", written(ColorProfile::new_srgb())),
        ("Adobe RGB", written(ColorProfile::new_adobe_rgb())),
        ("ProPhoto", written(ColorProfile::new_pro_photo_rgb())),
        ("eciRGB", written(eci_rgb())),
        ("linear", written(linear())),
    ]
}

/// A PNG of 8 or 16 bits.
pub(crate) fn png(photo: &DeepImage, is_deep: bool, profile: Option<&[u8]>) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = PngEncoder::new(&mut file);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile.to_vec()).expect("takes a profile");
    }
    let picture = match is_deep {
        true => DynamicImage::ImageRgb16(photo.clone()),
        false => DynamicImage::ImageRgb8(shallow(photo)),
    };
    picture.write_with_encoder(encoder).expect("encodes");
    file.into_inner()
}

fn shallow(photo: &DeepImage) -> RgbImage {
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| Rgb(photo.get_pixel(x, y).0.map(to_8_bits)))
}

pub(crate) fn to_8_bits(sample: u16) -> u8 {
    ((u32::from(sample) * 255 + 32_767) / 65_535) as u8
}

pub(crate) fn rendering(depth: Option<Depth>, color: Option<ColorSpace>) -> Rendering {
    Rendering { depth, color, lossless: Some(true), ..Rendering::default() }
}

fn made(file: Vec<u8>, format: OutputFormat, rendering: Rendering) -> PipelineOutput {
    let input = PipelineInput { format: Some(format.into()), rendering, ..PipelineInput::new(file, Mode::Background) };
    knowing(&matte()).make(&input, &|_, _| {}).expect("is made")
}

/// The samples of a file: RGBA in the depth of the file, and its profile.
#[derive(Debug)]
pub(crate) struct ReadFile {
    samples: Vec<u16>,
    pub(crate) is_deep: bool,
    pub(crate) profile: Option<Vec<u8>>,
}

impl ReadFile {
    pub(crate) fn pixels(&self) -> impl Iterator<Item = &[u16; 4]> {
        self.samples.as_chunks::<4>().0.iter()
    }

    pub(crate) fn full(&self) -> u16 {
        if self.is_deep { u16::MAX } else { 255 }
    }
}

/// Reads a file by the reader of another maker; a PSD by our own, whose result another one reads as PNG.
pub(crate) fn read(format: OutputFormat, bytes: &Bytes) -> ReadFile {
    match format {
        OutputFormat::Png => read_png(bytes),
        OutputFormat::Tiff => {
            let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).expect("is a TIFF");
            let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
            let (samples, is_deep) = match decoder.read_image().expect("decodes") {
                tiff::decoder::DecodingResult::U8(samples) => (samples.into_iter().map(u16::from).collect(), false),
                tiff::decoder::DecodingResult::U16(samples) => (samples, true),
                other => panic!("unexpected samples: {other:?}"),
            };
            ReadFile { samples, is_deep, profile }
        }
        OutputFormat::Psd => {
            let keep = rendering(Some(Depth::Keep), Some(ColorSpace::Keep));
            let made = made(bytes.to_vec(), OutputFormat::Png, keep);
            read_png(&made.pictures[0].bytes)
        }
        OutputFormat::Webp | OutputFormat::Jpeg => {
            let mut reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().expect("is known");
            reader.no_limits();
            let mut decoder = reader.into_decoder().expect("is a picture");
            let profile = image::ImageDecoder::icc_profile(&mut decoder).expect("is readable");
            let picture = DynamicImage::from_decoder(decoder).expect("decodes").into_rgba8();
            ReadFile { samples: picture.iter().copied().map(u16::from).collect(), is_deep: false, profile }
        }
    }
}

fn read_png(bytes: &Bytes) -> ReadFile {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().expect("is a PNG");
    let mut buffer = vec![0; reader.output_buffer_size().expect("is small")];
    let is_deep = reader.next_frame(&mut buffer).expect("decodes").bit_depth == png::BitDepth::Sixteen;
    let samples = match is_deep {
        true => buffer.as_chunks::<2>().0.iter().map(|bytes| u16::from_be_bytes(*bytes)).collect(),
        false => buffer.into_iter().map(u16::from).collect(),
    };
    let info = reader.info();
    let profile = info.icc_profile.as_ref().map(|profile| profile.to_vec());
    ReadFile { samples, is_deep, profile }
}

/// The photograph as a file has to hold it.
pub(crate) fn expected(photo: &DeepImage, profile: Option<&[u8]>, color: ColorSpace, is_deep: bool) -> Vec<u16> {
    let mut samples = photo.as_raw().clone();
    if let (Some(profile), ColorSpace::Srgb) = (profile, color) {
        let profile = ColorProfile::new_from_slice(profile).expect("is a profile");
        let srgb = ColorProfile::new_srgb();
        let transform = profile
            .create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, TransformOptions::default())
            .expect("converts");
        transform.transform(photo.as_raw(), &mut samples).expect("converts");
    }
    if !is_deep {
        samples.iter_mut().for_each(|sample| *sample = to_8_bits(*sample).into());
    }
    samples
}

#[test]
fn every_opaque_pixel_is_the_sources() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let (compared, deep) = (Cell::new(0_u64), Cell::new(0));
    let cases = (
        any::<u16>(),
        prop::sample::select(profiles()),
        prop::sample::select(LOSSLESS.to_vec()),
        any::<bool>(),
        prop::sample::select(Depth::ALL.to_vec()),
        prop::sample::select(ColorSpace::ALL.to_vec()),
    );
    let result = runner.run(&cases, |(seed, (name, profile), format, is_deep, depth, color)| {
        // Converted 8-bit samples are converted from 8 bits, for which the reference has no exact answer.
        prop_assume!(is_deep || color == ColorSpace::Keep || profile.is_none());
        let mut photo = photo(seed.into());
        if !is_deep {
            photo.iter_mut().for_each(|sample| *sample = u16::from(to_8_bits(*sample)) * 257);
        }
        let file = png(&photo, is_deep, profile.as_deref());
        let made = made(file, format, rendering(Some(depth), Some(color)));
        let read = read(format, &made.pictures[0].bytes);

        let asks_for_16 = depth == Depth::Sixteen || (depth == Depth::Keep && is_deep);
        prop_assert_eq!(read.is_deep, asks_for_16 && format != OutputFormat::Webp, "{}", name);
        let is_srgb = name == "sRGB";
        let kept = expected(&photo, profile.as_deref().filter(|_| !is_srgb), color, read.is_deep);
        let mut pixels = 0;
        for (written, source) in read.pixels().zip(kept.as_chunks::<3>().0) {
            if written[3] == read.full() {
                pixels += 1;
                prop_assert_eq!(&written[..3], source, "{} {}", name, format);
            }
        }
        prop_assert_eq!(made.pixel_check, Some(PixelCheck { pixels, largest_difference: 0 }));
        if color == ColorSpace::Keep {
            // Our PNG of sRGB has another chunk in place of a profile.
            let embedded = read.profile.as_ref();
            prop_assert_eq!(embedded, profile.as_ref(), "{} {}", name, format);
            let converted =
                made.warnings.get("source").is_some_and(|all| all.iter().any(|one| one.contains("converted")));
            prop_assert!(!converted, "{:?}", made.warnings);
        }
        compared.set(compared.get() + pixels);
        deep.set(deep.get() + u32::from(read.is_deep));
        Ok(())
    });
    result.expect("holds");
    assert!(compared.get() > 50_000 && deep.get() > 5, "{} pixels, {} deep files", compared.get(), deep.get());
}

/// The path covers pixels in full whose matte is soft. Their colors are estimated, so they say nothing about the file.
#[test]
fn a_cut_along_the_path_has_the_sources_opaque_pixels() {
    let soft = |x: u32, y: u32| inside(x, y) && !(inside(x.wrapping_sub(2), y) && inside(x + 2, y));
    let alpha = |x, y| if soft(x, y) { 180 } else { u8::from(inside(x, y)) * 255 };
    let matte = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([alpha(x, y)]));
    let file = png(&photo(7), true, None);
    for format in LOSSLESS {
        let input = PipelineInput {
            format: Some(format.into()),
            rendering: rendering(Some(Depth::Keep), None),
            ..PipelineInput::new(file.clone(), Mode::Clipping)
        };
        let check = knowing(&matte).make(&input, &|_, _| {}).expect("is made").pixel_check.expect("is checked");
        assert!(check.pixels > 1_000 && check.largest_difference == 0, "{format}: {check:?}");
    }
}

#[test]
fn a_run_that_asks_for_nothing_is_as_before_and_checks_nothing() {
    let file = png(&photo(1), true, Some(&ColorProfile::new_adobe_rgb().encode().expect("encodes")));
    for format in LOSSLESS {
        let [nothing, default] =
            [None, Some(Depth::Eight)].map(|depth| made(file.clone(), format, rendering(depth, None)));
        assert_eq!(nothing.pictures[0].bytes, default.pictures[0].bytes, "{format}");
        assert_eq!(nothing.pixel_check, None);
        let check = default.pixel_check.expect("is checked");
        assert!(check.pixels > 1_000 && check.largest_difference == 0, "{check:?}");
        assert_eq!(nothing.warnings, default.warnings);
    }
}

/// How many partly transparent pixels there are, and how many of them are of a pure green and use 16 bits.
#[derive(Debug, Default)]
struct PartialPixels {
    all: u32,
    saturated: u32,
    fine: u32,
}

/// Those of the cut of a file that keeps its depth and color.
fn partial_pixels(file: Vec<u8>) -> PartialPixels {
    let made = made(file, OutputFormat::Png, rendering(Some(Depth::Keep), Some(ColorSpace::Keep)));
    let read = read_png(&made.pictures[0].bytes);
    let mut found = PartialPixels::default();
    for [red, green, _, _] in read.pixels().filter(|pixel| (30_000..62_000).contains(&pixel[3])) {
        found.all += 1;
        found.saturated += u32::from(*red < *green / 3);
        found.fine += u32::from(red % 257 != 0 || green % 257 != 0);
    }
    found
}

/// The colors of partial pixels are the subject's, in 16 bits, and as saturated as it is: no narrower space was between.
#[test]
fn partial_pixels_keep_colors_outside_of_srgb() {
    for (name, profile) in [
        ("ProPhoto", ColorProfile::new_pro_photo_rgb()),
        ("Adobe RGB", ColorProfile::new_adobe_rgb()),
        ("eciRGB", eci_rgb()),
        ("linear", linear()),
    ] {
        // Pure green, which none of these shares with sRGB, with a soft edge to gray.
        let photo = DeepImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            let share = if inside(x, y) { 1.0 } else { 0.0 };
            let soft = if x.abs_diff(30) <= 1 { 0.5 } else { share };
            Rgb([0.0, 45_000.0, 0.0].map(|green: f64| (green * soft + 40_000.0 * (1.0 - soft)) as u16))
        });
        let kept = partial_pixels(png(&photo, true, Some(&profile.encode().expect("encodes"))));
        // The same numbers in sRGB, which needs no profile. What the estimate of the colors leaves there is no loss.
        let in_srgb = partial_pixels(png(&photo, true, None));
        assert!(kept.all > 10, "{name}: {kept:?}");
        assert!(
            kept.saturated * 10 >= in_srgb.saturated * 9 && kept.saturated > 10,
            "{name}: {kept:?}, not {in_srgb:?}"
        );
        assert!(kept.fine * 2 > kept.all, "{name}: {kept:?}");
    }
}

#[test]
fn formats_of_8_bits_say_so_and_embed_the_profile() {
    let profile = ColorProfile::new_adobe_rgb().encode().expect("encodes");
    for (depth, is_deep, warns) in [
        (Depth::Sixteen, false, true),
        (Depth::Sixteen, true, true),
        (Depth::Keep, true, true),
        (Depth::Keep, false, false),
        (Depth::Eight, true, false),
    ] {
        for format in [OutputFormat::Jpeg, OutputFormat::Webp] {
            let file = png(&photo(2), is_deep, Some(&profile));
            let made = made(file, format, rendering(Some(depth), Some(ColorSpace::Keep)));
            let warnings = made.warnings.get("background").cloned().unwrap_or_default();
            let expected =
                format!("The file has 8 bits a channel, since {format} has no more. Use png, psd or tiff for 16.");
            assert_eq!(warnings.contains(&expected), warns, "{depth:?} {is_deep} {format}: {warnings:?}");
            assert_eq!(read(format, &made.pictures[0].bytes).profile.as_ref(), Some(&profile), "{format}");
            assert_eq!(made.pixel_check.is_some(), format == OutputFormat::Webp);
        }
    }
}

#[test]
fn a_long_profile_fills_several_segments_of_a_jpeg() {
    // Bytes after the last tag belong to no tag.
    let mut profile = ColorProfile::new_adobe_rgb().encode().expect("encodes");
    profile.resize(150_000, 7);
    let size = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&size);
    let file = png(&photo(3), false, Some(&profile));
    let made = made(file, OutputFormat::Jpeg, rendering(None, Some(ColorSpace::Keep)));
    assert_eq!(read(OutputFormat::Jpeg, &made.pictures[0].bytes).profile, Some(profile));
}

#[test]
fn gray_keeps_its_samples_and_its_look() {
    let gray =
        ImageBuffer::from_fn(SIZE.0, SIZE.1, |x, y| Luma([if inside(x, y) { 9_000 + x as u16 * 300 } else { 60_000 }]));
    let mut file = Cursor::new(Vec::new());
    let mut encoder = PngEncoder::new(&mut file);
    let profile = ColorProfile::new_gray_with_gamma(1.8).encode().expect("encodes");
    encoder.set_icc_profile(profile).expect("takes a profile");
    DynamicImage::ImageLuma16(gray.clone()).write_with_encoder(encoder).expect("encodes");
    let file = file.into_inner();
    let made = made(file.clone(), OutputFormat::Png, rendering(Some(Depth::Keep), Some(ColorSpace::Keep)));
    let bytes = &made.pictures[0].bytes;
    let read = read_png(bytes);
    let mut opaque = 0;
    for ([red, green, blue, alpha], gray) in read.pixels().zip(gray.iter()) {
        if *alpha == u16::MAX {
            opaque += 1;
            assert_eq!([red, green, blue], [gray; 3]);
        }
    }
    assert!(opaque > 1_000);
    let look = |file: &[u8]| decode(file, &Limits::default()).expect("decodes").color().get_pixel(60, 40).0;
    let difference = look(bytes).iter().zip(look(&file)).map(|(a, b)| a.abs_diff(b)).max();
    assert!(difference <= Some(1), "{:?} and {:?}", look(bytes), look(&file));
}

#[test]
fn native_colors_are_turned_upright() {
    let picture = DynamicImage::ImageRgb8(shallow(&photo(4)));
    for orientation in 1..=8 {
        for kind in ["png", "jpeg", "webp"] {
            let file = files::write(&picture, kind, Some(files::exif(orientation)));
            let upright = decode(&file, &Limits::default()).expect("decodes");
            let (width, height) = upright.dimensions();
            let rendering = rendering(Some(Depth::Sixteen), Some(ColorSpace::Keep));
            let format = Some(OutputFormat::Tiff.into());
            let input = PipelineInput { format, rendering, ..PipelineInput::new(file, Mode::Background) };
            let made = crate::pipeline::imaging(1.0).make(&input, &|_, _| {}).expect("is made");
            let read = read(OutputFormat::Tiff, &made.pictures[0].bytes);
            assert_eq!((made.pictures[0].width, made.pictures[0].height), (width, height));
            let opaque = read.pixels().zip(upright.color().pixels()).filter(|(pixel, _)| pixel[3] == u16::MAX);
            let mut count = 0;
            for (written, source) in opaque {
                count += 1;
                assert_eq!(written[..3], source.0.map(|sample| u16::from(sample) * 257), "{kind} {orientation}");
            }
            assert!(count > 2_000, "{count}");
        }
    }
}

#[test]
fn inks_cannot_be_kept_in_a_png_and_the_message_has_the_remedy() {
    let file = include_bytes!("../data/cmyk.jpg");
    let input = |color| PipelineInput {
        rendering: rendering(None, Some(color)),
        ..PipelineInput::new(file.to_vec(), Mode::Background)
    };
    let imaging = crate::pipeline::imaging(1.0);
    let error = imaging.make(&input(ColorSpace::Keep), &|_, _| {}).expect_err("is refused");
    assert!(matches!(error, Error::InksNotHeld(_)), "{error}");
    assert_eq!(
        error.to_string(),
        "CMYK with color=keep: PNG files hold no inks; send output_format=psd or tiff, or color=srgb"
    );
    assert!(imaging.make(&input(ColorSpace::Srgb), &|_, _| {}).is_ok());
}

/// The warnings about a source in this color space.
fn warnings_about(file: &[u8], color: ColorSpace) -> Vec<String> {
    let input = PipelineInput {
        rendering: rendering(None, Some(color)),
        ..PipelineInput::new(file.to_vec(), Mode::Background)
    };
    let made = crate::pipeline::imaging(1.0).make(&input, &|_, _| {}).expect("is made");
    made.warnings.get("source").cloned().unwrap_or_default()
}

#[test]
fn channels_that_new_files_do_not_have_are_named() {
    let lost = |channels: &str| {
        format!(
            "The file has further channels (spot colors or saved selections), which new files do not have: {channels}; \
             output_format=original keeps them."
        )
    };
    let psd = include_bytes!("../data/kinds/selection.psd").as_slice();
    for file in [
        psd,
        include_bytes!("../data/kinds/rgb-selection.tif"),
        include_bytes!("../data/kinds/rgb-selection-tiled.tif"),
        include_bytes!("../data/kinds/rgb16-selection-be.tif"),
    ] {
        assert_eq!(warnings_about(file, ColorSpace::Keep), [lost("channel 1")]);
        assert!(warnings_about(file, ColorSpace::Srgb).is_empty());
    }
    // The document has no resources. These are a name in UTF-16, and a spot color.
    let name = b"8BIM\x04\x15\0\0\0\0\0\x0C\0\0\0\x04\0G\0o\0l\0d".as_slice();
    let spot = b"8BIM\x04\x35\0\0\0\0\0\x11\0\0\0\x01\0\0\xFF\xFF\0\0\0\0\0\0\0\x64\x02\0".as_slice();
    let resources = [name, spot].concat();
    let length = (resources.len() as u32).to_be_bytes();
    assert_eq!(psd[26..34], [0; 8], "no palette and no resources");
    let with_spot = [&psd[..30], &length, resources.as_slice(), &psd[34..]].concat();
    for color in [ColorSpace::Keep, ColorSpace::Srgb] {
        assert_eq!(warnings_about(&with_spot, color), [lost("Gold")]);
    }
}

#[test]
fn inks_become_16_bits_close_to_their_8() {
    let file = include_bytes!("../data/cmyk.jpg");
    let cut = |depth| {
        let rendering = rendering(Some(depth), None);
        let input = PipelineInput { rendering, ..PipelineInput::new(file.to_vec(), Mode::Background) };
        let made = crate::pipeline::imaging(1.0).make(&input, &|_, _| {}).expect("is made");
        read_png(&made.pictures[0].bytes)
    };
    let (deep, shallow) = (cut(Depth::Sixteen), cut(Depth::Eight));
    assert!(deep.is_deep && !shallow.is_deep);
    let opaque = deep.pixels().zip(shallow.pixels()).filter(|(pixel, _)| pixel[3] == u16::MAX);
    let mut count = 0;
    for (deep, shallow) in opaque {
        count += 1;
        let difference = deep.iter().zip(shallow).map(|(a, b)| to_8_bits(*a).abs_diff(*b as u8)).max();
        assert!(difference <= Some(1), "{deep:?} and {shallow:?}");
    }
    assert!(count > 50, "{count} of the 64 pixels of the left half are opaque");
}

fn composed(file: Vec<u8>, document: Value, rendering: Rendering) -> PipelineOutput {
    let set = Some(ParamSet::read(document).expect("is a set"));
    let input = PipelineInput { set, rendering, ..PipelineInput::new(file, Mode::Params) };
    knowing(&matte()).make(&input, &|_, _| {}).expect("is made")
}

#[test]
fn composed_pictures_carry_depth_and_profile() {
    let document = json!({
        "canvas": {"width": 300, "height": 200}, "background": "#336699", "margin": "10%", "shadow_top": {},
        "variations": ["compose", "shadowTop"],
    });
    for (name, profile) in profiles() {
        let file = png(&photo(5), true, profile.as_deref());
        for format in [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::Psd] {
            let mut set = document.clone();
            set["output"] = json!({"format": format.extension(), "depth": "keep", "color": "keep"});
            let made = composed(file.clone(), set.clone(), Rendering::default());
            set["output"] = json!({"format": format.extension()});
            let usual = composed(file.clone(), set, Rendering::default());
            for (picture, usual) in made.pictures.iter().zip(&usual.pictures) {
                let [faithful, usual] = [&picture.bytes, &usual.bytes]
                    .map(|bytes| decode(bytes, &Limits::default()).expect("decodes").color().clone());
                assert_eq!(faithful.dimensions(), (300, 200));
                let corner = faithful.get_pixel(0, 0).0;
                let difference = corner.iter().zip([0x33, 0x66, 0x99]).map(|(a, b): (&u8, u8)| a.abs_diff(b)).max();
                let is_compose = picture.variation == Variation::Compose;
                assert!(!is_compose || difference <= Some(1), "{name} {format}: {corner:?}");
                // The same picture for the eye, wherever sRGB can show it: at the backdrop and its shadow.
                let backdrop = |x: u32, y: u32| !(46..254).contains(&x) || !(12..188).contains(&y);
                for (x, y, pixel) in faithful.enumerate_pixels().filter(|(x, y, _)| backdrop(*x, *y)) {
                    let difference = pixel.0.iter().zip(usual.get_pixel(x, y).0).map(|(a, b)| a.abs_diff(b)).max();
                    assert!(difference <= Some(2), "{name} {format} at {x}, {y}: {pixel:?}");
                }
            }
            if format != OutputFormat::Psd {
                let read = read(format, &made.pictures[0].bytes);
                assert!(read.is_deep, "{name} {format}");
                assert_eq!(read.profile, profile, "{name} {format}");
            }
        }
    }
}

#[test]
fn a_background_picture_and_a_promise_work_in_every_color_space() {
    let backdrop =
        files::write(&DynamicImage::ImageRgb8(RgbImage::from_pixel(50, 50, Rgb([90, 140, 200]))), "png", None);
    let document = json!({
        "canvas": {"width": 200, "height": 150}, "margin": "10%", "variations": ["compose"],
        "background": {"image_url": "https://example.com/wall.png"}, "output": {"depth": "16", "color": "keep"},
    });
    let plain = json!({
        "canvas": {"width": 200, "height": 150}, "margin": "10%", "variations": ["compose"], "background": "#f5f5f5",
        "output": {"depth": "16", "color": "keep"}, "promise": {"background": true},
    });
    for (name, profile) in profiles() {
        let file = png(&photo(6), true, profile.as_deref());
        let set = Some(ParamSet::read(document.clone()).expect("is a set"));
        let input = PipelineInput {
            set,
            backdrop: Some(backdrop.clone().into()),
            ..PipelineInput::new(file.clone(), Mode::Params)
        };
        let made = knowing(&matte()).make(&input, &|_, _| {}).expect("is made");
        let corner = decode(&made.pictures[0].bytes, &Limits::default()).expect("decodes").color().get_pixel(3, 3).0;
        let difference = corner.iter().zip([90, 140, 200]).map(|(a, b): (&u8, u8)| a.abs_diff(b)).max();
        assert!(difference <= Some(1), "{name}: {corner:?}");
        let made = composed(file, plain.clone(), Rendering::default());
        let warnings = made.warnings.get("compose").cloned().unwrap_or_default();
        assert!(warnings.iter().all(|warning| warning.contains("enlarged")), "{name}: {warnings:?}");
    }
}

/// A run of a set with the variation `framed` alone.
fn framed(file: &[u8], settings: Value, rendering: Rendering) -> Result<PipelineOutput, Error> {
    let set = ParamSet::read(json!({"framed": settings, "variations": ["framed"]})).expect("is a set");
    let usual = PipelineInput::new(file.to_vec(), Mode::Params);
    let input = PipelineInput { set: Some(set), format: Some(OutputFormat::Png.into()), rendering, ..usual };
    knowing(&matte()).make(&input, &|_, _| {})
}

#[test]
fn a_framed_picture_has_the_photos_own_samples_and_profile() {
    let photo = photo(5);
    let profile = ColorProfile::new_adobe_rgb().encode().expect("encodes");
    let file = png(&photo, true, Some(&profile));
    let keep = rendering(Some(Depth::Keep), Some(ColorSpace::Keep));
    // The frame grows to the whole photograph.
    let made = framed(&file, json!({"margin": "200px"}), keep).expect("is made");
    let read = read_png(&made.pictures[0].bytes);
    assert!(read.is_deep && read.profile.as_ref() == Some(&profile));
    let colors: Vec<u16> = read.pixels().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
    assert_eq!(&colors, photo.as_raw());
}

#[test]
fn a_framed_picture_is_not_whitened_in_more_than_8_bit_srgb() {
    let file = png(&photo(6), true, None);
    let whiten = json!({"whiten": true});
    for (depth, color) in [(Some(Depth::Keep), None), (Some(Depth::Sixteen), None), (None, Some(ColorSpace::Keep))] {
        let refused = framed(&file, whiten.clone(), rendering(depth, color)).expect_err("is refused");
        assert!(matches!(refused, Error::WhitenedNative), "{refused}");
        let said = refused.to_string();
        assert!(["framed", "depth=8", "color=srgb", "framed.whiten"].iter().all(|part| said.contains(part)), "{said}");
    }
    let made = framed(&file, whiten, rendering(Some(Depth::Eight), Some(ColorSpace::Srgb))).expect("is made");
    assert!(!read_png(&made.pictures[0].bytes).is_deep);
}
