//! One photo: reading it, running the pipeline, writing the results.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use cutline_core::ports::{EncodedAsset, EncodedPicture, PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Fault, Variation};

use super::files::{read, remove, replace, write};
use super::layout::PhotoPlan;
use super::options::CutOptions;
use super::outcome::CutOutcome;

/// Makes the pictures of one photo.
pub(super) type MakePictures<'a> = dyn Fn(PipelineInput) -> Result<PipelineOutput, Fault> + 'a;

/// Makes and writes the results of one photo.
///
/// The pictures are written last: a photo with all of its files is complete, so an interrupted run can resume.
pub(super) fn cut_out(make: &MakePictures<'_>, photo: &PhotoPlan, options: &CutOptions) -> anyhow::Result<CutOutcome> {
    // This saves work. The write itself checks again, because another program may create a file meanwhile.
    if !options.needs_work(photo) {
        return Ok(CutOutcome::Skipped);
    }
    if options.to_stream {
        return cut_out_to(&mut io::stdout().lock(), make, photo, options);
    }
    let input = options.input_for(read(&photo.source)?);
    let source = input.source.clone();
    let output = make(input).map_err(reason)?;
    if options.needs_path() && path_of(&output).is_none() {
        let reasons = output.warnings.get(Variation::Clipping.as_str()).map(|reasons| reasons.join(" "));
        anyhow::bail!("no path was written: {}", reasons.unwrap_or_default());
    }
    if let Some(svg) = &photo.svg {
        write_path(svg, path_of(&output), options.force)?;
    }
    let written = if options.replaces_photos() {
        // A photo that already has this path is as good as one that just got it.
        replace(&photo.source, &source, &picture_of(&output, Variation::Clipping)?.bytes).map(|_| true)
    } else {
        write_pictures(photo, &output, options.force)
    };
    match written? {
        true => Ok(CutOutcome::of(output)),
        false => Ok(CutOutcome::Skipped),
    }
}

/// Makes the picture of one photo and writes it to `stream`.
fn cut_out_to(
    stream: &mut dyn Write,
    make: &MakePictures<'_>,
    photo: &PhotoPlan,
    options: &CutOptions,
) -> anyhow::Result<CutOutcome> {
    let output = make(options.input_for(read(&photo.source)?)).map_err(reason)?;
    for (variation, _) in &photo.pictures {
        let picture = picture_of(&output, *variation)?;
        stream.write_all(&picture.bytes).and_then(|()| stream.flush()).context("cannot write to standard output")?;
    }
    Ok(CutOutcome::of(output))
}

fn reason(fault: Fault) -> anyhow::Error {
    anyhow::anyhow!(fault.failure().message.clone())
}

fn path_of(output: &PipelineOutput) -> Option<&EncodedAsset> {
    output.assets.iter().find(|asset| asset.kind == AssetKind::ClippingPath)
}

fn picture_of(output: &PipelineOutput, variation: Variation) -> anyhow::Result<&EncodedPicture> {
    let picture = output.pictures.iter().find(|picture| picture.variation == variation);
    picture.with_context(|| format!("bug in Cutline: no picture {}; please report it", variation.as_str()))
}

/// Writes the clipping path. Without a path, `force` removes the file of an earlier run.
fn write_path(svg: &Path, path: Option<&EncodedAsset>, force: bool) -> anyhow::Result<()> {
    let Some(path) = path else { return if force { remove(svg) } else { Ok(()) } };
    // An equal file comes from a run that was interrupted before it wrote the picture.
    if !write(svg, &path.bytes, force)? && fs::read(svg).ok().as_deref() != Some(&path.bytes[..]) {
        anyhow::bail!("{} already exists; --force replaces it", svg.display());
    }
    Ok(())
}

/// Writes the pictures. Returns whether any of them was written, because existing ones are kept without `force`.
fn write_pictures(photo: &PhotoPlan, output: &PipelineOutput, force: bool) -> anyhow::Result<bool> {
    let mut any_written = false;
    for (variation, file) in &photo.pictures {
        any_written |= write(file, &picture_of(output, *variation)?.bytes, force)?;
    }
    Ok(any_written)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use cutline_core::domain::outcome::Warnings;
    use cutline_core::{Confidence, FailureCode, Mode, ParamSet, Rendering};
    use tempfile::TempDir;

    use super::*;
    use crate::cut::plan::{Inputs, plan_photos};
    use crate::cut::settings::CutRequest;

    /// Makes files that contain their own name. Fails for a photo of one pixel's width; finds no path for one of one
    /// pixel's height.
    fn make_fakes(input: PipelineInput) -> Result<PipelineOutput, Fault> {
        let (width, height) = cutline_imaging::decode::dimensions(&input.source).expect("a picture");
        if width == 1 {
            return Err(Fault::fail(FailureCode::NoSubject, "no subject was found in the picture"));
        }
        let picture = |variation: Variation| {
            let format = input.file(variation).0.encoded().unwrap_or_default().into();
            EncodedPicture { variation, format, bytes: variation.as_str().into(), width, height }
        };
        let mut assets = vec![EncodedAsset { kind: AssetKind::Matte, bytes: "matte".into() }];
        if height > 1 {
            assets.push(EncodedAsset { kind: AssetKind::ClippingPath, bytes: "<svg/>".into() });
        }
        let clipping = input.mode == Mode::Clipping;
        Ok(PipelineOutput {
            pictures: Variation::ALL.map(picture).into(),
            final_picture: if clipping { Variation::Clipping } else { Variation::Background },
            assets,
            confidence: Confidence::nearest(0.25),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored: Vec::new(),
        })
    }

    fn options(mode: Mode, set: Option<ParamSet>, svg: bool, force: bool) -> CutOptions {
        CutOptions::new(
            CutRequest {
                mode,
                format: None,
                rendering: Rendering::default(),
                set,
                subject: Default::default(),
                mask: None,
                plate: None,
                svg,
                original: None,
                names: None,
            },
            force,
        )
    }

    /// A folder with one photo, `photo.png`.
    struct PhotoFolder {
        folder: TempDir,
        photo: PathBuf,
    }

    impl PhotoFolder {
        fn new(width: u32, height: u32) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let photo = folder.path().join("photo.png");
            image::RgbImage::new(width, height).save(&photo).expect("is written");
            Self { folder, photo }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// Cuts the photo out into `out/photo.png` and `out/photo.svg`.
        fn cut_out(&self, mode: Mode, force: bool) -> anyhow::Result<CutOutcome> {
            let options = options(mode, None, true, force);
            let photo = options.layout().plan(self.photo.clone(), &self.path("out"));
            cut_out(&make_fakes, &photo, &options)
        }

        fn write(&self, name: &str, text: &str) {
            fs::create_dir_all(self.path("out")).expect("is created");
            fs::write(self.path(name), text).expect("is written");
        }

        fn text(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.path(name)).ok()
        }

        /// The contents of the picture and the path.
        fn results(&self) -> (Option<String>, Option<String>) {
            (self.text("out/photo.png"), self.text("out/photo.svg"))
        }
    }

    fn texts(picture: &str, path: &str) -> (Option<String>, Option<String>) {
        (Some(picture.to_owned()), Some(path.to_owned()))
    }

    #[test]
    fn writes_the_picture_of_the_mode_and_the_path() {
        for (mode, picture) in [(Mode::Background, "background"), (Mode::Clipping, "clipping")] {
            let folder = PhotoFolder::new(2, 2);
            let Ok(CutOutcome::CutOut { confidence, .. }) = folder.cut_out(mode, false) else { panic!("is cut out") };
            assert_eq!(confidence.get(), 0.25);
            assert_eq!(folder.results(), texts(picture, "<svg/>"));
        }
    }

    #[test]
    fn without_a_path_writes_none_and_removes_an_old_one() {
        let folder = PhotoFolder::new(2, 1);
        assert!(matches!(folder.cut_out(Mode::Clipping, false), Ok(CutOutcome::CutOut { .. })));
        assert_eq!(folder.results(), (Some("clipping".to_owned()), None));
        folder.write("out/photo.svg", "another's path");
        assert!(matches!(folder.cut_out(Mode::Clipping, true), Ok(CutOutcome::CutOut { .. })));
        assert_eq!(folder.text("out/photo.svg"), None);
    }

    #[test]
    fn keeps_existing_files_without_force() {
        let folder = PhotoFolder::new(2, 2);
        folder.write("out/photo.png", "another's picture");
        assert!(matches!(folder.cut_out(Mode::Clipping, false), Ok(CutOutcome::Skipped)));
        assert_eq!(folder.results(), texts("another's picture", "<svg/>"), "the missing path is written");
        folder.write("out/photo.svg", "another's path");
        assert!(matches!(folder.cut_out(Mode::Clipping, false), Ok(CutOutcome::Skipped)));
        assert_eq!(folder.results(), texts("another's picture", "another's path"));
        assert!(matches!(folder.cut_out(Mode::Clipping, true), Ok(CutOutcome::CutOut { .. })));
        assert_eq!(folder.results(), texts("clipping", "<svg/>"));
    }

    #[test]
    fn resumes_after_an_interrupted_run_but_does_not_replace_a_foreign_path() {
        let folder = PhotoFolder::new(2, 2);
        folder.write("out/photo.svg", "<svg/>");
        assert!(matches!(folder.cut_out(Mode::Clipping, false), Ok(CutOutcome::CutOut { .. })));

        let folder = PhotoFolder::new(2, 2);
        folder.write("out/photo.svg", "another's drawing");
        let error = folder.cut_out(Mode::Clipping, false).expect_err("is refused").to_string();
        assert!(error.contains("photo.svg already exists; --force"), "{error}");
        assert_eq!(folder.results(), (None, Some("another's drawing".to_owned())));
    }

    #[test]
    fn writes_the_variations_of_a_set_into_a_folder() {
        let folder = PhotoFolder::new(2, 2);
        let set = ParamSet::parse(
            r#"{"margin": "5%", "shadow_top": {}, "variations": ["compose", "shadowTop", "shadow_wall"],
                "output": {"per_variation": {"shadowTop": {"format": "psd"}}}}"#,
        );
        let options = options(Mode::Params, set.ok(), false, false);
        let out = folder.path("out");
        let inputs = Inputs { paths: vec![folder.photo.clone()], ..Inputs::default() };
        let photos = plan_photos(&inputs, &out, &options.layout()).expect("is planned");
        assert!(options.needs_work(&photos[0]));
        assert!(matches!(cut_out(&make_fakes, &photos[0], &options), Ok(CutOutcome::CutOut { .. })));
        assert_eq!(folder.text("out/photo/compose.png").as_deref(), Some("compose"));
        assert_eq!(folder.text("out/photo/shadowTop.psd").as_deref(), Some("shadowTop"));
        assert_eq!(fs::read_dir(out.join("photo")).expect("is a folder").count(), 2, "the third has no settings");
        assert!(!options.needs_work(&photos[0]));
        fs::remove_file(out.join("photo/compose.png")).expect("is removed");
        assert!(options.needs_work(&photos[0]), "a picture is missing");
    }

    #[test]
    fn writes_one_picture_to_a_stream() {
        let folder = PhotoFolder::new(2, 2);
        let options = options(Mode::Clipping, None, false, false);
        let photo = options.layout().plan(folder.photo.clone(), &folder.path("out"));
        let mut stream = Vec::new();
        let outcome = cut_out_to(&mut stream, &make_fakes, &photo, &options);
        assert!(matches!(outcome, Ok(CutOutcome::CutOut { .. })));
        assert_eq!((stream.as_slice(), folder.path("out").exists()), (b"clipping".as_slice(), false));
    }

    #[test]
    fn reports_a_fault_with_its_message() {
        let error = PhotoFolder::new(1, 1).cut_out(Mode::Background, false).expect_err("has no subject");
        assert_eq!(error.to_string(), "no subject was found in the picture");
    }
}
