//! The photo that the scenarios upload, and its expected cut-out.
//!
//! `photo.jpg` is scikit-image's `coffee.png` (a cup on a table; by Rachel Michetti, CC0), at a smaller size.
//! `matte.png` is the pipeline's matte of it, reviewed by eye. It is replaced on request only, by a run with
//! `CUTLINE_TEST_KEEP_MATTE` set.

use anyhow::{Context, Result, ensure};
use cutline_deployment::root;
use image::{GrayImage, RgbaImage};

/// The photo, 300×200.
pub(crate) const PHOTO: &[u8] = include_bytes!("photo.jpg");

/// Its pixels as libjpeg decodes them, which Cutline follows to the level.
const DECODED: &[u8] = include_bytes!("photo-decoded.png");

/// The largest mean difference of the matte from the expected one, 0 to 1. It allows for rounding on other processors;
/// another model or a shifted picture differs by far more.
const TOLERANCE: f64 = 0.01;

/// Checks that `bytes` are the cut-out of the photo: a PNG with the photo's size, the expected matte, and the photo's
/// colors where the subject is opaque.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    let cutout =
        image::load_from_memory_with_format(bytes, image::ImageFormat::Png).context("the result is not a PNG")?;
    ensure!(cutout.color().has_alpha(), "the result has no alpha");
    let cutout = cutout.to_rgba8();
    let photo = image::load_from_memory(DECODED).context("cannot decode the photo's pixels")?.to_rgb8();
    ensure!(cutout.dimensions() == photo.dimensions(), "the result is {:?}", cutout.dimensions());

    let path = root().join("xtask/tests/deployed/matte.png");
    if std::env::var_os("CUTLINE_TEST_KEEP_MATTE").is_some() {
        matte(&cutout).save(&path).context("cannot save the matte")?;
    }
    let expected = image::open(&path).context("cannot read the expected matte")?.to_luma8();
    let difference = mean_difference(&matte(&cutout), &expected);
    ensure!(difference < TOLERANCE, "the matte differs from the expected one by {difference:.4}");

    let solid = cutout.pixels().zip(photo.pixels()).filter(|(cutout, _)| cutout.0[3] == 255);
    let worst = solid.map(|(cutout, photo)| (0..3).map(|c| cutout.0[c].abs_diff(photo.0[c])).max().unwrap_or(0)).max();
    ensure!(worst == Some(0), "the subject's colors are not the photo's: {worst:?}");
    Ok(())
}

fn matte(picture: &RgbaImage) -> GrayImage {
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| image::Luma([picture.get_pixel(x, y).0[3]]))
}

fn mean_difference(a: &GrayImage, b: &GrayImage) -> f64 {
    let sum: u64 = a.pixels().zip(b.pixels()).map(|(a, b)| u64::from(a.0[0].abs_diff(b.0[0]))).sum();
    sum as f64 / 255.0 / (a.width() * a.height()) as f64
}
