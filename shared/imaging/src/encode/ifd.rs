//! Image file directories, the tag lists of TIFF files and Exif data: little-endian, with 32-bit offsets.

use crate::error::Cause;

/// The first bytes of a file with directories: byte order and version.
pub(super) const HEADER: [u8; 4] = *b"II*\0";

/// The value of a tag.
#[derive(Debug, Clone)]
pub(super) enum TagValue {
    /// Bytes.
    Byte(Vec<u8>),
    /// Text. Its terminating zero is added when it is written.
    Ascii(String),
    /// 16-bit numbers.
    Short(Vec<u16>),
    /// 32-bit numbers.
    Long(Vec<u32>),
    /// A number in thousandths, written as a fraction.
    Thousandths(u32),
    /// Bytes whose meaning depends on the tag.
    Undefined(Vec<u8>),
    /// Values of a file that was read: the code of their type, and the little-endian bytes.
    Stored { kind: u16, count: u32, bytes: Vec<u8> },
    /// Values of more than four bytes that are in the file already, at this offset.
    Placed { kind: u16, count: usize, offset: usize },
}

impl TagValue {
    /// The type's number, the count and the bytes.
    fn encoded(&self) -> (u16, usize, Vec<u8>) {
        match self {
            Self::Byte(bytes) => (1, bytes.len(), bytes.clone()),
            Self::Ascii(text) => (2, text.len() + 1, [text.as_bytes(), &[0]].concat()),
            Self::Short(values) => (3, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Self::Long(values) => (4, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Self::Thousandths(value) => {
                let (value, of) = if value % 1000 == 0 { (value / 1000, 1) } else { (*value, 1000) };
                (5, 1, [value.to_le_bytes(), u32::to_le_bytes(of)].concat())
            }
            Self::Undefined(bytes) => (7, bytes.len(), bytes.clone()),
            Self::Stored { kind, count, bytes } => (*kind, *count as usize, bytes.clone()),
            Self::Placed { kind, count, offset } => (*kind, *count, (*offset as u32).to_le_bytes().to_vec()),
        }
    }
}

/// Appends a directory to `file`, followed by the values that do not fit into its entries. Offsets count from the first
/// byte of `file`. The tags must be in ascending order.
pub(super) fn append(file: &mut Vec<u8>, tags: &[(u16, TagValue)]) -> Result<(), Cause> {
    debug_assert!(tags.is_sorted_by(|a, b| a.0 < b.0), "tags are in ascending order");
    let start = file.len() + 2 + tags.len() * 12 + 4;
    let mut outside: Vec<u8> = Vec::new();
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        let (kind, count, mut bytes) = value.encoded();
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(u32::try_from(count)?.to_le_bytes());
        if bytes.len() <= 4 {
            bytes.resize(4, 0);
            file.extend(bytes);
        } else {
            file.extend(u32::try_from(start + outside.len())?.to_le_bytes());
            outside.extend(bytes);
            // Values begin at even offsets; the file itself is even up to here.
            outside.resize(outside.len().next_multiple_of(2), 0);
        }
    }
    file.extend([0; 4]);
    file.extend(outside);
    Ok(())
}
