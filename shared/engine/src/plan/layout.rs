//! Places buffers in one piece of memory. Buffers that are needed at different times may share memory.

use std::ops::Range;

use crate::graph::MapId;
use crate::step::Step;

/// The first and the last step that need a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime {
    first: usize,
    last: usize,
}

impl Lifetime {
    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// A buffer to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allocation {
    /// Its size in vectors.
    lanes: usize,
    /// `None` if no step needs it.
    lifetime: Option<Lifetime>,
}

/// The sizes and lifetimes of all buffers. Buffer 0, the input, is needed from the first step on, and the output beyond
/// the last.
pub(super) fn allocations(sizes: &[usize], steps: &[Step], output: MapId) -> Vec<Allocation> {
    let mut allocations: Vec<_> = sizes.iter().map(|lanes| Allocation { lanes: *lanes, lifetime: None }).collect();
    allocations[0].lifetime = Some(Lifetime { first: 0, last: 0 });
    for (at, step) in steps.iter().enumerate() {
        for buffer in step.scratch().into_iter().chain([step.to()]) {
            allocations[buffer].lifetime = Some(Lifetime { first: at, last: at });
        }
        for map in step.from() {
            if let Some(lifetime) = &mut allocations[map].lifetime {
                lifetime.last = at;
            }
        }
    }
    if let Some(lifetime) = &mut allocations[output].lifetime {
        lifetime.last = steps.len();
    }
    allocations
}

/// Places the largest buffer first, and each as low as it fits between those that are needed at the same time.
pub(super) fn place(allocations: &[Allocation]) -> Vec<Range<usize>> {
    let mut order: Vec<usize> = (0..allocations.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(allocations[*at].lanes));
    let mut places = vec![0..0; allocations.len()];
    // By their start.
    let mut placed: Vec<(Range<usize>, Lifetime)> = Vec::new();
    for at in order {
        let Allocation { lanes, lifetime: Some(lifetime) } = allocations[at] else { continue };
        let mut start = 0;
        for (other, other_lifetime) in &placed {
            if lifetime.overlaps(*other_lifetime) && other.start < start + lanes && start < other.end {
                start = other.end;
            }
        }
        places[at] = start..start + lanes;
        let position = placed.partition_point(|(other, _)| other.start < start);
        placed.insert(position, (start..start + lanes, lifetime));
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buffers_needed_at_the_same_time_do_not_overlap(
            buffers in prop::collection::vec((1_usize..50, 0_usize..20, 0_usize..6), 1..60)
        ) {
            let lifetimes: Vec<_> =
                buffers.iter().map(|(_, first, steps)| Lifetime { first: *first, last: first + steps }).collect();
            let allocations = buffers.iter().zip(&lifetimes);
            let allocations: Vec<_> = allocations
                .map(|((lanes, ..), lifetime)| Allocation { lanes: *lanes, lifetime: Some(*lifetime) })
                .collect();
            let places = place(&allocations);
            for (one, allocation) in allocations.iter().enumerate() {
                prop_assert_eq!(places[one].len(), allocation.lanes);
                for other in one + 1..allocations.len() {
                    let apart = places[one].end <= places[other].start || places[other].end <= places[one].start;
                    prop_assert!(apart || !lifetimes[one].overlaps(lifetimes[other]));
                }
            }
        }
    }
}
