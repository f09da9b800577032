//! A file's metadata: resolution, orientation and credits.
//!
//! Locations, serial numbers and the names of people shown are read only for pictures that keep all metadata (`kept`).

pub(super) mod channels;
pub(crate) mod ifd;
pub(super) mod kept;
mod packet;
pub(super) mod photoshop;
mod text;
mod xmp;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use image::metadata::Orientation;

use self::ifd::Ifd;
use crate::photo::ImageMetadata;

pub(crate) use self::packet::{Edit, Packet, escaped};
pub(super) use self::text::{clean_text, decode_text};

/// Plausible resolutions in dots per inch. Others are ignored.
const DPI_RANGE: RangeInclusive<f64> = 1.0..=100_000.0;

/// Centimeters per inch.
pub(super) const CM_PER_INCH: f64 = 2.54;

/// The places in a file where its metadata is.
#[derive(Debug, Clone, Default)]
pub(super) struct MetadataSources<'a> {
    /// An Exif block: a TIFF header and its directories, with or without a leading `Exif\0\0`.
    pub(super) exif: Option<&'a [u8]>,
    /// Photoshop's image resources.
    pub(super) photoshop: Option<Cow<'a, [u8]>>,
    /// IPTC records outside of the image resources.
    pub(super) iptc: Option<&'a [u8]>,
    /// An XMP packet.
    pub(super) xmp: Option<Cow<'a, [u8]>>,
    /// What follows the header of segments with parts of an extended XMP packet.
    pub(super) extended_xmp: Vec<&'a [u8]>,
    /// Dots per inch by the container itself. Takes precedence over all other sources.
    pub(super) dpi: Option<f64>,
    /// The artist by the container itself. All other sources take precedence.
    pub(super) artist: Option<String>,
    /// The copyright notice by the container itself. All other sources take precedence.
    pub(super) copyright: Option<String>,
}

impl MetadataSources<'_> {
    /// Merges the sources. Exif takes precedence over IPTC, and IPTC over XMP.
    pub(super) fn merge(&self) -> ImageMetadata {
        let exif = self.exif.and_then(exif_directory);
        let exif_text = |tag| exif.and_then(|exif| exif.bytes(tag)).map(exif_text);
        let resource = |id| self.photoshop.as_deref().and_then(|bytes| photoshop::resource(bytes, id));
        let iptc = self.iptc.or_else(|| resource(photoshop::IPTC)).map(photoshop::read_iptc).unwrap_or_default();
        let xmp = self.xmp.as_deref().map(xmp::read).unwrap_or_default();
        let plausible = |dpi: &f64| DPI_RANGE.contains(dpi);
        let dpi = self
            .dpi
            .filter(plausible)
            .or_else(|| exif.as_ref().and_then(resolution))
            .or_else(|| resource(photoshop::RESOLUTION).and_then(photoshop::dpi))
            .filter(plausible);
        ImageMetadata {
            dpi: dpi.map(|dpi| dpi as f32),
            artist: first_text([exif_text(ifd::ARTIST), iptc.artist, xmp.artist, self.artist.clone()]),
            copyright: first_text([exif_text(ifd::COPYRIGHT), iptc.copyright, xmp.copyright, self.copyright.clone()]),
            credit: first_text([iptc.credit, xmp.credit]),
            digital_source_type: xmp.digital_source_type,
            ..ImageMetadata::default()
        }
    }

    /// Whether the Exif block says that colors are Adobe RGB: by DCF 2.0, section 3.1.3.2, or by the code that some
    /// cameras write in its place.
    pub(super) fn is_adobe_rgb(&self) -> bool {
        const SRGB: u64 = 1;
        const ADOBE_RGB: u64 = 2;
        let exif = self.exif.and_then(exif_directory).and_then(|ifd| ifd.directory(ifd::EXIF));
        exif.is_some_and(|exif| match exif.integer(ifd::COLOR_SPACE) {
            Some(SRGB) => false,
            Some(ADOBE_RGB) => true,
            _ => {
                let interoperability = exif.directory(ifd::INTEROPERABILITY);
                let index = interoperability.and_then(|ifd| ifd.bytes(ifd::INTEROPERABILITY_INDEX));
                index.is_some_and(|index| index.starts_with(b"R03"))
            }
        })
    }

    /// The orientation by the Exif block; none if that is missing or unreadable.
    pub(super) fn orientation(&self) -> Orientation {
        self.exif.and_then(exif_directory).as_ref().map_or(Orientation::NoTransforms, orientation)
    }
}

/// The first directory of an Exif block.
fn exif_directory(exif: &[u8]) -> Option<Ifd<'_>> {
    Ifd::first(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

/// The orientation by tag 274 of a directory.
pub(super) fn orientation(ifd: &Ifd<'_>) -> Orientation {
    let code = ifd.integer(ifd::ORIENTATION).and_then(|code| u8::try_from(code).ok());
    code.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

/// The horizontal resolution of a directory in dots per inch, if it has a unit and is plausible.
pub(super) fn resolution(ifd: &Ifd<'_>) -> Option<f64> {
    const INCH: u64 = 2;
    const CENTIMETER: u64 = 3;
    let resolution = ifd.rational(ifd::X_RESOLUTION)?;
    let dpi = match ifd.integer(ifd::RESOLUTION_UNIT).unwrap_or(INCH) {
        INCH => resolution,
        CENTIMETER => resolution * CM_PER_INCH,
        // No unit: only the ratio of a pixel's sides.
        _ => return None,
    };
    DPI_RANGE.contains(&dpi).then_some(dpi)
}

/// An Exif text. After a zero byte a second one may follow, the editor's copyright; the first that is not blank counts.
fn exif_text(bytes: &[u8]) -> String {
    let mut texts = bytes.split(|byte| *byte == 0).map(decode_text);
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// The first text that is not blank, cleaned.
fn first_text<const N: usize>(texts: [Option<String>; N]) -> Option<String> {
    texts.into_iter().flatten().map(|text| clean_text(&text)).find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exif_precedes_iptc_and_iptc_precedes_the_container() {
        let iptc = b"\x1C\x02\x50\0\x03Bob\x1C\x02\x74\0\x02me";
        let exif = b"II*\0\x08\0\0\0\x01\0\x3B\x01\x02\0\x04\0\0\0Ann\0\0\0\0\0";
        let sources = MetadataSources {
            exif: Some(exif),
            iptc: Some(iptc),
            artist: Some("Zed".into()),
            copyright: Some("Zed".into()),
            dpi: Some(0.0),
            ..MetadataSources::default()
        };
        let metadata = sources.merge();
        assert_eq!(
            (metadata.artist.as_deref(), metadata.copyright.as_deref(), metadata.dpi),
            (Some("Ann"), Some("me"), None)
        );
    }
}
