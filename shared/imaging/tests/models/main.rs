//! With the real models: the subject of a photograph from `examples/` is found, and in empty pictures nothing is.
//!
//! The expected matte is rewritten only on request; look at it before you commit it:
//! `CUTLINE_BLESS=1 cargo test --release -p cutline-imaging --test models`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use cutline_core::ports::PipelineInput;
use cutline_core::{Channels, Mode, Rendering};
use cutline_imaging::{Error, Imaging};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};

static IMAGING: LazyLock<Imaging> = LazyLock::new(|| {
    let folder = std::env::var_os("CUTLINE_MODELS_DIR").map(PathBuf::from).expect(
        "CUTLINE_MODELS_DIR is not set: it must name the folder of the models; run `cargo xtask test`, which fetches \
         them and sets it",
    );
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Imaging::load(&folder, threads).unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
});

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn alpha_of_file(file: &[u8]) -> PipelineInput {
    let rendering = Rendering { channels: Channels::Alpha, ..Rendering::default() };
    PipelineInput { rendering, ..PipelineInput::new(Bytes::copy_from_slice(file), Mode::Background) }
}

fn alpha_of(file: &[u8]) -> Result<GrayImage, Error> {
    let made = IMAGING.make(&alpha_of_file(file), &|_, _| {})?;
    Ok(image::load_from_memory(&made.pictures[0].bytes).expect("is a picture").into_luma8())
}

/// Processors add in different orders, and decoders round differently. Two mattes agree if they differ little on average
/// and much almost nowhere.
fn assert_agree(matte: &GrayImage, expected: &GrayImage) {
    assert_eq!(matte.dimensions(), expected.dimensions());
    let differences: Vec<u8> = matte.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
    let mean = differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
    let far = differences.iter().filter(|d| **d > 24).count() as f64 / differences.len() as f64;
    assert!(mean < 0.5 && far < 0.001, "mean difference {mean:.3} of 255, {:.3} % far off", far * 100.0);
}

#[test]
fn the_cup_has_the_expected_matte() {
    let file = std::fs::read(here("../../examples/coffee.jpg")).expect("the example is there");
    let matte = alpha_of(&file).expect("has a subject");
    let golden = here("tests/data/coffee-matte.png");
    if std::env::var_os("CUTLINE_BLESS").is_some_and(|bless| bless == "1") {
        matte.save(&golden).expect("is written");
    }
    let expected = image::open(&golden).expect("the expected matte is there").into_luma8();
    assert_agree(&matte, &expected);
}

#[test]
fn empty_pictures_have_no_subject() {
    // Any fixed sequence without a pattern will do.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pictures: [(&str, GrayImage); 6] = [
        ("black", GrayImage::new(320, 240)),
        ("gray", GrayImage::from_pixel(320, 240, Luma([128]))),
        ("white", GrayImage::from_pixel(320, 240, Luma([255]))),
        ("a single pixel", GrayImage::from_pixel(1, 1, Luma([77]))),
        ("a gradient", GrayImage::from_fn(320, 240, |x, y| Luma([(x / 2 + y / 3) as u8]))),
        ("noise", GrayImage::from_fn(320, 240, |_, _| Luma([noise()]))),
    ];
    for (name, picture) in pictures {
        let mut file = std::io::Cursor::new(Vec::new());
        let picture: RgbImage = DynamicImage::ImageLuma8(picture).into_rgb8();
        picture.write_to(&mut file, ImageFormat::Png).expect("encodes");
        let result = alpha_of(&file.into_inner());
        assert!(matches!(result, Err(Error::NoSubject)), "{name} has a subject");
    }
}
