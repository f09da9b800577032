//! The basins of a relief: each local minimum floods until it meets its neighbors.

use std::collections::VecDeque;

/// The number of distinct heights.
const LEVELS: usize = 256;
/// The edge strength of the highest level. Levels are spaced by its square root, since most edges are weak.
const STRONGEST: f32 = 0.5;
/// The label of a pixel that no basin has reached.
const DRY: u32 = u32::MAX;

/// The basin of every pixel, numbered from 0, and the number of basins. Pixels connect across sides.
pub(super) fn watershed(strength: &[f32], width: usize) -> (Vec<u32>, usize) {
    let levels: Vec<u8> = strength.iter().map(|strength| level(*strength)).collect();
    let (mut labels, count) = minima(&levels, width);
    let mut shores = vec![VecDeque::new(); LEVELS];
    for (at, label) in labels.iter().enumerate() {
        if *label != DRY {
            shores[usize::from(levels[at])].push_back(at);
        }
    }
    for now in 0..LEVELS {
        while let Some(at) = shores[now].pop_front() {
            for next in neighbors(at, width, levels.len()) {
                if labels[next] == DRY {
                    labels[next] = labels[at];
                    shores[now.max(usize::from(levels[next]))].push_back(next);
                }
            }
        }
    }
    (labels, count)
}

fn level(strength: f32) -> u8 {
    ((strength / STRONGEST).sqrt() * (LEVELS - 1) as f32).clamp(0.0, (LEVELS - 1) as f32) as u8
}

/// Labels the plateaus without a lower neighbor.
fn minima(levels: &[u8], width: usize) -> (Vec<u32>, usize) {
    let mut labels = vec![DRY; levels.len()];
    let mut visited = vec![false; levels.len()];
    let (mut plateau, mut count) = (Vec::new(), 0);
    for start in 0..levels.len() {
        if visited[start] {
            continue;
        }
        visited[start] = true;
        plateau.clear();
        plateau.push(start);
        let (mut next, mut is_minimum) = (0, true);
        while let Some(&at) = plateau.get(next) {
            next += 1;
            for neighbor in neighbors(at, width, levels.len()) {
                is_minimum &= levels[neighbor] >= levels[start];
                if levels[neighbor] == levels[start] && !visited[neighbor] {
                    visited[neighbor] = true;
                    plateau.push(neighbor);
                }
            }
        }
        if is_minimum {
            plateau.iter().for_each(|&at| labels[at] = count as u32);
            count += 1;
        }
    }
    (labels, count)
}

/// The pixels across the sides of `at`.
pub(crate) fn neighbors(at: usize, width: usize, length: usize) -> impl Iterator<Item = usize> {
    let x = at % width;
    let left = (x > 0).then(|| at - 1);
    let right = (x + 1 < width).then_some(at + 1);
    let above = at.checked_sub(width);
    let below = Some(at + width).filter(|below| *below < length);
    [left, right, above, below].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_minimum_floods_up_to_the_ridge() {
        let ridge = [0.0, 0.1, 0.5, 0.1, 0.0];
        let (labels, count) = watershed(&ridge.repeat(3), 5);
        assert_eq!(count, 2);
        for row in labels.chunks_exact(5) {
            assert!(row[0] == row[1] && row[3] == row[4] && row[0] != row[4], "{row:?}");
        }
    }

    #[test]
    fn a_flat_relief_is_one_basin() {
        assert_eq!(watershed(&[0.2; 12], 4), (vec![0; 12], 1));
        assert_eq!(watershed(&[0.0], 1), (vec![0], 1));
    }
}
