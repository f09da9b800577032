//! Merges neighboring regions, the weakest edge first.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// A region of this many pixels merges as late as its edges say. A smaller one merges earlier: it is texture.
const FULL_SIZE: f32 = 60.0;

/// Two regions become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Merge {
    /// The two nodes: a leaf, or the number of leaves plus the index of an earlier merge.
    pub(super) nodes: [u32; 2],
    /// The strength of the edge between them, at least that of every merge below.
    pub(super) height: f32,
}

/// The leaf of every pixel, numbered in the order of their first pixels, and the merges that end with one region.
pub(super) struct Hierarchy {
    pub(super) labels: Vec<u16>,
    pub(super) merges: Vec<Merge>,
}

/// The edge between two regions: the sum of its pixels' strengths, and their number.
#[derive(Debug, Clone, Copy, Default)]
struct Border {
    sum: f32,
    length: f32,
}

/// An edge that may be the weakest. Outdated once either region has changed.
#[derive(Debug, PartialEq)]
struct Candidate {
    cost: f32,
    regions: [u32; 2],
    versions: [u32; 2],
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The cheapest is the greatest, as [`BinaryHeap`] needs it; ties go by the regions' numbers.
    fn cmp(&self, other: &Self) -> Ordering {
        other.cost.total_cmp(&self.cost).then_with(|| other.regions.cmp(&self.regions))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The regions while they merge. A region keeps the number of one of those that it was merged from.
struct Regions {
    parents: Vec<u32>,
    areas: Vec<f32>,
    versions: Vec<u32>,
    borders: Vec<HashMap<u32, Border>>,
    queue: BinaryHeap<Candidate>,
}

/// Merges `count` regions up to one, and keeps the last `max_leaves` regions as leaves.
pub(super) fn merge(labels: &[u32], count: usize, strength: &[f32], width: usize, max_leaves: usize) -> Hierarchy {
    let mut regions = Regions::new(labels, count, strength, width);
    let mut alive = count;
    while alive > max_leaves && regions.merge_weakest().is_some() {
        alive -= 1;
    }
    let mut leaves = vec![None; count];
    let mut next = 0_u16;
    let labels: Vec<u16> = labels
        .iter()
        .map(|&label| {
            *leaves[regions.root(label) as usize].get_or_insert_with(|| {
                next += 1;
                next - 1
            })
        })
        .collect();
    let mut nodes: Vec<u32> = leaves.into_iter().map(|leaf| leaf.map_or(u32::MAX, u32::from)).collect();
    let (mut merges, mut height) = (Vec::new(), 0.0_f32);
    while let Some((kept, gone, cost)) = regions.merge_weakest() {
        height = height.max(cost);
        let pair = [nodes[kept as usize], nodes[gone as usize]];
        nodes[kept as usize] = u32::from(next) + merges.len() as u32;
        merges.push(Merge { nodes: pair, height });
    }
    Hierarchy { labels, merges }
}

impl Regions {
    fn new(labels: &[u32], count: usize, strength: &[f32], width: usize) -> Self {
        let mut regions = Self {
            parents: (0..count as u32).collect(),
            areas: vec![0.0; count],
            versions: vec![0; count],
            borders: vec![HashMap::new(); count],
            queue: BinaryHeap::new(),
        };
        for &label in labels {
            regions.areas[label as usize] += 1.0;
        }
        for at in 0..labels.len() {
            let right = (at % width + 1 < width).then_some(at + 1);
            let below = Some(at + width).filter(|below| *below < labels.len());
            for next in [right, below].into_iter().flatten() {
                regions.add_border(labels[at], labels[next], strength[at].max(strength[next]));
            }
        }
        for region in 0..count as u32 {
            let neighbors: Vec<u32> = regions.borders[region as usize].keys().copied().collect();
            for neighbor in neighbors.into_iter().filter(|neighbor| *neighbor > region) {
                regions.queue_border(region, neighbor);
            }
        }
        regions
    }

    fn add_border(&mut self, one: u32, other: u32, strength: f32) {
        if one == other {
            return;
        }
        for (from, to) in [(one, other), (other, one)] {
            let border = self.borders[from as usize].entry(to).or_default();
            border.sum += strength;
            border.length += 1.0;
        }
    }

    fn queue_border(&mut self, one: u32, other: u32) {
        let Some(border) = self.borders[one as usize].get(&other) else { return };
        let smaller = self.areas[one as usize].min(self.areas[other as usize]);
        let cost = border.sum / border.length * (smaller / FULL_SIZE).min(1.0).sqrt();
        let versions = [self.versions[one as usize], self.versions[other as usize]];
        self.queue.push(Candidate { cost, regions: [one, other], versions });
    }

    /// Merges the two regions with the weakest edge. Returns the region that holds both now, the one that is gone, and
    /// the cost. `None` if only one region is left.
    fn merge_weakest(&mut self) -> Option<(u32, u32, f32)> {
        loop {
            let Candidate { cost, regions: [one, other], versions } = self.queue.pop()?;
            if versions != [self.versions[one as usize], self.versions[other as usize]] {
                continue;
            }
            // The region with fewer neighbors moves into the other.
            let more = self.borders[one as usize].len() >= self.borders[other as usize].len();
            let (kept, gone) = if more { (one, other) } else { (other, one) };
            self.join(kept, gone);
            return Some((kept, gone, cost));
        }
    }

    fn join(&mut self, kept: u32, gone: u32) {
        self.parents[gone as usize] = kept;
        self.areas[kept as usize] += self.areas[gone as usize];
        self.versions[kept as usize] += 1;
        self.versions[gone as usize] = u32::MAX;
        for (neighbor, border) in std::mem::take(&mut self.borders[gone as usize]) {
            self.borders[neighbor as usize].remove(&gone);
            if neighbor == kept {
                continue;
            }
            for (from, to) in [(kept, neighbor), (neighbor, kept)] {
                let joined = self.borders[from as usize].entry(to).or_default();
                joined.sum += border.sum;
                joined.length += border.length;
            }
        }
        let neighbors: Vec<u32> = self.borders[kept as usize].keys().copied().collect();
        for neighbor in neighbors {
            self.queue_border(kept, neighbor);
        }
    }

    /// The region that holds this one now.
    fn root(&mut self, mut region: u32) -> u32 {
        while self.parents[region as usize] != region {
            let above = self.parents[region as usize];
            self.parents[region as usize] = self.parents[above as usize];
            region = above;
        }
        region
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three stripes of 40 x 20 pixels. The first border is weak, the second strong.
    fn stripes(max_leaves: usize) -> Hierarchy {
        let width = 120;
        let labels: Vec<u32> = (0..width * 20).map(|at| (at % width / 40) as u32).collect();
        let strength: Vec<f32> = (0..width * 20)
            .map(|at| match at % width {
                39 | 40 => 0.1,
                79 | 80 => 0.4,
                _ => 0.0,
            })
            .collect();
        merge(&labels, 3, &strength, width, max_leaves)
    }

    #[test]
    fn the_weakest_edge_goes_first() {
        let Hierarchy { labels, merges } = stripes(10);
        assert_eq!((labels[0], labels[50], labels[100]), (0, 1, 2));
        let pair = |index: usize| {
            let mut pair: [u32; 2] = merges[index].nodes;
            pair.sort_unstable();
            pair
        };
        assert_eq!((merges.len(), pair(0), pair(1)), (2, [0, 1], [2, 3]));
        assert!((merges[0].height - 0.1).abs() < 1e-5 && (merges[1].height - 0.4).abs() < 1e-5, "{merges:?}");
    }

    #[test]
    fn only_the_last_regions_become_leaves() {
        let Hierarchy { labels, merges } = stripes(2);
        assert_eq!((labels[0], labels[50], labels[100], merges.len()), (0, 0, 1, 1));
    }

    #[test]
    fn small_regions_merge_before_large_ones() {
        // A speck with a strong edge in the left half, and a weak edge between the halves.
        let label = |at: usize| if at == 10 * 80 + 10 { 2 } else { u32::from(at % 80 >= 40) };
        let labels: Vec<u32> = (0..80 * 40).map(label).collect();
        let strength: Vec<f32> = (0..80 * 40).map(|at| if label(at) == 2 { 0.5 } else { 0.1 }).collect();
        let merges = merge(&labels, 3, &strength, 80, 10).merges;
        assert!(merges[0].nodes.contains(&1) || merges[0].nodes.contains(&2), "{merges:?}");
        assert!(merges[0].height < 0.1, "{merges:?}");
    }
}
