//! The steps of a plan, with everything that can be decided before a run.

use std::sync::Arc;

use crate::graph::{Conv, MapId};
use crate::kernels::plain::{Interpolation, interpolate_axis};
use crate::kernels::winograd::Tile;
use crate::shape::Shape;

/// The index of a buffer in a plan. Map n has buffer n; the buffers after the maps' are scratch.
pub(crate) type BufferId = usize;

/// A step computes one map.
#[derive(Debug)]
pub(crate) struct Step {
    /// The index of the layer in the graph.
    pub(crate) layer: usize,
    pub(crate) kind: StepKind,
}

#[derive(Debug)]
pub(crate) enum StepKind {
    Winograd(WinogradStep),
    FromPlanar(DirectStep),
    ToPlanar(DirectStep),
    Pointwise(DirectStep),
    MaxPool { from: MapId, to: MapId },
    Resize(ResizeStep),
    Add { a: MapId, b: MapId, to: MapId },
    Sigmoid { from: MapId, to: MapId },
}

/// A convolution that reads its input pixel by pixel.
#[derive(Debug)]
pub(crate) struct DirectStep {
    pub(crate) conv: Conv,
    /// For the weights in single precision.
    pub(crate) scratch: BufferId,
}

/// A convolution by tiles.
#[derive(Debug)]
pub(crate) struct WinogradStep {
    pub(crate) conv: Conv,
    pub(crate) sources: Vec<Source>,
    /// One row of tiles after another.
    pub(crate) tiles: Vec<Tile>,
    /// The first output row of each row of tiles.
    pub(crate) rows: Vec<usize>,
    pub(crate) groups: Vec<ChannelGroup>,
    pub(crate) split: WorkSplit,
    /// For the data that all threads read: the transformed weights or input, depending on `split`.
    pub(crate) scratch: BufferId,
}

/// A map that a convolution reads.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) map: MapId,
    /// Set if the convolution reads the map resized.
    pub(crate) resampling: Option<Resampling>,
}

/// Blocks of sixteen output channels that are computed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChannelGroup {
    pub(crate) first_block: usize,
    pub(crate) blocks: usize,
}

/// How threads share a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkSplit {
    /// All tiles are transformed first; then each thread computes groups of output channels.
    OutputChannels,
    /// The weights are transformed first; then each thread computes bands of `rows` rows of tiles, `together` tiles at a
    /// time.
    Tiles { rows: usize, together: usize },
}

/// Enlarges or reduces a map.
#[derive(Debug, Clone)]
pub(crate) struct ResizeStep {
    pub(crate) from: MapId,
    pub(crate) to: MapId,
    pub(crate) resampling: Resampling,
}

/// Where the rows and columns of a resized map lie in the original.
#[derive(Debug, Clone)]
pub(crate) struct Resampling {
    pub(crate) rows: Arc<[Interpolation]>,
    pub(crate) columns: Arc<[Interpolation]>,
}

impl Resampling {
    /// See [`Layer::Resize`](crate::graph::Layer::Resize).
    pub(crate) fn new(from: Shape, to: Shape, first_if_single: bool) -> Self {
        Self {
            rows: interpolate_axis(from.height, to.height, first_if_single).into(),
            columns: interpolate_axis(from.width, to.width, first_if_single).into(),
        }
    }
}

impl Step {
    /// The map that the step computes.
    pub(crate) fn to(&self) -> MapId {
        match &self.kind {
            StepKind::Winograd(step) => step.conv.to,
            StepKind::FromPlanar(step) | StepKind::ToPlanar(step) | StepKind::Pointwise(step) => step.conv.to,
            StepKind::Resize(step) => step.to,
            StepKind::MaxPool { to, .. } | StepKind::Add { to, .. } | StepKind::Sigmoid { to, .. } => *to,
        }
    }

    /// The maps that the step reads.
    pub(crate) fn from(&self) -> Vec<MapId> {
        match &self.kind {
            StepKind::Winograd(step) => step.sources.iter().map(|source| source.map).chain(step.conv.add).collect(),
            StepKind::FromPlanar(step) | StepKind::ToPlanar(step) | StepKind::Pointwise(step) => {
                step.conv.from.iter().copied().chain(step.conv.add).collect()
            }
            StepKind::Resize(step) => vec![step.from],
            StepKind::MaxPool { from, .. } | StepKind::Sigmoid { from, .. } => vec![*from],
            StepKind::Add { a, b, .. } => vec![*a, *b],
        }
    }

    /// The buffer that only this step uses.
    pub(crate) fn scratch(&self) -> Option<BufferId> {
        match &self.kind {
            StepKind::Winograd(step) => Some(step.scratch),
            StepKind::FromPlanar(step) | StepKind::ToPlanar(step) | StepKind::Pointwise(step) => Some(step.scratch),
            StepKind::Resize(_) | StepKind::MaxPool { .. } | StepKind::Add { .. } | StepKind::Sigmoid { .. } => None,
        }
    }
}
