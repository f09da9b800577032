//! The kind of file, as errors name it.

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;

pub(super) const KIND: ImageKind = ImageKind::Jpeg;

/// The error of a JPEG whose coding is not supported.
pub(super) fn unsupported(feature: impl Into<Cow<'static, str>>) -> Error {
    Error::unsupported(KIND, feature, "save it as a baseline or progressive JPEG of 8 bits")
}
