//! Whether a file is CMYK by its header, for requests that are refused before anything is decoded.
//!
//! Not a decoder: it checks nothing else, and a file that it cannot read has no inks as far as it knows.

use crate::domain::jpeg_segments::frame;
use crate::domain::kind::ImageKind;
use crate::domain::picture_size::be16;

/// Most entries of a TIFF's directory that are read.
const MAX_ENTRIES: u64 = 4096;
/// Most directories of a TIFF that are read.
const MAX_PAGES: usize = 100;

/// The color mode of a PSD.
const PSD_CMYK: u32 = 4;
/// The photometric interpretation of a TIFF.
const TIFF_SEPARATED: u64 = 5;

/// Whether the picture of a file is CMYK. False if the header cannot be read, or is not within these first bytes of a file.
pub fn has_inks(file: &[u8]) -> bool {
    match ImageKind::sniff(file) {
        // Bits per sample, height and width come before the number of components.
        Some(ImageKind::Jpeg) => frame(file).is_some_and(|frame| frame.get(5) == Some(&4)),
        Some(ImageKind::Psd) => be16(file, 24) == Some(PSD_CMYK),
        Some(ImageKind::Tiff) => Tiff::of(file).is_some_and(|(tiff, first)| tiff.has_inks(first)),
        _ => false,
    }
}

/// A TIFF file: its bytes, and the sizes of its fields in bytes.
#[derive(Clone, Copy)]
struct Tiff<'a> {
    file: &'a [u8],
    is_big_endian: bool,
    entry_count: u64,
    /// Offsets, and the counts of values.
    word: u64,
}

/// The tags of a page that tell whether it is the picture, and CMYK.
#[derive(Debug, Clone, Copy, Default)]
struct PageTags {
    width: u64,
    height: u64,
    photometric: Option<u64>,
    /// A reduced copy or a mask.
    is_secondary: bool,
}

impl<'a> Tiff<'a> {
    /// The file, and the offset of its first directory.
    fn of(file: &'a [u8]) -> Option<(Self, u64)> {
        let is_big_endian = file.first()? == &b'M';
        let classic = Self { file, is_big_endian, entry_count: 2, word: 4 };
        match classic.integer(2, 2)? {
            42 => Some((classic, classic.integer(4, 4)?)),
            43 => Some((Self { entry_count: 8, word: 8, ..classic }, classic.integer(8, 8)?)),
            _ => None,
        }
    }

    /// The number of `size` bytes at an offset.
    fn integer(&self, at: u64, size: u64) -> Option<u64> {
        let start = usize::try_from(at).ok()?;
        let bytes = self.file.get(start..start.checked_add(size as usize)?)?;
        let digit = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        Some(if self.is_big_endian { bytes.iter().fold(0, digit) } else { bytes.iter().rev().fold(0, digit) })
    }

    /// Whether the largest page is CMYK, the first of several. A reduced copy or a mask counts only if there is nothing else.
    fn has_inks(&self, first: u64) -> bool {
        let mut largest: Option<((bool, u64), PageTags)> = None;
        let mut next = first;
        for _ in 0..MAX_PAGES {
            if next == 0 {
                break;
            }
            let Some((page, after)) = self.page(next) else { return false };
            let rank = (!page.is_secondary, page.width.saturating_mul(page.height));
            if largest.is_none_or(|(most, _)| rank > most) {
                largest = Some((rank, page));
            }
            next = after;
        }
        largest.is_some_and(|(_, page)| page.photometric == Some(TIFF_SEPARATED))
    }

    /// The page of a directory, and the offset of the next one.
    fn page(&self, directory: u64) -> Option<(PageTags, u64)> {
        let count = self.integer(directory, self.entry_count)?;
        if count > MAX_ENTRIES {
            return None;
        }
        let (entries, length) = (directory.checked_add(self.entry_count)?, 4 + 2 * self.word);
        let mut page = PageTags::default();
        for entry in (0..count).map(|number| entries + number * length) {
            let value = || {
                let size = match self.integer(entry + 2, 2)? {
                    1 => 1,
                    3 => 2,
                    4 => 4,
                    16 => 8.min(self.word),
                    _ => return None,
                };
                self.integer(entry + 4 + self.word, size)
            };
            match self.integer(entry, 2)? {
                254 => page.is_secondary |= value().unwrap_or(0) & 0b101 != 0,
                255 => page.is_secondary |= value() == Some(2),
                256 => page.width = value().unwrap_or(0),
                257 => page.height = value().unwrap_or(0),
                262 => page.photometric = value(),
                _ => {}
            }
        }
        Some((page, self.integer(entries + count * length, self.word)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A classic TIFF of pages with these tags and values, as 32-bit numbers.
    fn tiff(is_big_endian: bool, pages: &[&[(u16, u32)]]) -> Vec<u8> {
        let short = |number: u16| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let long = |number: u32| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let mut file = if is_big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        file.extend(long(8));
        for (number, tags) in pages.iter().enumerate() {
            file.extend(short(tags.len() as u16));
            for (tag, value) in *tags {
                file.extend([short(*tag), short(4)].concat());
                file.extend([long(1), long(*value)].concat());
            }
            let next = if number + 1 == pages.len() { 0 } else { file.len() as u32 + 4 };
            file.extend(long(next));
        }
        file
    }

    fn jpeg(components: u8) -> Vec<u8> {
        // A thumbnail's frame within a segment does not count.
        let thumbnail = b"\xFF\xE1\0\x0C\xFF\xC0\0\x0B\x08\0\x01\0\x01\x04".as_slice();
        [b"\xFF\xD8".as_slice(), thumbnail, b"\xFF\xC0\0\x14\x08\x0B\xB8\x0F\xA0", &[components, 1]].concat()
    }

    #[test]
    fn jpegs_of_four_components_and_psds_in_cmyk_have_inks() {
        for (components, expected) in [(1, false), (3, false), (4, true)] {
            assert_eq!(has_inks(&jpeg(components)), expected, "{components}");
        }
        for (mode, expected) in [(1, false), (3, false), (4, true), (9, false)] {
            let header = b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\x0B\xB8\0\0\x0F\xA0\0\x08\0".as_slice();
            assert_eq!(has_inks(&[header, &[mode]].concat()), expected, "{mode}");
        }
    }

    #[test]
    fn the_largest_full_page_of_a_tiff_counts() {
        let page = |width, photometric| [(256, width), (257, 100), (262, photometric)];
        let copy = |width, photometric| [(254, 1), (256, width), (257, 100), (262, photometric)];
        for is_big_endian in [false, true] {
            let has_inks = |pages: &[&[(u16, u32)]]| has_inks(&tiff(is_big_endian, pages));
            assert!(has_inks(&[&page(100, 5)]));
            assert!(!has_inks(&[&page(100, 2)]));
            assert!(has_inks(&[&page(100, 2), &page(200, 5)]));
            assert!(!has_inks(&[&page(200, 2), &page(100, 5)]));
            assert!(!has_inks(&[&page(100, 2), &page(100, 5)]), "the first of equal ones");
            assert!(!has_inks(&[&page(100, 2), &copy(200, 5)]));
            assert!(has_inks(&[&copy(200, 5)]) && has_inks(&[&copy(100, 2), &copy(200, 5)]), "nothing but copies");
            assert!(has_inks(&[&[(262, 2)], &page(100, 5)]), "a page without a size is passed");
        }
    }

    #[test]
    fn a_big_tiff_has_longer_fields() {
        let mut file = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0".to_vec();
        for (tag, value) in [(256_u16, 40_u64), (257, 30), (262, 5)] {
            file.extend([tag.to_le_bytes(), 3_u16.to_le_bytes()].concat());
            file.extend([1, value].map(u64::to_le_bytes).concat());
        }
        file.extend([0; 8]);
        assert!(has_inks(&file));
    }

    #[test]
    fn a_header_that_ends_early_or_never_has_none() {
        let file = tiff(false, &[&[(256, 100), (257, 100), (262, 5)]]);
        for length in 0..file.len() {
            assert!(!has_inks(&file[..length]), "{length}");
        }
        // A directory that is its own successor.
        let mut circle = file.clone();
        let end = circle.len() - 4;
        circle[end..].copy_from_slice(&8_u32.to_le_bytes());
        assert!(has_inks(&circle));
        for other in [b"just a text".as_slice(), b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", b"II*\0\xFF\xFF\xFF\xFF", b""] {
            assert!(!has_inks(other), "{other:?}");
        }
    }
}
