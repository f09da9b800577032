//! Style sheets: which rules with references may apply to which elements.
//!
//! Errs on the side of applying: a selector that is not understood matches every element.

use std::rc::Rc;

use resvg::usvg::roxmltree::Node;

use super::references::{self, Reference};

/// A rule that refers to something, and what its selector requires.
#[derive(Debug, Default)]
pub(super) struct Rule {
    element: SimpleSelector,
    /// Each must match some element around it.
    ancestors: Vec<SimpleSelector>,
    pub(super) references: Rc<[Reference]>,
}

/// The part of a selector for one element.
#[derive(Debug, Default)]
struct SimpleSelector {
    tag: Option<String>,
    class: Option<String>,
    id: Option<String>,
}

impl Rule {
    /// Parses the rules of a style sheet that refer to something.
    pub(super) fn parse_all(style: &str) -> Vec<Self> {
        let mut rules = Vec::new();
        for rule in style.split('}') {
            let Some((selectors, body)) = rule.rsplit_once('{') else { continue };
            let references: Rc<[Reference]> = references::in_declarations(body).collect();
            if !references.is_empty() {
                rules.extend(selectors.split(',').map(|selector| Self::new(selector, references.clone())));
            }
        }
        rules
    }

    /// The last part of a selector is for the element itself. The parts before it are for elements around it, except
    /// before `+` and `~`, which are not understood.
    fn new(selector: &str, references: Rc<[Reference]>) -> Self {
        let is_understood = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*.#:> ".contains(&byte);
        let selector = selector.trim();
        let mut parts: Vec<SimpleSelector> = if selector.bytes().all(is_understood) {
            selector.split([' ', '>']).filter(|part| !part.is_empty()).map(SimpleSelector::parse).collect()
        } else {
            Vec::new()
        };
        let element = parts.pop().unwrap_or_default();
        Self { element, ancestors: parts, references }
    }

    pub(super) fn may_apply(&self, node: Node<'_, '_>) -> bool {
        let is_around = |selector: &SimpleSelector| node.ancestors().skip(1).any(|node| selector.matches(node));
        self.element.matches(node) && self.ancestors.iter().all(is_around)
    }
}

impl SimpleSelector {
    /// Parses the tag, the first class and the id. Pseudo-classes are dropped.
    fn parse(text: &str) -> Self {
        let text = text.split(':').next().unwrap_or_default();
        let (tag, rest) = text.split_at(text.find(['.', '#']).unwrap_or(text.len()));
        let name_after = |mark: char| {
            let (_, after) = rest.split_once(mark)?;
            Some(after.split(['.', '#']).next().unwrap_or_default().to_owned())
        };
        Self {
            tag: (!tag.is_empty() && !tag.contains('*')).then(|| tag.to_owned()),
            class: name_after('.'),
            id: name_after('#'),
        }
    }

    fn matches(&self, node: Node<'_, '_>) -> bool {
        let classes = || node.attribute("class").unwrap_or_default().split_ascii_whitespace();
        self.tag.as_deref().is_none_or(|tag| tag == node.tag_name().name())
            && self.id.as_deref().is_none_or(|id| node.attribute("id") == Some(id))
            && self.class.as_deref().is_none_or(|class| classes().any(|other| other == class))
    }
}
