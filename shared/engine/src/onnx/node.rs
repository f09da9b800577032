//! The inputs and attributes of a node.

use rten_onnx::onnx::{AttributeProto, NodeProto};

use crate::error::Error;

/// The name of the node's operator, such as `Conv`.
pub(super) fn operator(node: &NodeProto) -> &str {
    node.op_type.as_deref().unwrap_or("")
}

/// The name of an input.
///
/// # Errors
/// [`Error::Malformed`] if it is missing.
pub(super) fn input(node: &NodeProto, at: usize) -> Result<&str, Error> {
    let name = node.input.get(at).map(String::as_str);
    name.ok_or_else(|| Error::malformed(format!("the operator {} lacks an input", operator(node))))
}

pub(super) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name))
}

pub(super) fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    attribute(node, name).and_then(|attribute| attribute.i).unwrap_or(default)
}

/// The numbers of an attribute; empty if it is missing.
pub(super) fn ints<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    attribute(node, name).map(|attribute| attribute.ints.as_slice()).unwrap_or_default()
}

pub(super) fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a str> {
    attribute(node, name).and_then(|attribute| attribute.s.as_deref())
}

/// A size of at least 1.
///
/// # Errors
/// [`Error::Unsupported`].
pub(super) fn size(number: i64) -> Result<usize, Error> {
    let size = u32::try_from(number).ok().filter(|size| *size > 0);
    size.map(|size| size as usize).ok_or_else(|| Error::unsupported(format!("a size of {number}")))
}
