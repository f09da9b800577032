//! Resolution and credit in the standards that files use: XMP, IPTC and Exif.
//!
//! XMP holds up to 4,096 bytes of each credit text. For IPTC, texts are cut to its shorter limits, as the guidelines of
//! the Metadata Working Group ask.

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;

use super::ifd::{self, TagValue};
use crate::error::Cause;
use crate::file_colors::EmbeddedProfile;
use crate::photo::ImageMetadata;

/// Dots per inch where neither the caller nor the source states them.
const DEFAULT_DPI: f64 = 300.0;
/// The longest text, in bytes. All of them have to fit into one segment of a JPEG.
const MAX_TEXT: usize = 4096;

/// Exif tags.
mod tag {
    pub(super) const X_RESOLUTION: u16 = 0x011A;
    pub(super) const Y_RESOLUTION: u16 = 0x011B;
    pub(super) const RESOLUTION_UNIT: u16 = 0x0128;
    pub(super) const ARTIST: u16 = 0x013B;
    pub(super) const YCBCR_POSITIONING: u16 = 0x0213;
    pub(super) const COPYRIGHT: u16 = 0x8298;
    pub(super) const EXIF_DIRECTORY: u16 = 0x8769;
    pub(super) const EXIF_VERSION: u16 = 0x9000;
    pub(super) const COMPONENTS: u16 = 0x9101;
    pub(super) const FLASHPIX_VERSION: u16 = 0xA000;
    pub(super) const COLOR_SPACE: u16 = 0xA001;
    pub(super) const WIDTH: u16 = 0xA002;
    pub(super) const HEIGHT: u16 = 0xA003;
}

/// The color space in Exif data that is not sRGB.
const UNCALIBRATED: u16 = 0xFFFF;

/// The colors of a file, as Exif data names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExifColors {
    /// One component.
    Gray,
    /// sRGB.
    Srgb,
    /// Any other space, or an unknown one.
    Other,
}

impl ExifColors {
    pub(super) fn of(channels: Channels, profile: &EmbeddedProfile) -> Self {
        match (channels, profile) {
            (Channels::Alpha, _) => Self::Gray,
            (Channels::Rgba, EmbeddedProfile::Srgb) => Self::Srgb,
            (Channels::Rgba, EmbeddedProfile::Untagged | EmbeddedProfile::Icc(_)) => Self::Other,
        }
    }
}

/// The metadata that is written into a file. Texts are not empty, have no control characters and at most
/// [`MAX_TEXT`] bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileMetadata {
    /// Dots per inch, 1 to 32,767.
    pub(super) dpi: f64,
    /// The creator.
    pub(super) artist: Option<String>,
    /// The copyright notice.
    pub(super) copyright: Option<String>,
    /// The credit line.
    pub(super) credit: Option<String>,
}

impl FileMetadata {
    /// Metadata of the source; the resolution of the rendering, if it has one, takes precedence.
    pub(super) fn new(metadata: &ImageMetadata, rendering: &Rendering) -> Self {
        let of_source = metadata.dpi.map(f64::from).filter(|dpi| dpi.is_finite() && *dpi > 0.0);
        let dpi = rendering.dpi.map(|dpi| f64::from(dpi.get())).or(of_source).unwrap_or(DEFAULT_DPI);
        Self {
            dpi: dpi.clamp(1.0, 32_767.0),
            artist: clean(metadata.artist.as_deref()),
            copyright: clean(metadata.copyright.as_deref()),
            credit: clean(metadata.credit.as_deref()),
        }
    }

    /// Dots per inch as a fraction in thousandths.
    pub(super) fn dpi_in_thousandths(&self) -> TagValue {
        TagValue::Thousandths((self.dpi * 1000.0).round() as u32)
    }

    fn has_credit(&self) -> bool {
        self.artist.is_some() || self.copyright.is_some() || self.credit.is_some()
    }

    /// An XMP packet; `None` without credit.
    pub(super) fn xmp(&self) -> Option<Vec<u8>> {
        if !self.has_credit() {
            return None;
        }
        let mut packet = String::from(
            "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
             xmlns:photoshop=\"http://ns.adobe.com/photoshop/1.0/\">",
        );
        let mut put = |before: &str, text: &Option<String>, after: &str| {
            if let Some(text) = text {
                packet.push_str(before);
                packet.push_str(&escaped(text));
                packet.push_str(after);
            }
        };
        put("<dc:creator><rdf:Seq><rdf:li>", &self.artist, "</rdf:li></rdf:Seq></dc:creator>");
        put("<dc:rights><rdf:Alt><rdf:li xml:lang=\"x-default\">", &self.copyright, "</rdf:li></rdf:Alt></dc:rights>");
        put("<photoshop:Credit>", &self.credit, "</photoshop:Credit>");
        packet.push_str("</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>");
        Some(packet.into_bytes())
    }

    /// Data sets of IPTC's Information Interchange Model, in UTF-8; `None` without credit.
    pub(super) fn iptc(&self) -> Option<Vec<u8>> {
        if !self.has_credit() {
            return None;
        }
        let mut sets = Vec::new();
        let mut put = |record: u8, set: u8, value: &[u8]| {
            sets.extend([0x1C, record, set]);
            sets.extend((value.len() as u16).to_be_bytes());
            sets.extend(value);
        };
        // The character set: UTF-8.
        put(1, 90, b"\x1B%G");
        // The version of the model: 4.
        put(2, 0, &[0, 4]);
        for (set, text, max_bytes) in [(80, &self.artist, 32), (110, &self.credit, 32), (116, &self.copyright, 128)] {
            if let Some(text) = text {
                put(2, set, cut(text, max_bytes).as_bytes());
            }
        }
        Some(sets)
    }

    /// Exif data of a picture of this size, from the byte order mark on: without the prefix that a JPEG's segment adds.
    pub(super) fn exif(&self, (width, height): (u32, u32), colors: ExifColors) -> Result<Vec<u8>, Cause> {
        let components = if colors == ExifColors::Gray { [1, 0, 0, 0] } else { [1, 2, 3, 0] };
        let second_directory = [
            (tag::EXIF_VERSION, TagValue::Undefined(b"0232".to_vec())),
            (tag::COMPONENTS, TagValue::Undefined(components.to_vec())),
            (tag::FLASHPIX_VERSION, TagValue::Undefined(b"0100".to_vec())),
            (tag::COLOR_SPACE, TagValue::Short(vec![if colors == ExifColors::Other { UNCALIBRATED } else { 1 }])),
            (tag::WIDTH, TagValue::Long(vec![width])),
            (tag::HEIGHT, TagValue::Long(vec![height])),
        ];
        // The first directory points to the second, whose offset is its own length; that does not depend on the offset.
        let offset = self.exif_up_to_second_directory(0)?.len();
        let mut data = self.exif_up_to_second_directory(offset)?;
        ifd::append(&mut data, &second_directory)?;
        Ok(data)
    }

    /// The header and the first directory, which states where the second one begins.
    fn exif_up_to_second_directory(&self, offset: usize) -> Result<Vec<u8>, Cause> {
        let mut tags = vec![
            (tag::X_RESOLUTION, self.dpi_in_thousandths()),
            (tag::Y_RESOLUTION, self.dpi_in_thousandths()),
            // In inches.
            (tag::RESOLUTION_UNIT, TagValue::Short(vec![2])),
        ];
        tags.extend(self.artist.clone().map(|artist| (tag::ARTIST, TagValue::Ascii(artist))));
        tags.push((tag::YCBCR_POSITIONING, TagValue::Short(vec![1])));
        tags.extend(self.copyright.clone().map(|copyright| (tag::COPYRIGHT, TagValue::Ascii(copyright))));
        tags.push((tag::EXIF_DIRECTORY, TagValue::Long(vec![u32::try_from(offset)?])));
        let mut data = [ifd::HEADER.as_slice(), &8_u32.to_le_bytes()].concat();
        ifd::append(&mut data, &tags)?;
        Ok(data)
    }
}

/// The text trimmed, cut to [`MAX_TEXT`] bytes and without control characters and characters that XML forbids; `None` if
/// nothing is left.
fn clean(text: Option<&str>) -> Option<String> {
    let text: String = text?
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !matches!(letter, '\u{FFFE}' | '\u{FFFF}'))
        .collect();
    let text = cut(text.trim(), MAX_TEXT).trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The longest prefix of at most `max_bytes` bytes that ends between two characters.
fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> FileMetadata {
        let metadata = ImageMetadata {
            dpi: Some(72.5),
            artist: Some(" Ö <&> \0".to_owned()),
            copyright: Some("ü".repeat(10_000)),
            credit: Some("\n\t".to_owned()),
            ..ImageMetadata::default()
        };
        FileMetadata::new(&metadata, &Rendering::default())
    }

    #[test]
    fn cleans_and_bounds_text() {
        let metadata = sample();
        assert_eq!(metadata.artist.as_deref(), Some("Ö <&>"));
        assert_eq!(metadata.copyright.map(|text| text.len()), Some(MAX_TEXT));
        assert_eq!(metadata.credit, None);
    }

    #[test]
    fn resolution_comes_from_caller_then_source_then_default() {
        let dpi = |of_source, set: Option<u16>| {
            let metadata = ImageMetadata { dpi: of_source, ..ImageMetadata::default() };
            let dpi = set.map(|dpi| dpi.try_into().expect("in range"));
            FileMetadata::new(&metadata, &Rendering { dpi, ..Rendering::default() }).dpi
        };
        assert_eq!(dpi(Some(72.0), Some(150)), 150.0);
        assert_eq!(dpi(Some(72.0), None), 72.0);
        assert_eq!(dpi(None, None), DEFAULT_DPI);
        assert_eq!(dpi(Some(f32::NAN), None), DEFAULT_DPI);
        assert_eq!(dpi(Some(0.01), None), 1.0);
        assert_eq!(dpi(Some(f32::MAX), None), 32_767.0);
    }

    #[test]
    fn escapes_xml_and_cuts_iptc_between_characters() {
        let metadata = sample();
        let xmp = String::from_utf8(metadata.xmp().expect("has credit")).expect("is UTF-8");
        assert!(xmp.contains("<rdf:Description rdf:about=\"\""), "{xmp}");
        assert!(xmp.contains("Ö &lt;&amp;&gt;") && !xmp.contains("Credit>"), "{xmp}");
        let iptc = metadata.iptc().expect("has credit");
        let at = iptc.windows(3).position(|set| set == [0x1C, 2, 116]).expect("has a copyright notice");
        assert_eq!(iptc[at + 3..at + 5], [0, 128]);
        assert!(std::str::from_utf8(&iptc[at + 5..]).is_ok());
    }

    #[test]
    fn writes_no_credit_blocks_without_credit() {
        let metadata = FileMetadata::new(&ImageMetadata::default(), &Rendering::default());
        assert_eq!((metadata.xmp(), metadata.iptc()), (None, None));
    }
}
