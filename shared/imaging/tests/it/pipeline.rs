//! The whole pipeline and the domain's port, with segmenters that need no weights.

use bytes::Bytes;
use cutline_core::ports::{EncodedPicture, Pipeline, PipelineInput, Stage};
use cutline_core::{
    AssetKind, Channels, FailureCode, Fault, Mode, OutputFormat, ParamSet, Rendering, Variation, Warnings,
};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::{DynamicImage, GrayImage, Rgba, RgbaImage};
use proptest::prelude::*;
use serde_json::json;

use crate::files;

/// Answers that the left half of every picture is the subject, with this value.
struct LeftHalf {
    side: u32,
    sure: f32,
}

impl Segmenter for LeftHalf {
    fn segment(&self, _: &image::RgbImage) -> Result<CoarseMatte, Error> {
        let values = (0..self.side * self.side).map(|at| if at % self.side < self.side / 2 { self.sure } else { 0.0 });
        Ok(CoarseMatte::new(self.side, values.collect()).expect("that many values"))
    }
}

/// Answers with the brightness of the picture, pixel for pixel.
struct Brightness;

impl Segmenter for Brightness {
    fn segment(&self, picture: &image::RgbImage) -> Result<CoarseMatte, Error> {
        let side = picture.width();
        let values = picture.pixels().map(|pixel| f32::from(pixel[0]) / 255.0).collect();
        Ok(CoarseMatte::new(side, values).expect("the test's pictures are square"))
    }
}

pub(crate) fn imaging(sure: f32) -> Imaging {
    let matting =
        Matting::new(Box::new(LeftHalf { side: 64, sure }), Box::new(LeftHalf { side: 20, sure: sure.min(0.9) }));
    Imaging::new(matting, Limits::default(), "left-half")
}

fn file(width: u32, height: u32, exif: Option<Vec<u8>>) -> Vec<u8> {
    files::write(&DynamicImage::ImageRgb8(files::picture(width, height)), "png", exif)
}

fn input(file: Vec<u8>, mode: Mode, format: OutputFormat, channels: Channels) -> PipelineInput {
    let rendering = Rendering { channels, ..Rendering::default() };
    PipelineInput { format: Some(format.into()), rendering, ..PipelineInput::new(file, mode) }
}

/// Mode background, as PNG.
fn cut(imaging: &Imaging, file: Vec<u8>, channels: Channels) -> Result<EncodedPicture, Error> {
    let made = imaging.make(&input(file, Mode::Background, OutputFormat::Png, channels), &|_, _| {})?;
    Ok(made.pictures.into_iter().next().expect("one picture"))
}

fn cut_alpha(imaging: &Imaging, file: &[u8]) -> GrayImage {
    let made = cut(imaging, file.to_vec(), Channels::Alpha).expect("is cut out");
    image::load_from_memory(&made.bytes).expect("is a picture").into_luma8()
}

#[test]
fn the_subject_keeps_its_colors_and_the_background_is_cleared() {
    let made = cut(&imaging(1.0), file(200, 100, None), Channels::Rgba).expect("is cut out");
    assert_eq!((made.width, made.height), (200, 100));
    let rgba = image::load_from_memory(&made.bytes).expect("is a picture").into_rgba8();
    let [red, green, blue] = files::picture(200, 100).get_pixel(30, 50).0;
    assert_eq!(rgba.get_pixel(30, 50), &Rgba([red, green, blue, 255]));
    assert_eq!(rgba.get_pixel(170, 50), &Rgba([0; 4]));
}

#[test]
fn the_matte_belongs_to_the_upright_picture() {
    let alpha = cut_alpha(&imaging(1.0), &file(60, 100, Some(files::exif(6))));
    assert_eq!(alpha.dimensions(), (100, 60));
    assert_eq!((alpha.get_pixel(10, 30)[0], alpha.get_pixel(90, 30)[0]), (255, 0));
}

#[test]
fn alpha_of_the_source_is_kept() {
    // Too little is transparent for a cut-out, so the segmenters decide.
    let rgba = RgbaImage::from_fn(40, 40, |_, y| Rgba([80, 90, 100, if y < 1 { 0 } else { 200 }]));
    let alpha = cut_alpha(&imaging(1.0), &files::write(&DynamicImage::ImageRgba8(rgba), "png", None));
    assert_eq!(alpha.get_pixel(5, 0)[0], 0);
    assert_eq!(alpha.get_pixel(5, 35)[0], 200);
    assert_eq!(alpha.get_pixel(35, 35)[0], 0);
}

#[test]
fn segmenters_do_not_see_the_colors_of_transparent_pixels() {
    let rgba = RgbaImage::from_fn(32, 32, |x, _| Rgba([255, 255, 255, if x < 1 { 0 } else { 255 }]));
    let matting = Matting::new(Box::new(Brightness), Box::new(Brightness));
    let imaging = Imaging::new(matting, Limits::default(), "brightness");
    let alpha = cut_alpha(&imaging, &files::write(&DynamicImage::ImageRgba8(rgba), "png", None));
    assert_eq!((alpha.get_pixel(0, 16)[0], alpha.get_pixel(20, 16)[0]), (0, 255));
}

/// Segmenters that are sure of nothing would find no subject in these: four separate objects, and cups with parts of the
/// gray that transparency is laid on.
#[test]
fn a_source_that_was_cut_out_before_keeps_all_its_parts() {
    for file in [
        include_bytes!("../data/reading/many_cut.png").as_slice(),
        include_bytes!("../data/reading/pal_trns.png"),
        include_bytes!("../data/reading/svg_nosize.svg"),
    ] {
        let input = input(file.to_vec(), Mode::Background, OutputFormat::Png, Channels::Alpha);
        let made = imaging(0.0).make(&input, &|_, _| {}).expect("is cut out");
        let alpha = image::load_from_memory(&made.pictures[0].bytes).expect("is a picture").into_luma8();
        let source = cutline_imaging::decode(file, &Limits::default()).expect("decodes");
        assert_eq!(Some(&alpha), source.alpha());
        assert!(
            made.warnings["source"].iter().any(|warning| warning.contains("cut-out already")),
            "{:?}",
            made.warnings
        );
    }
}

#[test]
fn unsure_segmenters_find_no_subject() {
    for (width, height) in [(1, 1), (30, 20)] {
        let error = cut(&imaging(0.4), file(width, height, None), Channels::Rgba);
        assert!(matches!(error, Err(Error::NoSubject)), "{error:?}");
    }
}

#[test]
fn mode_background_makes_one_picture_and_mode_params_needs_a_set() {
    let input = |mode, format| input(file(20, 10, None), mode, format, Channels::Rgba);
    let made = imaging(1.0).run(&input(Mode::Background, OutputFormat::Webp), &|_, _| {}).expect("is made");
    assert_eq!(made.final_picture, Variation::Background);
    assert_eq!(made.pictures.len(), 1);
    assert_eq!((made.pictures[0].width, made.pictures[0].height), (20, 10));
    assert!(made.pictures[0].bytes.starts_with(b"RIFF") && made.warnings.is_empty());
    assert_eq!(made.assets.iter().map(|asset| asset.kind).collect::<Vec<_>>(), [AssetKind::Matte]);
    let fault = imaging(1.0).run(&input(Mode::Params, OutputFormat::Png), &|_, _| {}).expect_err("is not made");
    assert!(matches!(&fault, Fault::Fail(failure) if failure.code == FailureCode::Internal), "{fault}");
}

/// A plain picture: refinement leaves the segmenters' matte alone, with a hard edge down the middle.
fn plain(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([90, 120, 150]));
    files::write(&DynamicImage::ImageRgb8(picture), "png", None)
}

#[test]
fn mode_clipping_makes_both_pictures_the_path_and_the_matte() {
    let reports = std::sync::Mutex::new(Vec::new());
    let input = input(plain(200, 100), Mode::Clipping, OutputFormat::Png, Channels::Alpha);
    let progress = |stage, share| reports.lock().expect("not poisoned").push((stage, share));
    let made = imaging(1.0).run(&input, &progress).expect("is made");
    assert_eq!(made.final_picture, Variation::Clipping);
    assert_eq!(made.warnings, Warnings::new());
    assert_eq!(made.pictures.iter().map(|picture| picture.variation).collect::<Vec<_>>(), Variation::ALL[..2]);
    let alpha = image::load_from_memory(&made.pictures[1].bytes).expect("is a picture").into_luma8();
    assert_eq!((alpha.get_pixel(40, 50)[0], alpha.get_pixel(160, 50)[0]), (255, 0));
    let asset = |kind| &made.assets.iter().find(|asset| asset.kind == kind).expect("was made").bytes;
    assert_eq!(asset(AssetKind::Matte), &made.pictures[0].bytes);
    let svg = String::from_utf8(asset(AssetKind::ClippingPath).to_vec()).expect("is text");
    assert!(svg.contains("Cutline Path") && svg.contains("viewBox=\"0 0 200 100\""), "{svg}");
    let reports = reports.into_inner().expect("not poisoned");
    assert!(reports.is_sorted() && reports.iter().any(|(stage, _)| *stage == Stage::Clipping), "{reports:?}");
}

/// The matte fades from one side of the picture to the other.
struct Fog;

impl Segmenter for Fog {
    fn segment(&self, _: &image::RgbImage) -> Result<CoarseMatte, Error> {
        Ok(CoarseMatte::new(32, (0..32 * 32).map(|at| (at % 32) as f32 / 31.0).collect()).expect("that many values"))
    }
}

#[test]
fn an_untraceable_outline_is_cut_softly_with_a_warning() {
    let fog = Imaging::new(Matting::new(Box::new(Fog), Box::new(Fog)), Limits::default(), "fog");
    let input = input(plain(300, 100), Mode::Clipping, OutputFormat::Png, Channels::Rgba);
    let made = fog.run(&input, &|_, _| {}).expect("is made");
    assert_eq!(made.final_picture, Variation::Clipping);
    assert_eq!(made.pictures.len(), 2);
    assert_eq!(made.pictures[0].bytes, made.pictures[1].bytes);
    assert_eq!(made.assets.len(), 1);
    assert_eq!(made.warnings["clipping"].len(), 1, "{:?}", made.warnings);
    assert!(made.confidence.is_doubtful(), "{:?}", made.confidence);
}

/// The colors of a cut-out are the subject's already. Hidden colors must not count as a background that shows through.
#[test]
fn a_cut_out_as_source_keeps_its_colors() {
    let subject = [180, 60, 90];
    for hidden in [[0, 0, 0], [255, 255, 255]] {
        let rgba = RgbaImage::from_fn(120, 80, |x, _| {
            let alpha = (f64::from(56 - x.min(56)) / 8.0 * 255.0).min(255.0) as u8;
            let [red, green, blue] = if alpha == 0 { hidden } else { subject };
            Rgba([red, green, blue, alpha])
        });
        let file = files::write(&DynamicImage::ImageRgba8(rgba), "png", None);
        for mode in [Mode::Background, Mode::Clipping] {
            let made = imaging(1.0).make(&input(file.clone(), mode, OutputFormat::Png, Channels::Rgba), &|_, _| {});
            for picture in made.expect("is cut out").pictures {
                let rgba = image::load_from_memory(&picture.bytes).expect("is a picture").into_rgba8();
                for pixel in rgba.pixels().filter(|pixel| pixel[3] > 0) {
                    let off = pixel.0.iter().zip(subject).map(|(a, b)| a.abs_diff(b)).max();
                    assert!(off <= Some(3), "{:?} of {mode:?}, {hidden:?} hidden: {pixel:?}", picture.variation);
                }
            }
        }
    }
}

/// Glass, or a watermark.
#[test]
fn a_subject_that_is_faint_in_its_file_is_found() {
    let rgba = RgbaImage::from_pixel(64, 64, Rgba([80, 90, 100, 100]));
    let alpha = cut_alpha(&imaging(1.0), &files::write(&DynamicImage::ImageRgba8(rgba), "png", None));
    assert_eq!((alpha.get_pixel(10, 32)[0], alpha.get_pixel(60, 32)[0]), (100, 0));
}

/// A cut-out of nothing.
#[test]
fn an_invisible_subject_is_rejected() {
    let rgba = RgbaImage::from_pixel(64, 64, Rgba([80, 90, 100, 0]));
    let made = cut(&imaging(1.0), files::write(&DynamicImage::ImageRgba8(rgba), "png", None), Channels::Rgba);
    assert!(matches!(made, Err(Error::NoSubject)), "{made:?}");
}

#[test]
fn an_unknown_kind_is_the_callers_fault() {
    let input = PipelineInput::new(Bytes::from_static(b"text"), Mode::Background);
    let fault = imaging(1.0).run(&input, &|_, _| {}).expect_err("not a picture");
    assert!(matches!(&fault, Fault::Fail(failure) if failure.code == FailureCode::UnsupportedSource), "{fault}");
}

/// The beginning of a PNG whose header promises `width` x `height` pixels.
fn header(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = files::chunk(b"IHDR", &[size.as_slice(), &[8, 6, 0, 0, 0]].concat());
    [b"\x89PNG\r\n\x1A\n".as_slice(), &header].concat()
}

#[test]
fn a_picture_beyond_the_limits_needs_no_memory() {
    let imaging = imaging(1.0);
    let needed =
        |file: Vec<u8>| imaging.memory_needed(&input(file, Mode::Background, OutputFormat::Webp, Channels::Rgba));
    assert!(needed(header(7_000, 7_000)) > 49_000_000, "within the limits");
    for (width, height) in [(65_535, 65_535), (20_000, 20_000), (65_536, 1), (10_000, 5_001)] {
        let file = header(width, height);
        assert_eq!(needed(file.clone()), 0, "{width} x {height}");
        let fault = imaging.run(&PipelineInput::new(file, Mode::Background), &|_, _| {}).expect_err("is refused");
        assert_eq!(fault.failure().code, FailureCode::ImageTooLarge, "{width} x {height}: {fault}");
    }
}

#[test]
fn a_background_picture_beyond_the_limits_adds_no_memory() {
    let set = json!({"background": {"image_url": "https://example.com/a.png"}, "variations": ["compose"]});
    let needed = |backdrop: Option<Vec<u8>>| {
        let set = ParamSet::read(set.clone()).ok();
        let backdrop = backdrop.map(Bytes::from);
        let plain = PipelineInput::new(file(100, 100, None), Mode::Params);
        imaging(1.0).memory_needed(&PipelineInput { set, backdrop, ..plain })
    };
    let refused = needed(Some(b"no picture".to_vec()));
    assert!(refused > 0);
    assert_eq!(needed(Some(header(65_535, 65_535))), refused);
    assert!(needed(Some(header(7_000, 7_000))) > refused);
}

#[test]
fn the_version_names_code_and_models() {
    assert_eq!(imaging(1.0).version(), concat!(env!("CARGO_PKG_VERSION"), "+left-half"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_matte_has_the_size_of_the_picture(
        (width, height) in prop_oneof![(1_u32..90, 1_u32..90), (Just(1_u32), 1_u32..3000), (1_u32..3000, Just(1_u32))],
    ) {
        let made = cut(&imaging(1.0), file(width, height, None), Channels::Rgba).expect("is cut out");
        prop_assert_eq!((made.width, made.height), (width, height));
    }
}
