//! Backdrop, shadow and subject, laid over each other.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::light::{Light, seen_alpha};
use super::resize::resize_rgb;
use crate::photo::Cutout;

/// What stands behind everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backdrop {
    /// Nothing.
    Transparent,
    /// One color.
    Color([u8; 3]),
    /// A picture of the canvas's size.
    Picture(RgbImage),
}

/// A shadow between backdrop and subject.
#[derive(Debug, Clone, Copy)]
pub struct Shade<'a> {
    /// How much of it there is, 0 to 255; of the canvas's size.
    pub coverage: &'a GrayImage,
    /// Where there is all of it, 0 to 1.
    pub opacity: f32,
    /// Its color.
    pub color: [u8; 3],
}

/// The subject as it stands on a canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The canvas's column of its first.
    pub x: u32,
    /// The canvas's row of its first.
    pub y: u32,
    /// Colors and alpha, as far as it shows on the canvas.
    pub cutout: Cutout,
}

impl Layer {
    /// A cut-out that covers a canvas of its own size.
    pub fn whole(cutout: Cutout) -> Self {
        Self { x: 0, y: 0, cutout }
    }

    /// Its alpha on the whole canvas.
    pub fn alpha_on(&self, canvas: (u32, u32)) -> GrayImage {
        let mut alpha = GrayImage::new(canvas.0, canvas.1);
        image::imageops::replace(&mut alpha, self.cutout.alpha(), self.x.into(), self.y.into());
        alpha
    }

    /// Color and alpha of a row of the canvas from the first column of the layer on, as far as it reaches.
    fn row(&self, y: usize) -> (&[u8], &[u8]) {
        let (width, height) = (self.cutout.dimensions().0 as usize, self.cutout.dimensions().1 as usize);
        match y.checked_sub(self.y as usize) {
            Some(y) if y < height => {
                let (color, alpha) = (self.cutout.color().as_raw(), self.cutout.alpha().as_raw());
                (&color[y * width * 3..(y + 1) * width * 3], &alpha[y * width..(y + 1) * width])
            }
            _ => (&[], &[]),
        }
    }
}

/// How a picture fills a canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of the canvas; what reaches beyond is cut off evenly.
    Cover,
    /// All of the picture, in the middle.
    Contain,
    /// At its own size, again and again from the upper left corner.
    Tile,
}

/// A picture as large as a canvas. `beneath` shows where it does not.
pub fn fit(picture: &RgbImage, fit: Fit, canvas: (u32, u32), beneath: [u8; 3]) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (wide, high) = (f64::from(width), f64::from(height));
    let (across, down) = (f64::from(canvas.0) / wide, f64::from(canvas.1) / high);
    match fit {
        Fit::Cover => {
            let scale = across.max(down);
            let (part_wide, part_high) = (f64::from(canvas.0) / scale, f64::from(canvas.1) / scale);
            let part = ((wide - part_wide) / 2.0, (high - part_high) / 2.0, part_wide, part_high);
            resize_rgb(picture, part, canvas)
        }
        Fit::Contain => {
            let scale = across.min(down);
            let side = |side: f64, most: u32| ((side * scale).round() as u32).clamp(1, most);
            let size = (side(wide, canvas.0), side(high, canvas.1));
            let small = resize_rgb(picture, (0.0, 0.0, wide, high), size);
            let mut on = RgbImage::from_pixel(canvas.0, canvas.1, image::Rgb(beneath));
            let at = |whole: u32, part: u32| i64::from((whole - part) / 2);
            image::imageops::replace(&mut on, &small, at(canvas.0, size.0), at(canvas.1, size.1));
            on
        }
        Fit::Tile => RgbImage::from_fn(canvas.0, canvas.1, |x, y| *picture.get_pixel(x % width, y % height)),
    }
}

/// Lays shadow and subject over the backdrop, in linear light. Where neither is, the backdrop's values stay as they
/// are, and so do the subject's where it is opaque.
///
/// On transparency there is no light to add to yet. There the shadow has the alpha by which it looks on a white page,
/// in a viewer that mixes sRGB values as all browsers do, as it does here on white.
///
/// Coverage, picture and canvas have the same size; of what is smaller, the rest is as if there were none.
pub fn compose(canvas: (u32, u32), backdrop: &Backdrop, shadow: Option<Shade<'_>>, subject: &Layer) -> Cutout {
    let (width, height) = (canvas.0 as usize, canvas.1 as usize);
    let mut color = vec![0; width * height * 3];
    let mut alpha = vec![0; width * height];
    let mixer = Mixer::new(backdrop, shadow);
    let rows = color.par_chunks_exact_mut((width * 3).max(1)).zip(alpha.par_chunks_exact_mut(width.max(1)));
    rows.enumerate().for_each(|(y, (color, alpha))| {
        let (of_subject, its_alpha) = subject.row(y);
        let left = (subject.x as usize).min(width);
        for (x, (to, alpha)) in color.as_chunks_mut::<3>().0.iter_mut().zip(alpha).enumerate() {
            let at = x.wrapping_sub(left);
            let share = its_alpha.get(at).copied().unwrap_or(0);
            let front =
                if share == 0 { [0; 3] } else { [of_subject[at * 3], of_subject[at * 3 + 1], of_subject[at * 3 + 2]] };
            (*to, *alpha) = mixer.pixel(x, y, front, share);
        }
    });
    let color = RgbImage::from_raw(canvas.0, canvas.1, color).unwrap_or_default();
    let alpha = GrayImage::from_raw(canvas.0, canvas.1, alpha).unwrap_or_default();
    Cutout::of(color, alpha)
}

struct Mixer<'a> {
    light: Light,
    backdrop: &'a Backdrop,
    shadow: Option<Shade<'a>>,
    /// On one color: what it is beneath each coverage of the shadow. Most of a canvas is that.
    shaded: Vec<[u8; 3]>,
}

impl<'a> Mixer<'a> {
    fn new(backdrop: &'a Backdrop, shadow: Option<Shade<'a>>) -> Self {
        let mut mixer = Self { light: Light::new(), backdrop, shadow, shaded: Vec::new() };
        if let Backdrop::Color(color) = backdrop {
            let of = |covered| mixer.mixed(*color, mixer.shade(covered), ([0; 3], 0));
            mixer.shaded = (0..=u8::MAX).map(of).collect();
        }
        mixer
    }

    /// Color and alpha of a pixel, with so much of the subject in front.
    fn pixel(&self, x: usize, y: usize, front: [u8; 3], share: u8) -> ([u8; 3], u8) {
        if share == u8::MAX {
            return (front, u8::MAX);
        }
        let covered = self.covered(x, y);
        let shade = self.shade(covered);
        let behind = match self.backdrop {
            Backdrop::Color(_) if share == 0 => return (self.shaded[usize::from(covered)], u8::MAX),
            Backdrop::Color(color) => *color,
            Backdrop::Picture(picture) => {
                picture.get_pixel_checked(x as u32, y as u32).map_or([u8::MAX; 3], |pixel| pixel.0)
            }
            Backdrop::Transparent => return on_nothing(front, share, shade),
        };
        (self.mixed(behind, shade, (front, share)), u8::MAX)
    }

    /// The subject in front of a shadow on what is behind, in light.
    fn mixed(&self, behind: [u8; 3], (shade, of_shade): (f32, [u8; 3]), (front, share): ([u8; 3], u8)) -> [u8; 3] {
        if share == 0 && shade <= 0.0 {
            return behind;
        }
        let share = f32::from(share) / 255.0;
        std::array::from_fn(|channel| {
            let beneath = self.light.of(behind[channel]);
            let shaded = beneath + (self.light.of(of_shade[channel]) - beneath) * shade;
            self.light.value(shaded + (self.light.of(front[channel]) - shaded) * share)
        })
    }

    /// The coverage of the shadow.
    fn covered(&self, x: usize, y: usize) -> u8 {
        let coverage = self.shadow.map(|shadow| shadow.coverage);
        coverage.and_then(|coverage| coverage.get_pixel_checked(x as u32, y as u32)).map_or(0, |pixel| pixel.0[0])
    }

    /// How much shadow there is of that, 0 to 1, and its color.
    fn shade(&self, covered: u8) -> (f32, [u8; 3]) {
        match self.shadow {
            Some(Shade { opacity, color, .. }) => (f32::from(covered) / 255.0 * opacity.clamp(0.0, 1.0), color),
            None => (0.0, [0; 3]),
        }
    }
}

/// The subject over the shadow, in sRGB values as a viewer will mix them.
fn on_nothing(front: [u8; 3], share: u8, (shade, of_shade): (f32, [u8; 3])) -> ([u8; 3], u8) {
    if shade <= 0.0 {
        return (front, share);
    }
    let (share, beneath) = (f32::from(share) / 255.0, seen_alpha(shade, of_shade));
    let rest = beneath * (1.0 - share);
    let whole = share + rest;
    let alpha = (whole * 255.0).round() as u8;
    if alpha == 0 {
        return ([0; 3], 0);
    }
    let mix = |front: u8, behind: u8| ((f32::from(front) * share + f32::from(behind) * rest) / whole).round() as u8;
    (std::array::from_fn(|channel| mix(front[channel], of_shade[channel])), alpha)
}
