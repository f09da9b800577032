//! The `cutline cut` command compared with rembg's: whole processes, from start to written file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cutline_imaging::models::ISNET;
use image::RgbImage;

use crate::Setup;
use crate::imaging::{jpeg_of, least};
use crate::report::{Report, Target};

/// The number of timed runs.
const ROUNDS: usize = 3;
/// The number of threads of both.
const THREADS: &str = "2";

/// Times both in turn on a picture. rembg gets the same weights, under the name that it expects.
pub(crate) fn run(setup: &Setup, python: &Path, picture: &RgbImage, folder: &Path, report: &mut Report) -> Result<()> {
    let rembg = python.with_file_name("rembg");
    if !rembg.exists() {
        report.tell("engine, cut and rembg", "not measured: rembg needs Python 3.11 or newer");
        return Ok(());
    }
    let photo = folder.join("photo.jpg");
    fs::write(&photo, jpeg_of(picture)?).context("cannot write the picture")?;
    let models = folder.join("rembg");
    fs::create_dir_all(&models)?;
    fs::copy(setup.models.join(ISNET.file), models.join("isnet-general-use.onnx"))
        .context("cannot copy the network")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let to = folder.join(format!("cut-{round}"));
        let mut cut = setup.program("cutline");
        cut.env("CUTLINE_MODELS_DIR", &setup.models).arg("cut").arg(&photo).arg("-o").arg(&to);
        cut.args(["--mode", "background", "--format", "png", "--threads", THREADS]);
        ours.push(seconds(&mut cut)?);
        let mut peer = Command::new(&rembg);
        peer.env("U2NET_HOME", &models).env("MODEL_CHECKSUM_DISABLED", "1").env("OMP_NUM_THREADS", THREADS);
        peer.args(["i", "-m", "isnet-general-use"]).arg(&photo).arg(folder.join("rembg.png"));
        theirs.push(seconds(&mut peer)?);
    }
    let (ours, theirs) = (least(&ours), least(&theirs));
    report.tell("engine, 12 MP JPEG to PNG, whole processes", format!("cut {ours:.2} s, rembg {theirs:.2} s"));
    report.judge("engine, cut / rembg with IS-Net: time", ours / theirs, "", 3, Target::AtMost(0.30));
    Ok(())
}

/// Runs a process, discards its output, and returns its duration in seconds.
fn seconds(command: &mut Command) -> Result<f64> {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(seconds)
}
