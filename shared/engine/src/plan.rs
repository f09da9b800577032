//! Decides, once for each network and instruction set, how the network runs: the steps, and the place of every map in
//! memory.

mod layout;

use std::ops::Range;

use crate::error::Error;
use crate::graph::{Conv, Graph, Layer, MapId};
use crate::kernels::winograd::{self, tile_count};
use crate::method::ConvMethod;
use crate::simd::Isa;
use crate::step::{
    BufferId, ChannelGroup, DirectStep, Resampling, ResizeStep, Source, Step, StepKind, WinogradStep, WorkSplit,
};

/// The most memory for a run: 4 GiB, in vectors of sixteen numbers.
const MAX_LANES: usize = 1 << 26;
/// The most tiles of all convolutions together. IS-Net has 300,000.
const MAX_TILES: usize = 1 << 22;
/// Up to this number of tiles, all are transformed at once and threads share the output channels. Above it, threads share
/// the tiles.
const FEW_TILES: usize = 256;
/// About how many tiles a thread computes at a time: their transforms should stay in its cache.
const TILES_TOGETHER: usize = 64;

/// How a network runs.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order in which they run. A resize that is folded into its readers has no step.
    pub(crate) steps: Vec<Step>,
    /// Where each buffer lies in the run's memory, in vectors. Empty for a map that no step computes.
    pub(crate) buffers: Vec<Range<usize>>,
    /// The vectors in the run's memory.
    pub(crate) lanes: usize,
}

impl Plan {
    /// Plans a network whose graph was checked.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it needs too much memory.
    pub(crate) fn new(graph: &Graph, isa: Isa) -> Result<Self, Error> {
        let sizes = graph.maps.iter().map(|map| map.lanes()).collect();
        let mut planner = Planner { graph, isa, sizes, tiles: 0 };
        let kinds = graph.layers.iter().map(|layer| planner.step(layer)).collect::<Result<Vec<_>, _>>()?;
        let mut steps = kinds.into_iter().enumerate().map(|(layer, kind)| Step { layer, kind }).collect();
        fold_resizes(&mut steps, graph.output);
        let buffers = layout::place(&layout::allocations(&planner.sizes, &steps, graph.output));
        let lanes = buffers.iter().map(|buffer| buffer.end).max().unwrap_or(0);
        if lanes > MAX_LANES {
            return Err(Error::unsupported(format!("{} MB of memory, more than 4096", lanes / (1 << 14))));
        }
        Ok(Self { steps, buffers, lanes })
    }
}

/// Turns layers into steps, one after another.
struct Planner<'a> {
    graph: &'a Graph,
    isa: Isa,
    /// The size of each buffer, in vectors.
    sizes: Vec<usize>,
    /// The tiles of all convolutions so far.
    tiles: usize,
}

impl Planner<'_> {
    fn step(&mut self, layer: &Layer) -> Result<StepKind, Error> {
        Ok(match *layer {
            Layer::Conv(ref conv) => self.conv(conv)?,
            Layer::MaxPool { from, to } => StepKind::MaxPool { from, to },
            Layer::Resize { from, to, first_if_single } => {
                let resampling = Resampling::new(self.graph.maps[from], self.graph.maps[to], first_if_single);
                StepKind::Resize(ResizeStep { from, to, resampling })
            }
            Layer::Add { a, b, to } => StepKind::Add { a, b, to },
            Layer::Sigmoid { from, to } => StepKind::Sigmoid { from, to },
        })
    }

    fn conv(&mut self, conv: &Conv) -> Result<StepKind, Error> {
        let to = self.graph.maps[conv.to];
        self.tiles += tile_count(to.width, to.height, conv.window.dilation);
        if self.tiles > MAX_TILES {
            return Err(Error::unsupported(format!("more than {MAX_TILES} tiles")));
        }
        let (method, _) = self.graph.method(conv)?;
        Ok(match method {
            ConvMethod::Winograd => StepKind::Winograd(self.winograd(conv)?),
            ConvMethod::FromPlanar => StepKind::FromPlanar(self.direct(conv)),
            ConvMethod::ToPlanar => StepKind::ToPlanar(self.direct(conv)),
            ConvMethod::Pointwise => StepKind::Pointwise(self.direct(conv)),
        })
    }

    fn direct(&mut self, conv: &Conv) -> DirectStep {
        DirectStep { conv: conv.clone(), scratch: self.scratch(conv.weights.lanes) }
    }

    fn winograd(&mut self, conv: &Conv) -> Result<WinogradStep, Error> {
        let (from, to) = (self.graph.joined(&conv.from)?, self.graph.maps[conv.to]);
        let (tiles, rows) = winograd::tiles(to.width, to.height, conv.window.dilation);
        let groups = groups(to.blocks(), self.isa);
        let (split, lanes) = if tiles.len() <= FEW_TILES {
            (WorkSplit::OutputChannels, from.blocks() * winograd::points_len(tiles.len()))
        } else {
            let weights = groups.iter().map(|group| winograd::points_len(from.channels * group.blocks)).sum();
            (split_tiles(tiles.len(), rows.len()), weights)
        };
        let sources = conv.from.iter().map(|map| Source { map: *map, resampling: None }).collect();
        Ok(WinogradStep { conv: conv.clone(), sources, tiles, rows, groups, split, scratch: self.scratch(lanes) })
    }

    /// Adds a buffer for one step.
    fn scratch(&mut self, lanes: usize) -> BufferId {
        self.sizes.push(lanes);
        self.sizes.len() - 1
    }
}

/// Divides rows of tiles into bands of about [`TILES_TOGETHER`] tiles, and long bands evenly into tiles that are computed
/// together.
fn split_tiles(tiles: usize, rows: usize) -> WorkSplit {
    let in_row = tiles.div_ceil(rows);
    let band_rows = (TILES_TOGETHER / in_row).clamp(1, rows);
    let in_band = in_row * band_rows;
    let together = in_band.div_ceil(in_band.div_ceil(TILES_TOGETHER + TILES_TOGETHER / 8));
    WorkSplit::Tiles { rows: band_rows, together }
}

/// Divides blocks of output channels into groups that a matrix product computes at a time.
fn groups(blocks: usize, isa: Isa) -> Vec<ChannelGroup> {
    let (mut groups, mut first_block) = (Vec::new(), 0);
    while first_block < blocks {
        let columns = isa.columns().min(1 << (blocks - first_block).ilog2());
        groups.push(ChannelGroup { first_block, blocks: columns });
        first_block += columns;
    }
    groups
}

/// Folds resizes into their readers. If all readers of a resized map are convolutions whose threads share the tiles,
/// the map is never computed as a whole: each thread resizes the rows that it is about to read.
fn fold_resizes(steps: &mut Vec<Step>, output: MapId) {
    let mut at = 0;
    while at < steps.len() {
        let resize = match &steps[at].kind {
            StepKind::Resize(resize) if resize.to != output && readers_can_resize(steps, resize.to) => resize.clone(),
            _ => {
                at += 1;
                continue;
            }
        };
        steps.remove(at);
        for step in &mut *steps {
            let StepKind::Winograd(step) = &mut step.kind else { continue };
            for source in step.sources.iter_mut().filter(|source| source.map == resize.to) {
                *source = Source { map: resize.from, resampling: Some(resize.resampling.clone()) };
            }
        }
    }
}

fn readers_can_resize(steps: &[Step], map: MapId) -> bool {
    steps.iter().filter(|step| step.from().contains(&map)).all(|step| match &step.kind {
        StepKind::Winograd(WinogradStep { conv, split: WorkSplit::Tiles { .. }, .. }) => {
            conv.window.dilation == 1 && conv.add != Some(map)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_blocks_by_powers_of_two() {
        let sizes = |blocks, isa| groups(blocks, isa).iter().map(|group| group.blocks).collect::<Vec<_>>();
        assert_eq!(sizes(4, Isa::Portable), [1; 4]);
        if Isa::Avx512.is_available() {
            assert_eq!(sizes(11, Isa::Avx512), [4, 4, 2, 1]);
        }
    }
}
