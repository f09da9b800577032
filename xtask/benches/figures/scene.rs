//! A synthetic picture of 12 megapixels with known alpha and foreground: a body with a hole, and strands of hair around it.

use anyhow::Result;
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::pictures::Pictures;

/// Width and height in pixels.
pub(crate) const SIZE: (u32, u32) = (4000, 3000);

/// A picture with its true alpha and foreground.
pub(crate) struct Scene {
    /// The photograph.
    pub(crate) picture: RgbImage,
    /// The subject's share of each pixel.
    pub(crate) alpha: GrayImage,
    /// The subject's colors, defined for every pixel.
    pub(crate) foreground: RgbImage,
}

impl Scene {
    /// The same picture on every call. `strands` is their number; each is 3 to 9 pixels wide.
    pub(crate) fn new(pictures: &Pictures, strands: u32) -> Result<Self> {
        let alpha = alpha(strands);
        // An enlarged photo is the subject; another, out of focus, is the background.
        let foreground = pictures.enlarged(0, SIZE, 60);
        let background = pictures.enlarged(1, (SIZE.0 / 16, SIZE.1 / 16), -60);
        let background = imageops::resize(&background, SIZE.0, SIZE.1, FilterType::Triangle);
        Ok(Self { picture: compose(&foreground, &background, &alpha), alpha, foreground })
    }
}

impl Scene {
    /// The same picture with an out-of-focus outline, soft for `width` pixels to either side.
    pub(crate) fn softened(&self, pictures: &Pictures, width: f32) -> Self {
        let (center_x, center_y) = (SIZE.0 as f32 / 2.0, SIZE.1 as f32 / 2.0);
        let alpha = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            let distance = ((x as f32 + 0.5 - center_x) / 1.35).hypot(y as f32 + 0.5 - center_y) - 850.0;
            let share = (0.5 - 0.5 * distance / width).clamp(0.0, 1.0);
            // A smooth falloff, not a linear one.
            Luma([(share * share * (3.0 - 2.0 * share) * 255.0).round() as u8])
        });
        let background = pictures.enlarged(1, (SIZE.0 / 16, SIZE.1 / 16), -60);
        let background = imageops::resize(&background, SIZE.0, SIZE.1, FilterType::Triangle);
        let picture = compose(&self.foreground, &background, &alpha);
        Self { picture, alpha, foreground: self.foreground.clone() }
    }
}

/// Composes the foreground over the background with sRGB values, as common programs do.
pub(crate) fn compose(foreground: &RgbImage, background: &RgbImage, alpha: &GrayImage) -> RgbImage {
    RgbImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        let (front, back) = (foreground.get_pixel(x, y).0, background.get_pixel(x, y).0);
        let share = f32::from(alpha.get_pixel(x, y).0[0]) / 255.0;
        Rgb([0, 1, 2].map(|c| (share * f32::from(front[c]) + (1.0 - share) * f32::from(back[c])).round() as u8))
    })
}

fn alpha(strands: u32) -> GrayImage {
    let (center_x, center_y) = (SIZE.0 as f32 / 2.0, SIZE.1 as f32 / 2.0);
    let mut alpha = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let (x, y) = (x as f32 + 0.5 - center_x, y as f32 + 0.5 - center_y);
        // Distances to the outlines, negative inside.
        let body = (x / 1.35).hypot(y) - 850.0;
        let hole = (x - 700.0).hypot(y + 150.0) - 220.0;
        Luma([coverage(body.max(-hole))])
    });
    for strand in 0..strands {
        let turn = strand as f32 / strands as f32 * std::f32::consts::TAU;
        let (bend, half_width) = (((strand * 7 % 11) as f32 - 5.0) * 0.06, 1.5 + (strand * 5 % 7) as f32 * 0.5);
        // Along the strand in half pixels, thinner toward its tip.
        for step in 0..560 {
            let along = step as f32 * 0.5;
            let angle = turn + bend * (along / 280.0).powi(2);
            let (x, y) = (1.35 * (845.0 + along) * angle.cos(), (845.0 + along) * angle.sin());
            dot(&mut alpha, x + center_x, y + center_y, half_width * (1.0 - along / 320.0));
        }
    }
    alpha
}

/// Draws a disc where it covers more than the existing alpha.
fn dot(alpha: &mut GrayImage, x: f32, y: f32, radius: f32) {
    let reach = radius.ceil() as i64 + 1;
    for row in y as i64 - reach..=y as i64 + reach {
        for column in x as i64 - reach..=x as i64 + reach {
            let (Ok(at_x), Ok(at_y)) = (u32::try_from(column), u32::try_from(row)) else { continue };
            if let Some(pixel) = alpha.get_pixel_mut_checked(at_x, at_y) {
                let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y) - radius;
                pixel.0[0] = pixel.0[0].max(coverage(distance));
            }
        }
    }
}

/// The covered share of a pixel whose center has this distance to an outline, 0 to 255.
fn coverage(distance: f32) -> u8 {
    ((0.5 - distance).clamp(0.0, 1.0) * 255.0).round() as u8
}
