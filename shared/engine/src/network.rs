//! A network: a graph and its weights.

use crate::error::Error;
use crate::graph::Graph;
use crate::shape::Shape;
use crate::weights::WeightStore;

/// A network whose graph is consistent, and its weights.
///
/// Its input and its output are maps of batch size 1: `f32` values, channel by channel, each channel row by row
/// ("NCHW"). The network itself defines their ranges; the shipped networks take normalized RGB and return alpha from 0
/// to 1.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    weights: WeightStore,
    source: String,
}

impl Network {
    pub(crate) fn new(graph: Graph, weights: WeightStore) -> Result<Self, Error> {
        graph.check(weights.bytes().len())?;
        Ok(Self { graph, weights, source: String::new() })
    }

    /// Names the network's origin, such as the checksum of its ONNX file. A prepared file keeps the name.
    #[must_use]
    pub fn with_source(self, source: impl Into<String>) -> Self {
        Self { source: source.into(), ..self }
    }

    /// The origin that [`Network::with_source`] named; empty if it did not.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The shape of the input.
    pub fn input(&self) -> Shape {
        self.graph.maps[0]
    }

    /// The shape of the output.
    pub fn output(&self) -> Shape {
        self.graph.maps[self.graph.output]
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn weights(&self) -> &WeightStore {
        &self.weights
    }
}
