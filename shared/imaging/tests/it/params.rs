//! Mode params, from file to files.
//!
//! The expected pictures are rewritten only on request; look at them before you commit them:
//! `CUTLINE_BLESS=1 cargo test --release -p cutline-imaging --test it params`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cutline_core::ports::{PipelineInput, PipelineOutput, Stage};
use cutline_core::{AssetKind, Mode, OutputFormat, ParamSet, Variation};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::files;

/// Answers with a given matte.
struct Known(GrayImage);

impl Segmenter for Known {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        let values = self.0.iter().map(|value| f32::from(*value) / 255.0).collect();
        Ok(CoarseMatte::new(self.0.width(), values).expect("is square"))
    }
}

pub(crate) fn knowing(matte: &GrayImage) -> Imaging {
    let square = |side| Box::new(Known(imageops::resize(matte, side, side, FilterType::Triangle)));
    Imaging::new(Matting::new(square(512), square(320)), Limits::default(), "known")
}

fn set(document: Value) -> Option<ParamSet> {
    Some(ParamSet::read(document).expect("is a set"))
}

fn input(file: Vec<u8>, document: Value) -> PipelineInput {
    PipelineInput { set: set(document), ..PipelineInput::new(file, Mode::Params) }
}

/// A dark block on a light background.
pub(crate) fn block() -> (Vec<u8>, GrayImage) {
    let inside = |x: u32, y: u32| (60..140).contains(&x) && (50..130).contains(&y);
    let photo = RgbImage::from_fn(200, 180, |x, y| Rgb(if inside(x, y) { [40, 60, 90] } else { [230; 3] }));
    let matte = GrayImage::from_fn(200, 180, |x, y| image::Luma([if inside(x, y) { 255 } else { 0 }]));
    (files::write(&DynamicImage::ImageRgb8(photo), "png", None), matte)
}

fn made(document: Value) -> PipelineOutput {
    let (file, matte) = block();
    knowing(&matte).make(&input(file, document), &|_, _| {}).expect("is made")
}

fn picture(made: &PipelineOutput, variation: Variation) -> DynamicImage {
    let picture = made.pictures.iter().find(|picture| picture.variation == variation).expect("was made");
    let read = image::load_from_memory(&picture.bytes).expect("is a picture");
    assert_eq!((read.width(), read.height()), (picture.width, picture.height));
    read
}

#[test]
fn every_variation_is_made_in_its_format_and_others_are_ignored() {
    let reports = std::sync::Mutex::new(Vec::new());
    let (file, matte) = block();
    let document = json!({
        "canvas": {"width": 300, "height": 240}, "background": "#ffffff", "margin": "10%", "shadow_top": {},
        "output": {"format": "webp", "per_variation": {"clipping": {"format": "psd"}, "compose": {"format": "jpg"}}},
    });
    let progress = |stage, share| reports.lock().expect("not poisoned").push((stage, share));
    let made = knowing(&matte).make(&input(file, document), &progress).expect("is made");
    let files: Vec<_> = made.pictures.iter().map(|picture| (picture.variation, picture.format)).collect();
    let expected = [
        (Variation::Background, OutputFormat::Webp.into()),
        (Variation::Clipping, OutputFormat::Psd.into()),
        (Variation::Compose, OutputFormat::Jpeg.into()),
        (Variation::ShadowTop, OutputFormat::Webp.into()),
    ];
    assert_eq!(files, expected);
    for (picture, magic) in made.pictures.iter().zip([&b"RIFF"[..], b"8BPS", b"\xFF\xD8", b"RIFF"]) {
        assert!(picture.bytes.starts_with(magic), "{:?}", picture.variation);
    }
    assert_eq!(made.ignored, [Variation::ShadowWall]);
    assert_eq!(made.warnings["shadow_wall"], ["params not provided"]);
    assert_eq!(made.final_picture, Variation::Clipping);
    let kinds: Vec<_> = made.assets.iter().map(|asset| asset.kind).collect();
    assert_eq!(kinds, [AssetKind::Matte, AssetKind::ClippingPath]);
    let reports = reports.into_inner().expect("not poisoned");
    assert!(reports.is_sorted(), "{reports:?}");
    assert_eq!(reports.last(), Some(&(Stage::Compose, 100)));
    assert!(reports.iter().all(|(stage, _)| *stage != Stage::Clipping));
}

#[test]
fn the_subject_stands_on_the_canvas_where_the_set_says() {
    let made = made(json!({
        "canvas": {"width": 400, "height": 400}, "background": "#c80000", "margin": "25%", "variations": ["compose"],
        "align": {"x": "left", "y": "bottom"},
    }));
    let on = picture(&made, Variation::Compose).into_rgb8();
    for ((x, y), expected) in [
        ((110, 150), [40, 60, 90]),
        ((290, 290), [40, 60, 90]),
        ((97, 200), [200, 0, 0]),
        ((303, 200), [200, 0, 0]),
        ((200, 303), [200, 0, 0]),
        ((0, 0), [200, 0, 0]),
    ] {
        assert_eq!(on.get_pixel(x, y).0, expected, "{x}, {y}");
    }
    // 80 pixels became 200.
    let said = &made.warnings["compose"];
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("The subject was enlarged 2.5 times, more than 1.5 times"), "{said:?}");
}

#[test]
fn without_a_canvas_the_subject_stays_where_it_is() {
    let made = made(json!({"background": "#00ff00", "variations": ["compose", "background"]}));
    let on = picture(&made, Variation::Compose).into_rgb8();
    assert_eq!((on.dimensions(), on.get_pixel(5, 5).0), ((200, 180), [0, 255, 0]));
    assert_eq!((on.get_pixel(63, 53).0, on.get_pixel(136, 126).0), ([40, 60, 90], [40, 60, 90]));
    assert_eq!(made.final_picture, Variation::Background, "the last variation of the set");
    assert_eq!(made.warnings.len(), 0, "{:?}", made.warnings);
}

#[test]
fn a_format_without_alpha_is_flattened_on_the_sets_color() {
    let document = json!({
        "background": "#204060", "variations": ["background", "clipping"], "output": {"format": "jpg", "quality": 100},
    });
    let made = made(document);
    for variation in [Variation::Background, Variation::Clipping] {
        let flat = picture(&made, variation).into_rgb8();
        let far = flat.get_pixel(5, 5).0.iter().zip([0x20, 0x40, 0x60]).map(|(a, b)| a.abs_diff(b)).max();
        assert!(far <= Some(1), "{variation:?}: {:?}", flat.get_pixel(5, 5));
    }
    let path = made.pictures[1].bytes.windows(12).any(|window| window == b"Cutline Path");
    assert!(path, "the file still holds the path");
}

#[test]
fn a_shadow_lies_around_the_subject_and_fades() {
    let made = made(json!({
        "canvas": {"width": 400, "height": 400}, "margin": "25%", "variations": ["shadowTop", "shadow_wall", "compose"],
        "shadow_top": {"opacity": 0.5, "blur": "6%", "spread": "1%"},
        "shadow_wall": {"opacity": 0.5, "blur": "2%", "dx": "10%", "dy": "5%"},
    }));
    let gray = |variation| picture(&made, variation).into_luma8();
    let (top, wall, plain) = (gray(Variation::ShadowTop), gray(Variation::ShadowWall), gray(Variation::Compose));
    assert!(plain.get_pixel(96, 200)[0] == 255 && plain.get_pixel(304, 200)[0] == 255);
    let outwards: Vec<u8> = (0..96).rev().map(|x| top.get_pixel(x, 200)[0]).collect();
    assert!(outwards[0] < 235 && outwards.is_sorted() && outwards[95] == 255, "{outwards:?}");
    let mirrored = (0..96).all(|x| top.get_pixel(x, 200)[0].abs_diff(top.get_pixel(399 - x, 200)[0]) <= 2);
    assert!(mirrored, "light from above has no side");
    assert!(wall.get_pixel(320, 260)[0] < 230 && wall.get_pixel(80, 200)[0] == 255, "to the right and down");
}

#[test]
fn a_background_image_is_decoded_and_fitted() {
    let (file, matte) = block();
    let behind = RgbImage::from_fn(100, 100, |_, y| Rgb(if y < 50 { [10, 200, 10] } else { [10, 10, 200] }));
    let document = json!({
        "canvas": {"width": 300, "height": 300}, "margin": "30%", "variations": ["compose"],
        "background": {"image_url": "https://example.com/a.png"},
    });
    let with = |backdrop: &[u8]| {
        let backdrop = Some(Bytes::copy_from_slice(backdrop));
        knowing(&matte).make(&PipelineInput { backdrop, ..input(file.clone(), document.clone()) }, &|_, _| {})
    };
    let png = files::write(&DynamicImage::ImageRgb8(behind), "png", None);
    let on = picture(&with(&png).expect("is made"), Variation::Compose).into_rgb8();
    assert_eq!((on.get_pixel(5, 5).0, on.get_pixel(5, 295).0), ([10, 200, 10], [10, 10, 200]));
    assert_eq!(on.get_pixel(150, 150).0, [40, 60, 90]);
    let error = with(b"text").expect_err("not a picture");
    assert_eq!(
        error.to_string(),
        "the background's image: unknown image format: the content is not a supported kind of image; send a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG"
    );
    let fault = cutline_core::Fault::from(error);
    assert!(fault.failure().message.starts_with("the background's image: "), "{fault}");
}

#[test]
fn a_cropped_subject_gives_a_warning() {
    let photo = RgbImage::from_fn(200, 200, |x, _| Rgb(if x < 80 { [40, 60, 90] } else { [230; 3] }));
    let matte = GrayImage::from_fn(200, 200, |x, _| image::Luma([if x < 80 { 255 } else { 0 }]));
    let file = files::write(&DynamicImage::ImageRgb8(photo), "png", None);
    let document = json!({"canvas": {"width": 200, "height": 300}, "margin": "10%", "variations": ["compose"]});
    let made = knowing(&matte).make(&input(file, document), &|_, _| {}).expect("is made");
    let expected =
        "The subject is cut off at the photograph's left, upper and lower edges, and stands at the canvas's.";
    assert_eq!(made.warnings["compose"], [expected]);
}

#[test]
fn presets_keep_their_promises() {
    for (name, size, white) in [
        ("amazon-main", (2000, 2000), true),
        ("google-merchant", (1500, 1500), true),
        ("ebay", (1600, 1600), true),
        ("flat-lay", (2000, 2000), true),
        ("wall", (2000, 2000), false),
        ("transparent", (2000, 2000), false),
    ] {
        let (file, matte) = block();
        let preset = cutline_core::domain::params::presets::find(name).cloned();
        let made =
            knowing(&matte).make(&PipelineInput { set: preset, ..PipelineInput::new(file, Mode::Params) }, &|_, _| {});
        let made = made.expect("is made");
        let only = picture(&made, made.final_picture);
        assert_eq!((only.width(), only.height()), size, "{name}");
        let said: Vec<_> = made.warnings.values().flatten().collect();
        let enlarged = |said: &&String| said.starts_with("The subject was enlarged");
        assert!(said.iter().all(enlarged), "{name}: {said:?}");
        let corner = only.to_rgba8().get_pixel(0, 0).0;
        assert!(!white || corner == [255; 4], "{name}: {corner:?}");
    }
}

#[test]
fn a_broken_promise_is_a_warning_with_the_measured_value() {
    let made = made(json!({
        "canvas": {"width": 400, "height": 400}, "fill": "50%", "variations": ["compose", "shadowTop"],
        "shadow_top": {"blur": "40%", "opacity": 1},
        "promise": {"background": true, "fill": {"min": "85%"}, "max_bytes": 50},
    }));
    let of = |variation: &str| made.warnings[variation].join(" ");
    // Half of the frame, and the soft pixels around it.
    let fills =
        of("compose").split("The subject fills ").nth(1).and_then(|rest| rest.split('%').next()?.parse::<f64>().ok());
    assert!(fills.is_some_and(|fills| (50.0..=51.0).contains(&fills)), "{}", of("compose"));
    assert!(of("compose").contains("% of the frame; at least 85% was promised."));
    assert!(of("compose").contains("at most 50 were promised"));
    assert!(!of("compose").contains("of the edge"));
    assert!(of("shadowTop").contains("of the edge is not the background"), "{}", of("shadowTop"));
}

#[test]
fn the_photographs_own_shadow_is_kept_on_a_studio_backdrop() {
    // A block on a plain ground, with a soft shadow to its right.
    let inside = |x: u32, y: u32| (100..200).contains(&x) && (100..200).contains(&y);
    let photo = RgbImage::from_fn(400, 300, |x, y| {
        let far = (f64::from(x) - 215.0).hypot(f64::from(y) - 160.0);
        let shade = 1.0 - 0.45 * (-(far / 30.0).powi(2)).exp();
        Rgb(if inside(x, y) { [40, 60, 90] } else { [(225.0 * shade) as u8; 3] })
    });
    let matte = GrayImage::from_fn(400, 300, |x, y| image::Luma([if inside(x, y) { 255 } else { 0 }]));
    let keeping = json!({"background": "#ffe0c0", "preserve_shadow": true, "variations": ["compose"]});
    let of = |photo: RgbImage| {
        let file = files::write(&DynamicImage::ImageRgb8(photo), "png", None);
        knowing(&matte).make(&input(file, keeping.clone()), &|_, _| {}).expect("is made")
    };
    let made = of(photo);
    assert_eq!(made.warnings.len(), 0, "{:?}", made.warnings);
    let on = picture(&made, Variation::Compose).into_rgb8();
    assert_eq!(on.get_pixel(380, 20).0, [255, 224, 192], "no shadow far away");
    assert!(on.get_pixel(215, 160)[0] < 225, "{:?}", on.get_pixel(215, 160));
    // A checkerboard is not a studio backdrop.
    let busy = RgbImage::from_fn(400, 300, |x, y| {
        let square = (x / 20 + y / 20) % 2 == 0;
        Rgb(if inside(x, y) {
            [40, 60, 90]
        } else if square {
            [250; 3]
        } else {
            [60; 3]
        })
    });
    let made = of(busy);
    assert!(
        made.warnings["compose"][0].starts_with("The photograph's own shadow cannot be kept: "),
        "{:?}",
        made.warnings
    );
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The cup of the examples in every variation, compared with pictures that a person approved.
#[test]
fn every_variation_looks_as_it_did() {
    let file =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/coffee.jpg")).expect("is there");
    let matte = image::open(data("coffee-matte.png")).expect("is there").into_luma8();
    let document = json!({
        "canvas": {"width": 320, "height": 320}, "background": "#e8e4dc", "margin": "12%", "preserve_shadow": true,
        "shadow_top": {}, "shadow_wall": {},
        "variations": ["compose", "shadowTop", "shadow_wall", "background", "clipping"],
    });
    let made = knowing(&matte).make(&input(file, document), &|_, _| {}).expect("is made");
    for picture in &made.pictures {
        let name = format!("cup-{}.png", picture.variation.as_str());
        let read = image::load_from_memory(&picture.bytes).expect("is a picture").into_rgba8();
        let small = match picture.variation.is_composed() {
            true => read,
            false => imageops::resize(&read, 320, 320 * read.height() / read.width(), FilterType::Triangle),
        };
        if std::env::var_os("CUTLINE_BLESS").is_some_and(|bless| bless == "1") {
            small.save(data(&name)).expect("is written");
        }
        let expected = image::open(data(&name)).expect("is there").into_rgba8();
        assert_eq!(small.dimensions(), expected.dimensions(), "{name}");
        let differences = small.iter().zip(expected.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let (mean, max) = (differences.clone().sum::<f64>() / small.len() as f64, differences.fold(0.0, f64::max));
        // Another processor may round otherwise, and at an edge a rounding may be a few levels.
        assert!(mean < 0.3 && max <= 40.0, "{name}: mean {mean:.3}, max {max}");
    }
}
