//! Serving files by signed links, where no object store does: `GET /files/…`. Links need no key; their
//! signature is all that is asked for. Who signs and checks them is behind [`SignedFiles`].

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use cutline_core::ports::PortError;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use crate::error::ApiError;

/// What a browser may do with a file that it shows as a page of its own, which an SVG is: no script, no
/// request, and nothing of this server's origin. Styles within the file stay.
const HARMLESS: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'");

/// Below which path the links lie. A signed link's path is this, a slash and anything.
pub const FILES_PREFIX: &str = "/files";

/// A file that a link led to.
pub struct SignedFile {
    /// Its media type, from our own record of what it is and never from a caller.
    pub content_type: &'static str,
    /// The name to save it by.
    pub file_name: String,
    /// How many bytes it has.
    pub len: u64,
    /// Its bytes, `len` of them, each piece read when it is asked for: a caller that reads slowly, or not
    /// at all, holds a piece in memory and not the file.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// Why a link was not followed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It was changed, or has expired.
    #[error("the link was changed or has expired")]
    Forbidden,
    /// It is good, and there is no such file any more.
    #[error("there is no such file")]
    NotFound,
    /// The store has a fault.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Checks signed links, and opens what they lead to.
#[async_trait]
pub trait SignedFiles: Send + Sync {
    /// The file that a link leads to. `path_and_query` is all of the link after its host and port, as it
    /// was sent: `/files/…?…`.
    ///
    /// # Errors
    /// [`Refused`].
    async fn open(&self, path_and_query: &str) -> Result<SignedFile, Refused>;
}

/// GET and HEAD of the links.
pub(crate) fn route(files: Arc<dyn SignedFiles>) -> MethodRouter {
    get(serve).with_state(files)
}

async fn serve(State(files): State<Arc<dyn SignedFiles>>, method: Method, uri: Uri) -> Result<Response, ApiError> {
    let path_and_query = uri.path_and_query().map_or(uri.path(), |both| both.as_str());
    let file = files.open(path_and_query).await?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(file.len));
    headers.insert(CONTENT_DISPOSITION, disposition(&file.file_name)?);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HARMLESS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    let body = match method {
        Method::HEAD => Body::empty(),
        // The length was promised, so that the caller learns of a fault by what is missing.
        _ => Body::from_stream(file.bytes.inspect_err(|error| {
            tracing::error!(%error, "a file could not be read to its end");
        })),
    };
    Ok((headers, body).into_response())
}

/// `inline; filename="…"`, with every character replaced that would need quoting.
fn disposition(file_name: &str) -> Result<HeaderValue, ApiError> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = file_name.chars().map(safe).collect();
    HeaderValue::try_from(format!("inline; filename=\"{name}\"")).map_err(|_| ApiError::Internal)
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Forbidden => Self::LinkRefused,
            Refused::NotFound => Self::NotFound,
            Refused::Unavailable(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_leave_its_header() {
        let value = disposition("cup \"a\"\r\nX: é.png").expect("a header");
        assert_eq!(value, "inline; filename=\"cup__a___X___.png\"");
    }
}
