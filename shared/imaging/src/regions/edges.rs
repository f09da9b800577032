//! How strong the edge at each pixel is.

use rayon::prelude::*;

/// The weight of an edge in a matte against one in a color. A matte's outline is a few pixels wide, so its slope is
/// less steep than that of a sharp edge in the photograph.
const MATTE_WEIGHT: f32 = 1.0;

/// The edge strength of each pixel, at least 0. `colors` is interleaved RGB, and each matte has one value from 0 to 1 for
/// each of its pixels. The strength is that of the steepest channel, and of every matte in addition.
pub(super) fn edge_strength(colors: &[u8], width: usize, mattes: &[Vec<f32>]) -> Vec<f32> {
    let mut strength = vec![0.0; colors.len() / 3];
    let height = strength.len() / width;
    strength.par_chunks_exact_mut(width).enumerate().for_each(|(y, row)| {
        let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
        for (x, strength) in row.iter_mut().enumerate() {
            let columns = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
            let at = |row: usize, column: usize| rows[row] * width + columns[column];
            let steepest = (0..3)
                .map(|channel| slope(|row, column| f32::from(colors[3 * at(row, column) + channel]) / 255.0))
                .fold(0.0, f32::max);
            let of_mattes: f32 = mattes.iter().map(|matte| slope(|row, column| matte[at(row, column)])).sum();
            *strength = steepest + MATTE_WEIGHT * of_mattes;
        }
    });
    strength
}

/// The slope in the middle of a window of 3 x 3 values, by Sobel's operator, per pixel.
fn slope(value: impl Fn(usize, usize) -> f32) -> f32 {
    let column = |x| value(0, x) + 2.0 * value(1, x) + value(2, x);
    let row = |y| value(y, 0) + 2.0 * value(y, 1) + value(y, 2);
    ((column(2) - column(0)) / 8.0).hypot((row(2) - row(0)) / 8.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_colors_and_mattes_add_up() {
        let (width, height) = (8, 5);
        let step = |x: usize| if x < 4 { 0 } else { 255 };
        let colors: Vec<u8> = (0..width * height).flat_map(|at| [0, step(at % width), 0]).collect();
        let matte: Vec<f32> = (0..width * height).map(|at| f32::from(step(at % width)) / 255.0).collect();
        let plain = edge_strength(&colors, width, &[]);
        let both = edge_strength(&colors, width, std::slice::from_ref(&matte));
        assert_eq!(&plain[..width], &[0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0]);
        assert_eq!(both[3], 0.5 + MATTE_WEIGHT * 0.5);
        assert!(edge_strength(&[7; 36], 4, &[]).iter().all(|strength| *strength == 0.0));
    }
}
