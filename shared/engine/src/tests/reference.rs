//! The same networks by plain loops, in double precision.

use crate::network::{Graph, Layer, Shape};

/// The values of the output.
pub(super) fn run(graph: &Graph, weights: &[(Vec<f32>, Vec<f32>)], input: &[f32]) -> Vec<f64> {
    let mut maps: Vec<Vec<f64>> = vec![Vec::new(); graph.maps.len()];
    maps[0] = input.iter().map(|value| f64::from(*value)).collect();
    let mut weights = weights.iter();
    for layer in &graph.layers {
        let shape = graph.maps[layer.to()];
        let at = |map: &[f64], shape: Shape, channel: usize, y: isize, x: isize| {
            let inside = (0..shape.height as isize).contains(&y) && (0..shape.width as isize).contains(&x);
            if inside { map[(channel * shape.height + y as usize) * shape.width + x as usize] } else { 0.0 }
        };
        let places = || {
            (0..shape.channels).flat_map(move |channel| {
                (0..shape.height).flat_map(move |y| (0..shape.width).map(move |x| (channel, y, x)))
            })
        };
        let made: Vec<f64> = match layer {
            Layer::Conv(conv) => {
                let (weights, bias) = weights.next().expect("has weights");
                let from = graph.joined(&conv.from).expect("of one size");
                let joined: Vec<f64> = conv.from.iter().flat_map(|map| maps[*map].iter().copied()).collect();
                let (size, margin) = (conv.size, (conv.size / 2 * conv.dilation) as isize);
                places()
                    .enumerate()
                    .map(|(place, (channel, y, x))| {
                        let mut sum = f64::from(bias[channel]);
                        for input in 0..from.channels {
                            for tap in 0..size * size {
                                let reach =
                                    |at: usize, tap: usize| (at * conv.stride + tap * conv.dilation) as isize - margin;
                                let weight = weights[(channel * from.channels + input) * size * size + tap];
                                let (y, x) = (reach(y, tap / size), reach(x, tap % size));
                                sum += f64::from(weight) * at(&joined, from, input, y, x);
                            }
                        }
                        let sum = if conv.relu { sum.max(0.0) } else { sum };
                        sum + conv.add.map_or(0.0, |add| maps[add][place])
                    })
                    .collect()
            }
            Layer::MaxPool { from, .. } => {
                let old = graph.maps[*from];
                let pooled = places().map(|(channel, y, x)| {
                    let (down, right) = ((2 * y + 1).min(old.height - 1), (2 * x + 1).min(old.width - 1));
                    let corners = [(2 * y, 2 * x), (2 * y, right), (down, 2 * x), (down, right)];
                    let values = corners.map(|(y, x)| at(&maps[*from], old, channel, y as isize, x as isize));
                    values.into_iter().fold(f64::NEG_INFINITY, f64::max)
                });
                pooled.collect()
            }
            Layer::Resize { from, first_if_single, .. } => {
                let old = graph.maps[*from];
                let place = |at: usize, from: usize, to: usize| {
                    let place = (at as f64 + 0.5) * from as f64 / to as f64 - 0.5;
                    let place = if to == 1 && *first_if_single { 0.0 } else { place };
                    let place = place.clamp(0.0, (from - 1) as f64);
                    let first = place.floor();
                    (first as isize, (first as isize + 1).min(from as isize - 1), place - first)
                };
                let resized = places().map(|(channel, y, x)| {
                    let (top, bottom, down) = place(y, old.height, shape.height);
                    let (left, right, across) = place(x, old.width, shape.width);
                    let of = |y: isize, x: isize| at(&maps[*from], old, channel, y, x);
                    let row = |y: isize| of(y, left) + (of(y, right) - of(y, left)) * across;
                    row(top) + (row(bottom) - row(top)) * down
                });
                resized.collect()
            }
            Layer::Add { a, b, .. } => maps[*a].iter().zip(&maps[*b]).map(|(a, b)| a + b).collect(),
            Layer::Sigmoid { from, .. } => maps[*from].iter().map(|value| 1.0 / (1.0 + (-value).exp())).collect(),
        };
        maps[layer.to()] = made;
    }
    std::mem::take(&mut maps[graph.output])
}
