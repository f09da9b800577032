//! Photoshop's image resources, and the clipping path that two of them hold. PSD files contain them directly, JPEG files
//! in segments, and TIFF files in a tag. They are big-endian everywhere.
//!
//! Source: Adobe, "Photoshop File Formats Specification", November 2019, sections "Image resource blocks" and "Path
//! resource format".

mod blocks;
mod path;

pub(crate) use blocks::{Block, BlockFault, Blocks, append, pascal, unicode};
pub(crate) use path::{clipping_path_name, decoded_name, encoded_name, name_in_clipping_path, records};

/// The resource with IPTC data.
pub(crate) const IPTC: u16 = 1028;
/// The resources for paths.
pub(crate) const PATHS: std::ops::RangeInclusive<u16> = 2000..=2997;
/// The resource that names the clipping path.
pub(crate) const CLIPPING_PATH_NAME: u16 = 2999;
