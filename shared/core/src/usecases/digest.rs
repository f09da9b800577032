//! Digests of files.

use bytes::Bytes;

use crate::domain::digest::Digest;
use crate::ports::PortError;

/// The SHA-256 of a file, computed on a thread that may block.
///
/// # Errors
/// [`PortError`] if the runtime is shutting down.
pub(super) async fn of_file(bytes: Bytes) -> Result<Digest, PortError> {
    tokio::task::spawn_blocking(move || Digest::of(&bytes)).await.map_err(PortError::retry)
}
