//! 3 x 3 convolution with a fourth of the multiplications.
//!
//! Winograd's F(4 x 4, 3 x 3), after A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
//! 2016: a tile of 4 x 4 outputs is made of the 6 x 6 inputs around it by 36 products a channel rather than 144,
//! between the transforms of both. For each of the 36 points the products of all tiles and all channels are one
//! product of matrices, which is where the time goes.
//!
//! The points are 0, ±5/8, ±3/2 and infinity: they halve the error of the usual 0, ±1, ±2 (B. Barabasz et al., "Error
//! Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", ACM TOMS 2020).
//!
//! A convolution of dilation d is d x d independent ones, each of every d-th row and column. Nothing is moved for that:
//! with all sixteen channels of a pixel in one lane, a tile reads its pixels from any distance.
//!
//! What there is for the points has one lane more than it needs at each: 36 lanes at a distance of a power of two
//! would have room in the cache for a few of them only.

use super::{Epilogue, View};
use crate::network::Weights;
use crate::simd::{Kernel, Lane, Simd};

/// Rows and columns of outputs in a tile.
pub(crate) const TILE: usize = 4;
/// Rows and columns of inputs that a tile is made of.
const PATCH: usize = 6;
/// The points at which polynomials are multiplied.
pub(crate) const POINTS: usize = PATCH * PATCH;
/// Rows and columns of the weights, all together.
pub(crate) const TAPS: usize = 9;

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// Where the outputs of a tile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Row and column of the first.
    pub(crate) y: u32,
    pub(crate) x: u32,
    /// Which row of tiles it belongs to.
    pub(crate) row: u32,
}

/// How many tiles a map has.
pub(crate) fn count_of_tiles(width: usize, height: usize, dilation: usize) -> usize {
    let along =
        |side: usize| -> usize { (0..dilation.min(side)).map(|phase| (side - phase).div_ceil(TILE * dilation)).sum() };
    along(width) * along(height)
}

/// All tiles of a map, row of tiles by row of tiles, and the first row of each such row.
pub(crate) fn tiles(width: usize, height: usize, dilation: usize) -> (Vec<Tile>, Vec<usize>) {
    let (mut tiles, mut rows) = (Vec::new(), Vec::new());
    let step = TILE * dilation;
    for phase in 0..dilation.min(height) {
        for y in (phase..height).step_by(step) {
            for first in 0..dilation.min(width) {
                for x in (first..width).step_by(step) {
                    tiles.push(Tile { y: y as u32, x: x as u32, row: rows.len() as u32 });
                }
            }
            rows.push(y);
        }
    }
    (tiles, rows)
}

/// The distance of two points in what is transformed, with so many lanes at each.
pub(crate) const fn stride(lanes: usize) -> usize {
    lanes + 1
}

/// The lanes of all points, with so many at each.
pub(crate) const fn room(lanes: usize) -> usize {
    POINTS * stride(lanes)
}

/// `factor * of + to`. No closures here and below: what is not inlined at once is not made for the machine.
#[inline(always)]
fn by<S: Simd>(s: S, factor: f32, of: S::V, to: S::V) -> S::V {
    s.mul_add(s.splat(factor), of, to)
}

/// From six numbers of an input to the six points.
#[inline(always)]
fn input_points<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    let (even, odd) = (by(s, -B2, d[2], d[4]), by(s, -B2, d[1], d[3]));
    let (other_even, other_odd) = (by(s, -A2, d[2], d[4]), by(s, -A2, d[1], d[3]));
    [
        by(s, A2 * B2, d[0], by(s, -(A2 + B2), d[2], d[4])),
        by(s, A, odd, even),
        by(s, -A, odd, even),
        by(s, B, other_odd, other_even),
        by(s, -B, other_odd, other_even),
        by(s, A2 * B2, d[1], by(s, -(A2 + B2), d[3], d[5])),
    ]
}

/// From three weights to the six points.
#[inline(always)]
fn weight_points<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
    // One over the product of the distances of a point to all others.
    const AT_0: f32 = 1.0 / (A2 * B2);
    const AT_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
    const AT_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));
    let a_even = s.mul(s.splat(AT_A), by(s, A2, g[2], g[0]));
    let b_even = s.mul(s.splat(AT_B), by(s, B2, g[2], g[0]));
    let (a_odd, b_odd) = (s.mul(s.splat(AT_A * A), g[1]), s.mul(s.splat(AT_B * B), g[1]));
    [
        s.mul(s.splat(AT_0), g[0]),
        s.add(a_even, a_odd),
        s.sub(a_even, a_odd),
        s.add(b_even, b_odd),
        s.sub(b_even, b_odd),
        g[2],
    ]
}

/// From the products at the six points to four numbers of the output.
#[inline(always)]
fn outputs<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
    let (a_even, a_odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (b_even, b_odd) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    [
        s.add(m[0], s.add(a_even, b_even)),
        by(s, A, a_odd, s.mul(s.splat(B), b_odd)),
        by(s, A2, a_even, s.mul(s.splat(B2), b_even)),
        by(s, A2 * A, a_odd, by(s, B2 * B, b_odd, m[5])),
    ]
}

/// Six lanes at a distance of so many.
#[inline(always)]
fn six<S: Simd>(s: S, lanes: &[Lane], at: usize, step: usize) -> [S::V; 6] {
    [
        s.load(&lanes[at]),
        s.load(&lanes[at + step]),
        s.load(&lanes[at + 2 * step]),
        s.load(&lanes[at + 3 * step]),
        s.load(&lanes[at + 4 * step]),
        s.load(&lanes[at + 5 * step]),
    ]
}

/// The input of some tiles at the points: sixteen channels after the other, [`room`] for the tiles of each.
pub(crate) struct TransformInput<'a> {
    /// Sixteen channels each.
    pub(crate) blocks: &'a [View<'a>],
    pub(crate) tiles: &'a [Tile],
    pub(crate) dilation: usize,
    pub(crate) made: &'a mut [Lane],
}

impl Kernel for TransformInput<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let count = self.tiles.len();
        let (stride, d) = (stride(count), self.dilation);
        // A patch that reaches beyond the map is copied, with zeros where there is nothing.
        let mut copied = [Lane::ZERO; POINTS];
        let mut half = [Lane::ZERO; POINTS];
        for (block, made) in self.blocks.iter().zip(self.made.chunks_exact_mut(room(count))) {
            for (at, tile) in self.tiles.iter().enumerate() {
                let (y, x) = (tile.y as usize, tile.x as usize);
                let inside =
                    y >= d && x >= d && y + (PATCH - 2) * d < block.height && x + (PATCH - 2) * d < block.width;
                let (lanes, first, right, down) = if inside {
                    (block.lanes, (y - d - block.first) * block.width + x - d, d, d * block.width)
                } else {
                    block.patch(y, x, d, &mut copied);
                    (&copied[..], 0, 1, PATCH)
                };
                for column in 0..PATCH {
                    let points = input_points(s, six(s, lanes, first + column * right, down));
                    for row in 0..PATCH {
                        s.store(points[row], &mut half[row * PATCH + column]);
                    }
                }
                for row in 0..PATCH {
                    let points = input_points(s, six(s, &half, row * PATCH, 1));
                    for column in 0..PATCH {
                        s.store(points[column], &mut made[(row * PATCH + column) * stride + at]);
                    }
                }
            }
        }
    }
}

/// Weights at the points: at each, the lanes of `columns` blocks of output channels for one input channel after
/// another.
pub(crate) struct TransformWeights<'a> {
    pub(crate) weights: Weights<'a>,
    /// Input channels of the convolution, and those of them that are wanted.
    pub(crate) all_inputs: usize,
    pub(crate) inputs: std::ops::Range<usize>,
    /// The first block of output channels, and how many.
    pub(crate) block: usize,
    pub(crate) columns: usize,
    pub(crate) made: &'a mut [Lane],
}

impl Kernel for TransformWeights<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let stride = stride(self.inputs.len() * self.columns);
        let mut half = [Lane::ZERO; PATCH * 3];
        for column in 0..self.columns {
            for (at, input) in self.inputs.clone().enumerate() {
                let first = ((self.block + column) * self.all_inputs + input) * TAPS;
                for x in 0..3 {
                    let g = match self.weights {
                        Weights::Half(all) => {
                            let g = &all[first + x..first + x + 7];
                            [s.load_half(&g[0]), s.load_half(&g[3]), s.load_half(&g[6])]
                        }
                        Weights::Single(all) => {
                            let g = &all[first + x..first + x + 7];
                            [s.load(&g[0]), s.load(&g[3]), s.load(&g[6])]
                        }
                    };
                    let points = weight_points(s, g);
                    for row in 0..PATCH {
                        s.store(points[row], &mut half[row * 3 + x]);
                    }
                }
                for row in 0..PATCH {
                    let g = [s.load(&half[row * 3]), s.load(&half[row * 3 + 1]), s.load(&half[row * 3 + 2])];
                    let points = weight_points(s, g);
                    for (x, value) in points.iter().enumerate() {
                        s.store(*value, &mut self.made[(row * PATCH + x) * stride + at * self.columns + column]);
                    }
                }
            }
        }
    }
}

/// The products of tiles and weights, at each point, added up over the input channels: the lanes of `columns` blocks of
/// output channels for one tile after another.
pub(crate) struct Multiply<'a> {
    /// Of [`TransformInput`], for so many tiles.
    pub(crate) input: &'a [Lane],
    pub(crate) tiles: usize,
    /// Of [`TransformWeights`], for so many blocks of output channels.
    pub(crate) weights: &'a [Lane],
    pub(crate) columns: usize,
    /// Whether there is something in `made` to be added to.
    pub(crate) add: bool,
    pub(crate) made: &'a mut [Lane],
}

impl Kernel for Multiply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let blocks = self.input.len() / room(self.tiles);
        let (of_input, of_weights, of_made) =
            (stride(self.tiles), stride(blocks * 16 * self.columns), stride(self.tiles * self.columns));
        for point in 0..POINTS {
            let weights = &self.weights[point * of_weights..][..blocks * 16 * self.columns];
            let made = &mut self.made[point * of_made..][..self.tiles * self.columns];
            let product = Product { s, input: self.input, first: point * of_input, tiles: self.tiles, weights };
            match self.columns {
                4 => product.strips::<6, 4>(made, self.add),
                2 => product.strips::<12, 2>(made, self.add),
                _ if S::COLUMNS == 1 => product.strips::<6, 1>(made, self.add),
                _ => product.strips::<24, 1>(made, self.add),
            }
        }
    }
}

/// The product of two matrices.
#[derive(Clone, Copy)]
struct Product<'a, S> {
    s: S,
    input: &'a [Lane],
    first: usize,
    tiles: usize,
    weights: &'a [Lane],
}

impl<S: Simd> Product<'_, S> {
    /// In strips of so many tiles and columns as there are registers for.
    #[inline(always)]
    fn strips<const TILES: usize, const COLUMNS: usize>(self, made: &mut [Lane], add: bool) {
        let mut tile = 0;
        while tile + TILES <= self.tiles {
            self.strip::<TILES, COLUMNS>(tile, made, add);
            tile += TILES;
        }
        if TILES > 12 && tile + 12 <= self.tiles {
            self.strip::<12, COLUMNS>(tile, made, add);
            tile += 12;
        }
        if TILES > 6 && tile + 6 <= self.tiles {
            self.strip::<6, COLUMNS>(tile, made, add);
            tile += 6;
        }
        if tile + 4 <= self.tiles {
            self.strip::<4, COLUMNS>(tile, made, add);
            tile += 4;
        }
        while tile < self.tiles {
            self.strip::<1, COLUMNS>(tile, made, add);
            tile += 1;
        }
    }

    #[inline(always)]
    fn strip<const TILES: usize, const COLUMNS: usize>(self, tile: usize, made: &mut [Lane], add: bool) {
        let Self { s, input, .. } = self;
        let made = &mut made[tile * COLUMNS..(tile + TILES) * COLUMNS];
        let mut sums = [[s.zero(); COLUMNS]; TILES];
        if add {
            for row in 0..TILES {
                for column in 0..COLUMNS {
                    sums[row][column] = s.load(&made[row * COLUMNS + column]);
                }
            }
        }
        let mut at = self.first + tile;
        for weights in self.weights.chunks_exact(16 * COLUMNS) {
            let rows = &input[at..at + TILES];
            at += room(self.tiles);
            for channel in 0..16 {
                let mut of_channel = [s.zero(); COLUMNS];
                for column in 0..COLUMNS {
                    of_channel[column] = s.load(&weights[channel * COLUMNS + column]);
                }
                for row in 0..TILES {
                    let value = s.splat(rows[row].0[channel]);
                    for column in 0..COLUMNS {
                        sums[row][column] = s.mul_add(value, of_channel[column], sums[row][column]);
                    }
                }
            }
        }
        for row in 0..TILES {
            for column in 0..COLUMNS {
                s.store(sums[row][column], &mut made[row * COLUMNS + column]);
            }
        }
    }
}

/// From products to outputs.
pub(crate) struct TransformOutput<'a, 'b> {
    /// Of [`Multiply`].
    pub(crate) products: &'a [Lane],
    pub(crate) tiles: &'a [Tile],
    pub(crate) dilation: usize,
    pub(crate) columns: usize,
    /// What is done to the outputs of each block.
    pub(crate) epilogues: &'a [Epilogue<'a>],
    /// The row of tiles that the first of `rows` is of.
    pub(crate) first: usize,
    /// For each column the rows of the output, [`TILE`] for each row of tiles; empty where there is none.
    pub(crate) rows: &'a mut [Vec<&'b mut [Lane]>],
}

impl Kernel for TransformOutput<'_, '_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let stride = stride(self.tiles.len() * self.columns);
        let mut half = [Lane::ZERO; TILE * PATCH];
        for (at, tile) in self.tiles.iter().enumerate() {
            for column in 0..self.columns {
                let first = at * self.columns + column;
                for x in 0..PATCH {
                    let made = outputs(s, six(s, self.products, x * stride + first, PATCH * stride));
                    for y in 0..TILE {
                        s.store(made[y], &mut half[y * PATCH + x]);
                    }
                }
                let epilogue = &self.epilogues[column];
                let first_row = (tile.row as usize - self.first) * TILE;
                let bias = s.load(epilogue.bias);
                for row in 0..TILE {
                    let to = &mut self.rows[column][first_row + row];
                    if to.is_empty() {
                        continue;
                    }
                    let width = to.len();
                    let before = (tile.y as usize + row * self.dilation) * width;
                    let made = outputs(s, six(s, &half, row * PATCH, 1));
                    for (number, value) in made.iter().enumerate() {
                        let x = tile.x as usize + number * self.dilation;
                        if x < width {
                            s.store(epilogue.apply(s, s.add(*value, bias), before + x), &mut to[x]);
                        }
                    }
                }
            }
        }
    }
}
