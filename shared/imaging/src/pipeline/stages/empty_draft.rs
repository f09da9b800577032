//! The pictures of a photograph without a subject, for a person who decides what to do about it.

use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::subject::PixelBox;
use cutline_core::{AssetKind, OutputFormat};

use super::original_picture::unchanged_original;
use super::photo_pictures::PhotoPictureWriter;
use crate::cutout::RawCutout;
use crate::encode::{Document, encode};
use crate::error::Error;
use crate::photo::ImageMetadata;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;
use crate::pipeline::workspace::Workspace;
use crate::sample::ColorSample;

/// A photograph without a subject.
pub(crate) struct EmptyDraft<'a, T: ColorSample> {
    /// It, cut out by a matte that keeps nothing.
    pub(crate) cutout: RawCutout<T>,
    pub(crate) metadata: &'a ImageMetadata,
    /// Why nothing is in the cut, as a sentence.
    pub(crate) message: String,
}

/// The longest side of an empty picture on which the subject would have been placed, in pixels. Its format may not hold the
/// photograph's size, and nobody looks at it.
const SIDE: u32 = 1000;

/// Makes every planned picture empty: fully transparent, or of the format's color. It has the photograph's size, or at most
/// [`SIDE`] pixels a side if the subject would have been placed on it. A source that would get a path is returned as it is.
///
/// # Errors
/// [`Error::Encode`]; those of [`Workspace::color`].
pub(crate) fn empty_draft<W: Workspace>(
    workspace: &W,
    plan: &Plan<'_>,
    draft: EmptyDraft<'_, W::Sample>,
    results: &mut Results,
) -> Result<(), Error> {
    let EmptyDraft { cutout, metadata, message } = draft;
    let (width, height) = cutout.dimensions();
    let empty = cutout.estimate_foreground(None)?;
    let matte = encode(Document { metadata, ..Document::of(&empty) }, OutputFormat::Png, &plan.matte)?;
    results.add_asset(AssetKind::Matte, matte);
    let flat_color = plan.flat_color;
    let writer =
        |window| PhotoPictureWriter { workspace, window, original: None, checks_pixels: false, metadata, flat_color };
    let (whole, part) = (writer(None), PixelBox { left: 0, top: 0, width: width.min(SIDE), height: height.min(SIDE) });
    let placed = writer(Some(part));
    let of_photo = plan.photo_size_pictures().map(|picture| (picture, plan.crop.is_some()));
    let framed = plan.framed.as_ref().map(|framed| &framed.picture);
    let others = plan.composed_pictures().iter().chain(framed).map(|picture| (picture, true));
    for (picture, is_placed) in of_photo.chain(others) {
        let (writer, size) = if is_placed { (&placed, (part.width, part.height)) } else { (&whole, (width, height)) };
        results.add_picture(picture, writer.write(&empty, picture, None)?.bytes, size);
        whole.preview(picture.variation, &empty, results)?;
    }
    if let Some(original) = &plan.original {
        unchanged_original(original, (width, height), results)?;
        whole.preview(plan.final_picture, &empty, results)?;
    }
    let place = PixelBox { left: 0, top: 0, width, height };
    results.attention = vec![Attention { reason: AttentionReason::NoSubject, message, place }];
    Ok(())
}
