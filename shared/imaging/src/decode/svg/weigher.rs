//! The size of an unfolded document, computed from its elements before anything is unfolded.
//!
//! A few elements can unfold into billions: `use` draws other elements again, among them further `use` elements; so do
//! patterns, masks, clipping paths, filter images and markers. Each element is weighed once: its weight is the unfolded
//! size of the element and of everything that it refers to, and each weight is limited. A document in which an element
//! refers to itself, directly or through others, is refused, since unfolding it would not end.
//!
//! Where references are uncertain, the larger number is assumed: a style rule applies to all elements that the last
//! part of its selector might match, and what an element refers to counts for all elements within it that might inherit
//! it.

use std::collections::HashMap;
use std::rc::Rc;

use resvg::usvg::roxmltree::{Document, Node, NodeId};

use super::points;
use super::references::{self, Reference, is_drawn, is_gradient};
use super::refusal::Refusal;
use super::style::Rule;
use super::weight::Weight;

/// Deepest nesting of elements, through references too.
pub(super) const MAX_DEPTH: usize = 200;
/// Most elements with an id that is referred to.
const MAX_NAMESAKES: usize = 64;
/// Most references that elements inherit, each counted per element.
const MAX_INHERITED: usize = 4_000_000;

/// Computes the weight of elements, each once.
struct Weigher<'a, 'input> {
    /// An id may be ambiguous. Then any of its elements may be the target.
    by_id: HashMap<&'a str, Vec<Node<'a, 'input>>>,
    rules: Vec<Rule>,
    /// The references that each element may inherit, if there are any.
    inherited: HashMap<NodeId, Rc<[Reference]>>,
    weights: HashMap<NodeId, Progress>,
    /// What relative lengths may refer to.
    reference: f64,
    /// The document's weight before unfolding.
    own: Weight,
}

#[derive(Debug, Clone, Copy)]
enum Progress {
    /// Being weighed, somewhere up the call stack.
    Started,
    Weighed(Weight),
}

/// Weighs a document and checks its weight.
pub(super) fn weigh(document: &Document<'_>) -> Result<Weight, Refusal> {
    let mut weigher = Weigher::new(document);
    weigher.own.check(&weigher.own)?;
    weigher.pass_down(document)?;
    weigher.weigh(document.root_element(), 0)
}

/// All text within an element.
pub(super) fn text_content(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

impl<'a, 'input> Weigher<'a, 'input> {
    fn new(document: &'a Document<'input>) -> Self {
        let (mut by_id, mut rules): (HashMap<_, Vec<_>>, _) = (HashMap::new(), Vec::new());
        let mut reference = 0.0_f64;
        for node in document.descendants().filter(Node::is_element) {
            if let Some(id) = node.attribute("id") {
                by_id.entry(id).or_default().push(node);
            }
            reference = reference.max(points::largest_reference(node));
            if node.tag_name().name() == "style" {
                let style = text_content(node);
                rules.extend(Rule::parse_all(&style));
                if style.contains("font-size") {
                    reference = reference.max(points::largest_number(&style));
                }
            }
        }
        let mut own = Weight::default();
        for node in document.descendants().filter(Node::is_element) {
            own.add(own_weight(node, reference), 1);
        }
        Self { by_id, rules, inherited: HashMap::new(), weights: HashMap::new(), reference, own }
    }

    /// Computes what elements inherit, from the root down.
    fn pass_down(&mut self, document: &'a Document<'input>) -> Result<(), Refusal> {
        let mut count = 0;
        for node in document.descendants().filter(Node::is_element) {
            let inherited = self.inherited.get(&node.id()).cloned().unwrap_or_default();
            let own: Vec<_> = self.own_references(node).into_iter().filter(Reference::is_inherited).collect();
            let passed: Rc<[Reference]> =
                if own.is_empty() { inherited } else { inherited.iter().cloned().chain(own).collect() };
            for child in node.children().filter(|child| child.is_element() && !passed.is_empty()) {
                count += passed.len();
                if count > MAX_INHERITED {
                    return Err(Refusal::TooManyInheritedReferences);
                }
                // An element's own attribute replaces what it would inherit.
                let applies = |reference: &&Reference| child.attribute(reference.property.as_str()).is_none();
                let all_apply = passed.iter().all(|reference| applies(&reference));
                let kept = if all_apply { passed.clone() } else { passed.iter().filter(applies).cloned().collect() };
                self.inherited.insert(child.id(), kept);
            }
        }
        Ok(())
    }

    /// The references of an element by its attributes and by style rules.
    fn own_references(&self, node: Node<'_, '_>) -> Vec<Reference> {
        let mut references = references::in_attributes(node);
        let rules = self.rules.iter().filter(|rule| rule.may_apply(node));
        references.extend(rules.flat_map(|rule| rule.references.iter().cloned()));
        if is_gradient(node) {
            references.retain(Reference::is_href);
        }
        references
    }

    /// The weight of an element that is nested `depth` levels deep.
    fn weigh(&mut self, node: Node<'a, 'input>, depth: usize) -> Result<Weight, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        match self.weights.get(&node.id()) {
            Some(Progress::Weighed(weight)) if depth + weight.depth > MAX_DEPTH => return Err(Refusal::TooDeep),
            Some(Progress::Weighed(weight)) => return Ok(*weight),
            Some(Progress::Started) => return Err(Refusal::SelfReference),
            None => {}
        }
        self.weights.insert(node.id(), Progress::Started);
        let mut weight = own_weight(node, self.reference);
        for child in node.children().filter(Node::is_element) {
            weight.add(self.weigh(child, depth + 1)?, 1);
            weight.check(&self.own)?;
        }
        self.add_references(node, depth, &mut weight)?;
        // An inherited reference is counted where it is inherited from. Here it must only not lead back.
        let inherited = self.inherited.get(&node.id()).cloned().unwrap_or_default();
        for reference in inherited.iter().filter(|_| is_drawn(node)) {
            for target in self.targets(node, reference)? {
                weight.depth = weight.depth.max(self.weigh(target, depth + 1)?.depth + 1);
            }
        }
        self.weights.insert(node.id(), Progress::Weighed(weight));
        Ok(weight)
    }

    /// Adds what an element refers to. Everything within the element may inherit a pattern or a gradient and be filled
    /// with it, or inherit a marker and have it at every point. A gradient is copied for each shape.
    fn add_references(&mut self, node: Node<'a, 'input>, depth: usize, weight: &mut Weight) -> Result<(), Refusal> {
        let [mut patterns, mut gradients, mut markers, mut others] = [Weight::default(); 4];
        for reference in self.own_references(node) {
            for target in self.targets(node, &reference)? {
                let inner = self.weigh(target, depth + 1)?;
                match target.tag_name().name() {
                    "pattern" => patterns.add(inner, 1),
                    _ if is_gradient(target) && !reference.is_href() => gradients.add(inner.of_gradient(), 1),
                    "marker" => markers.add(inner, 1),
                    _ if reference.is_href() => weight.add(inner, 1),
                    _ => others.add(inner, 1),
                }
                weight.check(&self.own)?;
            }
        }
        let Weight { elements, points, .. } = *weight;
        weight.add(others, 1);
        weight.add(patterns, elements);
        weight.add(gradients, elements);
        weight.add(markers, points);
        weight.check(&self.own)
    }

    /// The elements that a reference may lead to. An element within a marker is drawn without that marker, even if a
    /// style rule for all paths gives it the marker.
    fn targets(&self, node: Node<'a, 'input>, reference: &Reference) -> Result<Vec<Node<'a, 'input>>, Refusal> {
        let targets = self.by_id.get(reference.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if targets.len() > MAX_NAMESAKES {
            return Err(Refusal::TooManyNamesakes);
        }
        let is_marker_around = |target: &Node<'_, '_>| {
            target.tag_name().name() == "marker" && node.ancestors().any(|around| around == *target)
        };
        Ok(targets.iter().copied().filter(|target| !is_marker_around(target)).collect())
    }
}

/// The weight of an element without its children and references.
fn own_weight(node: Node<'_, '_>, reference: f64) -> Weight {
    let mut weight = Weight { elements: 1, points: points::count(node, reference), ..Weight::default() };
    for attribute in node.attributes() {
        let (value, length) = (attribute.value(), attribute.value().len() as u64);
        if attribute.name() == "href" && value.trim_start().starts_with("data:") {
            weight.image_bytes += length;
        } else {
            weight.attribute_bytes += length;
        }
    }
    weight
}
