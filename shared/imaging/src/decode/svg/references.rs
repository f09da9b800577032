//! References between elements of a document.

use resvg::usvg::roxmltree::Node;

/// A reference to an element, by a property or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Name of the property or attribute.
    pub(super) property: String,
    /// Id of the element that is referred to.
    pub(super) id: String,
}

impl Reference {
    /// Whether the elements within the referring one inherit this.
    pub(super) fn is_inherited(&self) -> bool {
        !["clip-path", "mask", "filter", "href"].contains(&self.property.as_str())
    }

    /// Whether this draws the element in place, as `use` does.
    pub(super) fn is_href(&self) -> bool {
        self.property == "href"
    }
}

/// Ids in all `url(#…)` of a value.
pub(super) fn urls(value: &str) -> impl Iterator<Item = &str> {
    value.split("url(").skip(1).filter_map(|rest| {
        let name = rest.split(')').next()?.trim().trim_matches(['"', '\'']);
        name.trim().strip_prefix('#')
    })
}

/// References in the declarations of a style.
pub(super) fn in_declarations(style: &str) -> impl Iterator<Item = Reference> {
    style.split(';').filter_map(|declaration| declaration.split_once(':')).flat_map(|(property, value)| {
        urls(value).map(move |id| Reference { property: property.trim().into(), id: id.into() })
    })
}

/// References in the attributes of an element.
pub(super) fn in_attributes(node: Node<'_, '_>) -> Vec<Reference> {
    let mut references = Vec::new();
    for attribute in node.attributes() {
        match (attribute.name(), attribute.value()) {
            ("href", value) => {
                let id = value.trim().strip_prefix('#');
                references.extend(id.map(|id| Reference { property: "href".into(), id: id.into() }));
            }
            ("style", value) => references.extend(in_declarations(value)),
            (name, value) => {
                references.extend(urls(value).map(|id| Reference { property: name.into(), id: id.into() }));
            }
        }
    }
    references
}

/// Whether an element uses what it inherits, instead of only passing it on to the elements within it.
pub(super) fn is_drawn(node: Node<'_, '_>) -> bool {
    const CONTAINERS: [&str; 11] =
        ["a", "clipPath", "defs", "filter", "g", "marker", "mask", "pattern", "svg", "switch", "symbol"];
    !CONTAINERS.contains(&node.tag_name().name()) && !is_gradient(node)
}

/// Gradients are not drawn themselves, so they can refer to other gradients only.
pub(super) fn is_gradient(node: Node<'_, '_>) -> bool {
    matches!(node.tag_name().name(), "linearGradient" | "radialGradient" | "stop")
}
