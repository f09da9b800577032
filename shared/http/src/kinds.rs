//! The supported kinds of source, for messages.

use cutline_core::domain::kind::ImageKind;

/// The kinds as a noun: `a JPEG, PNG, … or SVG picture`.
pub(crate) fn supported_picture() -> String {
    format!("a {} picture", ImageKind::listed("or"))
}
