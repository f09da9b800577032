//! Whole layers and small networks, on all instructions that the machine has and the lesser ones, against plain loops.

mod files;
mod layers;
mod reference;

use std::num::NonZeroUsize;

use crate::engine::{Engine, Threads};
use crate::network::{Conv, Graph, Layer, Network, Packer, Piece, Shape, Values};
use crate::simd::Isa;

/// What a piece is until it is packed.
const NOTHING: Piece = Piece { at: 0, lanes: 0, half: false };

/// A network that is being put together, with the weights that the reference works with.
struct Build {
    graph: Graph,
    /// For each convolution, in order: its weights and its bias.
    weights: Vec<(Vec<f32>, Vec<f32>)>,
    packer: Packer,
    random: Random,
}

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    /// From -1 to 1, in steps that half precision has.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % 513) as f32 / 256.0 - 1.0
    }

    fn some(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

impl Build {
    fn new(input: (usize, usize, usize), seed: u64) -> Self {
        let (channels, height, width) = input;
        let graph = Graph { maps: vec![Shape { channels, height, width }], layers: Vec::new(), output: 0 };
        Self { graph, weights: Vec::new(), packer: Packer::default(), random: Random(seed) }
    }

    fn map(&mut self, shape: Shape) -> usize {
        self.graph.maps.push(shape);
        self.graph.output = self.graph.maps.len() - 1;
        self.graph.output
    }

    fn layer(&mut self, shape: Shape, layer: impl Fn(usize) -> Layer) -> usize {
        let to = self.map(shape);
        self.graph.layers.push(layer(to));
        to
    }

    fn conv(&mut self, from: &[usize], outputs: usize, change: impl Fn(&mut Conv)) -> usize {
        let shape = self.graph.joined(from).expect("maps of one size");
        let mut conv = Conv {
            from: from.to_vec(),
            to: 0,
            size: 3,
            stride: 1,
            dilation: 1,
            relu: false,
            add: None,
            // Half precision, until `change` says otherwise.
            weights: Piece { half: true, ..NOTHING },
            bias: NOTHING,
        };
        change(&mut conv);
        let after = |side: usize| (side - 1) / conv.stride + 1;
        conv.to = self.map(Shape { channels: outputs, height: after(shape.height), width: after(shape.width) });
        let kind = self.graph.kind(&conv).expect("a kind that is known");
        let weights = self.random.some(outputs * shape.channels * conv.size * conv.size);
        let bias = self.random.some(outputs);
        let values = match conv.weights.half {
            true => Values::Half(weights.iter().map(|value| half::f16::from_f32(*value)).collect()),
            false => Values::Single(weights.clone()),
        };
        conv.weights = self.packer.weights(kind, (outputs, shape.channels, conv.size), &values);
        conv.bias = self.packer.bias(outputs, Some(&Values::Single(bias.clone())));
        self.weights.push((weights, bias));
        let to = conv.to;
        self.graph.layers.push(Layer::Conv(conv));
        to
    }

    /// Runs it with every set of instructions, on one thread and on three, and holds that against plain loops.
    #[track_caller]
    fn check(mut self) {
        let input = self.random.some(self.graph.maps[0].values());
        let expected = reference::run(&self.graph, &self.weights, &input);
        let network = || Network::new(self.graph.clone(), self.packer.clone().finish()).expect("fits together");
        let largest = expected.iter().fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            for threads in [1, 3] {
                let threads = Threads::new(NonZeroUsize::new(threads).expect("some")).expect("start");
                let engine = Engine::with_isa(network(), threads, isa).expect("is planned");
                // The second time the memory is full of the first.
                for round in 0..2 {
                    let found = engine.run(&input).expect("runs");
                    assert_eq!(found.len(), expected.len());
                    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                        let off = (f64::from(*found) - expected).abs();
                        assert!(
                            off <= 2e-5 * largest,
                            "{} round {round}, at {at}: {found} and not {expected}\n{:?}",
                            isa.name(),
                            self.graph
                        );
                    }
                }
            }
        }
    }
}
