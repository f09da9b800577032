//! Removes the old background's color from the partial pixels of a subject.
//!
//! A pixel at the edge of a subject shows a mixture: I = alpha F + (1 - alpha) B. On a new background, I in place of F
//! still shows the old one: as a bright rim around a subject cut from a window, a dark one around hair cut from a
//! forest. [`decontaminate`] replaces those pixels by an estimate of F, and leaves all others as they are. It does not
//! change alpha.
//!
//! The estimate follows the multi-level scheme of T. Germer, T. Uelwer, S. Conrad and S. Harmeling, "Fast Multi-Level
//! Foreground Estimation", ICPR 2020: least squares between the picture and two layers, each smooth where alpha is, solved
//! from coarse to fine with few steps at each scale. It differs in these points:
//!
//! - A coarse level is not a reduced picture. It holds the sums over its pixels that least squares need, so that a hard edge
//!   within a cell still determines both colors (see `level.rs`).
//! - Both layers start as the mean color, and each row is solved from the previous values around it: in four steps for large
//!   cells, in two for cells of at most four pixels.
//! - A neighbor is weighted by its own alpha for the foreground, and by the rest for the background, so that color spreads
//!   from where a layer is visible to where it is not.
//! - Alpha is not taken to be exact. It is an estimate, often slightly too wide or too soft, and then the old background
//!   explains a pixel best. Differences that an error of alpha would explain as well are therefore not attributed to the
//!   foreground, which costs little where alpha is right (see `solve.rs`).
//! - Only the surroundings of partial pixels are solved at full size, tile by tile. Each tile is solved with everything around
//!   it that can affect it, so that the result does not depend on the tiles.
//!
//! Colors are used as encoded, not as linear light. In a lens light mixes linearly, but browsers and editors blend pictures
//! in encoded sRGB, and mattes are estimated from, and trained on, such mixtures.

mod kernels;
mod level;
mod plane;
mod read;
mod solve;
mod tile;
mod window;

use std::collections::VecDeque;

use image::GrayImage;
use rayon::prelude::*;

use crate::error::Error;
use crate::planes::BlackPlane;
use crate::sample::{ColorSample, Colors};
use level::{CHANNELS, LayerColors};
use solve::Relaxation;
use tile::{REACHES, tiles};

/// The side of a tile in pixels.
const TILE: usize = 192;
/// Steps of relaxation at the levels that cover the whole picture, which are small.
const COARSE_STEPS: usize = 4;

/// Replaces the colors of partial pixels, those with an alpha of 1 to 254, by the estimated colors of the foreground. Opaque
/// and fully transparent pixels keep their colors, bit for bit.
///
/// `color` is encoded, with a curve such as sRGB's, not multiplied by `alpha`, and shows the subject on its old background. Runs on the threads of the
/// current rayon pool; the result does not depend on their number. Beyond its arguments it takes less than 2 bytes a pixel
/// (6 for a picture with few rows that is all partial), and about 4 MB a thread.
///
/// # Errors
/// [`Error::Resample`] if the sizes differ; nothing is changed then.
pub fn decontaminate<T: ColorSample>(color: &mut Colors<T>, alpha: &GrayImage) -> Result<(), Error> {
    if color.dimensions() != alpha.dimensions() {
        return Err(Error::Resample("size mismatch: alpha and colors differ in size".into()));
    }
    in_tiles(color, alpha, TILE);
    Ok(())
}

/// [`decontaminate`] for the black of CMYK colors, which is solved apart from the other inks, so that each ink stays itself.
/// Takes another 6 bytes a pixel.
///
/// # Errors
/// Those of [`decontaminate`].
pub(crate) fn decontaminate_black(black: &mut BlackPlane, alpha: &GrayImage) -> Result<(), Error> {
    // The solver knows three channels. Equal ones stay equal.
    let mut color = Colors::<u16>::new(black.width(), black.height());
    color.pixels_mut().zip(black.iter()).for_each(|(pixel, black)| pixel.0 = [*black; CHANNELS]);
    decontaminate(&mut color, alpha)?;
    for ((black, pixel), alpha) in black.iter_mut().zip(color.pixels()).zip(alpha.iter()) {
        if *alpha != 0 && *alpha != u8::MAX {
            *black = pixel.0[0];
        }
    }
    Ok(())
}

/// [`decontaminate`] with tiles of `side` pixels.
fn in_tiles<T: ColorSample>(color: &mut Colors<T>, alpha: &GrayImage, side: usize) {
    let tiles = tiles(alpha, side);
    if tiles.is_empty() {
        return;
    }
    let coarse = coarse_layers(color, alpha);
    // A tile's new colors are written once no other tile needs the old ones.
    let rows = REACHES[0].div_ceil(side);
    let batch = 8 * rayon::current_num_threads();
    let mut pending = VecDeque::new();
    for first in (0..tiles.len()).step_by(batch) {
        let next = (first + batch).min(tiles.len());
        let batch_tiles = &tiles[first..next];
        let source = &*color;
        let estimates: Vec<_> = batch_tiles.par_iter().map(|tile| tile.estimate(source, alpha, &coarse)).collect();
        pending.extend(batch_tiles.iter().zip(estimates));
        let next_row = tiles.get(next).map_or(usize::MAX, |tile| tile.row);
        while let Some((tile, estimate)) = pending.pop_front_if(|(tile, _)| tile.row + rows < next_row) {
            tile.write(color, alpha, &estimate);
        }
    }
}

/// The two layers in cells of [`CELL`](window::CELL) pixels, solved for the whole picture, starting from a single cell.
fn coarse_layers<T: ColorSample>(color: &Colors<T>, alpha: &GrayImage) -> LayerColors {
    let mut levels = vec![read::cells(color, alpha)];
    while let Some(level) = levels.last().filter(|level| level.width > 1 || level.height > 1) {
        levels.push(level.halved());
    }
    // Where nothing distinguishes the layers, both are the picture.
    let mean = levels.last().map_or([0.0; CHANNELS], |level| level.color.each_ref().map(|plane| plane.inner(0)[0]));
    let (mut layers, mut relaxation) = (LayerColors::of(mean), Relaxation::default());
    while let Some(level) = levels.pop() {
        layers = layers.doubled((0, 0), (level.width, level.height));
        let whole = vec![0..level.width; level.height];
        relaxation.run(&level, &mut layers, &whole, COARSE_STEPS);
    }
    layers
}

#[cfg(test)]
mod tests;
