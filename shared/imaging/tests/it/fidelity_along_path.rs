//! Depth and color space of a cut along its path: what is opaque in the file and in the matte is the source's.

use std::cell::Cell;

use cutline_core::domain::fidelity::{ColorSpace, Depth, PixelCheck};
use cutline_core::ports::PipelineInput;
use cutline_core::{AssetKind, Mode, OutputFormat};
use image::{GrayImage, Luma};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::fidelity::{SIZE, expected, inside, photo, png, profiles, read, rendering, to_8_bits};
use crate::params::knowing;

/// The block of the photo, whose outermost columns on both sides have this alpha.
fn matte(soft_columns: u32, alpha: u8) -> GrayImage {
    let is_hard = |x: u32, y: u32| inside(x.wrapping_sub(soft_columns), y) && inside(x + soft_columns, y);
    GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| match inside(x, y) {
        true if is_hard(x, y) => Luma([255]),
        true => Luma([alpha]),
        false => Luma([0]),
    })
}

#[test]
fn every_pixel_that_is_opaque_in_file_and_matte_is_the_sources() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let (compared, deep, estimated) = (Cell::new(0_u64), Cell::new(0), Cell::new(0_u64));
    let cases = (
        any::<u16>(),
        prop::sample::select(profiles()),
        prop::sample::select(
            OutputFormat::ALL.into_iter().filter(|format| *format != OutputFormat::Jpeg).collect::<Vec<_>>(),
        ),
        any::<bool>(),
        prop::sample::select(vec![Depth::Eight, Depth::Sixteen]),
        prop::sample::select(ColorSpace::ALL.to_vec()),
        (0_u32..4, 60_u8..250),
    );
    let result = runner.run(&cases, |(seed, (name, profile), format, is_deep, depth, color, (columns, alpha))| {
        // Converted 8-bit samples are converted from 8 bits, for which the reference has no exact answer.
        prop_assume!(is_deep || color == ColorSpace::Keep || profile.is_none());
        let mut photo = photo(seed.into());
        if !is_deep {
            photo.iter_mut().for_each(|sample| *sample = u16::from(to_8_bits(*sample)) * 257);
        }
        let input = PipelineInput {
            format: Some(format.into()),
            rendering: rendering(Some(depth), Some(color)),
            ..PipelineInput::new(png(&photo, is_deep, profile.as_deref()), Mode::Clipping)
        };
        let made = knowing(&matte(columns, alpha)).make(&input, &|_, _| {}).expect("is made");
        let asset = made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("has a matte");
        let matte = image::load_from_memory(&asset.bytes).expect("decodes").into_luma8();

        let is_srgb = name == "sRGB";
        let mut pixels = 0;
        // The soft cut comes along.
        prop_assert_eq!(made.pictures.len(), 2);
        for picture in &made.pictures {
            let file = read(format, &picture.bytes);
            let kept = expected(&photo, profile.as_deref().filter(|_| !is_srgb), color, file.is_deep);
            for ((written, source), matte) in file.pixels().zip(kept.as_chunks::<3>().0).zip(matte.iter()) {
                match (written[3] == file.full(), *matte) {
                    (true, u8::MAX) => {
                        pixels += 1;
                        prop_assert_eq!(&written[..3], source, "{} {}", name, format);
                    }
                    (true, _) => estimated.set(estimated.get() + 1),
                    (false, _) => {}
                }
            }
            deep.set(deep.get() + u32::from(file.is_deep));
        }
        prop_assert_eq!(made.pixel_check, Some(PixelCheck { pixels, largest_difference: 0 }), "{} {}", name, format);
        compared.set(compared.get() + pixels);
        Ok(())
    });
    result.expect("holds");
    assert!(compared.get() > 50_000 && deep.get() > 5, "{} pixels, {} deep files", compared.get(), deep.get());
    assert!(estimated.get() > 100, "{} soft pixels that the path covers", estimated.get());
}
