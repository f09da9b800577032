//! Masks that come as files of their own. No network runs.

use bytes::Bytes;
use cutline_core::domain::crop::Crop;
use cutline_core::ports::{EvidenceUse, Pipeline as _, PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Confidence, FailureCode, Fault, Mode, OutputFormat, Rendering};
use cutline_imaging::clip::rasterize;
use cutline_imaging::decode::dimensions;
use cutline_imaging::guide::Evidence;
use cutline_imaging::{Limits, decode};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgba, RgbaImage, imageops};
use serde_json::json;

use crate::files::{exif, write};
use crate::masks::{
    by, encoded, input, largest_difference, matte, outline, plain, spotted, warnings, with_networks, with_path,
    without_networks,
};

fn masked(file: &[u8], mask: &[u8]) -> PipelineInput {
    PipelineInput { mask: Some(Bytes::copy_from_slice(mask)), ..input(file, by("file")) }
}

/// Cuts a picture by the file of a mask.
fn cut(file: &[u8], mask: &[u8]) -> PipelineOutput {
    without_networks().make(&masked(file, mask), &|_, _| {}).expect("is made")
}

/// Why a picture cannot be cut by a mask.
fn refusal(file: &[u8], mask: &[u8]) -> (FailureCode, String) {
    match without_networks().run(&masked(file, mask), &|_, _| {}).expect_err("is refused") {
        Fault::Fail(failure) => (failure.code, failure.message),
        fault @ Fault::Retry(_) => panic!("{fault}"),
    }
}

/// Without symmetry, and with every kind of value.
fn shades(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| match (x < width / 3, y < height / 4) {
        (true, _) => Luma([255]),
        (false, true) => Luma([0]),
        (false, false) => Luma([(x * 3 + y) as u8]),
    })
}

fn gray(mask: &GrayImage) -> DynamicImage {
    DynamicImage::ImageLuma8(mask.clone())
}

#[test]
fn white_is_kept_and_black_is_cut_away_whatever_the_kind() {
    let photo = write(&plain(60, 40), "jpeg", None);
    let shades = shades(60, 40);
    let color = gray(&shades).into_rgba8();
    let files: [(&str, Vec<u8>, u8); 6] = [
        ("gray PNG", write(&gray(&shades), "png", None), 0),
        ("PNG", write(&DynamicImage::ImageRgba8(color.clone()), "png", None), 0),
        ("WebP", write(&DynamicImage::ImageRgba8(color.clone()), "webp", None), 0),
        ("TIFF", encoded(&color, OutputFormat::Tiff), 0),
        ("PSD", encoded(&color, OutputFormat::Psd), 0),
        ("JPEG", write(&gray(&shades), "jpeg", None), 8),
    ];
    for (name, mask, tolerance) in files {
        let made = cut(&photo, &mask);
        assert!(largest_difference(&matte(&made), &shades) <= tolerance, "{name}");
        assert_eq!(made.confidence, Confidence::nearest(1.0), "{name}");
        assert!(warnings(&made, "source").is_empty() && warnings(&made, "subject").is_empty(), "{:?}", made.warnings);
        assert!(made.assets.iter().all(|asset| asset.kind != AssetKind::Evidence), "{name}");
    }
}

/// Cuts a plain photograph of the same size by a mask from a file.
fn cut_by(mask: &[u8]) -> GrayImage {
    let (width, height) = dimensions(mask).expect("has a size");
    let made = cut(&write(&plain(width, height), "png", None), mask);
    assert!(warnings(&made, "source").is_empty(), "{:?}", made.warnings);
    matte(&made)
}

#[test]
fn the_numbers_of_a_mask_count_and_not_what_they_look_like() {
    // The image crate applies neither the profile nor the gamma.
    for mask in [&include_bytes!("../data/kinds/gray-profile.png")[..], include_bytes!("../data/reading/gama1.png")] {
        let stored = image::load_from_memory(mask).expect("is a picture");
        let stored = match stored {
            DynamicImage::ImageLuma8(gray) => gray,
            color => imageops::grayscale(&color.into_rgb8()),
        };
        let shown = imageops::grayscale(decode(mask, &Limits::default()).expect("decodes").color());
        assert!(largest_difference(&stored, &shown) > 4, "as a photograph it looks different");
        assert_eq!(cut_by(mask), stored);
    }
    let deep = ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(60, 40, |x, y| Luma([(x * 1_000 + y * 100) as u16]));
    let rounded = GrayImage::from_fn(60, 40, |x, y| Luma([(((x * 1_000 + y * 100) * 255 + 32_767) / 65_535) as u8]));
    assert_eq!(cut_by(&write(&DynamicImage::ImageLuma16(deep), "png", None)), rounded);
}

#[test]
fn a_mask_of_inks_is_refused() {
    for mask in [
        &include_bytes!("../data/cmyk.jpg")[..],
        include_bytes!("../data/ycck.jpg"),
        include_bytes!("../data/kinds/press.psd"),
        include_bytes!("../data/kinds/press-plain.psd"),
        include_bytes!("../data/kinds/press16.tif"),
    ] {
        let (width, height) = dimensions(mask).expect("has a size");
        let (code, message) = refusal(&write(&plain(width, height), "png", None), mask);
        assert_eq!(code, FailureCode::UnsupportedSource);
        assert!(message.contains("a mask of inks; save the mask as grayscale"), "{message}");
    }
}

#[test]
fn a_psd_of_ours_comes_back_as_the_mask_of_its_subject() {
    let photo = write(&plain(60, 40), "png", None);
    let shades = shades(60, 40);
    let cutout = RgbaImage::from_fn(60, 40, |x, y| Rgba([(x * 4) as u8, 0, 20, shades.get_pixel(x, y)[0]]));
    let mut psd = encoded(&cutout, OutputFormat::Psd);
    // The merged picture is at the end. Without it, only the layers are left.
    let length = psd.len();
    psd.truncate(length - 100);
    let made = cut(&photo, &psd);
    assert_eq!(matte(&made), shades);
    assert!(warnings(&made, "source").is_empty(), "{:?}", made.warnings);
}

#[test]
fn of_a_picture_with_colors_the_path_counts() {
    let photo = write(&plain(120, 80), "png", None);
    let path = outline(120, 80);
    for (name, mask) in [
        ("JPEG", with_path(&write(&plain(120, 80), "jpeg", None), &path, "Retouched")),
        ("PSD", with_path(&encoded(&plain(120, 80).into_rgba8(), OutputFormat::Psd), &path, "Retouched")),
    ] {
        let made = cut(&photo, &mask);
        assert!(largest_difference(&matte(&made), &rasterize(&path)) <= 1, "{name}");
        let expected = "Of the mask: Its path \"Retouched\" counts, and not its colors.";
        assert_eq!(warnings(&made, "source"), [expected], "{name}");
    }
    let gray = shades(120, 80);
    let with_gray = with_path(&encoded(&self::gray(&gray).into_rgba8(), OutputFormat::Psd), &path, "Retouched");
    assert_eq!(matte(&cut(&photo, &with_gray)), gray, "a gray picture is a mask");
}

#[test]
fn of_a_mask_with_transparency_only_that_counts() {
    let photo = write(&plain(60, 40), "png", None);
    let shades = shades(60, 40);
    let cutout = RgbaImage::from_fn(60, 40, |x, y| Rgba([(x * 4) as u8, 0, 20, shades.get_pixel(x, y)[0]]));
    let made = cut(&photo, &write(&DynamicImage::ImageRgba8(cutout), "png", None));
    assert_eq!(matte(&made), shades);
}

#[test]
fn a_black_and_white_mask_with_a_translucent_pixel_gets_a_warning() {
    let photo = write(&plain(60, 40), "png", None);
    let warnings_of = |color: [u8; 3]| {
        let mask = RgbaImage::from_fn(60, 40, |x, y| {
            let [red, green, blue] = if x < 30 { [255; 3] } else { color };
            Rgba([red, green, blue, if (x, y) == (7, 9) { 254 } else { 255 }])
        });
        let made = cut(&photo, &write(&DynamicImage::ImageRgba8(mask), "png", None));
        assert_eq!(matte(&made).iter().filter(|alpha| **alpha == 255).count(), 60 * 40 - 1);
        warnings(&made, "source").to_vec()
    };
    let warnings_of_black = warnings_of([0; 3]);
    let [warning] = &warnings_of_black[..] else { panic!("{warnings_of_black:?}") };
    assert!(warning.starts_with("Of the mask: Its transparency counts, and not its black and white."), "{warning}");
    // A picture, gray and white, and white alone.
    for color in [[200, 40, 90], [128; 3], [255; 3]] {
        assert_eq!(warnings_of(color), [""; 0], "{color:?}");
    }
}

#[test]
fn the_photograph_stays_transparent_where_it_was() {
    let spotted = spotted();
    let photo = write(&DynamicImage::ImageRgba8(spotted.clone()), "png", None);
    let half = GrayImage::from_fn(60, 40, |_, y| Luma([if y < 15 { 255 } else { 0 }]));
    let expected = GrayImage::from_fn(60, 40, |x, y| Luma([if y < 15 { spotted.get_pixel(x, y)[3] } else { 0 }]));
    assert_eq!(matte(&cut(&photo, &write(&gray(&half), "png", None))), expected);
    // Only the spot, which is transparent.
    let spot =
        GrayImage::from_fn(60, 40, |x, y| Luma([if (20..30).contains(&x) && (10..20).contains(&y) { 255 } else { 0 }]));
    let (code, message) = refusal(&photo, &write(&gray(&spot), "png", None));
    assert_eq!(code, FailureCode::NoSubject);
    assert!(message.contains("the mask leaves nothing"), "{message}");
}

#[test]
fn photograph_and_mask_are_compared_upright() {
    let photo = write(&plain(60, 40), "jpeg", Some(exif(6)));
    let upright = shades(40, 60);
    let mut stored = gray(&upright);
    stored = stored.rotate270();
    assert_eq!((stored.width(), stored.height()), (60, 40));
    for mask in [write(&gray(&upright), "png", None), write(&stored, "png", Some(exif(6)))] {
        assert_eq!(matte(&cut(&photo, &mask)), upright);
    }
    // As the photograph's pixels are stored, and not turned with them.
    let (code, message) = refusal(&photo, &write(&stored, "png", None));
    assert_eq!(code, FailureCode::MaskMismatch);
    assert!(message.contains("it has 60 x 40 pixels, and the image 40 x 60"), "{message}");
}

#[test]
fn a_mask_of_another_size_is_refused_before_it_is_decoded() {
    let photo = write(&plain(60, 40), "jpeg", None);
    let complete = write(&gray(&shades(120, 80)), "png", None);
    // The header alone says enough.
    for mask in [&complete[..], &complete[..complete.len() / 2]] {
        let (code, message) = refusal(&photo, mask);
        assert_eq!(code, FailureCode::MaskMismatch);
        assert!(
            message.starts_with("mask of another size: it has 120 x 80 pixels, and the image 60 x 40;"),
            "{message}"
        );
    }
}

#[test]
fn a_mask_is_as_untrusted_as_a_photograph() {
    let photo = write(&plain(60, 40), "jpeg", None);
    let png = write(&gray(&shades(60, 40)), "png", None);
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="9" height="9"/></svg>"#;
    for (mask, expected, about) in [
        (&png[..png.len() / 2], FailureCode::InvalidImage, "PNG"),
        (b"just a text".as_slice(), FailureCode::UnsupportedSource, "unknown image format"),
        (svg.as_slice(), FailureCode::UnsupportedSource, "send the mask as PNG"),
    ] {
        let (code, message) = refusal(&photo, mask);
        assert_eq!(code, expected, "{message}");
        assert!(message.starts_with("the mask: ") && message.contains(about), "{message}");
    }
    let without = PipelineInput { mask: None, ..masked(&photo, &png) };
    let Err(Fault::Fail(failure)) = without_networks().run(&without, &|_, _| {}) else { panic!("a fault of ours") };
    assert_eq!(failure.code, FailureCode::Internal);
}

#[test]
fn warnings_say_what_they_are_about() {
    let animated = include_bytes!("../data/kinds/animated.gif");
    let size = decode(animated, &Limits::default()).expect("decodes").dimensions();
    let made = cut(&write(&plain(size.0, size.1), "png", None), animated);
    assert_eq!(warnings(&made, "source"), ["Of the mask: Only the first frame of the animation was used."]);
    let photo = write(&plain(60, 40), "png", None);
    let input = PipelineInput {
        subject: serde_json::from_value(json!({"mask_source": "file", "holes": "keep"})).expect("settings"),
        ..masked(&photo, &write(&gray(&shades(60, 40)), "png", None))
    };
    let made = without_networks().make(&input, &|_, _| {}).expect("is made");
    let [warning] = warnings(&made, "subject") else { panic!("{:?}", made.warnings) };
    assert!(warning.contains("mask_source=file") && warning.contains("holes had no effect"), "{warning}");
}

#[test]
fn a_mask_file_is_traced_in_mode_clipping() {
    let disc = GrayImage::from_fn(200, 200, |x, y| {
        let (x, y) = (f64::from(x) - 100.0, f64::from(y) - 100.0);
        Luma([if x.hypot(y) < 70.0 { 255 } else { 0 }])
    });
    let photo = write(&plain(200, 200), "jpeg", None);
    let input = PipelineInput { mode: Mode::Clipping, ..masked(&photo, &write(&gray(&disc), "png", None)) };
    let made = without_networks().make(&input, &|_, _| {}).expect("is made");
    assert!(made.assets.iter().any(|asset| asset.kind == AssetKind::ClippingPath), "{:?}", made.warnings);
}

#[test]
fn a_crop_follows_the_cut_of_the_mask() {
    let photo = write(&plain(60, 40), "jpeg", None);
    let inside = |x: u32, y: u32| (20..50).contains(&x) && (5..25).contains(&y);
    let mask = GrayImage::from_fn(60, 40, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
    let crop = Some(Crop::Subject { margin: "2px 3px".parse().expect("a margin") });
    let rendering = Rendering { crop, ..Rendering::default() };
    let input = PipelineInput { rendering, ..masked(&photo, &write(&gray(&mask), "png", None)) };
    let made = without_networks().make(&input, &|_, _| {}).expect("is made");
    let corners: [u32; 4] = made.crop_box.expect("a box").into();
    assert_eq!(corners, [17, 3, 53, 27]);
    assert_eq!((made.pictures[0].width, made.pictures[0].height), (36, 24));
    assert_eq!(matte(&made), mask, "the matte is whole");
}

#[test]
fn the_mask_is_reduced_with_its_photograph() {
    let photo = write(&plain(200, 100), "jpeg", None);
    let seen = PipelineInput { evidence: EvidenceUse::Keep, ..input(&photo, json!({})) };
    let seen = with_networks().make(&seen, &|_, _| {}).expect("is made");
    let evidence = seen.assets.iter().find(|asset| asset.kind == AssetKind::Evidence).expect("evidence");
    let evidence = Evidence::from_bytes(&evidence.bytes).expect("is read");
    let right = GrayImage::from_fn(200, 100, |x, _| Luma([if x < 100 { 0 } else { 255 }]));
    let input = masked(&photo, &write(&gray(&right), "png", None));
    let small = without_networks().recut(&input, &evidence, Some(5_000), &|_, _| {}).expect("is made");
    let small = matte(&small);
    assert_eq!(small.dimensions(), (100, 50));
    assert_eq!((small.get_pixel(40, 25)[0], small.get_pixel(60, 25)[0]), (0, 255));
}
