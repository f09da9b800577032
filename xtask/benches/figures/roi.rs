//! The gain of a `roi` where the subject is small: scenes made from an external [set] of photographs. Each has the subject of one
//! photograph, on 2 to 8 % of the area of another photograph that has a subject of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Mode, OutputFormat};
use cutline_imaging::{Error, Imaging, Limits, decode};
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{GrayImage, RgbImage};
use serde_json::json;

use crate::Setup;
use crate::report::{Report, Target};
use crate::scene::compose;
use crate::set::{self, Row};

const SCENES: usize = 20;
/// The longer side of a scene, in pixels.
const SIDE: u32 = 1600;
/// The area of the subjects, as shares of the scene, from the first to the last.
const AREAS: (f64, f64) = (0.02, 0.08);
/// The room around the subject in its box, as a share of the subject's longer side: nobody draws a box exactly.
const ROOM: f64 = 0.1;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("roi: small subjects in front of others");
    let Some(folder) = &setup.eval else {
        report.tell("roi", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let imaging = Imaging::load(&setup.models, std::thread::available_parallelism()?)?;
    let rows: Vec<Row> = set::rows(folder)?.into_iter().filter(|row| !row.is_alpha).collect();
    ensure!(rows.len() > SCENES, "the set has too few photographs");
    let (mut without, mut within) = (0.0, 0.0);
    for index in 0..SCENES {
        let scene = scene(folder, &rows, index)?;
        let [plain, guided] = [None, Some(&scene.roi)].map(|roi| iou(&imaging, &scene, roi.map(String::as_str)));
        let (plain, guided) = (plain?, guided?);
        println!("      {}: {plain:.3}, with roi {} {guided:.3}", scene.name, scene.roi);
        without += plain / SCENES as f64;
        within += guided / SCENES as f64;
    }
    report.tell("roi, 20 scenes: IoU without", format!("{without:.4}"));
    report.tell("roi, 20 scenes: IoU with", format!("{within:.4}"));
    report.judge("roi, 20 scenes: gain", within - without, "", 4, Target::AtLeast(0.05));
    Ok(())
}

/// A scene with the true mask of its subject.
struct Scene {
    name: String,
    file: Bytes,
    truth: GrayImage,
    roi: String,
}

/// The same scenes on every call: the subjects of photographs spread over the set, each on the photograph half a set further.
fn scene(folder: &Path, rows: &[Row], index: usize) -> Result<Scene> {
    let row = |step: usize| &rows[(index * rows.len() / SCENES + step) % rows.len()];
    let (front, back) = (row(0), row(rows.len() / 2));
    let read = |row: &Row| -> Result<RgbImage> {
        Ok(decode(&fs::read(row.image(folder)?)?, &Limits::default())?.color().clone())
    };
    let back = enlarged(&read(back)?);
    let (width, height) = back.dimensions();
    let subject = read(front)?;
    let mask = image::open(front.mask(folder)?)?.into_luma8();
    let (left, top, right, bottom) = bounds(&mask).context("the mask is empty")?;
    let crop = |from: u32, to: u32| to - from;
    let subject = imageops::crop_imm(&subject, left, top, crop(left, right), crop(top, bottom)).to_image();
    let mask = imageops::crop_imm(&mask, left, top, crop(left, right), crop(top, bottom)).to_image();

    let share = AREAS.0 + (AREAS.1 - AREAS.0) * index as f64 / (SCENES - 1) as f64;
    let filled = mask.iter().filter(|value| **value > 127).count() as f64;
    let wanted = (share * f64::from(width) * f64::from(height) / filled).sqrt();
    let fits =
        (0.8 * f64::from(width) / f64::from(mask.width())).min(0.8 * f64::from(height) / f64::from(mask.height()));
    let scaled = |side: u32| ((f64::from(side) * wanted.min(fits)) as u32).max(1);
    let size = (scaled(mask.width()), scaled(mask.height()));
    let subject = imageops::resize(&subject, size.0, size.1, FilterType::CatmullRom);
    let mask = imageops::resize(&mask, size.0, size.1, FilterType::Triangle);
    // Corners and sides in turn, away from the middle, where the other subject is.
    let place = |at: usize, room: u32| (u64::from(room) * (1 + at as u64 * 7 % 9) / 10) as u32;
    let (x, y) = (place(index, width - size.0), place(index + 4, height - size.1));

    let (mut foreground, mut truth) = (back.clone(), GrayImage::new(width, height));
    imageops::replace(&mut foreground, &subject, x.into(), y.into());
    imageops::replace(&mut truth, &mask, x.into(), y.into());
    let picture = compose(&foreground, &back, &truth);
    let mut file = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut file))?;
    let room = (ROOM * f64::from(size.0.max(size.1))) as u32;
    let roi = format!(
        "{} {} {} {}",
        x.saturating_sub(room),
        y.saturating_sub(room),
        (x + size.0 + room).min(width),
        (y + size.1 + room).min(height)
    );
    Ok(Scene { name: format!("{}/{}", front.source, front.stem), file: file.into(), truth, roi })
}

fn enlarged(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let scaled = |side: u32| (u64::from(side) * u64::from(SIDE) / u64::from(width.max(height))) as u32;
    imageops::resize(picture, scaled(width), scaled(height), FilterType::CatmullRom)
}

/// Left, top, right and bottom of the mask's subject.
fn bounds(mask: &GrayImage) -> Option<(u32, u32, u32, u32)> {
    let pixels = || mask.enumerate_pixels().filter(|(_, _, value)| value.0[0] > 127);
    let (left, right) = (pixels().map(|pixel| pixel.0).min()?, pixels().map(|pixel| pixel.0).max()?);
    let (top, bottom) = (pixels().map(|pixel| pixel.1).min()?, pixels().map(|pixel| pixel.1).max()?);
    Some((left, top, right + 1, bottom + 1))
}

/// The IoU of the cut with the truth; 0 if no subject was found.
fn iou(imaging: &Imaging, scene: &Scene, roi: Option<&str>) -> Result<f64> {
    let subject = serde_json::from_value(json!({ "roi": roi }))?;
    let input = PipelineInput { subject, ..PipelineInput::new(scene.file.clone(), Mode::Background) };
    let input = PipelineInput { format: Some(OutputFormat::Png.into()), ..input };
    let matte = match imaging.make(&input, &|_, _| {}) {
        Ok(output) => matte_of(&output)?,
        Err(Error::NoSubject) => GrayImage::new(scene.truth.width(), scene.truth.height()),
        Err(error) => return Err(error.into()),
    };
    let pairs = || matte.iter().zip(scene.truth.iter()).map(|(matte, truth)| (*matte > 127, *truth > 127));
    let both = pairs().filter(|(matte, truth)| *matte && *truth).count();
    let either = pairs().filter(|(matte, truth)| *matte || *truth).count();
    Ok(both as f64 / either.max(1) as f64)
}

fn matte_of(output: &PipelineOutput) -> Result<GrayImage> {
    let matte = output.assets.iter().find(|asset| asset.kind == AssetKind::Matte).context("no matte")?;
    Ok(image::load_from_memory(&matte.bytes)?.into_luma8())
}
