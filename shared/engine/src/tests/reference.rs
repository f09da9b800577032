//! Runs networks by plain loops in double precision.

use crate::graph::{Conv, Graph, Layer};
use crate::method::Window;
use crate::shape::Shape;

/// The weights and the bias of a convolution, in the order of an ONNX file.
type ConvWeights = (Vec<f32>, Vec<f32>);

/// A map, channel by channel, each channel row by row.
#[derive(Clone)]
struct Map {
    shape: Shape,
    values: Vec<f64>,
}

impl Map {
    /// Computes each value from its channel, row and column.
    fn from_fn(shape: Shape, value: impl Fn(usize, usize, usize) -> f64) -> Self {
        let mut values = Vec::with_capacity(shape.values());
        for channel in 0..shape.channels {
            for y in 0..shape.height {
                values.extend((0..shape.width).map(|x| value(channel, y, x)));
            }
        }
        Self { shape, values }
    }

    /// A value; zero outside of the map.
    fn at(&self, channel: usize, y: isize, x: isize) -> f64 {
        let Shape { height, width, .. } = self.shape;
        let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        if inside { self.values[(channel * height + y as usize) * width + x as usize] } else { 0.0 }
    }
}

/// Returns the values of the output. `weights` holds those of the convolutions, in order.
pub(super) fn run(graph: &Graph, weights: &[ConvWeights], input: &[f32]) -> Vec<f64> {
    let mut maps: Vec<_> = graph.maps.iter().map(|shape| Map { shape: *shape, values: Vec::new() }).collect();
    maps[0].values = input.iter().map(|value| f64::from(*value)).collect();
    let mut weights = weights.iter();
    for layer in &graph.layers {
        let shape = graph.maps[layer.to()];
        maps[layer.to()] = match layer {
            Layer::Conv(conv) => convolve(graph, conv, weights.next().expect("weights"), &maps),
            Layer::MaxPool { from, .. } => max_pool(&maps[*from], shape),
            Layer::Resize { from, first_if_single, .. } => resize(&maps[*from], shape, *first_if_single),
            Layer::Add { a, b, .. } => {
                Map { shape, values: maps[*a].values.iter().zip(&maps[*b].values).map(|(a, b)| a + b).collect() }
            }
            Layer::Sigmoid { from, .. } => {
                Map { shape, values: maps[*from].values.iter().map(|value| 1.0 / (1.0 + (-value).exp())).collect() }
            }
        };
    }
    std::mem::take(&mut maps[graph.output].values)
}

fn convolve(graph: &Graph, conv: &Conv, (weights, bias): &ConvWeights, maps: &[Map]) -> Map {
    let shape = graph.joined(&conv.from).expect("maps of one size");
    let input = Map { shape, values: conv.from.iter().flat_map(|map| maps[*map].values.iter().copied()).collect() };
    let Window { size, stride, dilation } = conv.window;
    let margin = (size / 2 * dilation) as isize;
    let reach = |at: usize, tap: usize| (at * stride + tap * dilation) as isize - margin;
    Map::from_fn(graph.maps[conv.to], |channel, y, x| {
        let mut sum = f64::from(bias[channel]);
        for from in 0..shape.channels {
            for tap in 0..size * size {
                let weight = weights[(channel * shape.channels + from) * size * size + tap];
                sum += f64::from(weight) * input.at(from, reach(y, tap / size), reach(x, tap % size));
            }
        }
        let sum = if conv.relu { sum.max(0.0) } else { sum };
        sum + conv.add.map_or(0.0, |add| maps[add].at(channel, y as isize, x as isize))
    })
}

fn max_pool(from: &Map, shape: Shape) -> Map {
    Map::from_fn(shape, |channel, y, x| {
        let (down, right) = ((2 * y + 1).min(from.shape.height - 1), (2 * x + 1).min(from.shape.width - 1));
        let corners = [(2 * y, 2 * x), (2 * y, right), (down, 2 * x), (down, right)];
        let values = corners.map(|(y, x)| from.at(channel, y as isize, x as isize));
        values.into_iter().fold(f64::NEG_INFINITY, f64::max)
    })
}

fn resize(from: &Map, shape: Shape, first_if_single: bool) -> Map {
    // The two input pixels that an output pixel lies between, and the weight of the second.
    let neighbors = |at: usize, from: usize, to: usize| {
        let coordinate = (at as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let coordinate = if to == 1 && first_if_single { 0.0 } else { coordinate };
        let coordinate = coordinate.clamp(0.0, (from - 1) as f64);
        let first = coordinate.floor();
        (first as isize, (first as isize + 1).min(from as isize - 1), coordinate - first)
    };
    Map::from_fn(shape, |channel, y, x| {
        let (top, bottom, down) = neighbors(y, from.shape.height, shape.height);
        let (left, right, across) = neighbors(x, from.shape.width, shape.width);
        let row = |y: isize| {
            let (left, right) = (from.at(channel, y, left), from.at(channel, y, right));
            left + (right - left) * across
        };
        row(top) + (row(bottom) - row(top)) * down
    })
}
