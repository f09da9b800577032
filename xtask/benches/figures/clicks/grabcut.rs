//! A peer: OpenCV's GrabCut, which begins with what both networks are sure of and is corrected by the same robot.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use cutline_imaging::segment::CoarseMatte;
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};

use super::case::Case;
use super::robot::Session;
use super::rules::{GOALS, MAX_CLICKS, gray};
use crate::machine::Scratch;

/// Above this in both networks' mattes a pixel surely is subject, and below 1 less this surely background.
const SURE: f32 = 0.95;

/// The sessions of GrabCut on all photographs.
pub(crate) fn sessions(python: &Path, cases: &[Case]) -> Result<Vec<Session>> {
    let scratch = Scratch::new("grabcut")?;
    let mut tasks = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let size = case.size();
        let file = |name: &str| scratch.path().join(format!("{index}-{name}.png"));
        let truth = case.truth.iter().map(|truth| match truth {
            Some(true) => 255,
            Some(false) => 0,
            None => 128,
        });
        gray(size, truth)?.save(file("truth"))?;
        seeds(case)?.save(file("seeds"))?;
        tasks.push(serde_json::json!({ "photo": case.path, "truth": file("truth"), "seeds": file("seeds") }));
    }
    let list = scratch.path().join("tasks.json");
    fs::write(&list, serde_json::to_vec(&tasks)?)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("py/grabcut.py");
    let mut command = Command::new(python);
    command.arg(script).arg(&list).arg(MAX_CLICKS.to_string()).arg(GOALS[1].to_string());
    let output = command.stderr(Stdio::inherit()).output().context("cannot run GrabCut")?;
    ensure!(output.status.success(), "GrabCut failed");
    let ious: Vec<Vec<f64>> = serde_json::from_slice(&output.stdout).context("cannot read GrabCut's answer")?;
    ensure!(ious.len() == cases.len(), "GrabCut left photographs out");
    Ok(ious.into_iter().map(|ious| Session { ious }).collect())
}

/// 255 where both networks are sure of the subject, 0 where both are sure of the background, else 192 or 64 by the
/// detailed network.
fn seeds(case: &Case) -> Result<GrayImage> {
    let (width, height) = case.size();
    let large = |matte: &CoarseMatte| -> Result<Vec<f32>> {
        let side = matte.side();
        let values = matte.values().iter().map(|value| (value * 255.0).round() as u8);
        let large = imageops::resize(&gray((side, side), values)?, width, height, FilterType::Triangle);
        Ok(large.iter().map(|value| f32::from(*value) / 255.0).collect())
    };
    let detail = large(&case.mattes.detail)?;
    let whole = case.mattes.whole.as_ref().map(large).transpose()?.unwrap_or_else(|| detail.clone());
    Ok(GrayImage::from_fn(width, height, |x, y| {
        let at = (y * width + x) as usize;
        let (low, high) = (detail[at].min(whole[at]), detail[at].max(whole[at]));
        Luma([match () {
            () if low > SURE => 255,
            () if high < 1.0 - SURE => 0,
            () if detail[at] > 0.5 => 192,
            () => 64,
        }])
    }))
}
