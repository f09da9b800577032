//! Reading a JSON body.

use cutline_core::domain::json::{Document, REPEATED};
use serde_json::Value;

use crate::error::ApiError;
use crate::field::{Field, Fields};
use crate::field_errors::{FieldErrors, SENT_TWICE};

/// Parses the members of a JSON object, and reports the members that occur more than once at any depth.
///
/// # Errors
/// 400 for malformed JSON or JSON that is not an object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Fields, ApiError> {
    let Document { value, repeated } = document(bytes)?;
    let Value::Object(members) = value else {
        return Err(ApiError::BadRequest("The body must be a JSON object.".to_owned()));
    };
    let mut errors = FieldErrors::default();
    for path in repeated {
        let is_field = members.contains_key(&path);
        errors.add(path, if is_field { SENT_TWICE } else { REPEATED });
    }
    let list = members.into_iter().map(|(name, value)| Field { name, value: value.into() }).collect();
    Ok(Fields { list, errors, ..Fields::default() })
}

/// Parses a JSON document.
///
/// # Errors
/// 400 for malformed JSON.
pub(crate) fn document(bytes: &[u8]) -> Result<Document, ApiError> {
    Document::parse(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        ApiError::BadRequest(format!("The body is not valid JSON: see line {line}, column {column}."))
    })
}
