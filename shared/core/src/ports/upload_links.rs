//! Signed links to upload files.

use async_trait::async_trait;

use super::error::PortError;
use super::links::Link;
use crate::domain::upload::Upload;

/// Signs links to upload files.
#[async_trait]
pub trait UploadLinks: Send + Sync {
    /// A link that stores the upload's object with one PUT, and replaces a previous one. It works for 15 to 60 minutes.
    /// The PUT must have exactly the announced size as its `Content-Length`, and [`Upload::headers`]. With a digest, the
    /// store refuses other content. A broken or refused PUT changes nothing.
    ///
    /// # Errors
    /// [`PortError`] if the link cannot be signed.
    async fn sign(&self, upload: &Upload) -> Result<Link, PortError>;
}
