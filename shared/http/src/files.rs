//! `GET /files/…`: serving files by signed links, where no object store does. A link needs no API key, only its
//! signature. [`SignedFiles`] checks it.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use cutline_core::domain::file_name::content_disposition;
use cutline_core::ports::PortError;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use crate::accepted;
use crate::error::ApiError;

/// For a browser that opens a file as a page, such as an SVG: no scripts, no requests, no access to this
/// server's origin. Styles within the file still work.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'");

/// The prefix of every signed link's path.
pub const FILES_PREFIX: &str = "/files";

/// An open file behind a signed link.
pub struct SignedFile {
    /// Its media type, from our own record of the file and never from a caller.
    pub content_type: &'static str,
    /// The name to save it under.
    pub file_name: String,
    /// Its size in bytes.
    pub len: u64,
    /// Its `len` bytes. Each piece is read on demand, so a slow caller holds one piece in memory and not the
    /// whole file.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// Why a signed link does not lead to a file.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It was changed or has expired.
    #[error("the link was changed or has expired")]
    Forbidden,
    /// It is valid, but the file no longer exists.
    #[error("the file no longer exists")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Checks signed links and opens their files.
#[async_trait]
pub trait SignedFiles: Send + Sync {
    /// Opens the file behind a link. `path_and_query` is the link without its scheme, host and port, exactly as
    /// the caller sent it: `/files/…?…`.
    ///
    /// # Errors
    /// [`LinkError`].
    async fn open(&self, path_and_query: &str) -> Result<SignedFile, LinkError>;
}

/// GET and HEAD of the links.
pub(crate) fn route(files: Arc<dyn SignedFiles>) -> MethodRouter {
    get(serve).with_state(files)
}

async fn serve(State(files): State<Arc<dyn SignedFiles>>, head: Parts) -> Result<Response, ApiError> {
    let uri = &head.uri;
    let path_and_query = uri.path_and_query().map_or(uri.path(), |both| both.as_str());
    let file = files.open(path_and_query).await?;
    accepted::give(&head.extensions);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(file.len));
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::try_from(content_disposition(&file.file_name)).map_err(|_| ApiError::Internal)?,
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    let body = match head.method {
        Method::HEAD => Body::empty(),
        // Content-Length is already sent, so a caller notices a failure by the missing bytes.
        _ => Body::from_stream(file.bytes.inspect_err(|error| {
            tracing::error!(%error, "reading a signed file failed");
        })),
    };
    Ok((headers, body).into_response())
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Forbidden => Self::LinkRefused,
            LinkError::NotFound => Self::NotFound,
            LinkError::Unavailable(error) => error.into(),
        }
    }
}
