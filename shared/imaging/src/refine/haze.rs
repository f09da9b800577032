//! What of a matte is the network's noise: haze, islands and pinholes far from the outline.

use std::collections::VecDeque;

use super::ramp;
use crate::matte::CoarseMatte;

/// An island or a pinhole below this share of the subject is noise, unless it is near the outline: strands
/// of hair and the gaps between them are small too.
const NOISE: f32 = 0.002;
/// So far from the outline haze begins to be taken away, and so far it is gone; in shares of the
/// photograph's longer side.
const FAR: (f32, f32) = (0.05, 0.10);
/// The same for what is faint, in pixels of the matte: so wide is what is only blurred. A strand of hair that a network
/// sees at all is seen better than that.
const FAR_FAINT: (f32, f32) = (10.0, 25.0);
/// A value that is nearer than that to 0 or 1 is faint, and one beyond the second is not.
const FAINT: (f32, f32) = (0.10, 0.20);
/// A value that far from 0 or 1 is no haze but doubt, and from there on it stays.
const DOUBT: (f32, f32) = (0.25, 0.50);

/// The matte without noise. The photograph is `width` x `height`: distances are meant there, and not on
/// the square it was squashed to.
pub(super) fn clear(matte: &CoarseMatte, width: u32, height: u32) -> CoarseMatte {
    let side = matte.side() as usize;
    let values = matte.values();
    let raw: Vec<bool> = values.iter().map(|value| *value > 0.5).collect();
    let mut subject = raw.clone();
    let size = raw.iter().filter(|subject| **subject).count();
    if size == 0 || size == raw.len() {
        return matte.clone();
    }
    let least = (NOISE * size as f32) as usize;
    drop_small(&mut subject, side, true, least);
    drop_small(&mut subject, side, false, least);

    let longer = width.max(height) as f32;
    let step = [width as f32 / longer / side as f32, height as f32 / longer / side as f32];
    let distance = distance_to_outline(&subject, side, step);
    let of_matte = |pixels: f32, most: f32| (pixels / side as f32).min(most);
    let far_faint = (of_matte(FAR_FAINT.0, FAR.0), of_matte(FAR_FAINT.1, FAR.1));
    let mut cleared = matte.clone();
    cleared.edit(|at, value| {
        let target = if subject[at] { 1.0 } else { 0.0 };
        let off = (value - target).abs();
        let faint = 1.0 - ramp(off, FAINT);
        let between = |far: f32, far_faint: f32| far + faint * (far_faint - far);
        let far = ramp(distance[at], (between(FAR.0, far_faint.0), between(FAR.1, far_faint.1)));
        let doubt = ramp(off, DOUBT);
        let noise = if raw[at] == subject[at] { 1.0 - doubt } else { 1.0 };
        value + far * noise * (target - value)
    });
    cleared
}

/// Turns every connected region of `kind` over that has fewer than `least` pixels; the largest one stays.
/// The subject is connected also over corners, and the background only over sides.
fn drop_small(map: &mut [bool], side: usize, kind: bool, least: usize) {
    let mut seen = vec![false; map.len()];
    let mut queue = VecDeque::new();
    let mut small: Vec<Vec<usize>> = Vec::new();
    let mut largest = 0;
    for start in 0..map.len() {
        if map[start] != kind || seen[start] {
            continue;
        }
        let mut region = Vec::new();
        let mut size = 0;
        seen[start] = true;
        queue.push_back(start);
        while let Some(at) = queue.pop_front() {
            size += 1;
            if size < least {
                region.push(at);
            }
            let (x, y) = (at % side, at / side);
            for (dx, dy) in NEIGHBOURS.into_iter().take(if kind { 8 } else { 4 }) {
                let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else { continue };
                let next = y * side + x;
                if x < side && y < side && map[next] == kind && !seen[next] {
                    seen[next] = true;
                    queue.push_back(next);
                }
            }
        }
        largest = largest.max(size);
        if size < least {
            small.push(region);
        }
    }
    for region in small {
        if region.len() < largest {
            region.into_iter().for_each(|at| map[at] = !kind);
        }
    }
}

/// Those over sides come first.
const NEIGHBOURS: [(isize, isize); 8] = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)];

/// The distance of every pixel to the nearest one of the other kind, with pixels of `step[0]` x `step[1]`:
/// the exact Euclidean transform of Felzenszwalb and Huttenlocher (2012, "Distance Transforms of Sampled
/// Functions"). There are pixels of both kinds.
fn distance_to_outline(subject: &[bool], side: usize, step: [f32; 2]) -> Vec<f32> {
    let mut distance = vec![0.0_f32; subject.len()];
    for kind in [true, false] {
        let mut squared: Vec<f32> =
            subject.iter().map(|subject| if *subject == kind { f32::INFINITY } else { 0.0 }).collect();
        let mut hull = Hull::new(side);
        for row in squared.chunks_exact_mut(side) {
            hull.transform(row, step[0]);
        }
        let mut column = vec![0.0; side];
        for x in 0..side {
            for y in 0..side {
                column[y] = squared[y * side + x];
            }
            hull.transform(&mut column, step[1]);
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

/// The lower envelope of parabolas along one line.
struct Hull {
    roots: Vec<usize>,
    starts: Vec<f32>,
    heights: Vec<f32>,
}

impl Hull {
    fn new(length: usize) -> Self {
        Self { roots: Vec::with_capacity(length), starts: Vec::with_capacity(length), heights: vec![0.0; length] }
    }

    fn transform(&mut self, line: &mut [f32], step: f32) {
        self.heights.copy_from_slice(line);
        self.roots.clear();
        self.starts.clear();
        let square = |at: usize| (at as f32 * step).powi(2);
        for (at, height) in self.heights.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let mut start = f32::NEG_INFINITY;
            while let (Some(&root), Some(&from)) = (self.roots.last(), self.starts.last()) {
                let rise = (height + square(at)) - (self.heights[root] + square(root));
                start = rise / (2.0 * step * step * (at - root) as f32);
                if start > from {
                    break;
                }
                self.roots.pop();
                self.starts.pop();
                start = f32::NEG_INFINITY;
            }
            self.roots.push(at);
            self.starts.push(start);
        }
        let mut part = 0;
        for (at, value) in line.iter_mut().enumerate() {
            if self.roots.is_empty() {
                break;
            }
            while part + 1 < self.roots.len() && self.starts[part + 1] < at as f32 {
                part += 1;
            }
            let root = self.roots[part];
            *value = (at.abs_diff(root) as f32 * step).powi(2) + self.heights[root];
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
    fn distances_are_those_of_the_photograph() {
        let mut subject = vec![false; 81];
        subject[4 * 9 + 4] = true;
        let distance = distance_to_outline(&subject, 9, [1.0, 0.5]);
        for (at, distance) in distance.iter().enumerate() {
            let (x, y) = (at as f32 % 9.0 - 4.0, (at / 9) as f32 - 4.0);
            let exact = if at == 40 { 0.5 } else { x.hypot(0.5 * y) };
            assert!((distance - exact).abs() < 1e-5, "{distance} where {exact} is right at {at}");
        }
    }

    #[test]
    fn faint_haze_far_away_goes_and_stays_near_the_outline() {
        for (haze, gone_at) in [(0.08, 226), (0.22, 241)] {
            let hazy = matte(400, |x, y| if within(x, y, 80..200) { 1.0 - haze } else { haze });
            let cleared = clear(&hazy, 1000, 1000);
            let at = |x: usize, y: usize| cleared.values()[y * 400 + x];
            assert_eq!((at(320, 320), at(gone_at, 140)), (0.0, 0.0), "{haze}");
            assert_eq!((at(202, 140), at(197, 140)), (haze, 1.0 - haze));
            assert_eq!(at(140, 140), 1.0, "{haze}");
        }
    }

    #[test]
    fn doubt_is_no_haze() {
        let doubtful = matte(100, |x, y| if within(x, y, 20..50) { 1.0 } else { 0.5 });
        assert_eq!(clear(&doubtful, 500, 500).values()[80 * 100 + 80], 0.5);
    }

    #[test]
    fn specks_far_away_and_pinholes_deep_inside_go() {
        let noisy = matte(100, |x, y| {
            let subject = within(x, y, 10..70) != (within(x, y, 39..41) || within(x, y, 85..87));
            if subject { 1.0 } else { 0.0 }
        });
        let cleared = clear(&noisy, 800, 800);
        assert_eq!(cleared.values()[40 * 100 + 40], 1.0);
        assert_eq!(cleared.values()[86 * 100 + 86], 0.0);
    }

    #[test]
    fn real_holes_and_strands_near_the_outline_stay() {
        let mug = matte(100, |x, y| {
            let subject = (within(x, y, 10..70) && !within(x, y, 30..50)) || (x == 72 && (20..24).contains(&y));
            if subject { 1.0 } else { 0.0 }
        });
        assert_eq!(clear(&mug, 800, 800), mug);
    }

    #[test]
    fn nothing_and_everything_stay() {
        for value in [0.0, 0.3, 1.0] {
            let plain = matte(16, |_, _| value);
            assert_eq!(clear(&plain, 10, 2000), plain);
        }
    }
}
