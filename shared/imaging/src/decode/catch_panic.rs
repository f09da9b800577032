//! Panics of decoders as errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;

/// Runs a decoder. A panic means a file that the decoder's author did not foresee; it counts as a damaged file.
/// Decoders share no state with us, so a panic leaves nothing half changed.
pub(super) fn catch_panic<T>(kind: ImageKind, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Error::DecoderPanicked { kind }))
}
