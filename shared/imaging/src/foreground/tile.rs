//! Tiles of the picture, each of which is solved at full size together with everything that can affect it.

use std::ops::Range;

use image::{GrayImage, Pixel};

use super::level::{CHANNELS, LayerColors};
use super::read;
use super::solve::Relaxation;
use super::window::{CELL, Window};
use crate::sample::{ColorSample, Colors};

/// How far away a pixel can be and still affect another, in pixels: through cells of 4, 2 and 1 pixels, of 2 and 1, and
/// of 1. Rounded up to whole cells of [`CELL`]. Two steps of relaxation spread by three rows, their initial values by
/// four, and the weights by one more.
pub(super) const REACHES: [usize; 3] = [32, 16, 8];
/// How far away a cell can be, in columns and rows of pixels, for its solution to affect a pixel: the same without initial
/// values and weights.
const SPANS: [(usize, usize); 3] = [(10, 24), (4, 10), (1, 3)];
/// Pixels that are checked together.
const CHUNK: usize = 64;
/// Steps of relaxation at each level of a tile.
const STEPS: usize = 2;

/// A square of the picture that contains partial pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    /// The number of its row of tiles.
    pub(super) row: usize,
    /// The smallest rectangle that contains its partial pixels.
    core: Window,
    /// The core with everything that can affect it, for each of [`REACHES`]: in whole cells, except at the edge of the
    /// picture.
    around: [Window; 3],
}

/// The spans with the cells next to them, whose alpha is needed too. `width` is that of the level.
fn widened(spans: &[Range<usize>], width: usize) -> Vec<Range<usize>> {
    (0..spans.len())
        .map(|y| {
            let around = spans[y.saturating_sub(1)..(y + 2).min(spans.len())].iter().filter(|span| !span.is_empty());
            let wide = around.fold(width..0, |wide, span| wide.start.min(span.start)..wide.end.max(span.end));
            if wide.is_empty() { 0..0 } else { wide.start.saturating_sub(1)..(wide.end + 1).min(width) }
        })
        .collect()
}

/// The same spans at twice the size.
fn twice(spans: &[Range<usize>], (width, height): (usize, usize)) -> Vec<Range<usize>> {
    (0..height).map(|y| 2 * spans[y / 2].start..(2 * spans[y / 2].end).min(width)).collect()
}

/// Whether a pixel shows both layers.
fn is_partial(alpha: u8) -> bool {
    alpha != 0 && alpha != u8::MAX
}

/// The tiles that contain partial pixels, row by row.
pub(super) fn tiles(alpha: &GrayImage, side: usize) -> Vec<Tile> {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let mut tiles = Vec::new();
    for (row, top) in (0..height).step_by(side).enumerate() {
        for left in (0..width).step_by(side) {
            let (right, bottom) = ((left + side).min(width), (top + side).min(height));
            let Some(core) = bounds(alpha, Window { left, top, right, bottom }) else { continue };
            let around = REACHES.map(|reach| Window {
                left: core.left.saturating_sub(reach) / CELL * CELL,
                top: core.top.saturating_sub(reach) / CELL * CELL,
                right: (core.right + reach).next_multiple_of(CELL).min(width),
                bottom: (core.bottom + reach).next_multiple_of(CELL).min(height),
            });
            tiles.push(Tile { row, core, around });
        }
    }
    tiles
}

/// The smallest rectangle that contains the partial pixels of a window; `None` if it has none.
fn bounds(alpha: &GrayImage, window: Window) -> Option<Window> {
    let mut bounds: Option<Window> = None;
    for y in window.top..window.bottom {
        let Some(Range { start, end }) = columns(alpha, y, window.left..window.right) else { continue };
        let (left, top, right) =
            bounds.map_or((start, y, end), |old| (old.left.min(start), old.top, old.right.max(end)));
        bounds = Some(Window { left, top, right, bottom: y + 1 });
    }
    bounds
}

/// The columns from the first to the last partial pixel of a row, within some columns; `None` without any.
fn columns(alpha: &GrayImage, y: usize, within: Range<usize>) -> Option<Range<usize>> {
    let row = &alpha.as_raw()[y * alpha.width() as usize..][within.clone()];
    // Most pixels are not partial, which is checked for many at once.
    let any_partial = |chunk: &[u8]| chunk.iter().fold(false, |any, alpha| any | is_partial(*alpha));
    let skipped = row.chunks(CHUNK).take_while(|chunk| !any_partial(chunk)).count() * CHUNK;
    let first = skipped + row.get(skipped..)?.iter().position(|alpha| is_partial(*alpha))?;
    let skipped = row.rchunks(CHUNK).take_while(|chunk| !any_partial(chunk)).count() * CHUNK;
    let last = row[..row.len() - skipped].iter().rposition(|alpha| is_partial(*alpha)).unwrap_or(first);
    Some(within.start + first..within.start + last + 1)
}

impl Tile {
    /// The foreground's colors of the partial pixels in the core, row by row.
    pub(super) fn estimate<T: ColorSample>(
        &self,
        color: &Colors<T>,
        alpha: &GrayImage,
        coarse: &LayerColors,
    ) -> Vec<[T; CHANNELS]> {
        let [widest, wide, near] = self.around;
        let outline = self.outline(alpha);
        let spans = [(0, 4), (1, 2), (2, 1)].map(|(level, cell)| self.spans(&outline, level, cell));
        let half = read::pairs(color, alpha, widest, &twice(&widened(&spans[0], widest.size(4).0), widest.size(2)));
        let quarter = half.halved();
        let half = half.cut(widest.offset(wide, 2), wide.size(2));
        let full = read::pixels(color, alpha, near, &widened(&spans[2], near.size(1).0));

        let mut relaxation = Relaxation::default();
        let mut layers = coarse.doubled((widest.left / 4, widest.top / 4), (quarter.width, quarter.height));
        relaxation.run(&quarter, &mut layers, &spans[0], STEPS);
        layers = layers.doubled(widest.offset(wide, 2), (half.width, half.height));
        relaxation.run(&half, &mut layers, &spans[1], STEPS);
        layers = layers.doubled(wide.offset(near, 1), (full.width, full.height));
        relaxation.run(&full, &mut layers, &spans[2], STEPS);

        let mut estimate = Vec::new();
        for (x, y) in self.partial_pixels(alpha) {
            let (x, y) = (x - near.left, y - near.top);
            estimate.push(layers.foreground.each_ref().map(|plane| T::from_unit(plane.inner(y)[x])));
        }
        estimate
    }

    /// The columns between the first and the last partial pixel of each row of the core.
    fn outline(&self, alpha: &GrayImage) -> Vec<Option<Range<usize>>> {
        let Window { left, top, right, bottom } = self.core;
        (top..bottom).map(|y| columns(alpha, y, left..right)).collect()
    }

    /// The columns of cells, for each row of a level, that can affect a partial pixel. Cells have `cell` pixels a side, and
    /// the level covers window number `level` around the core.
    fn spans(&self, outline: &[Option<Range<usize>>], level: usize, cell: usize) -> Vec<Range<usize>> {
        let (window, (reach, rows)) = (self.around[level], SPANS[level]);
        let (width, height) = window.size(cell);
        let row = |y: usize| (y - window.top) / cell;
        let mut spans = vec![width..0; height];
        for (y, columns) in (self.core.top..).zip(outline) {
            let Some(columns) = columns else { continue };
            let from = (columns.start.saturating_sub(reach).max(window.left) - window.left) / cell;
            let to = ((columns.end + reach).min(window.right) - window.left).div_ceil(cell);
            let (first, last) = (y.saturating_sub(rows).max(window.top), (y + rows).min(window.bottom - 1));
            for span in &mut spans[row(first)..=row(last)] {
                *span = span.start.min(from)..span.end.max(to);
            }
        }
        spans
    }

    /// Writes the estimated colors into the partial pixels.
    pub(super) fn write<T: ColorSample>(&self, color: &mut Colors<T>, alpha: &GrayImage, estimate: &[[T; CHANNELS]]) {
        for ((x, y), estimate) in self.partial_pixels(alpha).zip(estimate) {
            color.get_pixel_mut(x as u32, y as u32).channels_mut().copy_from_slice(estimate);
        }
    }

    /// The coordinates of the partial pixels in the core.
    fn partial_pixels(&self, alpha: &GrayImage) -> impl Iterator<Item = (usize, usize)> {
        let Window { left, top, right, bottom } = self.core;
        let width = alpha.width() as usize;
        (top..bottom).flat_map(move |y| {
            let row = &alpha.as_raw()[y * width..][left..right];
            row.iter().enumerate().filter(|(_, alpha)| is_partial(**alpha)).map(move |(x, _)| (left + x, y))
        })
    }
}
