//! How a convolution is computed.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::shape::Shape;

/// The window of a convolution. Its kernel is square, and the input is padded with zeros by half of it on all sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Rows and columns of the kernel; odd.
    pub(crate) size: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
}

/// The kernel that computes a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConvMethod {
    /// 3 × 3, from blocks to blocks.
    Winograd,
    /// From a planar map to blocks.
    FromPlanar,
    /// From blocks to a planar map.
    ToPlanar,
    /// 1 × 1, from a planar map to another.
    Pointwise,
}

impl ConvMethod {
    /// Chooses a method by the layouts of the input and the output.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if no kernel computes such a convolution.
    pub(crate) fn choose(from: Shape, to: Shape, window: Window) -> Result<Self, Error> {
        let Window { size, stride, dilation } = window;
        match (from.is_planar(), to.is_planar()) {
            (false, false) if size == 3 && stride == 1 => Ok(Self::Winograd),
            (true, false) if dilation == 1 => Ok(Self::FromPlanar),
            (false, true) if stride == 1 => Ok(Self::ToPlanar),
            (true, true) if size == 1 && stride == 1 => Ok(Self::Pointwise),
            _ => Err(Error::unsupported(format!(
                "a convolution of {size} x {size} from {} to {} channels with stride {stride} and dilation {dilation}",
                from.channels, to.channels
            ))),
        }
    }
}
