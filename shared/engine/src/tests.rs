//! Compares layers and small networks with plain loops, on every instruction set that the processor has.

mod files;
mod layers;
mod reference;

use std::num::NonZeroUsize;

use crate::engine::Engine;
use crate::graph::{Conv, Graph, Layer, MapId};
use crate::method::{ConvMethod, Window};
use crate::network::Network;
use crate::shape::Shape;
use crate::simd::Isa;
use crate::threads::Threads;
use crate::weights::{FloatValues, WeightDims, WeightPacker};

/// A network under construction, with the weights that the reference uses.
struct NetworkBuilder {
    graph: Graph,
    /// For each convolution, in order: its weights and its bias.
    weights: Vec<(Vec<f32>, Vec<f32>)>,
    packer: WeightPacker,
    random: Random,
}

/// How a convolution of the test differs from the usual one.
struct ConvOptions {
    window: Window,
    relu: bool,
    add: Option<MapId>,
    /// Whether its weights have half precision.
    half: bool,
}

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    /// From -1 to 1, in steps that half precision has.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % 513) as f32 / 256.0 - 1.0
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

impl NetworkBuilder {
    fn new((channels, height, width): (usize, usize, usize), seed: u64) -> Self {
        let graph = Graph { maps: vec![Shape { channels, height, width }], layers: Vec::new(), output: 0 };
        Self { graph, weights: Vec::new(), packer: WeightPacker::default(), random: Random(seed) }
    }

    /// Adds a map, which becomes the output.
    fn map(&mut self, shape: Shape) -> MapId {
        self.graph.maps.push(shape);
        self.graph.output = self.graph.maps.len() - 1;
        self.graph.output
    }

    fn layer(&mut self, shape: Shape, layer: impl Fn(MapId) -> Layer) -> MapId {
        let to = self.map(shape);
        self.graph.layers.push(layer(to));
        to
    }

    /// Adds a convolution: 3 × 3 with weights of half precision, unless `change` says otherwise.
    fn conv(&mut self, from: &[MapId], outputs: usize, change: impl Fn(&mut ConvOptions)) -> MapId {
        let window = Window { size: 3, stride: 1, dilation: 1 };
        let mut options = ConvOptions { window, relu: false, add: None, half: true };
        change(&mut options);
        let ConvOptions { window, relu, add, half } = options;
        let input = self.graph.joined(from).expect("maps of one size");
        let output = input.strided(window.stride, outputs);
        let to = self.map(output);
        let method = ConvMethod::choose(input, output, window).expect("a supported convolution");
        let dims = WeightDims { outputs, inputs: input.channels, size: window.size };
        let weights = self.random.values(dims.count().expect("few weights"));
        let bias = self.random.values(outputs);
        let values = match half {
            true => FloatValues::Half(weights.iter().map(|value| half::f16::from_f32(*value)).collect()),
            false => FloatValues::Single(weights.clone()),
        };
        let packed = self.packer.weights(method, dims, &values);
        let packed_bias = self.packer.bias(outputs, Some(&FloatValues::Single(bias.clone())));
        self.weights.push((weights, bias));
        let from = from.to_vec();
        self.graph.layers.push(Layer::Conv(Conv { from, to, window, relu, add, weights: packed, bias: packed_bias }));
        to
    }

    /// Runs the network with every instruction set, on one thread and on three, and compares it with plain loops.
    #[track_caller]
    fn check(mut self) {
        let input = self.random.values(self.graph.maps[0].values());
        let expected = reference::run(&self.graph, &self.weights, &input);
        let network = || Network::new(self.graph.clone(), self.packer.clone().finish()).expect("a consistent graph");
        let largest = expected.iter().fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            for threads in [1, 3] {
                let threads = Threads::new(NonZeroUsize::new(threads).expect("some")).expect("threads start");
                let engine = Engine::with_isa(network(), threads, isa).expect("a plan");
                // The second round finds the memory full of the first.
                for round in 0..2 {
                    let actual = engine.run(&input).expect("a run");
                    assert_eq!(actual.len(), expected.len());
                    for (at, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                        let off = (f64::from(*actual) - expected).abs();
                        assert!(
                            off <= 2e-5 * largest,
                            "{} round {round}, at {at}: {actual} instead of {expected}\n{:?}",
                            isa.name(),
                            self.graph
                        );
                    }
                }
            }
        }
    }
}
