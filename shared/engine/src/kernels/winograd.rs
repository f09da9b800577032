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

/// From six numbers of an input to the six points.
#[inline(always)]
fn input_points<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    let by = |factor: f32, of: S::V, to: S::V| s.mul_add(s.splat(factor), of, to);
    let (even, odd) = (by(-B2, d[2], d[4]), by(-B2, d[1], d[3]));
    let (other_even, other_odd) = (by(-A2, d[2], d[4]), by(-A2, d[1], d[3]));
    [
        by(A2 * B2, d[0], by(-(A2 + B2), d[2], d[4])),
        by(A, odd, even),
        by(-A, odd, even),
        by(B, other_odd, other_even),
        by(-B, other_odd, other_even),
        by(A2 * B2, d[1], by(-(A2 + B2), d[3], d[5])),
    ]
}

/// From three weights to the six points.
#[inline(always)]
fn weight_points<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
    // One over the product of the distances of a point to all others.
    const AT_0: f32 = 1.0 / (A2 * B2);
    const AT_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
    const AT_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));
    let pair = |factor: f32, point: f32| {
        let even = s.mul(s.splat(factor), s.mul_add(s.splat(point * point), g[2], g[0]));
        let odd = s.mul(s.splat(factor * point), g[1]);
        (s.add(even, odd), s.sub(even, odd))
    };
    let ((at_a, at_minus_a), (at_b, at_minus_b)) = (pair(AT_A, A), pair(AT_B, B));
    [s.mul(s.splat(AT_0), g[0]), at_a, at_minus_a, at_b, at_minus_b, g[2]]
}

/// From the products at the six points to four numbers of the output.
#[inline(always)]
fn outputs<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
    let by = |factor: f32, of: S::V, to: S::V| s.mul_add(s.splat(factor), of, to);
    let (a_even, a_odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (b_even, b_odd) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    [
        s.add(m[0], s.add(a_even, b_even)),
        by(A, a_odd, s.mul(s.splat(B), b_odd)),
        by(A2, a_even, s.mul(s.splat(B2), b_even)),
        by(A2 * A, a_odd, by(B2 * B, b_odd, m[5])),
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
        let stride = stride(count);
        for (block, made) in self.blocks.iter().zip(self.made.chunks_exact_mut(room(count))) {
            for (at, tile) in self.tiles.iter().enumerate() {
                let (y, x) = (tile.y as usize, tile.x as usize);
                let d = self.dilation;
                let inside =
                    y >= d && x >= d && y + (PATCH - 2) * d < block.height && x + (PATCH - 2) * d < block.width;
                let mut patch = [[s.zero(); PATCH]; PATCH];
                if inside {
                    let first = (y - d) * block.width + x - d;
                    for column in 0..PATCH {
                        let at = |row: usize| s.load(&block.lanes[first + row * d * block.width + column * d]);
                        let points = input_points(s, [at(0), at(1), at(2), at(3), at(4), at(5)]);
                        for (row, value) in points.into_iter().enumerate() {
                            patch[row][column] = value;
                        }
                    }
                } else {
                    for column in 0..PATCH {
                        let at = |row: usize| match block.get(y + row * d, x + column * d, d) {
                            Some(lane) => s.load(lane),
                            None => s.zero(),
                        };
                        let points = input_points(s, [at(0), at(1), at(2), at(3), at(4), at(5)]);
                        for (row, value) in points.into_iter().enumerate() {
                            patch[row][column] = value;
                        }
                    }
                }
                for (row, patch) in patch.into_iter().enumerate() {
                    for (column, value) in input_points(s, patch).into_iter().enumerate() {
                        s.store(value, &mut made[(row * PATCH + column) * stride + at]);
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
        for column in 0..self.columns {
            for (at, input) in self.inputs.clone().enumerate() {
                let first = ((self.block + column) * self.all_inputs + input) * TAPS;
                let mut g = [s.zero(); TAPS];
                match self.weights {
                    Weights::Half(all) => {
                        for (g, lane) in g.iter_mut().zip(&all[first..first + TAPS]) {
                            *g = s.load_half(lane);
                        }
                    }
                    Weights::Single(all) => {
                        for (g, lane) in g.iter_mut().zip(&all[first..first + TAPS]) {
                            *g = s.load(lane);
                        }
                    }
                }
                let [left, middle, right] = [0, 1, 2].map(|x| weight_points(s, [g[x], g[3 + x], g[6 + x]]));
                for row in 0..PATCH {
                    let points = weight_points(s, [left[row], middle[row], right[row]]);
                    for (column_of_points, value) in points.into_iter().enumerate() {
                        let point = row * PATCH + column_of_points;
                        s.store(value, &mut self.made[point * stride + at * self.columns + column]);
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
        for (at, tile) in self.tiles.iter().enumerate() {
            for column in 0..self.columns {
                let mut half = [[s.zero(); PATCH]; TILE];
                let first = at * self.columns + column;
                for x in 0..PATCH {
                    let product = |y: usize| s.load(&self.products[(y * PATCH + x) * stride + first]);
                    let made = outputs(s, [product(0), product(1), product(2), product(3), product(4), product(5)]);
                    for (y, value) in made.into_iter().enumerate() {
                        half[y][x] = value;
                    }
                }
                let epilogue = &self.epilogues[column];
                let first_row = (tile.row as usize - self.first) * TILE;
                let bias = s.load(epilogue.bias);
                for (row, half) in half.into_iter().enumerate() {
                    let to = &mut self.rows[column][first_row + row];
                    if to.is_empty() {
                        continue;
                    }
                    let width = to.len();
                    let y = tile.y as usize + row * self.dilation;
                    for (number, value) in outputs(s, half).into_iter().enumerate() {
                        let x = tile.x as usize + number * self.dilation;
                        if x < width {
                            let value = epilogue.apply(s, s.add(value, bias), y * width + x);
                            s.store(value, &mut to[x]);
                        }
                    }
                }
            }
        }
    }
}
