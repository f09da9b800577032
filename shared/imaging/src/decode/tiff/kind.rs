//! The kind of file, as errors name it.

use cutline_core::domain::kind::ImageKind;

pub(super) const KIND: ImageKind = ImageKind::Tiff;

/// The remedy for samples and layouts that are not supported.
pub(super) const REMEDY: &str = "save it as 8 or 16-bit RGB, gray or CMYK without layers";
