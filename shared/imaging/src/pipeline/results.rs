//! The results of the stages so far.

use bytes::Bytes;
use cutline_core::domain::outcome::SOURCE;
use cutline_core::ports::{EncodedAsset, EncodedPicture};
use cutline_core::{AssetKind, Variation, Warnings};

use super::plan::PicturePlan;
use crate::photo::ImageMetadata;

/// The finished files and the warnings about them.
#[derive(Default)]
pub(super) struct Results {
    pub(super) pictures: Vec<EncodedPicture>,
    pub(super) assets: Vec<EncodedAsset>,
    pub(super) warnings: Warnings,
}

impl Results {
    /// No files yet, and the warnings that are known from the start: about the photograph and about ignored variations.
    pub(super) fn new(metadata: &ImageMetadata, ignored: &[Variation]) -> Self {
        let mut results = Self::default();
        let converted = metadata.converted_from.iter();
        let converted = converted.map(|from| format!("The colors were converted from {from} to sRGB."));
        let about_source: Vec<String> = converted.chain(metadata.warnings.iter().cloned()).collect();
        if !about_source.is_empty() {
            results.warnings.insert(SOURCE.to_owned(), about_source);
        }
        for variation in ignored {
            // Clients know this sentence.
            results.warn(*variation, ["params not provided".to_owned()]);
        }
        results
    }

    /// Adds warnings about a variation.
    pub(super) fn warn(&mut self, variation: Variation, sentences: impl IntoIterator<Item = String>) {
        let mut sentences = sentences.into_iter().peekable();
        if sentences.peek().is_some() {
            self.warnings.entry(variation.as_str().to_owned()).or_default().extend(sentences);
        }
    }

    /// Adds a file that is not a picture.
    pub(super) fn add_asset(&mut self, kind: AssetKind, bytes: impl Into<Bytes>) {
        self.assets.push(EncodedAsset { kind, bytes: bytes.into() });
    }

    /// Adds a picture of this size in pixels.
    pub(super) fn add_picture(&mut self, plan: &PicturePlan, bytes: impl Into<Bytes>, (width, height): (u32, u32)) {
        let PicturePlan { variation, format, .. } = *plan;
        self.pictures.push(EncodedPicture { variation, format, bytes: bytes.into(), width, height });
    }
}
