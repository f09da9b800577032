//! Directories of TIFF files and Exif blocks (TIFF 6.0, section 2; BigTIFF): tags and their values.
//!
//! Reads values only. Whatever cannot be read is treated as missing.

pub(in crate::decode) mod entries;
mod raw;

use std::collections::HashSet;

/// Most entries of a directory that are searched.
const MAX_ENTRIES: u64 = 4096;
/// Most directories of a chain.
const MAX_PAGES: usize = 10_000;
/// Most subfiles of a directory.
const MAX_SUBFILES: usize = 64;

pub(in crate::decode) const ORIENTATION: u16 = 274;
pub(in crate::decode) const X_RESOLUTION: u16 = 282;
pub(in crate::decode) const RESOLUTION_UNIT: u16 = 296;
pub(in crate::decode) const ARTIST: u16 = 315;
pub(in crate::decode) const EXTRA_SAMPLES: u16 = 338;
const SUBFILES: u16 = 330;
pub(in crate::decode) const XMP: u16 = 700;
pub(in crate::decode) const COPYRIGHT: u16 = 33_432;
pub(in crate::decode) const IPTC: u16 = 33_723;
pub(crate) const PHOTOSHOP: u16 = 34_377;
pub(in crate::decode) const ICC_PROFILE: u16 = 34_675;
pub(in crate::decode) const EXIF: u16 = 34_665;
pub(in crate::decode) const COLOR_SPACE: u16 = 40_961;
pub(in crate::decode) const INTEROPERABILITY: u16 = 40_965;
/// In the directory of interoperability alone.
pub(in crate::decode) const INTEROPERABILITY_INDEX: u16 = 1;

/// One directory of a TIFF file or an Exif block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ifd<'a> {
    /// The whole file or block: offsets count from its start.
    bytes: &'a [u8],
    big_endian: bool,
    layout: Layout,
    offset: u64,
}

/// Sizes in bytes of a directory's fields.
#[derive(Debug, Clone, Copy)]
struct Layout {
    entry_count: u64,
    entry: u64,
    /// Offsets, and the counts of values.
    word: u64,
}

const CLASSIC: Layout = Layout { entry_count: 2, entry: 12, word: 4 };
const BIG_TIFF: Layout = Layout { entry_count: 8, entry: 20, word: 8 };

/// Types of values (TIFF 6.0, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueType {
    /// BYTE.
    U8,
    /// SHORT.
    U16,
    /// LONG or IFD.
    U32,
    /// LONG8 or IFD8, of BigTIFF.
    U64,
    /// RATIONAL.
    Rational,
    /// Any other, by the size of a value in bytes.
    Other(u64),
}

impl ValueType {
    fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            1 => Self::U8,
            3 => Self::U16,
            4 => Self::U32,
            5 => Self::Rational,
            13 => Self::U32,
            16 | 18 => Self::U64,
            2 | 6 | 7 => Self::Other(1),
            8 => Self::Other(2),
            9 | 11 => Self::Other(4),
            10 | 12 => Self::Other(8),
            _ => return None,
        })
    }

    fn is_integer(self) -> bool {
        matches!(self, Self::U8 | Self::U16 | Self::U32 | Self::U64)
    }

    /// Bytes per value.
    fn size(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 | Self::Rational => 8,
            Self::Other(size) => size,
        }
    }
}

impl<'a> Ifd<'a> {
    /// The first directory of a file or block; `None` if it does not begin with a TIFF header.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.first_chunk()? {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let header = Self { bytes, big_endian, layout: CLASSIC, offset: 0 };
        match header.read(2, 2)? {
            42 => Some(Self { offset: header.read(4, 4)?, ..header }),
            43 => Some(Self { offset: header.read(8, 8)?, layout: BIG_TIFF, ..header }),
            _ => None,
        }
    }

    /// The directory that a tag of this one points to.
    pub(in crate::decode) fn directory(&self, tag: u16) -> Option<Self> {
        self.integer(tag).filter(|offset| *offset != 0).map(|offset| Self { offset, ..*self })
    }

    /// The directories of the chain that begins with this one. A cyclic chain ends where it repeats.
    pub(in crate::decode) fn chain(&self) -> impl Iterator<Item = Self> + use<'a> {
        let mut offsets = HashSet::new();
        let mut next = Some(*self);
        let follow = move || {
            let ifd = next.take()?;
            ifd.entry_count().filter(|_| offsets.insert(ifd.offset))?;
            next = ifd.next_offset().filter(|offset| *offset != 0).map(|offset| Self { offset, ..ifd });
            Some(ifd)
        };
        std::iter::from_fn(follow).take(MAX_PAGES)
    }

    /// The directories of the subfiles of this one.
    pub(in crate::decode) fn subfiles(&self) -> impl Iterator<Item = Self> + use<'a> {
        let ifd = *self;
        self.integers(SUBFILES)
            .take(MAX_SUBFILES)
            .filter(|offset| *offset != 0)
            .map(move |offset| Self { offset, ..ifd })
    }

    pub(in crate::decode) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// The bytes of a tag's values, of any type.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.value(tag).map(|(_, bytes)| bytes)
    }

    /// The first value of a tag with an unsigned integer type.
    pub(in crate::decode) fn integer(&self, tag: u16) -> Option<u64> {
        self.integers(tag).next()
    }

    /// The values of a tag with an unsigned integer type; of others none.
    pub(in crate::decode) fn integers(&self, tag: u16) -> impl Iterator<Item = u64> + use<'a> {
        let ifd = *self;
        let value = self.value(tag).filter(|(value_type, _)| value_type.is_integer());
        value.into_iter().flat_map(move |(value_type, bytes)| {
            bytes.chunks_exact(value_type.size() as usize).map(move |bytes| ifd.number(bytes))
        })
    }

    /// The first value of a tag with a rational or an unsigned integer type.
    pub(in crate::decode) fn rational(&self, tag: u16) -> Option<f64> {
        let (value_type, bytes) = self.value(tag)?;
        if value_type != ValueType::Rational {
            return self.integer(tag).map(|value| value as f64);
        }
        let (numerator, denominator) = (self.number(bytes.get(..4)?), self.number(bytes.get(4..8)?));
        (denominator != 0).then(|| numerator as f64 / denominator as f64)
    }

    fn entry_count(&self) -> Option<u64> {
        self.read(self.offset, self.layout.entry_count)
    }

    /// The offset of the next directory, which follows the entries; 0 after the last.
    fn next_offset(&self) -> Option<u64> {
        let entries = self.entry_count()?.checked_mul(self.layout.entry)?;
        let end = self.offset.checked_add(self.layout.entry_count)?.checked_add(entries)?;
        self.read(end, self.layout.word)
    }

    /// Type and bytes of a tag's values. They are in the entry itself if they fit, otherwise at the offset
    /// that the entry states.
    fn value(&self, tag: u16) -> Option<(ValueType, &'a [u8])> {
        let Layout { entry_count, entry: entry_size, word } = self.layout;
        let first = self.offset.checked_add(entry_count)?;
        let entry = (0..self.entry_count()?.min(MAX_ENTRIES))
            .map_while(|index| first.checked_add(index * entry_size))
            .find(|entry| self.read(*entry, 2) == Some(tag.into()))?;
        let value_type = ValueType::from_code(self.read(entry.checked_add(2)?, 2)?)?;
        let length = self.read(entry.checked_add(4)?, word)?.checked_mul(value_type.size())?;
        let mut start = entry.checked_add(4 + word)?;
        if length > word {
            start = self.read(start, word)?;
        }
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        Some((value_type, self.bytes.get(start..end)?))
    }

    /// A number of `length` bytes, at most 8.
    fn read(&self, at: u64, length: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        Some(self.number(self.bytes.get(at..at.checked_add(length as usize)?)?))
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian, one directory: orientation 6, a resolution of 300/2 and an artist of four letters.
    pub(super) fn block() -> Vec<u8> {
        let mut block = b"II*\0\x08\0\0\0\x03\0".to_vec();
        block.extend([0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        block.extend([0x1A, 1, 5, 0, 1, 0, 0, 0, 50, 0, 0, 0]);
        block.extend([0x3B, 1, 2, 0, 4, 0, 0, 0, b'A', b'n', b'n', 0]);
        block.extend([0; 4]);
        block.extend([44, 1, 0, 0, 2, 0, 0, 0]);
        block
    }

    #[test]
    fn reads_inline_and_distant_values() {
        let block = block();
        let ifd = Ifd::first(&block).expect("has a directory");
        assert_eq!(ifd.integer(ORIENTATION), Some(6));
        assert_eq!(ifd.rational(X_RESOLUTION), Some(150.0));
        assert_eq!(ifd.bytes(ARTIST), Some(b"Ann\0".as_slice()));
        assert_eq!(ifd.bytes(COPYRIGHT), None);
        assert_eq!(ifd.chain().count(), 1);
    }

    #[test]
    fn counts_the_pages_of_a_cyclic_chain_once() {
        let mut block = block();
        block[46] = 8;
        assert_eq!(Ifd::first(&block).expect("has a directory").chain().count(), 1);
    }

    #[test]
    fn ignores_values_outside_of_the_file() {
        let whole = block();
        for length in 0..whole.len() {
            if let Some(ifd) = Ifd::first(&whole[..length]) {
                let _ = (ifd.rational(X_RESOLUTION), ifd.chain().count());
            }
        }
        let mut far = whole;
        far[30] = 0xFF;
        far[33] = 0xFF;
        assert_eq!(Ifd::first(&far).expect("has a directory").rational(X_RESOLUTION), None);
    }
}
