//! The shape of a map.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::simd::LANES;

/// The most values in a map. The shipped networks need a sixteenth of this.
const MAX_VALUES: u64 = 1 << 28;
/// The longest side of a map, in pixels.
const MAX_SIDE: usize = 1 << 16;

/// The shape of a map: the values of one picture in a network, of batch size 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// The number of values: channels × height × width.
    pub fn values(self) -> usize {
        self.channels * self.pixels()
    }

    pub(crate) fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Whether the map is planar (see `kernels.rs`): its channels do not fill blocks of sixteen.
    pub(crate) fn is_planar(self) -> bool {
        !self.channels.is_multiple_of(LANES)
    }

    /// Blocks of sixteen channels.
    pub(crate) fn blocks(self) -> usize {
        self.channels / LANES
    }

    /// The vectors that hold the map.
    pub(crate) fn lanes(self) -> usize {
        self.values().div_ceil(LANES)
    }

    /// The shape after a convolution that keeps the size but for its stride.
    pub(crate) fn strided(self, stride: usize, channels: usize) -> Self {
        let side = |side: usize| (side - 1) / stride + 1;
        Self { channels, height: side(self.height), width: side(self.width) }
    }

    /// The shape after pooling of 2 × 2.
    pub(crate) fn halved(self) -> Self {
        Self { height: self.height.div_ceil(2), width: self.width.div_ceil(2), ..self }
    }

    /// The shape of maps whose channels follow each other.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if their sizes or layouts differ; [`Error::Malformed`] if no map is given.
    pub(crate) fn join(mut shapes: impl Iterator<Item = Self>) -> Result<Self, Error> {
        let first = shapes.next().ok_or_else(|| Error::malformed("a layer has no input"))?;
        let mut joined = first;
        for shape in shapes {
            if (shape.height, shape.width, shape.is_planar()) != (first.height, first.width, first.is_planar()) {
                return Err(Error::unsupported("joined maps of different sizes or layouts"));
            }
            joined.channels = joined.channels.saturating_add(shape.channels);
        }
        // Sixteen planar channels do not lie in one vector.
        if first.is_planar() && !joined.is_planar() {
            return Err(Error::unsupported("planar maps that join to a multiple of sixteen channels"));
        }
        Ok(joined)
    }

    /// Rejects a shape without values or with too many.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub(crate) fn check(self) -> Result<(), Error> {
        let sides = [self.channels, self.height, self.width];
        let values = sides.iter().try_fold(1_u64, |product, side| product.checked_mul(*side as u64));
        match values {
            Some(1..=MAX_VALUES) if self.height.max(self.width) <= MAX_SIDE => Ok(()),
            _ => {
                Err(Error::malformed(format!("impossible map of {} x {} x {}", self.channels, self.height, self.width)))
            }
        }
    }
}
