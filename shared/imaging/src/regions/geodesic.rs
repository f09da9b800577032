//! Distances that edges lengthen, for parts of a region that no edge divides.
//!
//! Source: X. Bai and G. Sapiro, "A Geodesic Framework for Fast Interactive Image and Video Segmentation and Matting",
//! 2007.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::watershed::neighbors;

/// How many pixels a step between black and white is long.
const CONTRAST: f32 = 400.0;
/// Units of distance in a pixel.
const UNITS: f32 = 16.0;

/// The pixels within `reach` of `seeds` that are closer to them than to `rivals`. `colors` is interleaved RGB.
pub(super) fn within_reach(
    colors: &[u8],
    width: usize,
    (seeds, rivals): (&[usize], &[usize]),
    reach: f32,
) -> Vec<usize> {
    let length = colors.len() / 3;
    let max = (reach * UNITS) as u32;
    // The distance of each pixel that was reached, and whether from a seed.
    let mut reached = vec![(u32::MAX, false); length];
    let mut queue = BinaryHeap::new();
    for (pixels, is_seed) in [(rivals, false), (seeds, true)] {
        for &at in pixels {
            reached[at] = (0, is_seed);
            queue.push(Reverse((0, at)));
        }
    }
    while let Some(Reverse((distance, at))) = queue.pop() {
        if distance > reached[at].0 {
            continue;
        }
        for next in neighbors(at, width, length) {
            let further = distance + step(colors, at, next);
            if further <= max && further < reached[next].0 {
                reached[next] = (further, reached[at].1);
                queue.push(Reverse((further, next)));
            }
        }
    }
    (0..length).filter(|at| reached[*at].1).collect()
}

fn step(colors: &[u8], from: usize, to: usize) -> u32 {
    let contrast = (0..3).map(|channel| colors[3 * from + channel].abs_diff(colors[3 * to + channel])).max();
    (UNITS * (1.0 + CONTRAST * f32::from(contrast.unwrap_or(0)) / 255.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_edges_at_the_reach_and_halfway_to_rivals() {
        let width = 60;
        let colors: Vec<u8> = (0..width * 9).flat_map(|at| [if at % width < 20 { 0 } else { 200 }; 3]).collect();
        let middle = |x: usize| 4 * width + x;
        let row = |pixels: Vec<usize>| pixels.into_iter().filter(|at| at / width == 4).map(|at| at % width);
        let within = |seed, rivals: &[usize], reach| {
            let pixels = row(within_reach(&colors, width, (&[middle(seed)], rivals), reach));
            pixels.fold((usize::MAX, 0), |(min, max), x| (x.min(min), x.max(max)))
        };
        assert_eq!(within(30, &[], 15.0), (20, 45), "the edge, and the reach");
        assert_eq!(within(30, &[middle(40)], 15.0).1, 35, "half the way");
        assert_eq!(within(30, &[middle(30)], 15.0), (20, 45), "a seed wins over a rival at the same pixel");
    }
}
