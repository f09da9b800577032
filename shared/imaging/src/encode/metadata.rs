//! The metadata of a file: resolution, credit, and if they are kept, all metadata of the source. The modules `exif`,
//! `iptc` and `xmp` write them in these standards.
//!
//! XMP holds up to 4,096 bytes of each credit text. For IPTC, texts are cut to its shorter limits, as the guidelines of
//! the Metadata Working Group ask.

use std::sync::Arc;

use cutline_core::domain::rendering::{KeepMetadata, Rendering};

use super::ifd::TagValue;
use crate::digital_source_type::DigitalSourceType;
use crate::photo::ImageMetadata;
use crate::source_metadata::SourceMetadata;

/// Dots per inch where neither the caller nor the source states them.
const DEFAULT_DPI: f64 = 300.0;
/// The longest text, in bytes. All of them have to fit into one segment of a JPEG.
const MAX_TEXT: usize = 4096;

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
    /// What the picture was made from.
    pub(super) digital_source_type: Option<DigitalSourceType>,
    /// The metadata of the source, if all of them are kept.
    pub(super) all: Option<Arc<SourceMetadata>>,
}

impl FileMetadata {
    /// As much metadata of the source as the rendering keeps. Its resolution, if it has one, takes precedence.
    pub(super) fn new(metadata: &ImageMetadata, rendering: &Rendering) -> Self {
        let of_source = metadata.dpi.map(f64::from).filter(|dpi| dpi.is_finite() && *dpi > 0.0);
        let dpi = rendering.dpi.map(|dpi| f64::from(dpi.get())).or(of_source).unwrap_or(DEFAULT_DPI);
        let nothing = Self {
            dpi: dpi.clamp(1.0, 32_767.0),
            artist: None,
            copyright: None,
            credit: None,
            digital_source_type: None,
            all: None,
        };
        let credit = |all| Self {
            artist: clean(metadata.artist.as_deref()),
            copyright: clean(metadata.copyright.as_deref()),
            credit: clean(metadata.credit.as_deref()),
            digital_source_type: metadata.digital_source_type.clone(),
            all,
            ..nothing.clone()
        };
        match rendering.keep_metadata.unwrap_or_default() {
            KeepMetadata::None => nothing,
            KeepMetadata::Credit => credit(None),
            KeepMetadata::All => credit(metadata.all.clone()),
        }
    }

    /// Dots per inch as a fraction in thousandths.
    pub(super) fn dpi_in_thousandths(&self) -> TagValue {
        TagValue::Thousandths((self.dpi * 1000.0).round() as u32)
    }

    /// Whether there is a creator, a copyright notice or a credit line.
    pub(super) fn has_credit(&self) -> bool {
        self.artist.is_some() || self.copyright.is_some() || self.credit.is_some()
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
pub(super) fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
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

    #[test]
    fn without_metadata_the_resolution_stays_and_nothing_else() {
        let scheme = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture";
        let metadata = ImageMetadata {
            dpi: Some(72.0),
            artist: Some("Ann".to_owned()),
            copyright: Some("mine".to_owned()),
            credit: Some("Agency".to_owned()),
            digital_source_type: DigitalSourceType::of_uri(scheme),
            all: Some(Arc::new(SourceMetadata { xmp: Some("<x/>".to_owned()), ..SourceMetadata::default() })),
            ..ImageMetadata::default()
        };
        let with = |kept| FileMetadata::new(&metadata, &Rendering { keep_metadata: kept, ..Rendering::default() });
        let none = with(Some(KeepMetadata::None));
        assert_eq!(
            none,
            FileMetadata::new(&ImageMetadata { dpi: Some(72.0), ..ImageMetadata::default() }, &Rendering::default())
        );
        assert_eq!((none.xmp(), none.iptc(), none.dpi), (None, None, 72.0));
        assert_eq!(with(None), with(Some(KeepMetadata::Credit)));
        let credit = with(None);
        assert!(credit.all.is_none() && credit.artist.is_some());
        assert!(String::from_utf8(credit.xmp().expect("has credit")).expect("is UTF-8").contains(scheme));
        assert!(with(Some(KeepMetadata::All)).all.is_some());
    }
}
