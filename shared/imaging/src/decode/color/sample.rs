//! Samples of 8 or 16 bits.

use std::sync::Arc;

use moxcms::{ColorProfile, Layout, TransformExecutor, TransformOptions};

/// A transform of whole rows to sRGB, as samples of the same depth.
pub(super) type Transform<T> = dyn TransformExecutor<T> + Send + Sync;

/// A sample of 8 or 16 bits.
pub(in crate::decode) trait Sample: Copy + Default + Send + Sync + 'static {
    /// The largest value.
    const MAX: u32;

    fn to_u32(self) -> u32;

    /// The sample in 8 bits, rounded.
    fn to_u8(self) -> u8;

    /// The number as a sample, at most [`Self::MAX`].
    fn from_u32(number: u32) -> Self;

    /// The transform from a profile to sRGB; `None` if the profile has no usable one.
    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>>;
}

impl Sample for u8 {
    const MAX: u32 = 255;

    fn to_u32(self) -> u32 {
        self.into()
    }

    fn to_u8(self) -> u8 {
        self
    }

    fn from_u32(number: u32) -> Self {
        number.min(Self::MAX.into()) as Self
    }

    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>> {
        let options = TransformOptions::default();
        profile.create_transform_8bit(from, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
    }
}

impl Sample for u16 {
    const MAX: u32 = 65_535;

    fn to_u32(self) -> u32 {
        self.into()
    }

    fn to_u8(self) -> u8 {
        ((u32::from(self) * 255 + 32_767) / 65_535) as u8
    }

    fn from_u32(number: u32) -> Self {
        number.min(Self::MAX.into()) as Self
    }

    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>> {
        let options = TransformOptions::default();
        profile.create_transform_16bit(from, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
    }
}
