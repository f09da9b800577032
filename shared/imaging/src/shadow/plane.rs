//! Pictures of one value in each place, and the true Gaussian on them.

use rayon::prelude::*;

/// How far a Gaussian reaches, in its own standard deviations. What is left out of it on either side is 0.02 %.
pub(super) const REACH: f64 = 3.5;
/// Rows and columns of a square that is turned at once.
const BLOCK: usize = 32;

/// Values, row by row. It has at least one.
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

    /// Each row with what is given of it by its number.
    pub(super) fn rows_mut(&mut self) -> impl IndexedParallelIterator<Item = (usize, &mut [f32])> {
        self.values.par_chunks_exact_mut(self.width).enumerate()
    }

    /// Columns as rows.
    pub(super) fn turned(&self) -> Self {
        let mut turned = Self::new(self.height, self.width);
        turned.values.par_chunks_mut(BLOCK * self.height).enumerate().for_each(|(part, rows)| {
            for top in (0..self.height).step_by(BLOCK) {
                for (x, row) in (part * BLOCK..).zip(rows.chunks_exact_mut(self.height)) {
                    let end = (top + BLOCK).min(self.height);
                    for (y, value) in (top..end).zip(&mut row[top..end]) {
                        *value = self.values[y * self.width + x];
                    }
                }
            }
        });
        turned
    }

    /// With so many places more on each side, of the values there.
    pub(super) fn framed(&self, by: usize) -> Self {
        let mut framed = Self::new(self.width + 2 * by, self.height + 2 * by);
        framed.rows_mut().for_each(|(y, row)| {
            let from = self.row(y.saturating_sub(by).min(self.height - 1));
            row[..by].fill(from[0]);
            row[by..by + self.width].copy_from_slice(from);
            row[by + self.width..].fill(from[self.width - 1]);
        });
        framed
    }

    /// Blurred by a Gaussian of this standard deviation in both directions. Beyond the border the values there are
    /// repeated.
    pub(super) fn blurred(&self, sigma: f64) -> Self {
        self.blurred_by((sigma, sigma))
    }

    /// The same with one standard deviation along the rows and another along the columns.
    pub(super) fn blurred_by(&self, sigma: (f64, f64)) -> Self {
        let (across, kernel) = (kernel(sigma.0), kernel(sigma.1));
        let radius = kernel.len() / 2;
        let mut down = Self::new(self.width, self.height);
        down.rows_mut().for_each(|(y, row)| {
            for (tap, weight) in kernel.iter().enumerate() {
                let from = (y + tap).saturating_sub(radius).min(self.height - 1);
                add(row, self.row(from), *weight);
            }
        });
        let radius = across.len() / 2;
        let mut both = Self::new(self.width, self.height);
        both.rows_mut().for_each_init(Vec::new, |wide, (y, row)| {
            let from = down.row(y);
            wide.clear();
            wide.resize(radius, from[0]);
            wide.extend_from_slice(from);
            wide.resize(from.len() + 2 * radius, from[from.len() - 1]);
            for (tap, weight) in across.iter().enumerate() {
                add(row, &wide[tap..tap + from.len()], *weight);
            }
        });
        both
    }
}

/// Whether a place or one of the eight around it is marked.
pub(super) fn beside(marked: &[bool], width: usize) -> Vec<bool> {
    let height = marked.len() / width;
    let near = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    let mut found = vec![false; marked.len()];
    found.par_chunks_exact_mut(width).enumerate().for_each(|(y, found)| {
        for row in near(y, height).map(|y| &marked[y * width..(y + 1) * width]) {
            for (x, found) in found.iter_mut().enumerate() {
                *found |= row[near(x, width)].iter().any(|marked| *marked);
            }
        }
    });
    found
}

/// Adds so much of `values` to `sums`.
fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

/// A Gaussian of this standard deviation, cut off at [`REACH`]: an odd number of weights with a sum of 1.
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
    fn a_point_becomes_a_gaussian_of_the_same_sum() {
        let mut point = Plane::new(61, 61);
        point.values[30 * 61 + 30] = 1.0;
        let blurred = point.blurred(5.0);
        let sum: f32 = blurred.values.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        let ratio = blurred.row(33)[34] / blurred.row(30)[30];
        assert!((ratio - (-0.5_f32).exp()).abs() < 1e-4, "{ratio}");
    }

    #[test]
    fn what_is_the_same_everywhere_stays_so() {
        let plain = Plane { width: 7, height: 3, values: vec![0.75; 21] };
        for sigma in [0.0, 0.2, 3.0, 40.0] {
            assert!(plain.blurred(sigma).values.iter().all(|value| (value - 0.75).abs() < 1e-5));
        }
    }

    proptest! {
        #[test]
        fn turning_twice_is_nothing(width in 1_usize..90, height in 1_usize..90) {
            let values = (0..width * height).map(|at| at as f32).collect();
            let plane = Plane { width, height, values };
            prop_assert_eq!(plane.turned().row(width - 1)[0], (width - 1) as f32);
            prop_assert_eq!(plane.turned().turned(), plane);
        }
    }
}
