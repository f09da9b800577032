//! From a matte to a vector path, and from a path back to pixels.
//!
//! [`trace`] finds the outlines of a matte at alpha 0.5 ([`contour()`]), moves them inwards if that is wanted,
//! drops what is too small, finds the corners, and fits as few cubic Bézier curves as keep within a tolerance.
//! [`deviation()`] tells how near a path is to the outline, and [`rasterise`] makes alpha of a path.
//! [`pathability()`] tells whether a hard outline does a subject justice at all.
//!
//! It is not the place where a path is written into a file, and it makes no matte better.

mod bezier;
mod contour;
mod corners;
mod deviation;
mod fit;
mod inset;
mod pathability;
mod polish;
mod raster;
mod samples;

use image::GrayImage;
use rayon::prelude::*;

pub use contour::{Contour, Outline, contour};
pub use deviation::{Deviation, deviation};
pub use inset::INSET_MOST;
pub use pathability::{Pathability, Verdict, pathability};
pub use raster::rasterise;

use crate::path::{ClippingPath, Point, Subpath};

/// The most nodes of one path. Photoshop counts those of a subpath in 16 bits with sign, so that every subpath of it
/// can be written, and takes 26 bytes for each and for each subpath: 1.3 MB at most.
pub const NODES_MOST: usize = 32_000;

/// How a matte is traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceOptions {
    /// How far a curve may be from the outline of the matte, in pixels: 0.2 to 4. Below 0.5 the steps of a
    /// matte without soft edges are followed, which costs many nodes.
    pub tolerance: f64,
    /// How far the outline is moved inwards, in pixels: 0 to [`INSET_MOST`].
    pub inset: f64,
    /// Islands and holes with a smaller area than this share of the largest outline's are dropped.
    pub least_share: f64,
    /// Islands and holes with a smaller area than this are dropped too, in square pixels.
    pub least_area: f64,
    /// The most nodes, at most [`NODES_MOST`]. What needs more is traced on a matte of half the size.
    pub most_nodes: usize,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { tolerance: 0.6, inset: 0.0, least_share: 1e-4, least_area: 16.0, most_nodes: NODES_MOST }
    }
}

/// What was traced.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Traced {
    /// The path, without any outline if nothing of the matte is above 0.5.
    pub path: ClippingPath,
    /// The outlines that it was fitted to: moved inwards, and without those that were dropped.
    pub contour: Contour,
}

/// Traces a matte. The path keeps within the tolerance nearly everywhere (where a corner is restored that the
/// matte blunts, it may be 1.5 pixels away), unless the outline needs more nodes than are allowed, or has more
/// than half a million points: then it is traced at half the size, or a quarter and so on
/// ([`Contour::coarseness`]), and is so many times less exact. Where the subject has slits about a pixel wide, the
/// outlines on both sides of one may cross by a fraction of that.
///
/// The work grows with the area of the picture once, and else with the length of the outlines. Nothing makes
/// it fail.
pub fn trace(matte: &GrayImage, options: &TraceOptions) -> Traced {
    trace_at(matte, options, options.inset.clamp(0.0, INSET_MOST), options.least_area.max(0.0))
}

/// Traces a matte whose pixels may be several of the picture's: `inset` and `least_area` are in its own.
fn trace_at(matte: &GrayImage, options: &TraceOptions, inset: f64, least_area: f64) -> Traced {
    let Some(mut found) = contour::contour_within(matte, least_area) else {
        return halved(matte, options, inset, least_area);
    };
    let drop_small = |found: &mut Contour| {
        let largest = found.outlines.iter().map(|outline| outline.area).fold(0.0, f64::max);
        let least = (options.least_share.clamp(0.0, 1.0) * largest).max(least_area);
        found.outlines.retain(|outline| outline.area.abs() >= least);
    };
    // Before the outline is moved, which makes holes larger.
    drop_small(&mut found);
    if inset > 0.0 {
        let Some(moved) = contour::contour_within(&inset::moved_inwards(matte, &found, inset), least_area) else {
            return halved(matte, options, inset, least_area);
        };
        found = moved;
        drop_small(&mut found);
    }
    let size = matte.dimensions();
    let tolerance = options.tolerance.clamp(0.2, 4.0);
    let subpaths: Vec<Subpath> =
        found.outlines.par_iter().map(|outline| fit::fit_outline(outline, size, tolerance)).collect();
    let path = ClippingPath { width: size.0, height: size.1, subpaths };
    if path.nodes() > options.most_nodes.clamp(4, NODES_MOST) && size != (1, 1) {
        return halved(matte, options, inset, least_area);
    }
    Traced { path, contour: found }
}

fn halved(matte: &GrayImage, options: &TraceOptions, inset: f64, least_area: f64) -> Traced {
    let mut traced = trace_at(&contour::halved(matte), options, inset / 2.0, least_area / 4.0);
    let (width, height) = matte.dimensions();
    let size = (f64::from(width), f64::from(height));
    for node in traced.path.subpaths.iter_mut().flat_map(|subpath| &mut subpath.nodes) {
        for point in [&mut node.before, &mut node.anchor, &mut node.after] {
            (point.x, point.y) = (point.x * 2.0, point.y * 2.0);
        }
        // The last column of the half may stand for one column alone. What is straight stays so.
        let anchor = Point { x: node.anchor.x.min(size.0), y: node.anchor.y.min(size.1) };
        for handle in [&mut node.before, &mut node.after] {
            if *handle == node.anchor {
                *handle = anchor;
            }
        }
        node.anchor = anchor;
    }
    (traced.path.width, traced.path.height) = (width, height);
    traced.contour = contour::enlarged(traced.contour, (width, height));
    traced
}
