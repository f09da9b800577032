//! The data that all steps of a run share, and access to the maps that a step reads.

use super::memory::{ReadOnly, SpareMemory};
use crate::graph::{Conv, MapId};
use crate::kernels::{Epilogue, View};
use crate::network::Network;
use crate::plan::Plan;
use crate::shape::Shape;
use crate::simd::{Isa, Lane};

pub(crate) struct Context<'a> {
    pub(crate) network: &'a Network,
    pub(crate) plan: &'a Plan,
    pub(crate) isa: Isa,
    pub(crate) spare: &'a SpareMemory,
}

impl<'a> Context<'a> {
    pub(super) fn shape(&self, map: MapId) -> Shape {
        self.network.graph().maps[map]
    }

    pub(super) fn lanes<'b>(&self, map: MapId, inputs: &ReadOnly<'b>) -> &'b [Lane] {
        inputs.get(&self.plan.buffers[map])
    }

    /// The blocks of a map.
    pub(super) fn blocks<'b>(&self, map: MapId, inputs: &ReadOnly<'b>) -> impl Iterator<Item = View<'b>> + use<'b> {
        let Shape { width, height, .. } = self.shape(map);
        let blocks = self.lanes(map, inputs).chunks_exact(width * height);
        blocks.map(move |lanes| View { lanes, width, height, first_row: 0 })
    }

    /// The channels of a planar map.
    pub(super) fn planes<'b>(&self, map: MapId, inputs: &ReadOnly<'b>) -> impl Iterator<Item = &'b [f32]> + use<'b> {
        let shape = self.shape(map);
        let values: &[f32] = bytemuck::cast_slice(self.lanes(map, inputs));
        values[..shape.values()].chunks_exact(shape.pixels())
    }

    /// The epilogue of each output block of a convolution.
    pub(super) fn epilogues<'b>(&self, conv: &Conv, inputs: &ReadOnly<'b>) -> Vec<Epilogue<'b>>
    where
        'a: 'b,
    {
        let pixels = self.shape(conv.to).pixels();
        let add = conv.add.map(|map| self.lanes(map, inputs));
        let bias = self.network.weights().single(&conv.bias).iter().enumerate();
        bias.map(|(block, bias)| Epilogue {
            bias,
            relu: conv.relu,
            add: add.map(|add| &add[block * pixels..(block + 1) * pixels]),
        })
        .collect()
    }
}
