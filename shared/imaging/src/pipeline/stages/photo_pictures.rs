//! The pictures of the photograph's size, or of the part that they are cropped to: `background` and `clipping`.

use bytes::Bytes;
use cutline_core::domain::params::Color;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::EncodedPicture;
use cutline_core::{AssetKind, OutputFormat, Variation};

use super::trace_outline::Outline;
use crate::compose::{self, Backdrop, Composed, Layer};
use crate::cutout::Cutout;
use crate::encode::{Document, encode};
use crate::error::Error;
use crate::path::ClippingPath;
use crate::photo::{ImageMetadata, Photo};
use crate::pipeline::plan::{PicturePlan, Plan};
use crate::pipeline::results::Results;

/// Writes pictures of the photograph's size, or of a part of it.
pub(crate) struct PhotoPictureWriter<'a> {
    /// The part of the photograph that is written; `None` for all of it.
    pub(crate) window: Option<PixelBox>,
    /// That part of the photograph, which a PSD holds in a hidden layer.
    pub(crate) original: Option<&'a Photo>,
    pub(crate) metadata: &'a ImageMetadata,
    /// The color behind the subject in a format without alpha.
    pub(crate) flat_color: Option<Color>,
}

impl PhotoPictureWriter<'_> {
    /// Writes a cut-out of the photograph's size.
    pub(super) fn write(
        &self,
        cutout: &Cutout,
        picture: &PicturePlan,
        path: Option<&ClippingPath>,
    ) -> Result<Bytes, Error> {
        let Some(window) = self.window else { return self.write_whole(cutout, picture, path) };
        let path = path.map(|path| path.cropped(window));
        self.write_whole(&cutout.cropped(window), picture, path.as_ref())
    }

    /// The size of a written picture.
    fn size(&self, cutout: &Cutout) -> (u32, u32) {
        self.window.map_or(cutout.dimensions(), |window| (window.width, window.height))
    }

    fn write_whole(&self, cutout: &Cutout, picture: &PicturePlan, path: Option<&ClippingPath>) -> Result<Bytes, Error> {
        let original = self.original.filter(|_| picture.format == OutputFormat::Psd);
        let flattened = self.flattened(cutout, picture);
        let planes = flattened.as_deref().unwrap_or(cutout);
        let document = Document { original, path, metadata: self.metadata, ..Document::of(planes) };
        Ok(encode(document, picture.format, &picture.rendering)?.into())
    }

    /// The subject on the set's color, for a format without alpha.
    fn flattened(&self, cutout: &Cutout, picture: &PicturePlan) -> Option<Composed> {
        let color = self.flat_color.filter(|_| !picture.format.info().has_alpha && picture.has_colors())?;
        let layer = Layer::whole(cutout.clone());
        Some(compose::compose(cutout.dimensions(), &Backdrop::Color(color.0), None, &layer))
    }
}

/// Makes the picture `background`, if it is planned.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn background_picture(
    plan: &Plan<'_>,
    writer: &PhotoPictureWriter<'_>,
    cutout: &Cutout,
    results: &mut Results,
) -> Result<(), Error> {
    if let Some(picture) = &plan.background {
        results.add_picture(picture, writer.write(cutout, picture, None)?, writer.size(cutout));
        results.add_previews(picture.variation, cutout.color(), cutout.alpha())?;
    }
    Ok(())
}

/// Makes the picture `clipping` and the path as SVG, if they are planned. If the outline cannot be traced, the picture
/// is the one of `background`, and a warning gives the reason. The cut-out is unchanged afterwards.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn clipping_picture(
    plan: &Plan<'_>,
    writer: &PhotoPictureWriter<'_>,
    cutout: &mut Cutout,
    outline: Option<Outline>,
    results: &mut Results,
) -> Result<(), Error> {
    let Some((picture, outline)) = plan.clipping.as_ref().zip(outline) else { return Ok(()) };
    let bytes = match outline {
        Outline::Path { path, alpha, .. } => {
            let svg = path.to_svg(picture.rendering.path.name.as_str());
            results.add_asset(AssetKind::ClippingPath, svg);
            let mismatch = || Error::SizeMismatch("cut-out and clipping path");
            let soft = cutout.replace_alpha(alpha).ok_or_else(mismatch)?;
            let bytes = writer.write(cutout, picture, Some(&path))?;
            results.add_previews(picture.variation, cutout.color(), cutout.alpha())?;
            cutout.replace_alpha(soft).ok_or_else(mismatch)?;
            bytes
        }
        Outline::Untraceable { reason } => {
            results.warn(Variation::Clipping, [reason]);
            results.add_previews(picture.variation, cutout.color(), cutout.alpha())?;
            match same_file(plan, picture, results) {
                Some(background) => background.bytes.clone(),
                None => writer.write(cutout, picture, None)?,
            }
        }
    };
    results.add_picture(picture, bytes, writer.size(cutout));
    Ok(())
}

/// The finished picture `background`, if `picture` would be the same file.
fn same_file<'a>(plan: &Plan<'_>, picture: &PicturePlan, results: &'a Results) -> Option<&'a EncodedPicture> {
    plan.background.as_ref().filter(|background| background.writes_like(picture))?;
    results.pictures.iter().find(|picture| picture.variation == Variation::Background)
}
