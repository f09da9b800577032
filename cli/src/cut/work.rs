//! One picture: read it, have it cut out, write what was made.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use cutline_core::ports::{Pipeline, PipelineInput};
use cutline_core::{AssetKind, Mode, Variation};

use super::plan::{Item, Names};
use super::report::Done;
use super::settings::Wish;

/// The largest file that is read, in bytes: more than 50 megapixels take in any format.
const LARGEST: u64 = 500_000_000;

/// What is done to every picture.
pub(super) struct Task {
    /// What the pipeline is told, but for the photograph.
    pub(super) input: PipelineInput,
    /// Whether the path is written too.
    pub(super) svg: bool,
    pub(super) force: bool,
}

impl Task {
    /// What the user wishes. The picture behind the subject, if the set has one, is still to be fetched.
    pub(super) fn new(wish: Wish, force: bool) -> Self {
        let Wish { mode, format, rendering, set, svg } = wish;
        Self { input: PipelineInput { format, rendering, set, ..PipelineInput::new(Bytes::new(), mode) }, svg, force }
    }

    /// How its results are called.
    pub(super) fn names(&self) -> Names {
        let single = |variation| {
            let extension = self.input.file(variation).0.extension();
            Names::Single { variation, extension, svg: self.svg }
        };
        match (&self.input.set, self.input.mode) {
            (Some(set), _) => {
                let made = set.wanted().made.into_iter();
                Names::Folder(made.map(|variation| (variation, self.input.file(variation).0.extension())).collect())
            }
            (None, Mode::Clipping) => single(Variation::Clipping),
            (None, Mode::Background | Mode::Params) => single(Variation::Background),
        }
    }

    /// Whether a picture's results are still to be made. Where a path is wanted and there is none, it may be that the
    /// picture has none, or that it was not asked for then.
    pub(super) fn has_to_make(&self, item: &Item) -> bool {
        let mut files = item.targets.iter().map(|(_, target)| target).chain(&item.path);
        self.force || files.any(|file| !file.is_file())
    }
}

/// Makes and writes the results of one picture.
///
/// The pictures are written last: where they and the path are, all of the result is, so that what was interrupted can
/// be gone on with.
pub(super) fn one(pipeline: &dyn Pipeline, item: &Item, task: &Task) -> anyhow::Result<Done> {
    // Asked before the work, and once more by the write itself: somebody may put a file there meanwhile.
    if !task.has_to_make(item) {
        return Ok(Done::AlreadyThere);
    }
    let source = read(&item.source)?;
    let input = PipelineInput { source: source.into(), ..task.input.clone() };
    let made = pipeline.run(&input, &|_, _| {}).map_err(|fault| anyhow::anyhow!(fault.failure().message.clone()))?;

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
    let mut any = false;
    for (variation, target) in &item.targets {
        let picture = made.pictures.iter().find(|picture| picture.variation == *variation);
        let picture = picture.context("a fault of Cutline's own: a picture was not made; please report it")?;
        any |= write(target, &picture.bytes, task.force)?;
    }
    match any {
        true => Ok(Done::CutOut { confidence: made.confidence, warnings: made.warnings }),
        false => Ok(Done::AlreadyThere),
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
        fs::create_dir_all(folder)?;
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

    use cutline_core::domain::outcome::Warnings;
    use cutline_core::ports::{EncodedAsset, EncodedPicture, PipelineOutput, Progress};
    use cutline_core::{Confidence, FailureCode, Fault, Variation};
    use tempfile::TempDir;

    use super::*;

    /// Makes files that name what they are; of a picture one pixel high, no path.
    struct Fake;

    impl Pipeline for Fake {
        fn run(&self, input: &PipelineInput, _: &Progress<'_>) -> Result<PipelineOutput, Fault> {
            let (width, height) = cutline_imaging::decode::dimensions(&input.source).expect("a picture");
            if width == 1 {
                return Err(Fault::fail(FailureCode::NoSubject, "no subject was found in the picture"));
            }
            let picture = |variation: Variation| {
                let (format, _) = input.file(variation);
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
                warnings: Warnings::new(),
                ignored: Vec::new(),
            })
        }

        fn version(&self) -> &str {
            "fake"
        }
    }

    struct Shop {
        folder: TempDir,
        photo: PathBuf,
    }

    impl Shop {
        fn new(width: u32, height: u32) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let at = |name: &str| folder.path().join(name);
            image::RgbImage::new(width, height).save(at("photo.png")).expect("is written");
            Self { photo: at("photo.png"), folder }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn cut(&self, mode: Mode, force: bool) -> anyhow::Result<Done> {
            let task = Task { input: PipelineInput::new(Bytes::new(), mode), svg: true, force };
            let Names::Single { variation, .. } = task.names() else { panic!("is one file a picture") };
            let targets = vec![(variation, self.at("made.png"))];
            let item = Item { source: self.photo.clone(), targets, path: Some(self.at("made.svg")) };
            one(&Fake, &item, &task)
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
        fs::write(shop.at("made.svg"), "another's path").expect("is written");
        assert!(matches!(shop.cut(Mode::Clipping, true), Ok(Done::CutOut { .. })));
        assert_eq!(shop.holds("made.svg"), None);
    }

    #[test]
    fn what_is_there_is_passed_over_unless_it_is_told_to_go() {
        let shop = Shop::new(2, 2);
        fs::write(shop.at("made.png"), "somebody's work").expect("is written");
        let holds = || (shop.holds("made.png").unwrap_or_default(), shop.holds("made.svg").unwrap_or_default());
        // The path that it lacks is made, and nothing else.
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::AlreadyThere)));
        assert_eq!(holds(), ("somebody's work".into(), "<svg/>".into()));
        fs::write(shop.at("made.svg"), "somebody's path").expect("is written");
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::AlreadyThere)));
        assert_eq!(holds(), ("somebody's work".into(), "somebody's path".into()));
        assert!(matches!(shop.cut(Mode::Clipping, true), Ok(Done::CutOut { .. })));
        assert_eq!(shop.holds("made.png").as_deref(), Some("clipping"));
    }

    #[test]
    fn a_path_that_an_interrupted_run_wrote_is_no_obstacle_and_anothers_is() {
        let shop = Shop::new(2, 2);
        let path: PathBuf = shop.at("made.svg");
        fs::write(&path, "<svg/>").expect("is written");
        assert!(matches!(shop.cut(Mode::Clipping, false), Ok(Done::CutOut { .. })));

        let shop = Shop::new(2, 2);
        let path: PathBuf = shop.at("made.svg");
        fs::write(&path, "somebody's drawing").expect("is written");
        let error = shop.cut(Mode::Clipping, false).expect_err("is refused").to_string();
        assert!(error.contains("made.svg is there already; --force"), "{error}");
        assert_eq!((shop.holds("made.svg").as_deref(), shop.holds("made.png")), (Some("somebody's drawing"), None));
    }

    #[test]
    fn a_set_gives_a_folder_with_a_file_for_each_variation() {
        let shop = Shop::new(2, 2);
        let set = cutline_core::ParamSet::parse(
            r#"{"margin": "5%", "shadow_top": {}, "variations": ["compose", "shadowTop", "shadow_wall"],
                "output": {"per_variation": {"shadowTop": {"format": "psd"}}}}"#,
        );
        let input = PipelineInput { set: set.ok(), ..PipelineInput::new(Bytes::new(), Mode::Params) };
        let task = Task { input, svg: false, force: false };
        let out = shop.at("out");
        let photos = std::slice::from_ref(&shop.photo);
        let items = super::super::plan::plan(photos, &out, &task.names()).expect("is planned");
        assert!(task.has_to_make(&items[0]));
        assert!(matches!(one(&Fake, &items[0], &task), Ok(Done::CutOut { .. })));
        assert_eq!(shop.holds("out/photo/compose.png").as_deref(), Some("compose"));
        assert_eq!(shop.holds("out/photo/shadowTop.psd").as_deref(), Some("shadowTop"));
        assert_eq!(fs::read_dir(out.join("photo")).expect("is a folder").count(), 2, "the third has no settings");
        assert!(!task.has_to_make(&items[0]));
        fs::remove_file(out.join("photo/compose.png")).expect("is removed");
        assert!(task.has_to_make(&items[0]), "what is missing is made");
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
