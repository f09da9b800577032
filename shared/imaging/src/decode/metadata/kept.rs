//! All metadata of a file, for pictures that keep them.

mod exif;
mod extension;
mod iptc;

use super::ifd::Ifd;
use super::packet::Packet;
use super::{MetadataSources, exif_directory, photoshop};
use crate::source_metadata::SourceMetadata;

const DAMAGED_XMP: &str = "The XMP metadata of the file were not kept: they are damaged, or longer than 4 MB.";
const DAMAGED_EXTENSION: &str =
    "A part of the file's XMP metadata, the extension, was not kept: it is damaged, or longer than 4 MB.";

/// The metadata of a file, and a sentence for the caller about each part of it that cannot be kept.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The metadata that can be kept.
    pub metadata: SourceMetadata,
    /// The sentences.
    pub warnings: Vec<String>,
}

impl MetadataSources<'_> {
    /// All metadata of the sources.
    pub(in crate::decode) fn kept(&self) -> Kept {
        self.kept_with(self.exif.and_then(exif_directory).as_ref())
    }

    /// The same, with the tags of this directory in place of the first one of the Exif block.
    pub(in crate::decode) fn kept_with(&self, exif: Option<&Ifd<'_>>) -> Kept {
        let mut warnings = Vec::new();
        let xmp = self.kept_xmp(&mut warnings);
        let of_photoshop = || self.photoshop.as_deref().and_then(|bytes| photoshop::resource(bytes, photoshop::IPTC));
        let iptc = self.iptc.or_else(of_photoshop).map(|bytes| iptc::read(bytes, &mut warnings)).unwrap_or_default();
        let exif = exif.map(|exif| exif::read(exif, &mut warnings)).unwrap_or_default();
        Kept { metadata: SourceMetadata { exif, xmp, iptc }, warnings }
    }

    fn kept_xmp(&self, warnings: &mut Vec<String>) -> Option<String> {
        let packet = self.xmp.as_deref()?;
        let text = std::str::from_utf8(packet).ok().map(|text| text.trim_matches(['\u{FEFF}', '\0']));
        let Some((text, packet)) = text.and_then(|text| Some((text, Packet::parse(text)?))) else {
            warnings.push(DAMAGED_XMP.to_owned());
            return None;
        };
        match extension::joined(&packet, &self.extended_xmp) {
            Ok(joined) => Some(joined.unwrap_or_else(|| text.to_owned())),
            Err(extension::Damaged) => {
                warnings.push(DAMAGED_EXTENSION.to_owned());
                Some(text.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn a_damaged_packet_is_left_out_with_a_warning() {
        for packet in [&b"<x:xmpmeta"[..], b"\xFF\xFE<\0", b""] {
            let sources = MetadataSources { xmp: Some(Cow::Borrowed(packet)), ..MetadataSources::default() };
            let kept = sources.kept();
            assert_eq!((kept.metadata, kept.warnings), (SourceMetadata::default(), vec![DAMAGED_XMP.to_owned()]));
        }
        assert!(MetadataSources::default().kept().warnings.is_empty());
    }
}
