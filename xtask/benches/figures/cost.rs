//! The cost of a picture on Lambda: time with Lambda's share of processors, money at list prices.

use std::time::Duration;

use anyhow::Result;
use cutline_core::Mode;

use crate::Setup;
use crate::deployment::{Deployment, Processed};
use crate::pictures::Pictures;
use crate::prices;
use crate::quota::Quota;
use crate::report::{Report, quantile};

/// Measured photos of each kind, after one to warm up. The median is reported.
const PHOTOS: u32 = 5;

/// Memory in MB, and the processors that come with it: one per 1,769 MB.
const SIZES: [(u32, f64); 2] = [(1769, 1.0), (3008, 1.7)];

/// Name, width and height of the photos, and the mode.
const KINDS: [(&str, u32, u32, Mode); 4] = [
    ("2 MP", 1600, 1200, Mode::Background),
    ("2 MP", 1600, 1200, Mode::Clipping),
    ("12 MP", 4000, 3000, Mode::Background),
    ("12 MP", 4000, 3000, Mode::Clipping),
];

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("cost: a picture on Lambda");
    println!(
        "The warm process function under AWS's Lambda emulator, with the share of this machine's processors that comes with\n\
         the memory; medians of {PHOTOS}. The times include calls to the AWS emulator on the same machine. Lambda's own\n\
         processors differ. Each photo is a JPEG behind a URL, each cut-out a PNG."
    );
    let pictures = Pictures::read()?;
    let deployment = Deployment::start(setup).await?;
    for (memory, processors) in SIZES {
        for (kind, width, height, mode) in KINDS {
            let title = format!("cost, {kind}, {} at {processors} vCPU ({memory} MB)", mode.as_str());
            let photos = (0..=PHOTOS).map(|number| pictures.jpeg(number, width, height));
            match measure(&deployment, memory, processors, mode, photos).await {
                Ok(measured) => record(report, &title, memory, &measured),
                Err(error) => report.tell(title, format!("not measured: {error:#}")),
            }
        }
    }
    Ok(())
}

async fn measure(
    deployment: &Deployment,
    memory: u32,
    processors: f64,
    mode: Mode,
    photos: impl Iterator<Item = Result<Vec<u8>>>,
) -> Result<Vec<Processed>> {
    let process = deployment.process(Some(memory))?;
    // The emulator starts the function at the first event, so the function runs under the quota from its start.
    let quota = Quota::set(process.emulator.id(), processors)?;
    println!("    {processors} vCPU by {}", quota.mechanism);
    let mut measured = Vec::new();
    for photo in photos {
        measured.push(deployment.cut_out(&process, photo?, mode).await?);
    }
    measured.remove(0);
    drop(process);
    drop(quota);
    Ok(measured)
}

fn record(report: &mut Report, title: &str, memory: u32, measured: &[Processed]) {
    let mut times: Vec<Duration> = measured.iter().map(|photo| photo.duration).collect();
    times.sort_unstable();
    let Some(median) = quantile(&times, 0.5) else { return };
    let (seconds, photos) = (median.as_secs_f64(), measured.len() as f64);
    let average = |bytes: fn(&Processed) -> usize| measured.iter().map(bytes).sum::<usize>() as f64 / photos / 1e9;
    let stored = average(|photo| photo.source_bytes) + average(|photo| photo.output_bytes);
    let objects = 1.0 + measured.iter().map(|photo| photo.outputs).sum::<usize>() as f64 / photos;
    let cost = prices::of_a_picture(memory, seconds, objects, stored);
    cost.print();
    report.tell(
        title,
        format!(
            "{seconds:.2} s ({:.2} to {:.2}), {:.2} GB-s; $ {:.4} compute, $ {:.4} in total per 1000",
            times[0].as_secs_f64(),
            times[times.len() - 1].as_secs_f64(),
            cost.gb_seconds,
            cost.compute * 1000.0,
            cost.total() * 1000.0,
        ),
    );
}
