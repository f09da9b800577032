//! Reading a request's body into fields, as they were sent, from JSON or multipart. What the fields may
//! hold is not judged here but in [`crate::validate`], which sees no difference between the two.

use std::pin::Pin;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::body::{BodyFault, Incoming};
use crate::error::ApiError;
use crate::size;

/// The largest JSON body, and what a multipart body may hold beside its file, in bytes.
const MAX_FIELDS_BYTES: usize = 256_000;

/// The largest text field of a multipart body, in bytes: what an inline parameter set may have.
pub(crate) const MAX_TEXT_BYTES: usize = 64_000;

/// The name of the field that holds a file.
pub(crate) const FILE: &str = "file";

/// One field of a request.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing: null, an empty text, or a form's file input that was left alone.
    Empty,
    /// A text.
    Text(String),
    /// The bytes of the part named [`FILE`].
    File(Bytes),
    /// A JSON object.
    Object,
    /// Any other JSON value.
    Other,
    /// A part that is no UTF-8.
    NotText,
    /// A part that is longer than [`MAX_TEXT_BYTES`].
    TooLong,
}

impl Value {
    fn text(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

/// Reads the body by its `Content-Type`.
///
/// # Errors
/// 415 for another media type; 400 for an empty or malformed body; 413 for one that is over its limit.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: &mut Incoming,
    max_file_bytes: usize,
) -> Result<Vec<Field>, ApiError> {
    match media_type(headers)? {
        MediaType::Json => {
            let bytes = body.collect(MAX_FIELDS_BYTES).await.map_err(|fault| {
                refusal(fault, || format!("A JSON body may be at most {}.", size::in_words(MAX_FIELDS_BYTES)))
            })?;
            from_json(&bytes)
        }
        MediaType::Multipart { boundary } => from_multipart(body, boundary, max_file_bytes)
            .await
            .map_err(|fault| refusal(fault, || format!("The file may be at most {}.", size::in_words(max_file_bytes)))),
    }
}

/// What the caller is told of a body that cannot be read.
fn refusal(fault: BodyFault, too_large: impl FnOnce() -> String) -> ApiError {
    let message = match fault {
        BodyFault::TooLarge => return ApiError::TooLarge(too_large()),
        BodyFault::CutShort => "The body ended early.",
        BodyFault::Empty => "The body is empty.",
        BodyFault::Malformed => "The multipart body is malformed.",
    };
    ApiError::BadRequest(message.to_owned())
}

/// The two media types of a request.
enum MediaType {
    Json,
    Multipart { boundary: String },
}

fn media_type(headers: &HeaderMap) -> Result<MediaType, ApiError> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let sent = sent.ok_or(ApiError::UnsupportedMediaType)?;
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(MediaType::Json)
    } else if essence.eq_ignore_ascii_case("multipart/form-data") {
        match multer::parse_boundary(sent) {
            Ok(boundary) => Ok(MediaType::Multipart { boundary }),
            Err(_) => Err(ApiError::BadRequest("The Content-Type names no multipart boundary.".to_owned())),
        }
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

impl From<multer::Error> for BodyFault {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamReadFailed(cause) => match cause.downcast::<Self>() {
                Ok(fault) => *fault,
                Err(_) => Self::CutShort,
            },
            _ => Self::Malformed,
        }
    }
}

fn from_json(bytes: &[u8]) -> Result<Vec<Field>, ApiError> {
    match serde_json::from_slice(bytes) {
        Ok(Object(fields)) => Ok(fields),
        Err(error) if error.is_data() => Err(ApiError::BadRequest("The body must be a JSON object.".to_owned())),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(ApiError::BadRequest(format!("The body is not valid JSON: see line {line}, column {column}.")))
        }
    }
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
            serde_json::Value::Object(_) => Self::Object,
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::Array(_) => Self::Other,
        }
    }
}

async fn from_multipart(body: &mut Incoming, boundary: String, max_file_bytes: usize) -> Result<Vec<Field>, BodyFault> {
    let mut pieces = body.capped(max_file_bytes.saturating_add(MAX_FIELDS_BYTES))?.peekable();
    if Pin::new(&mut pieces).peek().await.is_none() {
        return Err(BodyFault::Empty);
    }
    let mut parts = multer::Multipart::new(pieces, boundary);
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await? {
        // A part without a name says nothing.
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let value = if name == FILE { file(part, max_file_bytes).await? } else { text(part).await? };
        fields.push(Field { name, value });
    }
    Ok(fields)
}

/// The file's bytes. A browser sends an input that was left alone as no bytes without a file name.
async fn file(mut part: multer::Field<'_>, limit: usize) -> Result<Value, BodyFault> {
    let unnamed = part.file_name().is_none_or(str::is_empty);
    let mut bytes = BytesMut::new();
    while let Some(piece) = part.chunk().await? {
        if bytes.len() + piece.len() > limit {
            return Err(BodyFault::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(if unnamed && bytes.is_empty() { Value::Empty } else { Value::File(bytes.freeze()) })
}

/// A part's text. Of one that is too long nothing is kept, and the parts after it are still read.
async fn text(mut part: multer::Field<'_>) -> Result<Value, BodyFault> {
    let mut bytes = Vec::new();
    let mut too_long = false;
    while let Some(piece) = part.chunk().await? {
        too_long |= bytes.len() + piece.len() > MAX_TEXT_BYTES;
        if !too_long {
            bytes.extend_from_slice(&piece);
        }
    }
    if too_long {
        return Ok(Value::TooLong);
    }
    Ok(String::from_utf8(bytes).map_or(Value::NotText, Value::text))
}
