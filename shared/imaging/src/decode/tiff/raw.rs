//! Camera raw in the guise of TIFF: DNG, NEF, CR2, ARW and others. Their pages are thumbnails, or samples of a sensor.

use super::kind::KIND;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const DNG_VERSION: u16 = 50_706;
/// Most directories that are searched.
const MAX_DIRECTORIES: usize = 64;

/// Refuses camera raw.
pub(super) fn refuse(bytes: &[u8], first: &Ifd<'_>) -> Result<(), Error> {
    // CR2 says so after the TIFF header, and DNG by a tag.
    let is_raw = bytes.get(8..10) == Some(b"CR") || first.bytes(DNG_VERSION).is_some() || has_sensor_samples(first);
    if is_raw {
        return Err(Error::unsupported(KIND, "camera raw", "develop it first, and send the JPEG or TIFF"));
    }
    Ok(())
}

/// Whether a page or a subfile holds the samples of a sensor.
fn has_sensor_samples(first: &Ifd<'_>) -> bool {
    let pages = first.chain().flat_map(|page| std::iter::once(page).chain(page.subfiles()));
    pages.take(MAX_DIRECTORIES).any(|ifd| {
        // A filter array, or its samples interpolated.
        let photometric = matches!(ifd.integer(PHOTOMETRIC), Some(32_803 | 34_892));
        // Those of Sony, Epson, Nikon, Kodak and Pentax.
        photometric || matches!(ifd.integer(COMPRESSION), Some(32_767 | 32_769 | 34_713 | 65_000 | 65_535))
    })
}
