//! An XMP packet as text that is changed in places: all else stays as it is, byte for byte.

use std::ops::Range;

use resvg::usvg::roxmltree::{Attribute, Document, Node, ParsingOptions};

use crate::decode::xml;

/// Longest packet in bytes. Packets with thumbnails or depth maps have up to a few megabytes.
pub(crate) const MAX_PACKET: usize = 4 << 20;
/// Most nodes of a packet.
const MAX_NODES: u32 = 200_000;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// A parsed packet.
pub(crate) struct Packet<'a> {
    text: &'a str,
    document: Document<'a>,
}

/// A property of the picture.
pub(crate) struct Property<'a> {
    /// The namespace of its name; empty without one.
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// Where it is in the text: an element, or an attribute.
    pub(crate) range: Range<usize>,
}

/// A change of a packet's text.
pub(crate) struct Edit {
    /// The replaced bytes. Empty to insert.
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

impl<'a> Packet<'a> {
    /// Parses a packet. `None` if it is damaged, holds no properties, or takes too much to parse.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_PACKET || xml::check(text).is_err() {
            return None;
        }
        // Without a document type there are no entities to expand.
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let packet = Self { text, document: Document::parse_with_options(text, options).ok()? };
        packet.descriptions().next()?;
        Some(packet)
    }

    /// The element that holds the properties.
    fn rdf(&self) -> Option<Node<'_, 'a>> {
        self.document.descendants().find(|node| node.has_tag_name((RDF, "RDF")))
    }

    /// Groups of properties.
    fn descriptions(&self) -> impl Iterator<Item = Node<'_, 'a>> {
        let children = self.rdf().into_iter().flat_map(|rdf| rdf.children());
        children.filter(|node| node.has_tag_name((RDF, "Description")))
    }

    /// The properties, those of the descriptions' own attributes among them. Not the parts of a property.
    pub(crate) fn properties(&self) -> impl Iterator<Item = Property<'_>> {
        self.descriptions().flat_map(|description| {
            let elements = description.children().filter(Node::is_element).map(|node| Property {
                namespace: node.tag_name().namespace().unwrap_or_default(),
                name: node.tag_name().name(),
                range: node.range(),
            });
            let attributes = description.attributes().map(|attribute| Property {
                namespace: attribute.namespace().unwrap_or_default(),
                name: attribute.name(),
                range: attribute.range(),
            });
            elements.chain(attributes.filter(|property| property.namespace != RDF))
        })
    }

    /// The text of a simple property.
    pub(crate) fn text_of(&self, namespace: &str, name: &str) -> Option<&str> {
        self.descriptions().find_map(|description| {
            let element = description.children().find(|node| node.has_tag_name((namespace, name)));
            element.and_then(|node| node.text()).or_else(|| description.attribute((namespace, name)))
        })
    }

    /// What the properties are about, which all groups of properties repeat. Mostly empty.
    pub(crate) fn about(&self) -> &str {
        let about = |node: Node<'_, 'a>| node.attributes().find(|at| at.name() == "about").map(value_range);
        // The parser counts no more than 65,535 bytes of a name and 255 of an equals sign, so the range may begin anywhere.
        self.descriptions().find_map(about).and_then(|range| self.text.get(range)).unwrap_or_default()
    }

    /// The name of the property at an offset, with its prefix, as it stands in the text.
    pub(crate) fn qualified_name(&self, at: usize) -> String {
        let text = self.text.get(at..).unwrap_or_default().trim_start_matches('<');
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '>' | '/' | '=');
        text.split(ends).next().unwrap_or_default().to_owned()
    }

    /// Where further groups of properties go.
    pub(crate) fn end(&self) -> usize {
        self.descriptions().last().map_or(self.text.len(), |description| description.range().end)
    }

    /// The groups of properties, each with the namespaces that it uses. `None` if they are longer than a packet: each
    /// repeats the namespaces, whose names may be long.
    pub(crate) fn self_contained(&self) -> Option<String> {
        let mut text = String::new();
        for description in self.descriptions() {
            text.push_str(&self.with_namespaces(description));
            if text.len() > MAX_PACKET {
                return None;
            }
        }
        Some(text)
    }

    fn with_namespaces(&self, description: Node<'_, 'a>) -> String {
        let text = &self.text[description.range()];
        let name_end = text.find(|letter: char| letter.is_whitespace() || letter == '>' || letter == '/');
        let (name, rest) = text.split_at(name_end.unwrap_or(text.len()));
        let tag = &text[..tag_end(text)];
        let inherited = description.parent().into_iter().flat_map(|parent| parent.namespaces());
        let declarations = inherited.filter_map(|namespace| {
            let prefix = namespace.name().filter(|prefix| *prefix != "xml")?;
            let declared = format!("xmlns:{prefix}");
            let is_declared =
                tag.match_indices(&declared).any(|(at, _)| tag[at + declared.len()..].trim_start().starts_with('='));
            (!is_declared).then(|| format!(" {declared}=\"{}\"", escaped(namespace.uri())))
        });
        [name.to_owned()].into_iter().chain(declarations).chain([rest.to_owned()]).collect()
    }

    /// The packet with these changes, which must not overlap. Nothing stays of what was outside of the document's element.
    pub(crate) fn edited(&self, mut edits: Vec<Edit>) -> String {
        edits.sort_by_key(|edit| edit.range.start);
        let whole = self.document.root_element().range();
        let mut text = String::with_capacity(whole.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
        let mut at = whole.start;
        for Edit { range, text: new } in edits {
            text.push_str(self.text.get(at..range.start).unwrap_or_default());
            text.push_str(&new);
            at = range.end.max(at);
        }
        text.push_str(self.text.get(at..whole.end).unwrap_or_default());
        text
    }
}

fn value_range(attribute: Attribute<'_, '_>) -> Range<usize> {
    attribute.range_value()
}

/// The length of a start tag, without its closing `>`.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            (b'>', None) => return at,
            _ => {}
        }
    }
    text.len()
}

/// Text as XML, within an element or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"<?xpacket begin="" id="x"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="urn:a"><rdf:Description rdf:about="uuid:&amp;1"
      xmlns:b="urn:b" b:one="1 &gt; 0"><a:two>2</a:two><b:three><rdf:Seq><rdf:li>x</rdf:li></rdf:Seq></b:three>
      </rdf:Description></rdf:RDF></x:xmpmeta>  <?xpacket end="w"?>"#;

    #[test]
    fn finds_properties_in_elements_and_attributes() {
        let packet = Packet::parse(TEXT).expect("is parsed");
        let found: Vec<_> = packet.properties().map(|property| (property.namespace, property.name)).collect();
        assert_eq!(found, [("urn:a", "two"), ("urn:b", "three"), ("urn:b", "one")]);
        assert_eq!((packet.text_of("urn:b", "one"), packet.text_of("urn:a", "two")), (Some("1 > 0"), Some("2")));
        assert_eq!(packet.about(), "uuid:&amp;1");
    }

    #[test]
    fn changes_nothing_but_what_is_edited() {
        let packet = Packet::parse(TEXT).expect("is parsed");
        let edits = packet.properties().filter(|property| property.name != "three");
        let mut edits: Vec<_> = edits.map(|property| Edit { range: property.range, text: String::new() }).collect();
        edits.push(Edit { range: packet.end()..packet.end(), text: "<!-- new -->".to_owned() });
        let edited = packet.edited(edits);
        let root = &TEXT[TEXT.find("<x:").expect("is there")..TEXT.find("  <?xpacket end").expect("is there")];
        let expected = root.replace(r#"b:one="1 &gt; 0""#, "").replace("<a:two>2</a:two>", "");
        assert_eq!(edited, expected.replace("</rdf:RDF>", "<!-- new --></rdf:RDF>"));
        assert!(Packet::parse(&edited).is_some());
    }

    #[test]
    fn groups_of_properties_stand_alone_with_their_namespaces() {
        let packet = Packet::parse(TEXT).expect("is parsed");
        let alone = packet.self_contained().expect("is short");
        let document = Document::parse(&alone).expect("is parsed");
        assert!(document.root_element().has_tag_name((RDF, "Description")), "{alone}");
        assert_eq!(alone.matches("xmlns:b=").count(), 1, "{alone}");
    }

    #[test]
    fn survives_what_a_group_is_about_behind_a_long_name() {
        // The parser's value would begin after 65,535 + 1 + 1 bytes, which is within a letter of two.
        let prefix = "é".repeat(33_000);
        let text =
            format!(r#"<r:RDF xmlns:r="{RDF}"><r:Description xmlns:{prefix}="urn:a" {prefix}:about="x"/></r:RDF>"#);
        let packet = Packet::parse(&text).expect("is parsed");
        assert!(packet.about().len() < text.len());
    }

    #[test]
    fn long_namespaces_are_not_repeated_without_end() {
        let text = format!(
            r#"<r:RDF xmlns:r="{RDF}" xmlns:a="{}">{}</r:RDF>"#,
            "a".repeat(MAX_PACKET / 2),
            "<r:Description/>".repeat(100_000)
        );
        let packet = Packet::parse(&text).expect("is parsed");
        assert_eq!(packet.self_contained(), None);
    }

    #[test]
    fn refuses_what_is_damaged_too_long_or_without_properties() {
        for length in 0..TEXT.len() - 30 {
            if TEXT.is_char_boundary(length) {
                assert!(Packet::parse(&TEXT[..length]).is_none());
            }
        }
        assert!(Packet::parse(&" ".repeat(MAX_PACKET + 1)).is_none());
        assert!(Packet::parse("<a/>").is_none());
        assert!(Packet::parse(&format!("<!DOCTYPE x>{}", &TEXT[TEXT.find("<x:").expect("is there")..])).is_none());
    }
}
