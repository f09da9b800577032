//! Parsing a document that is safe to unfold.

use std::collections::HashMap;

use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};

use super::references::urls;
use super::refusal::Refusal;
use super::weigher::{self, MAX_DEPTH, text_content};
use crate::decode::xml;

/// Longest document in bytes. Long ones consist mostly of embedded images.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// Most nodes, before unfolding.
const MAX_NODES: u32 = 500_000;
/// Limits the cost of style sheets: each rule is tried on each element. An element counts once, plus once per this many
/// bytes of the attribute values that rules may search.
const ATTRIBUTE_BYTES_PER_ELEMENT: u64 = 8;
/// Most pairs of a rule, or a reference in one, and an element.
const MAX_RULE_APPLICATIONS: u64 = 10_000_000;

/// Contents that need a warning, and the size of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) has_text: bool,
    /// Bytes that the unfolded tree takes, at most.
    pub(super) tree_bytes: u64,
}

/// Parses a document and checks that unfolding it is cheap.
pub(super) fn parse(text: &str) -> Result<(Document<'_>, Contents), Refusal> {
    if text.len() > MAX_BYTES {
        return Err(Refusal::TooLong);
    }
    xml::check(text)?;
    // Illustrator's files have a document type with entities. The parser limits their expansion and does not load
    // external ones.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(Refusal::InvalidXml)?;
    let root = document.root_element();
    if root.tag_name().name() != "svg" {
        return Err(Refusal::NotSvg);
    }
    check_depth(&document)?;
    check_style(&document)?;
    let tree_bytes = weigher::weigh(&document)?.tree_bytes();
    let has_text = document.descendants().any(|node| node.is_element() && node.tag_name().name() == "text");
    Ok((document, Contents { has_text, tree_bytes }))
}

/// Checks the nesting of elements without recursion, since recursion is what deep nesting breaks.
fn check_depth(document: &Document<'_>) -> Result<(), Refusal> {
    let mut depths = HashMap::new();
    for node in document.descendants().filter(Node::is_element) {
        let depth = node.parent().and_then(|parent| depths.get(&parent.id())).map_or(0, |depth| depth + 1);
        if depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        depths.insert(node.id(), depth);
    }
    Ok(())
}

/// Checks the cost of applying style sheets.
fn check_style(document: &Document<'_>) -> Result<(), Refusal> {
    let (mut elements, mut rules, mut searches_values) = (0_u64, 0_usize, false);
    for style in document.descendants().filter(|node| node.tag_name().name() == "style") {
        let style = text_content(style);
        rules += style.bytes().filter(|byte| matches!(byte, b'{' | b',')).count() + urls(&style).count();
        searches_values |= style.contains('[');
    }
    for node in document.descendants().filter(Node::is_element) {
        elements += 1;
        // A selector for a class always searches the attribute's value; one for part of a value searches any attribute.
        let searched = node.attributes().filter(|attribute| searches_values || attribute.name() == "class");
        elements += searched.map(|attribute| attribute.value().len() as u64 / ATTRIBUTE_BYTES_PER_ELEMENT).sum::<u64>();
    }
    if elements.saturating_mul(rules as u64) > MAX_RULE_APPLICATIONS {
        return Err(Refusal::TooManyStyleRules);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
