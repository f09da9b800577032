//! What happens to the clipping path that a file brings along.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;

/// What happens to the clipping path that a file brings along, when another path is inserted into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExistingClippingPath {
    /// It stays the file's clipping path. The new path is added by its name.
    #[default]
    Keep,
    /// The new path becomes the clipping path. The old one stays in the file as a named path.
    Replace,
}

impl ExistingClippingPath {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Keep, Self::Replace];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Replace => "replace",
        }
    }

    /// Whether it is the value without a setting.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for ExistingClippingPath {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidChoice)
    }
}
