//! The clipping path, and the file of the matte.

use cutline_core::{AssetKind, OutputFormat, Rendering};
use image::GrayImage;

use crate::clip::{self, TraceOptions};
use crate::cutout::RawCutout;
use crate::encode::{Document, encode};
use crate::error::Error;
use crate::path::ClippingPath;
use crate::photo::ImageMetadata;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;

/// The outline of the subject.
pub(crate) enum Outline {
    /// A clean path, and the hard-edged alpha that it encloses.
    Path { path: ClippingPath, alpha: GrayImage },
    /// The outline cannot be traced as a clean path: hair, fur, glass.
    Untraceable { reason: String },
}

impl Outline {
    fn trace(matte: &GrayImage, rendering: &Rendering) -> Self {
        let inset = f64::from(rendering.path.inset.get());
        let traced = clip::trace(matte, &TraceOptions { inset, ..TraceOptions::default() });
        match clip::pathability(matte, &traced).reason() {
            Some(reason) => Self::Untraceable { reason },
            None => Self::Path { alpha: clip::rasterize(&traced.path), path: traced.path },
        }
    }

    /// The alpha that the path encloses, if there is one.
    pub(crate) fn hard_alpha(&self) -> Option<&GrayImage> {
        match self {
            Self::Path { alpha, .. } => Some(alpha),
            Self::Untraceable { .. } => None,
        }
    }
}

/// Traces the outline if the plan needs the path, and encodes the matte. Tracing keeps one thread busy for long, so the
/// matte is encoded on others meanwhile.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn trace_outline(
    plan: &Plan<'_>,
    cutout: &RawCutout,
    metadata: &ImageMetadata,
    results: &mut Results,
) -> Result<Option<Outline>, Error> {
    let (outline, matte) = rayon::join(
        || plan.clipping.as_ref().map(|picture| Outline::trace(cutout.alpha(), &picture.rendering)),
        || encode(Document { metadata, ..Document::of(cutout.planes()) }, OutputFormat::Png, &plan.matte),
    );
    results.add_asset(AssetKind::Matte, matte?);
    Ok(outline)
}
