//! Photoshop's image resources, which stand in PSD files, in the APP13 segments of JPEG files and in a tag of TIFF
//! files; and the IPTC records among them.

/// The most resources, and the most data sets of an IPTC record, that are looked at.
const MAX_ITEMS: usize = 10_000;

pub(in crate::decode) const RESOLUTION: u16 = 1005;
pub(in crate::decode) const IPTC: u16 = 1028;
pub(in crate::decode) const ICC_PROFILE: u16 = 1039;
pub(in crate::decode) const VERSION: u16 = 1057;
pub(in crate::decode) const EXIF: u16 = 1058;
pub(in crate::decode) const XMP: u16 = 1060;

/// The data of the first resource with this number.
pub(in crate::decode) fn resource(mut bytes: &[u8], id: u16) -> Option<&[u8]> {
    for _ in 0..MAX_ITEMS {
        // `8BIM`, the number, a name with its length in a byte before it, the data with theirs in four; name and
        // data are padded to an even length.
        let rest = bytes.strip_prefix(b"8BIM")?;
        let (found, rest) = rest.split_first_chunk::<2>()?;
        let name = usize::from(*rest.first()?) + 1;
        let (length, rest) = rest.get(name + name % 2..)?.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (data, rest) = rest.split_at_checked(length)?;
        if u16::from_be_bytes(*found) == id {
            return Some(data);
        }
        bytes = rest.get(length % 2..)?;
    }
    None
}

/// Dots per inch, by resource 1005, which tells them so whatever unit it names for people.
pub(in crate::decode) fn dpi(resource: &[u8]) -> Option<f64> {
    let fixed = u32::from_be_bytes(*resource.first_chunk()?);
    Some(f64::from(fixed) / 65_536.0)
}

/// What an IPTC record tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::decode) struct Iptc {
    /// 2:80, the by-line.
    pub(in crate::decode) artist: Option<String>,
    /// 2:116.
    pub(in crate::decode) copyright: Option<String>,
    /// 2:110.
    pub(in crate::decode) credit: Option<String>,
}

/// Reads the data sets that are wanted; of each the first. What follows one that is damaged is left out.
pub(in crate::decode) fn iptc(mut bytes: &[u8]) -> Iptc {
    let (mut told, mut utf8) = (Iptc::default(), false);
    for _ in 0..MAX_ITEMS {
        let Some(([0x1C, record, set, length @ ..], rest)) = bytes.split_first_chunk::<5>() else { break };
        let length = u16::from_be_bytes(*length);
        // Above 32,767 it is the number of bytes of the length, and no text of ours is that long.
        let Some((data, rest)) = rest.split_at_checked(length.into()) else { break };
        if length > 0x7FFF {
            break;
        }
        let field = match (*record, *set) {
            // The character set: an escape sequence that means UTF-8.
            (1, 90) => {
                utf8 = data == b"\x1B%G";
                None
            }
            (2, 80) => Some(&mut told.artist),
            (2, 116) => Some(&mut told.copyright),
            (2, 110) => Some(&mut told.credit),
            _ => None,
        };
        if let Some(field) = field {
            field.get_or_insert_with(|| text(data, utf8));
        }
        bytes = rest;
    }
    told
}

/// UTF-8 where that is told or where it is that, and else Latin 1, which is what old programs wrote.
fn text(data: &[u8], utf8: bool) -> String {
    match std::str::from_utf8(data) {
        Ok(text) => text.to_owned(),
        Err(_) if utf8 => String::from_utf8_lossy(data).into_owned(),
        Err(_) => data.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(record: u8, set: u8, data: &[u8]) -> Vec<u8> {
        [&[0x1C, record, set, 0, data.len() as u8], data].concat()
    }

    #[test]
    fn a_resource_is_found_after_others() {
        let bytes = b"8BIM\x03\xED\x03abc\0\0\0\x05hello\08BIM\x04\x04\0\0\0\0\0\x02hi";
        assert_eq!(resource(bytes, 1005), Some(b"hello".as_slice()));
        assert_eq!(resource(bytes, IPTC), Some(b"hi".as_slice()));
        assert_eq!(resource(bytes, XMP), None);
        for length in 0..bytes.len() {
            let _ = resource(&bytes[..length], XMP);
        }
    }

    #[test]
    fn iptc_is_read_in_both_alphabets() {
        let latin = [set(2, 80, b"Ren\xE9"), set(2, 25, b"Paris"), set(2, 116, b"(c)"), set(2, 80, b"other")].concat();
        let told = iptc(&latin);
        assert_eq!(told, Iptc { artist: Some("René".into()), copyright: Some("(c)".into()), credit: None });
        let modern = [set(1, 90, b"\x1B%G"), set(2, 110, "Zoë".as_bytes())].concat();
        assert_eq!(iptc(&modern).credit.as_deref(), Some("Zoë"));
        assert_eq!(iptc(&latin[..7]), Iptc::default());
    }
}
