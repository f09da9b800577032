//! Fields for tests of the validation.

use bytes::Bytes;
use cutline_core::OwnerId;
use serde_json::Value;

use super::submission;
use crate::field::{FILE, Field, FieldValue};

pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1A\nrest";

pub(super) fn owner() -> OwnerId {
    "shop".parse().expect("an owner")
}

pub(super) fn text(name: &str, text: &str) -> Field {
    field(name, FieldValue::Text(text.to_owned()))
}

pub(super) fn field(name: &str, value: FieldValue) -> Field {
    Field { name: name.to_owned(), value }
}

pub(super) fn file(bytes: &'static [u8]) -> Field {
    field(FILE, FieldValue::File(Bytes::from_static(bytes)))
}

/// A valid request.
pub(super) fn valid_fields() -> Vec<Field> {
    vec![text("file_url", "https://example.com/cup.jpg"), text("mode", "background")]
}

/// The errors of an invalid request, as JSON.
pub(super) fn errors(fields: Vec<Field>) -> Value {
    let errors = submission(owner(), fields).expect_err("errors");
    serde_json::to_value(errors).expect("serializes")
}
