//! Depth and color space of files that are made from HEIC.

use std::sync::Arc;

use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{Mode, OutputFormat, Rendering};
use cutline_heic::Libheif;
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::RgbImage;

/// Answers with a block in the middle, for a square of this many pixels a side.
struct Block(u32);

impl Segmenter for Block {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        let middle = self.0 / 4..self.0 * 3 / 4;
        let value =
            |at: u32| if middle.contains(&(at % self.0)) && middle.contains(&(at / self.0)) { 1.0 } else { 0.0 };
        Ok(CoarseMatte::new(self.0, (0..self.0 * self.0).map(value).collect()).expect("is square"))
    }
}

/// The cut-out as PNG.
fn made(file: &'static [u8], depth: Depth, color: ColorSpace) -> PipelineOutput {
    let decoder = Libheif::start().unwrap_or_else(|error| panic!("{error}"));
    let matting = Matting::new(Box::new(Block(512)), Box::new(Block(320)));
    let imaging = Imaging::new(matting, Limits::default(), "block").with_heic(Arc::new(decoder));
    let rendering = Rendering { depth: Some(depth), color: Some(color), ..Rendering::default() };
    let usual = PipelineInput::new(file, Mode::Background);
    let input = PipelineInput { rendering, format: Some(OutputFormat::Png.into()), ..usual };
    imaging.make(&input, &|_, _| {}).expect("is made")
}

/// Bits a channel of a PNG, and whether it has a profile of its own.
fn colors(made: &PipelineOutput) -> (u8, bool) {
    let file = &made.pictures[0].bytes;
    (file[24], file.windows(4).any(|kind| kind == b"iCCP"))
}

#[test]
fn more_than_8_bits_are_kept() {
    let file = data!("ten-bits.heic");
    assert_eq!(colors(&made(file, Depth::Keep, ColorSpace::Srgb)).0, 16);
    assert_eq!(colors(&made(file, Depth::Eight, ColorSpace::Srgb)).0, 8);
    assert_eq!(colors(&made(data!("corners.heic"), Depth::Keep, ColorSpace::Srgb)).0, 8);
    let check = made(file, Depth::Keep, ColorSpace::Keep).pixel_check.expect("is checked");
    assert!(check.pixels > 0 && check.largest_difference == 0, "{check:?}");
}

#[test]
fn code_points_and_profiles_are_kept_as_profiles() {
    for file in [data!("display-p3.heic"), data!("adobe-rgb.heic")] {
        let kept = made(file, Depth::Keep, ColorSpace::Keep);
        assert_eq!(colors(&kept), (8, true));
        assert!(!kept.warnings.contains_key("source"), "{:?}", kept.warnings);
        let converted = made(file, Depth::Keep, ColorSpace::Srgb);
        assert_eq!(colors(&converted), (8, false));
        assert!(converted.warnings["source"][0].contains("converted"), "{:?}", converted.warnings);
    }
}
