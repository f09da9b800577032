//! The shift and the scale between the plate and the photograph.
//!
//! Both are found by Gauss-Newton steps on the squared differences of brightness, from coarse to fine (B. Lucas and T.
//! Kanade, "An Iterative Image Registration Technique", 1981). Large differences, such as the subject, count less by Tukey's
//! weights. Only details count: slow changes, such as soft shadows, are removed first, and so is what rises by no more than
//! the noise. A plain backdrop says nothing about the shift, so it stays at none.

use super::scene::{Planes, deviation, median};
use crate::refine::box_mean;

/// The longer side of the coarsest pictures, in pixels.
const MIN_SIDE: usize = 60;
/// The most steps on each size.
const MAX_STEPS: usize = 12;
/// The most pixels that a step looks at.
const MAX_SAMPLES: usize = 120_000;
/// How far shift and scale are from none without evidence, in pixels at the edge of the picture.
const SPREAD: f64 = 4.0;
/// The least noise of brightness.
const MIN_NOISE: f32 = 0.2 / 255.0;
/// Details are what is left between means of windows of these radii.
const DETAIL: (usize, usize) = (1, 8);
/// A detail rises by this many times the noise a pixel. A step needs this many pixels of them, and this share of all: fewer
/// are noise that happens to be steep, which would pull towards no shift.
const STEEP: f64 = 3.0;
/// The noise that counts for that, at most: before the pictures are aligned, it is mostly the shift.
const MAX_NOISE: f32 = 1.5 / 255.0;
const MIN_DETAILS: usize = 100;
const MIN_DETAILED: f32 = 0.003;
/// Differences of more than this many times the noise do not count.
const TUKEY: f32 = 4.7;
/// A shift of more pixels, or one by scale at the edge of the picture, is another view of the scene.
const MAX_SHIFT: f64 = 15.0;

/// Where the photograph's pixels are in the plate: `center + (1 + scale) (pixel - center) + shift`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Alignment {
    scale: f64,
    /// In pixels to the right and down.
    shift: [f64; 2],
}

impl Alignment {
    /// The alignment of pictures of one size. `prior` is the networks' matte: the subject counts less. `None` if it is not
    /// plausible.
    pub(super) fn between(photo: &Planes, plate: &Planes, prior: &[f32]) -> Option<Self> {
        let mut levels = vec![Level {
            width: photo.width,
            height: photo.height,
            photo: photo.luma(),
            plate: plate.luma(),
            weight: prior.iter().map(|value| 1.0 - value).collect(),
        }];
        while let Some(level) = levels.last()
            && level.width.max(level.height) >= 2 * MIN_SIDE
            && level.width.min(level.height) >= 8
        {
            let half = level.halved();
            levels.push(half);
        }
        levels.iter_mut().for_each(Level::keep_details);
        let mut alignment = Self::default();
        for (depth, level) in levels.iter().enumerate().rev() {
            let factor = f64::from(1_u32 << depth);
            let mut local = Self { shift: alignment.shift.map(|shift| shift / factor), ..alignment };
            for _ in 0..MAX_STEPS {
                let Some(step) = level.step(local, SPREAD / factor) else { break };
                local = step.alignment;
                if step.is_small {
                    break;
                }
            }
            alignment = Self { shift: local.shift.map(|shift| shift * factor), ..local };
        }
        let edge = alignment.scale * photo.width.max(photo.height) as f64 / 2.0;
        let [right, down] = alignment.shift;
        [edge, right, down].iter().all(|shift| shift.abs() <= MAX_SHIFT).then_some(alignment)
    }

    /// The plate as the photograph shows it, and which of its pixels the plate covers.
    pub(super) fn apply(&self, plate: &Planes) -> (Planes, Vec<bool>) {
        let (width, height) = (plate.width, plate.height);
        let places: Vec<(f64, f64)> =
            (0..plate.len()).map(|at| self.place((at % width, at / width), (width, height))).collect();
        let covered = |(x, y): &(f64, f64)| {
            // Half a pixel, as pixels have a size.
            (-0.5..=width as f64 - 0.5).contains(x) && (-0.5..=height as f64 - 0.5).contains(y)
        };
        let sample = |_: usize, values: &[f32]| {
            places.iter().map(|place| cubic(values, (width, height), *place)).collect::<Vec<f32>>()
        };
        (plate.map(sample), places.iter().map(covered).collect())
    }

    fn place(&self, (x, y): (usize, usize), (width, height): (usize, usize)) -> (f64, f64) {
        let along = |at: usize, side: usize, shift: f64| {
            let center = (side - 1) as f64 / 2.0;
            center + (1.0 + self.scale) * (at as f64 - center) + shift
        };
        (along(x, width, self.shift[0]), along(y, height, self.shift[1]))
    }
}

/// The pictures at one size.
struct Level {
    width: usize,
    height: usize,
    photo: Vec<f32>,
    plate: Vec<f32>,
    /// How much each pixel counts, 0 to 1.
    weight: Vec<f32>,
}

struct Step {
    alignment: Alignment,
    is_small: bool,
}

/// A pixel of a step.
struct Sample {
    /// The photograph minus the plate.
    residual: f32,
    /// The change of the plate with scale (in pixels at the edge), shift to the right, and shift down.
    slopes: [f64; 3],
    weight: f32,
}

impl Level {
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let halve = |values: &[f32]| {
            let at = |x: usize, y: usize| values[y * self.width + x];
            let mean = |at_half: usize| {
                let (x, y) = (2 * (at_half % width), 2 * (at_half / width));
                0.25 * (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1))
            };
            (0..width * height).map(mean).collect::<Vec<f32>>()
        };
        Self { width, height, photo: halve(&self.photo), plate: halve(&self.plate), weight: halve(&self.weight) }
    }

    fn keep_details(&mut self) {
        for picture in [&mut self.photo, &mut self.plate] {
            let soft = box_mean(picture, self.width, DETAIL.0);
            let slow = box_mean(&soft, self.width, DETAIL.1);
            *picture = soft.iter().zip(slow).map(|(soft, slow)| soft - slow).collect();
        }
    }

    /// A better alignment. `None` if there are too few details.
    fn step(&self, from: Alignment, spread: f64) -> Option<Step> {
        let radius = self.width.max(self.height) as f64 / 2.0;
        let samples = self.samples(from, radius);
        let mut absolutes: Vec<f32> =
            samples.iter().filter(|sample| sample.weight > 0.5).map(|sample| sample.residual.abs()).collect();
        let noise = deviation(median(&mut absolutes)?).max(MIN_NOISE);
        let precision = 1.0 / f64::from(noise).powi(2);
        let mut normal = [[0.0_f64; 3]; 3];
        let mut target = [0.0_f64; 3];
        let steep = STEEP * f64::from(noise.min(MAX_NOISE));
        let details = samples.iter().filter(|sample| sample.slopes[1].hypot(sample.slopes[2]) > steep);
        let mut count = 0;
        for sample in details {
            count += 1;
            let share = sample.residual / (TUKEY * noise);
            if share.abs() >= 1.0 {
                continue;
            }
            let weight = f64::from(sample.weight * (1.0 - share * share).powi(2)) * precision;
            for ((row, target), slope) in normal.iter_mut().zip(&mut target).zip(sample.slopes) {
                *target += weight * slope * f64::from(sample.residual);
                row.iter_mut().zip(sample.slopes).for_each(|(sum, other)| *sum += weight * slope * other);
            }
        }
        if count < MIN_DETAILS.max((MIN_DETAILED * samples.len() as f32) as usize) {
            return None;
        }
        let current = [from.scale * radius, from.shift[0], from.shift[1]];
        for (at, (target, current)) in target.iter_mut().zip(current).enumerate() {
            normal[at][at] += 1.0 / (spread * spread);
            *target -= current / (spread * spread);
        }
        let change = solve(normal, target)?;
        let alignment = Alignment {
            scale: from.scale + change[0] / radius,
            shift: [from.shift[0] + change[1], from.shift[1] + change[2]],
        };
        Some(Step { alignment, is_small: change.iter().all(|change| change.abs() < 0.003) })
    }

    fn samples(&self, from: Alignment, radius: f64) -> Vec<Sample> {
        let size = (self.width, self.height);
        let stride = ((self.width * self.height) as f64 / MAX_SAMPLES as f64).sqrt().ceil().max(1.0) as usize;
        let center = ((self.width - 1) as f64 / 2.0, (self.height - 1) as f64 / 2.0);
        let mut samples = Vec::new();
        for y in (0..self.height).step_by(stride) {
            for x in (0..self.width).step_by(stride) {
                let at = y * self.width + x;
                let (to_x, to_y) = from.place((x, y), size);
                let is_inside =
                    (1.0..self.width as f64 - 2.0).contains(&to_x) && (1.0..self.height as f64 - 2.0).contains(&to_y);
                if self.weight[at] <= 0.01 || !is_inside {
                    continue;
                }
                let sample = |x: f64, y: f64| cubic(&self.plate, size, (x, y));
                let right = f64::from(sample(to_x + 0.5, to_y) - sample(to_x - 0.5, to_y));
                let down = f64::from(sample(to_x, to_y + 0.5) - sample(to_x, to_y - 0.5));
                let outwards = (right * (x as f64 - center.0) + down * (y as f64 - center.1)) / radius;
                samples.push(Sample {
                    residual: self.photo[at] - sample(to_x, to_y),
                    slopes: [outwards, right, down],
                    weight: self.weight[at],
                });
            }
        }
        samples
    }
}

/// Solves three linear equations by Cramer's rule. `None` if they have no single solution.
fn solve(matrix: [[f64; 3]; 3], target: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = |m: &[[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let whole = determinant(&matrix);
    let solution = [0, 1, 2].map(|column| {
        let mut replaced = matrix;
        replaced.iter_mut().zip(target).for_each(|(row, target)| row[column] = target);
        determinant(&replaced) / whole
    });
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// The value of a plane between its pixels, by Catmull-Rom splines. Beyond the border, the outermost pixels go on.
fn cubic(values: &[f32], (width, height): (usize, usize), (x, y): (f64, f64)) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (weights((x - left) as f32), weights((y - top) as f32));
    let clamped =
        |first: f64, step: usize, side: usize| (first as i64 + step as i64 - 1).clamp(0, side as i64 - 1) as usize;
    let columns = [0, 1, 2, 3].map(|step| clamped(left, step, width));
    let mut sum = 0.0;
    for (step, weight) in down.into_iter().enumerate() {
        let row = clamped(top, step, height) * width;
        sum += weight * columns.iter().zip(across).map(|(column, share)| share * values[row + column]).sum::<f32>();
    }
    sum
}

/// The weights of the four pixels around a place, which is `share` of the way from the second to the third.
fn weights(share: f32) -> [f32; 4] {
    let (square, cube) = (share * share, share * share * share);
    [
        0.5 * (-cube + 2.0 * square - share),
        0.5 * (3.0 * cube - 5.0 * square + 2.0),
        0.5 * (-3.0 * cube + 4.0 * square + share),
        0.5 * (cube - square),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (320, 240);

    /// Soft spots, as seen by a camera that is shifted and zoomed.
    fn spots(by: Alignment) -> Planes {
        let values: Vec<f32> = (0..SIZE.0 * SIZE.1)
            .map(|at| {
                let (x, y) = by.place((at % SIZE.0, at / SIZE.0), SIZE);
                (0.5 + 0.2 * (x / 11.0).sin() * (y / 7.0).cos() + 0.1 * ((x + 2.0 * y) / 23.0).sin()) as f32
            })
            .collect();
        Planes { width: SIZE.0, height: SIZE.1, channels: [values.clone(), values.clone(), values] }
    }

    #[test]
    fn finds_shift_and_scale_in_spite_of_a_subject() {
        let plate = spots(Alignment::default());
        for (scale, shift) in [(0.002, [1.4, -1.7]), (-0.002, [-2.0, 0.3]), (0.0, [0.0, 0.0]), (0.001, [0.25, 2.0])] {
            let moved = Alignment { scale, shift };
            let mut photo = spots(moved);
            for y in 80..180 {
                photo.channels.iter_mut().for_each(|channel| channel[y * SIZE.0 + 100..y * SIZE.0 + 190].fill(0.9));
            }
            let found = Alignment::between(&photo, &plate, &[0.0; SIZE.0 * SIZE.1]).expect("is plausible");
            let off = [(found.scale - scale) * 160.0, found.shift[0] - shift[0], found.shift[1] - shift[1]];
            assert!(off.iter().all(|off| off.abs() < 0.05), "{moved:?}: {found:?}");
            let (aligned, covered) = found.apply(&plate);
            let inside = covered.iter().filter(|covered| **covered).count();
            assert!(inside > SIZE.0 * SIZE.1 * 95 / 100, "{inside}");
            let at = 40 * SIZE.0 + 40;
            assert!((aligned.channels[0][at] - photo.channels[0][at]).abs() < 0.005);
        }
    }

    #[test]
    fn a_plain_backdrop_is_not_moved() {
        let plain = Planes::of_srgb(&[240; 3 * 200 * 100], 200);
        let found = Alignment::between(&plain, &plain, &[0.0; 200 * 100]).expect("is plausible");
        assert_eq!(found, Alignment::default());
        assert_eq!(found.apply(&plain), (plain, vec![true; 200 * 100]));
    }
}
