//! How a file stores its picture, for those who look at the file itself.

use std::borrow::Cow;

use image::metadata::Orientation;

/// How a file stores the picture that [`decode`](super::decode()) returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRaster {
    /// How the stored pixels are turned to be upright.
    pub orientation: Orientation,
    /// The page of a TIFF: its place in the chain of directories, from 0. Other kinds have one page.
    pub page: usize,
}

/// Photoshop's resources of the picture that [`decode`](super::decode()) returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredResources<'a> {
    pub(crate) resources: Cow<'a, [u8]>,
    /// How the stored pixels are turned to be upright.
    pub(crate) orientation: Orientation,
}

/// Width and height in pixels of a picture as stored, by those of the upright one.
pub(crate) fn stored_size((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::NoTransforms
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical
        | Orientation::Rotate180 => (width, height),
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            (height, width)
        }
    }
}
