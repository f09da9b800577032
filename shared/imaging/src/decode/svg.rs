//! SVG, drawn by `resvg` on nothing: as large as it says it is, but with a long side of 2,048 to 4,096 pixels.
//!
//! Nothing outside of the file is read, and no script runs. Pictures in it are decoded like any other file, with the
//! same limits, if they stand in it as data; such of SVG are not drawn, nor is text, for which there are no fonts. What
//! is left out is told. [`guard`] bounds what a document may unfold into before it is unfolded, [`cost`] what drawing it
//! may take before it is drawn.

mod cost;
mod guard;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cutline_core::domain::kind::ImageKind;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, ImageHrefResolver, Options, Tree};

use super::{Limits, damaged, guarded, unsupported};
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

/// The long side in pixels that a drawing has at least, and at most.
const LONG_SIDE: std::ops::RangeInclusive<f32> = 2048.0..=4096.0;
/// The stack in bytes of the thread that draws. Documents nest, and so do the calls that draw them.
const STACK: usize = 64 << 20;
/// A picture in a drawing counts for so many pixels at least: the smallest file may bring a large profile.
const LEAST_PIXELS: u64 = 1 << 16;
/// What a pixel takes: four samples while it is drawn, and four that are handed on.
const BYTES_A_PIXEL: u8 = 8;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    on_a_thread(|| Ok(size(&read(bytes, &Limits::default(), &Seen::default(), false)?.0)))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    on_a_thread(|| draw(bytes, limits))
}

/// Runs the work where it has stack enough, and a panic ends it alone.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let spawned = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || guarded(ImageKind::Svg, work));
        let spawned = spawned.map_err(Error::Thread)?;
        spawned.join().unwrap_or_else(|_| Err(damaged(ImageKind::Svg, "the decoder panicked")))
    })
}

/// What the pictures in a document have come to.
#[derive(Default)]
struct Seen {
    pixels: AtomicU64,
    left_out: AtomicU64,
}

/// The document unfolded, and what was found in it.
fn read(bytes: &[u8], limits: &Limits, seen: &Seen, pictures: bool) -> Result<(Tree, guard::Found), Error> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|error| unsupported(ImageKind::Svg, "save it in UTF-8", error))?;
    let (document, found) = guard::parse(text).map_err(|reason| match reason {
        guard::Reason::Damaged(reason) => damaged(ImageKind::Svg, reason),
        guard::Reason::TooMuch(reason) => unsupported(ImageKind::Svg, "simplify it, or export it as a PNG", reason),
    })?;
    let embedded = |data: &[u8]| if pictures { picture(data, limits, seen) } else { None };
    let options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(move |_, data, _| embedded(&data)),
            // Nothing is read from elsewhere.
            resolve_string: Box::new(move |_, _| {
                seen.left_out.fetch_add(1, Ordering::Relaxed);
                None
            }),
        },
        ..Options::default()
    };
    let tree = Tree::from_xmltree(&document, &options).map_err(|error| damaged(ImageKind::Svg, error))?;
    Ok((tree, found))
}

/// A picture within a document, as the drawing library takes it.
fn picture(data: &[u8], limits: &Limits, seen: &Seen) -> Option<usvg::ImageKind> {
    let drawn = decode_picture(data, limits, seen);
    if drawn.is_none() {
        seen.left_out.fetch_add(1, Ordering::Relaxed);
    }
    drawn
}

fn decode_picture(data: &[u8], limits: &Limits, seen: &Seen) -> Option<usvg::ImageKind> {
    // An SVG in an SVG would have to be bounded together with it.
    if ImageKind::sniff(data)? == ImageKind::Svg {
        return None;
    }
    let (width, height) = super::dimensions(data).ok()?;
    let pixels = (u64::from(width) * u64::from(height)).max(LEAST_PIXELS);
    // All together a quarter of what one picture may have, those left out included: they are decoded anew for each
    // time that they are drawn, and each beside the drawing.
    if seen.pixels.fetch_add(pixels, Ordering::Relaxed).saturating_add(pixels) > limits.max_pixels / 4 {
        return None;
    }
    let photo = super::decode(data, limits).ok()?;
    let (width, height) = photo.dimensions();
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    let opacity = photo.alpha().map(|alpha| alpha.as_raw().as_slice());
    for (at, pixel) in photo.color().pixels().enumerate() {
        let [red, green, blue] = pixel.0;
        rgba.extend_from_slice(&[red, green, blue, opacity.map_or(255, |alpha| alpha[at])]);
    }
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Sub);
    encoder.write_image(&rgba, width, height, ExtendedColorType::Rgba8).ok()?;
    Some(usvg::ImageKind::PNG(Arc::new(png)))
}

/// The size in pixels that a document is drawn at.
fn size(tree: &Tree) -> (u32, u32) {
    let size = tree.size();
    let scale = scale(tree);
    let side = |length: f32| (length * scale).round().clamp(1.0, *LONG_SIDE.end()) as u32;
    (side(size.width()), side(size.height()))
}

fn scale(tree: &Tree) -> f32 {
    let long = tree.size().width().max(tree.size().height());
    long.clamp(*LONG_SIDE.start(), *LONG_SIDE.end()) / long
}

fn draw(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let seen = Seen::default();
    let (tree, found) = read(bytes, limits, &seen, true)?;
    let (width, height) = size(&tree);
    limits.check(width, height, BYTES_A_PIXEL)?;
    let across = width as f32 / tree.size().width();
    let down = height as f32 / tree.size().height();
    if !across.is_finite() || !down.is_finite() {
        return Err(damaged(ImageKind::Svg, "the picture has no size"));
    }
    cost::check(&tree, (width, height), limits)?;
    let mut canvas = Pixmap::new(width, height).ok_or(Error::TooMuchMemory)?;
    resvg::render(&tree, Transform::from_scale(across, down), &mut canvas.as_mut());

    let mut color = RgbImage::new(width, height);
    let mut alpha = GrayImage::new(width, height);
    for ((from, color), alpha) in canvas.pixels().iter().zip(color.pixels_mut()).zip(alpha.iter_mut()) {
        let whole = from.demultiply();
        color.0 = [whole.red(), whole.green(), whole.blue()];
        *alpha = whole.alpha();
    }
    let mut metadata = ImageMetadata::default();
    if found.text {
        metadata.warnings.push("Text in the SVG was not drawn; turn it into outlines.".into());
    }
    if seen.left_out.load(Ordering::Relaxed) > 0 {
        let warning = "A picture in the SVG was not drawn: it lies outside of the file, or is not read.";
        metadata.warnings.push(warning.into());
    }
    let photo = Photo::with_alpha(color, alpha).ok_or_else(|| damaged(ImageKind::Svg, "alpha has another size"))?;
    Ok(photo.with_metadata(metadata))
}
