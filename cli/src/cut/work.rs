//! One picture: read it, have it cut out, write what was made.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use cutline_core::ports::{Pipeline, PipelineInput};
use cutline_core::{AssetKind, Mode, OutputFormat, Rendering};
use cutline_imaging::{decode, memory_needed};

use super::budget::Budget;
use super::plan::Item;
use super::report::Done;
use super::settings::Settings;

/// The largest file that is read, in bytes: more than 50 megapixels take in any format.
const LARGEST: u64 = 500_000_000;

/// What is done to every picture.
pub(super) struct Task {
    mode: Mode,
    pub(super) format: OutputFormat,
    rendering: Rendering,
    /// Whether the path is written too.
    pub(super) svg: bool,
    force: bool,
}

impl Task {
    /// What the user asked for.
    ///
    /// # Errors
    /// Those of [`Settings::read`].
    pub(super) fn new(settings: Settings, force: bool) -> anyhow::Result<Self> {
        let (mode, format, rendering, svg) = settings.read()?;
        Ok(Self { mode, format, rendering, svg, force })
    }

    /// Whether a picture's result is still to be made. Where a path is wanted and there is none, it may be that the
    /// picture has none, or that it was not asked for then.
    pub(super) fn has_to_make(&self, item: &Item) -> bool {
        self.force || !item.target.is_file() || item.path.as_deref().is_some_and(|path| !path.is_file())
    }
}

/// Makes and writes the result of one picture.
///
/// The picture is written last: where it and its path are, all of the result is, so that what was interrupted can be
/// gone on with.
pub(super) fn one(pipeline: &dyn Pipeline, item: &Item, task: &Task, budget: &Budget) -> anyhow::Result<Done> {
    // Asked before the work, and once more by the write itself: somebody may put a file there meanwhile.
    if !task.has_to_make(item) {
        return Ok(Done::AlreadyThere);
    }
    let source = read(&item.source)?;
    let (width, height) = decode::dimensions(&source)?;
    let _share = budget.take(memory_needed(width, height, task.format));
    let input = PipelineInput {
        source: source.into(),
        mode: task.mode,
        format: task.format,
        rendering: task.rendering.clone(),
    };
    let made = pipeline.run(&input, &|_, _| {}).map_err(|fault| anyhow::anyhow!(fault.failure().message.clone()))?;
    let picture = made.pictures.iter().find(|picture| picture.variation == made.final_picture);
    let picture = picture.context("a fault of Cutline's own: no picture was made; please report it")?;

    let path = made.assets.iter().find(|asset| asset.kind == AssetKind::ClippingPath);
    if let Some((target, path)) = item.path.as_deref().zip(path)
        && !write(target, &path.bytes, task.force)?
        && fs::read(target).ok().as_deref() != Some(&path.bytes[..])
    {
        // The same path is from a run that was interrupted before it wrote the picture.
        anyhow::bail!("{} is there already; --force writes over it", target.display());
    }
    if let (Some(target), None, true) = (item.path.as_deref(), path, task.force) {
        // It would be another cut's.
        remove(target)?;
    }
    if write(&item.target, &picture.bytes, task.force)? {
        Ok(Done::CutOut { confidence: made.confidence, warnings: made.warnings })
    } else {
        Ok(Done::AlreadyThere)
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// Reads a file, if it is one and not larger than any picture is.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let data = fs::metadata(path).context("cannot be read")?;
    anyhow::ensure!(data.is_file(), "is not a file");
    anyhow::ensure!(data.len() <= LARGEST, "is larger than {} MB", LARGEST / 1_000_000);
    fs::read(path).context("cannot be read")
}

/// Writes a file that is there whole or not at all, also where the process is killed. Whether it was written:
/// one that is there already is left alone unless `force`.
fn write(target: &Path, bytes: &[u8], force: bool) -> anyhow::Result<bool> {
    let written = (|| {
        let folder = target.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cutline-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        let placed = if force { file.persist(target) } else { file.persist_noclobber(target) };
        placed.map(drop).map_err(|error| error.error)
    })();
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{} cannot be written", target.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use cutline_core::outcome::Warnings;
    use cutline_core::ports::{Asset, Picture, PipelineOutput, Progress};
    use cutline_core::{Confidence, FailureCode, Fault, Variation};
    use tempfile::TempDir;

    use super::*;

    /// Makes files that name what they are; of a picture one pixel high, no path.
    struct Fake;

    impl Pipeline for Fake {
        fn run(&self, input: &PipelineInput, _: &Progress<'_>) -> Result<PipelineOutput, Fault> {
            let (width, height) = decode::dimensions(&input.source).expect("a picture");
            if width == 1 {
                return Err(Fault::fail(FailureCode::NoSubject, "no subject was found in the picture"));
            }
            let picture = |variation: Variation| Picture { variation, bytes: variation.as_str().into(), width, height };
            let mut assets = vec![Asset { kind: AssetKind::Matte, bytes: "matte".into() }];
            if height > 1 {
                assets.push(Asset { kind: AssetKind::ClippingPath, bytes: "<svg/>".into() });
            }
            let clipping = input.mode == Mode::Clipping;
            Ok(PipelineOutput {
                pictures: vec![picture(Variation::Background), picture(Variation::Clipping)],
                final_picture: if clipping { Variation::Clipping } else { Variation::Background },
                assets,
                confidence: Confidence::nearest(0.25),
                warnings: Warnings::new(),
            })
        }

        fn version(&self) -> &str {
            "fake"
        }
    }

    struct Shop {
        folder: TempDir,
        item: Item,
    }

    impl Shop {
        fn new(width: u32, height: u32) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let at = |name: &str| folder.path().join(name);
            image::RgbImage::new(width, height).save(at("photo.png")).expect("is written");
            let item = Item { source: at("photo.png"), target: at("made.png"), path: Some(at("made.svg")) };
            Self { folder, item }
        }

        fn cut(&self, mode: Mode, force: bool) -> anyhow::Result<Done> {
            let task = Task { mode, format: OutputFormat::Png, rendering: Rendering::default(), svg: true, force };
            one(&Fake, &self.item, &task, &Budget::new(None))
        }

        fn holds(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.folder.path().join(name)).ok()
        }
    }

    #[test]
    fn the_picture_of_the_mode_is_written_and_the_path_beside_it() {
        for (mode, made) in [(Mode::Background, "background"), (Mode::Clipping, "clipping")] {
            let shop = Shop::new(2, 2);
            let Ok(Done::CutOut { confidence, .. }) = shop.cut(mode, false) else { panic!("is cut out") };
            assert_eq!(confidence.get(), 0.25);
            assert_eq!(
                (shop.holds("made.png").as_deref(), shop.holds("made.svg").as_deref()),
                (Some(made), Some("<svg/>"))
            );
        }
    }

    #[test]
    fn where_there_is_no_path_none_is_written() {
        let shop = Shop::new(2, 1);
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::CutOut { .. })));
        assert_eq!((shop.holds("made.png").as_deref(), shop.holds("made.svg")), (Some("clipping"), None));
        // Nor is one left that another cut had.
        fs::write(shop.item.path.as_deref().expect("a path is wanted"), "another's path").expect("is written");
        assert!(matches!(shop.cut(Mode::Clipping, true), Ok(Done::CutOut { .. })));
        assert_eq!(shop.holds("made.svg"), None);
    }

    #[test]
    fn what_is_there_is_passed_over_unless_it_is_told_to_go() {
        let shop = Shop::new(2, 2);
        fs::write(&shop.item.target, "somebody's work").expect("is written");
        let holds = || (shop.holds("made.png").unwrap_or_default(), shop.holds("made.svg").unwrap_or_default());
        // The path that it lacks is made, and nothing else.
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::AlreadyThere)));
        assert_eq!(holds(), ("somebody's work".into(), "<svg/>".into()));
        fs::write(shop.item.path.as_deref().expect("a path is wanted"), "somebody's path").expect("is written");
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::AlreadyThere)));
        assert_eq!(holds(), ("somebody's work".into(), "somebody's path".into()));
        assert!(matches!(shop.cut(Mode::Clipping, true), Ok(Done::CutOut { .. })));
        assert_eq!(shop.holds("made.png").as_deref(), Some("clipping"));
    }

    #[test]
    fn a_path_that_an_interrupted_run_wrote_is_no_obstacle_and_anothers_is() {
        let shop = Shop::new(2, 2);
        let path: PathBuf = shop.item.path.clone().expect("a path");
        fs::write(&path, "<svg/>").expect("is written");
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::CutOut { .. })));

        let shop = Shop::new(2, 2);
        let path: PathBuf = shop.item.path.clone().expect("a path");
        fs::write(&path, "somebody's drawing").expect("is written");
        let error = shop.cut(Mode::Clipping, false).expect_err("is refused").to_string();
        assert!(error.contains("made.svg is there already; --force"), "{error}");
        assert_eq!((shop.holds("made.svg").as_deref(), shop.holds("made.png")), (Some("somebody's drawing"), None));
    }

    #[test]
    fn a_fault_is_told_in_the_words_for_the_caller() {
        let error = Shop::new(1, 1).cut(Mode::Background, false).expect_err("has no subject");
        assert_eq!(error.to_string(), "no subject was found in the picture");
    }

    #[test]
    fn a_result_is_written_over_only_if_told_to_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("a.png");
        assert!(write(&target, b"one", false).expect("is written"));
        assert!(!write(&target, b"two", false).expect("is left alone"));
        assert_eq!(fs::read(&target).expect("is there"), b"one");
        assert!(write(&target, b"two", true).expect("is written"));
        assert_eq!(fs::read(&target).expect("is there"), b"two");
        assert_eq!(fs::read_dir(folder.path()).expect("is a folder").count(), 1);
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let error = read(Path::new("/dev/zero")).expect_err("it has no end");
        assert!(error.to_string().contains("is not a file"), "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large.png");
        fs::File::create(&path).and_then(|file| file.set_len(LARGEST + 1)).expect("is made");
        let error = read(&path).expect_err("is refused");
        assert!(error.to_string().contains("larger than 500 MB"), "{error}");
    }
}
