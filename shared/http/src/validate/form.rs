//! The fields of an upload while they are validated.

use std::borrow::Cow;
use std::str::FromStr;

use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::params::InvalidParams;
use cutline_core::domain::rendering::OutOfRange;

use crate::field::{Field, FieldValue, Fields, MAX_TEXT_BYTES};
use crate::field_errors::{FieldErrors, SENT_TWICE};
use crate::size::format_bytes;

/// The field is invalid, and the [`Form`] holds the message.
#[derive(Debug)]
pub(super) struct Rejected;

/// A valid value, or the sign that its error is in the [`Form`].
pub(super) type Checked<T> = Result<T, Rejected>;

/// The fields not yet validated, and the errors so far.
pub(super) struct Form {
    fields: Vec<Field>,
    pub(super) file_name: Option<String>,
    /// The kinds of picture that cannot be decoded, so that files of them are refused.
    pub(super) undecodable: &'static [ImageKind],
    errors: FieldErrors,
}

impl Form {
    pub(super) fn new(Fields { list, file_name, errors }: Fields) -> Self {
        Self { fields: list, file_name, undecodable: &[], errors }
    }

    /// The same form, which refuses files of these kinds.
    pub(super) fn refusing(self, undecodable: &'static [ImageKind]) -> Self {
        Self { undecodable, ..self }
    }

    /// The result of `build`, or every recorded error.
    pub(super) fn finish<T>(self, build: impl FnOnce() -> Checked<T>) -> Result<T, FieldErrors> {
        match build() {
            Ok(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }

    /// Records an error.
    pub(super) fn reject(&mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Rejected {
        self.errors.add(field, message);
        Rejected
    }

    /// Records the errors of a parameter set.
    pub(super) fn reject_params(&mut self, invalid: InvalidParams) -> Rejected {
        self.errors.add_params(invalid);
        Rejected
    }

    /// Takes the first field with this name. Records an error if there are more.
    pub(super) fn take(&mut self, name: &'static str) -> Option<FieldValue> {
        #[cfg(test)]
        crate::reads::note(name);
        let mut with_name = self.fields.extract_if(.., |field| field.name == name);
        let first = with_name.next();
        if with_name.next().is_some() {
            drop(with_name);
            self.errors.add(name, SENT_TWICE);
        }
        first.map(|field| field.value).filter(|value| *value != FieldValue::Empty)
    }

    /// The first field with this name, which stays.
    pub(super) fn peek(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    /// Takes a text field.
    pub(super) fn text(&mut self, name: &'static str) -> Checked<Option<String>> {
        self.take(name).map(|value| self.check_text(name, value)).transpose()
    }

    /// The text of a value.
    pub(super) fn check_text(&mut self, name: &'static str, value: FieldValue) -> Checked<String> {
        match value {
            FieldValue::Text(text) => Ok(text),
            FieldValue::InvalidUtf8 | FieldValue::TooLong => Err(self.reject(name, invalid_text())),
            FieldValue::Empty
            | FieldValue::File(_)
            | FieldValue::Scalar(_)
            | FieldValue::Object(_)
            | FieldValue::Array(_) => Err(self.reject(name, "This value must be a string.")),
        }
    }

    /// Takes a field whose text is one of these names.
    pub(super) fn choice<T: FromStr>(
        &mut self,
        field: &'static str,
        names: impl IntoIterator<Item = &'static str>,
    ) -> Checked<Option<T>> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        self.chosen(field, &text, names).map(Some)
    }

    /// The choice that a text names.
    pub(super) fn chosen<T: FromStr>(
        &mut self,
        field: &'static str,
        text: &str,
        names: impl IntoIterator<Item = &'static str>,
    ) -> Checked<T> {
        text.parse().map_err(|_| {
            let names: Vec<_> = names.into_iter().collect();
            self.reject(field, "The value you selected is not a valid choice.");
            self.reject(field, format!("Available in this version: {}.", names.join(", ")))
        })
    }

    /// Takes a number or boolean, as a JSON scalar or as text. The message for an invalid value states the valid
    /// values.
    pub(super) fn setting<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, OutOfRange>,
    ) -> Checked<Option<T>> {
        let text = match self.take(name) {
            None => return Ok(None),
            Some(FieldValue::Text(text) | FieldValue::Scalar(text)) => text,
            // No setting accepts the empty text.
            Some(_) => String::new(),
        };
        parse(&text).map(Some).map_err(|error| self.reject_out_of_range(name, error))
    }

    pub(super) fn reject_out_of_range(&mut self, name: &'static str, OutOfRange(range): OutOfRange) -> Rejected {
        self.reject(name, format!("This value must be {range}."))
    }
}

/// A whole number, as a JSON scalar or as text. Some languages spell it `80.0`.
pub(super) fn whole<T: FromStr>(text: &str) -> Option<T> {
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// The message for a part that is too long or not UTF-8.
pub(super) fn invalid_text() -> String {
    format!("This value must be UTF-8 text of at most {}.", format_bytes(MAX_TEXT_BYTES))
}
