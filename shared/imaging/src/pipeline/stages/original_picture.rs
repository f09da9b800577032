//! The source itself, with the path inserted.

use cutline_core::domain::kind::ImageKind;
use cutline_core::{AssetKind, FileFormat, OutputFormat, Variation};
use image::metadata::Orientation;

use super::trace_outline::Outline;
use crate::decode::{self, StoredRaster};
use crate::error::Error;
use crate::insert::{self, Inserted, Insertion};
use crate::path::ClippingPath;
use crate::pipeline::plan::OriginalPlan;
use crate::pipeline::results::Results;

/// Makes the picture `clipping` of the source's own bytes, and the path as SVG. If the outline cannot be traced, the picture
/// is the source as it is, and a warning gives the reason. `size` is the upright picture's, in pixels.
///
/// # Errors
/// Those of [`insert::insert_path`].
pub(crate) fn original_picture(
    plan: &OriginalPlan<'_>,
    outline: &Outline,
    size: (u32, u32),
    results: &mut Results,
) -> Result<(), Error> {
    let format = file_format(plan.source)?;
    let bytes = match outline {
        Outline::Path { path, nodes_before, .. } => {
            let raster = decode::stored_raster(plan.source)?;
            let Inserted { patch, warnings } = insert(plan, path, raster)?;
            let simplified = nodes_before.map(|before| simplified(before, path.nodes()));
            results.warn(Variation::Clipping, warnings.into_iter().chain(simplified).chain(turned(raster.orientation)));
            results.add_asset(AssetKind::ClippingPath, path.to_svg(plan.rendering.path.name.as_str()));
            patch.apply(plan.source.to_vec()).into()
        }
        Outline::Untraceable { reason } => {
            let unchanged = "The file was returned as it came, without a new path.".to_owned();
            results.warn(Variation::Clipping, [reason.clone(), unchanged]);
            plan.source.clone()
        }
    };
    results.add_file(Variation::Clipping, format, bytes, size);
    Ok(())
}

/// Makes the picture `clipping` of the source as it is.
///
/// # Errors
/// Those of [`insert::holds_no_path`].
pub(super) fn unchanged_original(
    plan: &OriginalPlan<'_>,
    size: (u32, u32),
    results: &mut Results,
) -> Result<(), Error> {
    results.add_file(Variation::Clipping, file_format(plan.source)?, plan.source.clone(), size);
    Ok(())
}

fn insert(plan: &OriginalPlan<'_>, path: &ClippingPath, raster: StoredRaster) -> Result<Inserted, Error> {
    let path = insert::on_stored_raster(path, raster.orientation);
    insert::insert_path(plan.source, &Insertion { path: &path, options: &plan.rendering.path, page: raster.page })
}

/// The warning about a path that was simplified.
fn simplified(before: usize, after: usize) -> String {
    format!(
        "The path was simplified from {before} to {after} knots: some programs read no more than one segment of a JPEG."
    )
}

/// The warning about a file whose pixels are stored turned.
fn turned(orientation: Orientation) -> Option<String> {
    let code = orientation.to_exif();
    (orientation != Orientation::NoTransforms).then(|| {
        format!(
            "The file's pixels are stored turned (orientation {code}). The path fits the stored pixels; this was not \
             verified in Photoshop and InDesign."
        )
    })
}

/// The format of a source that takes a path.
fn file_format(source: &[u8]) -> Result<FileFormat, Error> {
    match (ImageKind::sniff(source).ok_or(Error::UnknownKind)?, source) {
        (ImageKind::Jpeg, _) => Ok(OutputFormat::Jpeg.into()),
        (ImageKind::Tiff, _) => Ok(OutputFormat::Tiff.into()),
        // The version of the file: 2 is the large variant.
        (ImageKind::Psd, [_, _, _, _, _, 2, ..]) => Ok(FileFormat::Psb),
        (ImageKind::Psd, _) => Ok(OutputFormat::Psd.into()),
        (kind, _) => Err(insert::holds_no_path(kind)),
    }
}
