//! The input of every encoder: a cut-out, and everything else that goes into its file.

use crate::compose::{Backdrop, Layer, Shade};
use crate::error::Cause;
use crate::path::ClippingPath;
use crate::photo::{ImageMetadata, Photo};
use crate::planes::PlanarRgba;

static NO_METADATA: ImageMetadata = ImageMetadata {
    dpi: None,
    artist: None,
    copyright: None,
    credit: None,
    converted_from: None,
    warnings: Vec::new(),
};

/// A cut-out, and everything else that goes into its file. The original and the path have the size of the cut-out.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The subject's colors, decontaminated, and its alpha.
    pub cutout: &'a PlanarRgba,
    /// The source picture, upright. A PSD holds it in a hidden layer, and shows its colors when a retoucher paints on
    /// the mask where the subject is transparent.
    pub original: Option<&'a Photo>,
    /// The clipping path, for formats that carry one.
    pub path: Option<&'a ClippingPath>,
    /// Resolution and credit.
    pub metadata: &'a ImageMetadata,
    /// The layers of a composed picture. A PSD holds these in place of the others.
    pub layers: Option<Layers<'a>>,
}

/// The layers of a composed picture.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// The backdrop, at the bottom.
    pub backdrop: &'a Backdrop,
    /// The shadow, in between.
    pub shadow: Option<Shade<'a>>,
    /// The subject, positioned on the canvas.
    pub subject: &'a Layer,
}

impl<'a> Document<'a> {
    /// A cut-out alone.
    pub fn of(cutout: &'a PlanarRgba) -> Self {
        Self { cutout, original: None, path: None, metadata: &NO_METADATA, layers: None }
    }

    /// Checks that all parts have the size of the cut-out.
    pub(super) fn check_sizes(&self) -> Result<(), Cause> {
        let size = self.cutout.dimensions();
        if self.original.is_some_and(|original| original.dimensions() != size) {
            return Err("size mismatch: the original differs in size from the cut-out".into());
        }
        if self.path.is_some_and(|path| (path.width, path.height) != size) {
            return Err("size mismatch: the clipping path was made for a picture of another size".into());
        }
        Ok(())
    }
}
