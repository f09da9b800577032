//! What lies within a distance of a shape.
//!
//! Squared Euclidean distances come from the lower envelope of parabolas, along the rows and then along the
//! columns: P. Felzenszwalb and D. Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8
//! (2012). It is exact and takes a time that does not depend on the distance.
//!
//! A parabola may begin above zero, which is how the outline is placed within a cell: a cell that is covered by a
//! share `a` reaches `1 - a` cells less far than a full one.

use rayon::prelude::*;

use super::plane::Plane;

/// A cell that is covered by less than this share widens nothing. An outline that runs across the corner of a cell
/// is further from its center than the share tells; with this the error is at most 0.06 cells.
const LEAST: f32 = 1.0 / 16.0;

/// The coverage of the shape that is wider by `spread` cells on all sides. `cover` is the share of each cell that is
/// covered, `edge` is whether a cell has a part in the shape or in its outline; what is covered elsewhere, for
/// example by a haze, stays as it is and is not widened.
pub(super) fn widened(cover: &Plane, edge: &[bool], spread: f32) -> Plane {
    let reach = spread + 0.5;
    let mut start = cover.clone();
    for (value, edge) in start.values.iter_mut().zip(edge) {
        let radius = reach - (1.0 - *value);
        *value = if *edge && *value >= LEAST && radius > 0.0 { reach * reach - radius * radius } else { f32::INFINITY };
    }
    along_rows(&mut start);
    let mut turned = start.turned();
    drop(start);
    along_rows(&mut turned);
    let mut wide = turned.turned();
    for (value, cover) in wide.values.iter_mut().zip(&cover.values) {
        *value = (spread + 1.0 - value.sqrt()).clamp(*cover, 1.0);
    }
    wide
}

/// The least of `value + distance²` over each row, for each of its places.
fn along_rows(plane: &mut Plane) {
    plane.rows_mut().for_each_init(Envelope::default, |envelope, (_, row)| envelope.apply(row));
}

/// The parabolas of a row that are the lowest somewhere.
#[derive(Default)]
struct Envelope {
    /// Where each has its lowest point, how high that is, and from where on it is the lowest of all.
    parts: Vec<(f64, f64, f64)>,
}

impl Envelope {
    fn apply(&mut self, row: &mut [f32]) {
        self.parts.clear();
        for (at, height) in row.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let (at, height) = (at as f64, f64::from(*height));
            let mut from = f64::NEG_INFINITY;
            while let Some((other, low, since)) = self.parts.last() {
                from = (height + at * at - low - other * other) / (2.0 * (at - other));
                if from > *since {
                    break;
                }
                self.parts.pop();
                from = f64::NEG_INFINITY;
            }
            self.parts.push((at, height, from));
        }
        let mut parts = self.parts.iter().peekable();
        let Some(mut lowest) = parts.next() else { return };
        for (x, value) in row.iter_mut().enumerate() {
            let x = x as f64;
            while let Some(next) = parts.next_if(|(_, _, from)| *from <= x) {
                lowest = next;
            }
            *value = (lowest.1 + (x - lowest.0).powi(2)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_least_over_all(heights in prop::collection::vec(prop::option::weighted(0.3, 0.0_f32..9.0), 1..40)) {
            let mut row: Vec<f32> = heights.iter().map(|height| height.unwrap_or(f32::INFINITY)).collect();
            let all = row.clone();
            Envelope::default().apply(&mut row);
            for (x, value) in row.iter().enumerate() {
                let each = all.iter().enumerate().map(|(at, height)| height + (x.abs_diff(at) as f32).powi(2));
                let least = each.fold(f32::INFINITY, f32::min);
                prop_assert!(*value == least || (value - least).abs() < 1e-3, "{value} where {least} was expected");
            }
        }
    }

    #[test]
    fn a_disc_grows_to_a_disc() {
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
