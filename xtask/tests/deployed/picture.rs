//! The photo that the scenarios send, and what has to come back.
//!
//! `photo.jpg` is scikit-image's `coffee.png` (a cup on a table; by Rachel Michetti, CC0), made smaller.
//! `matte.png` is what the pipeline makes of it, looked at and found good; it is made anew on request only,
//! by running this test with `CUTLINE_TEST_KEEP_MATTE` set.

use anyhow::{Context, Result, ensure};
use image::{GrayImage, RgbaImage};

use crate::stack::root;

/// The photo, 300×200.
pub(crate) const PHOTO: &[u8] = include_bytes!("photo.jpg");

/// How far the matte may be from the expected one, as a mean over all pixels, 0 to 1. Other processors round
/// otherwise; another model or a shifted picture is far beyond.
const TOLERANCE: f64 = 0.01;

/// That `bytes` are the photo's subject cut out: a PNG with the photo's size, the expected matte, and the
/// photo's colors where the subject is solid.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    let made = image::load_from_memory_with_format(bytes, image::ImageFormat::Png).context("the result is no PNG")?;
    ensure!(made.color().has_alpha(), "the result has no alpha");
    let made = made.to_rgba8();
    let photo = image::load_from_memory(PHOTO).context("the photo")?.to_rgb8();
    ensure!(made.dimensions() == photo.dimensions(), "the result is {:?}", made.dimensions());

    let path = root().join("xtask/tests/deployed/matte.png");
    if std::env::var_os("CUTLINE_TEST_KEEP_MATTE").is_some() {
        matte(&made).save(&path).context("keeping the matte")?;
    }
    let expected = image::open(&path).context("the expected matte")?.to_luma8();
    let difference = mean_difference(&matte(&made), &expected);
    ensure!(difference < TOLERANCE, "the matte is {difference:.4} from what is expected");

    let solid = made.pixels().zip(photo.pixels()).filter(|(made, _)| made.0[3] == 255);
    let worst = solid.map(|(made, photo)| (0..3).map(|c| made.0[c].abs_diff(photo.0[c])).max().unwrap_or(0)).max();
    ensure!(worst.is_some_and(|worst| worst <= 2), "the subject's colors are not the photo's: {worst:?}");
    Ok(())
}

fn matte(picture: &RgbaImage) -> GrayImage {
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| image::Luma([picture.get_pixel(x, y).0[3]]))
}

fn mean_difference(a: &GrayImage, b: &GrayImage) -> f64 {
    let sum: u64 = a.pixels().zip(b.pixels()).map(|(a, b)| u64::from(a.0[0].abs_diff(b.0[0]))).sum();
    sum as f64 / 255.0 / (a.width() * a.height()) as f64
}
