//! Runs a network: layer after layer, each on all threads.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::kernels::direct::{FromPlanar, Mix, ToPlanar, Widen};
use crate::kernels::plain::{self, Between, MaxPool};
use crate::kernels::winograd::{Multiply, TILE, TransformInput, TransformOutput, TransformWeights, room};
use crate::kernels::{Epilogue, View};
use crate::network::{Conv, Kind, Layer, Network, Shape};
use crate::plan::{By, INPUTS_AT_ONCE, Plan, Winograd, Work};
use crate::simd::{Isa, Lane};

/// Numbers that a thread works on at a time, where nothing else divides them.
const PART: usize = 1 << 14;

/// A network that is being run.
pub(crate) struct Run<'a> {
    pub(crate) network: &'a Network,
    pub(crate) plan: &'a Plan,
    pub(crate) isa: Isa,
    /// Memory of threads that are not at work.
    pub(crate) spare: &'a Mutex<Vec<Vec<Lane>>>,
}

/// Memory of a thread, given back when it is done.
struct Own<'a> {
    lanes: Vec<Lane>,
    spare: &'a Mutex<Vec<Vec<Lane>>>,
}

impl<'a> Own<'a> {
    fn new(spare: &'a Mutex<Vec<Vec<Lane>>>) -> Self {
        Self { lanes: spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default(), spare }
    }

    /// Three pieces, with whatever was in them.
    fn pieces(&mut self, first: usize, second: usize, third: usize) -> [&mut [Lane]; 3] {
        if self.lanes.len() < first + second + third {
            self.lanes.resize(first + second + third, Lane::ZERO);
        }
        let (one, rest) = self.lanes.split_at_mut(first);
        let (two, rest) = rest.split_at_mut(second);
        [one, two, &mut rest[..third]]
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let lanes = std::mem::take(&mut self.lanes);
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(lanes);
    }
}

/// What is left of the memory when pieces of it are written to.
struct Rest<'a>(Vec<(usize, &'a [Lane])>);

impl<'a> Rest<'a> {
    fn get(&self, range: &Range<usize>) -> &'a [Lane] {
        let part = self.0.iter().find(|(start, lanes)| *start <= range.start && range.end <= start + lanes.len());
        part.map_or(&[], |(start, lanes)| &lanes[range.start - start..range.end - start])
    }
}

/// Divides the memory into one piece, another, and the rest.
fn divided<'a>(
    memory: &'a mut [Lane],
    one: &Range<usize>,
    other: &Range<usize>,
) -> (&'a mut [Lane], &'a mut [Lane], Rest<'a>) {
    let swapped = other.start < one.start;
    let (first, second) = if swapped { (other, one) } else { (one, other) };
    let (before, rest) = memory.split_at_mut(first.start);
    let (first_piece, rest) = rest.split_at_mut(first.len());
    let gap = second.start.max(first.end) - first.end;
    let (between, rest) = rest.split_at_mut(gap);
    let (second_piece, behind) = rest.split_at_mut(second.len());
    let rest = Rest(vec![(0, before), (first.end, between), (first.end + gap + second.len(), behind)]);
    if swapped { (second_piece, first_piece, rest) } else { (first_piece, second_piece, rest) }
}

impl Run<'_> {
    /// Works out all layers. The input has to be in its place.
    pub(crate) fn all(&self, memory: &mut [Lane], mut told: impl FnMut(&Layer)) {
        for (layer, work) in self.network.graph().layers.iter().zip(&self.plan.layers) {
            self.layer(layer, work, memory);
            told(layer);
        }
    }

    fn shape(&self, map: usize) -> Shape {
        self.network.graph().maps[map]
    }

    fn layer(&self, layer: &Layer, work: &Work, memory: &mut [Lane]) {
        let place = |map: usize| &self.plan.maps[map];
        let nothing = 0..0;
        let to = place(layer.to());
        match (layer, work) {
            (_, Work::Later) => {}
            (Layer::Conv(conv), Work::Winograd(winograd)) => {
                let (to, room, rest) = divided(memory, to, &winograd.room);
                self.winograd(conv, winograd, to, room, &rest);
            }
            (Layer::Conv(conv), Work::Direct { room }) => {
                let (to, room, rest) = divided(memory, to, room);
                self.isa.run(Widen { weights: self.network.weights(&conv.weights), made: room });
                self.direct(conv, to, room, &rest);
            }
            (Layer::Conv(_), Work::Plain) => {}
            (Layer::MaxPool { from, .. }, _) => {
                let (to, _, rest) = divided(memory, to, &nothing);
                self.max_pool(rest.get(place(*from)), self.shape(*from), to);
            }
            (Layer::Resize { from, to: map, first_if_single }, _) => {
                let (to, _, rest) = divided(memory, to, &nothing);
                self.resize(rest.get(place(*from)), self.shape(*from), to, self.shape(*map), *first_if_single);
            }
            (Layer::Add { a, b, .. }, _) => {
                let (to, _, rest) = divided(memory, to, &nothing);
                let (a, b) = (rest.get(place(*a)), rest.get(place(*b)));
                let parts = to.par_chunks_mut(PART).zip(a.par_chunks(PART)).zip(b.par_chunks(PART));
                parts.for_each(|((made, a), b)| self.isa.run(plain::Add { a, b, made }));
            }
            (Layer::Sigmoid { from, .. }, _) => {
                let (to, _, rest) = divided(memory, to, &nothing);
                let input: &[f32] = bytemuck::cast_slice(rest.get(place(*from)));
                let made: &mut [f32] = bytemuck::cast_slice_mut(to);
                let parts = made.par_chunks_mut(PART).zip(input.par_chunks(PART));
                parts.for_each(|(made, input)| self.isa.run(plain::Sigmoid { input, made }));
            }
        }
    }

    /// The blocks of some maps. Of a map that is not made as a whole they are those that it is enlarged from.
    fn blocks<'b>(&self, maps: &[usize], rest: &Rest<'b>) -> Vec<View<'b>> {
        let blocks = maps.iter().flat_map(|map| {
            let map = self.plan.enlarged[*map].map_or(*map, |enlarged| enlarged.from);
            let shape = self.shape(map);
            let blocks = rest.get(&self.plan.maps[map]).chunks_exact(shape.pixels());
            blocks.map(move |lanes| View { lanes, width: shape.width, height: shape.height, first: 0 })
        });
        blocks.collect()
    }

    /// How each of these blocks is enlarged, if it is.
    fn enlargements(&self, conv: &Conv) -> Vec<Option<Enlargement>> {
        let mut all = Vec::new();
        for map in &conv.from {
            let new = self.shape(*map);
            let enlargement = self.plan.enlarged[*map].map(|enlarged| {
                let old = self.shape(enlarged.from);
                let between = |old: usize, new: usize| Arc::new(plain::between(old, new, enlarged.first_if_single));
                Enlargement { columns: between(old.width, new.width), rows: between(old.height, new.height) }
            });
            all.extend(std::iter::repeat_n(enlargement, new.blocks()));
        }
        all
    }

    /// What is done to the sums of each block of a convolution's output.
    fn epilogues<'b>(&'b self, conv: &Conv, rest: &Rest<'b>) -> Vec<Epilogue<'b>> {
        let pixels = self.shape(conv.to).pixels();
        let add = conv.add.map(|map| rest.get(&self.plan.maps[map]));
        let bias = self.network.single(&conv.bias).iter().enumerate();
        bias.map(|(block, bias)| Epilogue {
            bias,
            relu: conv.relu,
            add: add.map(|add| &add[block * pixels..(block + 1) * pixels]),
        })
        .collect()
    }

    fn winograd(&self, conv: &Conv, plan: &Winograd, to: &mut [Lane], shared: &mut [Lane], rest: &Rest<'_>) {
        let blocks = self.blocks(&conv.from, rest);
        let epilogues = self.epilogues(conv, rest);
        let shape = self.shape(conv.to);
        match plan.by {
            By::Tiles { rows, together } => {
                self.transform_weights(conv, plan, blocks.len() * 16, shared);
                let enlargements = self.enlargements(conv);
                let job = Tiled { conv, plan, blocks, enlargements, epilogues, weights: shared, together };
                tasks(plan, conv.dilation, shape, to, rows)
                    .into_par_iter()
                    .for_each_init(|| Own::new(self.spare), |own, task| self.some_tiles(&job, task, own));
            }
            By::Channels => {
                let count = plan.tiles.len();
                let made = shared.par_chunks_exact_mut(room(count)).zip(&blocks);
                made.for_each(|(made, block)| {
                    self.isa.run(TransformInput {
                        blocks: std::slice::from_ref(block),
                        tiles: &plan.tiles,
                        dilation: conv.dilation,
                        made,
                    });
                });
                let mut left = to;
                let mut first = 0;
                let groups: Vec<_> = plan
                    .groups
                    .iter()
                    .map(|columns| {
                        let (group, rest) = std::mem::take(&mut left).split_at_mut(columns * shape.pixels());
                        left = rest;
                        let block = first;
                        first += columns;
                        (block, *columns, group)
                    })
                    .collect();
                let shared = &*shared;
                groups.into_par_iter().for_each_init(
                    || Own::new(self.spare),
                    |own, (block, columns, to)| {
                        self.some_channels(conv, plan, shared, &epilogues, (block, columns), to, own);
                    },
                );
            }
        }
    }

    fn transform_weights(&self, conv: &Conv, plan: &Winograd, inputs: usize, shared: &mut [Lane]) {
        let weights = self.network.weights(&conv.weights);
        let (mut left, mut first) = (shared, 0);
        let mut groups = Vec::with_capacity(plan.groups.len());
        for columns in &plan.groups {
            let (made, rest) = std::mem::take(&mut left).split_at_mut(room(inputs * columns));
            left = rest;
            groups.push((first, *columns, made));
            first += columns;
        }
        groups.into_par_iter().for_each(|(block, columns, made)| {
            self.isa.run(TransformWeights { weights, all_inputs: inputs, inputs: 0..inputs, block, columns, made });
        });
    }

    /// All output channels of some rows of tiles.
    fn some_tiles(&self, job: &Tiled<'_>, mut task: Task<'_>, own: &mut Own<'_>) {
        let Tiled { conv, plan, weights, .. } = job;
        let shape = self.shape(conv.to);
        let widest = plan.groups.iter().copied().max().unwrap_or(1);
        let most = job.together.min(task.tiles.len());
        // The rows that the tiles reach.
        let last = plan.rows[task.first] + (task.rows[0].len() / TILE - 1) * TILE;
        let rows = plan.rows[task.first].saturating_sub(1)..(last + TILE + 1).min(shape.height);
        let count_of_enlarged = job.enlargements.iter().flatten().count();
        let of_block = rows.len() * shape.width;
        let widest_row = job.blocks.iter().map(|block| block.width).max().unwrap_or(0);
        let of_enlarged = if count_of_enlarged > 0 { count_of_enlarged * of_block + widest_row } else { 0 };
        let [input, products, enlarged] = own.pieces(job.blocks.len() * room(most), room(most * widest), of_enlarged);
        let blocks = self.enlarge(job, rows, shape.width, enlarged);
        for tiles in plan.tiles[task.tiles.clone()].chunks(job.together) {
            let count = tiles.len();
            let input = &mut input[..blocks.len() * room(count)];
            self.isa.run(TransformInput { blocks: &blocks, tiles, dilation: conv.dilation, made: input });
            let (mut at, mut block) = (0, 0);
            for columns in &plan.groups {
                let lanes = room(blocks.len() * 16 * columns);
                let products = &mut products[..room(count * columns)];
                self.isa.run(Multiply {
                    input,
                    tiles: count,
                    weights: &weights[at..at + lanes],
                    columns: *columns,
                    add: false,
                    made: products,
                });
                self.isa.run(TransformOutput {
                    products,
                    tiles,
                    dilation: conv.dilation,
                    columns: *columns,
                    epilogues: &job.epilogues[block..block + columns],
                    first: task.first,
                    rows: &mut task.rows[block..block + columns],
                });
                (at, block) = (at + lanes, block + columns);
            }
        }
    }

    /// The blocks that a convolution reads, those that have to be enlarged in the rows that it reads.
    fn enlarge<'b>(&self, job: &'b Tiled<'_>, rows: Range<usize>, width: usize, room: &'b mut [Lane]) -> Vec<View<'b>> {
        let mut left = room;
        let mut blocks = Vec::with_capacity(job.blocks.len());
        let made: Vec<_> = job
            .enlargements
            .iter()
            .map(|enlargement| {
                let lanes = if enlargement.is_some() { rows.len() * width } else { 0 };
                let (made, rest) = std::mem::take(&mut left).split_at_mut(lanes);
                left = rest;
                made
            })
            .collect();
        for ((block, enlargement), made) in job.blocks.iter().zip(&job.enlargements).zip(made) {
            let Some(Enlargement { columns, rows: all }) = enlargement else {
                blocks.push(*block);
                continue;
            };
            for (row, made) in all[rows.clone()].iter().zip(made.chunks_exact_mut(width)) {
                let line = |y: u32| &block.lanes[y as usize * block.width..][..block.width];
                let (upper, lower, mixed) = (line(row.first), line(row.second), &mut left[..block.width]);
                self.isa.run(plain::Resize { upper, lower, share: row.share, columns, mixed, made });
            }
            blocks.push(View { lanes: made, width, height: all.len(), first: rows.start });
        }
        blocks
    }

    /// Some output channels of all tiles.
    #[expect(clippy::too_many_arguments, reason = "what a task works with, most of it shared by all")]
    fn some_channels(
        &self,
        conv: &Conv,
        plan: &Winograd,
        input: &[Lane],
        epilogues: &[Epilogue<'_>],
        (block, columns): (usize, usize),
        to: &mut [Lane],
        own: &mut Own<'_>,
    ) {
        let count = plan.tiles.len();
        let of_block = room(count);
        let inputs = input.len() / of_block * 16;
        let at_once = inputs.min(INPUTS_AT_ONCE);
        let [made, products, _] = own.pieces(room(at_once * columns), room(count * columns), 0);
        let weights = self.network.weights(&conv.weights);
        for first in (0..inputs).step_by(INPUTS_AT_ONCE) {
            let some = first..(first + INPUTS_AT_ONCE).min(inputs);
            let made = &mut made[..room(some.len() * columns)];
            self.isa.run(TransformWeights { weights, all_inputs: inputs, inputs: some.clone(), block, columns, made });
            self.isa.run(Multiply {
                input: &input[some.start / 16 * of_block..some.end / 16 * of_block],
                tiles: count,
                weights: made,
                columns,
                add: first > 0,
                made: products,
            });
        }
        let shape = Shape { channels: columns * 16, ..self.shape(conv.to) };
        let mut tasks = tasks(plan, conv.dilation, shape, to, plan.rows.len());
        if let Some(task) = tasks.first_mut() {
            self.isa.run(TransformOutput {
                products,
                tiles: &plan.tiles,
                dilation: conv.dilation,
                columns,
                epilogues: &epilogues[block..block + columns],
                first: 0,
                rows: &mut task.rows,
            });
        }
    }

    fn direct(&self, conv: &Conv, to: &mut [Lane], weights: &[Lane], rest: &Rest<'_>) {
        let graph = self.network.graph();
        let shape = self.shape(conv.to);
        match graph.kind(conv) {
            Ok(Kind::FromPlanar) => {
                let planes: Vec<&[f32]> = self.planes(&conv.from, rest);
                let from = self.shape(conv.from[0]);
                let epilogues = self.epilogues(conv, rest);
                // Each row of the output, of all blocks.
                let mut rows: Vec<Vec<&mut [Lane]>> = (0..shape.height).map(|_| Vec::new()).collect();
                for block in to.chunks_exact_mut(shape.pixels()) {
                    for (row, rows) in block.chunks_exact_mut(shape.width).zip(&mut rows) {
                        rows.push(row);
                    }
                }
                let margin = conv.size / 2;
                let row_length = from.width.max((shape.width - 1) * conv.stride + 1) + 2 * margin;
                rows.into_par_iter().enumerate().for_each_init(
                    || vec![0.0; planes.len() * conv.size * row_length],
                    |input, (y, mut rows)| {
                        for (number, row) in input.chunks_exact_mut(row_length).enumerate() {
                            let (plane, down) = (planes[number / conv.size], number % conv.size);
                            let at = (y * conv.stride + down).checked_sub(margin).filter(|at| *at < from.height);
                            match at {
                                Some(at) => row[margin..margin + from.width]
                                    .copy_from_slice(&plane[at * from.width..(at + 1) * from.width]),
                                None => row.fill(0.0),
                            }
                        }
                        self.isa.run(FromPlanar {
                            input,
                            row_length,
                            size: conv.size,
                            step: conv.stride,
                            channels: planes.len(),
                            weights,
                            epilogues: &epilogues,
                            y,
                            rows: &mut rows,
                        });
                    },
                );
            }
            Ok(Kind::ToPlanar) => {
                let blocks = self.blocks(&conv.from, rest);
                let bias: &[f32] = bytemuck::cast_slice(self.network.single(&conv.bias));
                let made: &mut [f32] = bytemuck::cast_slice_mut(to);
                let a_channel = weights.len() / shape.channels;
                made[..shape.values()].par_chunks_exact_mut(shape.width).enumerate().for_each_init(
                    || vec![Lane::ZERO; shape.width],
                    |sums, (at, row)| {
                        let channel = at / shape.height;
                        self.isa.run(ToPlanar {
                            blocks: &blocks,
                            size: conv.size,
                            dilation: conv.dilation,
                            weights: &weights[channel * a_channel..(channel + 1) * a_channel],
                            bias: bias[channel],
                            relu: conv.relu,
                            y: at % shape.height,
                            sums,
                            row,
                        });
                    },
                );
            }
            Ok(Kind::Mix) => {
                let planes = self.planes(&conv.from, rest);
                let bias: &[f32] = bytemuck::cast_slice(self.network.single(&conv.bias));
                let weights: &[f32] = bytemuck::cast_slice(weights);
                let a_channel = weights.len() / shape.channels;
                let made: &mut [f32] = bytemuck::cast_slice_mut(to);
                let channels = made[..shape.values()].chunks_exact_mut(shape.pixels()).enumerate();
                for (channel, made) in channels {
                    made.par_chunks_mut(PART).enumerate().for_each(|(part, made)| {
                        let some = part * PART..part * PART + made.len();
                        let inputs: Vec<&[f32]> = planes.iter().map(|plane| &plane[some.clone()]).collect();
                        self.isa.run(Mix {
                            inputs: &inputs,
                            weights: &weights[channel * a_channel..][..planes.len()],
                            bias: bias[channel],
                            relu: conv.relu,
                            made,
                        });
                    });
                }
            }
            Ok(Kind::Winograd) | Err(_) => {}
        }
    }

    /// The channels of some planar maps.
    fn planes<'b>(&self, maps: &[usize], rest: &Rest<'b>) -> Vec<&'b [f32]> {
        let planes = maps.iter().flat_map(|map| {
            let values: &[f32] = bytemuck::cast_slice(rest.get(&self.plan.maps[*map]));
            values[..self.shape(*map).values()].chunks_exact(self.shape(*map).pixels())
        });
        planes.collect()
    }

    fn max_pool(&self, from: &[Lane], shape: Shape, to: &mut [Lane]) {
        let (width, height) = (shape.width.div_ceil(2), shape.height.div_ceil(2));
        to.par_chunks_exact_mut(width).enumerate().for_each(|(at, made)| {
            let (block, y) = (at / height, at % height * 2);
            let start = (block * shape.height + y) * shape.width;
            let rows = &from[start..start + shape.width * (shape.height - y).min(2)];
            self.isa.run(MaxPool { rows, width: shape.width, made });
        });
    }

    fn resize(&self, from: &[Lane], old: Shape, to: &mut [Lane], new: Shape, first_if_single: bool) {
        let columns = plain::between(old.width, new.width, first_if_single);
        let rows = plain::between(old.height, new.height, first_if_single);
        if old.is_planar() {
            let from: &[f32] = bytemuck::cast_slice(from);
            let made: &mut [f32] = bytemuck::cast_slice_mut(to);
            made[..new.values()].par_chunks_exact_mut(new.width).enumerate().for_each_init(
                || vec![0.0; old.width],
                |mixed, (at, made)| {
                    let row = rows[at % new.height];
                    let line = |y: u32| &from[(at / new.height * old.height + y as usize) * old.width..][..old.width];
                    let (upper, lower) = (line(row.first), line(row.second));
                    self.isa.run(plain::ResizePlanar {
                        upper,
                        lower,
                        share: row.share,
                        columns: &columns,
                        mixed,
                        made,
                    });
                },
            );
            return;
        }
        to.par_chunks_exact_mut(new.width).enumerate().for_each_init(
            || vec![Lane::ZERO; old.width],
            |mixed, (at, made)| {
                let row = rows[at % new.height];
                let line = |y: u32| &from[(at / new.height * old.height + y as usize) * old.width..][..old.width];
                let (upper, lower) = (line(row.first), line(row.second));
                self.isa.run(plain::Resize { upper, lower, share: row.share, columns: &columns, mixed, made });
            },
        );
    }
}

/// How a block is enlarged: where the rows and the columns that it becomes lie among its own.
#[derive(Clone)]
struct Enlargement {
    columns: Arc<Vec<Between>>,
    rows: Arc<Vec<Between>>,
}

/// What all tasks of a convolution whose threads share the tiles read.
struct Tiled<'a> {
    conv: &'a Conv,
    plan: &'a Winograd,
    blocks: Vec<View<'a>>,
    enlargements: Vec<Option<Enlargement>>,
    epilogues: Vec<Epilogue<'a>>,
    weights: &'a [Lane],
    together: usize,
}

/// Some rows of tiles, and the rows of the output that they are.
struct Task<'a> {
    /// The first row of tiles.
    first: usize,
    tiles: Range<usize>,
    /// For each block of the output, [`TILE`] for each row of tiles; empty where there is none.
    rows: Vec<Vec<&'a mut [Lane]>>,
}

/// Divides an output into tasks of so many rows of tiles.
fn tasks<'a>(plan: &Winograd, dilation: usize, shape: Shape, to: &'a mut [Lane], at_once: usize) -> Vec<Task<'a>> {
    // The rows of each block in the order of the tiles, whose rows may be far from each other.
    let mut blocks: Vec<Vec<Option<&mut [Lane]>>> = to
        .chunks_exact_mut(shape.pixels())
        .map(|block| block.chunks_exact_mut(shape.width).map(Some).collect())
        .collect();
    let mut tasks = Vec::with_capacity(plan.rows.len().div_ceil(at_once));
    let mut start = 0;
    for (number, firsts) in plan.rows.chunks(at_once).enumerate() {
        let first = number * at_once;
        let some = plan.tiles[start..].iter().take_while(|tile| (tile.row as usize) < first + firsts.len()).count();
        let mut rows = Vec::with_capacity(blocks.len());
        for block in &mut blocks {
            let places = firsts.iter().flat_map(|first| (0..TILE).map(move |row| first + row * dilation));
            let row = |place: usize| block.get_mut(place).and_then(Option::take).unwrap_or_default();
            rows.push(places.map(row).collect());
        }
        tasks.push(Task { first, tiles: start..start + some, rows });
        start += some;
    }
    tasks
}
