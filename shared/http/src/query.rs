//! The fields of a query.

use std::borrow::Cow;

use crate::field_errors::{FieldErrors, SENT_TWICE};

/// Why a value is invalid.
pub(crate) type Fault = Cow<'static, str>;

/// The fields of a query while they are read. As in a body, an empty value counts as missing.
pub(crate) struct Query<'a> {
    text: &'a str,
    faults: FieldErrors,
}

impl<'a> Query<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, faults: FieldErrors::default() }
    }

    /// The value of a field; `None` if it is missing or empty, or if it is invalid, whose fault is kept.
    pub(crate) fn value<T>(&mut self, field: &'static str, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        #[cfg(test)]
        crate::reads::note(field);
        let mut values = url::form_urlencoded::parse(self.text.as_bytes()).filter(|(name, _)| name == field);
        let value = match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(SENT_TWICE.into()),
            (Some((_, text)), None) if !text.is_empty() => parse(&text).map(Some),
            (_, None) | (None, Some(_)) => Ok(None),
        };
        value.unwrap_or_else(|fault| {
            self.faults.add(field, fault);
            None
        })
    }

    /// `value`, unless a field was invalid.
    ///
    /// # Errors
    /// The faults of all fields.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, FieldErrors> {
        if self.faults.is_empty() { Ok(value) } else { Err(self.faults) }
    }
}
