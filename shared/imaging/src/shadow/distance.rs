//! Widens a shape by a distance.
//!
//! Squared Euclidean distances come from the lower envelope of parabolas, along the rows and then along the columns. Source:
//! P. F. Felzenszwalb and D. P. Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012). It is
//! exact, and its time does not depend on the distance.
//!
//! A parabola may begin at a height above zero, which positions the outline within a cell: a cell with a coverage of
//! `a` reaches `1 - a` cells less far than a full one.

use rayon::prelude::*;

use super::plane::Plane;

/// Cells with less coverage than this do not widen the shape. An outline across the corner of a cell is farther from its
/// center than its coverage suggests; this limits the error to 0.06 cells.
const MIN_COVERAGE: f32 = 1.0 / 16.0;

/// The coverage of a shape that is widened by `spread` cells on all sides. `coverage` is that of each cell; `in_shape` is
/// whether a cell belongs to the shape or its outline. Coverage elsewhere, such as haze, stays as it is.
pub(super) fn widened(coverage: &Plane, in_shape: &[bool], spread: f32) -> Plane {
    let reach = spread + 0.5;
    let mut heights = coverage.clone();
    for (value, in_shape) in heights.values.iter_mut().zip(in_shape) {
        let radius = reach - (1.0 - *value);
        *value = if *in_shape && *value >= MIN_COVERAGE && radius > 0.0 {
            reach * reach - radius * radius
        } else {
            f32::INFINITY
        };
    }
    transform_rows(&mut heights);
    let mut transposed = heights.transposed();
    drop(heights);
    transform_rows(&mut transposed);
    let mut wide = transposed.transposed();
    for (value, coverage) in wide.values.iter_mut().zip(&coverage.values) {
        *value = (spread + 1.0 - value.sqrt()).clamp(*coverage, 1.0);
    }
    wide
}

/// Replaces each value by the minimum of `value + distance²` over its row.
fn transform_rows(plane: &mut Plane) {
    plane.rows_mut().for_each_init(Envelope::default, |envelope, (_, row)| envelope.apply(row));
}

/// A parabola, and the position from which on it is the lowest.
#[derive(Debug, Clone, Copy)]
struct Parabola {
    vertex: f64,
    height: f64,
    from: f64,
}

/// The lower envelope of the parabolas of a row.
#[derive(Default)]
struct Envelope {
    parabolas: Vec<Parabola>,
}

impl Envelope {
    fn apply(&mut self, row: &mut [f32]) {
        self.build(row);
        let mut parabolas = self.parabolas.iter().peekable();
        let Some(mut lowest) = parabolas.next() else { return };
        for (x, value) in row.iter_mut().enumerate() {
            let x = x as f64;
            while let Some(next) = parabolas.next_if(|next| next.from <= x) {
                lowest = next;
            }
            *value = (lowest.height + (x - lowest.vertex).powi(2)) as f32;
        }
    }

    fn build(&mut self, row: &[f32]) {
        self.parabolas.clear();
        for (vertex, height) in row.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let (vertex, height) = (vertex as f64, f64::from(*height));
            let mut from = f64::NEG_INFINITY;
            while let Some(last) = self.parabolas.last() {
                from = (height + vertex * vertex - last.height - last.vertex * last.vertex)
                    / (2.0 * (vertex - last.vertex));
                if from > last.from {
                    break;
                }
                self.parabolas.pop();
                from = f64::NEG_INFINITY;
            }
            self.parabolas.push(Parabola { vertex, height, from });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn envelope_is_the_minimum_of_all_parabolas(heights in prop::collection::vec(prop::option::weighted(0.3, 0.0_f32..9.0), 1..40)) {
            let mut row: Vec<f32> = heights.iter().map(|height| height.unwrap_or(f32::INFINITY)).collect();
            let all = row.clone();
            Envelope::default().apply(&mut row);
            for (x, value) in row.iter().enumerate() {
                let each = all.iter().enumerate().map(|(at, height)| height + (x.abs_diff(at) as f32).powi(2));
                let min = each.fold(f32::INFINITY, f32::min);
                prop_assert!(*value == min || (value - min).abs() < 1e-3, "{value}, not {min}");
            }
        }
    }

    #[test]
    fn disc_widens_to_a_disc() {
        let disc = |radius: f32| {
            let mut plane = Plane::new(81, 81);
            plane.rows_mut().for_each(|(y, row)| {
                for (x, value) in row.iter_mut().enumerate() {
                    let distance = (x as f32 - 40.0).hypot(y as f32 - 40.0);
                    *value = (radius + 0.5 - distance).clamp(0.0, 1.0);
                }
            });
            plane
        };
        let small = disc(14.3);
        let edge: Vec<bool> = small.values.iter().map(|value| *value > 0.0).collect();
        let wide = widened(&small, &edge, 9.0);
        let worst = wide.values.iter().zip(&disc(23.3).values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 0.25, "{worst}");
    }
}
