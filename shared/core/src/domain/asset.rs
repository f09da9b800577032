//! The files that a job makes in addition to its pictures.

use serde::{Deserialize, Serialize};

/// A file that a job makes in addition to its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// The path along which [`Variation::Clipping`](crate::Variation::Clipping) was cut, as SVG.
    ClippingPath,
    /// The soft matte, as a gray PNG of the picture's size: 0 is background, 255 is subject.
    Matte,
}

/// The facts about a kind of asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetInfo {
    /// The name in a status.
    pub name: &'static str,
    /// The file name.
    pub file_name: &'static str,
    /// The media type.
    pub content_type: &'static str,
}

impl AssetKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::ClippingPath, Self::Matte];

    /// The facts about the kind.
    pub const fn info(self) -> &'static AssetInfo {
        match self {
            Self::ClippingPath => {
                &AssetInfo { name: "clipping_path", file_name: "clipping_path.svg", content_type: "image/svg+xml" }
            }
            Self::Matte => &AssetInfo { name: "matte", file_name: "matte.png", content_type: "image/png" },
        }
    }

    /// The name in a status.
    pub const fn as_str(self) -> &'static str {
        self.info().name
    }

    /// The file name.
    pub const fn file_name(self) -> &'static str {
        self.info().file_name
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        self.info().content_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_records_and_in_a_status() {
        for kind in AssetKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("serializes"), kind.as_str());
            assert!(kind.file_name().starts_with(kind.as_str()));
        }
    }
}
