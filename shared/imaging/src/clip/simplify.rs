//! A path with fewer nodes.

use image::GrayImage;

use super::trace::{TraceOptions, trace};
use crate::path::ClippingPath;

/// The largest distance between a simplified path and the outline, in pixels, unless the outline is traced at half its size.
const MAX_TOLERANCE: f64 = 4.0;

/// Traces a matte with as little tolerance as `max_nodes` nodes allow, beginning with that of `options`. An outline that
/// needs more nodes even at a tolerance of 4 pixels is traced at half its size, as in [`trace()`].
pub fn simplified(matte: &GrayImage, options: &TraceOptions, max_nodes: usize) -> ClippingPath {
    let mut options = TraceOptions { ..*options };
    loop {
        options.tolerance *= 1.5;
        if options.tolerance >= MAX_TOLERANCE {
            return trace(matte, &TraceOptions { tolerance: MAX_TOLERANCE, max_nodes, ..options }).path;
        }
        let path = trace(matte, &options).path;
        if path.nodes() <= max_nodes {
            return path;
        }
    }
}
