//! From the colours of a file to sRGB. Cameras and telephones save in wider spaces (Display P3, Adobe RGB);
//! their numbers taken for sRGB look pale, and no output of ours carries a profile.

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Converts `colour` in place from the space that the ICC profile of its file describes. A profile that is
/// absent, unreadable or not of RGB colours changes nothing: that is what viewers do.
pub(super) fn to_srgb(colour: &mut RgbImage, profile: Option<&[u8]>) {
    let Some(profile) = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok()) else {
        return;
    };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let (layout, options) = (Layout::Rgb, TransformOptions::default());
    let Ok(transform) = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), layout, options) else {
        return;
    };
    let width = colour.width() as usize * 3;
    let mut converted = vec![0; width];
    for row in colour.chunks_exact_mut(width) {
        // The transform refuses only rows whose lengths differ.
        if transform.transform(row, &mut converted).is_ok() {
            row.copy_from_slice(&converted);
        }
    }
}
