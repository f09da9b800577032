//! The last step of every bitmap decoder: turning the image upright.

use cutline_core::domain::kind::ImageKind;
use image::DynamicImage;
use image::metadata::Orientation;

use super::color::SrgbImage;
use crate::error::Error;
use crate::native_colors::NativeColors;
use crate::photo::{ImageMetadata, Photo};

/// Applies orientations one after the other and returns the photo.
pub(super) fn upright(
    kind: ImageKind,
    image: SrgbImage,
    orientations: &[Orientation],
    metadata: ImageMetadata,
) -> Result<Photo, Error> {
    let SrgbImage { mut color, mut alpha, mut native } = image;
    for orientation in orientations.iter().filter(|orientation| **orientation != Orientation::NoTransforms) {
        let mut image = DynamicImage::ImageRgb8(color);
        image.apply_orientation(*orientation);
        color = image.into_rgb8();
        alpha = alpha.map(|alpha| {
            let mut image = DynamicImage::ImageLuma8(alpha);
            image.apply_orientation(*orientation);
            image.into_luma8()
        });
        native = native.map(|native| {
            let mut image = DynamicImage::ImageRgb16(native.pixels);
            image.apply_orientation(*orientation);
            let black = native.black.map(|black| {
                let mut image = DynamicImage::ImageLuma16(black);
                image.apply_orientation(*orientation);
                image.into_luma16()
            });
            NativeColors { pixels: image.into_rgb16(), black, ..native }
        });
    }
    let photo = match alpha {
        None => Some(Photo::opaque(color)),
        Some(alpha) => Photo::with_alpha(color, alpha),
    };
    let photo = photo.ok_or_else(|| Error::damaged(kind, "alpha and colors differ in size"))?;
    Ok(photo.with_metadata(metadata).with_native(native))
}
