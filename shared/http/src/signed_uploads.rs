//! `PUT /uploads/…`: receiving files by signed links, where no object store does. A link needs no API key, only its
//! signature. [`SignedUploads`] checks it and stores the file.
//!
//! The rules are those of a presigned PUT of S3: headers other than the announced ones are a 403, another content than the
//! announced one a 400. A file is stored as a whole or not at all, and never in memory as a whole.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, put};
use bytes::Bytes;
use cutline_core::domain::upload::{ETag, Upload};
use cutline_core::ports::PortError;
use cutline_core::usecases::StorageFull;
use futures::TryStreamExt;

use crate::accepted;
use crate::error::ApiError;
use crate::request_body::{BodyError, Caller, ENDED_EARLY, RequestBody};

/// The prefix of every signed link to upload a file.
pub const UPLOADS_PREFIX: &str = "/uploads";

/// Why a file is not received.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The link was changed or has expired.
    #[error("the link was changed or has expired")]
    Forbidden,
    /// As many files as possible are being received.
    #[error("too many files are being received")]
    Busy,
    /// The file does not fit under the cap on the owner's stored bytes.
    #[error(transparent)]
    StorageFull(StorageFull),
    /// The file does not have the announced size.
    #[error("the file does not have the announced size")]
    WrongSize,
    /// The file does not have the announced digest.
    #[error("the file does not have the announced SHA-256")]
    WrongDigest,
    /// The store failed.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Checks signed links and receives their files.
#[async_trait]
pub trait SignedUploads: Send + Sync {
    /// The upload behind a link. `path_and_query` is the link without its scheme, host and port, exactly as the caller
    /// sent it: `/uploads/…?…`.
    ///
    /// # Errors
    /// [`UploadError::Forbidden`] or [`UploadError::Unavailable`].
    async fn find(&self, path_and_query: &str) -> Result<Upload, UploadError>;

    /// Begins to receive a file.
    ///
    /// # Errors
    /// [`UploadError`].
    async fn begin(&self, upload: Upload) -> Result<Box<dyn IncomingFile>, UploadError>;
}

/// A file that is being received. Dropping it leaves nothing behind.
#[async_trait]
pub trait IncomingFile: Send {
    /// Adds the next bytes.
    ///
    /// # Errors
    /// [`UploadError`].
    async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError>;

    /// Stores the file, durably, if it is exactly the announced one.
    ///
    /// # Errors
    /// [`UploadError`].
    async fn finish(self: Box<Self>) -> Result<ETag, UploadError>;
}

#[derive(Clone)]
struct PutState {
    uploads: Arc<dyn SignedUploads>,
    max_file_bytes: usize,
}

/// PUT of the links.
pub(crate) fn route(uploads: Arc<dyn SignedUploads>, max_file_bytes: usize) -> MethodRouter {
    put(receive).with_state(PutState { uploads, max_file_bytes })
}

async fn receive(State(state): State<PutState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let mut body = RequestBody::new(&head.headers, body);
    let path_and_query = head.uri.path_and_query().map_or(head.uri.path(), |both| both.as_str());
    let upload = match state.uploads.find(path_and_query).await {
        Ok(upload) => upload,
        Err(error) => {
            body.drain(state.max_file_bytes, Caller::Unknown).await;
            return Err(error.into());
        }
    };
    accepted::give(&head.extensions);
    match store(state.uploads.as_ref(), upload, &head.headers, &mut body).await {
        Ok(etag) => {
            let etag = HeaderValue::try_from(etag.as_str()).map_err(|_| ApiError::Internal)?;
            Ok((StatusCode::OK, [(ETAG, etag)]).into_response())
        }
        Err(error) => {
            body.drain(state.max_file_bytes, Caller::Known).await;
            Err(error)
        }
    }
}

async fn store(
    uploads: &dyn SignedUploads,
    upload: Upload,
    headers: &HeaderMap,
    body: &mut RequestBody,
) -> Result<ETag, ApiError> {
    check_headers(&upload, headers)?;
    // The announced size is at most that of a source, so it fits.
    let size = usize::try_from(upload.request.size).map_err(|_| ApiError::Internal)?;
    let mut file = uploads.begin(upload).await?;
    let mut pieces = body.capped(size).map_err(broken)?;
    while let Some(piece) = pieces.try_next().await.map_err(broken)? {
        file.write(piece).await?;
    }
    Ok(file.finish().await?)
}

/// Checks that the PUT has exactly the headers that were announced.
fn check_headers(upload: &Upload, headers: &HeaderMap) -> Result<(), ApiError> {
    let length = upload.request.size.to_string();
    let announced = upload.headers();
    let expected = announced.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in expected.chain([(CONTENT_LENGTH.as_str(), length.as_str())]) {
        let mut found = headers.get_all(name).into_iter();
        let is_announced = found.next().is_some_and(|found| found == value) && found.next().is_none();
        if !is_announced {
            return Err(ApiError::UploadRefused(format!(
                "The header {name} must be {value}, as announced to POST /api/v1/uploads; send it, or request another \
                 upload."
            )));
        }
    }
    Ok(())
}

fn broken(error: BodyError) -> ApiError {
    match error {
        BodyError::TooLarge | BodyError::LongerThanDeclared => UploadError::WrongSize.into(),
        _ => ApiError::BadRequest(ENDED_EARLY.to_owned()),
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Forbidden => Self::UploadRefused(
                "The link was changed or has expired; request another upload with POST /api/v1/uploads.".to_owned(),
            ),
            UploadError::Busy => Self::Unavailable,
            UploadError::StorageFull(full) => Self::StorageFull(full),
            UploadError::WrongSize => {
                Self::BadRequest("The file does not have the announced size; send it again, as a whole.".to_owned())
            }
            UploadError::WrongDigest => {
                Self::BadRequest("The file does not have the announced SHA-256; send it again, unchanged.".to_owned())
            }
            UploadError::Unavailable(error) => error.into(),
        }
    }
}
