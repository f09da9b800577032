//! The process function's memory over many large photos.

use anyhow::{Context, Result};
use cutline_core::Mode;

use crate::Setup;
use crate::deployment::Deployment;
use crate::machine::{Memory, memory};
use crate::pictures::Pictures;
use crate::report::{Report, Target};

const PHOTOS: u32 = 50;
/// After which of them the memory is told.
const TOLD_AFTER: [u32; 4] = [1, 10, 25, 50];
/// "Flat" means that between these two it grows by no more than this share.
const FLAT: (u32, u32, f64) = (10, 50, 0.05);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("memory: the process function over 50 photos of 12 megapixels");
    let pictures = Pictures::read()?;
    let deployment = Deployment::start(setup).await?;
    let process = deployment.process(None)?;
    println!(
        "Under AWS's Lambda emulator as with {} MB, one after the other, mode clipping: JPEGs of 4000 × 3000 or 3000 × 4000 fetched from\n\
         a URL, PNGs stored. MB are 2^20 bytes.",
        deployment.process_memory()
    );
    let mut told = Vec::new();
    for number in 1..=PHOTOS {
        let photo = pictures.jpeg(number, 4000, 3000)?;
        let done =
            deployment.cut_out(&process, photo, Mode::Clipping).await.with_context(|| format!("photo {number}"))?;
        let id = process.function_process().context("the function's process is gone")?;
        let Memory { resident, peak } = memory(id)?;
        println!(
            "    {number:>2}: {:.1} MB → {:.1} MB in {:.2} s, resident {resident:.0} MB, peak {peak:.0} MB",
            done.source_bytes as f64 / 1e6,
            done.output_bytes as f64 / 1e6,
            done.duration.as_secs_f64()
        );
        if TOLD_AFTER.contains(&number) {
            told.push((number, resident, peak));
        }
    }
    for (number, resident, peak) in &told {
        report.tell(format!("memory, resident after {number}"), format!("{resident:.0} MB (peak {peak:.0} MB)"));
    }
    let (early, late, share) = FLAT;
    let resident = |number| told.iter().find(|(told, ..)| *told == number).map(|(_, resident, _)| *resident);
    if let (Some(early_mb), Some(late_mb)) = (resident(early), resident(late)) {
        let growth = (late_mb / early_mb - 1.0) * 100.0;
        report.judge(format!("memory, growth from {early} to {late}"), growth, "%", 1, Target::AtMost(share * 100.0));
    }
    if let Some((_, _, peak)) = told.last() {
        report.judge("memory, peak", peak * 1024.0 * 1024.0 / 1e9, "GB", 2, Target::Under(1.3));
    }
    Ok(())
}
