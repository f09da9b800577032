//! Gray photos with `color=keep`: their files have RGB colors, in every format and depth, and a warning says so.

use std::io::Cursor;

use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::ports::PipelineInput;
use cutline_core::{Mode, OutputFormat};
use image::{DynamicImage, GrayImage, ImageEncoder as _, Luma, codecs::png::PngEncoder};
use moxcms::{ColorProfile, DataColorSpace};

use crate::fidelity::{SIZE, inside, read, rendering};
use crate::pipeline::imaging;

const WARNING: &str = "The photo is gray: with color=keep, its files have RGB colors of the same samples.";

/// A gray PNG with a gray profile.
fn photo() -> Vec<u8> {
    let shade = |x: u32, y: u32| if inside(x, y) { (30 + x) as u8 } else { 240 };
    let gray = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([shade(x, y)]));
    let mut file = Cursor::new(Vec::new());
    let mut encoder = PngEncoder::new(&mut file);
    let profile = ColorProfile::new_gray_with_gamma(1.8).encode().expect("encodes");
    encoder.set_icc_profile(profile).expect("takes a profile");
    DynamicImage::ImageLuma8(gray).write_with_encoder(encoder).expect("encodes");
    file.into_inner()
}

#[test]
fn a_gray_profile_is_never_embedded_next_to_rgb_colors() {
    for format in OutputFormat::ALL {
        for depth in [Depth::Eight, Depth::Sixteen] {
            let rendering = rendering(Some(depth), Some(ColorSpace::Keep));
            let input = PipelineInput {
                format: Some(format.into()),
                rendering,
                ..PipelineInput::new(photo(), Mode::Background)
            };
            let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
            assert_eq!(made.warnings["source"], [WARNING], "{format}");
            let file = read(format, &made.pictures[0].bytes);
            let profile = file.profile.as_deref().expect("has a profile");
            let profile = ColorProfile::new_from_slice(profile).expect("is a profile");
            assert_eq!(profile.color_space, DataColorSpace::Rgb, "{format}");
            // Colors at soft edges are estimated, and those of a JPEG compressed.
            let opaque = file.pixels().filter(|pixel| pixel[3] == file.full());
            let is_gray = |[red, green, blue, _]: &[u16; 4]| red == green && green == blue;
            let (gray, colored): (Vec<&[u16; 4]>, Vec<&[u16; 4]>) = opaque.partition(|pixel| is_gray(pixel));
            assert!(gray.len() > 1_000 && (colored.is_empty() || format == OutputFormat::Jpeg), "{format} {depth:?}");
        }
    }
}

#[test]
fn a_gray_photo_in_srgb_has_no_such_warning() {
    let rendering = rendering(None, Some(ColorSpace::Srgb));
    let input = PipelineInput { rendering, ..PipelineInput::new(photo(), Mode::Background) };
    let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
    let warnings = made.warnings.get("source").cloned().unwrap_or_default();
    assert!(!warnings.iter().any(|warning| warning == WARNING), "{warnings:?}");
}
