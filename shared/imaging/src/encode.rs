//! Encoders: from a cut-out to the bytes of a file, in every output format.
//!
//! The containers are written here; the compression inside them comes from libraries. Every file carries its resolution
//! and, unless its source is untagged and keeps its colors, a profile: by default sRGB. Of the source's metadata,
//! [`Rendering::keep_metadata`] says what is written: by default the credit, and never a location or a device; with `all`
//! what [`ImageMetadata::all`](crate::ImageMetadata::all) holds. An orientation is never written.
//!
//! Everything about a format except its encoder (largest side, alpha, extension, …) is in
//! [`OutputFormat::info`](cutline_core::OutputFormat::info). A new format is an entry there, a module here, and a line
//! in [`encode`].

mod clipping_path;
mod compare;
mod document;
mod exif;
mod icc;
mod ifd;
mod iptc;
mod jpeg;
mod jpeg_limits;
mod left_out;
mod metadata;
mod png;
mod psd;
mod raster;
mod tiff;
mod waves;
mod webp;
mod xmp;

use cutline_core::OutputFormat;
use cutline_core::domain::rendering::Rendering;

pub(crate) use compare::{ComparedSource, compare};
pub use document::{Document, Layers, OriginalPicture};
pub(crate) use webp::write_preview;

use crate::error::Error;
use crate::file_colors::FileColors;
use crate::photo::ImageMetadata;
use crate::sample::ColorSample;
use exif::ExifColors;
use metadata::FileMetadata;

/// Checks that a format can hold a picture of this size in pixels.
///
/// # Errors
/// [`Error::TooLargeForFormat`].
pub fn check_size(format: OutputFormat, (width, height): (u32, u32)) -> Result<(), Error> {
    let max_size = format.info().max_size;
    if max_size.holds(width, height) {
        Ok(())
    } else {
        Err(Error::TooLargeForFormat { format, width, height, max_side: max_size.side() })
    }
}

/// Sentences about the metadata of the source that a file of these colors leaves out, although the rendering keeps all of
/// them: what the format does not hold, or is too long for it.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn metadata_left_out(
    metadata: &ImageMetadata,
    file: &FileColors,
    format: OutputFormat,
    rendering: &Rendering,
) -> Result<Vec<String>, Error> {
    let colors = ExifColors::of(rendering.channels, &file.profile);
    FileMetadata::new(metadata, rendering).left_out(format, colors).map_err(|source| Error::Encode { format, source })
}

/// Encodes a document. The same document gives the same bytes, whatever the number of threads.
///
/// | format | pixels | also in the file |
/// |---|---|---|
/// | PNG | RGBA, 8 or 16 bits | |
/// | JPEG | on white, 4:4:4, quality 92 by default | clipping path |
/// | WebP | lossy at quality 90 by default, or lossless; alpha is always lossless. Colors of fully transparent pixels are lost | |
/// | TIFF | RGBA or CMYKA, 8 or 16 bits, unassociated alpha, Deflate | clipping path |
/// | PSD | RGB or CMYK, 8 or 16 bits; layers `Background` (white, hidden), `Original` (hidden) and `Subject` with the matte as its mask; for a composed picture `Background`, `Shadow` and `Subject` | clipping path |
///
/// With [`Channels::Alpha`](cutline_core::Channels::Alpha) each format holds the matte alone, as gray and without a path.
/// WebP has no gray, so there it is three equal channels.
///
/// [`Document::file`] says how colors are stored. Alpha has 8 bits, and is scaled in files of 16.
///
/// Memory beyond the arguments is little more than the file. WebP is the exception: its encoder takes another 15 bytes
/// a pixel for a photograph, 27 if lossless, and up to 40 for noise.
///
/// # Errors
/// [`Error::TooLargeForFormat`]; [`Error::Encode`], also if the parts of the document differ in size, or if it has CMYK colors
/// that the format does not hold.
pub fn encode<T: ColorSample>(
    document: Document<'_, T>,
    format: OutputFormat,
    rendering: &Rendering,
) -> Result<Vec<u8>, Error> {
    check_size(format, document.cutout.dimensions())?;
    let metadata = FileMetadata::new(document.metadata, rendering);
    let checked = document.check_sizes().and_then(|()| document.check_inks(format, rendering.channels));
    let encoded = checked.and_then(|()| match format {
        OutputFormat::Png => png::write(&document, rendering, &metadata),
        OutputFormat::Jpeg => jpeg::write(&document, rendering, &metadata),
        OutputFormat::Webp => webp::write(&document, rendering, &metadata),
        OutputFormat::Tiff => tiff::write(&document, rendering, &metadata),
        OutputFormat::Psd => psd::write(&document, rendering, &metadata),
    });
    encoded.map_err(|source| Error::Encode { format, source })
}
