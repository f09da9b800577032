//! The encoding of a request's body, by its `Content-Type`, and the size limits that follow from it.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

use crate::error::ApiError;
use crate::field::MAX_FIELDS_BYTES;
use crate::multipart::{MAX_MASK, MAX_PARTS};
use crate::request_body::{BodyError, EMPTY, ENDED_EARLY, LONGER_THAN_DECLARED, RequestBody};
use crate::size::format_bytes;

/// The encoding of an upload's fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    Multipart { boundary: String },
}

impl MediaType {
    /// The media type of an upload.
    ///
    /// # Errors
    /// 415 for an unsupported type; 400 for multipart without a boundary.
    pub(crate) fn of_upload(headers: &HeaderMap) -> Result<Self, ApiError> {
        let unsupported = ApiError::UnsupportedMediaType { send: "Send application/json or multipart/form-data." };
        let Some((content_type, essence)) = content_type(headers) else { return Err(unsupported) };
        if essence.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else if essence.eq_ignore_ascii_case("multipart/form-data") {
            match multer::parse_boundary(content_type) {
                Ok(boundary) => Ok(Self::Multipart { boundary }),
                Err(_) => Err(ApiError::BadRequest("The Content-Type has no multipart boundary.".to_owned())),
            }
        } else {
            Err(unsupported)
        }
    }

    /// The most bytes that will be read of the body.
    ///
    /// # Errors
    /// 413 if the body's own `Content-Length` exceeds the limit.
    pub(crate) fn size_bound(&self, body: &RequestBody, max_file_bytes: usize) -> Result<usize, ApiError> {
        let limit = match self {
            Self::Json => MAX_FIELDS_BYTES,
            Self::Multipart { .. } => max_file_bytes.saturating_add(MAX_FIELDS_BYTES),
        };
        body.size_bound(limit).map_err(|error| self.refusal(error, max_file_bytes))
    }

    /// The response to a body that cannot be read.
    pub(crate) fn refusal(&self, error: BodyError, max_file_bytes: usize) -> ApiError {
        let fields_limit = format_bytes(MAX_FIELDS_BYTES);
        match (error, self) {
            (BodyError::TooLarge, Self::Json) => {
                ApiError::TooLarge(format!("A JSON body may be at most {fields_limit}."))
            }
            (BodyError::TooLarge, Self::Multipart { .. }) => {
                ApiError::TooLarge(format!("The file, with its mask, may be at most {}.", format_bytes(max_file_bytes)))
            }
            (BodyError::LongerThanDeclared, _) => ApiError::BadRequest(LONGER_THAN_DECLARED.to_owned()),
            (BodyError::MaskTooLarge, _) => ApiError::TooLarge(format!(
                "The file of mask may be at most {}; save it as a grayscale PNG.",
                format_bytes(MAX_MASK)
            )),
            (BodyError::FieldsTooLarge, _) => {
                ApiError::TooLarge(format!("The fields beside the file may be at most {fields_limit} together."))
            }
            (BodyError::TooManyParts, _) => {
                ApiError::BadRequest(format!("A multipart body may have at most {MAX_PARTS} parts."))
            }
            (BodyError::EndedEarly, _) => ApiError::BadRequest(ENDED_EARLY.to_owned()),
            (BodyError::Empty, _) => ApiError::BadRequest(EMPTY.to_owned()),
            (BodyError::Malformed, _) => ApiError::BadRequest("The multipart body is malformed.".to_owned()),
        }
    }
}

/// Checks that the body is JSON, where nothing else is accepted.
///
/// # Errors
/// 415 for another type.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    match content_type(headers) {
        Some((_, essence)) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(ApiError::UnsupportedMediaType { send: "Send application/json." }),
    }
}

/// The `Content-Type`, whole and without its parameters.
fn content_type(headers: &HeaderMap) -> Option<(&str, &str)> {
    let whole = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some((whole, whole.split(';').next().unwrap_or_default().trim()))
}
