//! The path that a file brings along, as the matte of its picture.
//!
//! Paths are Photoshop's: its clipping path, or else the first path with a name. Only JPEG, TIFF and PSD files have them.

use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

use crate::clip::combine;
use crate::decode::{self, StoredResources};
use crate::error::Error;
use crate::photoshop::{self, FoundPath, MAX_KNOTS};

/// The path of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnPath {
    kind: ImageKind,
    name: String,
    records: Vec<u8>,
    /// How the stored pixels are turned to be upright.
    orientation: Orientation,
    missing: Option<String>,
}

/// The path of a file; `None` if it has none. The file is untrusted.
pub fn find(file: &[u8]) -> Option<OwnPath> {
    let kind = ImageKind::sniff(file)?;
    let StoredResources { resources, orientation } = decode::resources(kind, file)?;
    let FoundPath { name, records, missing } = photoshop::find_path(&resources)?;
    Some(OwnPath { kind, name, records: records.to_vec(), orientation, missing })
}

impl OwnPath {
    /// Its name, without control characters.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has a knot.
    pub(crate) fn has_knots(&self) -> bool {
        photoshop::has_knots(&self.records)
    }

    /// The warning about a file that names another path as its clipping path, and does not have it.
    pub fn warning(&self) -> Option<String> {
        let missing = self.missing.as_ref()?;
        Some(format!(
            "The file names \"{missing}\" as its clipping path, and has no path of that name. The picture was cut along \
             the path \"{}\".",
            self.name
        ))
    }

    /// The area of the path on the upright picture, which has this width and height in pixels: 0 is outside, 255 is
    /// inside. Parts outside of the picture are cut off.
    ///
    /// # Errors
    /// [`Error::UnsupportedFeature`] if the path has too many knots, or its shapes and sides cover the picture too
    /// often.
    pub fn matte(&self, upright: (u32, u32)) -> Result<GrayImage, Error> {
        let too_complex =
            |feature: String| Error::unsupported(self.kind, feature, "simplify the path, or send another mask_source");
        let size = decode::stored_size(upright, self.orientation);
        let path = photoshop::read_path(&self.records, size)
            .map_err(|_| too_complex(format!("a path of more than {MAX_KNOTS} knots")))?;
        let area = combine(&path, size)
            .map_err(|_| too_complex("a path of too many large shapes or long sides".to_owned()))?;
        let mut area = DynamicImage::ImageLuma8(area);
        area.apply_orientation(self.orientation);
        Ok(area.into_luma8())
    }
}
