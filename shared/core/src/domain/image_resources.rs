//! Photoshop's image resources in JPEG, TIFF and PSD: dividing them into blocks, and a look at those of a file that is
//! to get a clipping path. A file that contradicts itself there is refused before anything is decoded.
//!
//! Source: Adobe, "Photoshop File Formats Specification", November 2019, section "Image resource blocks".

use super::jpeg_segments::{START_OF_SCAN, segments};
use super::kind::ImageKind;
use super::tiff_page::{TagValues, TiffPage};

/// The problem of a TIFF whose resources end behind the file.
pub const OUTSIDE_OF_TIFF: &str = "tag 34377 lies outside of the file";

/// The signature of Photoshop's own blocks.
const PHOTOSHOP: [u8; 4] = *b"8BIM";

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The id; `None` for a block of another program, whose ids mean something else.
    pub id: Option<u16>,
    /// Its name, which most blocks leave empty.
    pub name: &'a [u8],
    /// Its content, without padding.
    pub data: &'a [u8],
    /// The whole block as stored, with the zeros behind it. The last block of a file may lack its padding.
    pub bytes: &'a [u8],
}

/// Why the rest of the resources cannot be divided into blocks, as a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// A block is longer than the resources. Holds its id.
    #[error("Photoshop's resource {0} is longer than its section")]
    TooLong(u16),
    /// Something other than a block.
    #[error("Photoshop's resources hold something unknown")]
    NoBlock,
}

/// The blocks of image resources, in order. After a fault there are no more.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// The blocks of resources that were taken out of their file.
    pub fn of(resources: &'a [u8]) -> Self {
        // Some programs write nothing but zeros.
        Self { rest: &resources[zeros(resources)..] }
    }

    /// A signature, an id, a name behind its length in one byte, data behind its length in four. Name and data are
    /// padded to even lengths.
    fn split_first(&self) -> Result<(Block<'a>, &'a [u8]), BlockFault> {
        let (signature, rest) = self.rest.split_first_chunk::<4>().ok_or(BlockFault::NoBlock)?;
        // Photoshop's, or that of another program: `MeSa`, `PHUT`, `AgHg`, `DCSR`, …
        if !signature.iter().all(u8::is_ascii_alphanumeric) {
            return Err(BlockFault::NoBlock);
        }
        let (id, rest) = rest.split_first_chunk::<2>().ok_or(BlockFault::NoBlock)?;
        let id = u16::from_be_bytes(*id);
        let (name, data, rest) = name_and_data(rest).ok_or(BlockFault::TooLong(id))?;
        // Padding, also more of it than the format asks for.
        let rest = &rest[zeros(rest)..];
        let bytes = &self.rest[..self.rest.len() - rest.len()];
        Ok((Block { id: (*signature == PHOTOSHOP).then_some(id), name, data, bytes }, rest))
    }
}

/// The name, the data, and what follows them.
fn name_and_data(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_length, rest) = bytes.split_first()?;
    let name = rest.get(..usize::from(*name_length))?;
    let rest = bytes.get((name.len() + 1).next_multiple_of(2)..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (data, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((name, data, rest.get(data.len() % 2..).unwrap_or_default()))
}

/// The number of zeros at the start.
fn zeros(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == 0).count()
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, BlockFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.split_first() {
            Ok((block, rest)) => {
                self.rest = rest;
                Some(Ok(block))
            }
            Err(fault) => {
                self.rest = &[];
                Some(Err(fault))
            }
        }
    }
}

/// The message about a file whose resources cannot be divided into blocks, and so cannot get a path. `None` if they can,
/// if the file has none, and if finding them takes more than a look at the header: in a TIFF of several pages, and in a
/// file that ends early.
pub fn refusal(file: &[u8]) -> Option<String> {
    let kind = ImageKind::sniff(file)?;
    let problem = match kind {
        ImageKind::Jpeg => fault(&of_jpeg(file)?),
        ImageKind::Tiff => match TiffPage::only(file)?.values(TIFF_TAG) {
            TagValues::Found { bytes, .. } => fault(bytes),
            TagValues::Outside => Some(OUTSIDE_OF_TIFF.to_owned()),
            TagValues::Unknown => None,
        },
        ImageKind::Psd => fault(of_psd(file)?),
        ImageKind::Png | ImageKind::Webp | ImageKind::Gif | ImageKind::Avif | ImageKind::Svg | ImageKind::Heic => None,
    };
    problem.map(|problem| kind.damaged(&problem))
}

/// The tag of a TIFF with the resources.
const TIFF_TAG: u16 = 34_377;

fn fault(resources: &[u8]) -> Option<String> {
    Blocks::of(resources).find_map(Result::err).map(|fault| fault.to_string())
}

/// The resources of a JPEG, joined from its segments; `None` if the file ends before its pixels.
fn of_jpeg(file: &[u8]) -> Option<Vec<u8>> {
    const APP13: u8 = 0xED;
    const SIGNATURE: &[u8] = b"Photoshop 3.0\0";
    let mut resources = Vec::new();
    for segment in segments(file) {
        match segment.marker {
            APP13 => resources.extend(segment.content.strip_prefix(SIGNATURE).unwrap_or_default()),
            START_OF_SCAN => return Some(resources),
            _ => {}
        }
    }
    None
}

/// The resources of a PSD: the section behind the palette, which follows a header of 26 bytes.
fn of_psd(file: &[u8]) -> Option<&[u8]> {
    let (_palette, rest) = section(file.get(26..)?)?;
    section(rest).map(|(resources, _)| resources)
}

/// A section behind its length, and what follows it.
fn section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::tiff_page::tests::page;
    use super::*;

    /// A block of four bytes that states this length.
    fn block(length: u32) -> Vec<u8> {
        [b"8BIM\x04\x0C\0\0".as_slice(), &length.to_be_bytes(), b"data"].concat()
    }

    fn jpeg(resources: &[&[u8]]) -> Vec<u8> {
        let mut file = b"\xFF\xD8\xFF\xED\0\x07Adobe".to_vec();
        for part in resources {
            file.extend([0xFF, 0xED]);
            file.extend((16 + part.len() as u16).to_be_bytes());
            file.extend([b"Photoshop 3.0\0", *part].concat());
        }
        file.extend(b"\xFF\xDA\0\x02pixels");
        file
    }

    fn tiff(resources: &[u8]) -> Vec<u8> {
        [page(&[(TIFF_TAG, 7, resources.len() as u32, 26)]), resources.to_vec()].concat()
    }

    fn psd(resources: &[u8]) -> Vec<u8> {
        let length = (resources.len() as u32).to_be_bytes();
        [b"8BPS\0\x01", [0; 20].as_slice(), b"\0\0\0\x01p", &length, resources, b"layers"].concat()
    }

    #[test]
    fn a_length_that_lies_is_refused_in_every_kind_that_takes_a_path() {
        let lies = block(5);
        let first_is_right = [block(4), block(u32::MAX)].concat();
        for resources in [lies.as_slice(), &first_is_right] {
            let problem = "Photoshop's resource 1036 is longer than its section; export it again";
            assert_eq!(refusal(&jpeg(&[resources])), Some(format!("damaged JPEG: {problem}")));
            assert_eq!(refusal(&tiff(resources)), Some(format!("damaged TIFF: {problem}")));
            assert_eq!(refusal(&psd(resources)), Some(format!("damaged PSD: {problem}")));
        }
        let unknown = "damaged PSD: Photoshop's resources hold something unknown; export it again";
        assert_eq!(refusal(&psd(b"8BI")).as_deref(), Some(unknown));
        let mut cut = tiff(&block(4));
        cut.pop();
        let outside = "damaged TIFF: tag 34377 lies outside of the file; export it again";
        assert_eq!(refusal(&cut).as_deref(), Some(outside));
    }

    #[test]
    fn honest_files_and_what_cannot_be_seen_at_once_pass() {
        let right = [block(4), block(4)].concat();
        // Split within a block.
        for file in [jpeg(&[&right]), jpeg(&[&right[..9], &right[9..]]), jpeg(&[]), jpeg(&[b"\0\0"])] {
            assert_eq!(refusal(&file), None);
        }
        for file in [tiff(&right), psd(&right), psd(b""), page(&[(256, 3, 1, 9)])] {
            assert_eq!(refusal(&file), None);
        }
        let lies = block(5);
        let mut of_two_pages = tiff(&lies);
        of_two_pages[22] = 8;
        let no_scan = jpeg(&[&lies]);
        let no_scan = &no_scan[..no_scan.len() - 10];
        for file in [of_two_pages.as_slice(), no_scan, &psd(&lies)[..40], b"\x89PNG\r\n\x1A\n", b"text", b""] {
            assert_eq!(refusal(file), None, "{file:?}");
        }
    }
}
