//! The graph of a network: maps, and the layers that compute each map from others.

mod check;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::method::{ConvMethod, Window};
use crate::shape::Shape;
use crate::weights::{WeightDims, WeightSlice};

/// The index of a map in [`Graph::maps`].
pub(crate) type MapId = usize;

/// A convolution: `to = add + relu(conv(from) + bias)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conv {
    /// Maps of one size. The convolution reads their channels one map after another.
    pub(crate) from: Vec<MapId>,
    pub(crate) to: MapId,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) relu: bool,
    /// A map of the output's shape that is added at the end.
    pub(crate) add: Option<MapId>,
    pub(crate) weights: WeightSlice,
    pub(crate) bias: WeightSlice,
}

/// Computes one map from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Layer {
    Conv(Conv),
    /// The maximum of each 2 × 2 pixels. At the end of an odd side, the window is cut off.
    MaxPool {
        from: MapId,
        to: MapId,
    },
    /// Bilinear, with pixel centers at half coordinates. `first_if_single` is ONNX's `pytorch_half_pixel`: a side of one
    /// output pixel samples the first input pixel rather than the middle.
    Resize {
        from: MapId,
        to: MapId,
        first_if_single: bool,
    },
    Add {
        a: MapId,
        b: MapId,
        to: MapId,
    },
    Sigmoid {
        from: MapId,
        to: MapId,
    },
}

impl Layer {
    /// The map that the layer computes.
    pub(crate) fn to(&self) -> MapId {
        match self {
            Self::Conv(conv) => conv.to,
            Self::MaxPool { to, .. } | Self::Resize { to, .. } | Self::Add { to, .. } | Self::Sigmoid { to, .. } => *to,
        }
    }

    /// The maps that the layer reads.
    pub(crate) fn from(&self) -> Vec<MapId> {
        match self {
            Self::Conv(conv) => conv.from.iter().copied().chain(conv.add).collect(),
            Self::MaxPool { from, .. } | Self::Resize { from, .. } | Self::Sigmoid { from, .. } => vec![*from],
            Self::Add { a, b, .. } => vec![*a, *b],
        }
    }
}

/// A network without its weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Graph {
    /// The shapes of all maps. The first is the input.
    pub(crate) maps: Vec<Shape>,
    /// In the order in which they run.
    pub(crate) layers: Vec<Layer>,
    pub(crate) output: MapId,
}

impl Graph {
    /// The shape of maps whose channels follow each other.
    ///
    /// # Errors
    /// See [`Shape::join`].
    pub(crate) fn joined(&self, maps: &[MapId]) -> Result<Shape, Error> {
        let shapes = maps.iter().map(|map| self.maps.get(*map).copied());
        let shapes = shapes.collect::<Option<Vec<_>>>().ok_or_else(|| Error::malformed("a map is missing"))?;
        Shape::join(shapes.into_iter())
    }

    /// How a convolution is computed, and the dimensions of its weights.
    ///
    /// # Errors
    /// See [`Shape::join`] and [`ConvMethod::choose`].
    pub(crate) fn method(&self, conv: &Conv) -> Result<(ConvMethod, WeightDims), Error> {
        let (from, to) = (self.joined(&conv.from)?, self.maps[conv.to]);
        let dims = WeightDims { outputs: to.channels, inputs: from.channels, size: conv.window.size };
        Ok((ConvMethod::choose(from, to, conv.window)?, dims))
    }
}
