//! The quality of mattes on an external [set] of photographs with known mattes, compared with the networks' plain output.
//!
//! The set contains a `score.py`, which takes a folder of mattes, `SOURCE/STEM.png`, and prints a table; with `--vs` and
//! another folder also the differences, each with a confidence interval.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cutline_engine::{Engine, Threads};
use cutline_imaging::models::{self, Model};
use cutline_imaging::segment::Segmenter;
use cutline_imaging::segment::engine::EngineSegmenter;
use cutline_imaging::{Limits, decode, fuse};
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};

use crate::Setup;
use crate::machine::Scratch;
use crate::report::{Report, Target};
use crate::set::{self, Row};

/// The measures of the comparison: kind of truth, measure, and whether more is better.
const COMPARED: [(&str, &str, bool); 3] =
    [("hard truth", "IoU", true), ("hard truth", "bIoU", true), ("true alpha", "band", false)];

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("matte: quality against known mattes");
    let Some(set) = &setup.eval else {
        report.tell("matte", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let python = setup.score_python.as_ref().context("no Python for the set's score.py; run `cargo xtask bench`")?;
    let scratch = Scratch::new("matte")?;
    let (mattes, plain) = (scratch.path().join("mattes"), scratch.path().join("plain"));
    let rows = set::rows(set)?;
    for source in rows.iter().map(|row| &row.source).collect::<BTreeSet<_>>() {
        cut(setup, &set.join(source).join("images"), &mattes.join(source))?;
    }
    let mut empty = 0;
    for row in &rows {
        let matte = mattes.join(&row.source).join(format!("{}.png", row.stem));
        if !matte.exists() {
            // The command refused the photograph: no subject. That equals an empty matte.
            let (width, height) = image::image_dimensions(row.image(set)?)?;
            GrayImage::new(width, height).save(matte)?;
            println!("    {}/{}: no matte; scored as an empty one", row.source, row.stem);
            empty += 1;
        }
    }
    fuse_only(setup, set, &rows, &plain)?;
    let output = Command::new(python)
        .arg(set.join("score.py"))
        .arg(&mattes)
        .arg("--vs")
        .arg(&plain)
        .output()
        .context("cannot run the set's score.py")?;
    ensure!(output.status.success(), "score.py failed: {}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).context("the scores are not UTF-8")?;
    println!("{table}");

    report.tell("matte, pictures (of which refused)", format!("{} ({empty})", rows.len()));
    let hard = scores(&table, "hard truth")?;
    report.judge("matte, hard truth: IoU", hard["IoU"], "", 4, Target::AtLeast(0.920));
    report.judge("matte, hard truth: bIoU", hard["bIoU"], "", 4, Target::AtLeast(0.855));
    report.judge("matte, hard truth: fails", hard["fails"], "", 0, Target::AtMost(5.0));
    let alpha = scores(&table, "true alpha")?;
    report.judge("matte, true alpha: band", alpha["band"], "", 4, Target::AtMost(0.190));
    let (mut better, mut worse) = (0.0, 0.0);
    for (kind, measure, more_is_better) in COMPARED {
        let (low, high) = interval(&table, kind, measure)?;
        let (gain, loss) = if more_is_better { (low > 0.0, high < 0.0) } else { (high < 0.0, low > 0.0) };
        better += f64::from(u8::from(gain));
        worse += f64::from(u8::from(loss));
        report.tell(
            format!("matte, {kind}: {measure} less that of the plain mattes"),
            format!("{low:+.4} to {high:+.4}"),
        );
    }
    report.judge("matte: measures surely better than of the plain mattes", better, "", 0, Target::AtLeast(1.0));
    report.judge("matte: measures surely worse", worse, "", 0, Target::AtMost(0.0));
    Ok(())
}

/// Writes the fused mattes of the two networks, enlarged without refinement.
fn fuse_only(setup: &Setup, set: &Path, rows: &[Row], to: &Path) -> Result<()> {
    let threads = Threads::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?;
    let load = |model: &Model| {
        let engine = Engine::new(model.load(&setup.models)?, threads.clone())?;
        EngineSegmenter::new(model.name, model.input, engine).map_err(anyhow::Error::from_boxed)
    };
    let (detail, whole) = (load(&models::ISNET)?, load(&models::U2NETP)?);
    for row in rows {
        let path = row.image(set)?;
        let photo = decode(&fs::read(&path)?, &Limits::default()).with_context(|| format!("{}", path.display()))?;
        let fused = fuse::fuse(detail.segment(photo.color())?, &whole.segment(photo.color())?)?;
        let (width, height) = photo.dimensions();
        let matte = match fuse::stretch(fused) {
            Ok(matte) => {
                let values: Vec<u16> = matte.values().iter().map(|value| (value * 65_535.0).round() as u16).collect();
                let side = matte.side();
                let square = image::ImageBuffer::<Luma<u16>, _>::from_raw(side, side, values)
                    .context("the matte is not square")?;
                let large = imageops::resize(&square, width, height, FilterType::Lanczos3);
                GrayImage::from_fn(width, height, |x, y| Luma([(large.get_pixel(x, y).0[0] / 257) as u8]))
            }
            Err(_) => GrayImage::new(width, height),
        };
        let folder = to.join(&row.source);
        fs::create_dir_all(&folder)?;
        matte.save(folder.join(format!("{}.png", row.stem)))?;
    }
    Ok(())
}

/// Writes the mattes of a folder's photographs with the command. The command fails if any photograph has no subject, but
/// cuts out all others.
fn cut(setup: &Setup, from: &Path, to: &Path) -> Result<()> {
    let status = setup
        .program("cutline")
        .env("CUTLINE_MODELS_DIR", &setup.models)
        .arg("cut")
        .arg(from)
        .arg("-o")
        .arg(to)
        .args(["--mode", "background", "--format", "png", "--channels", "alpha"])
        .status()
        .context("cannot run cutline cut")?;
    ensure!(to.exists(), "cutline cut wrote nothing for {}: {status}", from.display());
    Ok(())
}

/// Parses a line of the scorer's table by column: `hard truth  84  0.0273 …` under `n  MAE …`.
fn scores<'t>(table: &'t str, kind: &str) -> Result<BTreeMap<&'t str, f64>> {
    let names = table.lines().next().unwrap_or_default().split_whitespace();
    let line = table.lines().find_map(|line| line.strip_prefix(kind));
    let values = line.with_context(|| format!("score.py has no line `{kind}`"))?.split_whitespace();
    let scores: BTreeMap<_, _> =
        names.zip(values).filter_map(|(name, value)| Some((name, value.parse::<f64>().ok()?))).collect();
    for name in ["IoU", "fails", if kind == "true alpha" { "band" } else { "bIoU" }] {
        ensure!(scores.contains_key(name), "score.py printed no {name} of {kind}");
    }
    Ok(scores)
}

/// Parses the interval of a difference: `hard truth   bIoU +0.0044  [+0.0011, +0.0080]  n=27`.
fn interval(table: &str, kind: &str, measure: &str) -> Result<(f64, f64)> {
    let (_, differences) = table.split_once("difference to").context("score.py printed no differences")?;
    let of_kind = differences.lines().filter_map(|line| line.strip_prefix(kind));
    let line = of_kind.map(str::trim_start).find(|line| line.split(' ').next() == Some(measure));
    let line = line.with_context(|| format!("score.py printed no difference in {measure} of {kind}"))?;
    let (low, high) = line
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .and_then(|(interval, _)| interval.split_once(','))
        .with_context(|| format!("score.py printed no interval: {line}"))?;
    Ok((low.trim().parse()?, high.trim().parse()?))
}
