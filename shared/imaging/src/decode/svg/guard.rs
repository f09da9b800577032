//! What an SVG may unfold into, told from its elements before anything is unfolded.
//!
//! A few elements can stand for billions: `use` draws others anew, which may be of `use` themselves; so do patterns,
//! masks, clipping paths, filters' pictures and markers. Each element is weighed by what it and all that it refers to
//! unfold into, and the whole is held to a limit, in weight and in depth. A document in which something refers to
//! itself, over however many others, is refused: what unfolds it would not come to an end.
//!
//! Where it is not certain what an element refers to, more is taken to be referred to than is: a rule of style counts
//! for all that the last part of its selector might stand for, and what an element refers to counts for all within
//! it that might inherit it.

use std::collections::HashMap;
use std::rc::Rc;

use resvg::usvg::roxmltree::{Document, Node, NodeId, ParsingOptions};

use super::super::xml;

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
/// The most bytes of pictures that it unfolds into, each decoded as often as it is drawn.
const MAX_PICTURES: u64 = 128 << 20;
/// The most pairs of a rule of a style sheet and an element, since each rule is tried on each; with what the rule
/// refers to, and with what it looks through of the attributes.
const MAX_RULES: u64 = 10_000_000;

/// The most elements of one name that is referred to.
const MAX_NAMESAKES: usize = 64;
/// The points of a shape that is no path.
const POINTS: u64 = 8;
/// The most references that elements inherit, each time counted.
const MAX_INHERITED: usize = 4_000_000;

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
    /// Bytes of pictures.
    pictures: u64,
    /// Points of paths, at each of which a marker may stand.
    points: u64,
    depth: usize,
}

impl Weight {
    /// Adds something that is drawn so many times.
    fn add(&mut self, part: Self, times: u64) {
        let sum = |of: u64, part: u64| of.saturating_add(part.saturating_mul(times));
        self.elements = sum(self.elements, part.elements);
        self.text = sum(self.text, part.text);
        self.pictures = sum(self.pictures, part.pictures);
        self.points = sum(self.points, part.points);
        self.depth = self.depth.max(part.depth + 1);
    }

    fn check(&self) -> Result<(), Reason> {
        if self.elements > MAX_WEIGHT || self.text > MAX_TEXT || self.pictures > MAX_PICTURES {
            return Err(Reason::TooMuch("the document unfolds into too much"));
        }
        Ok(())
    }
}

/// Parses a document that may be drawn.
pub(super) fn parse(text: &str) -> Result<(Document<'_>, Found), Reason> {
    if text.len() > MAX_BYTES {
        return Err(Reason::TooMuch("the document is too long"));
    }
    xml::check(text).map_err(Reason::TooMuch)?;
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
    let (mut found, mut elements, mut rules) = (Found::default(), 0_u64, 0_usize);
    let styles = || document.descendants().filter(|node| node.tag_name().name() == "style");
    let looks_through = styles().any(|style| text_of(style).contains('['));
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
                rules += style.bytes().filter(|byte| matches!(byte, b'{' | b',')).count() + urls(&style).count();
            }
            _ => {}
        }
        // A selector for a part of an attribute's value looks through the value, and one for a class does always.
        for attribute in node.attributes().filter(|attribute| looks_through || attribute.name() == "class") {
            elements += attribute.value().len() as u64 / 8;
        }
    }
    if elements.saturating_mul(rules as u64) > MAX_RULES {
        return Err(Reason::TooMuch("there are too many rules of style"));
    }
    Scale::new(document)?.weigh(root, 0)?;
    Ok(found)
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

/// That something refers to an element, by a property or an attribute of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    by: String,
    id: String,
}

impl Reference {
    /// Whether what is within an element has this of it.
    fn is_inherited(&self) -> bool {
        !["clip-path", "mask", "filter", "href"].contains(&self.by.as_str())
    }
}

/// A rule of style that refers to something, and what there must be for it to apply, as far as that is told.
#[derive(Debug, Default)]
struct Rule {
    itself: Part,
    /// Each of some element around it.
    around: Vec<Part>,
    references: Rc<[Reference]>,
}

/// What a part of a selector demands of one element.
#[derive(Debug, Default)]
struct Part {
    tag: Option<String>,
    class: Option<String>,
    id: Option<String>,
}

impl Rule {
    fn may_apply(&self, node: Node<'_, '_>) -> bool {
        let around = |part: &Part| node.ancestors().skip(1).any(|node| part.fits(node));
        self.itself.fits(node) && self.around.iter().all(around)
    }
}

impl Part {
    fn fits(&self, node: Node<'_, '_>) -> bool {
        let classes = || node.attribute("class").unwrap_or_default().split_ascii_whitespace();
        self.tag.as_deref().is_none_or(|tag| tag == node.tag_name().name())
            && self.id.as_deref().is_none_or(|id| node.attribute("id") == Some(id))
            && self.class.as_deref().is_none_or(|class| classes().any(|other| other == class))
    }
}

/// Weighs elements, each once.
struct Scale<'a, 'input> {
    /// Of several elements of one name, any may be meant.
    by_id: HashMap<&'a str, Vec<Node<'a, 'input>>>,
    rules: Vec<Rule>,
    /// What each element may inherit, if that is anything.
    inherited: HashMap<NodeId, Rc<[Reference]>>,
    known: HashMap<NodeId, Option<Weight>>,
}

impl<'a, 'input> Scale<'a, 'input> {
    fn new(document: &'a Document<'input>) -> Result<Self, Reason> {
        let (mut by_id, mut rules): (HashMap<_, Vec<_>>, _) = (HashMap::new(), Vec::new());
        for node in document.descendants().filter(Node::is_element) {
            if let Some(id) = node.attribute("id") {
                by_id.entry(id).or_default().push(node);
            }
            if node.tag_name().name() == "style" {
                add_rules(&text_of(node), &mut rules);
            }
        }
        let mut scale = Self { by_id, rules, inherited: HashMap::new(), known: HashMap::new() };
        scale.hand_down(document)?;
        Ok(scale)
    }

    /// Notes what elements inherit of those around them.
    fn hand_down(&mut self, document: &'a Document<'input>) -> Result<(), Reason> {
        let mut count = 0;
        for node in document.descendants().filter(Node::is_element) {
            let inherited = self.inherited.get(&node.id()).cloned().unwrap_or_default();
            let own: Vec<_> = self.own(node).into_iter().filter(Reference::is_inherited).collect();
            let handed = if own.is_empty() { inherited } else { inherited.iter().cloned().chain(own).collect() };
            for part in node.children().filter(|part| part.is_element() && !handed.is_empty()) {
                count += handed.len();
                if count > MAX_INHERITED {
                    return Err(Reason::TooMuch("too many references are inherited"));
                }
                // An attribute of its own takes the place of what it would inherit.
                let applies = |reference: &&Reference| part.attribute(reference.by.as_str()).is_none();
                let all = handed.iter().all(|reference| applies(&reference));
                let kept = if all { handed.clone() } else { handed.iter().filter(applies).cloned().collect() };
                self.inherited.insert(part.id(), kept);
            }
        }
        Ok(())
    }

    /// What an element refers to itself, or by a rule of style.
    fn own(&self, node: Node<'_, '_>) -> Vec<Reference> {
        let mut found = Vec::new();
        for attribute in node.attributes() {
            match (attribute.name(), attribute.value()) {
                ("href", value) => {
                    let id = value.trim().strip_prefix('#');
                    found.extend(id.map(|id| Reference { by: "href".into(), id: id.into() }));
                }
                ("style", value) => found.extend(declared(value)),
                (name, value) => found.extend(urls(value).map(|id| Reference { by: name.into(), id: id.into() })),
            }
        }
        let rules = self.rules.iter().filter(|rule| rule.may_apply(node));
        found.extend(rules.flat_map(|rule| rule.references.iter().cloned()));
        if is_gradient(node) {
            found.retain(|reference| reference.by == "href");
        }
        found
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
            Some(None) => return Err(Reason::TooMuch("an element refers to itself")),
            None => {}
        }
        self.known.insert(node.id(), None);
        let mut weight = Weight { elements: 1, points: POINTS, ..Weight::default() };
        for attribute in node.attributes() {
            let value = attribute.value();
            if attribute.name() == "href" && value.trim_start().starts_with("data:") {
                weight.pictures += value.len() as u64;
                continue;
            }
            weight.text += value.len() as u64;
            if matches!(attribute.name(), "d" | "points") {
                // A number takes two letters, and a point as much; but an arc becomes up to four curves.
                let curves = if value.contains(['a', 'A']) { 4 } else { 1 };
                weight.points += (value.len() as u64 / 2 + 1) * curves;
            }
        }
        for part in node.children().filter(Node::is_element) {
            weight.add(self.weigh(part, depth + 1)?, 1);
            weight.check()?;
        }
        let (mut patterns, mut markers, mut others) = (Weight::default(), Weight::default(), Weight::default());
        for reference in self.own(node) {
            for to in self.referred(node, &reference)? {
                let part = self.weigh(to, depth + 1)?;
                match to.tag_name().name() {
                    "pattern" => patterns.add(part, 1),
                    "marker" => markers.add(part, 1),
                    _ if reference.by == "href" => weight.add(part, 1),
                    _ => others.add(part, 1),
                }
                weight.check()?;
            }
        }
        // All within it may be filled with those anew, or have them at every point.
        let within = weight;
        for (weights, times) in [(others, 1), (patterns, within.elements), (markers, within.points)] {
            weight.add(weights, times);
        }
        weight.check()?;
        // That has its weight from where it is inherited from; here it must only not lead back.
        let inherited = self.inherited.get(&node.id()).cloned().unwrap_or_default();
        for reference in inherited.iter().filter(|_| is_drawn(node)) {
            for to in self.referred(node, reference)? {
                weight.depth = weight.depth.max(self.weigh(to, depth + 1)?.depth + 1);
            }
        }
        self.known.insert(node.id(), Some(weight));
        Ok(weight)
    }

    /// What a reference of an element may lead to. What stands in a marker is drawn without that marker, which a rule
    /// for all paths would give it.
    fn referred(&self, node: Node<'a, 'input>, reference: &Reference) -> Result<Vec<Node<'a, 'input>>, Reason> {
        let inside = |to: Node<'_, '_>| to.tag_name().name() == "marker" && node.ancestors().any(|around| around == to);
        let found = self.by_id.get(reference.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if found.len() > MAX_NAMESAKES {
            return Err(Reason::TooMuch("too many elements have the same name"));
        }
        Ok(found.iter().copied().filter(|to| !inside(*to)).collect())
    }
}

/// Whether an element has a use for what it inherits. Those that only hold others hand it on.
fn is_drawn(node: Node<'_, '_>) -> bool {
    const HOLDERS: [&str; 11] =
        ["a", "clipPath", "defs", "filter", "g", "marker", "mask", "pattern", "svg", "switch", "symbol"];
    !HOLDERS.contains(&node.tag_name().name()) && !is_gradient(node)
}

/// These are not drawn themselves, so they can refer to others of their kind alone.
fn is_gradient(node: Node<'_, '_>) -> bool {
    matches!(node.tag_name().name(), "linearGradient" | "radialGradient" | "stop")
}

/// The names in every `url(#…)` of a value.
fn urls(value: &str) -> impl Iterator<Item = &str> {
    value.split("url(").skip(1).filter_map(|rest| {
        let name = rest.split(')').next()?.trim().trim_matches(['"', '\'']);
        name.trim().strip_prefix('#')
    })
}

/// What the declarations of a style refer to.
fn declared(style: &str) -> impl Iterator<Item = Reference> {
    style.split(';').filter_map(|declaration| declaration.split_once(':')).flat_map(|(property, value)| {
        urls(value).map(move |id| Reference { by: property.trim().into(), id: id.into() })
    })
}

/// Notes the rules of a style sheet that refer to something.
fn add_rules(style: &str, rules: &mut Vec<Rule>) {
    for rule in style.split('}') {
        let Some((selectors, body)) = rule.rsplit_once('{') else { continue };
        let references: Rc<[Reference]> = declared(body).collect();
        if !references.is_empty() {
            rules.extend(selectors.split(',').map(|selector| rule_of(selector, references.clone())));
        }
    }
}

/// The last part of a selector is for the element itself, those before it for what it stands in, unless it is for what
/// follows something. What is not understood demands nothing.
fn rule_of(selector: &str, references: Rc<[Reference]>) -> Rule {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-_*.#:> ".contains(&b);
    let selector = selector.trim();
    let mut parts: Vec<Part> = match selector.bytes().all(known) {
        true => selector.split([' ', '>']).filter(|part| !part.is_empty()).map(part_of).collect(),
        false => Vec::new(),
    };
    let itself = parts.pop().unwrap_or_default();
    Rule { itself, around: parts, references }
}

/// Of a name for an element, a class and an id what is there. Of several classes the first counts.
fn part_of(text: &str) -> Part {
    let text = text.split(':').next().unwrap_or_default();
    let (tag, rest) = text.split_at(text.find(['.', '#']).unwrap_or(text.len()));
    let part = |mark: char| {
        let (_, after) = rest.split_once(mark)?;
        Some(after.split(['.', '#']).next().unwrap_or_default().to_owned())
    };
    Part { tag: (!tag.is_empty() && !tag.contains('*')).then(|| tag.to_owned()), class: part('.'), id: part('#') }
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
        let nested = chain("<marker id='a0'><path d='M0 0h1'/></marker>", |at| {
            let path = format!("<path d='M0 0l.1.1.1.1.1.1' marker-mid='url(#a{})'/>", at - 1);
            format!("<marker id='a{at}'>{path}</marker>")
        });
        let inherited =
            svg(&format!("<pattern id='p'>{0}</pattern><g fill='url(#p)'>{0}</g>", "<path d='M0 0h1'/>".repeat(2000)));
        let used = svg(&format!(
            "<pattern id='p'>{0}</pattern><g id='g'>{0}</g><use fill='url(#p)' href='#g'/>",
            "<path/>".repeat(2000)
        ));
        let twice = format!("<g id='a'/><g id='a'>{}</g>", "<path/>".repeat(2000));
        let twice = svg(&format!("{twice}{}", "<use href='#a'/>".repeat(2000)));
        let pictures = svg(&format!(
            "<image id='i' href='data:image/png;base64,{}'/>{}",
            "A".repeat(1 << 20),
            "<use href='#i'/>".repeat(200)
        ));
        for bomb in [uses, patterns, styled, marked, nested, inherited, used, twice, pictures] {
            let told = parse(&bomb).map(|_| ()).expect_err("is refused");
            assert_eq!(told, Reason::TooMuch("the document unfolds into too much"), "{}", &bomb[..bomb.len().min(200)]);
        }
    }

    #[test]
    fn style_sheets_are_held_to_a_limit() {
        let paths = "<path/>".repeat(2000);
        let many = format!("<style>{}</style>{paths}", "a{b:c}".repeat(6000));
        let one = format!("<style>*{{{}}}</style>{paths}", "fill:url(#a);".repeat(6000));
        let long = format!("<style>{}</style><path d='{}'/>", "[d~=x]{b:c}".repeat(100), "0 ".repeat(500_000));
        for sheet in [many, one, long] {
            let told = parse(&svg(&sheet)).map(|_| ()).expect_err("is refused");
            assert_eq!(told, Reason::TooMuch("there are too many rules of style"));
        }
    }

    #[test]
    fn what_is_inherited_and_what_has_one_name_is_held_to_a_limit() {
        let many: String = (0..2000).map(|at| format!("fill:url(#a{at});")).collect();
        let handed = format!("<g style='{many}'>{}</g>", "<path/>".repeat(3000));
        let namesakes = format!("{}<path fill='url(#a)'/>", "<linearGradient id='a'/>".repeat(65));
        for (document, why) in
            [(handed, "too many references are inherited"), (namesakes, "too many elements have the same name")]
        {
            assert_eq!(parse(&svg(&document)).map(|_| ()), Err(Reason::TooMuch(why)));
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
    fn what_refers_to_itself_is_refused() {
        let pattern = |at: &str, inner: &str| format!("<pattern id='{at}' width='1' height='1'>{inner}</pattern>");
        let filled = |by: &str, with: &str| format!("<path d='M0 0h1v1z' {by}='url(#{with})'/>");
        let path = "<path d='M0 0h1v1z'/>";
        let circles = [
            "<use id='a' href='#b'/><g id='b'><use href='#a'/></g>".to_owned(),
            ["ab", "bc", "ca"].map(|ends| pattern(&ends[..1], &filled("fill", &ends[1..]))).concat(),
            pattern("a", &filled("fill", "b")) + &pattern("b", &filled("stroke", "a")),
            pattern("a", &filled("style='x:y' mask", "b")) + &format!("<mask id='b'>{}</mask>", filled("fill", "a")),
            pattern("a", "<path style='stroke:red;fill:url( \"#a\" )'/>"),
            "<linearGradient id='a' href='#b'/><linearGradient id='b' href='#c'/><linearGradient id='c' href='#b'/>"
                .into(),
            // By what is inherited from around the pattern, and by rules of style.
            format!("<g fill='url(#a)'>{}</g>", pattern("a", path)),
            format!("<g fill='url(#a)'>{}</g>{path}", pattern("a", "<use href='#x'/>")).replace("h1v1z'", "h1' id='x'"),
            format!("<style>.f{{fill:url(#a)}}</style>{}", pattern("a", "<path class='e f' d='M0 0h1'/>")),
            format!("<style>g > path:first-child{{fill:url(#a)}}</style><g>{}</g>", pattern("a", path)),
            format!("<style>[x='a b']{{fill:url(#a)}}</style>{}", pattern("a", path)),
            format!("<style>g path{{fill:url(#a)}}</style><g>{}</g>", pattern("a", path)),
            format!("<style>#x/**/{{mask:url(#a)}}</style><mask id='a'>{path}</mask>"),
            "<filter id='f'><feImage href='#g'/></filter><g id='g'><path filter='url(#f)'/></g>".into(),
            format!(
                "<marker id='a'>{}</marker><marker id='b'>{}</marker>",
                filled("marker-mid", "b"),
                filled("marker-end", "a")
            ),
        ];
        for circle in circles {
            let told = parse(&svg(&circle)).map(|_| ());
            assert_eq!(told, Err(Reason::TooMuch("an element refers to itself")), "{circle}");
        }
    }

    #[test]
    fn what_only_looks_like_a_circle_is_drawn() {
        for drawn in [
            "<style>.a,#b path{fill:url(#p)}rect{fill:url(#g)}</style><g id='b'/><pattern id='p'><path/><rect/></pattern>\
             <linearGradient id='g'><stop/></linearGradient><path class='a'/>",
            "<style>path{marker-end:url(#m)}</style><marker id='m'><path d='M0 0h1'/></marker><path d='M0 0h9'/>",
            "<style>*{fill:url(#g)}</style><linearGradient id='g'><stop/></linearGradient><path/>",
            "<g fill='url(#p)'><pattern id='p'><path fill='red'/></pattern><path/></g>",
            "<g mask='url(#m)'><mask id='m'><path/></mask><path/></g>",
        ] {
            parse(&svg(drawn)).map(|_| ()).expect(drawn);
        }
    }

    #[test]
    fn entities_and_other_documents_are_no_danger() {
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
