//! Files as studios have them: a clipping path in a photograph, without a network; 16 bits; WebP; and how fast JPEGs decode.

mod deep;
mod jpeg;
mod webp;
mod whole_cut;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cutline_core::domain::rendering::PathOptions;
use cutline_imaging::ClippingPath;
use cutline_imaging::insert::{Insertion, MAX_JPEG_NODES, insert_path};
use cutline_imaging::path::{Node, Point, Subpath};

use crate::Setup;
use crate::imaging::{json, least};
use crate::machine::{self, Scratch};
use crate::pictures::Pictures;
use crate::report::{Report, Target};

/// The number of timed rounds.
const ROUNDS: usize = 5;
/// The size of the photograph, in pixels.
const SIZE: (u32, u32) = (6000, 4000);

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new("files")?;
    let photo = scratch.path().join("photo.jpg");
    let pictures = Pictures::read()?;
    fs::write(&photo, pictures.jpeg(0, SIZE.0, SIZE.1)?)?;
    inserting(&photo, &scratch, report)?;
    jpeg::run(&photo, report)?;
    deep::run(setup, &pictures.enlarged(0, SIZE, 0), scratch.path(), report)?;
    webp::run(setup, &pictures, scratch.path(), report)
}

fn inserting(photo: &Path, scratch: &Scratch, report: &mut Report) -> Result<()> {
    report.begin("files: a path into a 24 MP JPEG");
    let (mut times, mut whole) = (Vec::new(), Vec::new());
    let mut memory = 0.0_f64;
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe()?);
        let answer = json(child.arg(INSERT).arg(photo).arg(scratch.path().join("made.jpg")))?;
        let of = |name: &str| answer[name].as_f64().with_context(|| format!("the run printed no {name}"));
        times.push(of("inserting")? * 1000.0);
        whole.push(of("whole")? * 1000.0);
        memory = memory.max(of("peak")? - of("rest")?);
    }
    let length = fs::metadata(photo)?.len() as f64 / f64::from(1 << 20);
    report.tell("files, 24 MP JPEG: its length", format!("{length:.1} MB"));
    report.judge("files, path into it: time", least(&times), "ms", 1, Target::AtMost(50.0));
    report.tell("files, path into it, read and written: time", format!("{:.1} ms", least(&whole)));
    report.judge("files, path into it: memory beyond the file", memory - length, "MB", 1, Target::AtMost(8.0));
    Ok(())
}

/// The argument that makes this program insert a path and do nothing else.
pub(crate) const INSERT: &str = "--insert";

/// Inserts the longest path that a JPEG gets, and prints the time and the memory.
pub(crate) fn run_alone(photo: &str, made: &str) -> Result<()> {
    let (path, options) = (path(), PathOptions::default());
    let rest = machine::memory(std::process::id())?.resident;
    let begun = Instant::now();
    let file = fs::read(photo)?;
    let (length, read) = (file.len(), begun.elapsed());
    let inserted = insert_path(&file, &Insertion { path: &path, options: &options, page: 0 })?;
    let new = inserted.patch.apply(file);
    let inserting = (begun.elapsed() - read).as_secs_f64();
    fs::write(Path::new(made), &new)?;
    let whole = begun.elapsed().as_secs_f64();
    ensure!(new.len() > length + path.nodes() * 26, "the path is missing");
    let peak = machine::memory(std::process::id())?.peak;
    println!("{}", serde_json::json!({ "rest": rest, "peak": peak, "inserting": inserting, "whole": whole }));
    Ok(())
}

fn path() -> ClippingPath {
    let node = |index: usize| {
        let (sin, cos) = (index as f64 * std::f64::consts::TAU / MAX_JPEG_NODES as f64).sin_cos();
        let at = Point { x: 3000.0 + 1500.0 * cos, y: 2000.0 + 1500.0 * sin };
        Node { before: at, anchor: at, after: at, smooth: true }
    };
    let nodes = (0..MAX_JPEG_NODES).map(node).collect();
    ClippingPath { width: SIZE.0, height: SIZE.1, subpaths: vec![Subpath { nodes, hole: false }] }
}
