//! The quality of mattes, on a set of photographs with known ones that is given from outside.
//!
//! The set is a folder with `index.tsv` (columns `source` and `stem` among others),
//! `SOURCE/images/STEM.*`, `SOURCE/masks/STEM.*` and its own `score.py`, which takes a folder of mattes,
//! `SOURCE/STEM.png`, and prints a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use image::GrayImage;

use crate::Setup;
use crate::machine::Scratch;
use crate::report::{Report, Target};

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("matte: quality against known mattes");
    let Some(set) = &setup.eval else {
        report.tell("matte", "not measured: no set was given, with --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let python = setup.score_python.as_ref().context("no Python was given to run the set's score.py")?;
    let scratch = Scratch::new("matte")?;
    let pictures = index(set)?;
    let mut empty = 0;
    for (source, stems) in &pictures {
        let made = scratch.path().join(source);
        cut(setup, &set.join(source).join("images"), &made)?;
        for stem in stems {
            if !made.join(format!("{stem}.png")).exists() {
                // Refused: nothing was found to cut out. An empty matte is what that says.
                let (width, height) = size(&set.join(source).join("images"), stem)?;
                GrayImage::new(width, height).save(made.join(format!("{stem}.png")))?;
                println!("    {source}/{stem}: no matte was made; scored as an empty one");
                empty += 1;
            }
        }
    }
    let output = Command::new(python)
        .arg(set.join("score.py"))
        .arg(scratch.path())
        .output()
        .context("running the set's score.py")?;
    ensure!(output.status.success(), "score.py failed: {}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).context("reading the scores")?;
    println!("{table}");

    let count: usize = pictures.values().map(BTreeSet::len).sum();
    report.tell("matte, pictures (of which refused)", format!("{count} ({empty})"));
    let hard = scores(&table, "hard truth")?;
    report.judge("matte, hard truth: IoU", hard["IoU"], "", 4, Target::AtLeast(0.920));
    report.judge("matte, hard truth: bIoU", hard["bIoU"], "", 4, Target::AtLeast(0.855));
    report.judge("matte, hard truth: fails", hard["fails"], "", 0, Target::AtMost(5.0));
    let alpha = scores(&table, "true alpha")?;
    report.judge("matte, true alpha: band", alpha["band"], "", 4, Target::AtMost(0.190));
    Ok(())
}

/// The stems of each source.
fn index(set: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let path = set.join("index.tsv");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name| names.iter().position(|other| *other == name).with_context(|| format!("no column {name}"));
    let (source, stem) = (column("source")?, column("stem")?);
    let mut pictures = BTreeMap::<String, BTreeSet<String>>::new();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |column: usize| fields.get(column).copied().with_context(|| format!("a short line: {line}"));
        pictures.entry(field(source)?.to_owned()).or_default().insert(field(stem)?.to_owned());
    }
    ensure!(!pictures.is_empty(), "{} names no picture", path.display());
    Ok(pictures)
}

/// Writes the mattes of a folder's pictures, as a user would. A picture that is refused makes the command
/// fail after it has done the others, so what counts is what it wrote.
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
        .context("running cutline cut")?;
    ensure!(to.exists(), "cutline cut wrote nothing for {}: {status}", from.display());
    Ok(())
}

fn size(folder: &Path, stem: &str) -> Result<(u32, u32)> {
    let entries = fs::read_dir(folder).with_context(|| format!("looking into {}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    match paths.iter().find(|path| path.file_stem().is_some_and(|other| other == stem)) {
        Some(path) => image::image_dimensions(path).with_context(|| format!("reading {}", path.display())),
        None => bail!("there is no picture {stem} in {}", folder.display()),
    }
}

/// A line of the scorer's table, by column: `hard truth  84  0.0273 …` under `n  MAE …`.
fn scores<'t>(table: &'t str, kind: &str) -> Result<BTreeMap<&'t str, f64>> {
    let names = table.lines().next().unwrap_or_default().split_whitespace();
    let line = table.lines().find_map(|line| line.strip_prefix(kind));
    let values = line.with_context(|| format!("score.py has no line `{kind}`"))?.split_whitespace();
    let scores: BTreeMap<_, _> =
        names.zip(values).filter_map(|(name, value)| Some((name, value.parse::<f64>().ok()?))).collect();
    for name in ["IoU", "fails", if kind == "true alpha" { "band" } else { "bIoU" }] {
        ensure!(scores.contains_key(name), "score.py says no {name} of {kind}");
    }
    Ok(scores)
}
