//! Where everything is while a network runs: one piece of memory, in which every map has its place for as long as it
//! is needed, and what each convolution works with.

use std::ops::Range;

use crate::error::Error;
use crate::kernels::winograd::{self, Tile};
use crate::network::{Conv, Graph, Kind, Layer};
use crate::simd::Isa;

/// The most lanes of memory: 4 GiB.
const MOST_LANES: usize = 1 << 26;
/// The most tiles of all layers together; IS-Net has 300,000.
const MOST_TILES: usize = 1 << 22;
/// Up to so many tiles, all of them are transformed at once, and threads share the output channels; of more, threads
/// share the tiles.
const FEW_TILES: usize = 256;
/// Tiles that a thread works on at a time, about: what there is of them should stay in its cache.
const TOGETHER: usize = 64;
/// Input channels whose weights are transformed at a time, where threads share the output channels.
pub(crate) const INPUTS_AT_ONCE: usize = 128;

/// What is decided before a network runs.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The place of each map.
    pub(crate) maps: Vec<Range<usize>>,
    /// For each map that is never made as a whole, the one that it is enlarged from while it is read.
    pub(crate) enlarged: Vec<Option<Enlarged>>,
    /// For each layer, what it needs beside its maps.
    pub(crate) layers: Vec<Work>,
    /// The lanes of all.
    pub(crate) lanes: usize,
}

/// What a map is enlarged from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enlarged {
    pub(crate) from: usize,
    pub(crate) first_if_single: bool,
}

/// What a layer needs beside its maps.
#[derive(Debug)]
pub(crate) enum Work {
    /// It is done by those that need it.
    Later,
    /// Nothing.
    Plain,
    /// The weights in single precision.
    Direct { room: Range<usize> },
    /// See [`Winograd`].
    Winograd(Winograd),
}

/// How a convolution by tiles is divided.
#[derive(Debug)]
pub(crate) struct Winograd {
    /// Row of tiles by row of tiles.
    pub(crate) tiles: Vec<Tile>,
    /// Of each row of tiles, the first row of outputs.
    pub(crate) rows: Vec<usize>,
    /// What all threads read: the weights, or the tiles, at the points.
    pub(crate) room: Range<usize>,
    /// Blocks of output channels that are made together: how many, for each group.
    pub(crate) groups: Vec<usize>,
    pub(crate) by: By,
}

/// What threads share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The output channels.
    Channels,
    /// Rows of tiles, so many at a time, and of them so many tiles together.
    Tiles { rows: usize, together: usize },
}

impl Plan {
    /// Decides everything for a network that was checked.
    pub(crate) fn new(graph: &Graph, isa: Isa) -> Result<Self, Error> {
        let last = graph.layers.len();
        let mut layers = Vec::with_capacity(last);
        let mut tiles = 0;
        for layer in &graph.layers {
            if let Layer::Conv(conv) = layer {
                let to = graph.maps[conv.to];
                tiles += winograd::count_of_tiles(to.width, to.height, conv.dilation);
            }
            if tiles > MOST_TILES {
                return Err(Error::unsupported("a network of so many tiles"));
            }
            layers.push(match layer {
                Layer::Conv(conv) => of_conv(graph, conv, isa)?,
                _ => Work::Plain,
            });
        }
        let enlarged = enlarged(graph, &mut layers);
        // When each is made, and when it is looked at for the last time.
        let mut lives: Vec<Option<(usize, usize)>> = vec![None; graph.maps.len()];
        lives[0] = Some((0, 0));
        for (at, layer) in graph.layers.iter().enumerate() {
            if enlarged[layer.to()].is_none() {
                lives[layer.to()] = Some((at, at));
            }
            for map in layer.from() {
                let map = enlarged[map].map_or(map, |enlarged| enlarged.from);
                if let Some((_, end)) = &mut lives[map] {
                    *end = at;
                }
            }
        }
        if let Some((_, end)) = &mut lives[graph.output] {
            *end = last;
        }
        let mut pieces: Vec<(usize, Option<(usize, usize)>)> =
            graph.maps.iter().zip(lives).map(|(map, life)| (map.lanes(), life)).collect();
        for (at, work) in layers.iter_mut().enumerate() {
            if let Some(room) = work.room() {
                pieces.push((room.end, Some((at, at))));
            }
        }
        let places = place(&pieces);
        let lanes = places.iter().map(|place| place.end).max().unwrap_or(0);
        if lanes > MOST_LANES {
            return Err(Error::unsupported(format!("a network that needs {} MB", lanes / (1 << 14))));
        }
        let (maps, rooms) = places.split_at(graph.maps.len());
        let mut rooms = rooms.iter();
        for room in layers.iter_mut().filter_map(Work::room) {
            *room = rooms.next().cloned().unwrap_or_default();
        }
        Ok(Self { maps: maps.to_vec(), enlarged, layers, lanes })
    }
}

impl Work {
    fn room(&mut self) -> Option<&mut Range<usize>> {
        match self {
            Self::Plain | Self::Later => None,
            Self::Direct { room } | Self::Winograd(Winograd { room, .. }) => Some(room),
        }
    }
}

/// The maps that need not be made as a whole: enlarged ones that only convolutions read whose threads share the tiles.
/// Those enlarge the rows that they are about to read. A layer that makes such a map has nothing to do.
fn enlarged(graph: &Graph, layers: &mut [Work]) -> Vec<Option<Enlarged>> {
    let mut enlarged = vec![None; graph.maps.len()];
    for (at, layer) in graph.layers.iter().enumerate() {
        let Layer::Resize { from, to, first_if_single } = *layer else { continue };
        let mut readers = graph.layers.iter().zip(&*layers).filter(|(layer, _)| layer.from().contains(&to));
        let by_rows = readers.all(|(layer, work)| match (layer, work) {
            (Layer::Conv(conv), Work::Winograd(plan)) => {
                conv.dilation == 1 && conv.add != Some(to) && matches!(plan.by, By::Tiles { .. })
            }
            _ => false,
        });
        if by_rows && to != graph.output && enlarged[from].is_none() {
            enlarged[to] = Some(Enlarged { from, first_if_single });
            layers[at] = Work::Later;
        }
    }
    enlarged
}

/// What a convolution needs; room is only as long as it will be.
fn of_conv(graph: &Graph, conv: &Conv, isa: Isa) -> Result<Work, Error> {
    let (from, to) = (graph.joined(&conv.from)?, graph.maps[conv.to]);
    if graph.kind(conv)? != Kind::Winograd {
        return Ok(Work::Direct { room: 0..conv.weights.lanes });
    }
    let (tiles, rows) = winograd::tiles(to.width, to.height, conv.dilation);
    let groups = groups(to.blocks(), isa);
    let (room, by) = if tiles.len() <= FEW_TILES {
        (from.blocks() * winograd::room(tiles.len()), By::Channels)
    } else {
        let a_row = tiles.len().div_ceil(rows.len());
        let at_once = (TOGETHER / a_row).clamp(1, rows.len());
        let all = a_row * at_once;
        let together = all.div_ceil(all.div_ceil(TOGETHER + TOGETHER / 8));
        let weights = groups.iter().map(|columns| winograd::room(from.channels * columns)).sum();
        (weights, By::Tiles { rows: at_once, together })
    };
    Ok(Work::Winograd(Winograd { tiles, rows, room: 0..room, groups, by }))
}

/// Divides blocks of output channels into groups as large as the instructions can make.
fn groups(blocks: usize, isa: Isa) -> Vec<usize> {
    let (mut groups, mut left) = (Vec::new(), blocks);
    while left > 0 {
        let columns = isa.columns().min(1 << left.ilog2());
        groups.push(columns);
        left -= columns;
    }
    groups
}

/// Places pieces so that no two that live at the same time overlap: the largest first, each as far down as it can be.
fn place(pieces: &[(usize, Option<(usize, usize)>)]) -> Vec<Range<usize>> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(pieces[*at].0));
    let mut places = vec![0..0; pieces.len()];
    let mut placed: Vec<(Range<usize>, (usize, usize))> = Vec::new();
    for at in order {
        let (lanes, Some(life)) = pieces[at] else { continue };
        let mut start = 0;
        // Those that are there at the same time, from below.
        for (other, lives) in &placed {
            let together = lives.0 <= life.1 && life.0 <= lives.1;
            if together && other.start < start + lanes && start < other.end {
                start = other.end;
            }
        }
        places[at] = start..start + lanes;
        let position = placed.partition_point(|(other, _)| other.start < start);
        placed.insert(position, (start..start + lanes, life));
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_lives_together_does_not_overlap(
            pieces in prop::collection::vec((1_usize..50, 0_usize..20, 0_usize..6), 1..60)
        ) {
            let pieces: Vec<_> =
                pieces.into_iter().map(|(lanes, from, long)| (lanes, Some((from, from + long)))).collect();
            let places = place(&pieces);
            for (one, (lanes, life)) in pieces.iter().enumerate() {
                prop_assert_eq!(places[one].len(), *lanes);
                for (other, (_, lives)) in pieces.iter().enumerate().skip(one + 1) {
                    let (Some(a), Some(b)) = (life, lives) else { continue };
                    let together = a.0 <= b.1 && b.0 <= a.1;
                    let apart = places[one].end <= places[other].start || places[other].end <= places[one].start;
                    prop_assert!(apart || !together);
                }
            }
        }
    }

    #[test]
    fn blocks_are_grouped_by_powers_of_two() {
        assert_eq!(groups(4, Isa::Portable), [1; 4]);
        if Isa::Avx512.is_available() {
            assert_eq!(groups(11, Isa::Avx512), [4, 4, 2, 1]);
        }
    }
}
