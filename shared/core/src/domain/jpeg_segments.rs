//! The segments of a JPEG up to its first scan (ITU-T T.81, annex B), for looks at the header.

/// The most segments that are passed.
const MAX_SEGMENTS: usize = 10_000;

/// The marker of the segment in front of the pixels.
pub(super) const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    /// Its content, which ends early if the file does.
    pub(super) content: &'a [u8],
}

/// The segments up to the first scan, whose own segment is the last one. They end early at what is no segment.
pub(super) fn segments(file: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = file.get(2..).unwrap_or_default();
    let next = move || {
        loop {
            let at = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
            let (marker, after) = (rest[at + 1], &rest[at + 2..]);
            match marker {
                // These two kinds have no content.
                0x01 | 0xD0..=0xD7 => rest = after,
                END_OF_IMAGE => return None,
                marker => {
                    // Counts its own two bytes.
                    let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                    let content = after.get(2..length.min(after.len()))?;
                    rest = after.get(length..).filter(|_| marker != START_OF_SCAN).unwrap_or_default();
                    return Some(Segment { marker, content });
                }
            }
        }
    };
    std::iter::from_fn(next).take(MAX_SEGMENTS)
}

/// The content of the frame header, which is in front of the first scan.
pub(super) fn frame(file: &[u8]) -> Option<&[u8]> {
    // Huffman tables, reserved, and arithmetic conditioning are no frames.
    let is_frame = |marker: u8| matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
    segments(file).find(|segment| is_frame(segment.marker)).map(|segment| segment.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_stray_bytes_and_ends_with_the_first_scan() {
        let file = b"\xFF\xD8\xFF\xE0\0\x04ab\0\0\xFF\xFF\xFF\xD0\xFF\xED\0\x02\xFF\xDA\0\x03c\xFF\xE1\0\x03d";
        let found: Vec<_> = segments(file).map(|segment| (segment.marker, segment.content)).collect();
        assert_eq!(found, [(0xE0, b"ab".as_slice()), (0xED, b""), (START_OF_SCAN, b"c")]);
        for (file, count) in [(&file[..7], 1), (&file[..3], 0), (b"", 0), (b"\xFF\xD8\xFF\xE0\0\x01ab", 0)] {
            assert_eq!(segments(file).count(), count, "{file:?}");
        }
        assert_eq!(segments(b"\xFF\xD8\xFF\xD9\xFF\xE0\0\x02").count(), 0, "after the end");
    }
}
