//! A vector outline: what a clipping path is before it is written into any file.

/// A place on the picture, in its pixels: (0, 0) is the outer corner of the first pixel, and the centre of
/// that pixel is (0.5, 0.5). y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

/// A node of a cubic Bézier outline, with its two handles. A straight side has its handles at the nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// The handle on the side of the node before.
    pub before: Point,
    /// The node, which the outline passes through.
    pub anchor: Point,
    /// The handle on the side of the node after.
    pub after: Point,
    /// Whether the outline goes through without a corner: both handles lie on one line with the node, and
    /// programs keep them so when one is dragged.
    pub smooth: bool,
}

/// A closed outline of at least two nodes; the last is joined to the first. Seen on the screen, an outer
/// outline runs clockwise and a hole counter-clockwise, so that the even-odd and the non-zero rule agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Subpath {
    /// The nodes in their order.
    pub nodes: Vec<Node>,
    /// Whether this is a hole in an outer outline.
    pub hole: bool,
}

/// The outlines of a subject on a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// The outlines, each outer one before the holes in it.
    pub subpaths: Vec<Subpath>,
}

impl Path {
    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.subpaths.iter().map(|subpath| subpath.nodes.len()).sum()
    }
}
