//! Directories as bytes, for a file that gets a changed copy of one.

use std::collections::HashSet;
use std::ops::Range;

use super::{Ifd, MAX_PAGES, ValueType};

/// The entries of a directory as stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawEntries<'a> {
    /// One after the other.
    pub(crate) bytes: &'a [u8],
    /// The length of each.
    pub(crate) size: usize,
}

impl<'a> Ifd<'a> {
    /// The directory of a page, counted from 0, and where the file states its offset. `None` if the chain ends before,
    /// or repeats itself.
    pub(crate) fn page(self, page: usize) -> Option<(Self, usize)> {
        let (mut ifd, mut pointer) = (self, if self.word() == 4 { 4 } else { 8 });
        let mut offsets = HashSet::new();
        for _ in 0..page {
            if !offsets.insert(ifd.offset) || offsets.len() > MAX_PAGES {
                return None;
            }
            pointer = ifd.end()?;
            ifd.offset = ifd.next_offset().filter(|next| *next != 0)?;
        }
        (!offsets.contains(&ifd.offset)).then_some((ifd, pointer))
    }

    /// The whole file or block.
    pub(crate) fn file(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes of an offset, and of a count of values.
    pub(crate) fn word(&self) -> usize {
        self.layout.word as usize
    }

    /// Where the directory begins.
    pub(crate) fn start(&self) -> Option<usize> {
        usize::try_from(self.offset).ok()
    }

    /// Where its entries end, and the offset of the next directory follows.
    pub(crate) fn end(&self) -> Option<usize> {
        let entries = self.entry_count()?.checked_mul(self.layout.entry)?;
        let end = self.offset.checked_add(self.layout.entry_count)?.checked_add(entries)?;
        usize::try_from(end).ok().filter(|end| *end <= self.bytes.len())
    }

    /// The entries.
    pub(crate) fn raw_entries(&self) -> Option<RawEntries<'a>> {
        let start = usize::try_from(self.offset.checked_add(self.layout.entry_count)?).ok()?;
        Some(RawEntries { bytes: self.bytes.get(start..self.end()?)?, size: self.layout.entry as usize })
    }

    /// The tag and the type of an entry.
    pub(crate) fn tag_and_type(&self, entry: &[u8]) -> Option<(u16, u16)> {
        let number = |range: Range<usize>| Some(self.number(entry.get(range)?) as u16);
        Some((number(0..2)?, number(2..4)?))
    }

    /// Whether values of this type are single bytes.
    pub(crate) fn is_bytes(value_type: u16) -> bool {
        ValueType::from_code(value_type.into()).is_some_and(|value_type| value_type.size() == 1)
    }

    /// Where the values of a tag are in the file or block.
    pub(crate) fn value_range(&self, tag: u16) -> Option<Range<usize>> {
        let value = self.bytes(tag)?;
        // Both are slices of the same bytes.
        let start = value.as_ptr().addr() - self.bytes.as_ptr().addr();
        Some(start..start + value.len())
    }

    /// The number of four bytes at an offset.
    pub(crate) fn number_at(&self, at: usize) -> Option<u64> {
        self.read(at as u64, 4)
    }

    /// A number of `length` bytes in the byte order of the file.
    pub(crate) fn encoded(&self, number: u64, length: usize) -> Vec<u8> {
        if self.big_endian {
            number.to_be_bytes()[8 - length..].to_vec()
        } else {
            number.to_le_bytes()[..length].to_vec()
        }
    }

    /// The count of entries of a directory, as stored.
    pub(crate) fn encoded_entry_count(&self, count: u64) -> Vec<u8> {
        self.encoded(count, self.layout.entry_count as usize)
    }
}
