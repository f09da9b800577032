//! The pictures of the photograph's size, or of the part that they are cropped to: `background` and `clipping`.

use bytes::Bytes;
use cutline_core::domain::choice::sentence_list;
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::params::Color;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::EncodedPicture;
use cutline_core::{AssetKind, OutputFormat, Variation};
use image::{GrayImage, imageops};

use super::trace_outline::Outline;
use crate::compose::{self, Backdrop, Composed, Layer};
use crate::cutout::Cutout;
use crate::encode::{self, ComparedSource, Document, OriginalPicture, compare, encode};
use crate::error::Error;
use crate::file_colors::{BitDepth, FileColors};
use crate::path::ClippingPath;
use crate::photo::ImageMetadata;
use crate::pipeline::plan::{PicturePlan, Plan};
use crate::pipeline::results::Results;
use crate::pipeline::workspace::Workspace;

/// Writes pictures of the photograph's size, or of a part of it.
pub(crate) struct PhotoPictureWriter<'a, W: Workspace> {
    pub(crate) workspace: &'a W,
    /// The part of the photograph that is written; `None` for all of it.
    pub(crate) window: Option<PixelBox>,
    /// That part of the photograph, which a PSD holds in a hidden layer, and with which pixels are compared.
    pub(crate) original: Option<OriginalPicture<'a, W::Sample>>,
    /// Whether pixels are compared.
    pub(crate) checks_pixels: bool,
    pub(crate) metadata: &'a ImageMetadata,
    /// The color behind the subject in a format without alpha.
    pub(crate) flat_color: Option<Color>,
}

/// A cut along a path.
#[derive(Clone, Copy)]
pub(super) struct PathCut<'a> {
    path: &'a ClippingPath,
    /// The subject's alpha by the matte, if pixels are compared: the path covers pixels whose colors were estimated.
    matte: Option<&'a GrayImage>,
}

/// A written file, and how far it differs from the photograph.
pub(super) struct WrittenFile {
    pub(super) bytes: Bytes,
    check: Option<PixelCheck>,
}

impl<W: Workspace> PhotoPictureWriter<'_, W> {
    /// Writes a cut-out of the photograph's size.
    pub(super) fn write(
        &self,
        cutout: &Cutout<W::Sample>,
        picture: &PicturePlan,
        cut: Option<PathCut<'_>>,
    ) -> Result<WrittenFile, Error> {
        let Some(window) = self.window else { return self.write_whole(cutout, picture, cut) };
        let PixelBox { left, top, width, height } = window;
        let cropped = cut.map(|PathCut { path, matte }| {
            let matte = matte.map(|matte| imageops::crop_imm(matte, left, top, width, height).to_image());
            (path.cropped(window), matte)
        });
        let cut = cropped.as_ref().map(|(path, matte)| PathCut { path, matte: matte.as_ref() });
        self.write_whole(&cutout.cropped(window), picture, cut)
    }

    /// Warns about metadata of the photograph, and about bits, that a picture leaves out.
    pub(super) fn warn_about_losses(&self, picture: &PicturePlan, results: &mut Results) -> Result<(), Error> {
        let file = self.workspace.file();
        let left_out = encode::metadata_left_out(self.metadata, file, picture.format, &picture.rendering)?;
        results.warn(picture.variation, left_out);
        results.warn(picture.variation, shallow(picture, file));
        Ok(())
    }

    /// The size of a written picture.
    fn size(&self, cutout: &Cutout<W::Sample>) -> (u32, u32) {
        self.window.map_or(cutout.dimensions(), |window| (window.width, window.height))
    }

    fn write_whole(
        &self,
        cutout: &Cutout<W::Sample>,
        picture: &PicturePlan,
        cut: Option<PathCut<'_>>,
    ) -> Result<WrittenFile, Error> {
        let path = cut.map(|cut| cut.path);
        let original = self.original.filter(|_| picture.format == OutputFormat::Psd);
        let flattened = self.flattened(cutout, picture)?;
        let planes = flattened.as_deref().unwrap_or(cutout);
        let file = self.workspace.file();
        let document = Document { original, path, metadata: self.metadata, file, ..Document::of(planes) };
        let compared = self.original.filter(|_| self.checks_pixels);
        let matte = cut.and_then(|cut| cut.matte);
        let check = compared.and_then(|OriginalPicture { color, black, .. }| {
            compare(&document, picture.format, &picture.rendering, ComparedSource { color, black, matte })
        });
        Ok(WrittenFile { bytes: encode(document, picture.format, &picture.rendering)?.into(), check })
    }

    /// The subject on the set's color, for a format without alpha.
    fn flattened(
        &self,
        cutout: &Cutout<W::Sample>,
        picture: &PicturePlan,
    ) -> Result<Option<Composed<W::Sample>>, Error> {
        let color = self.flat_color.filter(|_| !picture.format.info().has_alpha && picture.has_colors());
        let Some(color) = color else { return Ok(None) };
        let backdrop = Backdrop::Color(self.workspace.color(color)?);
        let layer = Layer::whole(cutout.clone());
        Ok(Some(compose::compose_in(self.workspace.light(), cutout.dimensions(), &backdrop, None, &layer)))
    }

    /// The previews of a cut-out.
    pub(super) fn preview(
        &self,
        variation: Variation,
        cutout: &Cutout<W::Sample>,
        results: &mut Results,
    ) -> Result<(), Error> {
        results.add_previews(variation, || self.workspace.to_srgb(cutout), cutout.alpha())
    }
}

/// Makes the picture `background`, if it is planned.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn background_picture<W: Workspace>(
    plan: &Plan<'_>,
    writer: &PhotoPictureWriter<'_, W>,
    cutout: &Cutout<W::Sample>,
    results: &mut Results,
) -> Result<(), Error> {
    if let Some(picture) = &plan.background {
        let WrittenFile { bytes, check } = writer.write(cutout, picture, None)?;
        results.add_pixel_check(check);
        results.add_picture(picture, bytes, writer.size(cutout));
        writer.warn_about_losses(picture, results)?;
        writer.preview(picture.variation, cutout, results)?;
    }
    Ok(())
}

/// Makes the picture `clipping` and the path as SVG, if they are planned. If the outline cannot be traced, the picture
/// is the one of `background`, and a warning gives the reason. The cut-out is unchanged afterwards.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn clipping_picture<W: Workspace>(
    plan: &Plan<'_>,
    writer: &PhotoPictureWriter<'_, W>,
    cutout: &mut Cutout<W::Sample>,
    outline: Option<Outline>,
    results: &mut Results,
) -> Result<(), Error> {
    let Some((picture, outline)) = plan.clipping.as_ref().zip(outline) else { return Ok(()) };
    let file = match outline {
        Outline::Path { path, alpha, .. } => {
            let svg = path.to_svg(picture.rendering.path.name.as_str());
            results.add_asset(AssetKind::ClippingPath, svg);
            let mismatch = || Error::SizeMismatch("cut-out and clipping path");
            let soft = cutout.replace_alpha(alpha).ok_or_else(mismatch)?;
            let matte = writer.checks_pixels.then_some(&soft);
            let file = writer.write(cutout, picture, Some(PathCut { path: &path, matte }))?;
            writer.preview(picture.variation, cutout, results)?;
            cutout.replace_alpha(soft).ok_or_else(mismatch)?;
            file
        }
        Outline::Untraceable { reason } => {
            results.warn(Variation::Clipping, [reason]);
            writer.preview(picture.variation, cutout, results)?;
            match same_file(plan, picture, results) {
                // Its pixels were compared already.
                Some(background) => WrittenFile { bytes: background.bytes.clone(), check: None },
                None => writer.write(cutout, picture, None)?,
            }
        }
    };
    results.add_pixel_check(file.check);
    results.add_picture(picture, file.bytes, writer.size(cutout));
    writer.warn_about_losses(picture, results)
}

/// The warning about a format that has no 16 bits, for a run that writes them.
pub(super) fn shallow(picture: &PicturePlan, file: &FileColors) -> Option<String> {
    let is_shallow = file.depth == BitDepth::Sixteen && !picture.format.info().has_16_bits;
    is_shallow.then(|| {
        let deep = OutputFormat::ALL.into_iter().filter(|format| format.info().has_16_bits);
        let deep = sentence_list(deep.map(OutputFormat::extension), "or");
        format!("The file has 8 bits a channel, since {} has no more. Use {deep} for 16.", picture.format)
    })
}

/// The finished picture `background`, if `picture` would be the same file.
fn same_file<'a>(plan: &Plan<'_>, picture: &PicturePlan, results: &'a Results) -> Option<&'a EncodedPicture> {
    plan.background.as_ref().filter(|background| background.writes_like(picture))?;
    results.pictures.iter().find(|picture| picture.variation == Variation::Background)
}
