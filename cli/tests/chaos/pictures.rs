//! Good pictures, with known sizes and a clear subject, and the files that hostile ones are made of.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::{DynamicImage, ImageFormat};

use crate::ledger::Expectation;

/// Photos of the project, with their sizes.
const PHOTOS: [(&str, u32, u32); 3] =
    [("examples/coffee.jpg", 600, 400), ("examples/chelsea.png", 451, 300), ("examples/astronaut.png", 512, 512)];
/// Files of all kinds and variants, small, and too plain to promise a subject.
const SAMPLES: [&str; 2] = ["shared/imaging/tests/data", "shared/imaging/tests/data/kinds"];
/// SVGs that would take a minute or a gigabyte to draw.
const EXPENSIVE: [&str; 1] = ["shared/imaging/tests/data/expensive"];
/// The sizes of the small copies of the first photo.
const COPIES: [(u32, u32); 2] = [(300, 200), (180, 120)];

/// A file to send.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Names it in messages.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expectation: Expectation,
}

/// The pictures of a run.
pub(crate) struct Catalog {
    pub(crate) good: Vec<Picture>,
    /// Valid files without a promise.
    pub(crate) samples: Vec<Picture>,
    /// Small files that are refused because they would be expensive to draw.
    pub(crate) expensive: Vec<Picture>,
}

impl Catalog {
    /// Reads the project's pictures, and makes small copies of a photo in several formats: they keep the load high.
    pub(crate) fn load() -> Result<Self> {
        let mut good = Vec::new();
        for (path, width, height) in PHOTOS {
            let bytes = fs::read(root().join(path)).with_context(|| format!("cannot read {path}"))?;
            good.push(Picture { name: path.to_owned(), bytes, expectation: Expectation::Done { width, height } });
        }
        let photo = image::load_from_memory(&good[0].bytes).context("cannot decode a photo")?;
        for (width, height) in COPIES {
            let small = photo.resize_exact(width, height, image::imageops::FilterType::Triangle);
            for (format, name) in [(ImageFormat::Jpeg, "jpg"), (ImageFormat::Png, "png"), (ImageFormat::WebP, "webp")] {
                let name = format!("small photo {width}x{height}.{name}");
                let expectation = Expectation::Done { width, height };
                good.push(Picture { name, bytes: encode(&small, format)?, expectation });
            }
        }
        let samples = files(&SAMPLES, &Expectation::Any)?;
        let expensive = files(&EXPENSIVE, &Expectation::Fails(&["unsupported_source"]))?;
        Ok(Self { good, samples, expensive })
    }
}

/// The files of these folders.
fn files(folders: &[&str], expectation: &Expectation) -> Result<Vec<Picture>> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).with_context(|| format!("cannot list {folder}"))? {
            let path = entry?.path();
            if path.is_file() && path.extension().is_some_and(|extension| extension != "md") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                files.push(Picture { name, bytes, expectation: expectation.clone() });
            }
        }
    }
    ensure!(!files.is_empty(), "no files in {folders:?}");
    // The order of a folder's entries differs between machines, and the seed decides by index.
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The file of a picture in this format.
pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).context("cannot encode a picture")?;
    Ok(bytes.into_inner())
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
