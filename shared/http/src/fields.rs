//! Reading a request's body into fields, as they were sent, from JSON or multipart. What the fields may
//! hold is not judged here but in [`crate::validate`], which sees no difference between the two.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use cutline_core::domain::params::MAX_BYTES;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::body::{BodyFault, Incoming};
use crate::error::ApiError;
use crate::{multipart, size};

/// The largest JSON body, and what a multipart body may hold beside its file, in bytes.
pub(crate) const MAX_FIELDS_BYTES: usize = 256_000;

/// The largest text field of a multipart body, in bytes: what an inline parameter set may have.
pub(crate) const MAX_TEXT_BYTES: usize = MAX_BYTES;

/// The name of the field that holds a file.
pub(crate) const FILE: &str = "file";

pub(crate) const CUT_SHORT: &str = "The body ended early.";
pub(crate) const EMPTY: &str = "The body is empty.";

/// One field of a request.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing: null, an empty text, or a form's file input that was left alone.
    Empty,
    /// A text.
    Text(String),
    /// The bytes of the part named [`FILE`].
    File(Bytes),
    /// A JSON number or boolean, as it is written there. A field that holds a text does not take it; one that
    /// holds a number or a switch takes it, and in a form has it as a text.
    Scalar(String),
    /// A JSON object, as a value.
    Object(serde_json::Value),
    /// Any other JSON value.
    Other,
    /// A part that is no UTF-8.
    NotText,
    /// A part that is longer than [`MAX_TEXT_BYTES`].
    TooLong,
}

impl Value {
    pub(crate) fn text(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

/// How the fields are written in the body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    Multipart { boundary: String },
}

/// The `Content-Type`, whole and without its parameters.
fn sent_type(headers: &HeaderMap) -> Option<(&str, &str)> {
    let sent = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some((sent, sent.split(';').next().unwrap_or_default().trim()))
}

impl MediaType {
    /// What the `Content-Type` says.
    ///
    /// # Errors
    /// 415 for another one; 400 for multipart without a boundary.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let unsupported = ApiError::UnsupportedMediaType { send: "Send application/json or multipart/form-data." };
        let Some((sent, essence)) = sent_type(headers) else { return Err(unsupported) };
        if essence.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else if essence.eq_ignore_ascii_case("multipart/form-data") {
            match multer::parse_boundary(sent) {
                Ok(boundary) => Ok(Self::Multipart { boundary }),
                Err(_) => Err(ApiError::BadRequest("The Content-Type names no multipart boundary.".to_owned())),
            }
        } else {
            Err(unsupported)
        }
    }

    /// That the `Content-Type` says JSON, where nothing else is read.
    ///
    /// # Errors
    /// 415 for another one.
    pub(crate) fn json_alone(headers: &HeaderMap) -> Result<(), ApiError> {
        match sent_type(headers) {
            Some((_, essence)) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
            _ => Err(ApiError::UnsupportedMediaType { send: "Send application/json." }),
        }
    }

    /// How many bytes of the body are read at most.
    ///
    /// # Errors
    /// 413 if the body says itself that it is over the limit.
    pub(crate) fn most_of(&self, body: &Incoming, max_file_bytes: usize) -> Result<usize, ApiError> {
        let limit = match self {
            Self::Json => MAX_FIELDS_BYTES,
            Self::Multipart { .. } => max_file_bytes.saturating_add(MAX_FIELDS_BYTES),
        };
        body.at_most(limit).map_err(|fault| self.refusal(fault, max_file_bytes))
    }

    /// What the caller is told of a body that cannot be read.
    fn refusal(&self, fault: BodyFault, max_file_bytes: usize) -> ApiError {
        let message = match (fault, self) {
            (BodyFault::TooLarge, Self::Json) => {
                let limit = size::in_words(MAX_FIELDS_BYTES);
                return ApiError::TooLarge(format!("A JSON body may be at most {limit}."));
            }
            (BodyFault::TooLarge, Self::Multipart { .. }) => {
                return ApiError::TooLarge(format!("The file may be at most {}.", size::in_words(max_file_bytes)));
            }
            (BodyFault::FieldsTooLarge, _) => {
                let limit = size::in_words(MAX_FIELDS_BYTES);
                return ApiError::TooLarge(format!("The fields beside the file may be at most {limit} together."));
            }
            (BodyFault::TooManyParts, _) => {
                return ApiError::BadRequest(format!(
                    "A multipart body may have at most {} parts.",
                    multipart::MAX_PARTS
                ));
            }
            (BodyFault::CutShort, _) => CUT_SHORT,
            (BodyFault::Empty, _) => EMPTY,
            (BodyFault::Malformed, _) => "The multipart body is malformed.",
        };
        ApiError::BadRequest(message.to_owned())
    }
}

/// Reads the body's fields.
///
/// # Errors
/// 400 for an empty or malformed body; 413 for one that is over its limit.
pub(crate) async fn read(
    media_type: MediaType,
    body: &mut Incoming,
    max_file_bytes: usize,
) -> Result<Vec<Field>, ApiError> {
    match &media_type {
        MediaType::Json => match body.collect(MAX_FIELDS_BYTES).await {
            Ok(bytes) => from_json(&bytes),
            Err(fault) => Err(media_type.refusal(fault, max_file_bytes)),
        },
        MediaType::Multipart { boundary } => multipart::read(body, boundary, max_file_bytes)
            .await
            .map_err(|fault| media_type.refusal(fault, max_file_bytes)),
    }
}

fn from_json(bytes: &[u8]) -> Result<Vec<Field>, ApiError> {
    match serde_json::from_slice(bytes) {
        Ok(Object(fields)) => Ok(fields),
        Err(error) if error.is_data() => Err(ApiError::BadRequest("The body must be a JSON object.".to_owned())),
        Err(error) => Err(not_json(&error)),
    }
}

/// The answer to a body that is no JSON.
pub(crate) fn not_json(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::BadRequest(format!("The body is not valid JSON: see line {line}, column {column}."))
}

/// The members of a JSON object in their order, also those that come twice.
struct Object(Vec<Field>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = members.next_entry::<String, serde_json::Value>()? {
                    fields.push(Field { name, value: value.into() });
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Empty,
            serde_json::Value::String(text) => Self::text(text),
            object @ serde_json::Value::Object(_) => Self::Object(object),
            serde_json::Value::Bool(value) => Self::Scalar(value.to_string()),
            serde_json::Value::Number(value) => Self::Scalar(value.to_string()),
            serde_json::Value::Array(_) => Self::Other,
        }
    }
}
