//! The kind of file, as errors name it.

use cutline_core::domain::kind::ImageKind;

pub(super) const KIND: ImageKind = ImageKind::Psd;
