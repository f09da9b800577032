//! A cut that goes to a retoucher as a PSD and comes back as a mask: psd-tools edits the mask of its subject.

use std::path::Path;
use std::process::Command;

use cutline_core::domain::subject::{MaskSource, SubjectSettings};
use cutline_core::ports::{Pipeline as _, PipelineInput};
use cutline_core::{AssetKind, Fault, Mode, OutputFormat};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::{GrayImage, RgbImage};

use crate::{FILES, run, setting, subject};

struct Never;

impl Segmenter for Never {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        panic!("no network should run")
    }
}

/// Has the PSD edited, cuts the photograph by each edited file, and compares the matte and the next PSD with the mask.
pub(crate) fn check() {
    psd_tools("edit");
    let (width, height) = subject::SIZE;
    let colors = std::fs::read(FILES.join("original.rgb")).expect("is there");
    let photo = RgbImage::from_raw(width, height, colors).expect("as many pixels");
    photo.save(FILES.join("original.png")).expect("is written");
    for name in ["painted", "window"] {
        let expected = std::fs::read(FILES.join(format!("{name}.gray"))).expect("is there");
        let expected = GrayImage::from_raw(width, height, expected).expect("as many pixels");
        assert_eq!(cut_by(name).expect("is made"), expected, "{name}");
    }
    psd_tools("compare");
    let refusal = cut_by("disabled").expect_err("is refused").to_string();
    assert!(refusal.contains("the disabled mask of the layer \"Subject\"; enable the mask"), "{refusal}");
}

/// Runs a part of `retouch.py`.
fn psd_tools(what: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/py/retouch.py");
    run(Command::new(setting("CUTLINE_TEST_PYTHON")).arg("-Werror").arg(script).arg(what).arg(&*FILES));
}

/// Cuts the photograph by the mask of a PSD, and keeps the next PSD. Returns the matte.
fn cut_by(name: &str) -> Result<GrayImage, Fault> {
    let read = |file: String| std::fs::read(FILES.join(file)).expect("is there");
    let imaging = Imaging::new(Matting::new(Box::new(Never), Box::new(Never)), Limits::default(), "never");
    let input = PipelineInput {
        mask: Some(read(format!("{name}.psd")).into()),
        subject: SubjectSettings { mask_source: Some(MaskSource::File), ..SubjectSettings::default() },
        format: Some(OutputFormat::Psd.into()),
        ..PipelineInput::new(read("original.png".to_owned()), Mode::Background)
    };
    let made = imaging.run(&input, &|_, _| {})?;
    let [picture] = &made.pictures[..] else { panic!("one picture") };
    std::fs::write(FILES.join(format!("{name}-next.psd")), &picture.bytes).expect("is written");
    let matte = made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("a matte");
    Ok(image::load_from_memory(&matte.bytes).expect("is a picture").into_luma8())
}
