//! The memory of a run: buffers that a step writes, buffers that it reads, and scratch for each thread.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::simd::Lane;

/// Scratch memory of threads that are idle.
pub(crate) type SpareMemory = Mutex<Vec<Vec<Lane>>>;

/// Locks memory. A panic in another run leaves nothing that matters in it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Scratch memory of a thread. Returns to the spare memory when dropped.
pub(super) struct ThreadScratch<'a> {
    lanes: Vec<Lane>,
    spare: &'a SpareMemory,
}

impl<'a> ThreadScratch<'a> {
    pub(super) fn new(spare: &'a SpareMemory) -> Self {
        Self { lanes: lock(spare).pop().unwrap_or_default(), spare }
    }

    /// Three slices of the given lengths. They hold whatever was there before.
    pub(super) fn slices(&mut self, first: usize, second: usize, third: usize) -> [&mut [Lane]; 3] {
        if self.lanes.len() < first + second + third {
            self.lanes.resize(first + second + third, Lane::ZERO);
        }
        let (one, rest) = self.lanes.split_at_mut(first);
        let (two, rest) = rest.split_at_mut(second);
        [one, two, &mut rest[..third]]
    }
}

impl Drop for ThreadScratch<'_> {
    fn drop(&mut self) {
        lock(self.spare).push(std::mem::take(&mut self.lanes));
    }
}

/// The memory of a run, as one step uses it.
pub(super) struct StepBuffers<'a> {
    /// The map that the step computes. Holds whatever was there before.
    pub(super) out: &'a mut [Lane],
    /// Empty if the step needs none. Holds whatever was there before.
    pub(super) scratch: &'a mut [Lane],
    pub(super) inputs: ReadOnly<'a>,
}

/// The memory around the buffers that a step writes: slices, each with its start.
pub(super) struct ReadOnly<'a>([(usize, &'a [Lane]); 3]);

impl<'a> ReadOnly<'a> {
    /// The memory at `range`, which must not overlap a buffer that the step writes; empty if it does.
    pub(super) fn get(&self, range: &Range<usize>) -> &'a [Lane] {
        let slice = self.0.iter().find(|(start, lanes)| *start <= range.start && range.end <= start + lanes.len());
        slice.map_or(&[], |(start, lanes)| &lanes[range.start - start..range.end - start])
    }
}

/// Splits memory into the buffers that a step writes, which do not overlap, and the rest.
pub(super) fn split<'a>(memory: &'a mut [Lane], out: &Range<usize>, scratch: &Range<usize>) -> StepBuffers<'a> {
    let swapped = scratch.start < out.start;
    let (first, second) = if swapped { (scratch, out) } else { (out, scratch) };
    let (before, rest) = memory.split_at_mut(first.start);
    let (first_slice, rest) = rest.split_at_mut(first.len());
    let gap = second.start.max(first.end) - first.end;
    let (between, rest) = rest.split_at_mut(gap);
    let (second_slice, behind) = rest.split_at_mut(second.len());
    let inputs = ReadOnly([(0, before), (first.end, between), (first.end + gap + second.len(), behind)]);
    let (out, scratch) = if swapped { (second_slice, first_slice) } else { (first_slice, second_slice) };
    StepBuffers { out, scratch, inputs }
}
