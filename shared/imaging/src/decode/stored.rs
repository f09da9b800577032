//! How a file stores its picture, for those who change the file itself.

use image::metadata::Orientation;

/// How a file stores the picture that [`decode`](super::decode()) returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRaster {
    /// How the stored pixels are turned to be upright.
    pub orientation: Orientation,
    /// The page of a TIFF: its place in the chain of directories, from 0. Other kinds have one page.
    pub page: usize,
}
