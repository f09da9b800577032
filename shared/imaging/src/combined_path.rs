//! Paths that are combined from several shapes, as Photoshop combines them.

use crate::path::Node;

/// How a shape is combined with the area that those before it make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// All that is in one of the two and not in both.
    Exclude,
    /// All that is in either.
    Union,
    /// All that is in the area and not in the shape.
    Subtract,
    /// All that is in both.
    Intersect,
}

/// Closed outlines that make one shape: a point is inside if it is within an odd number of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// How it is combined with the area so far.
    pub(crate) operation: Operation,
    /// The nodes of each outline, in pixels of the picture. The last node connects to the first.
    pub(crate) outlines: Vec<Vec<Node>>,
}

/// Shapes that make an area, one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct CombinedPath {
    /// Whether the area is the whole picture before the first shape. Otherwise it is empty.
    pub(crate) starts_filled: bool,
    /// The shapes, in their order.
    pub(crate) shapes: Vec<Shape>,
}

impl CombinedPath {
    /// Adds an outline to a shape of its own. One that excludes belongs to the shape before if that excludes too: the order
    /// of two exclusions makes no difference, and together their common edges are exact.
    pub(crate) fn begin_shape(&mut self, operation: Operation, outline: Vec<Node>) {
        let is_excluding = |shape: &Shape| shape.operation == Operation::Exclude;
        match self.shapes.last_mut().filter(|shape| is_excluding(shape) && operation == Operation::Exclude) {
            Some(shape) => shape.outlines.push(outline),
            None => self.shapes.push(Shape { operation, outlines: vec![outline] }),
        }
    }

    /// Adds an outline to the last shape. Without one, it begins the first, which excludes.
    pub(crate) fn continue_shape(&mut self, outline: Vec<Node>) {
        match self.shapes.last_mut() {
            Some(shape) => shape.outlines.push(outline),
            None => self.begin_shape(Operation::Exclude, outline),
        }
    }
}
