//! Extended XMP: the part of a JPEG's packet that does not fit into one segment, in segments of its own (ISO 16684-3,
//! section 6.3).

use crate::decode::metadata::packet::{Edit, MAX_PACKET, Packet};

/// The namespace of the property that names the extension.
const NOTE: &str = "http://ns.adobe.com/xmp/note/";
const HAS_EXTENSION: &str = "HasExtendedXMP";

/// The extension is incomplete, too long, or no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// A part of an extension: an id of 32 characters, the whole length, and where the part begins.
struct Part<'a> {
    whole: usize,
    start: usize,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// Reads a segment's content; `None` for one of another extension.
    fn read(segment: &'a [u8], id: &str) -> Option<Self> {
        let (own_id, rest) = segment.split_first_chunk::<32>()?;
        let (whole, rest) = rest.split_first_chunk()?;
        let (start, bytes) = rest.split_first_chunk()?;
        let number = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes) as usize;
        own_id.eq_ignore_ascii_case(id.as_bytes()).then(|| Self { whole: number(whole), start: number(start), bytes })
    }
}

/// The packet with its extension. `None` if it has none.
pub(super) fn joined(packet: &Packet<'_>, segments: &[&[u8]]) -> Result<Option<String>, Damaged> {
    let Some(id) = packet.text_of(NOTE, HAS_EXTENSION) else { return Ok(None) };
    let mut parts: Vec<_> = segments.iter().filter_map(|segment| Part::read(segment, id.trim())).collect();
    parts.sort_by_key(|part| part.start);
    let whole = parts.first().map(|part| part.whole).filter(|whole| *whole <= MAX_PACKET).ok_or(Damaged)?;
    let mut bytes = Vec::new();
    for part in parts {
        if part.start != bytes.len() || part.whole != whole || bytes.len() + part.bytes.len() > whole {
            return Err(Damaged);
        }
        bytes.extend(part.bytes);
    }
    let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() == whole).ok_or(Damaged)?;
    let extension = Packet::parse(text).ok_or(Damaged)?;
    let added = extension.self_contained().ok_or(Damaged)?;
    let joined = packet.edited(vec![Edit { range: packet.end()..packet.end(), text: added }]);
    // The same property in both parts, or one prefix with two meanings.
    if Packet::parse(&joined).is_none() {
        return Err(Damaged);
    }
    Ok(Some(joined))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789ABCDEF0123456789ABCDEF";

    fn packet(properties: &str) -> String {
        format!(
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
             xmlns:t=\"urn:t\" xmlns:xmpNote=\"{NOTE}\"><rdf:Description rdf:about=\"\">{properties}</rdf:Description>\
             </rdf:RDF></x:xmpmeta>"
        )
    }

    fn segment(whole: &str, range: std::ops::Range<usize>) -> Vec<u8> {
        let numbers = [whole.len() as u32, range.start as u32].map(u32::to_be_bytes).concat();
        [ID.as_bytes(), &numbers, &whole.as_bytes()[range]].concat()
    }

    fn join(main: &str, segments: &[Vec<u8>]) -> Result<Option<String>, Damaged> {
        let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
        joined(&Packet::parse(main).expect("is a packet"), &segments)
    }

    #[test]
    fn joins_parts_in_any_order() {
        let main = packet(&format!("<t:small>1</t:small><xmpNote:HasExtendedXMP>{ID}</xmpNote:HasExtendedXMP>"));
        let extension = packet("<t:large>2</t:large>");
        let (first, second) = (segment(&extension, 0..100), segment(&extension, 100..extension.len()));
        let other = vec![b'x'; 90];
        let text = join(&main, &[second.clone(), other, first.clone()]).expect("is whole").expect("has an extension");
        let joined = Packet::parse(&text).expect("is parsed");
        assert_eq!((joined.text_of("urn:t", "small"), joined.text_of("urn:t", "large")), (Some("1"), Some("2")));
        assert_eq!(join(&packet("<t:small>1</t:small>"), std::slice::from_ref(&first)), Ok(None));
        let repeated = [first.clone(), first.clone(), second.clone()];
        for damaged in [&[][..], std::slice::from_ref(&first), &[second], &repeated] {
            assert_eq!(join(&main, damaged), Err(Damaged));
        }
        let mut huge = first;
        huge[32..36].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(join(&main, &[huge]), Err(Damaged));
    }
}
