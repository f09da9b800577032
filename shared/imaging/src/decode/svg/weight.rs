//! The size of an unfolded element, and its limits.

use super::refusal::Refusal;

/// Most elements that a document unfolds into. An element takes 700 bytes.
const MAX_ELEMENTS: u64 = 300_000;
/// Most elements that references add to a document.
const MAX_ADDED_ELEMENTS: u64 = 100_000;
/// Most bytes of attributes, images aside, that references add to a document.
const MAX_ADDED_ATTRIBUTE_BYTES: u64 = 4 << 20;
/// Most bytes of images. Each is decoded as often as it is drawn.
const MAX_IMAGE_BYTES: u64 = 128 << 20;
/// Most points. A point takes up to 70 bytes while its stroke is measured.
const MAX_POINTS: u64 = 3_000_000;
/// Most elements, each as often as it is nested deep. An element searches those around it for what it inherits.
const MAX_LEVELS: u64 = 10_000_000;

/// The size of an element after unfolding, with everything that it refers to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    pub(super) elements: u64,
    pub(super) attribute_bytes: u64,
    pub(super) image_bytes: u64,
    /// Points of paths. A marker may be drawn at each.
    pub(super) points: u64,
    /// The number of elements around each element, summed.
    pub(super) levels: u64,
    /// Levels of nesting below the element, through references too.
    pub(super) depth: usize,
}

impl Weight {
    /// The weight of a copy of a gradient: its stops, as points of the same size in memory.
    pub(super) fn of_gradient(self) -> Self {
        Self { points: self.elements.saturating_mul(2), depth: self.depth, ..Self::default() }
    }

    /// Adds something that is drawn `times` times within this.
    pub(super) fn add(&mut self, inner: Self, times: u64) {
        let sum = |total: u64, inner: u64| total.saturating_add(inner.saturating_mul(times));
        self.elements = sum(self.elements, inner.elements);
        self.attribute_bytes = sum(self.attribute_bytes, inner.attribute_bytes);
        self.image_bytes = sum(self.image_bytes, inner.image_bytes);
        self.points = sum(self.points, inner.points);
        self.levels = sum(self.levels, inner.levels.saturating_add(inner.elements));
        self.depth = self.depth.max(inner.depth + 1);
    }

    /// Checks the size of a document or a part of it. `own` is the document's size before unfolding.
    pub(super) fn check(&self, own: &Self) -> Result<(), Refusal> {
        if own.elements > MAX_ELEMENTS {
            return Err(Refusal::TooManyElements);
        }
        if own.points > MAX_POINTS {
            return Err(Refusal::TooManyPoints);
        }
        let exceeds = self.elements > MAX_ELEMENTS.min(own.elements + MAX_ADDED_ELEMENTS)
            || self.attribute_bytes > own.attribute_bytes + MAX_ADDED_ATTRIBUTE_BYTES
            || self.image_bytes > MAX_IMAGE_BYTES
            || self.points > MAX_POINTS;
        if exceeds {
            return Err(Refusal::UnfoldsTooFar);
        }
        if self.levels > MAX_LEVELS { Err(Refusal::TooDeep) } else { Ok(()) }
    }

    /// Bytes that the unfolded tree takes, at most.
    pub(super) fn tree_bytes(&self) -> u64 {
        self.elements.saturating_mul(450).saturating_add(self.points.saturating_mul(12))
    }
}
