//! The coarse matte with what a clean plate shows.

use cutline_core::domain::kind::ImageKind;
use image::RgbImage;

use crate::decode::{self, Decoding};
use crate::error::Error;
use crate::guide::Frame;
use crate::matte::CoarseMatte;
use crate::photo::Photo;
use crate::pipeline::plan::Plan;
use crate::plate::{self, Fused};
use crate::resample;

/// The matte, and sentences for the caller.
pub(crate) struct PlateCut {
    pub(crate) matte: CoarseMatte,
    pub(crate) warnings: Vec<String>,
}

/// A photograph and its part that the networks saw.
#[derive(Clone, Copy)]
pub(crate) struct FramedPhoto<'a> {
    pub(crate) photo: &'a Photo,
    /// Its upright width and height in pixels before it was reduced for a preview, if it was.
    pub(crate) full_size: (u32, u32),
    pub(crate) frame: &'a Frame,
    pub(crate) picture: &'a RgbImage,
}

/// Fuses the networks' matte with the plan's clean plate. Without one, the matte stays as it is.
///
/// # Errors
/// [`Error::PlateMismatch`] if the plate has another size than the photograph, by its header alone if it would have however
/// it was turned; [`Error::Plate`] if it cannot be decoded; [`Error::Resample`].
pub(crate) fn clean_plate(
    plan: &Plan<'_>,
    framed: FramedPhoto<'_>,
    matte: CoarseMatte,
    decoding: &Decoding,
) -> Result<PlateCut, Error> {
    let Some(file) = plan.plate else { return Ok(PlateCut { matte, warnings: Vec::new() }) };
    let (plate, mut warnings) = read(file, framed, decoding)?;
    let different = plate::differences(plan.source, file);
    if !different.is_empty() {
        warnings.push(format!(
            "The clean plate was taken otherwise than the photograph, by their Exif data: {} differ. The cut may be worse.",
            different.join(", ")
        ));
    }
    let Fused { matte, warning } = plate::fuse(framed.picture, &plate, matte)?;
    warnings.extend(warning);
    Ok(PlateCut { matte, warnings })
}

/// The plate's part that the networks saw of the photograph, and warnings from decoding it.
fn read(file: &[u8], framed: FramedPhoto<'_>, decoding: &Decoding) -> Result<(RgbImage, Vec<String>), Error> {
    let FramedPhoto { photo, full_size, frame, .. } = framed;
    let refused = |error: Error| Error::Plate(Box::new(error));
    if ImageKind::sniff(file) == Some(ImageKind::Svg) {
        let error =
            Error::unsupported(ImageKind::Svg, "a drawing as a clean plate", "send the photograph of the scene");
        return Err(refused(error));
    }
    let stored = decode::dimensions(file).map_err(refused)?;
    if stored != full_size && stored != (full_size.1, full_size.0) {
        return Err(Error::PlateMismatch { plate: stored, picture: full_size });
    }
    let plate = decoding.decode(file).map_err(refused)?;
    if plate.dimensions() != full_size {
        return Err(Error::PlateMismatch { plate: plate.dimensions(), picture: full_size });
    }
    let warnings = plate.metadata().warnings.iter().map(|warning| format!("Of the clean plate: {warning}")).collect();
    // As the networks saw the photograph, so that what is transparent in both is alike.
    let color = plate.on(photo.backdrop());
    let (width, height) = photo.dimensions();
    let color = match (width, height) == full_size {
        true => color,
        false => RgbImage::from_raw(width, height, resample::shrink(&color, width, height)?)
            .ok_or_else(|| Error::Resample("the resizer returned a picture of another size".into()))?,
    };
    Ok((if frame.is_part() { frame.crop(&color) } else { color }, warnings))
}
