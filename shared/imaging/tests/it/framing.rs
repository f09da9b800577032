//! The variation `framed`, and angles of one product at one scale, from file to files.

use cutline_core::domain::review::ReviewRule;
use cutline_core::ports::{EvidenceUse, PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Channels, Mode, OutputFormat, ParamSet, Rendering, Variation};
use cutline_imaging::decode;
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::files;
use crate::params::knowing;

const PHOTO: (u32, u32) = (480, 400);
/// The subject's box: left, top, width, height. Even columns and rows keep the edges of the matte that the networks give.
const BOX: (u32, u32, u32, u32) = (180, 150, 120, 100);

/// A photograph of a box on a backdrop of that light, from 0 to 1, with the box's matte.
fn photo(
    (left, top, width, height): (u32, u32, u32, u32),
    backdrop: impl Fn(u32, u32) -> f64,
) -> (RgbImage, GrayImage) {
    let inside = |x: u32, y: u32| (left..left + width).contains(&x) && (top..top + height).contains(&y);
    let encoded = |light: f64| (255.0 * light.powf(1.0 / 2.2)).round() as u8;
    let color = RgbImage::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        Rgb(if inside(x, y) { [30 + (x % 60) as u8, 60, 20 + (y % 50) as u8] } else { [encoded(backdrop(x, y)); 3] })
    });
    (color, GrayImage::from_fn(PHOTO.0, PHOTO.1, |x, y| Luma([if inside(x, y) { 255 } else { 0 }])))
}

/// A soft shadow beneath and right of the box: the share of the light that it takes.
fn shadow(x: u32, y: u32) -> f64 {
    let (dx, dy) = ((f64::from(x) - 300.0) / 14.0, (f64::from(y) - 245.0) / 14.0);
    0.5 * (-0.5 * (dx * dx + dy * dy)).exp()
}

fn studio(x: u32, y: u32) -> f64 {
    (0.6 + 0.2 * f64::from(x) / 480.0) * (1.0 - shadow(x, y))
}

fn input(photo: RgbImage, document: Value) -> PipelineInput {
    let file = files::write(&DynamicImage::ImageRgb8(photo), "png", None);
    let set = Some(ParamSet::read(document).expect("is a set"));
    PipelineInput { set, ..PipelineInput::new(file, Mode::Params) }
}

fn made((photo, matte): (RgbImage, GrayImage), document: Value) -> PipelineOutput {
    knowing(&matte).make(&input(photo, document), &|_, _| {}).expect("is made")
}

/// The picture of a variation.
fn picture(made: &PipelineOutput, variation: Variation) -> RgbaImage {
    let picture = made.pictures.iter().find(|picture| picture.variation == variation).expect("was made");
    let read = image::load_from_memory(&picture.bytes).expect("is a picture").into_rgba8();
    assert_eq!(read.dimensions(), (picture.width, picture.height));
    read
}

fn framed(made: &PipelineOutput) -> RgbaImage {
    picture(made, Variation::Framed)
}

fn warnings(made: &PipelineOutput) -> String {
    made.warnings.get("framed").map(|warnings| warnings.join(" ")).unwrap_or_default()
}

/// Where the subject is, by the matte.
fn subject_box(made: &PipelineOutput) -> [u32; 4] {
    let matte = made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("has a matte");
    let matte = image::load_from_memory(&matte.bytes).expect("is a picture").into_luma8();
    let found = cutline_imaging::compose::SubjectBox::of(&matte).expect("a subject");
    [found.x, found.y, found.width, found.height]
}

#[test]
fn the_frame_is_a_window_of_the_photograph() {
    let (photo, matte) = photo(BOX, studio);
    let set = json!({"framed": {"margin": "10px 20px 30px 40px"}, "variations": ["framed"]});
    let made = made((photo.clone(), matte), set);
    let [x, y, width, height] = subject_box(&made);
    assert!(x.abs_diff(BOX.0) <= 1 && width.abs_diff(BOX.2) <= 2, "{x} {width}");
    let window = framed(&made);
    assert_eq!(window.dimensions(), (width + 60, height + 40));
    let expected = image::imageops::crop_imm(&photo, x - 40, y - 10, width + 60, height + 40).to_image();
    assert_eq!(DynamicImage::ImageRgba8(window).into_rgb8(), expected, "bit by bit");
    assert_eq!((made.final_picture, made.crop_box), (Variation::Framed, None));
    assert!(made.warnings.is_empty(), "{:?}", made.warnings);
    let kinds: Vec<_> = made.assets.iter().map(|asset| asset.kind).collect();
    assert_eq!(kinds, [AssetKind::Matte], "no path is traced for it");
}

#[test]
fn the_canvas_or_an_aspect_gives_the_shape() {
    let size = |mut set: Value| {
        set["variations"] = json!(["framed"]);
        framed(&made(photo(BOX, studio), set)).dimensions()
    };
    let (width, height) = size(json!({"framed": {"margin": "10%", "aspect": "4:5"}}));
    assert_eq!((width * 5, width >= 140), (height * 4, true), "{width} x {height}");
    let (width, height) = size(json!({"framed": {"margin": "10%"}, "canvas": {"aspect": "3:2"}}));
    assert_eq!((width * 2, width <= 300), (height * 3, true), "{width} x {height}");
    assert_eq!(size(json!({"framed": {}, "canvas": {"width": 90, "height": 120}})), (90, 120));
    let own = size(json!({"framed": {"aspect": "1:1"}, "canvas": {"width": 90, "height": 120}}));
    assert_eq!((own.0, own.0 > 120), (own.1, true), "an aspect of its own leaves the pixels of the photograph");
}

#[test]
fn a_canvas_larger_than_the_frame_warns_of_the_enlargement() {
    let set = json!({"framed": {"margin": "0"}, "canvas": {"width": 600, "height": 600}, "variations": ["framed"]});
    let made = made(photo(BOX, studio), set);
    assert!(warnings(&made).starts_with("The picture was enlarged "), "{:?}", made.warnings);
    assert_eq!(framed(&made).dimensions(), (600, 600));
}

#[test]
fn whitening_makes_the_edges_white_and_keeps_the_shadow() {
    let set = json!({
        "framed": {"margin": "40%", "whiten": true}, "variations": ["framed"], "promise": {"background": true},
    });
    let made = made(photo(BOX, studio), set);
    let [x, y, width, height] = subject_box(&made);
    let (left, top) = (x - (f64::from(width) * 0.4).round() as u32, y - (f64::from(height) * 0.4).round() as u32);
    let white = framed(&made);
    let (mut exact, mut shaded) = (0, 0);
    for (at_x, at_y, pixel) in white.enumerate_pixels() {
        let (in_x, in_y) = (left + at_x, top + at_y);
        let away =
            |at: u32, start: u32, length: u32| start.saturating_sub(at).max(at.saturating_sub(start + length - 1));
        if away(in_x, x, width).max(away(in_y, y, height)) < 8 {
            continue;
        }
        if shadow(in_x, in_y) < 0.001 {
            assert_eq!(pixel.0, [255; 4], "{in_x}, {in_y}");
            exact += 1;
        } else if shadow(in_x, in_y) > 0.2 {
            let light = (f64::from(pixel[1]) / 255.0).powf(2.2);
            assert!((light - (1.0 - shadow(in_x, in_y))).abs() < 0.1, "{in_x}, {in_y}: {light}");
            shaded += 1;
        }
    }
    assert!(exact > 9_000 && shaded > 200, "{exact} {shaded}");
    let middle = white.get_pixel(x + 60 - left, y + 50 - top)[1];
    assert!((63..=80).contains(&middle), "the subject is lit as the backdrop: {middle}");
    assert!(warnings(&made).is_empty(), "{:?}", made.warnings);
}

#[test]
fn the_built_in_set_keeps_its_promise_and_says_where_it_cannot() {
    let set = cutline_core::domain::params::presets::find("auction").cloned();
    let auction = |backdrop: fn(u32, u32) -> f64| {
        let (photo, matte) = photo(BOX, backdrop);
        let input = PipelineInput { set: set.clone(), ..input(photo, json!({})) };
        knowing(&matte).make(&input, &|_, _| {}).expect("is made")
    };
    let plain = auction(|x, _| 0.6 + 0.2 * f64::from(x) / 480.0);
    assert!(plain.warnings.is_empty(), "{:?}", plain.warnings);
    assert_eq!(framed(&plain).width(), framed(&plain).height());
    // This shadow reaches the edge.
    let shaded = auction(studio);
    assert!(warnings(&shaded).contains("% of the edge is not the background"), "{:?}", shaded.warnings);
}

#[test]
fn white_fills_what_the_photograph_lacks_and_nothing_else_does() {
    let near = (10, 150, 120, 100);
    let plain = |_: u32, _: u32| 0.7;
    let set = |whiten: bool| json!({"framed": {"margin": "50px", "whiten": whiten}, "variations": ["framed"]});
    let moved = made(photo(near, plain), set(false));
    let [x, _, width, height] = subject_box(&moved);
    assert_eq!(framed(&moved).dimensions(), (width + 100, height + 100));
    assert_eq!(warnings(&moved).matches("was moved").count(), 1, "{:?}", moved.warnings);
    let filled = made(photo(near, plain), set(true));
    let white = framed(&filled);
    assert_eq!(white.dimensions(), (width + 100, height + 100));
    assert!((0..50 - x).all(|column| white.get_pixel(column, 100).0 == [255; 4]));
    assert_eq!(white.get_pixel(49 + width / 2, 49 + height / 2)[3], 255);
    assert!(warnings(&filled).contains("is plain white there"), "{:?}", filled.warnings);
    // A backdrop that stays is not filled.
    let checks = |x: u32, y: u32| if (x / 2 + y / 2).is_multiple_of(2) { 0.8 } else { 0.3 };
    let refused = made(photo(near, checks), set(true));
    assert!(warnings(&refused).starts_with("The backdrop was not whitened: "), "{:?}", refused.warnings);
    assert!(warnings(&refused).contains("was moved"), "{:?}", refused.warnings);
    assert!(framed(&refused).pixels().all(|pixel| pixel.0 != [255; 4]));
}

#[test]
fn a_photograph_too_small_for_its_margin_is_shown_as_far_as_it_goes() {
    let set = json!({"framed": {"margin": "900px", "aspect": "1:1"}, "variations": ["framed"]});
    let reduced = made(photo(BOX, studio), set);
    assert_eq!(framed(&reduced).dimensions(), (400, 400));
    assert!(warnings(&reduced).contains("the margin was reduced"), "{:?}", reduced.warnings);
    let wide = (20, 180, 440, 40);
    let set = json!({"framed": {"margin": "0", "aspect": "1:3"}, "canvas": null, "variations": ["framed"]});
    let other = made(photo(wide, |_, _| 0.7), set);
    assert!(warnings(&other).contains("for a picture of 1:3"), "{:?}", other.warnings);
    assert!(framed(&other).width() >= 438, "the subject is not cut");
}

#[test]
fn alpha_alone_is_that_of_the_subject() {
    let (photo, matte) = photo(BOX, studio);
    let set = json!({"framed": {"margin": "20px"}, "variations": ["framed"]});
    let rendering = Rendering { channels: Channels::Alpha, ..Rendering::default() };
    let alone = PipelineInput { rendering, ..input(photo, set) };
    let made = knowing(&matte).make(&alone, &|_, _| {}).expect("is made");
    let alpha = image::load_from_memory(&made.pictures[0].bytes).expect("is a picture").into_luma8();
    assert_eq!((alpha.get_pixel(5, 5)[0], alpha.get_pixel(80, 70)[0]), (0, 255));
}

#[test]
fn a_transparent_photograph_keeps_its_transparency_and_is_not_whitened() {
    let (photo, matte) = photo(BOX, studio);
    let clear = RgbaImage::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        let Rgb([red, green, blue]) = *photo.get_pixel(x, y);
        Rgba([red, green, blue, matte.get_pixel(x, y)[0]])
    });
    let file = files::write(&DynamicImage::ImageRgba8(clear), "png", None);
    let set = json!({"framed": {"margin": "20px", "whiten": true}, "variations": ["framed"]});
    let set = Some(ParamSet::read(set).expect("is a set"));
    let input = PipelineInput { set, ..PipelineInput::new(file, Mode::Params) };
    let made = knowing(&matte).make(&input, &|_, _| {}).expect("is made");
    assert_eq!((framed(&made).get_pixel(5, 5)[3], framed(&made).get_pixel(80, 70)[3]), (0, 255));
    assert!(warnings(&made).contains("it is transparent"), "{:?}", made.warnings);
}

#[test]
fn other_variations_are_the_same_next_to_it() {
    let set = |framed: Value| {
        json!({
            "canvas": {"width": 200, "height": 160}, "preserve_shadow": true, "framed": framed,
            "variations": if framed.is_null() { json!(["compose", "clipping"]) } else { json!(["compose", "clipping", "framed"]) },
        })
    };
    let with = made(photo(BOX, studio), set(json!({"whiten": true})));
    let without = made(photo(BOX, studio), set(Value::Null));
    for variation in [Variation::Compose, Variation::Clipping] {
        assert_eq!(picture(&with, variation), picture(&without, variation), "{variation:?}");
    }
    assert_eq!(framed(&with).dimensions(), (200, 160));
}

#[test]
fn a_preview_frames_the_same_part() {
    let (photo, matte) = photo(BOX, studio);
    let set = json!({"framed": {"margin": "40px"}, "variations": ["framed"], "output": {"format": "jpg"}});
    let kept = PipelineInput { evidence: EvidenceUse::Keep, previews: ReviewRule::Always, ..input(photo, set) };
    let imaging = knowing(&matte);
    let first = imaging.make(&kept, &|_, _| {}).expect("is made");
    let evidence = first.assets.iter().find(|asset| asset.kind == AssetKind::Evidence).expect("is kept").bytes.clone();
    let evidence = cutline_imaging::guide::Evidence::from_bytes(&evidence).expect("is read");
    let half = imaging.recut(&kept, &evidence, Some(48_000), &|_, _| {}).expect("is made");
    let (whole, part) = (&first.pictures[0], &half.pictures[0]);
    assert!(part.width.abs_diff(whole.width / 2) <= 2 && part.height.abs_diff(whole.height / 2) <= 2, "{part:?}");
    assert_eq!(whole.format, OutputFormat::Jpeg.into());
    assert!(first.assets.iter().any(|asset| asset.kind == AssetKind::Preview));
    assert!(decode(&part.bytes, &cutline_imaging::Limits::default()).is_ok());
}

/// Where the subject is on a composed picture: the box of its green.
fn on_canvas(made: &PipelineOutput) -> [u32; 4] {
    let canvas = picture(made, Variation::Compose);
    let dark: Vec<_> =
        canvas.enumerate_pixels().filter(|(_, _, pixel)| pixel[0] < 160).map(|(x, y, _)| (x, y)).collect();
    let (left, right) = (dark.iter().map(|at| at.0).min(), dark.iter().map(|at| at.0).max());
    let (top, bottom) = (dark.iter().map(|at| at.1).min(), dark.iter().map(|at| at.1).max());
    [left, top, right, bottom].map(|side| side.expect("a subject"))
}

/// Front and side of one product, photographed at one distance, keep their ratio and stand on one line.
#[test]
fn two_angles_keep_one_scale_and_one_baseline() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    let cases = (
        (60_u32..200, 60_u32..160),
        (60_u32..200, 60_u32..160),
        prop::sample::select(vec![0.5, 0.77, 1.0, 1.3]),
        60_u32..=100,
    );
    let result = runner.run(&cases, |(front, side, scale, baseline)| {
        let set = json!({
            "canvas": {"width": 300, "height": 400}, "scale": scale, "baseline": format!("{baseline}%"),
            "variations": ["compose"],
        });
        let angle = |(width, height): (u32, u32)| made(photo((140, 120, width, height), |_, _| 0.8), set.clone());
        for made in [angle(front), angle(side)] {
            prop_assert!(made.warnings.is_empty(), "{:?}", made.warnings);
            let [_, _, width, height] = subject_box(&made).map(f64::from);
            let [left, top, right, bottom] = on_canvas(&made);
            prop_assert!((f64::from(right - left + 1) - width * scale).abs() <= 2.5, "{left} {right} {width}");
            prop_assert!((f64::from(bottom - top + 1) - height * scale).abs() <= 2.5, "{top} {bottom} {height}");
            prop_assert!((f64::from(bottom + 1) - 4.0 * f64::from(baseline)).abs() <= 1.5, "{bottom} {baseline}");
        }
        Ok(())
    });
    result.expect("every angle has the scale");
}

#[test]
fn a_subject_too_large_for_its_scale_is_reduced_and_never_clipped() {
    let set = json!({
        "canvas": {"width": 200, "height": 200}, "scale": 3, "enlargement": 10, "margin": "10px", "baseline": "90%",
        "variations": ["compose"],
    });
    let made = made(photo(BOX, |_, _| 0.8), set);
    let said = &made.warnings["compose"];
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("At scale 3 the subject does not fit the canvas, so it was reduced to scale 1."),
        "{said:?}"
    );
    let [left, top, right, bottom] = on_canvas(&made);
    assert!(left >= 9 && right <= 190 && top >= 9 && (179..=180).contains(&bottom), "{left} {top} {right} {bottom}");
}

#[test]
fn a_canvas_of_an_aspect_holds_the_subject_at_its_scale() {
    for (scale, baseline) in [(0.5, None), (2.0, Some("80%"))] {
        let set = json!({
            "canvas": {"aspect": "1:1"}, "scale": scale, "baseline": baseline, "enlargement": 10, "margin": "5px",
            "variations": ["compose"],
        });
        let made = made(photo(BOX, |_, _| 0.8), set);
        assert!(made.warnings.is_empty(), "{:?}", made.warnings);
        let [_, _, width, height] = subject_box(&made).map(f64::from);
        let [left, top, right, bottom] = on_canvas(&made);
        assert!((f64::from(right - left + 1) - width * scale).abs() <= 3.0, "{scale}: {left} {right}");
        assert!((f64::from(bottom - top + 1) - height * scale).abs() <= 3.0, "{scale}: {top} {bottom}");
        let side = picture(&made, Variation::Compose).height();
        if baseline.is_some() {
            assert!((f64::from(bottom + 1) - 0.8 * f64::from(side)).abs() <= 1.5, "{bottom} of {side}");
        }
    }
}
