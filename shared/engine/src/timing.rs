//! How long each layer of a run took.

use std::time::Duration;

use crate::graph::{Graph, Layer};

/// The time of a layer in a run.
#[derive(Debug, Clone)]
pub struct LayerTime {
    /// The operator, such as `conv3 d2`: a convolution of 3 × 3 with dilation 2.
    pub operator: String,
    /// The shape of the output, after the number of input channels of a convolution.
    pub shapes: String,
    /// The multiplications of a convolution if it were computed without any shortcut; 0 for other operators.
    pub multiplications: u64,
    /// How long the layer took.
    pub time: Duration,
}

impl LayerTime {
    pub(crate) fn new(graph: &Graph, layer: &Layer, time: Duration) -> Self {
        let output = graph.maps[layer.to()];
        let to = format!("-> {}x{}x{}", output.channels, output.height, output.width);
        let (operator, shapes, multiplications) = match layer {
            Layer::Conv(conv) => {
                let inputs: usize = conv.from.iter().map(|map| graph.maps[*map].channels).sum();
                let (size, add) = (conv.window.size, if conv.add.is_some() { " add" } else { "" });
                let operator = format!("conv{size} d{}", conv.window.dilation);
                (operator, format!("{inputs} {to}{add}"), output.values() * inputs * size * size)
            }
            Layer::MaxPool { .. } => ("pool".to_owned(), to, 0),
            Layer::Resize { .. } => ("resize".to_owned(), to, 0),
            Layer::Add { .. } => ("add".to_owned(), to, 0),
            Layer::Sigmoid { .. } => ("sigmoid".to_owned(), to, 0),
        };
        Self { operator, shapes, multiplications: multiplications as u64, time }
    }
}
