//! The graph while it is read. Its convolutions still refer to the file's tensors, and operators can be fused; then it is
//! lowered, once, to a [`Network`].

use rten_onnx::onnx::TensorProto;

use super::tensor::floats;
use crate::error::Error;
use crate::graph::{Conv, Graph, Layer, MapId};
use crate::method::{ConvMethod, Window};
use crate::network::Network;
use crate::shape::Shape;
use crate::weights::{WeightDims, WeightPacker};

/// A convolution whose weights are still in the file.
#[derive(Debug)]
pub(super) struct ConvDraft<'a> {
    pub(super) from: Vec<MapId>,
    pub(super) window: Window,
    pub(super) weights: &'a TensorProto,
    pub(super) bias: Option<&'a TensorProto>,
    /// Whether a ReLU is fused into the convolution.
    pub(super) relu: bool,
    /// The map of an addition that is fused into the convolution.
    pub(super) add: Option<MapId>,
}

/// An operator on maps. See [`Layer`] for their meaning.
#[derive(Debug)]
pub(super) enum Operator<'a> {
    Conv(ConvDraft<'a>),
    Relu { from: MapId },
    MaxPool { from: MapId },
    Resize { from: MapId, first_if_single: bool },
    Add { a: MapId, b: MapId },
    Sigmoid { from: MapId },
}

impl Operator<'_> {
    /// How often the operator reads a map.
    fn reads(&self, map: MapId) -> usize {
        match self {
            Self::Conv(conv) => conv.from.iter().chain(&conv.add).filter(|from| **from == map).count(),
            Self::Add { a, b } => usize::from(*a == map) + usize::from(*b == map),
            Self::Relu { from } | Self::MaxPool { from } | Self::Resize { from, .. } | Self::Sigmoid { from } => {
                usize::from(*from == map)
            }
        }
    }
}

/// An operator and the map that it computes.
#[derive(Debug)]
struct Node<'a> {
    operator: Operator<'a>,
    to: MapId,
}

/// A graph that is being built.
#[derive(Debug)]
pub(super) struct GraphBuilder<'a> {
    maps: Vec<Shape>,
    /// In the order in which they run.
    nodes: Vec<Node<'a>>,
}

impl<'a> GraphBuilder<'a> {
    /// Starts a graph. Its input is map 0.
    pub(super) fn new(input: Shape) -> Self {
        Self { maps: vec![input], nodes: Vec::new() }
    }

    pub(super) fn shape(&self, map: MapId) -> Shape {
        self.maps[map]
    }

    /// The shape of maps whose channels follow each other.
    ///
    /// # Errors
    /// See [`Shape::join`].
    pub(super) fn joined(&self, maps: &[MapId]) -> Result<Shape, Error> {
        Shape::join(maps.iter().map(|map| self.maps[*map]))
    }

    /// Appends an operator. Returns the map that it computes.
    pub(super) fn push(&mut self, operator: Operator<'a>, shape: Shape) -> MapId {
        let to = self.maps.len();
        self.maps.push(shape);
        self.nodes.push(Node { operator, to });
        to
    }

    /// Fuses what a convolution can absorb, and turns the graph into a network that computes `output`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if weights are missing; [`Error::Unsupported`] if an operator is of a form without a kernel.
    pub(super) fn build(mut self, output: MapId) -> Result<Network, Error> {
        self.fuse(output, Self::absorb_relu);
        self.fuse(output, Self::absorb_addition);
        self.lower(output)
    }

    /// How often a map is read; being the output counts.
    fn uses(&self, map: MapId, output: MapId) -> usize {
        self.nodes.iter().map(|node| node.operator.reads(map)).sum::<usize>() + usize::from(map == output)
    }

    /// The index of the node that computes a map; `None` for the input.
    fn producer(&self, map: MapId) -> Option<usize> {
        self.nodes.iter().position(|node| node.to == map)
    }

    /// Fuses each node for which `absorb` returns a convolution: from then on, that convolution computes the node's
    /// map.
    fn fuse(&mut self, output: MapId, absorb: impl Fn(&mut Self, usize, MapId) -> Option<usize>) {
        let mut at = 0;
        while at < self.nodes.len() {
            match absorb(self, at, output) {
                Some(conv) => {
                    self.nodes[conv].to = self.nodes[at].to;
                    self.nodes.remove(at);
                }
                None => at += 1,
            }
        }
    }

    /// Lets a convolution absorb a ReLU that is the only reader of its output. Returns the convolution's node.
    fn absorb_relu(&mut self, at: usize, output: MapId) -> Option<usize> {
        let Operator::Relu { from } = self.nodes[at].operator else { return None };
        let producer = self.producer(from).filter(|_| self.uses(from, output) == 1)?;
        let Operator::Conv(conv) = &mut self.nodes[producer].operator else { return None };
        conv.relu = true;
        Some(producer)
    }

    /// Lets a convolution absorb an addition that is the only reader of its output, if the other map is computed
    /// before. Returns the convolution's node.
    fn absorb_addition(&mut self, at: usize, output: MapId) -> Option<usize> {
        let Operator::Add { a, b } = self.nodes[at].operator else { return None };
        [(a, b), (b, a)].into_iter().find_map(|(sum, other)| {
            let producer = self.producer(sum)?;
            let alone = self.uses(sum, output) == 1 && sum != other && !self.maps[sum].is_planar();
            let computed_before = self.producer(other).is_none_or(|other| other < producer);
            match &mut self.nodes[producer].operator {
                Operator::Conv(conv) if alone && computed_before && conv.add.is_none() => {
                    conv.add = Some(other);
                    Some(producer)
                }
                _ => None,
            }
        })
    }

    /// Packs the weights and turns each node into a layer.
    fn lower(self, output: MapId) -> Result<Network, Error> {
        let Self { maps, nodes } = self;
        let mut packer = WeightPacker::default();
        let mut layers = Vec::with_capacity(nodes.len());
        for Node { operator, to } in nodes {
            layers.push(match operator {
                Operator::Conv(conv) => Layer::Conv(conv.lower(to, &maps, &mut packer)?),
                Operator::Relu { .. } => {
                    return Err(Error::unsupported("a ReLU whose input is not a convolution's, or is read elsewhere"));
                }
                Operator::MaxPool { from } => Layer::MaxPool { from, to },
                Operator::Resize { from, first_if_single } => Layer::Resize { from, to, first_if_single },
                Operator::Add { a, b } => Layer::Add { a, b, to },
                Operator::Sigmoid { from } => Layer::Sigmoid { from, to },
            });
        }
        // The weights are complete. A graph that fails the checks has a form that the family does not use.
        Network::new(Graph { maps, layers, output }, packer.finish()).map_err(|error| match error {
            Error::Malformed(what) => Error::Unsupported(what),
            error => error,
        })
    }
}

impl ConvDraft<'_> {
    fn lower(self, to: MapId, maps: &[Shape], packer: &mut WeightPacker) -> Result<Conv, Error> {
        let Self { from, window, relu, add, .. } = self;
        let input = Shape::join(from.iter().map(|map| maps[*map]))?;
        let dims = WeightDims { outputs: maps[to].channels, inputs: input.channels, size: window.size };
        let method = ConvMethod::choose(input, maps[to], window)?;
        let weights = floats(self.weights)?;
        if Some(weights.len()) != dims.count() {
            return Err(Error::malformed("a convolution's weights have the wrong size"));
        }
        let bias = self.bias.map(floats).transpose()?;
        if bias.as_ref().is_some_and(|bias| bias.len() != dims.outputs) {
            return Err(Error::malformed("a convolution's bias has the wrong size"));
        }
        let weights = packer.weights(method, dims, &weights);
        let bias = packer.bias(dims.outputs, bias.as_ref());
        Ok(Conv { from, to, window, relu, add, weights, bias })
    }
}
