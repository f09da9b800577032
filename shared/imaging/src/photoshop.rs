//! Photoshop's image resources, and the paths among them: a clipping path is two of them. PSD files contain them directly, JPEG files
//! in segments, and TIFF files in a tag. They are big-endian everywhere.
//!
//! Source: Adobe, "Photoshop File Formats Specification", November 2019, sections "Image resource blocks" and "Path
//! resource format".

mod blocks;
mod path;
mod read_path;
mod record;

pub(crate) use blocks::{Block, BlockFault, Blocks, append, pascal, unicode};
pub(crate) use path::{clipping_path_name, decoded_name, encoded_name, name_in_clipping_path, records};
pub(crate) use read_path::{FoundPath, MAX_KNOTS, find_path, has_knots, read_path};

/// The resource with IPTC data.
pub(crate) const IPTC: u16 = 1028;
/// The resources for paths.
pub(crate) const PATHS: std::ops::RangeInclusive<u16> = 2000..=2997;
/// The resource that names the clipping path.
pub(crate) const CLIPPING_PATH_NAME: u16 = 2999;
