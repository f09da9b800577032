//! From a cut-out to the bytes of a file, in every format there is.
//!
//! The container formats are written here; the compression inside them is that of libraries. Every file
//! is tagged as sRGB, tells its resolution, and of what its source told about itself only what
//! [`ImageMetadata`] holds: never an orientation, a place or a device.

mod icc;
mod ifd;
mod jpeg;
mod metadata;
mod photoshop;
mod png;
mod psd;
mod tiff;
mod waves;
mod webp;

use cutline_core::domain::rendering::Rendering;
use cutline_core::{Channels, OutputFormat};

use crate::compose::{Backdrop, Layer, Shade};
use crate::error::{Cause, Error};
use crate::path::ClippingPath;
use crate::photo::{ImageMetadata, Photo};
use crate::planes::PlanarRgba;
use metadata::Facts;

/// What stands behind the subject in a format without alpha.
const WHITE: u8 = 255;

static NOTHING: ImageMetadata = ImageMetadata {
    dpi: None,
    artist: None,
    copyright: None,
    credit: None,
    converted_from: None,
    warnings: Vec::new(),
};

/// What is written: a cut-out and what belongs to it. Pictures and path have the size of the cut-out.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The subject: its colors, cleaned of the background's, and alpha.
    pub cutout: &'a PlanarRgba,
    /// The picture as it came, upright. A PSD holds it in a hidden layer, and beneath the matte of the
    /// subject where that is transparent.
    pub original: Option<&'a Photo>,
    /// The clipping path, for PSD, TIFF and JPEG.
    pub path: Option<&'a ClippingPath>,
    /// Resolution and credit.
    pub metadata: &'a ImageMetadata,
    /// What a composed picture is made of, which a PSD holds in layers in place of the others.
    pub layers: Option<Layers<'a>>,
}

/// What a composed picture is made of.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// What stands behind.
    pub backdrop: &'a Backdrop,
    /// The shadow between.
    pub shadow: Option<Shade<'a>>,
    /// The subject as it stands on the canvas.
    pub subject: &'a Layer,
}

impl<'a> Document<'a> {
    /// A cut-out alone.
    pub fn of(cutout: &'a PlanarRgba) -> Self {
        Self { cutout, original: None, path: None, metadata: &NOTHING, layers: None }
    }

    /// Whether everything has the size of the cut-out.
    fn agrees(&self) -> Result<(), Cause> {
        let size = self.cutout.dimensions();
        if self.original.is_some_and(|original| original.dimensions() != size) {
            return Err("the original has another size than the cut-out".into());
        }
        if self.path.is_some_and(|path| (path.width, path.height) != size) {
            return Err("the clipping path is of a picture of another size".into());
        }
        Ok(())
    }
}

/// Whether a format holds a picture of this size in pixels.
///
/// # Errors
/// [`Error::TooLargeForFormat`].
pub fn check_size(format: OutputFormat, (width, height): (u32, u32)) -> Result<(), Error> {
    let max_side = match format {
        OutputFormat::Png => i32::MAX as u32,
        OutputFormat::Jpeg => u32::from(u16::MAX),
        OutputFormat::Webp => webp::MAX_SIDE,
        OutputFormat::Psd => psd::MAX_SIDE,
        // Of a square: the offsets of a TIFF have 32 bits, and a row of any length is fine.
        OutputFormat::Tiff if u64::from(width) * u64::from(height) <= tiff::MAX_PIXELS => return Ok(()),
        OutputFormat::Tiff => tiff::MAX_SIDE_OF_SQUARE,
    };
    if width.max(height) > max_side || format == OutputFormat::Tiff {
        return Err(Error::TooLargeForFormat { format, width, height, max_side });
    }
    Ok(())
}

/// Writes a document. The same document gives the same bytes, whatever the number of threads.
///
/// | format | colors | beside them |
/// |---|---|---|
/// | PNG | RGBA, 8 bits | |
/// | JPEG | on white, 4:4:4, quality 92 by default | clipping path |
/// | WebP | lossy of quality 90 by default, or without loss; alpha always without loss. The colors of what is wholly transparent are not kept | |
/// | TIFF | RGBA, 8 bits, alpha not multiplied in, Deflate | clipping path |
/// | PSD | layers `Background` (white, hidden), `Original` (hidden) and `Subject` with the matte as its mask; of a composed picture `Background`, `Shadow` and `Subject` | clipping path |
///
/// With [`Channels::Alpha`] each holds the matte alone, as gray (in a WebP, which has no gray, as three
/// equal channels) and without a path.
///
/// Takes memory for the file and little more, except for a WebP, whose encoder takes another 15 bytes a pixel of a
/// photograph, 27 without loss, and up to 40 of noise.
///
/// # Errors
/// [`Error::TooLargeForFormat`]; [`Error::Encode`], also if the parts of the document differ in size.
pub fn encode(document: Document<'_>, format: OutputFormat, rendering: &Rendering) -> Result<Vec<u8>, Error> {
    check_size(format, document.cutout.dimensions())?;
    let facts = Facts::of(document.metadata, rendering);
    let written = document.agrees().and_then(|()| match format {
        OutputFormat::Png => png::write(&Raster::of(&document, rendering.channels), &facts),
        OutputFormat::Jpeg => jpeg::write(&document, rendering, &facts),
        OutputFormat::Webp => webp::write(&document, rendering, &facts),
        OutputFormat::Tiff => tiff::write(&document, rendering, &facts),
        OutputFormat::Psd => psd::write(&document, rendering, &facts),
    });
    written.map_err(|source| Error::Encode { format, source })
}

/// The clipping path's resources, if the file is to have one.
fn path_resources(document: &Document<'_>, rendering: &Rendering) -> Result<Vec<u8>, Cause> {
    match document.path {
        Some(path) if rendering.channels == Channels::Rgba && !path.subpaths.is_empty() => {
            photoshop::clipping_path(path, &rendering.path)
        }
        _ => Ok(Vec::new()),
    }
}

/// Rows of interleaved samples, made as they are asked for: a whole picture of them would take four bytes a
/// pixel beside the colors and the alpha that are there already.
#[derive(Clone, Copy)]
struct Raster<'a> {
    cutout: &'a PlanarRgba,
    channels: Channels,
}

impl<'a> Raster<'a> {
    fn of(document: &Document<'a>, channels: Channels) -> Self {
        Self { cutout: document.cutout, channels }
    }

    fn dimensions(&self) -> (u32, u32) {
        self.cutout.dimensions()
    }

    /// Samples a pixel: 4 or 1.
    fn samples(&self) -> usize {
        match self.channels {
            Channels::Rgba => 4,
            Channels::Alpha => 1,
        }
    }

    /// Bytes a row.
    fn stride(&self) -> usize {
        self.cutout.dimensions().0 as usize * self.samples()
    }

    /// Writes row `y`, which has to exist, into `row` of [`Self::stride`] bytes.
    fn row(&self, y: usize, row: &mut [u8]) {
        let width = self.cutout.dimensions().0 as usize;
        let alpha = &self.cutout.alpha().as_raw()[y * width..][..width];
        match self.channels {
            Channels::Alpha => row.copy_from_slice(alpha),
            Channels::Rgba => {
                let color = &self.cutout.color().as_raw()[y * width * 3..][..width * 3];
                for ((to, rgb), alpha) in row.chunks_exact_mut(4).zip(color.chunks_exact(3)).zip(alpha) {
                    // What is wholly transparent has no color, whoever made the cut-out.
                    let shown = if *alpha == 0 { 0 } else { u8::MAX };
                    to.copy_from_slice(&[rgb[0] & shown, rgb[1] & shown, rgb[2] & shown, *alpha]);
                }
            }
        }
    }
}

/// `value` laid over white, rounded.
fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + u32::from(WHITE) * (255 - alpha) + 127) / 255) as u8
}
