//! The time and memory of a set with five variations, relative to a single cut-out of the same photograph, without the
//! networks; and the edges of a marketplace's picture on many photographs.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cutline_core::domain::params::presets;
use cutline_core::ports::PipelineInput;
use cutline_core::{Mode, ParamSet};
use cutline_imaging::segment::{CoarseMatte, Segmenter};
use cutline_imaging::{Error, Imaging, Limits, Matting};
use image::imageops::{self, FilterType};
use image::{GrayImage, RgbImage};

use crate::Setup;
use crate::imaging::{jpeg_of, json, least};
use crate::machine::{self, Scratch};
use crate::pictures::Pictures;
use crate::report::{Report, Target};
use crate::scene::Scene;
use crate::set;

/// The number of timed runs.
const ROUNDS: usize = 5;
/// The number of photographs whose edges are checked.
const PHOTOS: usize = 20;

/// All five variations, on a canvas of 2000 × 2000.
const FIVE: &str = r##"{
    "canvas": {"width": 2000, "height": 2000}, "background": {"color": "#ffffff"}, "margin": "7.5%",
    "shadow_top": {}, "shadow_wall": {}
}"##;

/// Returns a known matte in place of running a network.
struct FixedMatte(CoarseMatte);

impl Segmenter for FixedMatte {
    fn segment(&self, _: &RgbImage) -> Result<CoarseMatte, Error> {
        Ok(self.0.clone())
    }
}

fn imaging_with_matte(alpha: &GrayImage) -> Result<Imaging> {
    let matte = |side: u32| -> Result<Box<FixedMatte>> {
        let small = imageops::resize(alpha, side, side, FilterType::Triangle);
        let values = small.iter().map(|value| f32::from(*value) / 255.0).collect();
        Ok(Box::new(FixedMatte(CoarseMatte::new(side, values).context("the matte is not square")?)))
    };
    Ok(Imaging::new(Matting::new(matte(1024)?, matte(320)?), Limits::default(), "known"))
}

fn inputs(photo: Vec<u8>) -> Result<[PipelineInput; 2]> {
    let single = PipelineInput::new(photo, Mode::Background);
    let set = Some(ParamSet::parse(FIVE)?);
    Ok([single.clone(), PipelineInput { mode: Mode::Params, set, ..single }])
}

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new("composing")?;
    let scene = Scene::new(&Pictures::read()?, 160)?;
    let (photo, matte) = (scratch.path().join("photo.jpg"), scratch.path().join("alpha.png"));
    fs::write(&photo, jpeg_of(&scene.picture)?).context("cannot write the scene")?;
    scene.alpha.save(&matte)?;

    report.begin("composing: five variations compared with a single cut-out");
    let imaging = imaging_with_matte(&scene.alpha)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().context("cannot start two threads")?;
    let inputs = inputs(fs::read(&photo)?)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (input, times) in inputs.iter().zip(&mut times) {
            let begun = Instant::now();
            let output = pool.install(|| imaging.make(input, &|_, _| {}))?;
            times.push(begun.elapsed().as_secs_f64());
            ensure!(output.ignored.is_empty(), "a variation was ignored");
        }
    }
    let [single, five] = times.map(|times| least(&times));
    report.tell("composing, 12 MP JPEG, 2 threads, without networks", format!("{five:.2} s (a cut-out {single:.2} s)"));
    report.judge("composing, five variations / a cut-out: time", five / single, "", 2, Target::AtMost(2.0));

    let peaks = ["single", "five"].map(|which| -> Result<f64> {
        let mut child = Command::new(std::env::current_exe()?);
        let answer = json(child.arg(COMPOSE).arg(&photo).arg(&matte).arg(which))?;
        answer["peak"].as_f64().context("the process printed no peak")
    });
    let [single, five] = peaks;
    let (single, five) = (single?, five?);
    // A canvas has three bytes of color and one of alpha per pixel, in MB of 2^20 bytes.
    let canvas = 2000.0 * 2000.0 * 4.0 / f64::from(1 << 20);
    report.tell("composing, peak memory", format!("{five:.0} MB (a cut-out {single:.0} MB, a canvas {canvas:.0} MB)"));
    report.judge("composing, memory beyond a cut-out", (five - single) / canvas, "canvases", 2, Target::AtMost(1.0));

    edges(setup, report)
}

/// The argument that makes this program run only one of the two.
pub(crate) const COMPOSE: &str = "--compose";

/// Runs one of the two and prints its peak memory.
pub(crate) fn run_alone(photo: &str, matte: &str, which: &str) -> Result<()> {
    let imaging = imaging_with_matte(&image::open(matte)?.into_luma8())?;
    let [single, five] = inputs(fs::read(photo)?)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().context("cannot start two threads")?;
    let input = if which == "five" { five } else { single };
    pool.install(|| imaging.make(&input, &|_, _| {}))?;
    println!("{}", serde_json::json!({ "peak": machine::memory(std::process::id())?.peak }));
    Ok(())
}

/// Checks the edges of `amazon-main` on photographs of the set, with their true mattes.
fn edges(setup: &Setup, report: &mut Report) -> Result<()> {
    let Some(folder) = &setup.eval else {
        report.tell("composing, edges of amazon-main", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let rows = set::rows(folder)?;
    // Photographs of all kinds in turn.
    let stride = (rows.len() / PHOTOS).max(1);
    let order = (0..stride).flat_map(|first| rows.iter().skip(first).step_by(stride));
    let (mut white, mut all, mut warned, mut cornered) = (0, 0, 0, 0);
    for row in order {
        if all == PHOTOS {
            break;
        }
        let alpha = image::open(row.mask(folder)?)?.into_luma8();
        let input = PipelineInput {
            set: presets::find("amazon-main").cloned(),
            ..PipelineInput::new(fs::read(row.image(folder)?)?, Mode::Params)
        };
        let Ok(output) = imaging_with_matte(&alpha)?.make(&input, &|_, _| {}) else { continue };
        let warnings = output.warnings.get("compose").map(Vec::as_slice).unwrap_or_default();
        if warnings.iter().any(|warning| in_a_corner(warning)) {
            cornered += 1;
            continue;
        }
        let picture = image::load_from_memory(&output.pictures[0].bytes)?.into_rgb8();
        let (right, bottom) = (picture.width() - 1, picture.height() - 1);
        let corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)];
        all += 1;
        white += usize::from(corners.iter().all(|(x, y)| picture.get_pixel(*x, *y).0 == [255; 3]));
        warned += usize::from(warnings.iter().any(|one| one.contains("edge")));
    }
    report.tell("composing, amazon-main: photographs with a warning about their edges", format!("{warned} of {all}"));
    let left_out = format!("{cornered} whose subject is cut off at two adjacent sides, so that it covers a corner");
    report.tell("composing, amazon-main: photographs left out", left_out);
    let share = white as f64 / all.max(1) as f64 * 100.0;
    report.judge("composing, amazon-main as JPEG: all corners 255,255,255", share, "%", 1, Target::AtLeast(100.0));
    Ok(())
}

/// Whether a warning says that the subject is cut off at two adjacent edges, so that it covers a corner of the canvas.
fn in_a_corner(warning: &str) -> bool {
    let Some((_, sides)) = warning.split_once("cut off at the photograph's ") else { return false };
    let sides = sides.split_once(" edge").map_or(sides, |(sides, _)| sides);
    let any = |names: [&str; 2]| names.iter().any(|name| sides.contains(name));
    any(["left", "right"]) && any(["upper", "lower"])
}
