//! Resolution and credit, in the forms that files have for them: XMP, IPTC and Exif.
//!
//! Credit is held in XMP, up to 4,096 bytes each, and in IPTC cut to the lengths that it allows, as the Metadata Working
//! Group's guidelines ask.

use cutline_core::domain::rendering::Rendering;

use super::ifd::{self, Value};
use crate::error::Cause;
use crate::photo::ImageMetadata;

/// Of the source's file, if it tells none and the caller sets none.
const DPI: f64 = 300.0;
/// What is kept of a text at most, in bytes. More would not fit into one segment of a JPEG.
const LONGEST: usize = 4096;

/// What is told about a picture, cleaned: of sensible length, without control characters, not empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    /// Dots per inch, 1 to 32,767.
    pub(super) dpi: f64,
    /// Who made it.
    pub(super) artist: Option<String>,
    /// The copyright notice.
    pub(super) copyright: Option<String>,
    /// The credit line.
    pub(super) credit: Option<String>,
}

impl Facts {
    pub(super) fn of(metadata: &ImageMetadata, rendering: &Rendering) -> Self {
        let of_source = metadata.dpi.map(f64::from).filter(|dpi| dpi.is_finite() && *dpi > 0.0);
        let dpi = rendering.dpi.map(|dpi| f64::from(dpi.get())).or(of_source).unwrap_or(DPI);
        Self {
            dpi: dpi.clamp(1.0, 32_767.0),
            artist: clean(metadata.artist.as_deref()),
            copyright: clean(metadata.copyright.as_deref()),
            credit: clean(metadata.credit.as_deref()),
        }
    }

    /// Dots per inch in thousandths.
    pub(super) fn dpi_in_thousandths(&self) -> Value {
        Value::Thousandths((self.dpi * 1000.0).round() as u32)
    }

    /// Whether there is any credit.
    fn is_credited(&self) -> bool {
        self.artist.is_some() || self.copyright.is_some() || self.credit.is_some()
    }

    /// An XMP packet, if there is any credit.
    pub(super) fn xmp(&self) -> Option<Vec<u8>> {
        if !self.is_credited() {
            return None;
        }
        let mut packet = String::from(
            "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:metadata=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
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

    /// Data sets of IPTC's Information Interchange Model, in UTF-8, if there is any credit.
    pub(super) fn iptc(&self) -> Option<Vec<u8>> {
        if !self.is_credited() {
            return None;
        }
        let mut sets = Vec::new();
        let mut put = |record: u8, set: u8, value: &[u8]| {
            sets.extend([0x1C, record, set]);
            sets.extend((value.len() as u16).to_be_bytes());
            sets.extend(value);
        };
        put(1, 90, b"\x1B%G");
        put(2, 0, &[0, 4]);
        for (set, text, longest) in [(80, &self.artist, 32), (110, &self.credit, 32), (116, &self.copyright, 128)] {
            if let Some(text) = text {
                put(2, set, cut(text, longest).as_bytes());
            }
        }
        Some(sets)
    }

    /// Exif data of a picture of this size: the body of a JPEG's segment and of a WebP's chunk, without what
    /// those begin with.
    pub(super) fn exif(&self, width: u32, height: u32, gray: bool) -> Result<Vec<u8>, Cause> {
        let mut tags = vec![
            (0x011A, self.dpi_in_thousandths()),
            (0x011B, self.dpi_in_thousandths()),
            (0x0128, Value::Short(vec![2])),
        ];
        tags.extend(self.artist.clone().map(|artist| (0x013B, Value::Ascii(artist))));
        tags.push((0x0213, Value::Short(vec![1])));
        tags.extend(self.copyright.clone().map(|copyright| (0x8298, Value::Ascii(copyright))));
        // Where the second directory begins is known once the first is written, whose length it does not change.
        let components = if gray { [1, 0, 0, 0] } else { [1, 2, 3, 0] };
        let second = [
            (0x9000, Value::Undefined(b"0232".to_vec())),
            (0x9101, Value::Undefined(components.to_vec())),
            (0xA000, Value::Undefined(b"0100".to_vec())),
            (0xA001, Value::Short(vec![1])),
            (0xA002, Value::Long(vec![width])),
            (0xA003, Value::Long(vec![height])),
        ];
        let up_to = |second_at: usize| -> Result<Vec<u8>, Cause> {
            let mut data = [ifd::HEADER.as_slice(), &8_u32.to_le_bytes()].concat();
            let mut first = tags.clone();
            first.push((0x8769, Value::Long(vec![u32::try_from(second_at)?])));
            ifd::append(&mut data, &first)?;
            Ok(data)
        };
        let mut data = up_to(up_to(0)?.len())?;
        ifd::append(&mut data, &second)?;
        Ok(data)
    }
}

/// The text without control characters and what XML has no place for, trimmed and of bounded length; `None`
/// if nothing is left.
fn clean(text: Option<&str>) -> Option<String> {
    let text: String = text?
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !matches!(letter, '\u{FFFE}' | '\u{FFFF}'))
        .collect();
    let text = cut(text.trim(), LONGEST).trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The longest beginning of so many bytes that ends between two letters.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let metadata = ImageMetadata {
            dpi: Some(72.5),
            artist: Some(" Ö <&> \0".to_owned()),
            copyright: Some("ü".repeat(10_000)),
            credit: Some("\n\t".to_owned()),
            ..ImageMetadata::default()
        };
        Facts::of(&metadata, &Rendering::default())
    }

    #[test]
    fn text_is_cleaned_and_bounded() {
        let facts = facts();
        assert_eq!(facts.artist.as_deref(), Some("Ö <&>"));
        assert_eq!(facts.copyright.map(|text| text.len()), Some(LONGEST));
        assert_eq!(facts.credit, None);
    }

    #[test]
    fn the_caller_then_the_source_then_a_default_tell_the_resolution() {
        let dpi = |of_source, set: Option<u16>| {
            let metadata = ImageMetadata { dpi: of_source, ..ImageMetadata::default() };
            let dpi = set.map(|dpi| dpi.try_into().expect("in range"));
            Facts::of(&metadata, &Rendering { dpi, ..Rendering::default() }).dpi
        };
        assert_eq!(dpi(Some(72.0), Some(150)), 150.0);
        assert_eq!(dpi(Some(72.0), None), 72.0);
        assert_eq!(dpi(None, None), DPI);
        assert_eq!(dpi(Some(f32::NAN), None), DPI);
        assert_eq!(dpi(Some(0.01), None), 1.0);
        assert_eq!(dpi(Some(f32::MAX), None), 32_767.0);
    }

    #[test]
    fn xml_is_escaped_and_iptc_cut_between_letters() {
        let facts = facts();
        let xmp = String::from_utf8(facts.xmp().expect("has credit")).expect("is UTF-8");
        assert!(xmp.contains("Ö &lt;&amp;&gt;") && !xmp.contains("Credit>"), "{xmp}");
        let iptc = facts.iptc().expect("has credit");
        let at = iptc.windows(3).position(|set| set == [0x1C, 2, 116]).expect("has a copyright notice");
        assert_eq!(iptc[at + 3..at + 5], [0, 128]);
        assert!(std::str::from_utf8(&iptc[at + 5..]).is_ok());
    }

    #[test]
    fn without_credit_there_is_none() {
        let facts = Facts::of(&ImageMetadata::default(), &Rendering::default());
        assert_eq!((facts.xmp(), facts.iptc()), (None, None));
    }
}
