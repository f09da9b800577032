//! Panics of decoders as errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;

/// Runs a decoder. One that panics has met a file its author did not foresee, which is a damaged file like any other.
/// Decoders share no state with us, so a panic leaves nothing half changed.
pub(super) fn catch_panic<T>(kind: ImageKind, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Error::DecoderPanicked { kind }))
}
