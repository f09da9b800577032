//! The results of the stages so far.

use std::borrow::Cow;

use bytes::Bytes;
use cutline_core::domain::attention::Attention;
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::outcome::{SOURCE, SUBJECT};
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::{EncodedAsset, EncodedPicture};
use cutline_core::{AssetKind, FileFormat, Variation, Warnings};

use image::{GrayImage, RgbImage};

use super::plan::PicturePlan;
use crate::error::Error;
use crate::guide::regions_file;
use crate::photo::{ImageMetadata, Photo};
use crate::preview::{self, Previews};

/// The finished files and the warnings about them.
#[derive(Default)]
pub(super) struct Results {
    pub(super) pictures: Vec<EncodedPicture>,
    pub(super) assets: Vec<EncodedAsset>,
    pub(super) warnings: Warnings,
    /// The part of the photograph that cropped pictures show.
    pub(super) crop_box: Option<PixelBox>,
    /// Where a person should look, worst first.
    pub(super) attention: Vec<Attention>,
    /// The written pixels compared with the photograph, of all files so far that were.
    pub(super) pixel_check: Option<PixelCheck>,
    /// The picture that previews are made of. `None` for no previews.
    pub(super) previews: Option<Variation>,
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

    /// Adds the warnings of the steered cut.
    pub(super) fn add_warnings_about_subject(&mut self, warnings: Vec<String>) {
        if !warnings.is_empty() {
            self.warnings.entry(SUBJECT.to_owned()).or_default().extend(warnings);
        }
    }

    /// Adds what the cut was made from, in the form of [`Evidence::to_bytes`](crate::guide::Evidence::to_bytes), and its regions for a page.
    pub(super) fn add_evidence(&mut self, evidence: Bytes, with_regions: bool) {
        if with_regions {
            self.add_asset(AssetKind::Regions, regions_file(&evidence));
        }
        self.add_asset(AssetKind::Evidence, evidence);
    }

    /// Adds a file that is not a picture.
    pub(super) fn add_asset(&mut self, kind: AssetKind, bytes: impl Into<Bytes>) {
        self.assets.push(EncodedAsset { kind, bytes: bytes.into() });
    }

    /// Adds the preview of the photograph, if there are previews.
    ///
    /// # Errors
    /// [`Error::Encode`].
    pub(super) fn add_source_preview(&mut self, photo: &Photo) -> Result<(), Error> {
        if self.previews.is_some() {
            self.add_asset(AssetKind::SourcePreview, preview::of_photo(photo)?);
        }
        Ok(())
    }

    /// Adds the check of a file, if it was checked.
    pub(super) fn add_pixel_check(&mut self, check: Option<PixelCheck>) {
        self.pixel_check = match (self.pixel_check, check) {
            (Some(one), Some(other)) => Some(one.joined(other)),
            (one, other) => one.or(other),
        };
    }

    /// Adds the previews of a picture in 8-bit sRGB, if it is the one that previews are made of. They have the alpha of the
    /// cut even where the file has none, so that its edge can be judged on any background.
    ///
    /// # Errors
    /// [`Error::Encode`].
    pub(super) fn add_previews<'a>(
        &mut self,
        variation: Variation,
        color: impl FnOnce() -> Cow<'a, RgbImage>,
        alpha: &GrayImage,
    ) -> Result<(), Error> {
        if self.previews == Some(variation) {
            let Previews { preview, thumb } = Previews::of(&color(), alpha)?;
            self.add_asset(AssetKind::Preview, preview);
            self.add_asset(AssetKind::Thumb, thumb);
        }
        Ok(())
    }

    /// Adds a picture of this size in pixels.
    pub(super) fn add_picture(&mut self, plan: &PicturePlan, bytes: impl Into<Bytes>, (width, height): (u32, u32)) {
        self.add_file(plan.variation, plan.format.into(), bytes, (width, height));
    }

    /// Adds a file of this format, whose picture has this size in pixels.
    pub(super) fn add_file(
        &mut self,
        variation: Variation,
        format: FileFormat,
        bytes: impl Into<Bytes>,
        (width, height): (u32, u32),
    ) {
        self.pictures.push(EncodedPicture { variation, format, bytes: bytes.into(), width, height });
    }
}
