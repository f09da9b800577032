//! What a file tells about its picture beside the pixels: which way up it is, its resolution, who made it and whose
//! it is. Places, serial numbers and the names of who is shown are not looked at.

pub(super) mod ifd;
pub(super) mod photoshop;
pub(super) mod xmp;

use image::metadata::Orientation;

use self::ifd::Ifd;
use crate::photo::ImageMetadata;

/// The longest text that is kept, in characters.
const MAX_TEXT: usize = 1024;
/// The resolutions that are believed, in dots per inch.
const DPI: std::ops::RangeInclusive<f64> = 1.0..=100_000.0;

/// Where a kind of file keeps its metadata. Empty where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources<'a> {
    /// A TIFF header and its entries, with or without the `Exif` mark before it.
    pub(super) exif: Option<&'a [u8]>,
    /// Photoshop's image resources.
    pub(super) photoshop: Option<&'a [u8]>,
    /// IPTC records that do not stand among the image resources.
    pub(super) iptc: Option<&'a [u8]>,
    pub(super) xmp: Option<&'a [u8]>,
    /// Dots per inch by the container itself. They count before all others.
    pub(super) dpi: Option<f64>,
    /// By the container itself. They count after all others.
    pub(super) artist: Option<String>,
    pub(super) copyright: Option<String>,
}

impl Sources<'_> {
    /// Puts together what the sources tell. Exif counts before IPTC, and that before XMP.
    pub(super) fn metadata(&self) -> ImageMetadata {
        let exif = self.exif.and_then(directory);
        let photoshop = |id| self.photoshop.and_then(|bytes| photoshop::resource(bytes, id));
        let iptc = self.iptc.or_else(|| photoshop(photoshop::IPTC)).map(photoshop::iptc).unwrap_or_default();
        let xmp = self.xmp.map(xmp::read).unwrap_or_default();
        let of_exif = |tag| exif.and_then(|exif| exif.bytes(tag)).map(exif_text);
        let dpi = self.dpi.filter(|dpi| DPI.contains(dpi));
        let dpi = dpi.or_else(|| exif.as_ref().and_then(resolution));
        let dpi = dpi.or_else(|| photoshop(photoshop::RESOLUTION).and_then(photoshop::dpi));
        ImageMetadata {
            dpi: dpi.filter(|dpi| DPI.contains(dpi)).map(|dpi| dpi as f32),
            artist: first([of_exif(ifd::ARTIST), iptc.artist, xmp.artist, self.artist.clone()]),
            copyright: first([of_exif(ifd::COPYRIGHT), iptc.copyright, xmp.copyright, self.copyright.clone()]),
            credit: first([iptc.credit, xmp.credit]),
            ..ImageMetadata::default()
        }
    }

    /// Which way up the picture is, by its Exif data. What cannot be read tells nothing.
    pub(super) fn orientation(&self) -> Orientation {
        self.exif.and_then(directory).as_ref().map_or(Orientation::NoTransforms, orientation)
    }
}

/// The first directory of an Exif block.
fn directory(exif: &[u8]) -> Option<Ifd<'_>> {
    Ifd::first(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

/// Which way up the picture of a directory is.
pub(super) fn orientation(ifd: &Ifd<'_>) -> Orientation {
    let told = ifd.whole(ifd::ORIENTATION).and_then(|told| u8::try_from(told).ok());
    told.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

/// The resolution that a directory tells, in dots per inch.
pub(super) fn resolution(ifd: &Ifd<'_>) -> Option<f64> {
    let dots = ifd.fraction(ifd::X_RESOLUTION)?;
    let dpi = match ifd.whole(ifd::RESOLUTION_UNIT).unwrap_or(2) {
        2 => dots,
        3 => dots * 2.54,
        // No unit: a shape of the pixels and no size.
        _ => return None,
    };
    DPI.contains(&dpi).then_some(dpi)
}

/// Text of Exif: ASCII by the standard, UTF-8 or Latin 1 in practice. After a zero there may be a second one, the
/// editor's copyright.
fn exif_text(bytes: &[u8]) -> String {
    let mut parts = bytes.split(|byte| *byte == 0).map(|part| match std::str::from_utf8(part) {
        Ok(text) => text.to_owned(),
        Err(_) => part.iter().map(|byte| char::from(*byte)).collect(),
    });
    parts.find(|part| !part.trim().is_empty()).unwrap_or_default()
}

/// The first text that says something, tidied.
fn first<const N: usize>(texts: [Option<String>; N]) -> Option<String> {
    texts.into_iter().flatten().map(|text| tidy(&text)).find(|text| !text.is_empty())
}

/// Without control characters and marks that change the direction of what follows; cut to a length.
pub(super) fn tidy(text: &str) -> String {
    let hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    // A line break parts words.
    let shown = text.chars().map(|character| if matches!(character, '\n' | '\r' | '\t') { ' ' } else { character });
    let kept: String =
        shown.filter(|character| !hidden(*character)).skip_while(|c| c.is_whitespace()).take(MAX_TEXT).collect();
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_tidied_and_cut() {
        assert_eq!(tidy("  a\u{0}b\u{1B}[1m\nc\u{202E} "), "ab[1m c");
        assert_eq!(tidy(&"ä".repeat(2000)).chars().count(), MAX_TEXT);
        assert_eq!(tidy(" \0 "), "");
    }

    #[test]
    fn exif_counts_before_iptc_and_that_before_the_container() {
        let iptc = b"\x1C\x02\x50\0\x03Bob\x1C\x02\x74\0\x02me";
        let exif = b"II*\0\x08\0\0\0\x01\0\x3B\x01\x02\0\x04\0\0\0Ann\0\0\0\0\0";
        let sources = Sources {
            exif: Some(exif),
            iptc: Some(iptc),
            artist: Some("Zed".into()),
            copyright: Some("Zed".into()),
            dpi: Some(0.0),
            ..Sources::default()
        };
        let metadata = sources.metadata();
        assert_eq!(
            (metadata.artist.as_deref(), metadata.copyright.as_deref(), metadata.dpi),
            (Some("Ann"), Some("me"), None)
        );
    }
}
