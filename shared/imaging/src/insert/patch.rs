//! A change of a file.

use std::ops::Range;

/// New bytes in place of a range of a file. An empty range is a place where bytes are inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub range: Range<usize>,
    /// The bytes that come.
    pub bytes: Vec<u8>,
}

/// A change of a file: some ranges get new bytes, all else stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// In the order of the file, and disjoint.
    edits: Vec<Edit>,
}

impl Patch {
    /// Edits that do not overlap, in any order. Edits at the same place keep their order.
    pub(super) fn new(mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        debug_assert!(edits.is_sorted_by(|one, next| one.range.end <= next.range.start), "edits are disjoint");
        Self { edits }
    }

    /// The edits, in the order of the file. None if the file already is as it should be.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Where the byte at `offset` of the old file is in the new one, or would be if it is replaced.
    pub(super) fn moved(&self, offset: usize) -> usize {
        let before = self.edits.iter().take_while(|edit| edit.range.end <= offset);
        before.fold(offset, |offset, edit| offset - edit.range.len() + edit.bytes.len())
    }

    /// The changed file. Takes the memory of the longer of the two files: bytes are moved within the buffer.
    ///
    /// # Panics
    /// If `file` is shorter than the file that the patch was made for.
    pub fn apply(&self, mut file: Vec<u8>) -> Vec<u8> {
        let (old, new) = (file.len(), self.moved(file.len()));
        if new > old {
            file.reserve_exact(new - old);
            file.resize(new, 0);
        }
        // Parts that move to the back go from the last to the first, and the others from the first to the last, so that
        // none is overwritten before it has moved.
        let kept: Vec<(Range<usize>, usize)> = self.kept(old).collect();
        for (part, to) in kept.iter().rev().filter(|(part, to)| *to > part.start) {
            file.copy_within(part.clone(), *to);
        }
        for (part, to) in kept.iter().filter(|(part, to)| *to < part.start) {
            file.copy_within(part.clone(), *to);
        }
        let mut at = 0;
        for ((_, to), edit) in kept.iter().skip(1).zip(&self.edits) {
            at = to - edit.bytes.len();
            file[at..*to].copy_from_slice(&edit.bytes);
        }
        debug_assert!(at <= new);
        file.truncate(new);
        file
    }

    /// The parts that stay, before, between and after the edits, and where each goes.
    fn kept(&self, length: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let starts = std::iter::once(0).chain(self.edits.iter().map(|edit| edit.range.end));
        let ends = self.edits.iter().map(|edit| edit.range.start).chain([length]);
        let mut grown = 0;
        starts.zip(ends).enumerate().map(move |(index, (start, end))| {
            if let Some(edit) = index.checked_sub(1).and_then(|before| self.edits.get(before)) {
                // Wraps where a file shrinks.
                grown = usize::wrapping_add(grown, edit.bytes.len()).wrapping_sub(edit.range.len());
            }
            (start..end, start.wrapping_add(grown))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The changed file, put together from its parts.
    fn assembled(patch: &Patch, file: &[u8]) -> Vec<u8> {
        let (mut new, mut at) = (Vec::new(), 0);
        for edit in patch.edits() {
            new.extend(&file[at..edit.range.start]);
            new.extend(&edit.bytes);
            at = edit.range.end;
        }
        new.extend(&file[at..]);
        new
    }

    proptest! {
        #[test]
        fn moving_bytes_within_the_buffer_gives_the_assembled_file(
            file in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec((0_usize..40, 0_usize..30, 0_usize..60), 0..8),
        ) {
            let (mut edits, mut at) = (Vec::new(), 0);
            for (gap, length, new) in cuts {
                let start = (at + gap).min(file.len());
                at = (start + length).min(file.len());
                edits.push(Edit { range: start..at, bytes: vec![0xEE; new] });
            }
            let patch = Patch::new(edits);
            let expected = assembled(&patch, &file);
            prop_assert_eq!(patch.moved(file.len()), expected.len());
            prop_assert_eq!(patch.apply(file), expected);
        }
    }
}
