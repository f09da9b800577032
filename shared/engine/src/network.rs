//! A network as the engine knows it: maps, the layers that make one of others, and weights.

use std::path::Path;

use bytemuck::Zeroable;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::simd::{LANES, Lane};

/// The most values of a map. A map of the shipped networks has a sixteenth.
const MOST_VALUES: u64 = 1 << 28;
/// The longest side of a map.
const MOST_SIDE: usize = 1 << 16;
/// The most channels of a planar map that a convolution makes blocks of.
const MOST_PLANES: usize = 64;
/// The most layers; the shipped networks have less than 250.
const MOST_LAYERS: usize = 4096;
/// The most rows and columns of a kernel.
const MOST_TAPS: usize = 15;

/// Channels, height and width of a map.
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
    /// How many values there are.
    pub fn values(self) -> usize {
        self.channels * self.pixels()
    }

    pub(crate) fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Whether its channels are kept one after another, rather than sixteen to a lane.
    pub(crate) fn is_planar(self) -> bool {
        !self.channels.is_multiple_of(LANES)
    }

    /// Blocks of sixteen channels.
    pub(crate) fn blocks(self) -> usize {
        self.channels / LANES
    }

    /// The lanes that hold it.
    pub(crate) fn lanes(self) -> usize {
        self.values().div_ceil(LANES)
    }

    fn check(self) -> Result<(), Error> {
        let sides = [self.channels, self.height, self.width];
        let values = sides.iter().try_fold(1_u64, |product, side| product.checked_mul(*side as u64));
        match values {
            Some(1..=MOST_VALUES) if self.height.max(self.width) <= MOST_SIDE => Ok(()),
            _ => Err(Error::damaged(format!("a map of {} x {} x {}", self.channels, self.height, self.width))),
        }
    }
}

/// A piece of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// Where it begins, in bytes; a multiple of 64.
    pub(crate) at: usize,
    /// How many lanes it has.
    pub(crate) lanes: usize,
    /// Whether its numbers are of half precision.
    pub(crate) half: bool,
}

/// Weights as they are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Weights<'a> {
    /// Of half precision.
    Half(&'a [[u16; LANES]]),
    /// Of single precision.
    Single(&'a [Lane]),
}

/// A convolution: `to = add + relu(conv(from) + bias)`. What its kernel reaches beyond the map is zero, and it reaches
/// equally far on all sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conv {
    /// Maps of one size, whose channels are taken one after another.
    pub(crate) from: Vec<usize>,
    pub(crate) to: usize,
    /// Rows and columns of the kernel; odd.
    pub(crate) size: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) relu: bool,
    /// A map that is added at the end.
    pub(crate) add: Option<usize>,
    pub(crate) weights: Piece,
    pub(crate) bias: Piece,
}

/// How a convolution is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 3 x 3, blocks to blocks.
    Winograd,
    /// From a planar map to blocks.
    FromPlanar,
    /// From blocks to a planar map.
    ToPlanar,
    /// 1 x 1, planar to planar.
    Mix,
}

/// What makes a map of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Layer {
    Conv(Conv),
    /// The largest of 2 x 2; half of them count at the end of an odd side.
    MaxPool {
        from: usize,
        to: usize,
    },
    /// Bilinear, with pixels in the middle of their cells; of a single one it may be taken to be at the first.
    Resize {
        from: usize,
        to: usize,
        first_if_single: bool,
    },
    Add {
        a: usize,
        b: usize,
        to: usize,
    },
    Sigmoid {
        from: usize,
        to: usize,
    },
}

impl Layer {
    /// The map that it makes.
    pub(crate) fn to(&self) -> usize {
        match self {
            Self::Conv(conv) => conv.to,
            Self::MaxPool { to, .. } | Self::Resize { to, .. } | Self::Add { to, .. } | Self::Sigmoid { to, .. } => *to,
        }
    }

    /// The maps that it is made of.
    pub(crate) fn from(&self) -> Vec<usize> {
        match self {
            Self::Conv(conv) => conv.from.iter().copied().chain(conv.add).collect(),
            Self::MaxPool { from, .. } | Self::Resize { from, .. } | Self::Sigmoid { from, .. } => vec![*from],
            Self::Add { a, b, .. } => vec![*a, *b],
        }
    }
}

/// What of a network is not weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Graph {
    /// All maps; the first is the input.
    pub(crate) maps: Vec<Shape>,
    /// In the order in which they are worked out.
    pub(crate) layers: Vec<Layer>,
    /// The map that is wanted.
    pub(crate) output: usize,
}

impl Graph {
    /// The channels of some maps together, and their size.
    pub(crate) fn joined(&self, maps: &[usize]) -> Result<Shape, Error> {
        let mut shapes = maps.iter().map(|map| self.maps.get(*map).ok_or_else(|| Error::damaged("a map is missing")));
        let mut joined = *shapes.next().unwrap_or_else(|| Err(Error::damaged("a layer of nothing")))?;
        for shape in shapes {
            let shape = shape?;
            if (shape.height, shape.width, shape.is_planar()) != (joined.height, joined.width, joined.is_planar()) {
                return Err(Error::unsupported("maps of different sizes or kinds that are joined"));
            }
            joined.channels = joined.channels.saturating_add(shape.channels);
        }
        // Sixteen planar channels are not sixteen in a lane.
        let planar = maps.iter().any(|map| self.maps[*map].is_planar());
        if planar && !joined.is_planar() {
            return Err(Error::unsupported("sixteen planar channels that are joined"));
        }
        Ok(joined)
    }

    /// How a convolution from some maps to another is made.
    pub(crate) fn kind(&self, conv: &Conv) -> Result<Kind, Error> {
        let from = self.joined(&conv.from)?;
        let to = self.maps[conv.to];
        let kept = conv.stride == 1;
        match (from.is_planar(), to.is_planar()) {
            (false, false) if conv.size == 3 && kept => Ok(Kind::Winograd),
            (true, false) if conv.dilation == 1 => Ok(Kind::FromPlanar),
            (false, true) if kept => Ok(Kind::ToPlanar),
            (true, true) if conv.size == 1 && kept => Ok(Kind::Mix),
            _ => Err(Error::unsupported(format!(
                "a convolution of {0} x {0} from {1} to {2} channels with stride {3} and dilation {4}",
                conv.size, from.channels, to.channels, conv.stride, conv.dilation
            ))),
        }
    }

    /// A layer in a few words, with how many million multiplications it would be if it were worked out plainly.
    pub(crate) fn describe(&self, layer: &Layer) -> String {
        let of = |map: usize| {
            let shape = self.maps[map];
            format!("{}x{}x{}", shape.channels, shape.height, shape.width)
        };
        match layer {
            Layer::Conv(conv) => {
                let inputs: usize = conv.from.iter().map(|map| self.maps[*map].channels).sum();
                let products = self.maps[conv.to].values() * inputs * conv.size * conv.size / 1_000_000;
                let (size, dilation, add) = (conv.size, conv.dilation, if conv.add.is_some() { " add" } else { "" });
                format!("conv{size} d{dilation} {inputs} -> {}{add} {products}", of(conv.to))
            }
            Layer::MaxPool { to, .. } => format!("pool -> {} 0", of(*to)),
            Layer::Resize { to, .. } => format!("resize -> {} 0", of(*to)),
            Layer::Add { to, .. } => format!("add -> {} 0", of(*to)),
            Layer::Sigmoid { to, .. } => format!("sigmoid -> {} 0", of(*to)),
        }
    }

    /// Whether everything fits together, and the weights are all there.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Unsupported`].
    pub(crate) fn check(&self, bytes: usize) -> Result<(), Error> {
        if self.layers.len() > MOST_LAYERS || self.maps.len() > 2 * MOST_LAYERS {
            return Err(Error::damaged("it has too many layers"));
        }
        self.maps.iter().try_for_each(|map| map.check())?;
        let mut made = vec![false; self.maps.len()];
        *made.first_mut().ok_or_else(|| Error::damaged("it has no input"))? = true;
        for layer in &self.layers {
            if layer.from().iter().any(|map| !made.get(*map).copied().unwrap_or(false)) {
                return Err(Error::damaged("a layer is of what is not there yet"));
            }
            match made.get_mut(layer.to()) {
                Some(made) if !*made => *made = true,
                _ => return Err(Error::damaged("two layers make the same map")),
            }
            self.check_layer(layer, bytes)?;
        }
        match made.get(self.output) {
            Some(true) => Ok(()),
            _ => Err(Error::damaged("its output is made by no layer")),
        }
    }

    fn check_layer(&self, layer: &Layer, bytes: usize) -> Result<(), Error> {
        let shape = |map: &usize| self.maps[*map];
        let agree = |right: bool| if right { Ok(()) } else { Err(Error::damaged("the maps of a layer do not agree")) };
        match layer {
            Layer::Conv(conv) => self.check_conv(conv, bytes),
            Layer::MaxPool { from, to } => {
                let (from, to) = (shape(from), shape(to));
                if from.is_planar() {
                    return Err(Error::unsupported("pooling of a planar map"));
                }
                let half = Shape { height: from.height.div_ceil(2), width: from.width.div_ceil(2), ..from };
                agree(to == half)
            }
            Layer::Resize { from, to, .. } => agree(shape(from).channels == shape(to).channels),
            Layer::Add { a, b, to } => agree(shape(a) == shape(b) && shape(a) == shape(to)),
            Layer::Sigmoid { from, to } => {
                if !shape(from).is_planar() {
                    return Err(Error::unsupported("a sigmoid of a map of many channels"));
                }
                agree(shape(from) == shape(to))
            }
        }
    }

    fn check_conv(&self, conv: &Conv, bytes: usize) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::damaged(format!("a convolution's {what}")));
        let odd = conv.size % 2 == 1 && conv.size <= MOST_TAPS;
        if !odd || !(1..=64).contains(&conv.stride) || !(1..=64).contains(&conv.dilation) {
            return wrong("kernel");
        }
        let (from, to) = (self.joined(&conv.from)?, self.maps[conv.to]);
        from.check()?;
        let after = |side: usize| (side - 1) / conv.stride + 1;
        if (to.height, to.width) != (after(from.height), after(from.width)) {
            return wrong("output has another size");
        }
        if self.kind(conv)? == Kind::FromPlanar && from.channels > MOST_PLANES {
            return Err(Error::unsupported("a convolution of so many planes"));
        }
        if conv.add.is_some_and(|add| self.maps[add] != to || to.is_planar()) {
            return wrong("output and what is added to it do not agree");
        }
        let weights = weight_lanes(self.kind(conv)?, from.channels, to.channels, conv.size);
        let bias = to.channels.div_ceil(LANES);
        if conv.weights.lanes != weights || conv.bias.lanes != bias || conv.bias.half {
            return wrong("weights have another size");
        }
        for piece in [&conv.weights, &conv.bias] {
            let end = piece.size().and_then(|size| piece.at.checked_add(size));
            if piece.at % size_of::<Lane>() != 0 || end.is_none_or(|end| end > bytes) {
                return wrong("weights are missing");
            }
        }
        Ok(())
    }
}

impl Piece {
    /// How many bytes it takes.
    fn size(&self) -> Option<usize> {
        self.lanes.checked_mul(if self.half { size_of::<[u16; LANES]>() } else { size_of::<Lane>() })
    }
}

/// The lanes that the weights of a convolution take, by how it is made.
fn weight_lanes(kind: Kind, inputs: usize, outputs: usize, size: usize) -> usize {
    let taps = size * size;
    match kind {
        Kind::Winograd | Kind::FromPlanar => outputs / LANES * inputs * taps,
        Kind::ToPlanar => outputs * inputs / LANES * taps,
        Kind::Mix => outputs * inputs.div_ceil(LANES),
    }
}

/// Where in the lanes the weight of an output and an input channel and a place in the kernel is, and in which number of
/// its lane.
fn weight_place(
    kind: Kind,
    (inputs, taps): (usize, usize),
    (output, input, tap): (usize, usize, usize),
) -> (usize, usize) {
    match kind {
        Kind::Winograd | Kind::FromPlanar => ((output / LANES * inputs + input) * taps + tap, output % LANES),
        Kind::ToPlanar => ((output * (inputs / LANES) + input / LANES) * taps + tap, input % LANES),
        Kind::Mix => (output * inputs.div_ceil(LANES) + input / LANES, input % LANES),
    }
}

/// Bytes that begin at a multiple of 64.
#[derive(Debug)]
pub(crate) enum Store {
    /// In memory of our own.
    Owned(Vec<Lane>),
    /// In a file, from a byte on.
    Mapped(memmap2::Mmap, usize),
}

impl Store {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(lanes) => bytemuck::cast_slice(lanes),
            Self::Mapped(file, start) => file.get(*start..).unwrap_or_default(),
        }
    }
}

/// A network that was checked, and its weights.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    store: Store,
    source: String,
}

impl Network {
    /// Reads a network from an ONNX file, to work out `output`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] if it is no ONNX file, or has no such output; [`Error::Unsupported`] if it is
    /// of another family.
    pub fn read_onnx(path: &Path, output: &str) -> Result<Self, Error> {
        crate::onnx::read(&std::fs::read(path)?, output)
    }

    /// The same of the bytes of one.
    ///
    /// # Errors
    /// As those of [`Network::read_onnx`].
    pub fn from_onnx(bytes: &[u8], output: &str) -> Result<Self, Error> {
        crate::onnx::read(bytes, output)
    }

    pub(crate) fn new(graph: Graph, store: Store) -> Result<Self, Error> {
        graph.check(store.bytes().len())?;
        Ok(Self { graph, store, source: String::new() })
    }

    /// Says what it is of, such as the checksum of a file: whatever tells it from others. A prepared file keeps that.
    #[must_use]
    pub fn from_source(self, source: impl Into<String>) -> Self {
        Self { source: source.into(), ..self }
    }

    /// What it is of, if that was said.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The shape of what it takes: values are channel by channel, each row by row.
    pub fn input(&self) -> Shape {
        self.graph.maps[0]
    }

    /// The shape of what it gives.
    pub fn output(&self) -> Shape {
        self.graph.maps[self.graph.output]
    }

    /// A piece of its weights.
    pub(crate) fn weights(&self, piece: &Piece) -> Weights<'_> {
        let end = piece.at + piece.size().unwrap_or(0);
        let bytes = self.store.bytes().get(piece.at..end).unwrap_or_default();
        if piece.half {
            Weights::Half(bytemuck::try_cast_slice(bytes).unwrap_or_default())
        } else {
            Weights::Single(self.single(piece))
        }
    }

    /// A piece of its weights that is of single precision.
    pub(crate) fn single(&self, piece: &Piece) -> &[Lane] {
        let end = piece.at + piece.size().unwrap_or(0);
        bytemuck::try_cast_slice(self.store.bytes().get(piece.at..end).unwrap_or_default()).unwrap_or_default()
    }
}

/// Weights that are being put in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packer {
    lanes: Vec<Lane>,
}

impl Packer {
    /// The weights of a convolution, in order of output channels, input channels, and the kernel row by row.
    pub(crate) fn weights(&mut self, kind: Kind, conv: (usize, usize, usize), values: &Values) -> Piece {
        let (outputs, inputs, size) = conv;
        let taps = size * size;
        let lanes = weight_lanes(kind, inputs, outputs, size);
        let places = (0..outputs * inputs * taps).map(|at| {
            let (output, rest) = (at / (inputs * taps), at % (inputs * taps));
            weight_place(kind, (inputs, taps), (output, rest / taps, rest % taps))
        });
        match values {
            // What is mixed is few and read as it is.
            Values::Half(values) if kind != Kind::Mix => {
                let mut packed = vec![[0_u16; LANES]; lanes];
                for ((lane, number), value) in places.zip(values) {
                    packed[lane][number] = value.to_bits();
                }
                self.append(bytemuck::cast_slice(&packed), lanes, true)
            }
            values => {
                let mut packed = vec![Lane::ZERO; lanes];
                for ((lane, number), value) in places.zip(values.single()) {
                    packed[lane].0[number] = value;
                }
                self.append(bytemuck::cast_slice(&packed), lanes, false)
            }
        }
    }

    /// One number for each output channel.
    pub(crate) fn bias(&mut self, outputs: usize, values: Option<&Values>) -> Piece {
        let mut packed = vec![Lane::ZERO; outputs.div_ceil(LANES)];
        let numbers = packed.iter_mut().flat_map(|lane| &mut lane.0);
        if let Some(values) = values {
            for (number, value) in numbers.zip(values.single()) {
                *number = value;
            }
        }
        self.append(bytemuck::cast_slice(&packed), packed.len(), false)
    }

    fn append(&mut self, bytes: &[u8], lanes: usize, half: bool) -> Piece {
        let at = self.lanes.len() * size_of::<Lane>();
        self.lanes.resize(self.lanes.len() + bytes.len().div_ceil(size_of::<Lane>()), Lane::zeroed());
        bytemuck::cast_slice_mut(&mut self.lanes)[at..at + bytes.len()].copy_from_slice(bytes);
        Piece { at, lanes, half }
    }

    pub(crate) fn finish(self) -> Store {
        Store::Owned(self.lanes)
    }
}

/// Numbers as a file has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Half(Vec<half::f16>),
    Single(Vec<f32>),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Half(values) => values.len(),
            Self::Single(values) => values.len(),
        }
    }

    fn single(&self) -> Box<dyn Iterator<Item = f32> + '_> {
        match self {
            Self::Half(values) => Box::new(values.iter().map(|value| value.to_f32())),
            Self::Single(values) => Box::new(values.iter().copied()),
        }
    }
}
