//! The colors of a subject without what shone through from behind it.
//!
//! A pixel on the edge of a subject shows a mixture: I = alpha F + (1 - alpha) B. Laid on something new with
//! I in place of F, it brings its old background along, which is the bright rim of a subject that was cut
//! from a window, and the dark one of hair that was cut from a wood. [`decontaminate`] puts an estimate of F
//! into those pixels and leaves all others as they are. It is not the place where alpha is made or changed.
//!
//! The estimate follows the multi-level scheme of T. Germer, T. Uelwer, S. Conrad and S. Harmeling, "Fast
//! Multi-Level Foreground Estimation", ICPR 2020: least squares between the picture and two layers, each
//! smooth where alpha is not, solved from coarse to fine with few steps at each scale. It differs in
//! these points:
//!
//! - A coarse level is not a picture made smaller. It holds the sums over its pixels that least squares
//!   need, so a hard edge within a cell still tells both colors (see `level.rs`).
//! - Both layers begin as the mean color, and each row is solved from the old values beside it; of the largest cells
//!   four steps are taken, of those of at most four pixels two.
//! - A neighbour counts for the foreground by its own alpha, and for the background by what alpha leaves:
//!   color flows from where a layer is seen to where it is not.
//! - Alpha is not taken to be exact. It was estimated, often a little too wide or too soft, and then the
//!   old background is what explains a pixel best. What an error of alpha would explain as well is
//!   therefore not put down to the foreground, which costs little where alpha is right (see `solve.rs`).
//! - Only what lies around partial pixels is solved at full size, tile by tile. Each tile is solved with
//!   all around it that can reach it, so that the result does not depend on how the picture is cut.
//!
//! Colors are taken as they are encoded and not as light. Light mixes linearly in a lens; but browsers and
//! editors lay one picture on another in encoded sRGB, and mattes are estimated from, and trained on,
//! mixtures made in that way.

mod level;
mod read;
mod solve;

use std::collections::VecDeque;
use std::ops::Range;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::error::Error;
use level::{CHANNELS, Layers};
use solve::Relaxation;

/// The side of a cell of the finest level that is held for the whole picture, in pixels. All finer levels
/// are made for one tile at a time.
const CELL: usize = 8;
/// The side of a tile in pixels.
const TILE: usize = 192;
/// How far a pixel may be and still reach another, in pixels: through the cells of 4, 2 and 1 pixels, through
/// the latter two, and through the last; in whole cells of [`CELL`]. Two steps of relaxation reach three rows
/// far, what they begin with four, and the weights one more.
const REACHES: [usize; 3] = [32, 16, 8];
/// How far a cell may be, in columns and rows of pixels, for its solution to reach a pixel: the same, but without
/// what is only begun with or looked at.
const SPANS: [(usize, usize); 3] = [(10, 24), (4, 10), (1, 3)];
/// So many pixels are looked at together.
const PART: usize = 64;
/// Steps of relaxation at each level of a tile.
const STEPS: usize = 2;
/// Steps at the levels that are held for the whole picture, which are small.
const COARSE_STEPS: usize = 4;

/// Replaces the colors of partial pixels, those with an alpha of 1 to 254, by the estimated colors of the
/// foreground. Opaque and wholly transparent pixels keep theirs, bit for bit.
///
/// `color` is sRGB as encoded, not multiplied by `alpha`, and shows the subject before its old background.
/// Runs on the threads of the current rayon pool; the result does not depend on their number. Beside its
/// arguments it takes less than 2 bytes for each pixel of the picture (of one with few rows that is all partial, 6),
/// and about 4 MB for each thread.
///
/// # Errors
/// [`Error::Resample`] if the two have different sizes. Nothing is changed then.
pub fn decontaminate(color: &mut RgbImage, alpha: &GrayImage) -> Result<(), Error> {
    if color.dimensions() != alpha.dimensions() {
        return Err(Error::Resample("the alpha has another size than the colors".into()));
    }
    in_tiles(color, alpha, TILE);
    Ok(())
}

/// What [`decontaminate`] does, in tiles of another size.
fn in_tiles(color: &mut RgbImage, alpha: &GrayImage, side: usize) {
    let tiles = tiles(alpha, side);
    if tiles.is_empty() {
        return;
    }
    let coarse = coarse_layers(color, alpha);
    // A tile's new colors have to wait until no other tile looks at its old ones.
    let rows = REACHES[0].div_ceil(side);
    let batch = 8 * rayon::current_num_threads();
    let mut waiting = VecDeque::new();
    for first in (0..tiles.len()).step_by(batch) {
        let next = (first + batch).min(tiles.len());
        let now = &tiles[first..next];
        let source = &*color;
        let made: Vec<_> = now.par_iter().map(|tile| tile.estimate(source, alpha, &coarse)).collect();
        waiting.extend(now.iter().zip(made));
        let going_on = tiles.get(next).map_or(usize::MAX, |tile| tile.row);
        while let Some((tile, estimate)) = waiting.pop_front_if(|(tile, _)| tile.row + rows < going_on) {
            tile.put(color, alpha, &estimate);
        }
    }
}

/// The two layers in cells of [`CELL`] pixels, solved for the whole picture from a single cell upwards.
fn coarse_layers(color: &RgbImage, alpha: &GrayImage) -> Layers {
    let mut levels = vec![read::cells(color, alpha)];
    while let Some(level) = levels.last().filter(|level| level.width > 1 || level.height > 1) {
        levels.push(level.halved());
    }
    // Where nothing tells the layers apart, both are the picture.
    let mean = levels.last().map_or([0.0; CHANNELS], |level| level.color.each_ref().map(|plane| plane.inner(0)[0]));
    let (mut layers, mut relaxation) = (Layers::of(mean), Relaxation::default());
    while let Some(level) = levels.pop() {
        layers = layers.doubled((0, 0), (level.width, level.height));
        let whole = vec![0..level.width; level.height];
        relaxation.run(&level, &mut layers, &whole, COARSE_STEPS);
    }
    layers
}

/// A rectangle of pixels: its left, upper, right and lower side, the last two just outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Window {
    /// Where another window begins within this one, in cells of this many pixels.
    fn offset(self, within: Self, cell: usize) -> (usize, usize) {
        ((within.left - self.left) / cell, (within.top - self.top) / cell)
    }

    /// Width and height in cells of this many pixels.
    fn size(self, cell: usize) -> (usize, usize) {
        ((self.right - self.left).div_ceil(cell), (self.bottom - self.top).div_ceil(cell))
    }
}

/// A square of the picture with partial pixels in it.
#[derive(Debug, Clone, Copy)]
struct Tile {
    /// How many rows of tiles are above it.
    row: usize,
    /// The smallest rectangle that holds its partial pixels.
    core: Window,
    /// The core with all that can reach it, for each of [`REACHES`]; in whole cells except at the edge of
    /// the picture.
    around: [Window; 3],
}

/// Spans with the cells beside them, whose alpha is looked at. `width` is that of the level.
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
fn partial(alpha: u8) -> bool {
    alpha != 0 && alpha != u8::MAX
}

/// The tiles that hold partial pixels, row by row.
fn tiles(alpha: &GrayImage, side: usize) -> Vec<Tile> {
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

/// The smallest rectangle that holds the partial pixels of a window, if it has any.
fn bounds(alpha: &GrayImage, window: Window) -> Option<Window> {
    let mut found: Option<Window> = None;
    for y in window.top..window.bottom {
        let Some(Range { start, end }) = columns(alpha, y, window.left..window.right) else { continue };
        let (left, top, right) =
            found.map_or((start, y, end), |old| (old.left.min(start), old.top, old.right.max(end)));
        found = Some(Window { left, top, right, bottom: y + 1 });
    }
    found
}

/// From the first to the last partial pixel of a row between these columns, if it has any there.
fn columns(alpha: &GrayImage, y: usize, within: Range<usize>) -> Option<Range<usize>> {
    let row = &alpha.as_raw()[y * alpha.width() as usize..][within.clone()];
    // Most of a row is not partial, which is found out for many pixels at once.
    let some = |part: &[u8]| part.iter().fold(false, |some, alpha| some | partial(*alpha));
    let skipped = row.chunks(PART).take_while(|part| !some(part)).count() * PART;
    let first = skipped + row.get(skipped..)?.iter().position(|alpha| partial(*alpha))?;
    let skipped = row.rchunks(PART).take_while(|part| !some(part)).count() * PART;
    let last = row[..row.len() - skipped].iter().rposition(|alpha| partial(*alpha)).unwrap_or(first);
    Some(within.start + first..within.start + last + 1)
}

impl Tile {
    /// The foreground's colors in the partial pixels of the core, in the order of the rows.
    fn estimate(&self, color: &RgbImage, alpha: &GrayImage, coarse: &Layers) -> Vec<[u8; CHANNELS]> {
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
            estimate.push(layers.foreground.each_ref().map(|plane| (plane.inner(y)[x] * 255.0 + 0.5) as u8));
        }
        estimate
    }

    /// The columns between the first and the last partial pixel of each row of the core.
    fn outline(&self, alpha: &GrayImage) -> Vec<Option<Range<usize>>> {
        let Window { left, top, right, bottom } = self.core;
        (top..bottom).map(|y| columns(alpha, y, left..right)).collect()
    }

    /// The cells of each row of a level that can reach a partial pixel: those of this many pixels a side, in
    /// this one of the windows around the core.
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

    /// Puts the estimated colors in their places.
    fn put(&self, color: &mut RgbImage, alpha: &GrayImage, estimate: &[[u8; CHANNELS]]) {
        for ((x, y), estimate) in self.partial_pixels(alpha).zip(estimate) {
            color.get_pixel_mut(x as u32, y as u32).0 = *estimate;
        }
    }

    /// The places of the partial pixels in the core.
    fn partial_pixels(&self, alpha: &GrayImage) -> impl Iterator<Item = (usize, usize)> {
        let Window { left, top, right, bottom } = self.core;
        let width = alpha.width() as usize;
        (top..bottom).flat_map(move |y| {
            let row = &alpha.as_raw()[y * width..][left..right];
            row.iter().enumerate().filter(|(_, alpha)| partial(**alpha)).map(move |(x, _)| (left + x, y))
        })
    }
}

#[cfg(test)]
mod tests;
