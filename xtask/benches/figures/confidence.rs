//! How well `confidence` estimates the probability that a cut is good, on an external [set] of photographs with known mattes.
//!
//! A cut is good if no connected wrong region of it is larger than 0.5 % of the subject and farther than 1 % of the diagonal
//! from the true outline.

mod calibration;
mod truth;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cutline_imaging::{Error, Limits, Matting, decode, refine};

use crate::Setup;
use crate::report::{Report, Target};
use crate::set::{self, Row};
use calibration::{Bin, Estimate, Quality};
use truth::Truth;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("confidence: the probability that a cut is good");
    let Some(set) = &setup.eval else {
        report.tell("confidence", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let matting = Matting::load(&setup.models, std::thread::available_parallelism()?)?;
    let (mut estimates, mut refused) = (Vec::new(), 0);
    for row in set::rows(set)? {
        match measure(&matting, set, &row).with_context(|| format!("{}/{}", row.source, row.stem))? {
            Some(estimate) => estimates.push(estimate),
            None => refused += 1,
        }
    }
    let pictures = estimates.len() + refused;
    report.tell("confidence, pictures (of which without a subject)", format!("{pictures} ({refused})"));
    let quality = Quality::of(&estimates).context("the cuts of the set are all good or all bad")?;
    tell(report, &quality);
    Ok(())
}

fn tell(report: &mut Report, quality: &Quality) {
    report.tell("confidence: bad cuts", format!("{:.1} %", 100.0 * quality.bad));
    report.judge("confidence: AUROC", quality.auroc, "", 3, Target::AtLeast(0.85));
    report.judge("confidence: bad cuts below 0.5", 100.0 * quality.flagged_bad, "%", 1, Target::AtLeast(80.0));
    report.judge("confidence: good cuts below 0.5", 100.0 * quality.flagged_good, "%", 1, Target::AtMost(15.0));
    report.judge("confidence: expected calibration error", quality.calibration_error, "", 3, Target::AtMost(0.05));
    println!("      confidence  cuts   mean  good");
    for Bin { from, to, count, confidence, good } in &quality.bins {
        println!("      {from:.1} to {to:.1}  {count:>4}  {confidence:>5.3}  {good:>4.2}");
    }
}

/// The confidence in the cut of a photograph, and whether it is good; `None` if it has no subject.
fn measure(matting: &Matting, set: &Path, row: &Row) -> Result<Option<Estimate>> {
    let photo = decode(&fs::read(row.image(set)?)?, &Limits::default())?;
    let prediction = match matting.predict(photo.color()) {
        Ok(prediction) => prediction,
        Err(Error::NoSubject) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let cut = refine::refine(photo.color(), &prediction.matte)?;
    let truth = Truth::new(&image::open(row.mask(set)?)?.into_luma8(), row.is_alpha);
    Ok(Some(Estimate { probability: f64::from(prediction.confidence), is_good: truth.is_good(&cut)? }))
}
