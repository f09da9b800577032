//! Reading an upload's body into fields, from JSON or multipart. [`crate::validate`] judges the values and
//! does not see which of the two they came from.

use crate::error::ApiError;
use crate::field::{Fields, MAX_FIELDS_BYTES};
use crate::media_type::MediaType;
use crate::request_body::RequestBody;
use crate::{json_object, multipart};

/// Reads the body's fields.
///
/// # Errors
/// 400 for an empty or malformed body; 413 for a body over its limit.
pub(crate) async fn read(
    media_type: &MediaType,
    body: &mut RequestBody,
    max_file_bytes: usize,
) -> Result<Fields, ApiError> {
    let fields = match media_type {
        MediaType::Json => match body.collect(MAX_FIELDS_BYTES).await {
            Ok(bytes) => return json_object::parse(&bytes),
            Err(error) => Err(error),
        },
        MediaType::Multipart { boundary } => multipart::read(body, boundary, max_file_bytes).await,
    };
    fields.map_err(|error| media_type.refusal(error, max_file_bytes))
}
