//! Rectangles of the picture.

use crate::sample::CELL_SIDE;

/// The side of a cell of the finest level that covers the whole picture, in pixels. Finer levels are built for one tile at a
/// time.
pub(super) const CELL: usize = CELL_SIDE;

/// A rectangle of pixels. `right` and `bottom` are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

impl Window {
    /// Where a window within this one begins, in cells of `cell` pixels.
    pub(super) fn offset(self, within: Self, cell: usize) -> (usize, usize) {
        ((within.left - self.left) / cell, (within.top - self.top) / cell)
    }

    /// Width and height in cells of `cell` pixels.
    pub(super) fn size(self, cell: usize) -> (usize, usize) {
        ((self.right - self.left).div_ceil(cell), (self.bottom - self.top).div_ceil(cell))
    }
}
