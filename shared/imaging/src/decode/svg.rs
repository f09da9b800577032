//! SVG, plain or compressed by gzip, drawn by `resvg` on a transparent canvas: in its own size, with a long side of 2,048 to 4,096 pixels.
//!
//! No script runs, and nothing outside of the file is read. Embedded bitmaps are decoded like other files, within the
//! same limits. Embedded SVGs are not drawn, nor is text, as there are no fonts; both are reported as warnings. Before
//! a document is unfolded, [`document`] limits its unfolded size; before it is drawn, [`cost`] limits the work and the
//! memory.

mod cost;
mod document;
mod embedded;
mod kind;
mod points;
mod references;
mod refusal;
mod style;
mod text;
mod weigher;
mod weight;

use std::thread;

use image::{GrayImage, RgbImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use self::document::Contents;
use self::embedded::EmbeddedImages;
use self::kind::KIND;
use super::catch_panic::catch_panic;
use super::limits::Limits;
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

/// Limits in pixels of the drawn long side.
const LONG_SIDE: std::ops::RangeInclusive<f32> = 2048.0..=4096.0;
/// Stack of the drawing thread in bytes. Parsing and drawing recurse as deeply as the document nests.
const STACK_SIZE: usize = 64 << 20;
/// Memory per pixel: RGBA while drawing, and RGBA of the result.
const BYTES_PER_PIXEL: u8 = 8;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    on_large_stack(|| {
        let skipped = EmbeddedImages::skipped();
        Ok(drawn_size(&parse(bytes, &skipped)?.0))
    })
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    on_large_stack(|| draw(bytes, limits))
}

/// Runs `work` on a thread with a large stack, and turns a panic into an error.
fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK_SIZE);
        let spawned = builder.spawn_scoped(scope, || catch_panic(KIND, work)).map_err(Error::Thread)?;
        spawned.join().unwrap_or(Err(Error::DecoderPanicked { kind: KIND }))
    })
}

/// Parses and unfolds a document.
fn parse(bytes: &[u8], images: &EmbeddedImages<'_>) -> Result<(Tree, Contents), Error> {
    let text = text::read(bytes)?;
    let (document, contents) = document::parse(&text).map_err(|refusal| refusal.into_error())?;
    let options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(move |_, data, _| images.resolve(&data)),
            // Other files are never read.
            resolve_string: Box::new(move |_, _| {
                images.leave_out();
                None
            }),
        },
        ..Options::default()
    };
    let tree = Tree::from_xmltree(&document, &options).map_err(|error| Error::undecodable(KIND, error))?;
    Ok((tree, contents))
}

/// The size in pixels at which a document is drawn.
fn drawn_size(tree: &Tree) -> (u32, u32) {
    let size = tree.size();
    let long_side = size.width().max(size.height());
    let scale = long_side.clamp(*LONG_SIDE.start(), *LONG_SIDE.end()) / long_side;
    let side = |length: f32| (length * scale).round().clamp(1.0, *LONG_SIDE.end()) as u32;
    (side(size.width()), side(size.height()))
}

fn draw(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let images = EmbeddedImages::new(limits);
    let (tree, contents) = parse(bytes, &images)?;
    let (width, height) = drawn_size(&tree);
    limits.check((width, height), BYTES_PER_PIXEL)?;
    let scale = (width as f32 / tree.size().width(), height as f32 / tree.size().height());
    if !scale.0.is_finite() || !scale.1.is_finite() {
        return Err(Error::damaged(KIND, "the image has no size"));
    }
    cost::check(&tree, (width, height), contents.tree_bytes, limits)?;
    let mut canvas = Pixmap::new(width, height).ok_or(Error::TooMuchMemory)?;
    resvg::render(&tree, Transform::from_scale(scale.0, scale.1), &mut canvas.as_mut());

    let mut metadata = ImageMetadata::default();
    if contents.has_text {
        metadata.warnings.push("Text in the SVG was not drawn: convert it to outlines.".into());
    }
    if images.any_left_out() {
        let warning = "An image in the SVG was not drawn: embed it as a bitmap of a supported kind.";
        metadata.warnings.push(warning.into());
    }
    let (color, alpha) = separate(&canvas);
    let photo = Photo::with_alpha(color, alpha);
    let photo = photo.ok_or_else(|| Error::damaged(KIND, "alpha and colors differ in size"))?;
    Ok(photo.with_metadata(metadata))
}

/// Colors, not premultiplied, and alpha of a drawing.
fn separate(canvas: &Pixmap) -> (RgbImage, GrayImage) {
    let mut color = RgbImage::new(canvas.width(), canvas.height());
    let mut alpha = GrayImage::new(canvas.width(), canvas.height());
    for ((drawn, color), alpha) in canvas.pixels().iter().zip(color.pixels_mut()).zip(alpha.iter_mut()) {
        let straight = drawn.demultiply();
        color.0 = [straight.red(), straight.green(), straight.blue()];
        *alpha = straight.alpha();
    }
    (color, alpha)
}
