//! How long harmless files take.
//!
//! A file's time has a part that does not depend on its pixels: above all, its color profile has to be prepared. That part
//! is the largest among the small files of the tests, which are of every variant that the decoders support.

use std::fs;
use std::path::Path;

use cutline_core::domain::kind::ImageKind;
use cutline_core::{OutputFormat, Rendering};
use cutline_imaging::{Document, PlanarRgba, encode};
use image::{GrayImage, Luma, Rgb, RgbImage};

/// Sides of the two pictures that are measured. An SVG is drawn with a long side of 2,048 pixels or more.
const SIDES: (u32, u32) = (64, 1024);
const SVG_SIDES: (u32, u32) = (256, 2048);
/// Measurements of each. The fastest counts.
const REPEATS: usize = 5;

/// The time of harmless files of one kind, which grows with their pixels.
pub(super) struct Harmless {
    base: f64,
    per_pixel: f64,
}

impl Harmless {
    /// Measures two files of a kind.
    pub(super) fn measure(kind: ImageKind) -> Self {
        let sides = if kind == ImageKind::Svg { SVG_SIDES } else { SIDES };
        let [small, large] = [sides.0, sides.1].map(|side| {
            let file = file(kind, side);
            let times = (0..REPEATS).map(|_| super::measure(&file));
            let fastest = times.min_by_key(|measured| measured.nanoseconds).expect("is measured");
            assert_eq!(fastest.outcome, "decoded", "a harmless file decodes");
            (fastest.nanoseconds as f64, fastest.pixels as f64)
        });
        let per_pixel = ((large.0 - small.0) / (large.1 - small.1)).max(0.1);
        // libwebp's lossless decoder stands in for AV1, which no encoder is at hand for. AV1 takes longer.
        let per_pixel = if kind == ImageKind::Avif { per_pixel * 2.0 } else { per_pixel };
        let fixed = |file: &Vec<u8>| {
            let times = (0..REPEATS).map(|_| super::measure(file));
            let fastest = times.min_by_key(|measured| measured.nanoseconds).expect("is measured");
            fastest.nanoseconds as f64 - fastest.pixels as f64 * per_pixel
        };
        let base = tested(kind).iter().map(fixed).fold(small.0, f64::max);
        Self { base, per_pixel }
    }

    /// The time of a file by its number of pixels, in nanoseconds.
    pub(super) fn nanoseconds(&self, pixels: u64) -> f64 {
        self.base + self.per_pixel * pixels as f64
    }
}

/// The small files of this kind in the tests of the decoders.
fn tested(kind: ImageKind) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/imaging/tests/data/kinds");
    let entries = fs::read_dir(folder).expect("the folder of the tests");
    let files = entries.map(|entry| fs::read(entry.expect("an entry").path()).expect("a file"));
    files.filter(|file| ImageKind::sniff(file) == Some(kind)).collect()
}

/// A harmless file of a kind; for AVIF a lossless WebP.
fn file(kind: ImageKind, side: u32) -> Vec<u8> {
    let (format, lossless) = match kind {
        ImageKind::Svg => return svg(side).into_bytes(),
        ImageKind::Gif => return gif(side),
        ImageKind::Avif | ImageKind::Heic => (OutputFormat::Webp, true),
        ImageKind::Jpeg => (OutputFormat::Jpeg, false),
        ImageKind::Png => (OutputFormat::Png, false),
        ImageKind::Webp => (OutputFormat::Webp, false),
        ImageKind::Tiff => (OutputFormat::Tiff, false),
        ImageKind::Psd => (OutputFormat::Psd, false),
    };
    let picture = PlanarRgba::new(photograph(side), GrayImage::from_pixel(side, side, Luma([255])));
    let picture = picture.expect("both planes have one size");
    let rendering = Rendering { lossless: lossless.then_some(true), ..Rendering::default() };
    encode(Document::of(&picture), format, &rendering).expect("encodes")
}

/// Smooth colors with a little noise, as in a photograph.
fn photograph(side: u32) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let noise = (x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0xc2b2_ae35) >> 29;
        let scaled = |value: u32| (value * 240 / side + noise) as u8;
        Rgb([scaled(x), scaled(y), scaled((x + y) / 2)])
    })
}

fn gif(side: u32) -> Vec<u8> {
    let side = side as u16;
    let palette: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, side, side, &palette).expect("writes a header");
    let gray: Vec<u8> = photograph(side.into()).pixels().map(|pixel| pixel.0[0]).collect();
    encoder.write_frame(&gif::Frame::from_indexed_pixels(side, side, gray, None)).expect("writes a frame");
    drop(encoder);
    file
}

/// Elaborate artwork: gradients, a blurred shadow, clipped and translucent groups, and a thousand shapes.
fn svg(width: u32) -> String {
    let shape = |at: u32| {
        let (x, y) = (at * 7919 % 2048, at * 104_729 % 2048);
        format!("<path d='M{x} {y}c9 0 20 10 20 20s-9 20-20 20-20-9-20-20z' fill='#{:03x}'/>", at * 37 % 4096)
    };
    let shapes: String = (0..1000).map(shape).collect();
    // The long side is 2,048 pixels whatever the width.
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='2048' viewBox='0 0 {width} 2048'>\
         <radialGradient id='g'><stop stop-color='red'/><stop offset='.4' stop-color='lime'/><stop offset='1'/></radialGradient>\
         <filter id='f'><feGaussianBlur stdDeviation='9'/></filter><clipPath id='c'><circle cx='900' cy='900' r='900'/></clipPath>\
         <rect id='r' width='{width}' height='2048' fill='url(#g)'/><use href='#r' opacity='.5'/>\
         <g filter='url(#f)'><use href='#r'/></g><g clip-path='url(#c)'><use href='#r'/></g>{shapes}</svg>"
    )
}
