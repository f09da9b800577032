//! A clipping path for a customer's own JPEG, TIFF, PSD or PSB, without touching a pixel.
//!
//! [`insert_path`] reads a file and returns a [`Patch`]: the few ranges of it that change, and their new bytes. All else
//! stays as it is, byte by byte: pixels, profiles, Exif, inks, 16 bits, layers, and whatever else a file holds that
//! Cutline does not know. The same path inserted again gives the same bytes.
//!
//! | file | what changes |
//! |---|---|
//! | JPEG | its `Photoshop 3.0` segments; the offsets and the size in an MPF index, if they are affected |
//! | TIFF | the page's directory is copied to the end of the file; one offset leads there |
//! | PSD, PSB | the section of image resources, and its length |
//!
//! Nothing here decodes or encodes pictures, or decides where a path runs. Sources: Adobe's "Photoshop File Formats
//! Specification"; ITU-T T.81, annex B; TIFF 6.0; BigTIFF; CIPA DC-007 (MPF).

mod c2pa;
mod insertion;
mod jpeg;
mod mpf;
mod patch;
mod placement;
mod psd;
mod resources;
mod segments;
mod tiff;

use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::rendering::PathOptions;

use crate::error::Error;
use crate::path::ClippingPath;

pub use insertion::{Inserted, Insertion};
pub use patch::{Edit, Patch};
pub use placement::on_stored_raster;

/// The largest number of nodes in the path of a JPEG. Some readers stop after the first segment with resources, and the
/// path has to fit into it: 26 bytes a node.
pub const MAX_JPEG_NODES: usize = 2_400;

/// Plans the insertion of a path. The file is untrusted; time and memory are bounded by its length.
///
/// The path becomes the file's clipping path. A path of the same name is replaced. If the file has a clipping path of
/// another name, [`PathOptions::existing`] decides.
///
/// # Errors
/// [`Error::UnknownKind`]. [`Error::UnsupportedFeature`] for a kind of file that holds no paths, a file that has no room
/// for one more, and a TIFF that would exceed 4 GB. [`Error::Truncated`] and [`Error::Damaged`] if the file contradicts
/// itself, for example by the length of a resource. [`Error::Insertion`] if an outline has more than 32,767 nodes.
pub fn insert_path(file: &[u8], insertion: &Insertion<'_>) -> Result<Inserted, Error> {
    match ImageKind::sniff(file).ok_or(Error::UnknownKind)? {
        ImageKind::Jpeg => jpeg::insert(file, insertion),
        ImageKind::Tiff => tiff::insert(file, insertion),
        ImageKind::Psd => psd::insert(file, insertion),
        kind => Err(holds_no_path(kind)),
    }
}

/// Checks that a file can get a path, before one is made: the errors of [`insert_path`] that do not depend on the path.
///
/// # Errors
/// Those of [`insert_path`].
pub fn check(file: &[u8], options: &PathOptions, page: usize) -> Result<(), Error> {
    let path = ClippingPath { width: 1, height: 1, subpaths: Vec::new() };
    insert_path(file, &Insertion { path: &path, options, page }).map(drop)
}

/// The error for a kind of file that holds no paths.
pub(crate) fn holds_no_path(kind: ImageKind) -> Error {
    let remedy = "send a JPEG, TIFF, PSD or PSB, or choose another output_format";
    Error::unsupported(kind, "the format holds no clipping path", remedy)
}
