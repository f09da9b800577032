//! How well `confidence` estimates the probability that a cut is good, on an external [set] of photographs with known mattes,
//! and the weights of its features that fit the set best.
//!
//! A cut is good if no connected wrong region of it is larger than 0.5 % of the subject and farther than 1 % of the diagonal
//! from the true outline.

mod calibration;
mod logistic;
mod truth;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cutline_imaging::{Features, Limits, Matting, decode, refine};

use crate::Setup;
use crate::report::{Report, Target};
use crate::set::{self, Row};
use calibration::{Bin, Estimate, Quality};
use logistic::Example;
use truth::Truth;

/// Below this many photographs, no weights are fitted.
const MIN_TO_FIT: usize = 200;
/// The parts of the set, each of which is estimated by weights fitted to all others.
const FOLDS: usize = 10;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("confidence: the probability that a cut is good");
    let Some(set) = &setup.eval else {
        report.tell("confidence", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let matting = Matting::load(&setup.models, std::thread::available_parallelism()?)?;
    let (mut estimates, mut examples, mut refused) = (Vec::new(), Vec::new(), 0);
    for row in set::rows(set)? {
        let cut = measure(&matting, set, &row).with_context(|| format!("{}/{}", row.source, row.stem))?;
        let Some(MeasuredCut { features, is_good }) = cut else {
            refused += 1;
            continue;
        };
        estimates.push(Estimate { probability: features.probability(), is_good });
        examples.push(Example { values: features.values().to_vec(), is_good });
    }
    let pictures = estimates.len() + refused;
    report.tell("confidence, pictures (of which without a subject)", format!("{pictures} ({refused})"));
    let quality =
        |estimates: &[Estimate]| Quality::of(estimates).context("the cuts of the set are all good or all bad");
    tell(report, "confidence", &quality(&estimates)?);
    if examples.len() < MIN_TO_FIT {
        report.tell("confidence, fitted to the set", format!("not measured: fewer than {MIN_TO_FIT} pictures"));
        return Ok(());
    }
    let held_out = logistic::held_out(&examples, FOLDS);
    tell(report, "confidence, fitted to the other nine tenths", &quality(&held_out)?);
    let fitted = logistic::fit(&examples);
    println!("    fitted to the whole set: bias {:.3}", fitted.bias);
    for (name, weight) in Features::NAMES.iter().zip(&fitted.weights) {
        println!("      {name} {weight:.3}");
    }
    Ok(())
}

fn tell(report: &mut Report, what: &str, quality: &Quality) {
    report.tell(format!("{what}: bad cuts"), format!("{:.1} %", 100.0 * quality.bad));
    report.judge(format!("{what}: AUROC"), quality.auroc, "", 3, Target::AtLeast(0.85));
    report.judge(format!("{what}: bad cuts below 0.5"), 100.0 * quality.flagged_bad, "%", 1, Target::AtLeast(80.0));
    report.judge(format!("{what}: good cuts below 0.5"), 100.0 * quality.flagged_good, "%", 1, Target::AtMost(15.0));
    report.judge(format!("{what}: expected calibration error"), quality.calibration_error, "", 3, Target::AtMost(0.05));
    println!("      confidence  cuts   mean  good");
    for Bin { from, to, count, confidence, good } in &quality.bins {
        println!("      {from:.1} to {to:.1}  {count:>4}  {confidence:>5.3}  {good:>4.2}");
    }
}

/// The cut of a photograph.
struct MeasuredCut {
    features: Features,
    is_good: bool,
}

/// Cuts a photograph out; `None` if it has no subject.
fn measure(matting: &Matting, set: &Path, row: &Row) -> Result<Option<MeasuredCut>> {
    let photo = decode(&fs::read(row.image(set)?)?, &Limits::default())?;
    let prediction = matting.predict_any(photo.color())?;
    let Some(features) = Features::of(photo.color(), &prediction)? else { return Ok(None) };
    let cut = refine::refine(photo.color(), &prediction.matte)?;
    let truth = Truth::new(&image::open(row.mask(set)?)?.into_luma8(), row.is_alpha);
    Ok(Some(MeasuredCut { features, is_good: truth.is_good(&cut)? }))
}
