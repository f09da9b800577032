//! Grids of values, and the Gaussian blur on them.

use rayon::prelude::*;

/// Where a Gaussian is cut off, in standard deviations. 0.02 % of it is omitted on either side.
pub(super) const REACH: f64 = 3.5;
/// The side of the squares in which a plane is transposed.
const BLOCK: usize = 32;

/// Values, row by row; at least one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Plane {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, values: vec![0.0; width * height] }
    }

    pub(super) fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width..(y + 1) * self.width]
    }

    /// All rows with their numbers, in parallel.
    pub(super) fn rows_mut(&mut self) -> impl IndexedParallelIterator<Item = (usize, &mut [f32])> {
        self.values.par_chunks_exact_mut(self.width).enumerate()
    }

    /// The plane with rows and columns exchanged.
    pub(super) fn transposed(&self) -> Self {
        let mut transposed = Self::new(self.height, self.width);
        transposed.values.par_chunks_mut(BLOCK * self.height).enumerate().for_each(|(block, rows)| {
            for top in (0..self.height).step_by(BLOCK) {
                for (x, row) in (block * BLOCK..).zip(rows.chunks_exact_mut(self.height)) {
                    let end = (top + BLOCK).min(self.height);
                    for (y, value) in (top..end).zip(&mut row[top..end]) {
                        *value = self.values[y * self.width + x];
                    }
                }
            }
        });
        transposed
    }

    /// The plane with `by` more values on each side, which repeat the outermost ones.
    pub(super) fn padded(&self, by: usize) -> Self {
        let mut padded = Self::new(self.width + 2 * by, self.height + 2 * by);
        padded.rows_mut().for_each(|(y, row)| {
            let from = self.row(y.saturating_sub(by).min(self.height - 1));
            row[..by].fill(from[0]);
            row[by..by + self.width].copy_from_slice(from);
            row[by + self.width..].fill(from[self.width - 1]);
        });
        padded
    }

    /// The plane blurred by a Gaussian of this standard deviation. Beyond the border, the outermost values are repeated.
    pub(super) fn blurred(&self, sigma: f64) -> Self {
        self.blurred_by((sigma, sigma))
    }

    /// The same with separate standard deviations along the rows and along the columns.
    pub(super) fn blurred_by(&self, sigma: (f64, f64)) -> Self {
        let (across, kernel) = (kernel(sigma.0), kernel(sigma.1));
        let radius = kernel.len() / 2;
        let mut down = Self::new(self.width, self.height);
        down.rows_mut().for_each(|(y, row)| {
            for (tap, weight) in kernel.iter().enumerate() {
                let from = (y + tap).saturating_sub(radius).min(self.height - 1);
                add_scaled(row, self.row(from), *weight);
            }
        });
        let radius = across.len() / 2;
        let mut both = Self::new(self.width, self.height);
        both.rows_mut().for_each_init(Vec::new, |padded, (y, row)| {
            let from = down.row(y);
            padded.clear();
            padded.resize(radius, from[0]);
            padded.extend_from_slice(from);
            padded.resize(from.len() + 2 * radius, from[from.len() - 1]);
            for (tap, weight) in across.iter().enumerate() {
                add_scaled(row, &padded[tap..tap + from.len()], *weight);
            }
        });
        both
    }
}

/// For each value, whether it or one of its eight neighbors is marked.
pub(super) fn dilated(marked: &[bool], width: usize) -> Vec<bool> {
    let height = marked.len() / width;
    let near = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    let mut dilated = vec![false; marked.len()];
    dilated.par_chunks_exact_mut(width).enumerate().for_each(|(y, dilated)| {
        for row in near(y, height).map(|y| &marked[y * width..(y + 1) * width]) {
            for (x, value) in dilated.iter_mut().enumerate() {
                *value |= row[near(x, width)].iter().any(|marked| *marked);
            }
        }
    });
    dilated
}

/// Adds `weight * values` to `sums`.
fn add_scaled(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

/// The weights of a Gaussian of this standard deviation, cut off at [`REACH`]: an odd number, with a sum of 1.
fn kernel(sigma: f64) -> Vec<f32> {
    let radius = (REACH * sigma).ceil() as i32;
    let weight = |at: i32| if at == 0 { 1.0 } else { (-0.5 * (f64::from(at) / sigma).powi(2)).exp() };
    let sum: f64 = (-radius..=radius).map(weight).sum();
    (-radius..=radius).map(|at| (weight(at) / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blurs_a_point_to_a_gaussian_of_the_same_sum() {
        let mut point = Plane::new(61, 61);
        point.values[30 * 61 + 30] = 1.0;
        let blurred = point.blurred(5.0);
        let sum: f32 = blurred.values.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        let ratio = blurred.row(33)[34] / blurred.row(30)[30];
        assert!((ratio - (-0.5_f32).exp()).abs() < 1e-4, "{ratio}");
    }

    #[test]
    fn keeps_constant_planes() {
        let plain = Plane { width: 7, height: 3, values: vec![0.75; 21] };
        for sigma in [0.0, 0.2, 3.0, 40.0] {
            assert!(plain.blurred(sigma).values.iter().all(|value| (value - 0.75).abs() < 1e-5));
        }
    }

    proptest! {
        #[test]
        fn transposing_twice_is_the_identity(width in 1_usize..90, height in 1_usize..90) {
            let values = (0..width * height).map(|at| at as f32).collect();
            let plane = Plane { width, height, values };
            prop_assert_eq!(plane.transposed().row(width - 1)[0], (width - 1) as f32);
            prop_assert_eq!(plane.transposed().transposed(), plane);
        }
    }
}
