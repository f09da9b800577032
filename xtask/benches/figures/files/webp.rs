//! A cut-out as lossy WebP against PNG, whole commands.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::whole_cut;
use crate::Setup;
use crate::imaging::least;
use crate::pictures::Pictures;
use crate::report::{Report, Target};

/// The number of timed rounds.
const ROUNDS: usize = 3;
/// 13.3 megapixels.
const SIZE: (u32, u32) = (4472, 2981);

pub(super) fn run(setup: &Setup, pictures: &Pictures, folder: &Path, report: &mut Report) -> Result<()> {
    report.begin("files: a 13 MP cut-out as WebP and as PNG");
    let photo = folder.join("webp.jpg");
    fs::write(&photo, pictures.jpeg(0, SIZE.0, SIZE.1)?)?;
    let (mut seconds, mut lengths) = ([Vec::new(), Vec::new()], [0_u64; 2]);
    for _ in 0..ROUNDS {
        for (at, format) in ["png", "webp"].into_iter().enumerate() {
            let out = folder.join(format!("made-{format}"));
            let cost = whole_cut::run(setup, &photo, &out, &["--format", format])?;
            seconds[at].push(cost.seconds);
            lengths[at] = cost.length;
        }
    }
    let [png, webp] = seconds.map(|seconds| least(&seconds));
    report.tell("files, 13 MP cut-out, whole command", format!("PNG {png:.2} s, WebP {webp:.2} s"));
    let megabytes = lengths.map(|length| length as f64 / 1e6);
    report.tell("files, 13 MP cut-out: length", format!("PNG {:.2} MB, WebP {:.2} MB", megabytes[0], megabytes[1]));
    report.judge("files, WebP / PNG: time", webp / png, "", 2, Target::AtMost(1.6));
    Ok(())
}
