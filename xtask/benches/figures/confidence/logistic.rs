//! Logistic regression: the weights by which features say best whether cuts are good.

use super::calibration::Estimate;

/// The penalty on the squares of the weights of standardized features, which keeps them small.
const PENALTY: f64 = 3.0;
/// Newton's method converges in fewer steps.
const STEPS: usize = 25;

/// The features of a cut, and whether it is good.
#[derive(Debug, Clone)]
pub(super) struct Example {
    pub(super) values: Vec<f64>,
    pub(super) is_good: bool,
}

/// The logarithm of the odds that a cut is good: the bias, plus each feature by its weight.
#[derive(Debug)]
pub(super) struct Logistic {
    pub(super) bias: f64,
    pub(super) weights: Vec<f64>,
}

impl Logistic {
    fn probability(&self, values: &[f64]) -> f64 {
        let sum: f64 = self.weights.iter().zip(values).map(|(weight, value)| weight * value).sum();
        logistic(self.bias + sum)
    }
}

/// Estimates for all examples, each by weights fitted to those of the other folds.
pub(super) fn held_out(examples: &[Example], folds: usize) -> Vec<Estimate> {
    let part = |fold: usize, is_in: bool| {
        examples.iter().enumerate().filter(move |(at, _)| (at % folds == fold) == is_in).map(|(_, example)| example)
    };
    let of_fold = |fold: usize| {
        let fitted = fit(&part(fold, false).cloned().collect::<Vec<_>>());
        part(fold, true).map(move |Example { values, is_good }| Estimate {
            probability: fitted.probability(values),
            is_good: *is_good,
        })
    };
    (0..folds).flat_map(of_fold).collect()
}

/// The weights that make the examples most probable, less the penalty: Newton's method.
pub(super) fn fit(examples: &[Example]) -> Logistic {
    let count = examples.len() as f64;
    let width = examples.first().map_or(0, |example| example.values.len());
    let mean: Vec<f64> =
        (0..width).map(|at| examples.iter().map(|example| example.values[at]).sum::<f64>() / count).collect();
    let spread: Vec<f64> = (0..width)
        .map(|at| {
            let squares: f64 = examples.iter().map(|example| (example.values[at] - mean[at]).powi(2)).sum();
            // A feature that never varies says nothing; its weight stays 0.
            (squares / count).sqrt().max(1e-9)
        })
        .collect();
    // The first value is that of the bias.
    let rows: Vec<Vec<f64>> = examples
        .iter()
        .map(|example| {
            let standardized = (0..width).map(|at| (example.values[at] - mean[at]) / spread[at]);
            std::iter::once(1.0).chain(standardized).collect()
        })
        .collect();
    let mut weights = vec![0.0; width + 1];
    for _ in 0..STEPS {
        let mut slope = vec![0.0; width + 1];
        let mut curvature = vec![vec![0.0; width + 1]; width + 1];
        for (row, example) in rows.iter().zip(examples) {
            let probability = logistic(row.iter().zip(&weights).map(|(value, weight)| value * weight).sum());
            let error = f64::from(u8::from(example.is_good)) - probability;
            slope.iter_mut().zip(row).for_each(|(slope, value)| *slope += error * value);
            let spread = probability * (1.0 - probability);
            for (line, one) in curvature.iter_mut().zip(row) {
                line.iter_mut().zip(row).for_each(|(value, other)| *value += spread * one * other);
            }
        }
        for (at, line) in curvature.iter_mut().enumerate().skip(1) {
            slope[at] -= PENALTY * weights[at];
            line[at] += PENALTY;
        }
        weights.iter_mut().zip(solve(curvature, slope)).for_each(|(weight, step)| *weight += step);
    }
    let scaled: Vec<f64> = (0..width).map(|at| weights[at + 1] / spread[at]).collect();
    let bias = weights[0] - scaled.iter().zip(&mean).map(|(weight, mean)| weight * mean).sum::<f64>();
    Logistic { bias, weights: scaled }
}

fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// Solves a positive definite system by elimination, which then needs no pivots.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let length = right.len();
    for column in 0..length {
        let (done, below) = matrix.split_at_mut(column + 1);
        let pivot = &done[column];
        for (row, line) in below.iter_mut().enumerate() {
            let factor = line[column] / pivot[column];
            line.iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot);
            right[column + 1 + row] -= factor * right[column];
        }
    }
    for row in (0..length).rev() {
        let known: f64 = (row + 1..length).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}
