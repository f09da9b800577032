//! The records of a path resource: their length, their kinds, and the numbers in them.

/// Bytes of a record: its kind in two, and its content.
pub(super) const LENGTH: usize = 26;
/// One as a coordinate: a fixed-point number with 24 bits behind the point.
pub(super) const ONE: f64 = 16_777_216.0;

pub(super) const CLOSED_SUBPATH: u16 = 0;
pub(super) const CLOSED_LINKED_KNOT: u16 = 1;
pub(super) const CLOSED_UNLINKED_KNOT: u16 = 2;
pub(super) const OPEN_SUBPATH: u16 = 3;
pub(super) const OPEN_LINKED_KNOT: u16 = 4;
pub(super) const OPEN_UNLINKED_KNOT: u16 = 5;
pub(super) const FILL_RULE: u16 = 6;
pub(super) const INITIAL_FILL: u16 = 8;
