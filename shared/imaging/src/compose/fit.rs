//! A background picture at the size of a canvas.

use cutline_core::domain::params::ImageFit;
use image::{Pixel, RgbImage};

use super::light::{Light, SrgbLight};
use super::resize::resize_rgb;
use crate::sample::{ColorSample, Colors};

/// Brings `picture` to the size of `canvas`. `color` shows where the picture does not reach.
pub fn fit(picture: &RgbImage, fit: ImageFit, canvas: (u32, u32), color: [u8; 3]) -> RgbImage {
    fit_in(&SrgbLight::new(), picture, fit, canvas, color)
}

/// The same in the color space whose light this is.
pub(crate) fn fit_in<T: ColorSample, L: Light<T>>(
    light: &L,
    picture: &Colors<T>,
    fit: ImageFit,
    canvas: (u32, u32),
    color: [T; 3],
) -> Colors<T> {
    let (width, height) = picture.dimensions();
    let (wide, high) = (f64::from(width), f64::from(height));
    let (across, down) = (f64::from(canvas.0) / wide, f64::from(canvas.1) / high);
    match fit {
        ImageFit::Cover => {
            let scale = across.max(down);
            let (part_wide, part_high) = (f64::from(canvas.0) / scale, f64::from(canvas.1) / scale);
            let part = ((wide - part_wide) / 2.0, (high - part_high) / 2.0, part_wide, part_high);
            resize_rgb(light, picture, part, canvas)
        }
        ImageFit::Contain => {
            let scale = across.min(down);
            let side = |side: f64, max: u32| ((side * scale).round() as u32).clamp(1, max);
            let size = (side(wide, canvas.0), side(high, canvas.1));
            let small = resize_rgb(light, picture, (0.0, 0.0, wide, high), size);
            let mut fitted = Colors::<T>::from_pixel(canvas.0, canvas.1, *T::Rgb::from_slice(&color));
            let offset = |side: u32, part: u32| i64::from((side - part) / 2);
            image::imageops::replace(&mut fitted, &small, offset(canvas.0, size.0), offset(canvas.1, size.1));
            fitted
        }
        ImageFit::Tile => Colors::<T>::from_fn(canvas.0, canvas.1, |x, y| *picture.get_pixel(x % width, y % height)),
    }
}
