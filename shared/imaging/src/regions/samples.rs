//! Pictures for tests.

use image::{Rgb, RgbImage};

/// A sign with a letter, on a wall.
pub(super) fn sign() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| {
        let within = |left, top, right, bottom| (left..right).contains(&x) && (top..bottom).contains(&y);
        Rgb(match () {
            () if within(46, 26, 58, 46) => [210, 120, 40],
            () if within(36, 16, 84, 56) => [190, 160, 60],
            () => [40, 60, 90],
        })
    })
}
