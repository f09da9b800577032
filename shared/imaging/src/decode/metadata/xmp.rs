//! Credits in an XMP packet (ISO 16684-1). Other properties are ignored.

use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};

use crate::decode::xml;
use crate::digital_source_type::DigitalSourceType;

/// Longest packet in bytes. Packets with a thumbnail have a few hundred kilobytes.
const MAX_BYTES: usize = 1 << 20;
/// Most nodes of a packet.
const MAX_NODES: u32 = 50_000;
/// Most items of a list that are read.
const MAX_LIST_ITEMS: usize = 16;

const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const IPTC_EXTENSION: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Credits in an XMP packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Xmp {
    /// `dc:creator`, several joined by commas.
    pub(super) artist: Option<String>,
    /// `dc:rights`, in the default language.
    pub(super) copyright: Option<String>,
    /// `photoshop:Credit`.
    pub(super) credit: Option<String>,
    /// `Iptc4xmpExt:DigitalSourceType`, if it is a value of IPTC's scheme.
    pub(super) digital_source_type: Option<DigitalSourceType>,
}

/// Reads a packet. A damaged or too long one has no credits.
pub(super) fn read(packet: &[u8]) -> Xmp {
    let text = std::str::from_utf8(packet).ok().filter(|packet| packet.len() <= MAX_BYTES);
    let Some(text) = text else { return Xmp::default() };
    let text = text.trim_start_matches('\u{FEFF}').trim_end_matches('\0');
    if xml::check(text).is_err() {
        return Xmp::default();
    }
    // Without a document type there are no entities to expand.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let Ok(document) = Document::parse_with_options(text, options) else { return Xmp::default() };
    let mut xmp = Xmp::default();
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name();
        match (name.namespace(), name.name()) {
            (Some(DUBLIN_CORE), "creator") if xmp.artist.is_none() => xmp.artist = join_items(node, ", "),
            (Some(DUBLIN_CORE), "rights") if xmp.copyright.is_none() => {
                // One text per language, the default first.
                xmp.copyright = first_item(node).or_else(|| join_items(node, " "));
            }
            (Some(IPTC_EXTENSION), "DigitalSourceType") if xmp.digital_source_type.is_none() => {
                let uri = node.attribute((RDF, "resource")).or(node.text());
                xmp.digital_source_type = uri.and_then(DigitalSourceType::of_uri);
            }
            (Some(PHOTOSHOP), "Credit") if xmp.credit.is_none() => xmp.credit = node.text().map(str::to_owned),
            _ => {}
        }
        if xmp.credit.is_none() {
            xmp.credit = node.attribute((PHOTOSHOP, "Credit")).map(str::to_owned);
        }
        if xmp.digital_source_type.is_none() {
            let uri = node.attribute((IPTC_EXTENSION, "DigitalSourceType"));
            xmp.digital_source_type = uri.and_then(DigitalSourceType::of_uri);
        }
    }
    xmp
}

/// The texts of a property's list items.
fn list_items<'a>(node: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    node.descendants().filter(|node| node.tag_name().name() == "li").filter_map(|node| node.text())
}

fn first_item(node: Node<'_, '_>) -> Option<String> {
    list_items(node).next().map(str::to_owned)
}

/// All list items, or the property's text if it is no list.
fn join_items(node: Node<'_, '_>, separator: &str) -> Option<String> {
    let items: Vec<&str> = list_items(node).take(MAX_LIST_ITEMS).collect();
    if items.is_empty() { node.text().map(str::trim).map(str::to_owned) } else { Some(items.join(separator)) }
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
    fn reads_the_credits() {
        let credits = read(PACKET.as_bytes());
        assert_eq!(credits.artist.as_deref(), Some("Ann, Bob"));
        assert_eq!(credits.copyright.as_deref(), Some("All mine"));
        assert_eq!(credits.credit.as_deref(), Some("The agency"));
    }

    #[test]
    fn reads_the_digital_source_type_in_every_form() {
        let scheme = "http://cv.iptc.org/newscodes/digitalsourcetype";
        let read_type = |attribute: &str, element: &str| {
            let start =
                PACKET.replace("photoshop:City=", &format!("xmlns:e=\"{IPTC_EXTENSION}\" {attribute} photoshop:City="));
            read(start.replace("<dc:creator>", &format!("{element}<dc:creator>")).as_bytes()).digital_source_type
        };
        let expected = DigitalSourceType::of_uri(&format!("{scheme}/digitalCapture"));
        assert!(expected.is_some());
        let (name, uri) = ("e:DigitalSourceType", format!("{scheme}/digitalCapture"));
        assert_eq!(read_type(&format!("{name}=\"{uri}\""), ""), expected);
        assert_eq!(read_type("", &format!("<{name}>{uri}</{name}>")), expected);
        assert_eq!(read_type("", &format!("<{name} rdf:resource=\"{uri}\"/>")), expected);
        assert_eq!(read_type("", &format!("<{name}>https://example.com/own</{name}>")), None);
        assert_eq!(read_type("", ""), None);
    }

    #[test]
    fn ignores_damaged_and_long_packets() {
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
