//! The gain of a clean plate where the networks see little: glass, white on white and wires, drawn in front of soft
//! backdrops. The backdrops are photographs of an external [set], or else the examples, out of focus.

use std::fs;

use anyhow::{Context, Result};
use bytes::Bytes;
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Mode, OutputFormat};
use cutline_imaging::{Error, Imaging, Limits, decode};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::Setup;
use crate::pictures::Pictures;
use crate::report::{Report, Target};
use crate::set::{self, Row};

const SCENES: usize = 20;
/// Width and height of a scene in pixels.
const SIZE: (u32, u32) = (1600, 1200);
const QUALITY: u8 = 90;
/// Half the width of the band around the outline, in pixels.
const BAND: u32 = 8;
/// A cut with a larger error in the band is one that needs a plate.
const BAD: f64 = 0.2;
/// The least share of the full shadow that counts as shadow.
const SHADOW: f32 = 0.3;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Glass,
    White,
    Wire,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Glass, Self::White, Self::Wire];
}

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("plate: glass, white on white and wires");
    let imaging = Imaging::load(&setup.models, std::thread::available_parallelism()?)?;
    let backdrops = Backdrops::of(setup)?;
    let (mut needing, mut plain, mut helped, mut bad_shadows) = (0, 0.0, 0.0, Vec::new());
    for index in 0..SCENES {
        let scene = Scene::new(&backdrops, index)?;
        let (without, _) = matte(&imaging, &scene, None)?;
        let (with, warnings) = matte(&imaging, &scene, Some(scene.plate.clone()))?;
        let (before, after) = (scene.band_error(&without), scene.band_error(&with));
        let shadow = scene.shadow_in(&with);
        println!(
            "      {index}: {:?}, band {before:.3}, with plate {after:.3}; shadow {}{}",
            scene.kind,
            shadow.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}")),
            warnings.concat()
        );
        if before > BAD {
            needing += 1;
            plain += before;
            helped += after;
        }
        bad_shadows.extend(shadow);
    }
    report.tell("plate, 20 composites: cuts with a band error above 0.2 without", needing.to_string());
    let count = f64::from(needing.max(1));
    report.tell("plate, those cuts: band error without", format!("{:.4}", plain / count));
    report.judge("plate, those cuts: band error with", helped / count, "", 4, Target::AtMost(0.08));
    let worst = bad_shadows.into_iter().fold(0.0, f64::max);
    report.judge("plate: the largest share of a shadow in the subject", worst, "", 4, Target::AtMost(0.05));
    Ok(())
}

/// The pictures that are out of focus behind the subjects.
enum Backdrops<'a> {
    Set(&'a std::path::Path, Vec<Row>),
    Examples(Pictures),
}

impl<'a> Backdrops<'a> {
    fn of(setup: &'a Setup) -> Result<Self> {
        Ok(match &setup.eval {
            Some(folder) => Self::Set(folder, set::rows(folder)?),
            None => Self::Examples(Pictures::read()?),
        })
    }

    /// One of them, in the scene's size.
    fn get(&self, index: usize) -> Result<RgbImage> {
        let photo = match self {
            Self::Set(folder, rows) => {
                let row = &rows[index * rows.len() / SCENES];
                decode(&fs::read(row.image(folder)?)?, &Limits::default())?.color().clone()
            }
            Self::Examples(pictures) => pictures.enlarged(index as u32, SIZE, 0),
        };
        let small = imageops::resize(&photo, SIZE.0 / 25, SIZE.1 / 25, FilterType::Triangle);
        Ok(imageops::resize(&small, SIZE.0, SIZE.1, FilterType::CatmullRom))
    }
}

/// A composite with its clean plate and its truth.
struct Scene {
    kind: Kind,
    photo: Bytes,
    plate: Bytes,
    truth: GrayImage,
    /// How much of the full shadow there is at each pixel, if there is one.
    shadow: Option<Vec<f32>>,
}

impl Scene {
    /// The same scene on every call. Half of them have a soft shadow.
    fn new(backdrops: &Backdrops<'_>, index: usize) -> Result<Self> {
        let kind = Kind::ALL[index % 3];
        let soft = backdrops.get(index)?;
        let backdrop = |x: f32, y: f32| backdrop_at(kind, &soft, (x, y));
        let depth = 0.05 + 0.35 * (index / 2) as f32 / (SCENES / 2 - 1) as f32;
        let has_shadow = index.is_multiple_of(2);
        let mut shares = vec![0.0; (SIZE.0 * SIZE.1) as usize];
        let mut truth = GrayImage::new(SIZE.0, SIZE.1);
        let mut grain = Grain(index as u64 * 2 + 1);
        let photo = RgbImage::from_fn(SIZE.0, SIZE.1, |column, row| {
            let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
            let (cover, share) = (cover(kind, index, (x, y)), cast(kind, (x, y)));
            shares[(row * SIZE.0 + column) as usize] = share;
            truth.put_pixel(column, row, Luma([(255.0 * cover).round() as u8]));
            let left = if has_shadow { 1.0 - depth * share } else { 1.0 };
            let behind = backdrop(x, y).map(|value| value * left);
            let front = front(kind, (x, y), behind);
            grain.on([0, 1, 2].map(|channel| cover * front[channel] + (1.0 - cover) * behind[channel]))
        });
        // The other exposure: within ±3 % of the light, ±0.2 % of the scale and ±2 pixels.
        let within = |step: usize| ((index * step) % SCENES) as f32 / (SCENES - 1) as f32 * 2.0 - 1.0;
        let (light, scale) = (1.0 + 0.03 * within(7), 1.0 + 0.002 * within(3));
        let (right, down) = (2.0 * within(9), 2.0 * within(11));
        let center = (SIZE.0 as f32 / 2.0, SIZE.1 as f32 / 2.0);
        let mut grain = Grain(index as u64 * 2 + 2);
        let plate = RgbImage::from_fn(SIZE.0, SIZE.1, |column, row| {
            let x = center.0 + scale * (column as f32 + 0.5 - center.0) + right;
            let y = center.1 + scale * (row as f32 + 0.5 - center.1) + down;
            grain.on(backdrop(x, y).map(|value| value * light))
        });
        let shadow = has_shadow.then_some(shares);
        Ok(Self { kind, photo: jpeg(&photo)?, plate: jpeg(&plate)?, truth, shadow })
    }

    /// The mean error of a matte around the outline.
    fn band_error(&self, matte: &GrayImage) -> f64 {
        let (mut sum, mut count) = (0.0, 0_u64);
        let is_in = |x: u32, y: u32| self.truth.get_pixel(x, y).0[0] > 127;
        let sums = Sums::of(is_in);
        for (x, y, truth) in self.truth.enumerate_pixels() {
            if sums.is_mixed(x, y) {
                sum += f64::from(matte.get_pixel(x, y).0[0].abs_diff(truth.0[0])) / 255.0;
                count += 1;
            }
        }
        sum / count.max(1) as f64
    }

    /// The mean of a matte where there is shadow, away from the subject.
    fn shadow_in(&self, matte: &GrayImage) -> Option<f64> {
        let shadow = self.shadow.as_ref()?;
        let sums = Sums::of(|x, y| self.truth.get_pixel(x, y).0[0] > 0);
        let pixels = matte.enumerate_pixels().zip(shadow);
        let shaded = pixels.filter(|((x, y, _), share)| **share > SHADOW && sums.count(*x, *y) == 0);
        let (sum, count) = shaded
            .fold((0.0, 0_u64), |(sum, count), ((_, _, value), _)| (sum + f64::from(value.0[0]) / 255.0, count + 1));
        Some(sum / count.max(1) as f64)
    }
}

/// The sums of a set of pixels, for counts in windows.
struct Sums(Vec<u32>);

impl Sums {
    fn of(is_in: impl Fn(u32, u32) -> bool) -> Self {
        let width = SIZE.0 as usize + 1;
        let mut sums = vec![0; width * (SIZE.1 as usize + 1)];
        for y in 0..SIZE.1 as usize {
            let mut row = 0;
            for x in 0..SIZE.0 as usize {
                row += u32::from(is_in(x as u32, y as u32));
                sums[(y + 1) * width + x + 1] = sums[y * width + x + 1] + row;
            }
        }
        Self(sums)
    }

    fn window(x: u32, y: u32) -> [u32; 4] {
        let end = |at: u32, side: u32| (at + BAND + 1).min(side);
        [x.saturating_sub(BAND), y.saturating_sub(BAND), end(x, SIZE.0), end(y, SIZE.1)]
    }

    /// The pixels of the set in the window around a pixel.
    fn count(&self, x: u32, y: u32) -> u32 {
        let [left, top, right, bottom] = Self::window(x, y);
        let at = |x: u32, y: u32| self.0[y as usize * (SIZE.0 as usize + 1) + x as usize];
        at(right, bottom) + at(left, top) - at(left, bottom) - at(right, top)
    }

    /// Whether the window has pixels inside and outside of the set.
    fn is_mixed(&self, x: u32, y: u32) -> bool {
        let [left, top, right, bottom] = Self::window(x, y);
        let count = self.count(x, y);
        count > 0 && count < (right - left) * (bottom - top)
    }
}

/// Grain of ±4 levels.
struct Grain(u64);

impl Grain {
    fn on(&mut self, color: [f32; 3]) -> Rgb<u8> {
        Rgb(color.map(|value| {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let grain = (self.0 >> 40) as f32 / (1_u32 << 24) as f32 * 8.0 - 4.0;
            (value + grain).round().clamp(0.0, 255.0) as u8
        }))
    }
}

/// The color of the backdrop at a point.
fn backdrop_at(kind: Kind, soft: &RgbImage, (x, y): (f32, f32)) -> [f32; 3] {
    let sheet = 232.0 - 10.0 * y / SIZE.1 as f32;
    if kind == Kind::White {
        return [sheet, sheet, sheet + 2.0];
    }
    let (x, y) = ((x - 0.5).clamp(0.0, SIZE.0 as f32 - 1.001), (y - 0.5).clamp(0.0, SIZE.1 as f32 - 1.001));
    let (left, top, across, down) = (x as u32, y as u32, x.fract(), y.fract());
    [0, 1, 2].map(|channel| {
        let at = |x: u32, y: u32| f32::from(soft.get_pixel(x.min(SIZE.0 - 1), y.min(SIZE.1 - 1)).0[channel]);
        let above = at(left, top) * (1.0 - across) + at(left + 1, top) * across;
        let below = at(left, top + 1) * (1.0 - across) + at(left + 1, top + 1) * across;
        // Neither black nor clipped.
        60.0 + 0.6 * (above * (1.0 - down) + below * down)
    })
}

/// How far a point is within a tumbler, in pixels from its outline.
fn within_tumbler((x, y): (f32, f32)) -> f32 {
    let (x, y) = (x - 760.0, y - 600.0);
    (260.0 - 0.06 * y - x.abs()).min(340.0 - y.abs())
}

/// The share of a pixel that the subject covers.
fn cover(kind: Kind, index: usize, point: (f32, f32)) -> f32 {
    let inside = match kind {
        Kind::Glass => within_tumbler(point),
        Kind::White => 300.0 - (point.0 - 760.0).hypot(1.2 * (point.1 - 600.0)),
        Kind::Wire => {
            // 4 to 7 pixels wide.
            let half = 2.0 + 0.25 * (index % 7) as f32;
            let line = 560.0 + 150.0 * ((point.0 - 200.0) / 260.0).sin();
            let slope = 150.0 / 260.0 * ((point.0 - 200.0) / 260.0).cos();
            let from_line = (point.1 - line).abs() / 1.0_f32.hypot(slope);
            (half - from_line).min(point.0 - 250.0).min(1350.0 - point.0)
        }
    };
    (inside + 0.5).clamp(0.0, 1.0)
}

/// The subject's color in front of another.
fn front(kind: Kind, point: (f32, f32), behind: [f32; 3]) -> [f32; 3] {
    match kind {
        Kind::Glass => {
            let rim = (1.0 - within_tumbler(point) / 14.0).clamp(0.0, 1.0);
            let shine =
                (1.0 - (point.0 - 620.0).abs() / 26.0).clamp(0.0, 1.0) * if point.1 < 800.0 { 0.5 } else { 0.0 };
            // Clear glass is a little green.
            [0, 1, 2].map(|channel| {
                let through = behind[channel] * [0.86, 0.92, 0.89][channel] * (1.0 - 0.35 * rim);
                through * (1.0 - shine) + 248.0 * shine
            })
        }
        Kind::White => {
            let light = 246.0 - 0.006 * (point.0 - 560.0) - 0.004 * (point.1 - 300.0);
            [light, light, light - 2.0]
        }
        // Darker than every backdrop: what has the color of its backdrop, no plate shows.
        Kind::Wire => [38.0, 37.0, 36.0],
    }
}

/// How much of the full shadow lies on a point, from 0 to 1.
fn cast(kind: Kind, (x, y): (f32, f32)) -> f32 {
    let distance = match kind {
        Kind::Glass | Kind::White => ((x - 1000.0) / 1.5).hypot(y - 800.0),
        Kind::Wire => (y - 800.0).abs() + (x - 800.0).abs() / 4.0,
    };
    let share = ((290.0 - distance) / 180.0).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

fn jpeg(picture: &RgbImage) -> Result<Bytes> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, QUALITY).encode_image(picture)?;
    Ok(file.into())
}

/// The matte of a cut, and the warnings about it. Black if no subject was found.
fn matte(imaging: &Imaging, scene: &Scene, plate: Option<Bytes>) -> Result<(GrayImage, Vec<String>)> {
    let input = PipelineInput { plate, ..PipelineInput::new(scene.photo.clone(), Mode::Background) };
    let input = PipelineInput { format: Some(OutputFormat::Png.into()), ..input };
    match imaging.make(&input, &|_, _| {}) {
        Ok(output) => Ok((matte_of(&output)?, output.warnings.get("subject").cloned().unwrap_or_default())),
        Err(Error::NoSubject) => Ok((GrayImage::new(SIZE.0, SIZE.1), Vec::new())),
        Err(error) => Err(error.into()),
    }
}

fn matte_of(output: &PipelineOutput) -> Result<GrayImage> {
    let matte = output.assets.iter().find(|asset| asset.kind == AssetKind::Matte).context("no matte")?;
    Ok(image::load_from_memory(&matte.bytes)?.into_luma8())
}
