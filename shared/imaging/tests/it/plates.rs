//! Cuts with a clean plate, by segmenters that see nothing.

use bytes::Bytes;
use cutline_core::domain::subject::SubjectSettings;
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, FailureCode, Fault, Mode, OutputFormat};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use serde_json::json;

use crate::files;

/// Sees no subject anywhere.
struct Blind;

impl Segmenter for Blind {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        const SIDE: u32 = 256;
        Ok(CoarseMatte::new(SIDE, vec![0.0; (SIDE * SIDE) as usize]).expect("that many values"))
    }
}

fn imaging() -> Imaging {
    Imaging::new(Matting::new(Box::new(Blind), Box::new(Blind)), Limits::default(), "blind")
}

/// A wall of 400 x 300 with a panel of 120 x 90 at (80, 120), a little lighter, and a pole of 4 pixels; or the wall alone.
fn wall(has_subject: bool) -> Bytes {
    let picture = RgbImage::from_fn(400, 300, |x, y| {
        let is_panel = (80..200).contains(&x) && (120..210).contains(&y);
        let is_pole = (300..304).contains(&x) && y >= 40;
        Rgb(match () {
            () if has_subject && is_panel => [196, 200, 202],
            () if has_subject && is_pole => [90, 92, 95],
            () => [186, 190, 192],
        })
    });
    files::write(&DynamicImage::ImageRgb8(picture), "png", None).into()
}

fn input(plate: Option<Bytes>) -> PipelineInput {
    let format = Some(OutputFormat::Png.into());
    PipelineInput { format, plate, ..PipelineInput::new(wall(true), Mode::Background) }
}

fn make(input: &PipelineInput) -> Result<PipelineOutput, Error> {
    imaging().make(input, &|_, _| {})
}

fn matte(made: &PipelineOutput) -> GrayImage {
    let matte = made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("a matte");
    image::load_from_memory(&matte.bytes).expect("is a picture").into_luma8()
}

#[test]
fn what_differs_from_the_plate_is_subject() {
    assert!(matches!(make(&input(None)), Err(Error::NoSubject)));
    let made = make(&input(Some(wall(false)))).expect("is made");
    assert_eq!(made.warnings.get("subject"), None);
    let seen = matte(&made);
    let [panel, pole, wall] = [(140, 165), (302, 150), (30, 30)].map(|(x, y)| seen.get_pixel(x, y)[0]);
    assert!(panel > 240 && pole > 200 && wall < 5, "{panel} {pole} {wall}");
    // The photograph as its own plate shows nothing.
    let same = make(&input(Some(self::wall(true))));
    assert!(matches!(same, Err(Error::NoSubject)));
}

#[test]
fn the_plate_counts_within_the_part_that_is_looked_at() {
    let subject: SubjectSettings = serde_json::from_value(json!({"roi": "60 100 240 260"})).expect("settings");
    let made = make(&PipelineInput { subject, ..input(Some(wall(false))) }).expect("is made");
    let seen = matte(&made);
    let [panel, pole] = [(140, 165), (302, 150)].map(|(x, y)| seen.get_pixel(x, y)[0]);
    assert!(panel > 240 && pole == 0, "{panel} {pole}");
}

#[test]
fn steering_does_not_change_the_confidence_of_a_cut_by_a_plate() {
    let confidence = |settings| {
        let subject = serde_json::from_value(settings).expect("settings");
        make(&PipelineInput { subject, ..input(Some(wall(false))) }).expect("is made").confidence
    };
    let unsteered = confidence(json!({}));
    assert!(unsteered.get() > 0.0);
    assert_eq!(confidence(json!({"keep": "main"})), unsteered);
}

#[test]
fn refuses_a_plate_that_cannot_be_compared() {
    let failure = |plate: Vec<u8>| {
        let fault = Fault::from(make(&input(Some(plate.into()))).expect_err("is refused"));
        (fault.failure().code, fault.failure().message.clone())
    };
    for size in [(300, 400), (399, 300)] {
        let other = files::write(&DynamicImage::ImageRgb8(RgbImage::new(size.0, size.1)), "png", None);
        let (code, message) = failure(other);
        let expected =
            format!("clean plate of another size: it has {} x {} pixels, and the image 400 x 300", size.0, size.1);
        assert!(code == FailureCode::InvalidImage && message.starts_with(&expected), "{message}");
    }
    let (code, message) = failure(b"<svg xmlns='http://www.w3.org/2000/svg' width='400' height='300'/>".to_vec());
    assert!(
        code == FailureCode::UnsupportedSource && message.starts_with("the clean plate: unsupported SVG"),
        "{message}"
    );
    let (code, message) = failure(b"a text".to_vec());
    assert!(code == FailureCode::UnsupportedSource && message.starts_with("the clean plate: "), "{message}");
}

#[test]
fn a_mask_leaves_a_plate_without_effect() {
    let mask = GrayImage::from_fn(400, 300, |x, _| Luma([if x < 200 { 255 } else { 0 }]));
    let mask = files::write(&DynamicImage::ImageLuma8(mask), "png", None);
    let subject = serde_json::from_value(json!({"mask_source": "file"})).expect("settings");
    let with = PipelineInput { subject, mask: Some(mask.into()), ..input(Some(Bytes::from_static(b"not read"))) };
    let made = make(&with).expect("is made");
    let warnings = made.warnings.get("subject").cloned().unwrap_or_default();
    assert!(warnings.iter().any(|warning| warning.starts_with("The clean plate had no effect")), "{warnings:?}");
    assert_eq!(matte(&made).get_pixel(100, 20)[0], 255);
}
