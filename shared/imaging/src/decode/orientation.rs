//! Which way up a photograph is, by its Exif data.

use image::metadata::Orientation;

/// The orientation that an Exif block tells, as the file holds it: a TIFF header and its entries, with or
/// without the `Exif` mark before it. What cannot be read tells nothing.
pub(super) fn of_exif(exif: Option<&[u8]>) -> Orientation {
    let told = exif.and_then(|exif| Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)));
    told.unwrap_or(Orientation::NoTransforms)
}

/// The Exif block of a PNG. It may stand after the pixels, where a decoder that stops there has not read
/// it, so the chunks are walked here.
pub(super) fn png_exif(bytes: &[u8]) -> Option<&[u8]> {
    // After the signature, each chunk: length of the data, type, data, checksum.
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (data, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if kind == b"eXIf" {
            return Some(data);
        }
        rest = after.get(4..)?;
    }
}
