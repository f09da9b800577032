//! Pictures that are cropped around the subject: the pixels and the path are those of the whole picture.

use std::cell::Cell;

use bytes::Bytes;
use cutline_core::domain::crop::{Crop, CropMargin};
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::{EncodedPicture, EvidenceUse, PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Channels, Mode, OutputFormat, ParamSet, Rendering, Variation};
use cutline_imaging::compose::SubjectBox;
use cutline_imaging::{Error, Limits, decode};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage, imageops};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::files;
use crate::params::{block, knowing};
use crate::pipeline::imaging;
use crate::psd_layers::psd_layers;

const PHOTO: (u32, u32) = (160, 120);

/// A dark ellipse in a box of the photograph, which may reach beyond the frame, and its matte. No two columns or rows of the
/// ellipse look the same.
fn ellipse((left, top): (u32, u32), (wide, high): (u32, u32)) -> (Vec<u8>, GrayImage) {
    let inside = |x: u32, y: u32| {
        let along =
            |at: u32, start: u32, length: u32| (f64::from(at) + 0.5 - f64::from(start)) / f64::from(length) * 2.0 - 1.0;
        along(x, left, wide).hypot(along(y, top, high)) <= 1.0
    };
    let photo = RgbImage::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        Rgb(if inside(x, y) { [10 + (x / 2) as u8, 20, (y / 2) as u8] } else { [235, 230 - (y / 20) as u8, 240] })
    });
    let matte = GrayImage::from_fn(PHOTO.0, PHOTO.1, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
    (files::write(&DynamicImage::ImageRgb8(photo), "png", None), matte)
}

fn margin(text: &str) -> CropMargin {
    text.parse().expect("a margin")
}

/// The same input, with its pictures cropped.
fn cropped(input: &PipelineInput, text: &str) -> PipelineInput {
    let crop = Some(Crop::Subject { margin: margin(text) });
    PipelineInput { rendering: Rendering { crop, ..input.rendering.clone() }, ..input.clone() }
}

fn made(matte: &GrayImage, input: &PipelineInput) -> PipelineOutput {
    knowing(matte).make(input, &|_, _| {}).expect("is made")
}

fn picture(made: &PipelineOutput, variation: Variation) -> &EncodedPicture {
    made.pictures.iter().find(|picture| picture.variation == variation).expect("was made")
}

fn asset(made: &PipelineOutput, kind: AssetKind) -> &Bytes {
    &made.assets.iter().find(|asset| asset.kind == kind).expect("was made").bytes
}

fn assets(made: &PipelineOutput) -> Vec<(AssetKind, Bytes)> {
    made.assets.iter().map(|asset| (asset.kind, asset.bytes.clone())).collect()
}

/// The pixels of a file of any format. Those that nobody sees have no color, since lossless WebP changes it.
fn pixels(file: &[u8]) -> RgbaImage {
    let photo = decode(file, &Limits::default()).expect("decodes");
    let (width, height) = photo.dimensions();
    RgbaImage::from_fn(width, height, |x, y| {
        let Rgb([red, green, blue]) = *photo.color().get_pixel(x, y);
        match photo.alpha().map_or(255, |alpha| alpha.get_pixel(x, y)[0]) {
            0 => Rgba([0; 4]),
            alpha => Rgba([red, green, blue, alpha]),
        }
    })
}

/// Whether a picture is the part of another one in a box, pixel by pixel.
fn is_window(cropped: &EncodedPicture, whole: &EncodedPicture, window: PixelBox) -> bool {
    let PixelBox { left, top, width, height } = window;
    (cropped.width, cropped.height) == (width, height)
        && pixels(&cropped.bytes) == imageops::crop_imm(&pixels(&whole.bytes), left, top, width, height).to_image()
}

/// The alpha of the cut along the path.
fn hard_alpha(file: &[u8], matte: &GrayImage) -> GrayImage {
    let format = Some(OutputFormat::Png.into());
    let made = made(matte, &PipelineInput { format, ..PipelineInput::new(file.to_vec(), Mode::Clipping) });
    let pixels = pixels(&picture(&made, Variation::Clipping).bytes);
    GrayImage::from_fn(pixels.width(), pixels.height(), |x, y| Luma([pixels.get_pixel(x, y)[3]]))
}

/// The box that a crop has to show, from the matte of the whole photograph and, with a path, from the alpha of that cut.
fn expected_box(made: &PipelineOutput, hard_alpha: Option<&GrayImage>, margin: CropMargin) -> PixelBox {
    let matte = image::load_from_memory(asset(made, AssetKind::Matte)).expect("is a picture").into_luma8();
    let boxes = [Some(&matte), hard_alpha].map(|alpha| alpha.and_then(SubjectBox::of));
    let all = || boxes.iter().flatten();
    let left = all().map(|one| one.x).min().expect("a subject");
    let top = all().map(|one| one.y).min().expect("a subject");
    let right = all().map(|one| one.x + one.width).max().expect("a subject");
    let bottom = all().map(|one| one.y + one.height).max().expect("a subject");
    margin.around(PixelBox { left, top, width: right - left, height: bottom - top }, matte.dimensions())
}

#[test]
fn a_cropped_picture_is_a_window_of_the_whole_one() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(40));
    let smaller = Cell::new(0);
    let formats = [OutputFormat::Png, OutputFormat::Webp, OutputFormat::Tiff, OutputFormat::Psd];
    let margins = ["0", "7px", "10%", "3px 25%", "0 40px 5% 12.5%", "65535px"];
    let cases = (
        ((0_u32..130, 0_u32..95), (40_u32..70, 30_u32..60)),
        prop::sample::select(formats.to_vec()),
        prop::sample::select(vec![Mode::Background, Mode::Clipping]),
        prop::sample::select(Channels::ALL.to_vec()),
        prop::sample::select(margins.to_vec()),
    );
    let result = runner.run(&cases, |((place, size), format, mode, channels, text)| {
        let (file, matte) = ellipse(place, size);
        let hard = (mode == Mode::Clipping).then(|| hard_alpha(&file, &matte));
        let rendering = Rendering { channels, lossless: Some(true), ..Rendering::default() };
        let input = PipelineInput { format: Some(format.into()), rendering, ..PipelineInput::new(file, mode) };
        let (whole, part) = (made(&matte, &input), made(&matte, &cropped(&input, text)));
        prop_assert_eq!(whole.crop_box, None);
        let window = expected_box(&whole, hard.as_ref(), margin(text));
        prop_assert_eq!(part.crop_box, Some(window));
        prop_assert_eq!(part.pictures.len(), whole.pictures.len());
        for (part, whole) in part.pictures.iter().zip(&whole.pictures) {
            prop_assert_eq!(part.variation, whole.variation);
            prop_assert!(is_window(part, whole, window), "{:?} at {}", part.variation, window);
        }
        prop_assert!(assets(&part) == assets(&whole), "assets belong to the whole photograph");
        smaller.set(smaller.get() + u32::from((window.width, window.height) != PHOTO));
        Ok(())
    });
    result.expect("every crop is a window");
    assert!(smaller.get() >= 20, "only {} crops were smaller than the photograph", smaller.get());
}

/// The handles and anchors of the clipping path in a file, each as x and y in pixels of the picture.
fn knots(file: &[u8], (width, height): (u32, u32)) -> Vec<[f64; 6]> {
    // The resource of the first path: signature and number, then its name and its length.
    let start = file.windows(6).position(|bytes| bytes == b"8BIM\x07\xD0").expect("has a path") + 6;
    let data = start + (usize::from(file[start]) + 1).next_multiple_of(2);
    let length = u32::from_be_bytes(file[data..data + 4].try_into().expect("four")) as usize;
    let records = file[data + 4..data + 4 + length].chunks(26).filter(|record| matches!(record[1], 1 | 2));
    let share = |bytes: &[u8]| f64::from(i32::from_be_bytes(bytes.try_into().expect("four"))) / f64::from(1 << 24);
    // Of each point, the vertical share comes first.
    let knot = |record: &[u8]| -> [f64; 6] {
        std::array::from_fn(|at| {
            let (offset, side) = if at % 2 == 0 { (4, width) } else { (0, height) };
            let offset = 2 + at / 2 * 8 + offset;
            share(&record[offset..offset + 4]) * f64::from(side)
        })
    };
    records.map(knot).collect()
}

#[test]
fn the_path_in_a_cropped_file_is_the_whole_ones_moved() {
    let (file, matte) = block();
    for format in [OutputFormat::Psd, OutputFormat::Tiff, OutputFormat::Jpeg] {
        let input = PipelineInput { format: Some(format.into()), ..PipelineInput::new(file.clone(), Mode::Clipping) };
        let whole = made(&matte, &input);
        let picture_of_whole = picture(&whole, Variation::Clipping);
        let from = knots(&picture_of_whole.bytes, (picture_of_whole.width, picture_of_whole.height));
        assert!(from.len() >= 4, "{from:?}");
        for text in ["0", "5px", "10% 20px 0 3px"] {
            let part = made(&matte, &cropped(&input, text));
            let window = part.crop_box.expect("a box");
            assert!(window.left > 0 && window.top > 0, "{window}");
            let to = knots(&picture(&part, Variation::Clipping).bytes, (window.width, window.height));
            assert_eq!(to.len(), from.len(), "{format:?}");
            for (from, to) in from.iter().zip(&to) {
                for (at, (from, to)) in from.iter().zip(to).enumerate() {
                    let by = f64::from(if at % 2 == 0 { window.left } else { window.top });
                    assert!((from - by - to).abs() < 1e-4, "{format:?} {text}: {from} became {to}, moved by {by}");
                }
            }
            let svg = asset(&part, AssetKind::ClippingPath);
            assert_eq!(svg, asset(&whole, AssetKind::ClippingPath), "the SVG belongs to the whole photograph");
        }
    }
}

#[test]
fn previews_and_evidence_belong_to_the_whole_photograph() {
    let (file, matte) = block();
    let set = ParamSet::read(json!({"background": "#ffe0c0", "variations": ["compose"]})).expect("a set");
    for (mode, set) in [(Mode::Background, None), (Mode::Clipping, None), (Mode::Params, Some(set))] {
        let (previews, evidence) = (ReviewRule::Always, EvidenceUse::Keep);
        let input = PipelineInput { set, previews, evidence, ..PipelineInput::new(file.clone(), mode) };
        let (whole, part) = (made(&matte, &input), made(&matte, &cropped(&input, "5%")));
        let is_small = |window: PixelBox| window.width < 100 && window.height < 100;
        assert!(part.crop_box.is_some_and(is_small), "{:?}", part.crop_box);
        let kinds = [AssetKind::Preview, AssetKind::Thumb, AssetKind::SourcePreview, AssetKind::Regions];
        assert!(kinds.iter().all(|kind| part.assets.iter().any(|asset| asset.kind == *kind)));
        assert!(assets(&part) == assets(&whole), "{mode:?}");
    }
}

/// The pictures of a set without and with a crop.
fn of_set(document: Value, text: &str) -> (PipelineOutput, PipelineOutput) {
    let (file, matte) = block();
    let behind = RgbImage::from_fn(90, 70, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, 77]));
    let set = Some(ParamSet::read(document).expect("a set"));
    let backdrop = Some(Bytes::from(files::write(&DynamicImage::ImageRgb8(behind), "png", None)));
    let input = PipelineInput { set, backdrop, ..PipelineInput::new(file, Mode::Params) };
    (made(&matte, &input), made(&matte, &cropped(&input, text)))
}

#[test]
fn composed_pictures_are_cropped_where_the_set_leaves_the_subject() {
    let picture = json!({"image_url": "https://example.com/a.png", "fit": "cover"});
    for background in [json!("#c80000"), json!("transparent"), picture] {
        for format in ["png", "psd"] {
            let (whole, part) = of_set(
                json!({
                    "background": background, "shadow_top": {}, "shadow_wall": {}, "output": {"format": format},
                    "variations": ["compose", "shadowTop", "shadow_wall", "background"],
                }),
                "12px",
            );
            let window = expected_box(&whole, None, margin("12px"));
            assert_eq!((part.crop_box, part.pictures.len()), (Some(window), 4));
            for (part, whole) in part.pictures.iter().zip(&whole.pictures) {
                assert!(is_window(part, whole, window), "{:?} on {background}, {format}", part.variation);
            }
            assert_eq!(part.warnings, whole.warnings);
        }
    }
}

#[test]
fn a_cropped_composed_psd_has_cropped_layers() {
    let picture = json!({"image_url": "https://example.com/a.png", "fit": "cover"});
    let document = json!({
        "background": picture, "shadow_top": {}, "variations": ["shadowTop"], "output": {"format": "psd"},
    });
    // With the first margin, the whole layer of the subject is in the picture; with the second, a part of it.
    for text in ["40px 55px", "0"] {
        let (whole, part) = of_set(document.clone(), text);
        let PixelBox { left, top, width, height } = part.crop_box.expect("a box");
        assert!(left > 0 && top > 0 && left != top, "{left} {top}");
        let layers = [&whole, &part].map(|made| psd_layers(&made.pictures[0].bytes));
        let [of_whole, of_part] = &layers;
        assert_eq!(of_part.keys().collect::<Vec<_>>(), ["Background", "Shadow", "Subject"]);
        assert_eq!(of_part["Background"].sides, [0, 0, width, height]);
        assert_eq!(of_part["Shadow"].sides, [0, 0, width, height]);
        let [x1, y1, x2, y2] = of_whole["Subject"].sides;
        let (across, down) = (|x: u32| x.saturating_sub(left).min(width), |y: u32| y.saturating_sub(top).min(height));
        assert_eq!(of_part["Subject"].sides, [across(x1), down(y1), across(x2), down(y2)], "{text}");
        assert_eq!(of_part["Subject"].sides[0] > 0, text != "0", "the place of the layer matters");
        for (name, layer) in of_part {
            for channel in layer.channels.keys() {
                let whole = of_whole[name].on_canvas(*channel, (200, 180));
                let expected = imageops::crop_imm(&whole, left, top, width, height).to_image();
                assert!(layer.on_canvas(*channel, (width, height)) == expected, "{name}, channel {channel}");
            }
        }
    }
}

#[test]
fn the_hidden_original_of_a_cropped_psd_is_the_window_of_the_photo() {
    let (file, matte) = ellipse((40, 20), (60, 50));
    let photo = pixels(&file);
    let format = Some(OutputFormat::Psd.into());
    let input = PipelineInput { format, ..PipelineInput::new(file, Mode::Background) };
    let part = made(&matte, &cropped(&input, "3px 7px"));
    let PixelBox { left, top, width, height } = part.crop_box.expect("a box");
    assert!(left > 0 && top > 0 && left != top, "{left} {top}");
    let layers = psd_layers(&part.pictures[0].bytes);
    let original = &layers["Original"];
    assert_eq!((original.sides, original.is_hidden), ([0, 0, width, height], true));
    let window = imageops::crop_imm(&photo, left, top, width, height).to_image();
    for channel in [0_i16, 1, 2] {
        let expected: Vec<u8> = window.pixels().map(|pixel| pixel[channel as usize]).collect();
        assert!(original.channels[&channel] == expected, "channel {channel}");
    }
    assert_eq!((layers["Subject"].sides, layers["Subject"].is_hidden), ([0, 0, width, height], false));
}

#[test]
fn a_set_that_places_the_subject_keeps_its_canvas() {
    let square = json!({"canvas": {"width": 300, "height": 300}, "variations": ["compose"]});
    let (whole, part) = of_set(square, "5%");
    assert_eq!((part.crop_box, part.pictures[0].width), (None, 300));
    assert_eq!(part.pictures[0].bytes, whole.pictures[0].bytes);
    let warnings = &part.warnings["compose"];
    assert!(warnings.iter().any(|warning| warning.starts_with("No picture was cropped: ")), "{warnings:?}");

    let both = json!({"margin": "5%", "variations": ["compose", "clipping"], "crop": "subject", "crop_margin": "1px"});
    let (own, asked) = of_set(both, "9px");
    let (file, matte) = block();
    let hard = hard_alpha(&file, &matte);
    for (made, text) in [(&own, "1px"), (&asked, "9px")] {
        let window = expected_box(made, Some(&hard), margin(text));
        assert_eq!(made.crop_box, Some(window), "the request comes before the set");
        let size = |variation| (picture(made, variation).width, picture(made, variation).height);
        assert_eq!((size(Variation::Clipping), size(Variation::Compose)), ((window.width, window.height), (200, 180)));
        assert!(made.warnings.values().flatten().all(|warning| !warning.contains("cropped: ")), "{:?}", made.warnings);
    }
}

#[test]
fn promises_are_measured_on_the_cropped_picture() {
    let document = json!({"background": "#ffffff", "variations": ["compose"], "promise": {"fill": {"min": "85%"}}});
    let (whole, part) = of_set(document, "3px");
    assert!(whole.warnings["compose"][0].contains("% of the frame; at least 85% was promised"), "{:?}", whole.warnings);
    assert!(!part.warnings.contains_key("compose"), "{:?}", part.warnings);
}

#[test]
fn a_crop_changes_nothing_about_a_missing_subject() {
    let file = files::write(&DynamicImage::ImageRgb8(files::picture(60, 40)), "png", None);
    let input = cropped(&PipelineInput::new(file, Mode::Background), "5%");
    let made = imaging(0.4).make(&input, &|_, _| {});
    assert!(matches!(made, Err(Error::NoSubject)), "{made:?}");
}

#[test]
fn a_format_has_to_hold_the_cropped_picture_only() {
    // WebP holds 16,383 pixels a side. The left half is the subject.
    let wide = RgbImage::from_pixel(17_000, 20, Rgb([90, 120, 150]));
    let file = files::write(&DynamicImage::ImageRgb8(wide), "png", None);
    let format = Some(OutputFormat::Webp.into());
    let input = PipelineInput { format, ..PipelineInput::new(file, Mode::Background) };
    let whole = imaging(1.0).make(&input, &|_, _| {});
    assert!(matches!(whole, Err(Error::TooLargeForFormat { .. })), "{whole:?}");
    let part = imaging(1.0).make(&cropped(&input, "0"), &|_, _| {}).expect("is made");
    assert!((8_000..9_000).contains(&part.pictures[0].width), "{:?}", part.crop_box);
    let too_wide = imaging(1.0).make(&cropped(&input, "100%"), &|_, _| {});
    assert!(matches!(too_wide, Err(Error::TooLargeForFormat { .. })), "{too_wide:?}");
}
