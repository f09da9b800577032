//! Samples of 8 or 16 bits, and the transforms of profiles for them.

use std::sync::Arc;

use moxcms::{ColorProfile, Layout, TransformExecutor, TransformOptions};

use crate::sample::ColorSample;

/// A transform of whole rows to sRGB, as samples of the same depth.
pub(super) type Transform<T> = dyn TransformExecutor<T> + Send + Sync;

/// A sample that profiles convert.
pub(in crate::decode) trait Sample: ColorSample {
    /// The transform from a profile to sRGB; `None` if the profile has no usable one.
    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>>;
}

impl Sample for u8 {
    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>> {
        let options = TransformOptions::default();
        profile.create_transform_8bit(from, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
    }
}

impl Sample for u16 {
    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>> {
        let options = TransformOptions::default();
        profile.create_transform_16bit(from, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
    }
}
