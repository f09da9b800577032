//! Which of a file's pages is the picture.

use super::kind::KIND;
use super::{layout, raw};
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

const NEW_SUBFILE_TYPE: u16 = 254;
const SUBFILE_TYPE: u16 = 255;
const REDUCED: u64 = 1;
const MASK: u64 = 4;

/// A page, and what was left out for it.
pub(super) struct ChosenPage<'a> {
    pub(super) ifd: Ifd<'a>,
    /// Its place in the chain of directories; `None` if it is a subfile of the first.
    pub(super) index: Option<usize>,
    /// Its number among the full pages, from 1, and how many there are.
    number: usize,
    count: usize,
}

impl<'a> ChosenPage<'a> {
    /// The largest full page, the first of several; not a reduced copy or a mask. Files whose chain has reduced copies
    /// alone may have the picture in a subfile.
    ///
    /// # Errors
    /// [`Error::UnsupportedFeature`] for camera raw.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Error> {
        let first = Ifd::first(bytes).ok_or_else(|| Error::damaged(KIND, "the header or the directory is missing"))?;
        raw::refuse(bytes, &first)?;
        let chain = || first.chain().enumerate().map(|(index, ifd)| (Some(index), ifd));
        let subfiles = || first.subfiles().map(|ifd| (None, ifd));
        let full = |(_, ifd): &(Option<usize>, Ifd<'_>)| is_full(ifd);
        let chosen = Self::largest(chain().filter(full)).or_else(|| Self::largest(subfiles().filter(full)));
        let chosen = chosen.or_else(|| Self::largest(chain()));
        // Reports why the first page has no size.
        chosen.map_or_else(|| layout::size(&first).and(Err(Error::damaged(KIND, "it has no page"))), Ok)
    }

    fn largest(pages: impl Iterator<Item = (Option<usize>, Ifd<'a>)>) -> Option<Self> {
        let mut largest: Option<(u64, Self)> = None;
        let mut count = 0;
        for (index, ifd) in pages {
            let Ok((width, height)) = layout::size(&ifd) else { continue };
            count += 1;
            let pixels = u64::from(width) * u64::from(height);
            if largest.as_ref().is_none_or(|(most, _)| pixels > *most) {
                largest = Some((pixels, Self { ifd, index, number: count, count: 0 }));
            }
        }
        largest.map(|(_, page)| Self { count, ..page })
    }

    /// The warning about pages that are left out.
    pub(super) fn warning(&self) -> Option<String> {
        match (self.number, self.count) {
            (_, 0 | 1) => None,
            (1, count) => Some(format!("Only the first of {count} pages was used.")),
            (number, count) => Some(format!("Only page {number} of {count}, the largest, was used.")),
        }
    }
}

/// Whether a page is neither a reduced copy nor a mask.
fn is_full(ifd: &Ifd<'_>) -> bool {
    const OLD_REDUCED: u64 = 2;
    ifd.integer(NEW_SUBFILE_TYPE).unwrap_or(0) & (REDUCED | MASK) == 0 && ifd.integer(SUBFILE_TYPE) != Some(OLD_REDUCED)
}
