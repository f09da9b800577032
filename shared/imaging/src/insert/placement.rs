//! From the upright picture to the pixels as the file stores them.

use image::metadata::Orientation;

use crate::decode::stored_size;
use crate::path::{ClippingPath, Node, Point, Subpath};

/// A path on the upright picture, moved to the pixels as stored. `orientation` is the file's: how its pixels are turned to
/// be upright. Outer outlines stay clockwise.
pub fn on_stored_raster(path: &ClippingPath, orientation: Orientation) -> ClippingPath {
    let (width, height) = stored_size((path.width, path.height), orientation);
    let (w, h) = (f64::from(width), f64::from(height));
    let mirrors = matches!(
        orientation,
        Orientation::FlipHorizontal
            | Orientation::FlipVertical
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let stored = |Point { x, y }: Point| {
        let (x, y) = match orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (w - x, y),
            Orientation::Rotate180 => (w - x, h - y),
            Orientation::FlipVertical => (x, h - y),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (y, h - x),
            Orientation::Rotate270FlipH => (w - y, h - x),
            Orientation::Rotate270 => (w - y, x),
        };
        Point { x, y }
    };
    let subpaths = path.subpaths.iter().map(|subpath| {
        let node = |node: &Node| {
            let [before, after] = [node.before, node.after].map(stored);
            // A mirror turns outlines around, so they are followed the other way.
            let (before, after) = if mirrors { (after, before) } else { (before, after) };
            Node { before, anchor: stored(node.anchor), after, smooth: node.smooth }
        };
        let mut nodes: Vec<Node> = subpath.nodes.iter().map(node).collect();
        if mirrors {
            nodes.reverse();
        }
        Subpath { nodes, hole: subpath.hole }
    });
    ClippingPath { width, height, subpaths: subpaths.collect() }
}
