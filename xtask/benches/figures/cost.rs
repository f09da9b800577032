//! The cost of a picture on Lambda: time with Lambda's share of processors, money at list prices.

use std::time::Duration;

use anyhow::Result;
use cutline_core::Mode;

use crate::Setup;
use crate::deployment::{Deployment, Order, Processed};
use crate::pictures::Pictures;
use crate::prices::{Cost, Source, Usage};
use crate::quota::Quota;
use crate::report::{Report, Target, quantile};

/// Measured photos of each kind, after one to warm up. The median is reported.
const PHOTOS: u32 = 5;

/// Memory in MB, and the processors that come with it: one per 1,769 MB.
const MEMORIES: [(u32, f64); 2] = [(1769, 1.0), (3008, 1.7)];

/// Name, width and height of the photos, and the most that 1000 cut-outs in mode `background` may cost, in US dollars.
const PHOTO_SIZES: [(&str, u32, u32, f64); 2] = [("2 MP", 1600, 1200, 0.10), ("12 MP", 4000, 3000, 0.18)];

/// What becomes of the photos. The work of the process function does not depend on how a photo came.
const ORDERS: [(&str, Order); 4] = [
    ("background", Order::Url(Mode::Background)),
    ("clipping", Order::Url(Mode::Clipping)),
    ("params", Order::Url(Mode::Params)),
    ("drop", Order::Drop),
];

/// The most that all parts together may cost, relative to a photo in a request and nothing else.
const MAX_RATIO: f64 = 1.25;

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("cost: a picture on Lambda");
    println!(
        "The warm process function under AWS's Lambda emulator, with the share of this machine's processors that comes with\n\
         the memory; medians of {PHOTOS}. The times include calls to the AWS emulator on the same machine. Lambda's own\n\
         processors differ. Each photo is a JPEG behind a URL or a dropped one, each cut-out a PNG. The intake function,\n\
         which waits most of its time, runs without a limit."
    );
    let pictures = Pictures::read()?;
    let deployment = Deployment::start(setup).await?;
    for (memory, processors) in MEMORIES {
        for (size, width, height, max_usd) in PHOTO_SIZES {
            for (kind, order) in ORDERS {
                let title = format!("cost, {size}, {kind} at {processors} vCPU ({memory} MB)");
                let photos = (0..=PHOTOS).map(|number| pictures.jpeg(number, width, height));
                match measure(&deployment, (memory, processors), order, photos).await {
                    Ok(measured) => record(report, &title, (order, max_usd), memory, &measured),
                    Err(error) => report.tell(title, format!("not measured: {error:#}")),
                }
            }
        }
    }
    Ok(())
}

async fn measure(
    deployment: &Deployment,
    (memory, processors): (u32, f64),
    order: Order,
    photos: impl Iterator<Item = Result<Vec<u8>>>,
) -> Result<Vec<Processed>> {
    let process = deployment.process(Some(memory))?;
    // The emulator starts the function at the first event, so the function runs under the quota from its start.
    let quota = Quota::set(process.emulator.id(), processors)?;
    println!("    {processors} vCPU by {}", quota.mechanism);
    let mut measured = Vec::new();
    for photo in photos {
        measured.push(deployment.cut_out(&process, photo?, order).await?);
    }
    measured.remove(0);
    drop(process);
    drop(quota);
    Ok(measured)
}

fn record(report: &mut Report, title: &str, (order, max_usd): (Order, f64), memory: u32, measured: &[Processed]) {
    let (times, waits) = (sorted(measured, |photo| photo.duration), sorted(measured, |photo| photo.intake));
    let (Some(median), Some(intake)) = (quantile(&times, 0.5), quantile(&waits, 0.5)) else { return };
    let average =
        |count: fn(&Processed) -> usize| measured.iter().map(count).sum::<usize>() as f64 / measured.len() as f64;
    let usage = Usage {
        gb_seconds: f64::from(memory) / 1024.0 * median.as_secs_f64(),
        intake_seconds: intake.as_secs_f64(),
        pictures: average(|photo| photo.pictures),
        outputs: average(|photo| photo.outputs),
        source_gb: average(|photo| photo.source_bytes) / 1e9,
        output_gb: average(|photo| photo.output_bytes) / 1e9,
    };
    let source = if order == Order::Drop { Source::Drop } else { Source::Url };
    let has_set = matches!(order, Order::Drop | Order::Url(Mode::Params));
    let cost = Cost::of(source, has_set, &usage);
    cost.print();
    report.tell(
        title,
        format!(
            "{:.2} s ({:.2} to {:.2}), {:.2} GB-s, intake {:.0} ms; $ {:.4} per 1000",
            median.as_secs_f64(),
            times[0].as_secs_f64(),
            times[times.len() - 1].as_secs_f64(),
            usage.gb_seconds,
            usage.intake_seconds * 1000.0,
            cost.total() * 1000.0,
        ),
    );
    if order == Order::Url(Mode::Background) {
        let requested = Cost::of(Source::Request, false, &usage).total() * 1000.0;
        let what = format!("{title}, in a request, with webhook, log and metrics");
        report.judge(what, requested, "$ per 1000", 4, Target::AtMost(max_usd));
        let uploaded = Cost::of(Source::Upload, false, &usage).total() / Cost::base(&usage).total();
        report.judge(format!("{title}, all parts / base"), uploaded, "", 2, Target::AtMost(MAX_RATIO));
    }
}

fn sorted(measured: &[Processed], time: fn(&Processed) -> Duration) -> Vec<Duration> {
    let mut times: Vec<_> = measured.iter().map(time).collect();
    times.sort_unstable();
    times
}
