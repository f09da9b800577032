//! Pictures of a source with Exif and XMP, which keep all of its metadata, the credit, or nothing.

use std::path::Path as Folder;

use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::ports::PipelineInput;
use cutline_core::{Mode, OutputFormat, Rendering};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::RgbImage;

const SOURCE: &[u8] = include_bytes!("../data/kinds/metadata.avif");

/// The files, by what they keep.
pub(crate) fn files(kept: KeepMetadata) -> impl Iterator<Item = String> {
    OutputFormat::ALL.into_iter().map(move |format| format!("{}.{}", kept.as_str(), format.extension()))
}

/// Answers that the left half of every picture is the subject.
struct LeftHalf;

impl Segmenter for LeftHalf {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        const SIDE: u32 = 20;
        let values = (0..SIDE * SIDE).map(|at| if at % SIDE < SIDE / 2 { 1.0 } else { 0.0 });
        Ok(CoarseMatte::new(SIDE, values.collect()).expect("that many values"))
    }
}

/// Writes the files.
pub(crate) fn write(folder: &Folder) {
    let imaging = Imaging::new(Matting::new(Box::new(LeftHalf), Box::new(LeftHalf)), Limits::default(), "left-half");
    for kept in KeepMetadata::ALL {
        for (format, file) in OutputFormat::ALL.into_iter().zip(files(kept)) {
            let rendering = Rendering { keep_metadata: Some(kept), ..Rendering::default() };
            let input = PipelineInput {
                format: Some(format.into()),
                rendering,
                ..PipelineInput::new(SOURCE, Mode::Background)
            };
            let made = imaging.make(&input, &|_, _| {}).expect("is made");
            std::fs::write(folder.join(file), &made.pictures[0].bytes).expect("is written");
        }
    }
}
