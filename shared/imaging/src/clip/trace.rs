//! The steps from a matte to its path.

use image::GrayImage;
use rayon::prelude::*;

use super::contour::{self, Contour, contour_within};
use super::fit::fit_outline;
use super::inset::{MAX_INSET, moved_inwards};
use crate::path::{ClippingPath, Point, Subpath};

/// The most nodes of one path. Photoshop counts the nodes of a subpath in a signed 16-bit number, and takes 26 bytes for
/// each node and each subpath: 1.3 MB at most.
pub const MAX_NODES: usize = 32_000;

/// How a matte is traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceOptions {
    /// The largest distance between a curve and the outline of the matte, in pixels: 0.2 to 4. Below 0.5, curves follow
    /// the stairs of a matte without soft edges, which takes many nodes.
    pub tolerance: f64,
    /// How far the outline is moved inwards, in pixels: 0 to [`MAX_INSET`].
    pub inset: f64,
    /// Islands and holes with a smaller area than this share of the largest outline's are dropped.
    pub min_share: f64,
    /// Islands and holes with a smaller area than this, in square pixels, are dropped as well.
    pub min_area: f64,
    /// The most nodes, at most [`MAX_NODES`]. A matte that needs more is traced at half its size.
    pub max_nodes: usize,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { tolerance: 0.6, inset: 0.0, min_share: 1e-4, min_area: 16.0, max_nodes: MAX_NODES }
    }
}

/// The result of [`trace()`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// The path. It has no outline if no alpha of the matte is above 0.5.
    pub path: ClippingPath,
    /// The outlines that the path was fitted to: after the inset, and without those that were dropped.
    pub contour: Contour,
}

/// Traces a matte.
///
/// The path stays within the tolerance almost everywhere; at a corner that is restored although the matte blunts it, it
/// may be 1.5 pixels away. An outline that needs more nodes than allowed, or has more than half a million points, is
/// traced at half the size, a quarter and so on ([`Contour::coarseness`]), and is less exact by that factor. At slits
/// about a pixel wide, the outlines on either side may cross by a fraction of a pixel.
///
/// The work is proportional to the area of the picture plus the length of the outlines. It never fails.
pub fn trace(matte: &GrayImage, options: &TraceOptions) -> Trace {
    trace_at(matte, options, options.inset.clamp(0.0, MAX_INSET), options.min_area.max(0.0))
}

/// Traces a matte that may be smaller than the picture. `inset` and `min_area` are in pixels of the matte.
fn trace_at(matte: &GrayImage, options: &TraceOptions, inset: f64, min_area: f64) -> Trace {
    let Some(contour) = contour_to_trace(matte, options, inset, min_area) else {
        return trace_at_half_size(matte, options, inset, min_area);
    };
    let size = matte.dimensions();
    let tolerance = options.tolerance.clamp(0.2, 4.0);
    let subpaths: Vec<Subpath> =
        contour.outlines.par_iter().map(|outline| fit_outline(outline, size, tolerance)).collect();
    let path = ClippingPath { width: size.0, height: size.1, subpaths };
    if path.nodes() > options.max_nodes.clamp(4, MAX_NODES) && size != (1, 1) {
        return trace_at_half_size(matte, options, inset, min_area);
    }
    Trace { path, contour }
}

/// The outlines to fit; `None` if they have too many points at this size.
fn contour_to_trace(matte: &GrayImage, options: &TraceOptions, inset: f64, min_area: f64) -> Option<Contour> {
    let drop_small = |contour: &mut Contour| {
        let largest = contour.outlines.iter().map(|outline| outline.area).fold(0.0, f64::max);
        let min = (options.min_share.clamp(0.0, 1.0) * largest).max(min_area);
        contour.outlines.retain(|outline| outline.area.abs() >= min);
    };
    let mut contour = contour_within(matte, min_area)?;
    // Also before the outline is moved, which enlarges holes.
    drop_small(&mut contour);
    if inset > 0.0 {
        contour = contour_within(&moved_inwards(matte, &contour, inset), min_area)?;
        drop_small(&mut contour);
    }
    Some(contour)
}

fn trace_at_half_size(matte: &GrayImage, options: &TraceOptions, inset: f64, min_area: f64) -> Trace {
    let mut traced = trace_at(&contour::half_size(matte), options, inset / 2.0, min_area / 4.0);
    let (width, height) = matte.dimensions();
    let size = (f64::from(width), f64::from(height));
    for node in traced.path.subpaths.iter_mut().flat_map(|subpath| &mut subpath.nodes) {
        for point in [&mut node.before, &mut node.anchor, &mut node.after] {
            (point.x, point.y) = (point.x * 2.0, point.y * 2.0);
        }
        // The last column of the half-size matte may represent a single column. Straight sides stay straight.
        let anchor = Point { x: node.anchor.x.min(size.0), y: node.anchor.y.min(size.1) };
        for handle in [&mut node.before, &mut node.after] {
            if *handle == node.anchor {
                *handle = anchor;
            }
        }
        node.anchor = anchor;
    }
    (traced.path.width, traced.path.height) = (width, height);
    traced.contour = contour::double_size(traced.contour, (width, height));
    traced
}
