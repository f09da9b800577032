//! Decoding a JPEG, on one thread: our decoder, the `image` crate's, and libjpeg-turbo's `djpeg` if it is installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cutline_imaging::{Limits, decode};

use crate::imaging::least;
use crate::report::Report;

/// The number of timed rounds.
const ROUNDS: usize = 5;

pub(super) fn run(photo: &Path, report: &mut Report) -> Result<()> {
    report.begin("files: decoding a 24 MP JPEG, one thread");
    let file = fs::read(photo)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("cannot start a thread")?;
    let (mut ours, mut theirs, mut turbo) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(seconds(|| {
            let photo = pool.install(|| decode(&file, &Limits::default()))?;
            ensure!(photo.dimensions().0 > 0, "nothing was decoded");
            Ok(())
        })?);
        theirs.push(seconds(|| {
            let picture = image::load_from_memory(&file)?.into_rgb8();
            ensure!(picture.width() > 0, "nothing was decoded");
            Ok(())
        })?);
        let begun = Instant::now();
        let mut djpeg = Command::new("djpeg");
        djpeg.arg("-outfile").arg("/dev/null").arg(photo).stdin(Stdio::null());
        // Not everyone has it.
        if djpeg.status().is_ok_and(|status| status.success()) {
            turbo.push(begun.elapsed().as_secs_f64());
        }
    }
    let (ours, theirs) = (least(&ours), least(&theirs));
    report.tell("files, 24 MP JPEG decoded", format!("{ours:.3} s (image {theirs:.3} s)"));
    report.tell("files, 24 MP JPEG decoded: ours / image's", format!("{:.2}", ours / theirs));
    match turbo.is_empty() {
        true => report.tell("files, 24 MP JPEG decoded: ours / djpeg's", "not measured: djpeg is not installed"),
        false => report.tell("files, 24 MP JPEG decoded: ours / djpeg's", format!("{:.2}", ours / least(&turbo))),
    }
    Ok(())
}

fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64())
}
