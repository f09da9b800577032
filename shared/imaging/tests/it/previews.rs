//! The previews of a run: of which picture, how large, and for whom.

use cutline_core::domain::review::ReviewRule;
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Confidence, Mode, OutputFormat, ParamSet, RequestedFormat};
use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::json;

use crate::files;
use crate::pipeline::imaging;

/// A photograph whose left half is the subject, and dark.
fn photo(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { [40, 60, 90] } else { [230; 3] }));
    files::write(&DynamicImage::ImageRgb8(picture), "jpeg", None)
}

fn run(file: Vec<u8>, mode: Mode, format: RequestedFormat, previews: ReviewRule) -> PipelineOutput {
    let input = PipelineInput { format: Some(format), previews, ..PipelineInput::new(file, mode) };
    imaging(1.0).make(&input, &|_, _| {}).expect("is made")
}

fn asset(made: &PipelineOutput, kind: AssetKind) -> Option<RgbaImage> {
    let asset = made.assets.iter().find(|asset| asset.kind == kind)?;
    assert_eq!(&asset.bytes[8..12], b"WEBP");
    Some(image::load_from_memory(&asset.bytes).expect("is a picture").into_rgba8())
}

#[test]
fn previews_show_the_cut_with_its_alpha_in_every_mode_and_format() {
    for (mode, format) in [
        (Mode::Background, OutputFormat::Png.into()),
        // Its file has no alpha.
        (Mode::Background, OutputFormat::Jpeg.into()),
        (Mode::Clipping, OutputFormat::Psd.into()),
        (Mode::Clipping, RequestedFormat::Original),
    ] {
        let made = run(photo(3_000, 1_500), mode, format, ReviewRule::Always);
        let [preview, source, thumb] = [AssetKind::Preview, AssetKind::SourcePreview, AssetKind::Thumb]
            .map(|kind| asset(&made, kind).expect("is there"));
        assert_eq!(
            (preview.dimensions(), source.dimensions(), thumb.dimensions()),
            ((2_048, 1_024), (2_048, 1_024), (256, 128))
        );
        for (picture, (left, right)) in [(&preview, (400, 1_700)), (&thumb, (50, 210))] {
            let subject = picture.get_pixel(left, 60);
            assert!(subject[3] == 255 && subject[0].abs_diff(40) < 8 && subject[2].abs_diff(90) < 8, "{subject:?}");
            assert_eq!(picture.get_pixel(right, 60)[3], 0, "{mode:?} {format:?}");
        }
        let Rgba([red, _, _, alpha]) = *source.get_pixel(1_700, 60);
        assert!(alpha == 255 && red > 220, "the photograph as it came");
    }
}

#[test]
fn the_preview_of_a_set_shows_its_final_picture() {
    let document = json!({
        "canvas": {"width": 600, "height": 900}, "background": "#00ff00", "variations": ["background", "compose"],
        "final": "compose",
    });
    let input = PipelineInput {
        set: ParamSet::read(document).ok(),
        previews: ReviewRule::Always,
        ..PipelineInput::new(photo(300, 200), Mode::Params)
    };
    let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
    let preview = asset(&made, AssetKind::Preview).expect("is there");
    assert_eq!(preview.dimensions(), (600, 900), "never enlarged");
    let Rgba([red, green, _, alpha]) = *preview.get_pixel(5, 5);
    assert!(alpha == 255 && green > 240 && red < 20);
    assert_eq!(asset(&made, AssetKind::SourcePreview).expect("is there").dimensions(), (300, 200));
    assert_eq!(made.assets.iter().filter(|made| made.kind == AssetKind::Thumb).count(), 1);
}

#[test]
fn only_doubtful_cuts_get_previews_where_the_rule_says_so() {
    let kinds = |rule| -> Vec<AssetKind> {
        let made = run(photo(300, 200), Mode::Background, OutputFormat::Png.into(), rule);
        assert!(!made.confidence.is_doubtful(), "{:?}", made.confidence);
        made.assets.iter().map(|asset| asset.kind).filter(|kind| *kind != AssetKind::Matte).collect()
    };
    assert_eq!(kinds(ReviewRule::Off), []);
    assert_eq!(kinds(ReviewRule::Below(Confidence::DOUBTFUL)), [], "this cut is sure");
    assert_eq!(kinds(ReviewRule::Always), [AssetKind::SourcePreview, AssetKind::Preview, AssetKind::Thumb]);
}

/// A subject that fades out: its colors in the preview are its own, not those that transparency hides.
#[test]
fn a_source_with_alpha_keeps_it_in_its_preview() {
    let picture = RgbaImage::from_fn(400, 400, |x, y| {
        let inside = (100..300).contains(&x) && (100..300).contains(&y);
        Rgba(if inside { [200, 30, 30, 255] } else { [0, 255, 0, 0] })
    });
    let file = files::write(&DynamicImage::ImageRgba8(picture), "png", None);
    let made = run(file, Mode::Background, OutputFormat::Png.into(), ReviewRule::Always);
    for kind in [AssetKind::Preview, AssetKind::SourcePreview, AssetKind::Thumb] {
        let small = asset(&made, kind).expect("is there");
        let (width, height) = small.dimensions();
        let (middle, corner) = (small.get_pixel(width / 2, height / 2), small.get_pixel(2, 2));
        assert!(middle[3] == 255 && middle[0].abs_diff(200) < 8, "{kind:?}: {middle:?}");
        assert_eq!(corner[3], 0, "{kind:?}");
        let green = small.pixels().filter(|pixel| pixel[3] > 0 && pixel[1] > 90).count();
        assert_eq!(green, 0, "{kind:?}: hidden colors show at the edge");
    }
}
