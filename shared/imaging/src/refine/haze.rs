//! Removes the networks' noise from a matte: haze, islands and pinholes far from the outline.

use std::collections::VecDeque;

use super::ramp::ramp;
use crate::matte::CoarseMatte;

/// Islands and pinholes below this share of the subject are noise, unless they are near the outline: strands of hair and
/// the gaps between them are small too.
const MAX_NOISE_SHARE: f32 = 0.002;
/// Between these distances from the outline the removal of haze fades in, as shares of the photograph's longer side.
const FAR: (f32, f32) = (0.05, 0.10);
/// The same for faint haze, in pixels of the matte: a blurred edge is this wide. Networks answer more clearly than that for
/// any strand of hair that they detect.
const FAR_IF_FAINT: (f32, f32) = (10.0, 25.0);
/// Between these distances from 0 or 1, a value changes from faint to not faint.
const FAINT: (f32, f32) = (0.10, 0.20);
/// Between these distances from 0 or 1, a value changes from haze to doubt, which stays.
const DOUBT: (f32, f32) = (0.25, 0.50);

/// The matte without noise. Distances are measured in the photograph, which is `width` x `height`, and not in the square that
/// it was stretched to.
pub(super) fn remove_haze(matte: &CoarseMatte, width: u32, height: u32) -> CoarseMatte {
    let side = matte.side() as usize;
    let raw: Vec<bool> = matte.values().iter().map(|value| *value > 0.5).collect();
    let mut subject = raw.clone();
    let size = raw.iter().filter(|subject| **subject).count();
    if size == 0 || size == raw.len() {
        return matte.clone();
    }
    let min_size = (MAX_NOISE_SHARE * size as f32) as usize;
    flip_small_regions(&mut subject, side, true, min_size);
    flip_small_regions(&mut subject, side, false, min_size);

    let longer = width.max(height) as f32;
    let step = [width as f32 / longer / side as f32, height as f32 / longer / side as f32];
    let distance = distance_to_outline(&subject, side, step);
    let in_shares = |pixels: f32, max: f32| (pixels / side as f32).min(max);
    let far_if_faint = (in_shares(FAR_IF_FAINT.0, FAR.0), in_shares(FAR_IF_FAINT.1, FAR.1));
    let mut cleared = matte.clone();
    cleared.edit(|at, value| {
        let target = if subject[at] { 1.0 } else { 0.0 };
        let off = (value - target).abs();
        let faint = 1.0 - ramp(off, FAINT);
        let between = |far: f32, far_if_faint: f32| far + faint * (far_if_faint - far);
        let far = ramp(distance[at], (between(FAR.0, far_if_faint.0), between(FAR.1, far_if_faint.1)));
        let doubt = ramp(off, DOUBT);
        let noise = if raw[at] == subject[at] { 1.0 - doubt } else { 1.0 };
        value + far * noise * (target - value)
    });
    cleared
}

/// Flips every connected region of `kind` with fewer than `min_size` pixels, except the largest region. The subject connects
/// across corners too, the background only across sides.
fn flip_small_regions(map: &mut [bool], side: usize, kind: bool, min_size: usize) {
    let mut visited = vec![false; map.len()];
    let mut small: Vec<Vec<usize>> = Vec::new();
    let mut largest = 0;
    for start in 0..map.len() {
        if map[start] != kind || visited[start] {
            continue;
        }
        let (size, region) = flood(map, side, start, min_size, &mut visited);
        largest = largest.max(size);
        if size < min_size {
            small.push(region);
        }
    }
    for region in small {
        if region.len() < largest {
            region.into_iter().for_each(|at| map[at] = !kind);
        }
    }
}

/// The size of the region that contains `start`, and its first pixels, fewer than `max_pixels`.
fn flood(map: &[bool], side: usize, start: usize, max_pixels: usize, visited: &mut [bool]) -> (usize, Vec<usize>) {
    let kind = map[start];
    let mut queue = VecDeque::from([start]);
    let (mut region, mut size) = (Vec::new(), 0);
    visited[start] = true;
    while let Some(at) = queue.pop_front() {
        size += 1;
        if size < max_pixels {
            region.push(at);
        }
        let (x, y) = (at % side, at / side);
        for (dx, dy) in NEIGHBORS.into_iter().take(if kind { 8 } else { 4 }) {
            let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else { continue };
            let next = y * side + x;
            if x < side && y < side && map[next] == kind && !visited[next] {
                visited[next] = true;
                queue.push_back(next);
            }
        }
    }
    (size, region)
}

/// Neighbors across sides come first, then those across corners.
const NEIGHBORS: [(isize, isize); 8] = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)];

/// The distance of every pixel to the closest one of the other kind, for pixels of `step[0]` x `step[1]`. There must be
/// pixels of both kinds.
///
/// Source: P. F. Felzenszwalb and D. P. Huttenlocher, "Distance Transforms of Sampled Functions", 2012. It is exact.
fn distance_to_outline(subject: &[bool], side: usize, step: [f32; 2]) -> Vec<f32> {
    let mut distance = vec![0.0_f32; subject.len()];
    for kind in [true, false] {
        let mut squared: Vec<f32> =
            subject.iter().map(|subject| if *subject == kind { f32::INFINITY } else { 0.0 }).collect();
        let mut envelope = ParabolaEnvelope::new(side);
        for row in squared.chunks_exact_mut(side) {
            envelope.transform(row, step[0]);
        }
        let mut column = vec![0.0; side];
        for x in 0..side {
            for y in 0..side {
                column[y] = squared[y * side + x];
            }
            envelope.transform(&mut column, step[1]);
            for y in 0..side {
                squared[y * side + x] = column[y];
            }
        }
        for (distance, squared) in distance.iter_mut().zip(squared) {
            *distance += squared.sqrt();
        }
    }
    distance
}

/// The lower envelope of parabolas along a line.
struct ParabolaEnvelope {
    /// The vertices of the parabolas in the envelope.
    vertices: Vec<usize>,
    /// Where each of them begins to be the lowest.
    starts: Vec<f32>,
    /// The height of the parabola at every position.
    heights: Vec<f32>,
}

impl ParabolaEnvelope {
    fn new(length: usize) -> Self {
        Self { vertices: Vec::with_capacity(length), starts: Vec::with_capacity(length), heights: vec![0.0; length] }
    }

    /// Replaces each value by the minimum of `value + squared distance` over the line.
    fn transform(&mut self, line: &mut [f32], step: f32) {
        self.heights.copy_from_slice(line);
        self.vertices.clear();
        self.starts.clear();
        let square = |at: usize| (at as f32 * step).powi(2);
        for (at, height) in self.heights.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let mut start = f32::NEG_INFINITY;
            while let (Some(&vertex), Some(&from)) = (self.vertices.last(), self.starts.last()) {
                let rise = (height + square(at)) - (self.heights[vertex] + square(vertex));
                start = rise / (2.0 * step * step * (at - vertex) as f32);
                if start > from {
                    break;
                }
                self.vertices.pop();
                self.starts.pop();
                start = f32::NEG_INFINITY;
            }
            self.vertices.push(at);
            self.starts.push(start);
        }
        let mut lowest = 0;
        for (at, value) in line.iter_mut().enumerate() {
            if self.vertices.is_empty() {
                break;
            }
            while lowest + 1 < self.vertices.len() && self.starts[lowest + 1] < at as f32 {
                lowest += 1;
            }
            let vertex = self.vertices[lowest];
            *value = (at.abs_diff(vertex) as f32 * step).powi(2) + self.heights[vertex];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matte(side: u32, value: impl Fn(u32, u32) -> f32) -> CoarseMatte {
        CoarseMatte::new(side, (0..side * side).map(|at| value(at % side, at / side)).collect()).expect("a square")
    }

    fn within(x: u32, y: u32, square: std::ops::Range<u32>) -> bool {
        square.contains(&x) && square.contains(&y)
    }

    #[test]
    fn measures_distances_in_the_photograph() {
        let mut subject = vec![false; 81];
        subject[4 * 9 + 4] = true;
        let distance = distance_to_outline(&subject, 9, [1.0, 0.5]);
        for (at, distance) in distance.iter().enumerate() {
            let (x, y) = (at as f32 % 9.0 - 4.0, (at / 9) as f32 - 4.0);
            let exact = if at == 40 { 0.5 } else { x.hypot(0.5 * y) };
            assert!((distance - exact).abs() < 1e-5, "{distance} at {at}, not {exact}");
        }
    }

    #[test]
    fn removes_faint_haze_only_far_from_the_outline() {
        for (haze, gone_at) in [(0.08, 226), (0.22, 241)] {
            let hazy = matte(400, |x, y| if within(x, y, 80..200) { 1.0 - haze } else { haze });
            let cleared = remove_haze(&hazy, 1000, 1000);
            let at = |x: usize, y: usize| cleared.values()[y * 400 + x];
            assert_eq!((at(320, 320), at(gone_at, 140)), (0.0, 0.0), "{haze}");
            assert_eq!((at(202, 140), at(197, 140)), (haze, 1.0 - haze));
            assert_eq!(at(140, 140), 1.0, "{haze}");
        }
    }

    #[test]
    fn keeps_doubtful_values() {
        let doubtful = matte(100, |x, y| if within(x, y, 20..50) { 1.0 } else { 0.5 });
        assert_eq!(remove_haze(&doubtful, 500, 500).values()[80 * 100 + 80], 0.5);
    }

    #[test]
    fn removes_distant_specks_and_deep_pinholes() {
        let noisy = matte(100, |x, y| {
            let subject = within(x, y, 10..70) != (within(x, y, 39..41) || within(x, y, 85..87));
            if subject { 1.0 } else { 0.0 }
        });
        let cleared = remove_haze(&noisy, 800, 800);
        assert_eq!(cleared.values()[40 * 100 + 40], 1.0);
        assert_eq!(cleared.values()[86 * 100 + 86], 0.0);
    }

    #[test]
    fn keeps_real_holes_and_strands_near_the_outline() {
        let mug = matte(100, |x, y| {
            let subject = (within(x, y, 10..70) && !within(x, y, 30..50)) || (x == 72 && (20..24).contains(&y));
            if subject { 1.0 } else { 0.0 }
        });
        assert_eq!(remove_haze(&mug, 800, 800), mug);
    }

    #[test]
    fn keeps_mattes_without_an_outline() {
        for value in [0.0, 0.3, 1.0] {
            let plain = matte(16, |_, _| value);
            assert_eq!(remove_haze(&plain, 10, 2000), plain);
        }
    }
}
