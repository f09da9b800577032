//! The pictures of a photograph without a subject, for a person who decides what to do about it.

use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::subject::PixelBox;
use cutline_core::{AssetKind, OutputFormat};
use image::GrayImage;

use super::original_picture::unchanged_original;
use super::photo_pictures::PhotoPictureWriter;
use crate::encode::{Document, encode};
use crate::error::Error;
use crate::matte::Matte;
use crate::photo::Photo;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;

/// Makes every planned picture empty: fully transparent, or of the format's color, at the photograph's size. A source that
/// would get a path is returned as it is. `message` says why nothing is in the cut.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn empty_draft(plan: &Plan<'_>, photo: Photo, message: String, results: &mut Results) -> Result<(), Error> {
    let (width, height) = photo.dimensions();
    let metadata = &photo.metadata().clone();
    results.add_source_preview(&photo)?;
    let empty = photo.cut_out(Matte::new(GrayImage::new(width, height)))?.estimate_foreground(None)?;
    let matte = encode(Document { metadata, ..Document::of(&empty) }, OutputFormat::Png, &plan.matte)?;
    results.add_asset(AssetKind::Matte, matte);
    let writer = PhotoPictureWriter { window: None, original: None, metadata, flat_color: plan.flat_color };
    for picture in plan.photo_size_pictures().chain(plan.composed_pictures()) {
        results.add_picture(picture, writer.write(&empty, picture, None)?, (width, height));
        results.add_previews(picture.variation, empty.color(), empty.alpha())?;
    }
    if let Some(original) = &plan.original {
        unchanged_original(original, (width, height), results)?;
        results.add_previews(plan.final_picture, empty.color(), empty.alpha())?;
    }
    let place = PixelBox { left: 0, top: 0, width, height };
    results.attention = vec![Attention { reason: AttentionReason::NoSubject, message, place }];
    Ok(())
}
