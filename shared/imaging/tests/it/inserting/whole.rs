//! The whole pipeline: from a file to the same file with the path of its subject.

use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, FileFormat, Mode, OutputFormat, Rendering, RequestedFormat, Variation};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Cutout, Document, Imaging, Limits, Matting, decode, encode};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

use super::*;
use crate::files::{exif, write};
use crate::pipeline::imaging;

/// A plain picture, whose left half the segmenters take for the subject.
fn plain() -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_pixel(200, 100, Rgb([90, 120, 150])))
}

fn original(file: &[u8], path: PathOptions) -> PipelineInput {
    let rendering = Rendering { path, ..Rendering::default() };
    let format = Some(RequestedFormat::Original);
    PipelineInput { format, rendering, ..PipelineInput::new(file.to_vec(), Mode::Clipping) }
}

fn make(file: &[u8], path: PathOptions) -> Result<PipelineOutput, Error> {
    imaging(1.0).make(&original(file, path), &|_, _| {})
}

fn tiff(colors: RgbImage) -> Vec<u8> {
    let alpha = GrayImage::from_pixel(colors.width(), colors.height(), Luma([255]));
    let cutout = Cutout::new(colors, alpha).expect("same size");
    encode(Document::of(&cutout), OutputFormat::Tiff, &Rendering::default()).expect("encodes")
}

fn warnings(output: &PipelineOutput) -> Vec<String> {
    output.warnings.get("clipping").cloned().unwrap_or_default()
}

/// The anchors of the path of a JPEG, in shares of its width and height.
fn anchors(file: &[u8]) -> Vec<(f64, f64)> {
    let all = blocks(&jpeg::resources(file));
    let (.., records) = all.iter().find(|(_, _, name, _)| name == b"Ours").expect("has the path");
    let knots = records.chunks(RECORD).filter(|record| matches!(record[1], 1 | 2));
    let share = |bytes: &[u8]| f64::from(i32::from_be_bytes(bytes.try_into().expect("four"))) / f64::from(1 << 24);
    knots.map(|knot| (share(&knot[14..18]), share(&knot[10..14]))).collect()
}

#[test]
fn the_file_comes_back_with_the_path_and_nothing_else_is_made() {
    let file = write(&plain(), "jpeg", None);
    let made = make(&file, keep("Ours")).expect("is made");
    assert_eq!((made.pictures.len(), made.final_picture), (1, Variation::Clipping));
    let picture = &made.pictures[0];
    assert_eq!((picture.variation, picture.format), (Variation::Clipping, OutputFormat::Jpeg.into()));
    assert_eq!((picture.width, picture.height, warnings(&made)), (200, 100, Vec::new()));
    assert_eq!(
        made.assets.iter().map(|asset| asset.kind).collect::<Vec<_>>(),
        [AssetKind::Matte, AssetKind::ClippingPath]
    );
    let pixels = |file: &[u8]| decode(file, &Limits::default()).expect("decodes").color().clone();
    assert_eq!(pixels(&picture.bytes), pixels(&file));
    let right = anchors(&picture.bytes).into_iter().map(|(x, _)| x).fold(0.0, f64::max);
    assert!((right - 0.5).abs() < 0.02, "the left half: {right}");
    // The same again changes nothing.
    let again = make(&picture.bytes, keep("Ours")).expect("is made");
    assert_eq!(again.pictures[0].bytes, picture.bytes);
}

#[test]
fn the_path_is_found_upright_and_written_for_the_stored_pixels() {
    for code in 1..=8 {
        let made = make(&write(&plain(), "jpeg", Some(exif(code))), keep("Ours")).expect("is made");
        let mut expected = DynamicImage::ImageRgb8(RgbImage::new(200, 100));
        expected.apply_orientation(Orientation::from_exif(code).expect("is an orientation"));
        assert_eq!((made.pictures[0].width, made.pictures[0].height), (expected.width(), expected.height()));
        let all = anchors(&made.pictures[0].bytes);
        let range = |of: fn(&(f64, f64)) -> f64| {
            let (min, max) = all.iter().map(of).fold((1.0_f64, 0.0_f64), |(min, max), at| (min.min(at), max.max(at)));
            ((min * 10.0).round() as i32, (max * 10.0).round() as i32)
        };
        // The left half of the upright picture, in tenths of the stored one: its left, right, top or bottom half.
        let half = match code {
            1 | 4 => ((0, 5), (0, 10)),
            2 | 3 => ((5, 10), (0, 10)),
            5 | 8 => ((0, 10), (0, 5)),
            _ => ((0, 10), (5, 10)),
        };
        let warned = warnings(&made).iter().any(|warning| warning.contains(&format!("orientation {code}")));
        assert_eq!((range(|at| at.0), range(|at| at.1), warned), (half.0, half.1, code != 1), "{code}");
    }
}

#[test]
fn the_page_that_is_cut_gets_the_path() {
    let file = tiff(plain().into_rgb8());
    let made = make(&file, keep("Ours")).expect("is made");
    let picture = &made.pictures[0];
    assert_eq!((picture.format, warnings(&made)), (OutputFormat::Tiff.into(), Vec::new()));
    let pixels = |file: &[u8]| decode(file, &Limits::default()).expect("decodes").color().clone();
    assert_eq!(pixels(&picture.bytes), pixels(&file));
    assert_eq!(file[8..], picture.bytes[8..file.len()], "only the offset of the directory changed");
}

#[test]
fn documents_keep_their_kind() {
    for (version, format) in [(1, OutputFormat::Psd.into()), (2, FileFormat::Psb)] {
        // Gray, 200 x 100, without layers, uncompressed.
        let mut file = b"8BPS\0".to_vec();
        file.extend([version, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 200, 0, 8, 0, 1]);
        file.extend([0; 8]);
        file.extend(vec![0; if version == 2 { 8 } else { 4 }]);
        file.extend([0, 0]);
        file.extend(vec![77; 200 * 100]);
        let made = make(&file, keep("Ours")).expect("is made");
        assert_eq!(made.pictures[0].format, format);
        assert_eq!(made.pictures[0].bytes[..30], file[..30]);
        assert!(made.pictures[0].bytes.ends_with(&file[34..]));
    }
}

#[test]
fn other_kinds_and_damaged_resources_are_refused_before_the_networks_run() {
    let panics = Imaging::new(Matting::new(Box::new(Never), Box::new(Never)), Limits::default(), "never");
    let png = write(&plain(), "png", None);
    let error = panics.make(&original(&png, keep("Ours")), &|_, _| {}).expect_err("holds no path");
    assert!(error.to_string().contains("unsupported PNG") && error.to_string().contains("output_format"), "{error}");
    let lies = [photoshop(1061, b"x"), block(b"8BIM", 1036, b"", b"")].concat();
    let mut lies = lies;
    let length = lies.len() - 4..lies.len();
    lies[length].copy_from_slice(&99_u32.to_be_bytes());
    let file = jpeg::with_segments(&[jpeg::app13(&lies)]);
    let error = panics.make(&original(&file, keep("Ours")), &|_, _| {}).expect_err("lies");
    assert!(error.to_string().contains("resource 1036 is longer"), "{error}");
}

struct Never;

impl Segmenter for Never {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        panic!("no network should run")
    }
}

/// The matte fades from one side of the picture to the other.
struct Fog;

impl Segmenter for Fog {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        Ok(CoarseMatte::new(32, (0..32 * 32).map(|at| (at % 32) as f32 / 31.0).collect()).expect("that many values"))
    }
}

#[test]
fn an_outline_without_a_path_leaves_the_file_as_it_is() {
    let fog = Imaging::new(Matting::new(Box::new(Fog), Box::new(Fog)), Limits::default(), "fog");
    let file = write(&plain(), "jpeg", None);
    let made = fog.make(&original(&file, keep("Ours")), &|_, _| {}).expect("is made");
    assert!(made.pictures[0].bytes == file && made.assets.len() == 1);
    assert!(warnings(&made).len() == 2 && warnings(&made)[1].contains("without a new path"), "{:?}", made.warnings);
}

/// Answers with the brightness of the picture, pixel for pixel.
struct Brightness;

impl Segmenter for Brightness {
    fn segment(&self, picture: &RgbImage) -> Result<CoarseMatte, Error> {
        let values = picture.pixels().map(|pixel| f32::from(pixel[0]) / 255.0).collect();
        Ok(CoarseMatte::new(picture.width(), values).expect("the picture is square"))
    }
}

#[test]
fn a_path_of_many_nodes_is_simplified_for_a_jpeg_alone() {
    // Bands with wavy edges, whose waves are lower than the tolerance of a simple path.
    let bands = RgbImage::from_fn(1600, 1600, |x, y| {
        let wave = 3.0 * (f64::from(x) * std::f64::consts::TAU / 24.0).sin();
        Rgb([if (f64::from(y) + wave).rem_euclid(80.0) < 40.0 { 255 } else { 0 }; 3])
    });
    let imaging =
        Imaging::new(Matting::new(Box::new(Brightness), Box::new(Brightness)), Limits::default(), "brightness");
    let made = |file: &[u8]| imaging.make(&original(file, keep("Ours")), &|_, _| {}).expect("is made");
    let jpeg = made(&write(&DynamicImage::ImageRgb8(bands.clone()), "jpeg", None));
    let tiff = made(&tiff(bands));
    let nodes = anchors(&jpeg.pictures[0].bytes).len();
    assert!(nodes <= cutline_imaging::insert::MAX_JPEG_NODES, "{nodes}");
    assert!(warnings(&jpeg)[0].contains(&format!("to {nodes} knots")), "{:?}", jpeg.warnings);
    assert_eq!(warnings(&tiff), [""; 0]);
}
