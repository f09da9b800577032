//! Of an XMP packet who made the picture, whose it is, and the credit line. Nothing else is looked at.

use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};

use super::super::xml;

/// The longest packet that is read, in bytes. Those that hold a thumbnail are some hundred kilobytes long.
const MAX_BYTES: usize = 1 << 20;
/// The most nodes of one.
const MAX_NODES: u32 = 50_000;

const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";

/// What an XMP packet tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::decode) struct Xmp {
    pub(in crate::decode) artist: Option<String>,
    pub(in crate::decode) copyright: Option<String>,
    pub(in crate::decode) credit: Option<String>,
}

/// Reads a packet. One that is damaged or too long tells nothing.
pub(in crate::decode) fn read(packet: &[u8]) -> Xmp {
    let text = std::str::from_utf8(packet).ok().filter(|packet| packet.len() <= MAX_BYTES);
    let Some(text) = text else { return Xmp::default() };
    let text = text.trim_start_matches('\u{FEFF}').trim_end_matches('\0');
    if xml::check(text).is_err() {
        return Xmp::default();
    }
    // Without a document type there are no entities to expand.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let Ok(document) = Document::parse_with_options(text, options) else { return Xmp::default() };
    let mut told = Xmp::default();
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name();
        match (name.namespace(), name.name()) {
            (Some(DUBLIN_CORE), "creator") if told.artist.is_none() => told.artist = items(node, ", "),
            (Some(DUBLIN_CORE), "rights") if told.copyright.is_none() => {
                // One text in several languages, of which the first is the default.
                told.copyright = item(node).or_else(|| items(node, " "));
            }
            (Some(PHOTOSHOP), "Credit") if told.credit.is_none() => told.credit = node.text().map(str::to_owned),
            _ => {}
        }
        if told.credit.is_none() {
            told.credit = node.attribute((PHOTOSHOP, "Credit")).map(str::to_owned);
        }
    }
    told
}

fn item(node: Node<'_, '_>) -> Option<String> {
    node.descendants().filter(|node| node.tag_name().name() == "li").find_map(|node| node.text()).map(str::to_owned)
}

/// The items of a list, or the text where there is no list.
fn items(node: Node<'_, '_>, between: &str) -> Option<String> {
    let items: Vec<&str> = node
        .descendants()
        .filter(|node| node.tag_name().name() == "li")
        .filter_map(|node| node.text())
        .take(16)
        .collect();
    if items.is_empty() { node.text().map(str::trim).map(str::to_owned) } else { Some(items.join(between)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: &str = r#"<?xpacket begin="" id="x"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
      xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
      photoshop:Credit="The agency" photoshop:City="Paris"><dc:creator><rdf:Seq><rdf:li>Ann</rdf:li>
      <rdf:li>Bob</rdf:li></rdf:Seq></dc:creator><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">All mine</rdf:li>
      <rdf:li xml:lang="fr">À moi</rdf:li></rdf:Alt></dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>"#;

    #[test]
    fn a_packet_tells_who_made_it() {
        let told = read(PACKET.as_bytes());
        assert_eq!(told.artist.as_deref(), Some("Ann, Bob"));
        assert_eq!(told.copyright.as_deref(), Some("All mine"));
        assert_eq!(told.credit.as_deref(), Some("The agency"));
    }

    #[test]
    fn a_damaged_packet_tells_nothing() {
        for length in 0..PACKET.len() - 1 {
            if PACKET.is_char_boundary(length) {
                assert_eq!(read(&PACKET.as_bytes()[..length]), Xmp::default());
            }
        }
        let entities = format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{}", &PACKET[PACKET.find("<x:").expect("is there")..]);
        assert_eq!(read(entities.as_bytes()), Xmp::default());
        assert_eq!(read(&vec![b' '; MAX_BYTES + 1]), Xmp::default());
    }
}
