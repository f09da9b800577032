//! Cuts that a caller steers, with segmenters that need no weights.

use std::io::Cursor;

use bytes::Bytes;
use cutline_core::domain::attention::Attention;
use cutline_core::domain::crop::Crop;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::SubjectSettings;
use cutline_core::ports::{EvidenceUse, Pipeline, PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, FailureCode, Fault, Mode, OutputFormat, ParamSet, Rendering};
use cutline_imaging::guide::Evidence;
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::files;

/// Takes what is brighter than the wall for the subject.
struct Bright {
    threshold: u8,
}

impl Segmenter for Bright {
    fn segment(&self, picture: &RgbImage) -> Result<CoarseMatte, Error> {
        const SIDE: u32 = 256;
        let small = image::imageops::resize(picture, SIDE, SIDE, image::imageops::FilterType::Triangle);
        let values = small.pixels().map(|pixel| if pixel[0] > self.threshold { 1.0 } else { 0.0 });
        Ok(CoarseMatte::new(SIDE, values.collect()).expect("that many values"))
    }
}

fn imaging(threshold: u8) -> Imaging {
    let bright = || Box::new(Bright { threshold });
    Imaging::new(Matting::new(bright(), bright()), Limits::default(), "bright")
}

/// A car of 160 x 100 pixels at (60, 120), a sign of 60 x 60 at (280, 60), on a wall of 400 x 300.
fn street() -> Vec<u8> {
    let picture = RgbImage::from_fn(400, 300, |x, y| {
        let within = |left, top, right, bottom| (left..right).contains(&x) && (top..bottom).contains(&y);
        Rgb(match () {
            () if within(60, 120, 220, 220) => [200, 60, 50],
            () if within(280, 60, 340, 120) => [220, 200, 70],
            () => [40, 70, 90],
        })
    });
    files::write(&DynamicImage::ImageRgb8(picture), "png", None)
}

fn input(settings: Value) -> PipelineInput {
    let subject: SubjectSettings = serde_json::from_value(settings).expect("settings");
    let input = PipelineInput { subject, ..PipelineInput::new(street(), Mode::Background) };
    PipelineInput { format: Some(OutputFormat::Png.into()), ..input }
}

fn matte(made: &PipelineOutput) -> GrayImage {
    let matte = made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("a matte");
    image::load_from_memory(&matte.bytes).expect("is a picture").into_luma8()
}

/// The matte in the middle of the car and of the sign, and the warnings.
fn seen(settings: Value) -> ([u8; 2], Vec<String>) {
    let made = imaging(100).make(&input(settings), &|_, _| {}).expect("is made");
    let matte = matte(&made);
    let warnings = made.warnings.get("subject").cloned().unwrap_or_default();
    ([matte.get_pixel(140, 170)[0], matte.get_pixel(310, 90)[0]], warnings)
}

#[test]
fn without_settings_nothing_changes() {
    let plain = imaging(100).make(&input(json!({})), &|_, _| {}).expect("is made");
    let explicit = json!({"keep": "all", "holes": "auto", "roi": "0 0 100% 100%"});
    let explicit = imaging(100).make(&input(explicit), &|_, _| {}).expect("is made");
    assert_eq!(plain.pictures[0].bytes, explicit.pictures[0].bytes);
    let kinds: Vec<_> = explicit.assets.iter().map(|asset| asset.kind).collect();
    assert_eq!((kinds, explicit.warnings.len()), (vec![AssetKind::Matte], 0));
}

#[test]
fn a_click_removes_the_sign_and_its_rim() {
    let hints = json!({"hints": [{"kind": "remove", "points": [[310, 90]]}]});
    let made = imaging(100).make(&input(hints), &|_, _| {}).expect("is made");
    let matte = matte(&made);
    let left = matte.enumerate_pixels().filter(|(x, _, value)| *x > 250 && value.0[0] > 20).count();
    assert_eq!((left, matte.get_pixel(140, 170)[0]), (0, 255));
    assert!(!made.warnings.contains_key("subject"), "{:?}", made.warnings);
}

#[test]
fn a_click_adds_what_no_network_saw() {
    // At this threshold nothing is bright enough.
    let nothing = imaging(240).make(&input(json!({})), &|_, _| {});
    assert!(matches!(nothing, Err(Error::NoSubject)), "{nothing:?}");
    let hints = json!({"hints": [{"kind": "keep", "points": [["35%", "56%"]]}]});
    let made = imaging(240).make(&input(hints), &|_, _| {}).expect("is made");
    let matte = matte(&made);
    assert_eq!([matte.get_pixel(140, 170)[0], matte.get_pixel(310, 90)[0]], [255, 0]);
}

#[test]
fn keeps_the_main_object_or_those_at_points() {
    assert_eq!(seen(json!({"keep": "main"})).0, [255, 0]);
    let (seen_there, warnings) = seen(json!({"keep": [[310, 90], [20, 20]]}));
    assert_eq!(seen_there, [0, 255]);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.starts_with("The keep point has no object at 20 20; the nearest object is at "), "{warning}");
    let error = imaging(100).run(&input(json!({"keep": [[20, 20]]})), &|_, _| {}).expect_err("is on nothing");
    assert!(matches!(&error, Fault::Fail(failure) if failure.code == FailureCode::NoSubject), "{error:?}");
}

#[test]
fn outside_of_the_roi_is_background() {
    // Below a quarter of the photograph, and above.
    for roi in ["270 50 350 130", "200 0 100% 100%"] {
        assert_eq!(seen(json!({ "roi": roi })).0, [0, 255], "{roi}");
    }
    let (_, warnings) = seen(json!({"roi": "200 0 500 900"}));
    assert!(warnings[0].contains("reaches beyond the photograph of 400 x 300 pixels"), "{warnings:?}");
    let error = imaging(100).run(&input(json!({"roi": "400 0 500 10"})), &|_, _| {}).expect_err("is outside");
    assert!(matches!(&error, Fault::Fail(failure) if failure.code == FailureCode::RoiOutside), "{error:?}");
}

#[test]
fn hints_on_nothing_and_outside_become_warnings() {
    let hints = json!({"hints": [
        {"kind": "remove", "points": [[20, 20]]},
        {"kind": "remove", "points": [[900, 20]]},
        {"kind": "keep", "points": [[310, 90], [310, 5000]]},
    ]});
    let (seen_there, warnings) = seen(hints);
    assert_eq!(seen_there, [255, 255]);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    let [nothing, outside, partly] =
        ["nothing to remove at hints[0]", "Of hints[1], 1 of 1 points", "Of hints[2], 1 of 2"];
    for part in [nothing, outside, partly] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
}

/// The reasons and boxes of the places to look at.
fn places(made: &PipelineOutput) -> Vec<(&'static str, [u32; 4])> {
    made.attention.iter().map(|place| (place.reason.as_str(), place.place.into())).collect()
}

/// Whether both boxes have the same corners, but for the width of a pixel of the networks.
fn is_near(one: [u32; 4], other: [u32; 4]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= 4)
}

#[test]
fn names_what_was_dropped_or_kept_in_addition_to_the_main_object() {
    let sign = [280, 60, 340, 120];
    for (settings, reason) in [(json!({}), "second_object"), (json!({"keep": "main"}), "dropped_object")] {
        let made = imaging(100).make(&input(settings), &|_, _| {}).expect("is made");
        let places = places(&made);
        let [(found, place)] = places[..] else { panic!("{places:?}") };
        assert!(found == reason && is_near(place, sign), "{places:?}");
        let warnings = made.warnings.get("subject").cloned().unwrap_or_default();
        let Attention { message, place, .. } = &made.attention[0];
        let dropped = (reason == "dropped_object").then(|| format!("{message} It is at {place}."));
        assert_eq!(warnings, Vec::from_iter(dropped), "{reason}");
    }
    // Decided by the caller.
    let hints = json!({"hints": [{"kind": "keep", "points": [[310, 90]]}]});
    let both = json!({"keep": [[140, 170], [310, 90]]});
    for settings in [json!({"keep": [[140, 170]]}), both, json!({"roi": "40 100 240 240"}), hints] {
        let made = imaging(100).make(&input(settings.clone()), &|_, _| {}).expect("is made");
        assert_eq!(places(&made), [], "{settings}");
    }
}

#[test]
fn names_what_the_networks_disagree_about_in_pixels_of_the_photograph() {
    // The car's red is 200, the sign's 220.
    let matting = Matting::new(Box::new(Bright { threshold: 210 }), Box::new(Bright { threshold: 100 }));
    let imaging = Imaging::new(matting, Limits::default(), "bright");
    let made = imaging.make(&input(json!({})), &|_, _| {}).expect("is made");
    let places = places(&made);
    let [(reason, place)] = places[..] else { panic!("{places:?}") };
    assert!(reason == "networks_disagree" && is_near(place, [60, 120, 220, 220]), "{places:?}");
    assert!(made.attention[0].message.ends_with("which the cut leaves out."), "{:?}", made.attention);
}

#[test]
fn nothing_to_cut_is_an_empty_draft_if_a_person_will_look_at_it() {
    let keeping = |settings: Value, evidence| PipelineInput { keeps_empty: true, evidence, ..input(settings) };
    let everywhere = [0, 0, 400, 300];
    for (threshold, settings) in [(255, json!({})), (100, json!({"keep": [[20, 20]]})), (255, json!({"keep": "main"}))]
    {
        let input = keeping(settings, EvidenceUse::Keep);
        for (mode, format) in [
            (Mode::Background, OutputFormat::Png),
            (Mode::Clipping, OutputFormat::Jpeg),
            (Mode::Clipping, OutputFormat::Psd),
            (Mode::Params, OutputFormat::Webp),
        ] {
            let variations = ["compose", "shadowTop", "framed"];
            let document = json!({"margin": "5%", "shadow_top": {}, "framed": {}, "variations": variations});
            let (set, previews) = (ParamSet::read(document).ok(), ReviewRule::Always);
            let input = PipelineInput { mode, format: Some(format.into()), set, previews, ..input.clone() };
            let made = imaging(threshold).make(&input, &|_, _| {}).expect("is made");
            assert_eq!(places(&made), [("no_subject", everywhere)]);
            assert_eq!(made.confidence.get(), 0.0);
            assert!(made.pictures.iter().any(|picture| picture.variation == made.final_picture), "{mode:?}");
            assert!(matte(&made).iter().all(|alpha| *alpha == 0));
            for kind in [AssetKind::Evidence, AssetKind::Regions, AssetKind::Preview, AssetKind::Thumb] {
                assert!(asset(&made, kind).is_some(), "{mode:?}: {kind:?}");
            }
            assert!(asset(&made, AssetKind::ClippingPath).is_none());
        }
    }
    // A hint on the evidence of the empty draft makes a cut.
    let empty = imaging(255).make(&keeping(json!({}), EvidenceUse::Keep), &|_, _| {}).expect("is made");
    let evidence = EvidenceUse::Reuse(asset(&empty, AssetKind::Evidence).expect("evidence"));
    let hints = json!({"hints": [{"kind": "keep", "points": [[140, 170]]}]});
    let again = PipelineInput { evidence, ..input(hints) };
    let made = imaging(255).make(&again, &|_, _| {}).expect("is made");
    assert_eq!(matte(&made).get_pixel(140, 170)[0], 255);
}

#[test]
fn an_empty_draft_fits_into_every_format() {
    // Longer than a WebP may be, but not once it is placed or cropped.
    let mut photo = Cursor::new(Vec::new());
    RgbImage::new(17_000, 40).write_to(&mut photo, ImageFormat::Png).expect("encodes");
    let with = |document: Value| PipelineInput {
        set: ParamSet::read(document).ok(),
        format: Some(OutputFormat::Webp.into()),
        keeps_empty: true,
        ..PipelineInput::new(photo.get_ref().clone(), Mode::Params)
    };
    let canvas = json!({"width": 500, "height": 500});
    for document in [
        json!({"canvas": canvas, "variations": ["compose"]}),
        json!({"framed": {}, "variations": ["framed"]}),
        json!({"crop": "subject", "variations": ["background"]}),
    ] {
        let made = imaging(255).make(&with(document.clone()), &|_, _| {}).expect("is made");
        let [picture] = &made.pictures[..] else { panic!("{:?}", made.pictures.len()) };
        assert_eq!((picture.width, picture.height), (1000, 40), "{document}");
    }
    assert!(imaging(255).make(&with(json!({"variations": ["background"]})), &|_, _| {}).is_err());
}

#[test]
fn a_set_steers_unless_the_request_does() {
    let set = |document| ParamSet::read(document).ok();
    let with = |subject: Value| {
        let set = set(json!({"keep": "main", "variations": ["background"]}));
        let input = PipelineInput { set, ..input(subject) };
        let made = imaging(100).make(&PipelineInput { mode: Mode::Params, ..input }, &|_, _| {}).expect("is made");
        matte(&made).get_pixel(310, 90)[0]
    };
    assert_eq!((with(json!({})), with(json!({"keep": "all"}))), (0, 255));
}

fn asset(made: &PipelineOutput, kind: AssetKind) -> Option<Bytes> {
    made.assets.iter().find(|asset| asset.kind == kind).map(|asset| asset.bytes.clone())
}

#[test]
fn evidence_is_kept_on_request_and_passed_on() {
    let with = |settings: Value, evidence: EvidenceUse| PipelineInput { evidence, ..input(settings) };
    let plain = imaging(100).make(&input(json!({})), &|_, _| {}).expect("is made");
    let first = imaging(100).make(&with(json!({}), EvidenceUse::Keep), &|_, _| {}).expect("is made");
    assert_eq!(first.pictures[0].bytes, plain.pictures[0].bytes, "keeping it changes nothing");
    let evidence = asset(&first, AssetKind::Evidence).expect("evidence");
    let regions = asset(&first, AssetKind::Regions).expect("regions");
    assert!(asset(&plain, AssetKind::Evidence).is_none() && asset(&plain, AssetKind::Regions).is_none());

    // These networks would find nothing.
    let hints = json!({"hints": [{"kind": "remove", "points": [[310, 90]]}]});
    let reuse = || EvidenceUse::Reuse(evidence.clone());
    let second = imaging(255).make(&with(hints.clone(), reuse()), &|_, _| {}).expect("is made");
    let expected = imaging(100).make(&input(hints), &|_, _| {}).expect("is made");
    assert_eq!(second.pictures[0].bytes, expected.pictures[0].bytes);
    assert_eq!(asset(&second, AssetKind::Evidence), Some(evidence.clone()));
    assert_eq!(asset(&second, AssetKind::Regions), Some(regions));
}

#[test]
fn the_networks_run_again_where_the_evidence_does_not_help() {
    let roi = json!({"roi": "270 50 350 130"});
    let first = imaging(100).make(&input(json!({"hints": [{"kind": "keep", "points": [[310, 90]]}]})), &|_, _| {});
    let evidence = asset(&first.expect("is made"), AssetKind::Evidence).expect("evidence");
    let damaged = evidence.slice(..evidence.len() / 2);
    for (settings, earlier) in [(roi, evidence), (json!({}), damaged)] {
        let again = PipelineInput { evidence: EvidenceUse::Reuse(earlier.clone()), ..input(settings.clone()) };
        let made = imaging(100).make(&again, &|_, _| {}).expect("is made");
        let expected = imaging(100).make(&input(settings), &|_, _| {}).expect("is made");
        assert_eq!(made.pictures[0].bytes, expected.pictures[0].bytes);
        assert_ne!(asset(&made, AssetKind::Evidence).expect("new evidence"), earlier);
        assert!(matches!(imaging(255).make(&again, &|_, _| {}), Err(Error::NoSubject)), "networks that see nothing");
    }
}

#[test]
fn a_cut_is_made_again_from_its_evidence() {
    let hints = json!({"hints": [{"kind": "remove", "points": [[310, 90]]}]});
    let made = imaging(100).make(&input(hints.clone()), &|_, _| {}).expect("is made");
    let evidence = made.assets.iter().find(|asset| asset.kind == AssetKind::Evidence).expect("evidence");
    let evidence = Evidence::from_bytes(&evidence.bytes).expect("is valid");
    // These networks would find nothing.
    let blind = imaging(255);
    let again = blind.recut(&input(hints.clone()), &evidence, None, &|_, _| {}).expect("is made");
    assert_eq!(again.pictures[0].bytes, made.pictures[0].bytes);
    let without = blind.recut(&input(json!({})), &evidence, None, &|_, _| {}).expect("is made");
    assert_eq!(matte(&without).get_pixel(310, 90)[0], 255);
    let crop = Some(Crop::Subject { margin: "20px 10%".parse().expect("a margin") });
    let cropping = PipelineInput { rendering: Rendering { crop, ..Rendering::default() }, ..input(hints.clone()) };
    let corners = |max_pixels| -> [u32; 4] {
        let made = blind.recut(&cropping, &evidence, max_pixels, &|_, _| {}).expect("is made");
        made.crop_box.expect("a box").into()
    };
    let (whole, half) = (corners(None), corners(Some(30_000)));
    assert!(whole.iter().zip(half).all(|(whole, half)| whole.abs_diff(2 * half) <= 6), "{whole:?}, halved {half:?}");
    let preview = blind.recut(&input(hints), &evidence, Some(30_000), &|_, _| {}).expect("is made");
    assert_eq!((preview.pictures[0].width, preview.pictures[0].height), (200, 150));
    let preview = matte(&preview);
    assert_eq!([preview.get_pixel(70, 85)[0], preview.get_pixel(155, 45)[0]], [255, 0]);
    let other = blind.recut(&input(json!({"roi": "270 50 350 130"})), &evidence, None, &|_, _| {});
    assert!(matches!(other, Err(Error::OtherPart)), "{other:?}");
}

#[test]
fn confidence_is_about_the_answer_of_the_networks_and_not_about_steering() {
    let confidence =
        |imaging: &Imaging, settings| imaging.make(&input(settings), &|_, _| {}).expect("is made").confidence;
    // One network sees the car and the sign, the other one the sign alone.
    let bright = |threshold| Box::new(Bright { threshold });
    let torn = Imaging::new(Matting::new(bright(100), bright(210)), Limits::default(), "torn");
    let unsteered = confidence(&torn, json!({}));
    assert!(unsteered < confidence(&imaging(100), json!({})), "{unsteered:?}");
    for settings in [json!({"keep": "main"}), json!({"holes": "keep"})] {
        assert_eq!(confidence(&torn, settings.clone()), unsteered, "{settings}");
    }
}
