//! Boxes, the structure of the container (ISO/IEC 14496-12, clause 4).

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;

type Result<T> = std::result::Result<T, Error>;

/// Type of a box: four letters.
pub(super) type BoxType = [u8; 4];

/// Most boxes of one parent that are read.
const MAX_BOXES: usize = 4096;

pub(super) fn damaged(problem: &'static str) -> Error {
    Error::damaged(ImageKind::Avif, problem)
}

/// The error of a container that may be valid and is not supported.
pub(super) fn unsupported(feature: impl Into<Cow<'static, str>>) -> Error {
    Error::unsupported(ImageKind::Avif, feature, "save it again as a plain file of one image")
}

/// Reads big-endian numbers from the front of some bytes.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The remaining bytes.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| damaged("a box is too short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A number of 0 to 8 bytes. Without bytes it is 0.
    pub(super) fn u64(&mut self, length: usize) -> Result<u64> {
        Ok(self.bytes(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of 0 to 8 bytes that must fit into 32 bits.
    pub(super) fn u32(&mut self, length: usize) -> Result<u32> {
        u32::try_from(self.u64(length)?).map_err(|_| damaged("a number is too large"))
    }

    /// Version and flags of a full box.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32)> {
        let word = self.u32(4)?;
        Ok(((word >> 24) as u8, word & 0xFF_FFFF))
    }
}

/// Splits bytes into boxes: type and content. Ends after the first error. Fewer than 8 trailing bytes are ignored.
pub(super) fn boxes(bytes: &[u8]) -> impl Iterator<Item = Result<(&BoxType, &[u8])>> {
    let mut rest = bytes;
    let next = move || {
        if rest.len() < 8 {
            return None;
        }
        let found = split_box(rest);
        rest = found.as_ref().map_or(&[][..], |(.., after)| after);
        Some(found.map(|(kind, content, _)| (kind, content)))
    };
    std::iter::from_fn(next).take(MAX_BOXES)
}

/// Type and content of the first box, and the bytes after it.
fn split_box(bytes: &[u8]) -> Result<(&BoxType, &[u8], &[u8])> {
    let outside = || damaged("a box ends outside its parent");
    let mut reader = Reader::new(bytes);
    let length = reader.u64(4)?;
    let kind = reader.bytes(4)?.first_chunk::<4>().ok_or_else(outside)?;
    let length = match length {
        // Up to the end of the parent.
        0 => bytes.len() as u64,
        // A longer length follows.
        1 => reader.u64(8)?,
        length => length,
    };
    let header = bytes.len() - reader.rest().len();
    let (whole, after) =
        usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length)).ok_or_else(outside)?;
    Ok((kind, whole.get(header..).ok_or_else(outside)?, after))
}

/// The content of the first box of a type.
pub(super) fn find<'a>(bytes: &'a [u8], kind: &BoxType) -> Result<Option<&'a [u8]>> {
    for found in boxes(bytes) {
        let (found, content) = found?;
        if found == kind {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// The content of the first box of a type that must exist.
pub(super) fn require<'a>(bytes: &'a [u8], kind: &BoxType) -> Result<&'a [u8]> {
    find(bytes, kind)?.ok_or_else(|| damaged("a box is missing"))
}
