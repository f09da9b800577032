//! 3 × 3 convolution with a quarter of the multiplications.
//!
//! This is Winograd's F(4 × 4, 3 × 3), after A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
//! CVPR 2016. A tile of 4 × 4 outputs takes 36 products per channel rather than 144, between a transform of the 6 × 6
//! inputs around it and one back to the outputs. At each of the 36 points, the products of all tiles and channels are
//! one matrix product, where nearly all of the time goes.
//!
//! The points are 0, ±5/8, ±3/2 and infinity. They halve the error of the usual 0, ±1, ±2 (B. Barabasz et al., "Error
//! Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", ACM TOMS 2020).
//!
//! A convolution of dilation d is d × d independent ones, each over every d-th row and column. No data moves for that:
//! all sixteen channels of a pixel lie in one vector, so a tile reads its pixels at any distance.
//!
//! Transformed data is laid out point by point, with one unused vector after each point. Without it, 36 vectors at
//! distances of a power of two would compete for the same few cache lines.

use super::{Epilogue, View};
use crate::simd::{Kernel, Lane, Simd};
use crate::weights::Weights;

/// Rows and columns of outputs in a tile.
pub(crate) const TILE: usize = 4;
/// Rows and columns of inputs that a tile depends on.
const PATCH: usize = 6;
/// The points at which the polynomials are evaluated and multiplied.
pub(crate) const POINTS: usize = PATCH * PATCH;
/// Weights in a kernel of 3 × 3.
pub(crate) const TAPS: usize = 9;

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// The outputs of a tile: [`TILE`] × [`TILE`] pixels at the distance of the dilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// The row of the first output.
    pub(crate) y: u32,
    /// The column of the first output.
    pub(crate) x: u32,
    /// The row of tiles that the tile belongs to.
    pub(crate) row: u32,
}

/// The number of tiles in a map.
pub(crate) fn tile_count(width: usize, height: usize, dilation: usize) -> usize {
    let along =
        |side: usize| -> usize { (0..dilation.min(side)).map(|phase| (side - phase).div_ceil(TILE * dilation)).sum() };
    along(width) * along(height)
}

/// The tiles of a map, one row of tiles after another, and the first output row of each row of tiles.
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

/// The distance between the points of transformed data with `lanes` vectors at each point.
pub(crate) const fn point_stride(lanes: usize) -> usize {
    lanes + 1
}

/// The length of transformed data with `lanes` vectors at each point.
pub(crate) const fn points_len(lanes: usize) -> usize {
    POINTS * point_stride(lanes)
}

/// `factor * x + add`. This function and those below use no closures: see [`Kernel::run`].
#[inline(always)]
fn scaled_add<S: Simd>(s: S, factor: f32, x: S::V, add: S::V) -> S::V {
    s.mul_add(s.splat(factor), x, add)
}

/// Transforms six inputs along an axis to the six points.
#[inline(always)]
fn input_points<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    let (even, odd) = (scaled_add(s, -B2, d[2], d[4]), scaled_add(s, -B2, d[1], d[3]));
    let (other_even, other_odd) = (scaled_add(s, -A2, d[2], d[4]), scaled_add(s, -A2, d[1], d[3]));
    [
        scaled_add(s, A2 * B2, d[0], scaled_add(s, -(A2 + B2), d[2], d[4])),
        scaled_add(s, A, odd, even),
        scaled_add(s, -A, odd, even),
        scaled_add(s, B, other_odd, other_even),
        scaled_add(s, -B, other_odd, other_even),
        scaled_add(s, A2 * B2, d[1], scaled_add(s, -(A2 + B2), d[3], d[5])),
    ]
}

/// Transforms three weights along an axis to the six points.
#[inline(always)]
fn weight_points<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
    // Reciprocals of the product of a point's distances to all others.
    const AT_0: f32 = 1.0 / (A2 * B2);
    const AT_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
    const AT_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));
    let a_even = s.mul(s.splat(AT_A), scaled_add(s, A2, g[2], g[0]));
    let b_even = s.mul(s.splat(AT_B), scaled_add(s, B2, g[2], g[0]));
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

/// Transforms the products at the six points to four outputs along an axis.
#[inline(always)]
fn outputs<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
    let (a_even, a_odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (b_even, b_odd) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    [
        s.add(m[0], s.add(a_even, b_even)),
        scaled_add(s, A, a_odd, s.mul(s.splat(B), b_odd)),
        scaled_add(s, A2, a_even, s.mul(s.splat(B2), b_even)),
        scaled_add(s, A2 * A, a_odd, scaled_add(s, B2 * B, b_odd, m[5])),
    ]
}

/// Loads six vectors at a distance of `step`.
#[inline(always)]
fn load_six<S: Simd>(s: S, lanes: &[Lane], at: usize, step: usize) -> [S::V; 6] {
    [
        s.load(&lanes[at]),
        s.load(&lanes[at + step]),
        s.load(&lanes[at + 2 * step]),
        s.load(&lanes[at + 3 * step]),
        s.load(&lanes[at + 4 * step]),
        s.load(&lanes[at + 5 * step]),
    ]
}

/// Transforms the input of some tiles. The output is, for each block, [`points_len`] of the number of tiles: at each
/// point, a vector for each tile.
pub(crate) struct TransformInput<'a> {
    /// The blocks of the input.
    pub(crate) blocks: &'a [View<'a>],
    pub(crate) tiles: &'a [Tile],
    pub(crate) dilation: usize,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for TransformInput<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let count = self.tiles.len();
        let (point_stride, d) = (point_stride(count), self.dilation);
        // A patch that reaches beyond the map is copied and padded with zeros.
        let mut copied = [Lane::ZERO; POINTS];
        let mut partial = [Lane::ZERO; POINTS];
        for (block, out) in self.blocks.iter().zip(self.out.chunks_exact_mut(points_len(count))) {
            for (at, tile) in self.tiles.iter().enumerate() {
                let (y, x) = (tile.y as usize, tile.x as usize);
                let inside =
                    y >= d && x >= d && y + (PATCH - 2) * d < block.height && x + (PATCH - 2) * d < block.width;
                let (lanes, first, right, down) = if inside {
                    (block.lanes, (y - d - block.first_row) * block.width + x - d, d, d * block.width)
                } else {
                    block.patch(y, x, d, &mut copied);
                    (&copied[..], 0, 1, PATCH)
                };
                for column in 0..PATCH {
                    let points = input_points(s, load_six(s, lanes, first + column * right, down));
                    for row in 0..PATCH {
                        s.store(points[row], &mut partial[row * PATCH + column]);
                    }
                }
                for row in 0..PATCH {
                    let points = input_points(s, load_six(s, &partial, row * PATCH, 1));
                    for column in 0..PATCH {
                        s.store(points[column], &mut out[(row * PATCH + column) * point_stride + at]);
                    }
                }
            }
        }
    }
}

/// Transforms the weights of some output channels. The output is, at each point and for each input channel, a vector for
/// each of `columns` blocks of output channels.
pub(crate) struct TransformWeights<'a> {
    pub(crate) weights: Weights<'a>,
    /// Input channels of the convolution.
    pub(crate) all_inputs: usize,
    /// The input channels to transform.
    pub(crate) inputs: std::ops::Range<usize>,
    /// The first block of output channels.
    pub(crate) block: usize,
    /// Blocks of output channels.
    pub(crate) columns: usize,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for TransformWeights<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let point_stride = point_stride(self.inputs.len() * self.columns);
        let mut partial = [Lane::ZERO; PATCH * 3];
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
                        s.store(points[row], &mut partial[row * 3 + x]);
                    }
                }
                for row in 0..PATCH {
                    let g = [s.load(&partial[row * 3]), s.load(&partial[row * 3 + 1]), s.load(&partial[row * 3 + 2])];
                    let points = weight_points(s, g);
                    for (x, value) in points.iter().enumerate() {
                        s.store(*value, &mut self.out[(row * PATCH + x) * point_stride + at * self.columns + column]);
                    }
                }
            }
        }
    }
}

/// Multiplies tiles by weights at each point, and sums over the input channels. The output is, at each point and for each
/// tile, a vector for each of `columns` blocks of output channels.
pub(crate) struct Multiply<'a> {
    /// The output of [`TransformInput`] for `tiles` tiles.
    pub(crate) input: &'a [Lane],
    pub(crate) tiles: usize,
    /// The output of [`TransformWeights`] for `columns` blocks.
    pub(crate) weights: &'a [Lane],
    pub(crate) columns: usize,
    /// Whether to add to what `out` holds.
    pub(crate) add: bool,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for Multiply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let blocks = self.input.len() / points_len(self.tiles);
        let (input_stride, weight_stride, output_stride) = (
            point_stride(self.tiles),
            point_stride(blocks * 16 * self.columns),
            point_stride(self.tiles * self.columns),
        );
        for point in 0..POINTS {
            let weights = &self.weights[point * weight_stride..][..blocks * 16 * self.columns];
            let out = &mut self.out[point * output_stride..][..self.tiles * self.columns];
            let product = Product { s, input: self.input, first: point * input_stride, tiles: self.tiles, weights };
            match self.columns {
                4 => product.strips::<6, 4>(out, self.add),
                2 => product.strips::<12, 2>(out, self.add),
                _ if S::COLUMNS == 1 => product.strips::<6, 1>(out, self.add),
                _ => product.strips::<24, 1>(out, self.add),
            }
        }
    }
}

/// The matrix product at one point.
#[derive(Clone, Copy)]
struct Product<'a, S> {
    s: S,
    input: &'a [Lane],
    first: usize,
    tiles: usize,
    weights: &'a [Lane],
}

impl<S: Simd> Product<'_, S> {
    /// Computes the product in strips of as many tiles and columns as the registers hold.
    #[inline(always)]
    fn strips<const TILES: usize, const COLUMNS: usize>(self, out: &mut [Lane], add: bool) {
        let mut tile = 0;
        while tile + TILES <= self.tiles {
            self.strip::<TILES, COLUMNS>(tile, out, add);
            tile += TILES;
        }
        if TILES > 12 && tile + 12 <= self.tiles {
            self.strip::<12, COLUMNS>(tile, out, add);
            tile += 12;
        }
        if TILES > 6 && tile + 6 <= self.tiles {
            self.strip::<6, COLUMNS>(tile, out, add);
            tile += 6;
        }
        if tile + 4 <= self.tiles {
            self.strip::<4, COLUMNS>(tile, out, add);
            tile += 4;
        }
        while tile < self.tiles {
            self.strip::<1, COLUMNS>(tile, out, add);
            tile += 1;
        }
    }

    #[inline(always)]
    fn strip<const TILES: usize, const COLUMNS: usize>(self, tile: usize, out: &mut [Lane], add: bool) {
        let Self { s, input, .. } = self;
        let out = &mut out[tile * COLUMNS..(tile + TILES) * COLUMNS];
        let mut sums = [[s.zero(); COLUMNS]; TILES];
        if add {
            for row in 0..TILES {
                for column in 0..COLUMNS {
                    sums[row][column] = s.load(&out[row * COLUMNS + column]);
                }
            }
        }
        let mut at = self.first + tile;
        for weights in self.weights.chunks_exact(16 * COLUMNS) {
            let rows = &input[at..at + TILES];
            at += points_len(self.tiles);
            for channel in 0..16 {
                let mut channel_weights = [s.zero(); COLUMNS];
                for column in 0..COLUMNS {
                    channel_weights[column] = s.load(&weights[channel * COLUMNS + column]);
                }
                for row in 0..TILES {
                    let value = s.splat(rows[row].0[channel]);
                    for column in 0..COLUMNS {
                        sums[row][column] = s.mul_add(value, channel_weights[column], sums[row][column]);
                    }
                }
            }
        }
        for row in 0..TILES {
            for column in 0..COLUMNS {
                s.store(sums[row][column], &mut out[row * COLUMNS + column]);
            }
        }
    }
}

/// Transforms products to outputs, and applies the epilogue.
pub(crate) struct TransformOutput<'a, 'b> {
    /// The output of [`Multiply`].
    pub(crate) products: &'a [Lane],
    pub(crate) tiles: &'a [Tile],
    pub(crate) dilation: usize,
    pub(crate) columns: usize,
    /// One for each column.
    pub(crate) epilogues: &'a [Epilogue<'a>],
    /// The row of tiles that `rows` begins with.
    pub(crate) first: usize,
    /// For each column, the rows of the output: [`TILE`] for each row of tiles, empty beyond the map's end.
    pub(crate) rows: &'a mut [Vec<&'b mut [Lane]>],
}

impl Kernel for TransformOutput<'_, '_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let point_stride = point_stride(self.tiles.len() * self.columns);
        let mut partial = [Lane::ZERO; TILE * PATCH];
        for (at, tile) in self.tiles.iter().enumerate() {
            for column in 0..self.columns {
                let first = at * self.columns + column;
                for x in 0..PATCH {
                    let out = outputs(s, load_six(s, self.products, x * point_stride + first, PATCH * point_stride));
                    for y in 0..TILE {
                        s.store(out[y], &mut partial[y * PATCH + x]);
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
                    let out = outputs(s, load_six(s, &partial, row * PATCH, 1));
                    for (number, value) in out.iter().enumerate() {
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
