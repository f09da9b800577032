//! A network's weights: in files, in memory, and in the order in which the kernels read them.

use serde::{Deserialize, Serialize};

use crate::method::ConvMethod;
use crate::simd::{LANES, Lane};

/// Where a tensor of weights lies in a [`WeightStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WeightSlice {
    /// Its first byte; a multiple of 64.
    #[serde(rename = "at")]
    pub(crate) offset: usize,
    /// Its length in vectors of sixteen numbers.
    pub(crate) lanes: usize,
    /// Whether its numbers have half precision.
    pub(crate) half: bool,
}

impl WeightSlice {
    /// Its length in bytes.
    pub(crate) fn bytes(&self) -> Option<usize> {
        self.lanes.checked_mul(if self.half { size_of::<[u16; LANES]>() } else { size_of::<Lane>() })
    }
}

/// Weights in the precision that they are stored in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Weights<'a> {
    /// Half precision, as bits.
    Half(&'a [[u16; LANES]]),
    Single(&'a [Lane]),
}

/// The bytes of all weights, aligned to 64.
#[derive(Debug)]
pub(crate) enum WeightStore {
    Owned(Vec<Lane>),
    /// A mapped file, and the byte where the weights begin.
    Mapped(memmap2::Mmap, usize),
}

impl WeightStore {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(lanes) => bytemuck::cast_slice(lanes),
            Self::Mapped(file, start) => file.get(*start..).unwrap_or_default(),
        }
    }

    /// A tensor of weights.
    pub(crate) fn weights(&self, slice: &WeightSlice) -> Weights<'_> {
        if slice.half {
            Weights::Half(bytemuck::try_cast_slice(self.slice(slice)).unwrap_or_default())
        } else {
            Weights::Single(self.single(slice))
        }
    }

    /// A tensor of single precision, such as every bias.
    pub(crate) fn single(&self, slice: &WeightSlice) -> &[Lane] {
        bytemuck::try_cast_slice(self.slice(slice)).unwrap_or_default()
    }

    fn slice(&self, slice: &WeightSlice) -> &[u8] {
        let end = slice.offset + slice.bytes().unwrap_or(0);
        self.bytes().get(slice.offset..end).unwrap_or_default()
    }
}

/// The dimensions of a convolution's weights, which ONNX files store in the order `[outputs, inputs, size, size]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightDims {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    /// Rows and columns of the kernel.
    pub(crate) size: usize,
}

impl WeightDims {
    /// The number of weights; `None` if it overflows.
    pub(crate) fn count(self) -> Option<usize> {
        self.outputs.checked_mul(self.inputs)?.checked_mul(self.taps())
    }

    fn taps(self) -> usize {
        self.size * self.size
    }

    /// The vectors that packed weights take.
    pub(crate) fn lanes(self, method: ConvMethod) -> usize {
        let Self { outputs, inputs, .. } = self;
        match method {
            ConvMethod::Winograd | ConvMethod::FromPlanar => outputs / LANES * inputs * self.taps(),
            ConvMethod::ToPlanar => outputs * inputs / LANES * self.taps(),
            ConvMethod::Pointwise => outputs * inputs.div_ceil(LANES),
        }
    }

    /// Where packing puts each weight, in the file's order: the index of its vector, and its index there.
    fn places(self, method: ConvMethod) -> impl Iterator<Item = (usize, usize)> {
        let (inputs, taps) = (self.inputs, self.taps());
        (0..self.outputs * inputs * taps).map(move |at| {
            let (output, input, tap) = (at / (inputs * taps), at / taps % inputs, at % taps);
            match method {
                ConvMethod::Winograd | ConvMethod::FromPlanar => {
                    ((output / LANES * inputs + input) * taps + tap, output % LANES)
                }
                ConvMethod::ToPlanar => ((output * (inputs / LANES) + input / LANES) * taps + tap, input % LANES),
                ConvMethod::Pointwise => (output * inputs.div_ceil(LANES) + input / LANES, input % LANES),
            }
        })
    }
}

/// Collects weights in the order that the kernels read.
#[derive(Debug, Clone, Default)]
pub(crate) struct WeightPacker {
    lanes: Vec<Lane>,
}

impl WeightPacker {
    /// Adds the weights of a convolution; `values` are in the file's order.
    pub(crate) fn weights(&mut self, method: ConvMethod, dims: WeightDims, values: &FloatValues) -> WeightSlice {
        let lanes = dims.lanes(method);
        match values {
            // A pointwise convolution has few weights and reads them directly, so they become single precision.
            FloatValues::Half(values) if method != ConvMethod::Pointwise => {
                let mut packed = vec![[0_u16; LANES]; lanes];
                for ((lane, number), value) in dims.places(method).zip(values) {
                    packed[lane][number] = value.to_bits();
                }
                self.append(bytemuck::cast_slice(&packed), lanes, true)
            }
            values => {
                let mut packed = vec![Lane::ZERO; lanes];
                for ((lane, number), value) in dims.places(method).zip(values.single()) {
                    packed[lane].0[number] = value;
                }
                self.append(bytemuck::cast_slice(&packed), lanes, false)
            }
        }
    }

    /// Adds one number for each output channel; zeros without `values`.
    pub(crate) fn bias(&mut self, outputs: usize, values: Option<&FloatValues>) -> WeightSlice {
        let mut packed = vec![Lane::ZERO; outputs.div_ceil(LANES)];
        let numbers = packed.iter_mut().flat_map(|lane| &mut lane.0);
        if let Some(values) = values {
            for (number, value) in numbers.zip(values.single()) {
                *number = value;
            }
        }
        self.append(bytemuck::cast_slice(&packed), packed.len(), false)
    }

    fn append(&mut self, bytes: &[u8], lanes: usize, half: bool) -> WeightSlice {
        let offset = self.lanes.len() * size_of::<Lane>();
        self.lanes.resize(self.lanes.len() + bytes.len().div_ceil(size_of::<Lane>()), Lane::ZERO);
        bytemuck::cast_slice_mut(&mut self.lanes)[offset..offset + bytes.len()].copy_from_slice(bytes);
        WeightSlice { offset, lanes, half }
    }

    pub(crate) fn finish(self) -> WeightStore {
        WeightStore::Owned(self.lanes)
    }
}

/// Numbers in the precision that a file stores them in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FloatValues {
    Half(Vec<half::f16>),
    Single(Vec<f32>),
}

impl FloatValues {
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
