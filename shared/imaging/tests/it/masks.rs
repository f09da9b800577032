//! Pictures that bring their matte: by their alpha, or by a path in their file. No network runs.

use cutline_core::domain::rendering::ExistingClippingPath;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::SubjectSettings;
use cutline_core::ports::{EvidenceUse, Pipeline as _, PipelineInput, PipelineOutput};
use cutline_core::{
    AssetKind, Confidence, FailureCode, Fault, Mode, OutputFormat, ParamSet, Rendering, RequestedFormat, Variation,
};
use cutline_imaging::clip::rasterize;
use cutline_imaging::insert::{Insertion, insert_path, on_stored_raster};
use cutline_imaging::path::{Node, Point, Subpath};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{
    ClippingPath, Cutout, Document, Error, Imaging, Limits, Matting, decode, decode::stored_raster, encode,
};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::files::{exif, write};
use crate::inserting::{block, clipping_path, jpeg, options};

struct Never;

impl Segmenter for Never {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        panic!("no network should run")
    }
}

/// Takes the left half for the subject.
struct LeftHalf;

impl Segmenter for LeftHalf {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        let values = (0..64 * 64).map(|at| if at % 64 < 32 { 1.0 } else { 0.0 });
        Ok(CoarseMatte::new(64, values.collect()).expect("that many values"))
    }
}

pub(crate) fn without_networks() -> Imaging {
    Imaging::new(Matting::new(Box::new(Never), Box::new(Never)), Limits::default(), "never")
}

pub(crate) fn with_networks() -> Imaging {
    Imaging::new(Matting::new(Box::new(LeftHalf), Box::new(LeftHalf)), Limits::default(), "left-half")
}

pub(crate) fn input(file: &[u8], settings: Value) -> PipelineInput {
    let subject: SubjectSettings = serde_json::from_value(settings).expect("settings");
    let format = Some(OutputFormat::Png.into());
    PipelineInput { subject, format, ..PipelineInput::new(file.to_vec(), Mode::Background) }
}

pub(crate) fn by(source: &str) -> Value {
    json!({ "mask_source": source })
}

/// Cuts a picture by a mask of its own, without networks.
fn cut(file: &[u8], source: &str) -> PipelineOutput {
    without_networks().make(&input(file, by(source)), &|_, _| {}).expect("is made")
}

/// Why a picture cannot be cut by a mask of its own.
fn refusal(file: &[u8], source: &str) -> (FailureCode, String) {
    match without_networks().run(&input(file, by(source)), &|_, _| {}).expect_err("is refused") {
        Fault::Fail(failure) => (failure.code, failure.message),
        fault @ Fault::Retry(_) => panic!("{fault}"),
    }
}

pub(crate) fn matte(made: &PipelineOutput) -> GrayImage {
    let matte = made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("a matte");
    image::load_from_memory(&matte.bytes).expect("is a picture").into_luma8()
}

pub(crate) fn warnings<'a>(made: &'a PipelineOutput, about: &str) -> &'a [String] {
    made.warnings.get(about).map_or(&[], Vec::as_slice)
}

pub(crate) fn largest_difference(a: &GrayImage, b: &GrayImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default()
}

/// Opaque but for a transparent spot and a faint column within, so that it does not count as cut out before.
pub(crate) fn spotted() -> RgbaImage {
    RgbaImage::from_fn(60, 40, |x, y| {
        let alpha = match () {
            () if (20..30).contains(&x) && (10..20).contains(&y) => 0,
            () if x == 40 => 100,
            () => 255,
        };
        Rgba([90, (x * 4) as u8, (y * 6) as u8, alpha])
    })
}

pub(crate) fn plain(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb([90, 120, 150])))
}

/// A file of our own encoders with this alpha.
pub(crate) fn encoded(picture: &RgbaImage, format: OutputFormat) -> Vec<u8> {
    let color = DynamicImage::ImageRgba8(picture.clone()).into_rgb8();
    let alpha = GrayImage::from_fn(picture.width(), picture.height(), |x, y| Luma([picture.get_pixel(x, y)[3]]));
    let cutout = Cutout::new(color, alpha).expect("same size");
    encode(Document::of(&cutout), format, &Rendering::default()).expect("encodes")
}

#[test]
fn alpha_cuts_every_kind_of_picture_that_has_some() {
    let spotted = spotted();
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect x="7" y="5" width="40" height="30"/></svg>"#;
    let files: [(&str, Vec<u8>); 6] = [
        ("PNG", write(&DynamicImage::ImageRgba8(spotted.clone()), "png", None)),
        ("WebP", write(&DynamicImage::ImageRgba8(spotted.clone()), "webp", None)),
        ("TIFF", encoded(&spotted, OutputFormat::Tiff)),
        ("PSD", encoded(&spotted, OutputFormat::Psd)),
        ("AVIF", include_bytes!("../data/kinds/alpha.avif").to_vec()),
        ("SVG", svg.to_vec()),
    ];
    for (name, file) in files {
        let made = cut(&file, "alpha");
        let own = decode(&file, &Limits::default()).expect("decodes").alpha().cloned().expect("has alpha");
        assert!(own.iter().any(|alpha| *alpha < 255), "{name}");
        assert_eq!(matte(&made), own, "{name}");
        assert_eq!(made.confidence, Confidence::nearest(1.0), "{name}");
        assert!(warnings(&made, "subject").is_empty(), "{name}: {:?}", made.warnings);
    }
}

#[test]
fn alpha_is_turned_upright_with_its_picture() {
    let file = write(&DynamicImage::ImageRgba8(spotted()), "png", Some(exif(6)));
    let matte = matte(&cut(&file, "alpha"));
    // A quarter turn to the right: the rows from the bottom become columns from the left.
    assert_eq!((matte.dimensions(), matte.get_pixel(40 - 15, 25)[0]), ((40, 60), 0));
    assert_eq!((matte.get_pixel(15, 25)[0], matte.get_pixel(5, 40)[0]), (255, 100));
}

#[test]
fn a_picture_without_transparency_has_no_alpha_to_cut_by() {
    let opaque = write(&DynamicImage::ImageRgba8(RgbaImage::from_pixel(9, 9, Rgba([1, 2, 3, 255]))), "png", None);
    for file in [opaque, write(&plain(9, 9), "jpeg", None)] {
        let (code, message) = refusal(&file, "alpha");
        assert_eq!(code, FailureCode::MaskMissing);
        assert!(message.contains("mask_source=alpha") && message.contains("save it with transparency"), "{message}");
    }
    let clear = write(&DynamicImage::ImageRgba8(RgbaImage::new(9, 9)), "png", None);
    let (code, message) = refusal(&clear, "alpha");
    assert_eq!(code, FailureCode::NoSubject);
    assert!(message.contains("transparency leaves nothing"), "{message}");
}

/// An outline without symmetry, with a hole and a curve.
pub(crate) fn outline(width: u32, height: u32) -> ClippingPath {
    let at = |x: f64, y: f64| Point { x: x * f64::from(width), y: y * f64::from(height) };
    let node = |x: f64, y: f64| Node { before: at(x, y), anchor: at(x, y), after: at(x, y), smooth: false };
    let mut outer = vec![node(0.1, 0.1), node(0.9, 0.2), node(0.7, 0.9), node(0.15, 0.55)];
    outer[1].after = at(1.0, 0.5);
    outer[2].before = at(0.9, 0.95);
    let hole = vec![node(0.3, 0.3), node(0.35, 0.5), node(0.6, 0.35)];
    let subpaths = vec![Subpath { nodes: outer, hole: false }, Subpath { nodes: hole, hole: true }];
    ClippingPath { width, height, subpaths }
}

/// The file with a path on its stored pixels as its clipping path.
pub(crate) fn with_path(file: &[u8], path: &ClippingPath, name: &str) -> Vec<u8> {
    let options = options(name, ExistingClippingPath::Keep);
    let inserted = insert_path(file, &Insertion { path, options: &options, page: 0 }).expect("takes a path");
    inserted.patch.apply(file.to_vec())
}

#[test]
fn a_path_cuts_every_kind_of_file_that_holds_one() {
    let opaque = RgbaImage::from_pixel(120, 80, Rgba([90, 120, 150, 255]));
    for (name, file) in [
        ("JPEG", write(&plain(120, 80), "jpeg", None)),
        ("TIFF", encoded(&opaque, OutputFormat::Tiff)),
        ("PSD", encoded(&opaque, OutputFormat::Psd)),
    ] {
        let path = outline(120, 80);
        let made = cut(&with_path(&file, &path, "Freisteller"), "path");
        let expected = rasterize(&path);
        assert!(expected.iter().filter(|alpha| **alpha == 255).count() > 1000);
        // Coordinates in the file are rounded.
        assert!(largest_difference(&matte(&made), &expected) <= 1, "{name}");
        assert_eq!(made.confidence, Confidence::nearest(1.0), "{name}");
        assert!(made.warnings.values().flatten().all(|said| !said.contains("path")), "{name}: {:?}", made.warnings);
    }
}

#[test]
fn a_path_on_stored_pixels_cuts_the_upright_picture() {
    for code in 1..=8 {
        let file = write(&plain(50, 30), "jpeg", Some(exif(code)));
        let upright = decode(&file, &Limits::default()).expect("decodes").dimensions();
        let path = outline(upright.0, upright.1);
        let stored = on_stored_raster(&path, stored_raster(&file).expect("is a picture").orientation);
        let made = cut(&with_path(&file, &stored, "Ours"), "path");
        assert!(largest_difference(&matte(&made), &rasterize(&path)) <= 1, "orientation {code}");
    }
}

#[test]
fn a_path_is_traced_in_mode_clipping_and_composed_by_a_set() {
    let path = outline(300, 200);
    let file = with_path(&write(&plain(300, 200), "jpeg", None), &path, "Ours");
    let clipping = PipelineInput { mode: Mode::Clipping, ..input(&file, by("path")) };
    let made = without_networks().make(&clipping, &|_, _| {}).expect("is made");
    assert!(made.assets.iter().any(|asset| asset.kind == AssetKind::ClippingPath), "{:?}", made.warnings);
    let set = ParamSet::read(json!({"mask_source": "path", "variations": ["background"]})).ok();
    let composed = PipelineInput { mode: Mode::Params, set, ..input(&file, json!({})) };
    let made = without_networks().make(&composed, &|_, _| {}).expect("is made");
    assert!(largest_difference(&matte(&made), &rasterize(&path)) <= 1, "the set says so");
}

/// A screw next to a plate of more than ten thousand times its area. The networks err in such specks, a retoucher does not.
#[test]
fn a_path_along_a_matte_that_was_brought_keeps_tiny_parts() {
    let is_screw = |x, y| (850..857).contains(&x) && (20..27).contains(&y);
    let picture = RgbaImage::from_fn(900, 800, |x, y| {
        Rgba([90, 120, 150, if is_screw(x, y) || (x < 800 && y >= 100) { 255 } else { 0 }])
    });
    let file = write(&DynamicImage::ImageRgba8(picture), "png", None);
    for source in ["auto", "alpha"] {
        let clipping = PipelineInput { mode: Mode::Clipping, ..input(&file, by(source)) };
        let made = without_networks().make(&clipping, &|_, _| {}).expect("is made");
        assert!(warnings(&made, "clipping").is_empty(), "{source}: {:?}", made.warnings);
        let path = made.assets.iter().find(|asset| asset.kind == AssetKind::ClippingPath).expect("a path");
        let svg = String::from_utf8_lossy(&path.bytes);
        assert_eq!(svg.matches('M').count(), 2, "{source}: {svg}");
        let clipped = made.pictures.iter().find(|picture| picture.variation == Variation::Clipping).expect("is made");
        let clipped = image::load_from_memory(&clipped.bytes).expect("is a picture").into_rgba8();
        let alpha = [(400, 400), (853, 23), (853, 400)].map(|(x, y)| clipped.get_pixel(x, y)[3]);
        assert_eq!(alpha, [255, 255, 0], "{source}");
    }
}

/// The records of a rectangle, whose sides are shares of the picture's.
fn rectangle([left, top, right, bottom]: [f64; 4]) -> Vec<u8> {
    let record = |kind: u16, content: &[u8]| {
        let mut record = [&kind.to_be_bytes(), content].concat();
        record.resize(26, 0);
        record
    };
    let fixed = |share: f64| ((share * f64::from(1 << 24)) as i32).to_be_bytes();
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
    let knots = corners.map(|(x, y)| record(2, &[fixed(y), fixed(x)].concat().repeat(3)));
    [record(6, &[]), record(8, &[]), record(0, &[0, 4, 0, 0]), knots.concat()].concat()
}

/// A JPEG of 40 x 30 pixels with these paths, and the name of its clipping path.
fn jpeg_with(paths: &[(&str, [f64; 4])], clipping_path_name: Option<&str>) -> Vec<u8> {
    let blocks = (2000..).zip(paths).map(|(id, (name, sides))| block(b"8BIM", id, name.as_bytes(), &rectangle(*sides)));
    let clipping_path = clipping_path_name.map(|name| clipping_path(name.as_bytes()));
    jpeg::with_segments(&[jpeg::app13(&blocks.chain(clipping_path).collect::<Vec<_>>().concat())])
}

const LEFT: [f64; 4] = [0.0, 0.0, 0.5, 1.0];
const RIGHT: [f64; 4] = [0.5, 0.0, 1.0, 1.0];

#[test]
fn the_clipping_path_cuts_or_else_the_first_one() {
    let paths = [("First", LEFT), ("Second", RIGHT)];
    for (clipping_path, expected) in [(None, [255, 0]), (Some("Second"), [0, 255]), (Some("Gone"), [255, 0])] {
        let made = cut(&jpeg_with(&paths, clipping_path), "path");
        let matte = matte(&made);
        assert_eq!([matte.get_pixel(10, 15)[0], matte.get_pixel(30, 15)[0]], expected, "{clipping_path:?}");
        match (clipping_path, warnings(&made, "source")) {
            (Some("Gone"), [warning]) => assert!(warning.contains("\"Gone\"") && warning.contains("\"First\"")),
            (_, said) => assert_eq!(said, [""; 0], "{clipping_path:?}"),
        }
    }
}

#[test]
fn a_file_without_a_path_cannot_be_cut_by_one() {
    for file in [write(&plain(9, 9), "png", None), write(&plain(9, 9), "jpeg", None), jpeg_with(&[], Some("Gone"))] {
        let (code, message) = refusal(&file, "path");
        assert_eq!(code, FailureCode::MaskMissing);
        assert!(message.contains("mask_source=path") && message.contains("JPEG, TIFF or PSD"), "{message}");
    }
    let (code, message) = refusal(&jpeg_with(&[("Outside", [2.0, 0.0, 3.0, 1.0])], None), "path");
    assert_eq!(code, FailureCode::NoSubject);
    assert!(message.contains("the path \"Outside\" leaves nothing"), "{message}");
}

#[test]
fn a_path_of_shapes_without_end_is_refused() {
    let mut records = rectangle([0.0, 0.0, 1.0, 1.0]).repeat(300);
    // The operation of each subpath becomes that of a union, so that each is a shape.
    for record in records.chunks_exact_mut(26).filter(|record| record[1] == 0) {
        record[4..6].copy_from_slice(&[0, 1]);
    }
    let file = jpeg::with_segments(&[jpeg::app13(&block(b"8BIM", 2000, b"Deep", &records))]);
    let (code, message) = refusal(&file, "path");
    assert_eq!(code, FailureCode::UnsupportedSource);
    assert!(message.contains("too many large shapes") && message.contains("simplify the path"), "{message}");
}

#[test]
fn an_unused_mask_is_named_with_its_option() {
    let said = |file: &[u8], settings: Value| {
        let made = with_networks().make(&input(file, settings), &|_, _| {}).expect("is made");
        let matte = matte(&made);
        assert!(matte.get_pixel(matte.width() - 1, 1)[0] < 128, "the networks decide");
        warnings(&made, "source").to_vec()
    };
    let path = jpeg_with(&[("Theirs", RIGHT)], None);
    for settings in [json!({}), by("auto")] {
        let said = said(&path, settings);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("\"Theirs\"") && said[0].contains("mask_source=path"), "{said:?}");
    }
    let alpha = write(&DynamicImage::ImageRgba8(spotted()), "png", None);
    let of_alpha = said(&alpha, json!({}));
    assert!(of_alpha.len() == 1 && of_alpha[0].contains("mask_source=alpha"), "{of_alpha:?}");
    let neither = said(&jpeg_with(&[], Some("Gone")), json!({}));
    assert_eq!(neither, [""; 0]);
    // A path without a knot cuts nothing.
    let empty = jpeg::with_segments(&[jpeg::app13(&block(b"8BIM", 2000, b"Empty", &[0; 26]))]);
    assert_eq!(said(&empty, json!({})), [""; 0]);
}

#[test]
fn a_path_that_cutline_inserted_is_no_mask_of_the_file() {
    let original = |file: Vec<u8>, name: &str| {
        let rendering = Rendering { path: options(name, ExistingClippingPath::Keep), ..Rendering::default() };
        let format = Some(RequestedFormat::Original);
        let input = PipelineInput { format, rendering, ..PipelineInput::new(file, Mode::Clipping) };
        with_networks().make(&input, &|_, _| {}).expect("is made")
    };
    let first = original(write(&plain(200, 100), "jpeg", None), "Ours");
    let file = first.pictures[0].bytes.to_vec();
    assert_eq!(warnings(&original(file.clone(), "Ours"), "source"), [""; 0]);
    assert!(warnings(&original(file, "Other"), "source")[0].contains("\"Ours\""));
}

#[test]
fn settings_that_steer_the_networks_have_no_effect_on_a_mask() {
    let file = jpeg_with(&[("Left", LEFT)], None);
    let settings = json!({"mask_source": "path", "roi": "60% 0 100% 100%", "holes": "keep"});
    let made = without_networks().make(&input(&file, settings), &|_, _| {}).expect("is made");
    assert_eq!((matte(&made).get_pixel(10, 15)[0], matte(&made).get_pixel(30, 15)[0]), (255, 0));
    let [warning] = warnings(&made, "subject") else { panic!("{:?}", made.warnings) };
    assert!(warning.contains("mask_source=path") && warning.contains("roi and holes had no effect"), "{warning}");
}

#[test]
fn a_mask_has_no_new_evidence_and_keeps_that_of_an_earlier_cut() {
    let file = jpeg_with(&[("Left", LEFT)], None);
    let with = |settings, evidence| PipelineInput { evidence, ..input(&file, settings) };
    let kinds = |made: &PipelineOutput| made.assets.iter().map(|asset| asset.kind).collect::<Vec<_>>();
    let first = without_networks().make(&with(by("path"), EvidenceUse::Keep), &|_, _| {}).expect("is made");
    assert_eq!(kinds(&first), [AssetKind::Matte]);
    let seen = with_networks().make(&with(json!({}), EvidenceUse::Keep), &|_, _| {}).expect("is made");
    let evidence = seen.assets.iter().find(|asset| asset.kind == AssetKind::Evidence).expect("evidence");
    let reused = EvidenceUse::Reuse(evidence.bytes.clone());
    let masked = without_networks().make(&with(by("path"), reused), &|_, _| {}).expect("is made");
    let kept = masked.assets.iter().find(|asset| asset.kind == AssetKind::Evidence).expect("evidence");
    assert!(kept.bytes == evidence.bytes && kinds(&masked).contains(&AssetKind::Regions));
    let damaged = EvidenceUse::Reuse(evidence.bytes.slice(..20));
    let masked = without_networks().make(&with(by("path"), damaged), &|_, _| {}).expect("is made");
    assert_eq!(kinds(&masked), [AssetKind::Matte], "no release could read it");
}

#[test]
fn a_mask_is_certain_and_so_held_by_no_doubt() {
    let file = jpeg_with(&[("Left", LEFT)], None);
    let previews = |rule| {
        let input = PipelineInput { previews: rule, ..input(&file, by("path")) };
        let made = without_networks().make(&input, &|_, _| {}).expect("is made");
        made.assets.iter().any(|asset| asset.kind == AssetKind::Preview)
    };
    let below = ReviewRule::Below(Confidence::try_from(0.999).expect("a confidence"));
    assert!(!previews(below) && previews(ReviewRule::Always));
}
