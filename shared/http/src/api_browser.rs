//! The API browser that a server may bring for `GET /api/v1/docs`.

use bytes::Bytes;

/// A file of an API browser.
#[derive(Debug, Clone)]
pub struct DocsFile {
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: Bytes,
}

/// The files of an API browser.
pub trait ApiBrowser: Send + Sync {
    /// The page, served at `…/api/v1/docs`. The OpenAPI document is at `openapi.json`, and the other files are at
    /// `docs/<name>`, both relative to the page. The page may have no inline script or style.
    fn page(&self) -> DocsFile;

    /// The other file of this name, which comes from the caller.
    fn file(&self, name: &str) -> Option<DocsFile>;
}
