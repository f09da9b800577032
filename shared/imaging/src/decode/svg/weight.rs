//! The size of an unfolded element, and its limits.

use super::refusal::Refusal;

/// Most elements that a document unfolds into.
const MAX_ELEMENTS: u64 = 1_000_000;
/// Most bytes of attributes, images aside.
const MAX_ATTRIBUTE_BYTES: u64 = 256 << 20;
/// Most bytes of images. Each is decoded as often as it is drawn.
const MAX_IMAGE_BYTES: u64 = 128 << 20;

/// The size of an element after unfolding, with everything that it refers to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    pub(super) elements: u64,
    pub(super) attribute_bytes: u64,
    pub(super) image_bytes: u64,
    /// Points of paths. A marker may be drawn at each.
    pub(super) points: u64,
    /// Levels of nesting below the element, through references too.
    pub(super) depth: usize,
}

impl Weight {
    /// Adds something that is drawn `times` times within this.
    pub(super) fn add(&mut self, inner: Self, times: u64) {
        let sum = |total: u64, inner: u64| total.saturating_add(inner.saturating_mul(times));
        self.elements = sum(self.elements, inner.elements);
        self.attribute_bytes = sum(self.attribute_bytes, inner.attribute_bytes);
        self.image_bytes = sum(self.image_bytes, inner.image_bytes);
        self.points = sum(self.points, inner.points);
        self.depth = self.depth.max(inner.depth + 1);
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let exceeds = self.elements > MAX_ELEMENTS
            || self.attribute_bytes > MAX_ATTRIBUTE_BYTES
            || self.image_bytes > MAX_IMAGE_BYTES;
        if exceeds { Err(Refusal::UnfoldsTooFar) } else { Ok(()) }
    }
}
