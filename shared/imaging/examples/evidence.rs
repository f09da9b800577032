//! What the networks answer for a folder of photographs, as files, to fit the confidence from: see
//! `xtask/py/train_confidence.py`.
//!
//! ```sh
//! cargo run --release -p cutline-imaging --example evidence -- MODELS PHOTOS OUT
//! ```
//!
//! For each photograph `PHOTOS/<stem>.*` it writes `OUT/detail/<stem>.png` and `OUT/whole/<stem>.png`, the mattes of the two
//! networks with 16 bits a value, and `OUT/cut/<stem>.png`, the refined matte at the photograph's size; and `OUT/features.tsv`, a line of numbers for each. Mattes that
//! are there already are read, so a run can be continued, and features be computed again without the networks.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cutline_imaging::matting::{NetworkMattes, Prediction};
use cutline_imaging::segment::CoarseMatte;
use cutline_imaging::{Cause, Limits, Matting, assess, decode, refine};
use image::{ImageBuffer, Luma};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [models, photos, out] = arguments.as_slice() else {
        eprintln!("usage: evidence MODELS PHOTOS OUT");
        return ExitCode::from(2);
    };
    match run(models, photos, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evidence: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(models: &Path, photos: &Path, out: &Path) -> Result<(), Cause> {
    let matting = Matting::load(models, NonZeroUsize::MIN)?;
    for folder in ["detail", "whole", "cut"] {
        fs::create_dir_all(out.join(folder))?;
    }
    let mut paths = fs::read_dir(photos)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Cause>>()?;
    paths.sort();
    let mut table = BufWriter::new(File::create(out.join("features.tsv"))?);
    writeln!(table, "stem\tconfidence\t{}", assess::FEATURES.join("\t"))?;
    for path in paths {
        let stem = path.file_stem().ok_or("a photograph without a name")?.to_string_lossy().into_owned();
        let photo = decode(&fs::read(&path)?, &Limits::default())?;
        let file = |folder: &str| out.join(folder).join(format!("{stem}.png"));
        let prediction = match (read(&file("detail"))?, read(&file("whole"))?) {
            (Some(detail), Some(whole)) => Prediction::of(NetworkMattes { detail, whole: Some(whole) })?,
            _ => matting.predict_any(photo.color())?,
        };
        write(&prediction.mattes.detail, &file("detail"))?;
        if let Some(whole) = &prediction.mattes.whole {
            write(whole, &file("whole"))?;
        }
        refine::refine(photo.color(), &prediction.matte)?.save(file("cut"))?;
        let features = assess::features(photo.color(), &prediction)?;
        let values = features.map_or(String::new(), |values| values.map(|value| format!("\t{value:.6}")).concat());
        writeln!(table, "{stem}\t{:.6}{values}", prediction.confidence)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<CoarseMatte>, Cause> {
    if !path.exists() {
        return Ok(None);
    }
    let picture = image::open(path)?.into_luma16();
    let values = picture.iter().map(|value| f32::from(*value) / f32::from(u16::MAX)).collect();
    CoarseMatte::new(picture.width(), values).map(Some).ok_or_else(|| format!("{}: not square", path.display()).into())
}

fn write(matte: &CoarseMatte, path: &Path) -> Result<(), Cause> {
    if path.exists() {
        return Ok(());
    }
    let values = matte.values().iter().map(|value| (value * f32::from(u16::MAX)).round() as u16).collect();
    let picture: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_raw(matte.side(), matte.side(), values).ok_or("a matte is not square")?;
    Ok(picture.save(path)?)
}
