//! The supported kinds of source, for messages.

use cutline_core::domain::foreign_kind::ForeignKind;
use cutline_core::domain::kind::ImageKind;

/// The kinds as a noun: `a JPEG, PNG, … or SVG picture`.
pub(crate) fn supported_picture() -> String {
    format!("a {} picture", ImageKind::listed("or"))
}

/// The refusal of an unsupported file, which names its kind if that is known.
pub(crate) fn refusal(foreign: Option<ForeignKind>) -> String {
    match foreign {
        Some(ForeignKind { name, remedy }) => format!("{name} is not supported: {remedy}."),
        None => format!("The file is not a picture of a known kind. Send {}.", supported_picture()),
    }
}
