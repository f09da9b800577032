//! Digests of files.

use bytes::Bytes;

use crate::domain::digest::Digest;
use crate::ports::PortError;

/// Files up to this size are hashed at once, in about as much time as another thread takes to wake up.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// The SHA-256 of a file. A large one is hashed on a thread that may block.
///
/// # Errors
/// [`PortError`] if the runtime is shutting down.
pub(super) async fn of_file(bytes: Bytes) -> Result<Digest, PortError> {
    if bytes.len() <= MAX_INLINE_BYTES {
        return Ok(Digest::of(&bytes));
    }
    tokio::task::spawn_blocking(move || Digest::of(&bytes)).await.map_err(PortError::retry)
}
