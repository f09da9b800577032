//! Checks that a graph is consistent. Plans and kernels rely on it and do not check again.

use super::{Conv, Graph, Layer};
use crate::error::Error;
use crate::method::{ConvMethod, Window};
use crate::simd::{LANES, Lane};

/// The most layers. The shipped networks have fewer than 250.
const MAX_LAYERS: usize = 4096;
/// The most channels of a planar map that a convolution reads into blocks.
const MAX_PLANES: usize = 64;
/// The largest kernel, in rows and columns.
const MAX_KERNEL_SIZE: usize = 15;
/// The largest stride and dilation.
const MAX_STEP: usize = 64;

impl Graph {
    /// Checks that each layer's maps exist and fit together, and that weights of `bytes` bytes hold all its weights.
    ///
    /// # Errors
    /// [`Error::Malformed`] if they do not; [`Error::Unsupported`] if a layer is of a form without a kernel.
    pub(crate) fn check(&self, bytes: usize) -> Result<(), Error> {
        if self.layers.len() > MAX_LAYERS || self.maps.len() > 2 * MAX_LAYERS {
            return Err(Error::malformed("too many layers"));
        }
        self.maps.iter().try_for_each(|map| map.check())?;
        let mut computed = vec![false; self.maps.len()];
        *computed.first_mut().ok_or_else(|| Error::malformed("no input"))? = true;
        for layer in &self.layers {
            if layer.from().iter().any(|map| !computed.get(*map).copied().unwrap_or(false)) {
                return Err(Error::malformed("a layer reads a map that is not computed yet"));
            }
            match computed.get_mut(layer.to()) {
                Some(computed) if !*computed => *computed = true,
                _ => return Err(Error::malformed("two layers compute the same map")),
            }
            self.check_layer(layer, bytes)?;
        }
        match computed.get(self.output) {
            Some(true) => Ok(()),
            _ => Err(Error::malformed("no layer computes the output")),
        }
    }

    fn check_layer(&self, layer: &Layer, bytes: usize) -> Result<(), Error> {
        let shape = |map: &usize| self.maps[*map];
        let consistent = match layer {
            Layer::Conv(conv) => return self.check_conv(conv, bytes),
            Layer::MaxPool { from, .. } if shape(from).is_planar() => {
                return Err(Error::unsupported("pooling of a planar map"));
            }
            Layer::Sigmoid { from, .. } if !shape(from).is_planar() => {
                return Err(Error::unsupported("a sigmoid of a map of many channels"));
            }
            Layer::MaxPool { from, to } => shape(to) == shape(from).halved(),
            Layer::Resize { from, to, .. } => shape(from).channels == shape(to).channels,
            Layer::Add { a, b, to } => shape(a) == shape(b) && shape(a) == shape(to),
            Layer::Sigmoid { from, to } => shape(from) == shape(to),
        };
        if consistent { Ok(()) } else { Err(Error::malformed("the shapes of a layer's maps do not match")) }
    }

    fn check_conv(&self, conv: &Conv, bytes: usize) -> Result<(), Error> {
        let malformed = |what: &str| Err(Error::malformed(format!("a convolution {what}")));
        let Window { size, stride, dilation } = conv.window;
        let odd = size % 2 == 1 && size <= MAX_KERNEL_SIZE;
        if !odd || !(1..=MAX_STEP).contains(&stride) || !(1..=MAX_STEP).contains(&dilation) {
            return malformed("has an impossible kernel");
        }
        let (from, to) = (self.joined(&conv.from)?, self.maps[conv.to]);
        from.check()?;
        if to != from.strided(stride, to.channels) {
            return malformed("has an output of the wrong size");
        }
        let (method, dims) = self.method(conv)?;
        if method == ConvMethod::FromPlanar && from.channels > MAX_PLANES {
            return Err(Error::unsupported(format!("a convolution of {} planes", from.channels)));
        }
        if conv.add.is_some_and(|add| self.maps[add] != to || to.is_planar()) {
            return malformed("adds a map of another shape");
        }
        if conv.weights.lanes != dims.lanes(method) || conv.bias.lanes != to.channels.div_ceil(LANES) || conv.bias.half
        {
            return malformed("has weights of the wrong size");
        }
        for slice in [&conv.weights, &conv.bias] {
            let end = slice.bytes().and_then(|length| slice.offset.checked_add(length));
            if slice.offset % size_of::<Lane>() != 0 || end.is_none_or(|end| end > bytes) {
                return malformed("lacks its weights");
            }
        }
        Ok(())
    }
}
