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
use crate::sample::ColorSample;

/// The outline of the subject.
pub(crate) enum Outline {
    /// A clean path, and the hard-edged alpha that it encloses.
    Path {
        path: ClippingPath,
        alpha: GrayImage,
        /// The number of nodes that the path would have, if it was simplified.
        nodes_before: Option<usize>,
    },
    /// The outline cannot be traced as a clean path: hair, fur, glass.
    Untraceable { reason: String },
}

impl Outline {
    fn trace(matte: &GrayImage, rendering: &Rendering, plan: &Plan<'_>) -> Self {
        let inset = f64::from(rendering.path.inset.get());
        let mut options = TraceOptions { inset, ..TraceOptions::default() };
        if plan.keeps_tiny_parts {
            options.min_share = 0.0;
        }
        let traced = clip::trace(matte, &options);
        if let Some(reason) = clip::pathability(matte, &traced).reason() {
            return Self::Untraceable { reason };
        }
        let nodes = traced.path.nodes();
        let (path, nodes_before) = match plan.max_nodes().filter(|max_nodes| nodes > *max_nodes) {
            Some(max_nodes) => (clip::simplified(matte, &options, max_nodes), Some(nodes)),
            None => (traced.path, None),
        };
        Self::Path { alpha: clip::rasterize(&path), path, nodes_before }
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
pub(crate) fn trace_outline<T: ColorSample>(
    plan: &Plan<'_>,
    cutout: &RawCutout<T>,
    metadata: &ImageMetadata,
    results: &mut Results,
) -> Result<Option<Outline>, Error> {
    let (outline, matte) = rayon::join(
        || plan.path_rendering().map(|rendering| Outline::trace(cutout.alpha(), rendering, plan)),
        || encode(Document { metadata, ..Document::of(cutout.planes()) }, OutputFormat::Png, &plan.matte),
    );
    results.add_asset(AssetKind::Matte, matte?);
    Ok(outline)
}
