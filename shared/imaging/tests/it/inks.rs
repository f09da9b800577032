//! CMYK photographs whose inks are kept: no ink passes through RGB on its way to a TIFF or PSD.

use std::io::Cursor;

use cutline_core::domain::fidelity::{ColorSpace, Depth, PixelCheck};
use cutline_core::domain::inks::InksNotHeld;
use cutline_core::domain::subject::{MaskSource, SubjectSettings};
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Channels, FailureCode, Fault, Mode, OutputFormat, ParamSet, Rendering, Variation};
use cutline_imaging::{Error, Limits, decode};
use image::{DynamicImage, GrayImage, Luma};
use serde_json::json;
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::{CMYK8, CMYK16};
use tiff::tags::Tag;

use crate::files;
use crate::pipeline::imaging;

const SIZE: (u32, u32) = (120, 90);
/// Formats that hold inks.
const FORMATS: [OutputFormat; 2] = [OutputFormat::Tiff, OutputFormat::Psd];
const PRESS_TIFF: &[u8] = include_bytes!("../data/kinds/press.tif");
const PRESS_JPEG: &[u8] = include_bytes!("../data/kinds/press.jpg");

fn inside(x: u32, y: u32) -> bool {
    (30..90).contains(&x) && (20..70).contains(&y)
}

/// The matte of a block with a soft edge on its left.
fn matte() -> GrayImage {
    GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([if inside(x, y) { if x < 33 { 128 } else { 255 } } else { 0 }]))
}

/// The inks of a photograph in 16 bits: noise in every ink on plain paper. Its first row of opaque pixels is paper too.
fn inks() -> Vec<[u16; 4]> {
    let pixel = |x: u32, y: u32| {
        let noise = ((x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 16) as u16;
        let ink = |part: u16| noise.wrapping_mul(part);
        if inside(x, y) && y > 20 { [ink(3), ink(7), ink(11), ink(13)] } else { [0; 4] }
    };
    (0..SIZE.0 * SIZE.1).map(|at| pixel(at % SIZE.0, at / SIZE.0)).collect()
}

/// The inks as a file of 8 or 16 bits holds them.
fn stored(is_deep: bool) -> Vec<[u16; 4]> {
    inks().into_iter().map(|inks| if is_deep { inks } else { inks.map(|ink| ink >> 8) }).collect()
}

/// The profile of a press that does not exist.
fn press() -> Vec<u8> {
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(PRESS_TIFF)).expect("is a TIFF");
    decoder.get_tag_u8_vec(Tag::IccProfile).expect("has a profile")
}

fn cmyk_tiff(is_deep: bool, profile: Option<&[u8]>) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("begins");
    let samples: Vec<u16> = stored(is_deep).concat();
    if is_deep {
        let mut image = encoder.new_image::<CMYK16>(SIZE.0, SIZE.1).expect("begins");
        if let Some(profile) = profile {
            image.encoder().write_tag(Tag::IccProfile, profile).expect("is written");
        }
        image.write_data(&samples).expect("is written");
    } else {
        let samples: Vec<u8> = samples.iter().map(|sample| *sample as u8).collect();
        let mut image = encoder.new_image::<CMYK8>(SIZE.0, SIZE.1).expect("begins");
        if let Some(profile) = profile {
            image.encoder().write_tag(Tag::IccProfile, profile).expect("is written");
        }
        image.write_data(&samples).expect("is written");
    }
    file.into_inner()
}

fn keep() -> Rendering {
    Rendering { depth: Some(Depth::Keep), color: Some(ColorSpace::Keep), ..Rendering::default() }
}

/// Mask and settings of a cut by the matte, so that no network decides which pixels are opaque.
fn by_mask(input: PipelineInput) -> PipelineInput {
    let mask = files::write(&DynamicImage::ImageLuma8(matte()), "png", None);
    let subject = SubjectSettings { mask_source: Some(MaskSource::File), ..SubjectSettings::default() };
    PipelineInput { mask: Some(mask.into()), subject, ..input }
}

fn input(file: &[u8], mode: Mode, format: OutputFormat) -> PipelineInput {
    let format = Some(format.into());
    by_mask(PipelineInput { format, rendering: keep(), ..PipelineInput::new(file.to_vec(), mode) })
}

fn made(file: &[u8], mode: Mode, format: OutputFormat) -> PipelineOutput {
    imaging(1.0).make(&input(file, mode, format), &|_, _| {}).expect("is made")
}

/// A written file: four inks and alpha of every pixel, 0 for no ink, in the depth of the file.
#[derive(Debug)]
struct InkFile {
    pixels: Vec<[u16; 5]>,
    is_deep: bool,
    profile: Option<Vec<u8>>,
}

impl InkFile {
    fn full(&self) -> u16 {
        if self.is_deep { u16::MAX } else { 255 }
    }
}

fn read(format: OutputFormat, bytes: &[u8]) -> InkFile {
    if format == OutputFormat::Psd { read_psd(bytes) } else { read_tiff(bytes) }
}

/// Reads a TIFF by the reader of another maker.
fn read_tiff(bytes: &[u8]) -> InkFile {
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).expect("is a TIFF");
    assert_eq!(decoder.get_tag_u32(Tag::PhotometricInterpretation).ok(), Some(5));
    assert_eq!(decoder.get_tag_u32_vec(Tag::ExtraSamples).ok(), Some(vec![2]), "unassociated alpha");
    let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let (samples, is_deep): (Vec<u16>, _) = match decoder.read_image().expect("decodes") {
        tiff::decoder::DecodingResult::U8(samples) => (samples.into_iter().map(u16::from).collect(), false),
        tiff::decoder::DecodingResult::U16(samples) => (samples, true),
        other => panic!("unexpected samples: {other:?}"),
    };
    let (pixels, rest) = samples.as_chunks::<5>();
    assert!(rest.is_empty());
    InkFile { pixels: pixels.to_vec(), is_deep, profile }
}

fn be32(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// Where the resources, the layers and the merged picture of a PSD begin, after the lengths of the first two.
fn sections(bytes: &[u8]) -> [usize; 3] {
    // The color mode section is empty.
    assert_eq!(be32(bytes, 26), 0);
    let resources = 34;
    let layers = resources + be32(bytes, 30) + 4;
    [resources, layers, layers + be32(bytes, layers - 4)]
}

/// Unpacks one row of PackBits.
fn unpacked(mut packed: &[u8]) -> Vec<u8> {
    let mut row = Vec::new();
    while let Some((count, rest)) = packed.split_first() {
        packed = match *count as i8 {
            count @ 0.. => {
                let (literal, rest) = rest.split_at(count as usize + 1);
                row.extend(literal);
                rest
            }
            count => {
                row.extend(std::iter::repeat_n(rest[0], (1 - i32::from(count)) as usize));
                &rest[1..]
            }
        };
    }
    row
}

/// The merged picture of a PSD, by its specification: a plane a channel, and inks inverted.
fn read_psd(bytes: &[u8]) -> InkFile {
    let [resources, layers, merged] = sections(bytes);
    let (channels, height, width) = (be16(bytes, 12), be32(bytes, 14), be32(bytes, 18));
    let (depth, mode) = (be16(bytes, 22), be16(bytes, 24));
    assert_eq!((channels, mode), (5, 4), "CMYK with alpha");
    assert_eq!(be16(bytes, merged), 1, "PackBits");
    let mut at = merged + 2 + channels * height * 2;
    let mut pixels = vec![[0; 5]; width * height];
    for (row, length) in (0..channels * height).map(|row| (row, be16(bytes, merged + 2 + row * 2))) {
        let (channel, y) = (row / height, row % height);
        let samples = unpacked(&bytes[at..at + length]);
        at += length;
        let samples: Vec<u16> = match depth {
            8 => samples.into_iter().map(u16::from).collect(),
            _ => samples.as_chunks::<2>().0.iter().map(|bytes| u16::from_be_bytes(*bytes)).collect(),
        };
        let full = if depth == 8 { 255 } else { u16::MAX };
        for (pixel, sample) in pixels[y * width..].iter_mut().zip(samples) {
            pixel[channel] = if channel < 4 { full - sample } else { sample };
        }
    }
    assert_eq!(at, bytes.len());
    let found = bytes[resources..layers].windows(8).position(|window| window == b"8BIM\x04\x0F\0\0");
    let profile = found.map(|found| {
        let start = resources + found + 12;
        bytes[start..start + be32(bytes, start - 4)].to_vec()
    });
    InkFile { pixels, is_deep: depth == 16, profile }
}

/// Checks that the opaque pixels of a file are the source's, and that transparent ones are paper. Returns how many are opaque.
fn assert_holds(file: &InkFile, source: &[[u16; 4]], name: &str) -> u64 {
    let mut opaque = 0;
    for (written, source) in file.pixels.iter().zip(source) {
        if written[4] == file.full() {
            opaque += 1;
            assert_eq!(written[..4], source[..], "{name}");
        }
        if written[4] == 0 {
            assert_eq!(written[..4], [0; 4], "{name}: white is paper");
        }
    }
    opaque
}

#[test]
fn every_opaque_pixel_has_the_sources_inks() {
    let press = press();
    for is_deep in [false, true] {
        for profile in [None, Some(press.as_slice())] {
            let (file, source) = (cmyk_tiff(is_deep, profile), stored(is_deep));
            for (mode, format) in
                [Mode::Background, Mode::Clipping].into_iter().flat_map(|mode| FORMATS.map(|format| (mode, format)))
            {
                let name = format!("{is_deep} {mode:?} {format}");
                let made = made(&file, mode, format);
                let mut background = 0;
                for picture in &made.pictures {
                    let written = read(format, &picture.bytes);
                    assert_eq!((written.is_deep, written.profile.as_deref()), (is_deep, profile), "{name}");
                    if picture.variation == Variation::Background {
                        background = assert_holds(&written, &source, &name);
                        assert!(background > 2_000, "{name}: {background}");
                        let paper = written.pixels[(20 * SIZE.0 + 60) as usize];
                        assert_eq!(paper, [0, 0, 0, 0, written.full()], "{name}: paper within the subject");
                    }
                }
                let check = made.pixel_check.expect("is checked");
                assert!(check.pixels >= background && check.largest_difference == 0, "{name}: {check:?}");
                let warnings = made.warnings.get("source").cloned().unwrap_or_default();
                assert_eq!(warnings.len(), usize::from(profile.is_none()), "{warnings:?}");
                assert!(warnings.iter().all(|warning| warning.contains("its inks were kept")), "{warnings:?}");
            }
        }
    }
}

#[test]
fn the_depth_can_be_another() {
    for (depth, is_deep) in [(Depth::Eight, false), (Depth::Sixteen, true)] {
        let rendering = Rendering { depth: Some(depth), ..keep() };
        for of_source in [false, true] {
            let file = cmyk_tiff(of_source, None);
            let input =
                PipelineInput { rendering: rendering.clone(), ..input(&file, Mode::Background, OutputFormat::Tiff) };
            let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
            let written = read_tiff(&made.pictures[0].bytes);
            assert_eq!(written.is_deep, is_deep);
            let rescaled = |ink: u16| match (of_source, is_deep) {
                (false, true) => ink * 257,
                (true, false) => ((u32::from(ink) * 255 + 32_767) / 65_535) as u16,
                (false, false) | (true, true) => ink,
            };
            let source: Vec<_> = stored(of_source).into_iter().map(|inks| inks.map(rescaled)).collect();
            assert!(assert_holds(&written, &source, &format!("{of_source} {depth:?}")) > 2_000);
        }
    }
}

#[test]
fn partial_pixels_have_the_inks_of_the_subject() {
    // A subject in black ink alone, on cyan, with half of both at its edge.
    let at = |x: u32, y: u32| {
        let share = if !inside(x, y) {
            0
        } else if x < 33 {
            1
        } else {
            2
        };
        [200 - share * 100, 0, 0, share * 100].map(|ink: u32| ink as u8)
    };
    let samples: Vec<u8> = (0..SIZE.0 * SIZE.1).flat_map(|pixel| at(pixel % SIZE.0, pixel / SIZE.0)).collect();
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("begins");
    encoder.write_image::<CMYK8>(SIZE.0, SIZE.1, &samples).expect("is written");
    let made = made(&file.into_inner(), Mode::Background, OutputFormat::Tiff);
    let written = read_tiff(&made.pictures[0].bytes);
    let partial: Vec<_> = written.pixels.iter().filter(|pixel| (100..160).contains(&pixel[4])).collect();
    assert!(partial.len() > 50, "{}", partial.len());
    for [cyan, magenta, yellow, black, _] in &partial {
        assert_eq!((*magenta, *yellow), (0, 0), "inks that the photograph lacks");
        assert!(*cyan < 60 && *black > 140, "{cyan} {black}");
    }
}

#[test]
fn the_layers_of_a_psd_have_four_inks() {
    let file = made(&cmyk_tiff(false, None), Mode::Background, OutputFormat::Psd).pictures[0].bytes.clone();
    let [_, layers, _] = sections(&file);
    let info = layers + 4;
    assert_eq!(
        i16::from_be_bytes([file[info], file[info + 1]]),
        -3,
        "the first channel after the inks is transparency"
    );
    let mut at = info + 2;
    let mut layers = Vec::new();
    for _ in 0..3 {
        let channels = be16(&file, at + 16);
        let numbers = (0..channels).map(|channel| be16(&file, at + 18 + channel * 6) as u16 as i16);
        layers.push(numbers.collect::<Vec<_>>());
        // Signature, blend mode, opacity and flags come before the length of the rest.
        let rest = at + 18 + channels * 6 + 12;
        at = rest + 4 + be32(&file, rest);
    }
    let plain = vec![-1, 0, 1, 2, 3];
    assert_eq!(layers, [plain.clone(), plain.clone(), [plain, vec![-2]].concat()]);
}

#[test]
fn a_crop_and_a_written_file_keep_the_inks() {
    let (file, source) = (cmyk_tiff(false, None), stored(false));
    for format in FORMATS {
        // A file that was written is a source too.
        let first = made(&file, Mode::Background, format).pictures[0].bytes.clone();
        let again = made(&first, Mode::Background, OutputFormat::Tiff);
        assert!(assert_holds(&read_tiff(&again.pictures[0].bytes), &source, format.extension()) > 2_000);
        let set = ParamSet::read(json!({
            "variations": ["background"], "crop": "subject", "crop_margin": "0px",
            "output": {"format": format.extension(), "color": "keep"},
        }));
        let set = Some(set.expect("is a set"));
        let input = by_mask(PipelineInput { set, ..PipelineInput::new(file.clone(), Mode::Params) });
        let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
        let window = made.crop_box.expect("is cropped");
        let written = read(format, &made.pictures[0].bytes);
        assert_eq!(written.pixels.len(), (window.width * window.height) as usize);
        let rows = (window.top..window.top + window.height).flat_map(|y| {
            let start = (y * SIZE.0 + window.left) as usize;
            source[start..start + window.width as usize].to_vec()
        });
        assert!(assert_holds(&written, &rows.collect::<Vec<_>>(), format.extension()) > 2_000);
        assert_eq!(made.pixel_check.map(|check| check.largest_difference), Some(0));
    }
}

#[test]
fn inks_of_jpegs_are_kept_in_tiff_and_psd() {
    let of = |file: &[u8], format: OutputFormat| {
        // The masks of the others have another size.
        let input =
            PipelineInput { mask: None, subject: SubjectSettings::default(), ..input(file, Mode::Background, format) };
        let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
        assert!(matches!(made.pixel_check, Some(PixelCheck { pixels: 50.., largest_difference: 0 })), "{made:?}");
        read(format, &made.pictures[0].bytes)
    };
    for format in FORMATS {
        let [jpeg, tiff] = [PRESS_JPEG, PRESS_TIFF].map(|file| of(file, format));
        assert_eq!((jpeg.profile.as_ref(), tiff.profile.as_ref()), (Some(&press()), Some(&press())));
        let opaque = jpeg.pixels.iter().zip(&tiff.pixels).filter(|(jpeg, tiff)| jpeg[4] == 255 && tiff[4] == 255);
        let mut count = 0;
        for (jpeg, tiff) in opaque {
            count += 1;
            let difference = jpeg.iter().zip(tiff).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(difference <= Some(6), "{jpeg:?} {tiff:?}");
        }
        assert!(count > 50, "{count}");
        // As ImageMagick reads the file, which has no profile.
        let plain = of(include_bytes!("../data/cmyk.jpg"), format);
        assert_eq!((plain.profile, plain.pixels[16 * 4 + 3]), (None, [5, 245, 235, 0, 255]));
    }
}

#[test]
fn previews_show_inks_as_a_conversion_to_srgb_does() {
    let file = cmyk_tiff(false, Some(&press()));
    let previews = cutline_core::domain::review::ReviewRule::Always;
    let input = PipelineInput { previews, ..input(&file, Mode::Background, OutputFormat::Tiff) };
    let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
    let of = |kind| made.assets.iter().find(|asset| asset.kind == kind).expect("is made").bytes.clone();
    let shown = |kind| decode(&of(kind), &Limits::default()).expect("decodes").color().clone();
    let (preview, source) = (shown(AssetKind::Preview), shown(AssetKind::SourcePreview));
    // Both are lossy, and the paper at the top of the subject is white.
    let differences = (40..80).flat_map(|x| (30..60).map(move |y| (x, y)));
    let sum: u64 = differences
        .flat_map(|(x, y)| {
            let pair = (preview.get_pixel(x, y).0, source.get_pixel(x, y).0);
            (0..3).map(move |channel| u64::from(pair.0[channel].abs_diff(pair.1[channel])))
        })
        .sum();
    assert!(sum / (40 * 30 * 3) < 16, "{sum}");
}

fn refusal(file: &[u8], input: PipelineInput) -> Error {
    let input = PipelineInput { source: file.to_vec().into(), ..input };
    imaging(1.0).make(&input, &|_, _| {}).expect_err("is refused")
}

#[test]
fn pictures_that_hold_no_inks_are_refused_with_the_remedy() {
    let file = cmyk_tiff(false, None);
    for format in [OutputFormat::Png, OutputFormat::Webp, OutputFormat::Jpeg] {
        for mode in [Mode::Background, Mode::Clipping] {
            let error = refusal(&file, input(&file, mode, format));
            assert!(matches!(error, Error::InksNotHeld(InksNotHeld::Format(refused)) if refused == format), "{error}");
            let original = match format {
                OutputFormat::Jpeg => ", or output_format=original with mode=clipping to get the file itself",
                _ => "",
            };
            let message = format!(
                "CMYK with color=keep: {format} files hold no inks; send output_format=psd or tiff, or color=srgb{original}"
            );
            assert_eq!(error.to_string(), message);
            assert_eq!(Fault::from(error), Fault::fail(FailureCode::UnsupportedSource, message));
        }
        // Alpha alone has no inks, and converted ones are RGB.
        for rendering in
            [Rendering { channels: Channels::Alpha, ..keep() }, Rendering { color: Some(ColorSpace::Srgb), ..keep() }]
        {
            let input = PipelineInput { rendering, ..input(&file, Mode::Background, format) };
            assert!(imaging(1.0).make(&input, &|_, _| {}).is_ok(), "{format}");
        }
    }
}

#[test]
fn composed_and_framed_pictures_are_refused_with_the_remedy() {
    let file = cmyk_tiff(true, None);
    for (variation, settings) in [
        (Variation::Compose, json!({"background": "#ffffff"})),
        (Variation::ShadowTop, json!({"shadow_top": {}})),
        (Variation::Framed, json!({"framed": {}})),
    ] {
        let mut document = settings;
        document["variations"] = json!(["background", variation.as_str()]);
        document["output"] = json!({"format": "tiff", "color": "keep"});
        let set = Some(ParamSet::read(document).expect("is a set"));
        let error = refusal(&file, PipelineInput { set, ..PipelineInput::new("", Mode::Params) });
        assert_eq!(
            error.to_string(),
            format!(
                "CMYK with color=keep: the variation {} is made in RGB; send a set with no variation but background or \
                 clipping, or color=srgb",
                variation.as_str()
            )
        );
    }
}

#[test]
fn the_draft_of_an_empty_cut_is_paper() {
    let file = cmyk_tiff(false, None);
    let nothing = files::write(&DynamicImage::ImageLuma8(GrayImage::new(SIZE.0, SIZE.1)), "png", None);
    for format in FORMATS {
        let mask = Some(nothing.clone().into());
        let input = PipelineInput { mask, keeps_empty: true, ..input(&file, Mode::Background, format) };
        let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
        let written = read(format, &made.pictures[0].bytes);
        assert!(written.pixels.iter().all(|pixel| *pixel == [0; 5]));
    }
}
