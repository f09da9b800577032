//! Metadata among Photoshop's image resources, and the IPTC records in one of them. Source: IPTC-IIM 4.2.

use super::text::decode_text;
use crate::photoshop::Blocks;

/// Most resources, and most data sets of an IPTC record, that are read.
const MAX_ITEMS: usize = 10_000;

pub(in crate::decode) const RESOLUTION: u16 = 1005;
pub(in crate::decode) use crate::photoshop::IPTC;
pub(in crate::decode) const ICC_PROFILE: u16 = 1039;
pub(in crate::decode) const TRANSPARENT_INDEX: u16 = 1047;
pub(in crate::decode) const VERSION: u16 = 1057;
pub(in crate::decode) const EXIF: u16 = 1058;
pub(in crate::decode) const XMP: u16 = 1060;

/// The data of the first of Photoshop's resources with an id.
pub(in crate::decode) fn resource(bytes: &[u8], id: u16) -> Option<&[u8]> {
    let mut blocks = Blocks::of(bytes).take(MAX_ITEMS).map_while(Result::ok);
    blocks.find(|block| block.id == Some(id)).map(|block| block.data)
}

/// The horizontal resolution of resource 1005 in dots per inch. Its unit is for display only.
pub(in crate::decode) fn dpi(resource: &[u8]) -> Option<f64> {
    let fixed = u32::from_be_bytes(*resource.first_chunk()?);
    Some(f64::from(fixed) / 65_536.0)
}

/// Credits in an IPTC record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Iptc {
    /// Data set 2:80, the by-line.
    pub(super) artist: Option<String>,
    /// Data set 2:116, the copyright notice.
    pub(super) copyright: Option<String>,
    /// Data set 2:110, the credit.
    pub(super) credit: Option<String>,
}

/// Reads the credits of an IPTC record, up to its first damaged data set. Of repeated data sets the first counts.
pub(super) fn read_iptc(mut bytes: &[u8]) -> Iptc {
    let (mut iptc, mut is_utf8) = (Iptc::default(), false);
    for _ in 0..MAX_ITEMS {
        let Some(([0x1C, record, set, length @ ..], rest)) = bytes.split_first_chunk::<5>() else { break };
        let length = u16::from_be_bytes(*length);
        let Some((data, rest)) = rest.split_at_checked(length.into()) else { break };
        // Above 32,767 it is the size of an extended length, which no text here needs.
        if length > 0x7FFF {
            break;
        }
        let field = match (*record, *set) {
            // The character set, by an escape sequence. This one means UTF-8.
            (1, 90) => {
                is_utf8 = data == b"\x1B%G";
                None
            }
            (2, 80) => Some(&mut iptc.artist),
            (2, 116) => Some(&mut iptc.copyright),
            (2, 110) => Some(&mut iptc.credit),
            _ => None,
        };
        if let Some(field) = field {
            field.get_or_insert_with(|| {
                if is_utf8 { String::from_utf8_lossy(data).into_owned() } else { decode_text(data) }
            });
        }
        bytes = rest;
    }
    iptc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(record: u8, set: u8, data: &[u8]) -> Vec<u8> {
        [&[0x1C, record, set, 0, data.len() as u8], data].concat()
    }

    #[test]
    fn finds_a_resource_after_others() {
        let bytes = b"8BIM\x03\xED\x03abc\0\0\0\x05hello\08BIM\x04\x04\0\0\0\0\0\x02hi";
        assert_eq!(resource(bytes, 1005), Some(b"hello".as_slice()));
        assert_eq!(resource(bytes, IPTC), Some(b"hi".as_slice()));
        assert_eq!(resource(bytes, XMP), None);
        let foreign = [b"MeSa\x03\xED\0\0\0\0\0\x03abc\0".as_slice(), bytes].concat();
        assert_eq!(resource(&foreign, 1005), Some(b"hello".as_slice()), "blocks of other programs are skipped");
        for length in 0..bytes.len() {
            let _ = resource(&bytes[..length], XMP);
        }
    }

    #[test]
    fn reads_iptc_in_latin_1_and_utf_8() {
        let latin = [set(2, 80, b"Ren\xE9"), set(2, 25, b"Paris"), set(2, 116, b"(c)"), set(2, 80, b"other")].concat();
        let credits = read_iptc(&latin);
        assert_eq!(credits, Iptc { artist: Some("René".into()), copyright: Some("(c)".into()), credit: None });
        let modern = [set(1, 90, b"\x1B%G"), set(2, 110, "Zoë".as_bytes())].concat();
        assert_eq!(read_iptc(&modern).credit.as_deref(), Some("Zoë"));
        assert_eq!(read_iptc(&latin[..7]), Iptc::default());
    }
}
