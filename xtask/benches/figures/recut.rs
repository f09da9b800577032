//! The time to make a cut again with hints, without the networks, and what the tree of regions costs.

use std::num::NonZeroUsize;
use std::time::Instant;

use anyhow::{Context, Result};
use bytes::Bytes;
use cutline_core::ports::{PipelineInput, Stage};
use cutline_core::{AssetKind, Mode, OutputFormat};
use cutline_imaging::Imaging;
use cutline_imaging::guide::Evidence;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use serde_json::json;

use crate::Setup;
use crate::pictures::Pictures;
use crate::report::{Report, Target};

/// Width and height of the photograph: 13.3 megapixels.
const SIZE: (u32, u32) = (4472, 2981);
const THREADS: usize = 2;
const ROUNDS: usize = 5;
/// The pixels of a preview.
const PREVIEW: u64 = 2_000_000;
/// The most bytes of a tree, and of the evidence with both mattes.
const MAX_TREE: f64 = 200_000.0;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("recut: a cut of 13 megapixels made again with hints");
    let imaging = Imaging::load(&setup.models, NonZeroUsize::new(THREADS).unwrap_or(NonZeroUsize::MIN))?;
    let pictures = Pictures::read()?;
    let photo = imageops::resize(&pictures.enlarged(0, (1200, 800), 0), SIZE.0, SIZE.1, FilterType::CatmullRom);
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 92).encode_image(&photo)?;
    let plain = PipelineInput {
        format: Some(OutputFormat::Webp.into()),
        ..PipelineInput::new(Bytes::from(file), Mode::Background)
    };
    let hints = json!({"hints": [
        {"kind": "keep", "points": [["45%", "45%"]]},
        {"kind": "remove", "points": [["5%", "95%"]]},
        {"kind": "remove", "points": [["90%", "5%"], ["95%", "20%"]]},
    ]});
    let steered = PipelineInput { subject: serde_json::from_value(hints)?, ..plain.clone() };

    let silent = |_: Stage, _: u8| {};
    let (mut whole, mut with_tree) = (f64::MAX, f64::MAX);
    let mut evidence = Bytes::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        imaging.make(&plain, &silent)?;
        whole = whole.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let made = imaging.make(&steered, &silent)?;
        with_tree = with_tree.min(start.elapsed().as_secs_f64());
        let found = made.assets.into_iter().find(|asset| asset.kind == AssetKind::Evidence);
        evidence = found.context("no evidence")?.bytes;
    }
    report.tell("recut, 13 MP: a whole cut", format!("{whole:.2} s"));
    report.tell("recut, 13 MP: a whole cut with hints", format!("{with_tree:.2} s"));
    report.judge("recut, 13 MP: with hints / without", with_tree / whole, "", 2, Target::AtMost(1.15));
    let read = Evidence::from_bytes(&evidence)?;
    report.judge("recut, 13 MP: tree", read.tree().to_bytes().len() as f64, "bytes", 0, Target::AtMost(MAX_TREE));
    report.tell("recut, 13 MP: evidence", format!("{} bytes", evidence.len()));
    for (name, max_pixels, target) in [("a preview of 2 MP", Some(PREVIEW), 0.35), ("in full", None, 0.8)] {
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let evidence = Evidence::from_bytes(&evidence)?;
            imaging.recut(&steered, &evidence, max_pixels, &silent)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        report.judge(format!("recut, 13 MP, 2 threads: {name}"), best, "s", 2, Target::AtMost(target));
    }
    Ok(())
}
