//! The files that a job makes in addition to its pictures.

use serde::{Deserialize, Serialize};

use super::format::OutputFormat;

/// The media type of previews.
const WEBP: &str = OutputFormat::Webp.content_type();

/// A file that a job makes in addition to its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// The path along which [`Variation::Clipping`](crate::Variation::Clipping) was cut, as SVG.
    ClippingPath,
    /// The soft matte, as a gray PNG of the picture's size: 0 is background, 255 is subject.
    Matte,
    /// The final picture, reduced for screens, as WebP. It has the alpha of the cut even where the file's format has none.
    Preview,
    /// The upright photograph, reduced to the size of a preview, as WebP.
    SourcePreview,
    /// The final picture, reduced for lists, as WebP.
    Thumb,
    /// The tree of regions, from which a page can show what a click would change. `docs/regions.md` describes the file.
    Regions,
    /// What the cut was made from: the networks' mattes and the tree of regions. For Cutline itself, so no status lists it.
    Evidence,
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
    /// Whether a status lists it.
    pub is_listed: bool,
}

impl AssetKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::ClippingPath,
        Self::Matte,
        Self::Preview,
        Self::SourcePreview,
        Self::Thumb,
        Self::Regions,
        Self::Evidence,
    ];

    /// The facts about the kind.
    pub const fn info(self) -> &'static AssetInfo {
        match self {
            Self::ClippingPath => &AssetInfo {
                name: "clipping_path",
                file_name: "clipping_path.svg",
                content_type: "image/svg+xml",
                is_listed: true,
            },
            Self::Matte => {
                &AssetInfo { name: "matte", file_name: "matte.png", content_type: "image/png", is_listed: true }
            }
            Self::Preview => {
                &AssetInfo { name: "preview", file_name: "preview.webp", content_type: WEBP, is_listed: true }
            }
            Self::SourcePreview => &AssetInfo {
                name: "source_preview",
                file_name: "source_preview.webp",
                content_type: WEBP,
                is_listed: true,
            },
            Self::Thumb => &AssetInfo { name: "thumb", file_name: "thumb.webp", content_type: WEBP, is_listed: true },
            Self::Regions => &AssetInfo {
                name: "regions",
                file_name: "regions.bin",
                content_type: "application/octet-stream",
                is_listed: true,
            },
            Self::Evidence => &AssetInfo {
                name: "evidence",
                file_name: "evidence.bin",
                content_type: "application/octet-stream",
                is_listed: false,
            },
        }
    }

    /// The name in a status.
    pub const fn as_str(self) -> &'static str {
        self.info().name
    }

    /// The kinds that a status lists.
    pub fn listed() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.info().is_listed)
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
