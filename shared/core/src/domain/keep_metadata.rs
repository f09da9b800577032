//! How much of the source's metadata the pictures keep.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;

/// How much of the source's metadata the pictures keep. The resolution and the color profile are not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepMetadata {
    /// Creator, copyright notice, credit line and IPTC's digital source type.
    #[default]
    Credit,
    /// All of Exif, XMP and IPTC, also location and serial numbers, except what describes the pixels of the source:
    /// orientation, thumbnails, crops.
    All,
    /// Nothing.
    None,
}

impl KeepMetadata {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Credit, Self::All, Self::None];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::All => "all",
            Self::None => "none",
        }
    }
}

impl FromStr for KeepMetadata {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidChoice)
    }
}
