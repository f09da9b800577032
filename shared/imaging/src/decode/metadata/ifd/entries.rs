//! All entries of a directory with their values.

use super::{Ifd, MAX_ENTRIES, ValueType};

/// An entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Entry<'a> {
    pub(in crate::decode) tag: u16,
    /// The code of the values' type.
    pub(in crate::decode) kind: u16,
    /// The number of values.
    pub(in crate::decode) count: u32,
    /// The values as stored.
    pub(in crate::decode) bytes: &'a [u8],
}

impl<'a> Ifd<'a> {
    /// The entries whose values are in the file, in its order. Two may share their values, so that all together can be
    /// larger than the file.
    pub(in crate::decode) fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let ifd = *self;
        let entries = self.raw_entries();
        let chunks = entries.into_iter().flat_map(|entries| entries.bytes.chunks_exact(entries.size));
        chunks.take(MAX_ENTRIES as usize).filter_map(move |entry| ifd.entry(entry))
    }

    fn entry(&self, entry: &'a [u8]) -> Option<Entry<'a>> {
        let (tag, kind) = self.tag_and_type(entry)?;
        let word = self.word();
        let count = self.number(entry.get(4..4 + word)?);
        let length = usize::try_from(count.checked_mul(ValueType::from_code(kind.into())?.size())?).ok()?;
        let value = entry.get(4 + word..)?;
        let bytes = if length <= word {
            value.get(..length)?
        } else {
            let start = usize::try_from(self.number(value.get(..word)?)).ok()?;
            self.bytes.get(start..start.checked_add(length)?)?
        };
        Some(Entry { tag, kind, count: u32::try_from(count).ok()?, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::block;
    use super::*;

    #[test]
    fn lists_inline_and_distant_values() {
        let block = block();
        let ifd = Ifd::first(&block).expect("has a directory");
        let entries: Vec<_> = ifd.entries().map(|entry| (entry.tag, entry.kind, entry.count, entry.bytes)).collect();
        let resolution: &[u8] = &[44, 1, 0, 0, 2, 0, 0, 0];
        assert_eq!(entries, [(274, 3, 1, &[6, 0][..]), (282, 5, 1, resolution), (315, 2, 4, b"Ann\0")]);
        for length in 0..block.len() {
            let listed = Ifd::first(&block[..length]).map_or(0, |ifd| ifd.entries().count());
            assert!(listed <= 3);
        }
    }
}
