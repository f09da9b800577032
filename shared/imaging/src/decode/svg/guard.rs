//! What an SVG may unfold into, told from its elements before anything is unfolded.
//!
//! A few elements can stand for billions: `use` draws others anew, which may be of `use` themselves; so do patterns,
//! masks, clipping paths, filters' pictures and markers. Each element is weighed by what it and all that it refers to
//! unfold into, and the whole is held to a limit, in weight and in depth.

use std::collections::HashMap;

use resvg::usvg::roxmltree::{Document, Node, NodeId, ParsingOptions};

/// The longest document in bytes. What is long about most long ones are pictures in them.
const MAX_BYTES: usize = 64 << 20;
/// The most nodes of one as it stands.
const MAX_NODES: u32 = 500_000;
/// The most elements that it unfolds into.
const MAX_WEIGHT: u64 = 1_000_000;
/// The deepest nesting, through references too.
const MAX_DEPTH: usize = 200;
/// The most bytes of attributes, pictures aside, that it unfolds into.
const MAX_TEXT: u64 = 256 << 20;
/// The most pairs of a rule of a style sheet and an element, since each rule is tried on each.
const MAX_RULES: u64 = 50_000_000;

/// Why a document is not drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    Damaged(String),
    TooMuch(&'static str),
}

/// What was seen on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether there is text to be drawn.
    pub(super) text: bool,
}

/// What an element unfolds into.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    elements: u64,
    /// Bytes of attributes.
    text: u64,
    depth: usize,
}

/// Parses a document that may be drawn.
pub(super) fn parse(text: &str) -> Result<(Document<'_>, Found), Reason> {
    if text.len() > MAX_BYTES {
        return Err(Reason::TooMuch("the document is too long"));
    }
    // Illustrator's files have a document type with entities. The parser bounds what those unfold into, and knows none
    // outside of the document.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| Reason::Damaged(error.to_string()))?;
    let found = check(&document)?;
    Ok((document, found))
}

fn check(document: &Document<'_>) -> Result<Found, Reason> {
    let root = document.root_element();
    if root.tag_name().name() != "svg" {
        return Err(Reason::Damaged("the document is not of SVG".into()));
    }
    // Told without going down, since that is what must not be done for too deep ones.
    let (mut found, mut elements, mut rules) = (Found::default(), 0_u64, 0_u64);
    let mut depths = HashMap::new();
    for node in document.descendants().filter(Node::is_element) {
        let depth = node.parent().and_then(|parent| depths.get(&parent.id())).map_or(0, |depth| depth + 1);
        if depth > MAX_DEPTH {
            return Err(Reason::TooMuch("the elements nest too deep"));
        }
        depths.insert(node.id(), depth);
        elements += 1;
        match node.tag_name().name() {
            "text" => found.text = true,
            "style" => {
                let style = text_of(node);
                let count = style.bytes().filter(|byte| matches!(byte, b'{' | b',')).count() as u64;
                rules = rules.saturating_add(count);
            }
            _ => {}
        }
    }
    if rules.saturating_mul(elements) > MAX_RULES {
        return Err(Reason::TooMuch("there are too many rules of style"));
    }
    let weight = Scale::new(document).weigh(root, 0)?;
    if weight.elements > MAX_WEIGHT || weight.text > MAX_TEXT {
        return Err(Reason::TooMuch("the document unfolds into too much"));
    }
    Ok(found)
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

/// Weighs elements, each once.
struct Scale<'a, 'input> {
    by_id: HashMap<&'a str, Node<'a, 'input>>,
    /// What rules of style refer to, by class; and what those do that are not for classes alone.
    by_class: HashMap<String, Vec<String>>,
    everywhere: Vec<String>,
    known: HashMap<NodeId, Option<Weight>>,
    /// The heaviest of the markers, which stand at every point of a path.
    marker: Weight,
}

impl<'a, 'input> Scale<'a, 'input> {
    fn new(document: &'a Document<'input>) -> Self {
        let (mut by_id, mut by_class, mut everywhere) = (HashMap::new(), HashMap::new(), Vec::new());
        for node in document.descendants().filter(Node::is_element) {
            if let Some(id) = node.attribute("id") {
                by_id.entry(id).or_insert(node);
            }
            if node.tag_name().name() == "style" {
                rules(&text_of(node), &mut by_class, &mut everywhere);
            }
        }
        let mut scale = Self { by_id, by_class, everywhere, known: HashMap::new(), marker: Weight::default() };
        let markers: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "marker").collect();
        for marker in markers {
            // A marker that is too heavy is found where the whole is weighed.
            let weight = scale.weigh(marker, 0).unwrap_or(Weight { elements: MAX_WEIGHT, ..Weight::default() });
            if weight.elements > scale.marker.elements {
                scale.marker = weight;
            }
        }
        // What was weighed without markers is weighed anew with them.
        scale.known.clear();
        scale
    }

    fn weigh(&mut self, node: Node<'a, 'input>, depth: usize) -> Result<Weight, Reason> {
        if depth > MAX_DEPTH {
            return Err(Reason::TooMuch("the elements nest too deep"));
        }
        match self.known.get(&node.id()) {
            Some(Some(weight)) if depth + weight.depth > MAX_DEPTH => {
                return Err(Reason::TooMuch("the elements nest too deep"));
            }
            Some(Some(weight)) => return Ok(*weight),
            // It refers to itself. Those that draw such documents break the circle.
            Some(None) => return Ok(Weight::default()),
            None => {}
        }
        self.known.insert(node.id(), None);
        let mut weight = Weight { elements: 1, ..Weight::default() };
        let mut targets = self.everywhere.clone();
        for attribute in node.attributes() {
            let value = attribute.value();
            let picture = attribute.name() == "href" && value.trim_start().starts_with("data:");
            if picture {
                continue;
            }
            weight.text += value.len() as u64;
            match attribute.name() {
                "href" => targets.extend(value.trim().strip_prefix('#').map(str::to_owned)),
                "class" => {
                    let classes = value.split_ascii_whitespace().filter_map(|class| self.by_class.get(class));
                    targets.extend(classes.flatten().cloned());
                }
                "d" | "points" if self.marker.elements > 0 => {
                    let points = value.bytes().filter(|byte| matches!(byte, b' ' | b',' | b'-' | b'A'..=b'z')).count();
                    let points = points as u64 + 1;
                    weight.elements = weight.elements.saturating_add(points.saturating_mul(self.marker.elements));
                    weight.text = weight.text.saturating_add(points.saturating_mul(self.marker.text));
                }
                _ => targets.extend(references(value)),
            }
        }
        let referred: Vec<_> = targets.iter().filter_map(|id| self.by_id.get(id.as_str()).copied()).collect();
        for part in node.children().filter(Node::is_element).chain(referred) {
            let part = self.weigh(part, depth + 1)?;
            weight.elements = weight.elements.saturating_add(part.elements);
            weight.text = weight.text.saturating_add(part.text);
            weight.depth = weight.depth.max(part.depth + 1);
        }
        self.known.insert(node.id(), Some(weight));
        Ok(weight)
    }
}

/// The names in every `url(#…)` of a value.
fn references(value: &str) -> impl Iterator<Item = String> {
    value.split("url(").skip(1).filter_map(|rest| {
        let name = rest.split(')').next()?.trim().trim_matches(['"', '\'']);
        Some(name.trim().strip_prefix('#')?.to_owned())
    })
}

/// Notes what the rules of a style sheet refer to.
fn rules(style: &str, by_class: &mut HashMap<String, Vec<String>>, everywhere: &mut Vec<String>) {
    for rule in style.split('}') {
        let Some((selector, body)) = rule.rsplit_once('{') else { continue };
        let targets: Vec<String> = references(body).collect();
        if targets.is_empty() {
            continue;
        }
        for selector in selector.split(',') {
            // `.name` alone is for a class; whatever else there is may be for any element.
            let class = selector.trim().strip_prefix('.');
            let class = class.filter(|class| class.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            match class {
                Some(class) => by_class.entry(class.to_owned()).or_default().extend_from_slice(&targets),
                None => everywhere.extend_from_slice(&targets),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(inner: &str) -> String {
        format!("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{inner}</svg>")
    }

    fn chain(first: &str, link: impl Fn(usize) -> String) -> String {
        let links: String = (1..12).map(link).collect();
        svg(&format!("{first}{links}"))
    }

    #[test]
    fn what_unfolds_into_billions_is_refused() {
        let uses = chain("<g id='a0'><path d='M0 0h1'/></g>", |at| {
            format!("<g id='a{at}'>{}</g>", format!("<use href='#a{}'/>", at - 1).repeat(10))
        });
        let patterns = chain("<pattern id='a0'><path d='M0 0h1'/></pattern>", |at| {
            let path = format!("<path d='M0 0h1' fill='url(#a{})'/>", at - 1);
            format!("<pattern id='a{at}'>{}</pattern>", path.repeat(10))
        });
        let styled = chain("<style>.x0{fill:url(#p0)}</style><pattern id='p0'/>", |at| {
            let path = format!("<path class='x{}'/>", at - 1);
            format!("<style>.x{at}{{mask:url( \"#p{at}\" )}}</style><mask id='p{at}'>{}</mask>", path.repeat(10))
        });
        let marked = svg(&format!(
            "<marker id='m'>{}</marker><path marker-mid='url(#m)' d='{}'/>",
            "<path/>".repeat(1000),
            "M0 0".repeat(1000)
        ));
        for bomb in [uses, patterns, styled, marked] {
            let told = parse(&bomb).map(|_| ()).expect_err("is refused");
            assert_eq!(told, Reason::TooMuch("the document unfolds into too much"), "{bomb}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        let deep = svg(&format!("{}{}", "<g>".repeat(300), "</g>".repeat(300)));
        let long: String = (0..300).map(|at| format!("<use id='u{at}' href='#u{}'/>", at + 1)).collect();
        for document in [deep, svg(&long)] {
            let told = parse(&document).map(|_| ()).expect_err("is refused");
            assert_eq!(told, Reason::TooMuch("the elements nest too deep"));
        }
    }

    #[test]
    fn circles_entities_and_other_documents_are_no_danger() {
        parse(&svg("<use id='a' href='#b'/><g id='b'><use href='#a'/></g>")).expect("a circle weighs little");
        let entities: String =
            (1..20).map(|at| format!("<!ENTITY e{at} '{}'>", format!("&e{};", at - 1).repeat(10))).collect();
        let laughs = format!("<!DOCTYPE svg [<!ENTITY e0 'ha'>{entities}]>{}", svg("<g id='&e19;'/>"));
        assert!(matches!(parse(&laughs), Err(Reason::Damaged(_))));
        assert!(matches!(parse("<html><svg/></html>"), Err(Reason::Damaged(_))));
        let outside = format!("<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}", svg("<text>&x;</text>"));
        assert!(matches!(parse(&outside), Err(Reason::Damaged(_))));
    }

    #[test]
    fn text_is_noticed() {
        assert!(parse(&svg("<g><text>hi</text></g>")).expect("parses").1.text);
        assert!(!parse(&svg("<g/>")).expect("parses").1.text);
    }
}
