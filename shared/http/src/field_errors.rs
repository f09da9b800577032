//! The validation errors of a request's fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cutline_core::domain::params::{InvalidParams, ParamFault};
use serde::Serialize;

/// The field of a parameter set, and the first step of the paths of its faults.
pub(crate) const PARAMS: &str = "params";

/// The message for a field that occurs more than once.
pub(crate) const SENT_TWICE: &str = "This field was sent more than once.";

/// The messages for each invalid field.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct FieldErrors(BTreeMap<Cow<'static, str>, Vec<String>>);

impl FieldErrors {
    /// Adds a message to a field.
    pub(crate) fn add(&mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(message.into());
    }

    /// Adds the faults of a parameter set, each under its path: `params.shadow_top.blur`, or `params` for the
    /// document itself.
    pub(crate) fn add_params(&mut self, InvalidParams(faults): InvalidParams) {
        for ParamFault { path, message } in faults {
            match path.as_str() {
                "" => self.add(PARAMS, message),
                path => self.add(format!("{PARAMS}.{path}"), message),
            }
        }
    }

    /// Whether every field is valid.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
