//! The memory of the process function and its image worker over many large photos.

use anyhow::{Context, Result};
use cutline_core::Mode;

use crate::Setup;
use crate::deployment::{Deployment, Order};
use crate::machine::{Memory, memory_with_children};
use crate::pictures::Pictures;
use crate::report::{Report, Target};

const PHOTOS: u32 = 50;
/// The photos after which memory is reported.
const REPORT_AFTER: [u32; 4] = [1, 10, 25, 50];
/// Between these two photos, memory may grow by this share.
const MAX_GROWTH: (u32, u32, f64) = (10, 50, 0.05);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("memory: the process function over 50 photos of 12 megapixels");
    let pictures = Pictures::read()?;
    let deployment = Deployment::start(setup).await?;
    let process = deployment.process(None)?;
    println!(
        "Under AWS's Lambda emulator with {} MB, one after another, in mode clipping: JPEGs of 4000 × 3000 or 3000 × 4000\n\
         fetched from a URL, PNGs stored. MB are 2^20 bytes.",
        deployment.process_memory()
    );
    let mut samples = Vec::new();
    for number in 1..=PHOTOS {
        let photo = pictures.jpeg(number, 4000, 3000)?;
        let processed = deployment
            .cut_out(&process, photo, Order::Url(Mode::Clipping))
            .await
            .with_context(|| format!("photo {number}"))?;
        let id = process.function_process().context("the function has no process")?;
        let Memory { resident, peak } = memory_with_children(id)?;
        println!(
            "    {number:>2}: {:.1} MB → {:.1} MB in {:.2} s, resident {resident:.0} MB, peak {peak:.0} MB",
            processed.source_bytes as f64 / 1e6,
            processed.output_bytes as f64 / 1e6,
            processed.duration.as_secs_f64()
        );
        if REPORT_AFTER.contains(&number) {
            samples.push((number, resident, peak));
        }
    }
    for (number, resident, peak) in &samples {
        report.tell(format!("memory, resident after {number}"), format!("{resident:.0} MB (peak {peak:.0} MB)"));
    }
    let (early, late, share) = MAX_GROWTH;
    let resident = |number| samples.iter().find(|(after, ..)| *after == number).map(|(_, resident, _)| *resident);
    if let (Some(early_mb), Some(late_mb)) = (resident(early), resident(late)) {
        let growth = (late_mb / early_mb - 1.0) * 100.0;
        report.judge(format!("memory, growth from {early} to {late}"), growth, "%", 1, Target::AtMost(share * 100.0));
    }
    if let Some((_, _, peak)) = samples.last() {
        report.judge("memory, peak", peak * 1024.0 * 1024.0 / 1e9, "GB", 2, Target::Under(1.3));
    }
    Ok(())
}
