//! Reading the fields of a JSON body.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::error::ApiError;
use crate::field::Field;

/// Parses the members of a JSON object, in their order and with duplicates.
///
/// # Errors
/// 400 for malformed JSON or JSON that is not an object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Field>, ApiError> {
    match serde_json::from_slice(bytes) {
        Ok(JsonObject(fields)) => Ok(fields),
        Err(error) if error.is_data() => Err(ApiError::BadRequest("The body must be a JSON object.".to_owned())),
        Err(error) => Err(malformed(&error)),
    }
}

/// The 400 for malformed JSON.
pub(crate) fn malformed(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::BadRequest(format!("The body is not valid JSON: see line {line}, column {column}."))
}

/// `serde_json::Map` would drop duplicates, which are a validation error.
struct JsonObject(Vec<Field>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = JsonObject;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonObject, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = members.next_entry::<String, serde_json::Value>()? {
                    fields.push(Field { name, value: value.into() });
                }
                Ok(JsonObject(fields))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
