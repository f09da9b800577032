//! Camera-sized photographs, made from the project's small examples.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};

/// The photos in `examples/`.
pub(crate) struct Pictures {
    photos: Vec<RgbImage>,
}

impl Pictures {
    /// Reads the example photos.
    pub(crate) fn read() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
            .context("cannot list examples/")?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jpg" || extension == "png"));
        paths.sort();
        ensure!(!paths.is_empty(), "examples/ has no photo");
        let read = |path: &PathBuf| -> Result<RgbImage> {
            Ok(image::open(path).with_context(|| format!("cannot read {}", path.display()))?.into_rgb8())
        };
        Ok(Self { photos: paths.iter().map(read).collect::<Result<_>>()? })
    }

    /// One of the photos at another size, with grain; `lighter` levels lighter, or darker if negative.
    pub(crate) fn enlarged(&self, number: u32, (width, height): (u32, u32), lighter: i32) -> RgbImage {
        let photo = DynamicImage::ImageRgb8(self.photos[number as usize % self.photos.len()].clone());
        let photo = photo.brighten(lighter).into_rgb8();
        let mut photo = imageops::resize(&photo, width, height, FilterType::CatmullRom);
        add_grain(&mut photo, number);
        photo
    }

    /// A JPEG of this size. Every number gives a different picture: another photo, mirrored, lighter or darker, landscape
    /// or portrait, with its own grain. The grain makes it as hard to compress as a camera's.
    pub(crate) fn jpeg(&self, number: u32, width: u32, height: u32) -> Result<Vec<u8>> {
        let photo = &self.photos[number as usize % self.photos.len()];
        let mut photo = DynamicImage::ImageRgb8(photo.clone());
        if number % 2 == 1 {
            photo = photo.fliph();
        }
        let (width, height) = if number % 3 == 2 { (height, width) } else { (width, height) };
        let photo = photo.brighten(i32::try_from(number % 7)? * 6 - 18).into_rgb8();
        let mut photo = imageops::resize(&photo, width, height, FilterType::CatmullRom);
        add_grain(&mut photo, number);
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, 90).encode_image(&photo).context("cannot encode a JPEG")?;
        Ok(file)
    }
}

/// Adds noise of ±8 levels, the same for the same seed.
fn add_grain(photo: &mut RgbImage, seed: u32) {
    let mut state = (u64::from(seed) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for value in photo.iter_mut() {
        // Xorshift (Marsaglia 2003), random enough to look at.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let grain = i16::from((state >> 32) as u8 % 17) - 8;
        *value = (i16::from(*value) + grain).clamp(0, 255) as u8;
    }
}
