//! The image pipeline after the networks, compared with other programs on the same machine in turn: sharpness at full size,
//! colors, paths, time and memory. The best of several rounds counts on either side.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cutline_core::{OutputFormat, Rendering};
use cutline_imaging::clip::{self, TraceOptions};
use cutline_imaging::foreground::decontaminate;
use cutline_imaging::segment::CoarseMatte;
use cutline_imaging::{Cutout, Document, Limits, Matte, decode, encode, refine};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{GrayImage, RgbImage};
use serde_json::Value;

use crate::Setup;
use crate::machine::{self, Scratch};
use crate::pictures::Pictures;
use crate::report::{Report, Target};
use crate::scene::{self, Scene};
use crate::set;

/// The number of timed rounds.
const ROUNDS: usize = 3;
/// The side of the detailed network's matte.
const MATTE_SIDE: u32 = 1024;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new("imaging")?;
    let pictures = Pictures::read()?;
    let scene = Scene::new(&pictures, 160)?;

    report.begin("imaging: sharpness at full size");
    sharpness(&scene, report)?;
    report.begin("imaging: from JPEG to cut-out without the networks");
    let python = setup.imaging_python.as_ref().context("no Python for the peers; run `cargo xtask bench`")?;
    chain(&scene, python, scratch.path(), report)?;
    report.begin("imaging: memory");
    memory(setup, &pictures, scratch.path(), report)?;
    chain_memory(scratch.path(), report)?;
    report.begin("imaging: colors of partial pixels");
    colors(setup, &pictures, &scene, python, &scratch.path().join("colors"), report)?;
    report.begin("imaging: paths");
    paths(setup, scratch.path(), report)
}

/// The output of a perfect network: the true alpha at the network's size.
fn coarse(alpha: &GrayImage) -> Result<CoarseMatte> {
    let small = imageops::resize(alpha, MATTE_SIDE, MATTE_SIDE, FilterType::Triangle);
    CoarseMatte::new(MATTE_SIDE, small.iter().map(|value| f32::from(*value) / 255.0).collect())
        .context("the matte is not square")
}

fn sharpness(scene: &Scene, report: &mut Report) -> Result<()> {
    let matte = coarse(&scene.alpha)?;
    let refined = refine::refine(&scene.picture, &matte)?;
    let small = imageops::resize(&scene.alpha, MATTE_SIDE, MATTE_SIDE, FilterType::Triangle);
    let enlarged = imageops::resize(&small, scene::SIZE.0, scene::SIZE.1, FilterType::CatmullRom);
    let partial = |value: u8| (13..243).contains(&value);
    let (mut count, mut plain, mut better) = (0_u64, 0_u64, 0_u64);
    for ((truth, enlarged), refined) in scene.alpha.iter().zip(enlarged.iter()).zip(refined.iter()) {
        if partial(*truth) || partial(*enlarged) || partial(*refined) {
            count += 1;
            plain += u64::from(truth.abs_diff(*enlarged));
            better += u64::from(truth.abs_diff(*refined));
        }
    }
    ensure!(count > 0, "the scene has no outline");
    let mean = |sum: u64| sum as f64 / count as f64 / 255.0;
    report.tell("imaging, 12 MP: error of alpha at the outline, enlarged", format!("{:.4}", mean(plain)));
    report.tell("imaging, 12 MP: error of alpha at the outline, refined", format!("{:.4}", mean(better)));
    report.judge("imaging, 12 MP: refined / enlarged", mean(better) / mean(plain), "", 2, Target::Under(1.0));
    Ok(())
}

/// The same steps by Pillow and PyMatting, in turn with ours.
fn chain(scene: &Scene, python: &Path, folder: &Path, report: &mut Report) -> Result<()> {
    let (jpeg, matte) = (folder.join("scene.jpg"), folder.join("matte.png"));
    fs::write(&jpeg, jpeg_of(&scene.picture)?).context("cannot write the scene")?;
    imageops::resize(&scene.alpha, MATTE_SIDE, MATTE_SIDE, FilterType::Triangle).save(&matte)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().context("cannot start two threads")?;
    let source = fs::read(&jpeg)?;
    let coarse = coarse(&scene.alpha)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut our_size, mut their_size) = (0, 0.0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        our_size = pool.install(|| -> Result<usize> {
            let cutout = cut(&source, &coarse)?;
            Ok(encode(Document::of(&cutout), OutputFormat::Png, &Rendering::default())?.len())
        })?;
        ours.push(begun.elapsed().as_secs_f64());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("py/chain_peer.py");
        let answer = json(Command::new(python).arg(script).arg(&jpeg).arg(&matte).args(["--threads", "2"]))?;
        theirs.push(answer["seconds"].as_f64().context("the peer printed no time")?);
        their_size = answer["bytes"].as_f64().context("the peer printed no size")?;
    }
    let (our, their) = (least(&ours), least(&theirs));
    report.tell("imaging, 12 MP JPEG to PNG, 2 threads", format!("{our:.2} s (peer {their:.2} s)"));
    report.judge("imaging, 12 MP JPEG to PNG: time / peer's", our / their, "", 3, Target::AtMost(0.333));
    report.judge("imaging, 12 MP PNG: size / peer's", our_size as f64 / their_size, "", 3, Target::AtMost(1.15));
    let cutout = cut(&source, &coarse)?;
    for format in [OutputFormat::Png, OutputFormat::Webp] {
        let begun = Instant::now();
        let size = pool.install(|| encode(Document::of(&cutout), format, &Rendering::default()))?.len();
        let text = format!("{:.2} s, {:.2} MB", begun.elapsed().as_secs_f64(), size as f64 / 1e6);
        report.tell(format!("imaging, 12 MP cut-out as {}", format.extension()), text);
    }
    Ok(())
}

fn cut(source: &[u8], coarse: &CoarseMatte) -> Result<Cutout> {
    let photo = decode(source, &Limits::default())?;
    let alpha = refine::refine(photo.color(), coarse)?;
    Ok(photo.cut_out(Matte::new(alpha))?.estimate_foreground(None)?)
}

/// The peak memory of the whole program, networks included, in the cheapest and the most expensive mode and format.
fn memory(setup: &Setup, pictures: &Pictures, folder: &Path, report: &mut Report) -> Result<()> {
    for (name, width, height) in [("12 MP", 4000, 3000), ("50 MP", 8164, 6123)] {
        let file = folder.join("photo.jpg");
        fs::write(&file, pictures.jpeg(0, width, height)?)?;
        for (mode, format) in [("background", "png"), ("clipping", "psd")] {
            let peak = peak(setup, &file, &folder.join("made"), mode, format)?;
            let what = format!("imaging, {name} JPEG to {format}, {mode}: peak memory");
            report.judge(what, peak, "MB", 0, Target::Under(3008.0));
        }
    }
    Ok(())
}

/// The memory of everything but the networks, beyond the idle memory of its process.
fn chain_memory(folder: &Path, report: &mut Report) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?);
    child.arg(CHAIN).arg(folder.join("scene.jpg")).arg(folder.join("matte.png"));
    let answer = json(&mut child)?;
    let of = |name: &str| answer[name].as_f64().with_context(|| format!("the chain printed no {name}"));
    let bytes = (of("peak")? - of("rest")?) * f64::from(1 << 20) / of("pixels")?;
    report.judge(
        "imaging, 12 MP JPEG to PNG without the networks: memory",
        bytes,
        "bytes a pixel",
        1,
        Target::AtMost(10.0),
    );
    Ok(())
}

/// The argument that makes this program run the chain alone.
pub(crate) const CHAIN: &str = "--chain";

/// Runs the chain on a photograph and a matte, and prints its memory.
pub(crate) fn run_chain(photo: &str, matte: &str) -> Result<()> {
    let matte = image::open(matte)?.into_luma8();
    let matte = CoarseMatte::new(matte.width(), matte.iter().map(|value| f32::from(*value) / 255.0).collect());
    let (matte, source) = (matte.context("the matte is not square")?, fs::read(photo)?);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().context("cannot start two threads")?;
    let rest = machine::memory(std::process::id())?.resident;
    let pixels = pool.install(|| -> Result<u32> {
        let cutout = cut(&source, &matte)?;
        let (width, height) = cutout.dimensions();
        std::hint::black_box(encode(Document::of(&cutout), OutputFormat::Png, &Rendering::default())?);
        Ok(width * height)
    })?;
    let peak = machine::memory(std::process::id())?.peak;
    println!("{}", serde_json::json!({ "rest": rest, "peak": peak, "pixels": pixels }));
    Ok(())
}

fn peak(setup: &Setup, photo: &Path, out: &Path, mode: &str, format: &str) -> Result<f64> {
    let mut command = setup.program("cutline");
    command.env("CUTLINE_MODELS_DIR", &setup.models).arg("cut").arg(photo).arg("-o").arg(out);
    command.args(["--mode", mode, "--format", format, "--force"]);
    let mut child = command.spawn().context("cannot start cutline cut")?;
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // A process that has just ended has no memory.
        if let Ok(memory) = machine::memory(child.id()) {
            peak = peak.max(memory.peak);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    ensure!(status.success() && peak > 0.0, "cutline cut ended with {status}");
    Ok(peak)
}

/// Compares the foreground colors that both sides estimate from a picture and its true alpha with the known ones.
fn colors(
    setup: &Setup,
    pictures: &Pictures,
    scene: &Scene,
    python: &Path,
    folder: &Path,
    report: &mut Report,
) -> Result<()> {
    fs::create_dir_all(folder)?;
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("cannot start a thread")?;
    let mut ours = Vec::new();
    for _ in 0..ROUNDS {
        ours.push(one.install(|| estimate(folder, "scene", &scene.picture, &scene.alpha, &scene.foreground))?);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("py/foreground_peer.py");
    let peer = |folder: &Path| json(Command::new(python).arg(&script).arg(folder));
    let answer = peer(folder)?;
    let timed = &answer["pictures"][0];
    let theirs = timed["peer_seconds"].as_f64().context("the peer printed no time")?;
    report.tell("imaging, 12 MP: colors, 1 thread", format!("{:.2} s (peer {theirs:.2} s)", least(&ours)));
    report.judge("imaging, 12 MP: colors, peer's time / ours", theirs / least(&ours), "", 1, Target::AtLeast(10.0));
    judge_errors("scene", &answer, report)?;
    // More partial pixels mean more work for us. The peer always estimates every pixel.
    let wide = folder.join("wide");
    fs::create_dir_all(&wide)?;
    let soft = scene.softened(pictures, 120.0);
    let mut ours = Vec::new();
    for _ in 0..ROUNDS {
        ours.push(one.install(|| estimate(&wide, "wide", &soft.picture, &soft.alpha, &soft.foreground))?);
    }
    let answer = peer(&wide)?;
    let theirs = answer["pictures"][0]["peer_seconds"].as_f64().context("the peer printed no time")?;
    let partial = soft.alpha.iter().filter(|alpha| !matches!(**alpha, 0 | 255)).count();
    report.tell(
        format!("imaging, 12 MP: colors, 1 thread, {:.0} % partial", 100.0 * partial as f64 / soft.alpha.len() as f64),
        format!("{:.2} s (peer {theirs:.2} s: {:.1} times)", least(&ours), theirs / least(&ours)),
    );
    judge_errors("wide", &answer, report)?;

    let Some(set) = &setup.eval else {
        report.tell("imaging, colors on true alphas", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let folder = folder.join("true");
    fs::create_dir_all(&folder)?;
    let alphas = set::rows(set)?.into_iter().filter(|row| row.is_alpha);
    let alphas = alphas.map(|row| Ok((row.image(set)?, row.mask(set)?))).collect::<Result<Vec<_>>>()?;
    ensure!(!alphas.is_empty(), "the set has no soft alphas");
    // Foreground and background are other pictures of the set, so both are known.
    let picture = |at: usize, size: (u32, u32)| -> Result<RgbImage> {
        let (image, _) = &alphas[at % alphas.len()];
        let image = image::open(image).with_context(|| format!("cannot read {}", image.display()))?.into_rgb8();
        Ok(imageops::resize(&image, size.0, size.1, FilterType::CatmullRom))
    };
    for (at, (_, mask)) in alphas.iter().enumerate() {
        let alpha = image::open(mask)?.into_luma8();
        let (front, back) = (picture(at + 1, alpha.dimensions())?, picture(at + 2, alpha.dimensions())?);
        estimate(&folder, &format!("{at:02}"), &scene::compose(&front, &back, &alpha), &alpha, &front)?;
    }
    judge_errors("true alphas", &peer(&folder)?, report)
}

/// Writes the files that the peer's script reads. Returns our time in seconds.
fn estimate(folder: &Path, name: &str, picture: &RgbImage, alpha: &GrayImage, foreground: &RgbImage) -> Result<f64> {
    let mut color = picture.clone();
    let begun = Instant::now();
    decontaminate(&mut color, alpha)?;
    let seconds = begun.elapsed().as_secs_f64();
    let path = |what: &str| folder.join(format!("{name}-{what}.png"));
    picture.save(path("image"))?;
    alpha.save(path("alpha"))?;
    color.save(path("ours"))?;
    foreground.save(path("foreground"))?;
    Ok(seconds)
}

fn judge_errors(what: &str, answer: &Value, report: &mut Report) -> Result<()> {
    let pictures = answer["pictures"].as_array().context("the peer printed no pictures")?;
    let mean = |side: &str, figure: &str| -> Result<f64> {
        let values: Vec<f64> = pictures.iter().filter_map(|picture| picture[side][figure].as_f64()).collect();
        ensure!(values.len() == pictures.len(), "the peer printed no error of {side}");
        Ok(values.iter().sum::<f64>() / values.len() as f64)
    };
    for figure in ["mean", "p99"] {
        let (ours, theirs) = (mean("ours", figure)?, mean("peer", figure)?);
        report.tell(format!("imaging, colors, {what}: error, {figure}"), format!("{ours:.2} (peer {theirs:.2})"));
        report.judge(format!("imaging, colors, {what}: {figure} / peer's"), ours / theirs, "", 2, Target::AtMost(1.0));
    }
    Ok(())
}

/// Compares paths around the set's hard masks with potrace's.
fn paths(setup: &Setup, folder: &Path, report: &mut Report) -> Result<()> {
    let Some(set) = &setup.eval else {
        report.tell("imaging, paths", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let potrace = Command::new("potrace").arg("--version").output().is_ok_and(|output| output.status.success());
    let (mut p95, mut max) = (0.0_f64, 0.0_f64);
    let (mut nodes, mut peers, mut length) = (0, 0, 0.0);
    let masks = set::rows(set)?.into_iter().filter(|row| !row.is_alpha).step_by(3);
    let masks = masks.map(|row| row.mask(set)).collect::<Result<Vec<_>>>()?;
    for mask in &masks {
        let matte = image::open(mask).with_context(|| format!("cannot read {}", mask.display()))?.into_luma8();
        let traced = clip::trace(&matte, &TraceOptions::default());
        let deviation = clip::deviation(&traced.contour, &traced.path);
        (p95, max) = (p95.max(deviation.p95), max.max(deviation.max));
        nodes += traced.path.nodes();
        length += traced.contour.length();
        if potrace {
            peers += potrace_nodes(&matte, folder)?;
        }
    }
    report.judge("imaging, paths: deviation, 95th percentile, worst", p95, "px", 2, Target::AtMost(0.75));
    report.judge("imaging, paths: deviation, largest", max, "px", 2, Target::AtMost(2.0));
    let rate = |nodes: usize| format!("{:.1}", nodes as f64 / length * 1000.0);
    let peer = if potrace { rate(peers) } else { "not installed".to_owned() };
    report.tell(
        format!("imaging, paths: nodes for each 1000 px, {} masks", masks.len()),
        format!("{} (potrace {peer})", rate(nodes)),
    );
    Ok(())
}

/// The number of nodes of potrace's path around a mask thresholded at one half. It ignores the same specks as we do.
fn potrace_nodes(matte: &GrayImage, folder: &Path) -> Result<usize> {
    let (bitmap, svg) = (folder.join("mask.pgm"), folder.join("mask.svg"));
    // potrace traces dark pixels.
    let dark = GrayImage::from_fn(matte.width(), matte.height(), |x, y| {
        image::Luma([if matte.get_pixel(x, y).0[0] >= 128 { 0 } else { 255 }])
    });
    let mut file = format!("P5\n{} {}\n255\n", matte.width(), matte.height()).into_bytes();
    file.extend_from_slice(dark.as_raw());
    fs::write(&bitmap, file)?;
    let status = Command::new("potrace").args(["--svg", "--turdsize", "16", "-o"]).arg(&svg).arg(&bitmap).status()?;
    ensure!(status.success(), "potrace ended with {status}");
    // Each letter is followed by points: three for each curve, one for each line.
    let (mut nodes, mut letter, mut points) = (0, ' ', 0);
    // potrace writes the closing `z` right after a number.
    let text = fs::read_to_string(&svg)?.replace('z', " z");
    for data in text.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        for token in data.split_whitespace() {
            let first = token.chars().find(char::is_ascii_alphabetic);
            if let Some(first) = first {
                nodes += points_to_nodes(letter, points);
                (letter, points) = (first.to_ascii_lowercase(), 0);
            }
            points += usize::from(token.contains(|c: char| c.is_ascii_digit()));
        }
        nodes += points_to_nodes(letter, points);
        (letter, points) = (' ', 0);
    }
    Ok(nodes)
}

/// The number of nodes. Two numbers are a point, and the first point of a subpath repeats as its last.
fn points_to_nodes(letter: char, numbers: usize) -> usize {
    match letter {
        'c' => numbers / 6,
        'l' => numbers / 2,
        _ => 0,
    }
}

pub(crate) fn jpeg_of(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 92).encode_image(picture).context("cannot encode a JPEG")?;
    Ok(file)
}

pub(crate) fn least(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Runs a peer's script and parses its output as JSON.
pub(crate) fn json(command: &mut Command) -> Result<Value> {
    let output = command.output().context("cannot run a peer")?;
    ensure!(output.status.success(), "a peer failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("a peer's output is not JSON")
}
