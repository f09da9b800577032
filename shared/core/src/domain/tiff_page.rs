//! The page of a TIFF that has only one (TIFF 6.0, section 2; BigTIFF), for looks at the header. Which of several pages
//! counts is decided when the file is decoded.

const SUBFILES: u16 = 330;
/// The most entries that are searched.
const MAX_ENTRIES: usize = 4096;

/// Sizes in bytes of a directory's fields.
#[derive(Debug, Clone, Copy)]
struct Layout {
    entry_count: usize,
    entry: usize,
    /// Offsets, and the counts of values.
    word: usize,
}

const CLASSIC: Layout = Layout { entry_count: 2, entry: 12, word: 4 };
const BIG_TIFF: Layout = Layout { entry_count: 8, entry: 20, word: 8 };

/// The directory of the only page.
#[derive(Debug, Clone, Copy)]
pub(super) struct TiffPage<'a> {
    file: &'a [u8],
    is_big_endian: bool,
    layout: Layout,
    entries: &'a [u8],
}

/// The values of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagValues<'a> {
    /// The page has no such tag, or one of an unknown type.
    Unknown,
    /// They lie outside of the file.
    Outside,
    /// Their bytes, and the size of one of them.
    Found { bytes: &'a [u8], size: usize },
}

impl<'a> TiffPage<'a> {
    /// `None` if there may be further pages or subfiles, and for a directory that cannot be read.
    pub(super) fn only(file: &'a [u8]) -> Option<Self> {
        let is_big_endian = file.starts_with(b"MM");
        let blank = Self { file, is_big_endian, layout: CLASSIC, entries: &[] };
        let (layout, start) = match blank.number_at(2, 2)? {
            42 => (CLASSIC, blank.number_at(4, 4)?),
            43 => (BIG_TIFF, blank.number_at(8, 8)?),
            _ => return None,
        };
        let count = blank.number_at(start, layout.entry_count)?;
        let first = start.checked_add(layout.entry_count)?;
        let end = first.checked_add(count.checked_mul(layout.entry)?)?;
        let page = Self { layout, entries: file.get(first..end)?, ..blank };
        let is_only = page.number_at(end, layout.word)? == 0 && page.entry(SUBFILES).is_none();
        is_only.then_some(page)
    }

    /// The first unsigned integer of a tag.
    pub(super) fn integer(&self, tag: u16) -> Option<u32> {
        const INTEGERS: [usize; 6] = [1, 3, 4, 13, 16, 18];
        let kind = self.number(self.entry(tag)?.get(2..4)?)?;
        match self.values(tag) {
            TagValues::Found { bytes, size } if INTEGERS.contains(&kind) => {
                self.number(bytes.get(..size)?).and_then(|number| u32::try_from(number).ok())
            }
            TagValues::Found { .. } | TagValues::Outside | TagValues::Unknown => None,
        }
    }

    /// The values of a tag: in the entry itself if they fit, otherwise at the offset that it states.
    pub(super) fn values(&self, tag: u16) -> TagValues<'a> {
        let Some((size, count, stated)) = self.entry(tag).and_then(|entry| self.fields(entry)) else {
            return TagValues::Unknown;
        };
        let found = size.checked_mul(count).and_then(|length| match length <= stated.len() {
            true => stated.get(..length),
            false => {
                let start = self.number(stated)?;
                self.file.get(start..start.checked_add(length)?)
            }
        });
        found.map_or(TagValues::Outside, |bytes| TagValues::Found { bytes, size })
    }

    /// The first entry of a tag.
    fn entry(&self, tag: u16) -> Option<&'a [u8]> {
        let mut entries = self.entries.chunks_exact(self.layout.entry).take(MAX_ENTRIES);
        entries.find(|entry| self.number(&entry[..2]) == Some(tag.into()))
    }

    /// The size of a value, their number, and their bytes or offset.
    fn fields(&self, entry: &'a [u8]) -> Option<(usize, usize, &'a [u8])> {
        let size = match self.number(entry.get(2..4)?)? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 18 => 8,
            _ => return None,
        };
        let (count, stated) = entry.get(4..)?.split_at_checked(self.layout.word)?;
        // A count that is too large for memory lies.
        Some((size, self.number(count).unwrap_or(usize::MAX), stated))
    }

    fn number_at(&self, at: usize, length: usize) -> Option<usize> {
        self.number(self.file.get(at..at.checked_add(length)?)?)
    }

    /// A number of at most eight bytes; `None` if it is too large for memory.
    fn number(&self, bytes: &[u8]) -> Option<usize> {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = if self.is_big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) };
        usize::try_from(number).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One page with these tags: number, type, count, and the value or offset.
    pub(in super::super) fn page(tags: &[(u16, u16, u32, u32)]) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        file.extend((tags.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in tags {
            file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        file.extend([0; 4]);
        file
    }

    #[test]
    fn reads_values_of_both_forms_and_byte_orders() {
        let classic = page(&[(256, 3, 1, 400), (257, 4, 1, 300), (700, 1, 3, 0x0403_0201)]);
        let page = TiffPage::only(&classic).expect("has one page");
        assert_eq!((page.integer(256), page.integer(257), page.integer(700)), (Some(400), Some(300), Some(1)));
        assert_eq!(page.values(700), TagValues::Found { bytes: &[1, 2, 3], size: 1 });
        assert_eq!(page.values(701), TagValues::Unknown);
        let big = [
            b"MM\0\x2B\0\x08\0\0".as_slice(),
            &[0, 0, 0, 0, 0, 0, 0, 16],
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x90],
            &[0; 8],
        ]
        .concat();
        assert_eq!(TiffPage::only(&big).expect("has one page").integer(256), Some(400));
    }

    #[test]
    fn leaves_files_that_may_have_more_to_the_decoder() {
        let mut pages = page(&[(256, 3, 1, 400)]);
        let next = pages.len() - 4;
        pages[next] = 8;
        assert!(TiffPage::only(&pages).is_none(), "a second page");
        assert!(TiffPage::only(&page(&[(SUBFILES, 4, 1, 8)])).is_none(), "a subfile");
        for file in [b"II*\0".as_slice(), b"", b"II*\0\xFF\xFF\xFF\xFF", b"II\x01\0\x08\0\0\0\0\0\0\0\0\0"] {
            assert!(TiffPage::only(file).is_none(), "{file:?}");
        }
    }

    #[test]
    fn tells_values_outside_of_the_file_from_missing_ones() {
        let file = page(&[(1, 7, 100, 8), (2, 99, 1, 0), (3, 5, u32::MAX, 0), (4, 4, 2, 0)]);
        let page = TiffPage::only(&file).expect("has one page");
        assert_eq!([1, 3].map(|tag| page.values(tag)), [TagValues::Outside; 2]);
        assert_eq!(page.values(2), TagValues::Unknown);
        assert_eq!(page.values(4), TagValues::Found { bytes: &file[..8], size: 4 });
        for length in 0..file.len() {
            if let Some(page) = TiffPage::only(&file[..length]) {
                let _ = [1, 2, 3, 4].map(|tag| (page.values(tag), page.integer(tag)));
            }
        }
    }
}
