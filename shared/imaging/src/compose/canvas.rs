//! Backdrop, shadow and subject, laid over each other.

use std::array::from_fn;
use std::ops::Deref;

use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, Pixel, imageops};
use rayon::prelude::*;

use super::layer::Layer;
use super::light::{Light, SrgbLight, seen_alpha};
use crate::planes::PlanarRgba;
use crate::sample::{ColorSample, Colors};

/// The bottom layer of a composed picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backdrop<T: ColorSample = u8> {
    /// No background.
    Transparent,
    /// A plain color.
    Color([T; 3]),
    /// A picture of the canvas's size.
    Picture(Colors<T>),
}

impl<T: ColorSample> Backdrop<T> {
    /// The part of the backdrop in a box that lies within the canvas.
    pub(crate) fn cropped(&self, PixelBox { left, top, width, height }: PixelBox) -> Self {
        match self {
            Self::Transparent => Self::Transparent,
            Self::Color(color) => Self::Color(*color),
            Self::Picture(picture) => Self::Picture(imageops::crop_imm(picture, left, top, width, height).to_image()),
        }
    }
}

/// A shadow between backdrop and subject.
#[derive(Debug, Clone, Copy)]
pub struct Shade<'a, T: ColorSample = u8> {
    /// The strength of the shadow at each pixel of the canvas, 0 to 255.
    pub coverage: &'a GrayImage,
    /// The opacity of the shadow where the coverage is 255, from 0 to 1.
    pub opacity: f32,
    /// The color.
    pub color: [T; 3],
}

/// A finished picture on a canvas: backdrop, shadow and subject in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed<T: ColorSample = u8>(PlanarRgba<T>);

impl<T: ColorSample> Composed<T> {
    /// The part of the picture in a box that lies within it.
    pub(crate) fn cropped(self, part: PixelBox) -> Self {
        Self(self.0.cropped(part))
    }

    /// Colors and alpha.
    pub(crate) fn into_planes(self) -> PlanarRgba<T> {
        self.0
    }
}

/// Encoders write any picture with alpha.
impl<T: ColorSample> Deref for Composed<T> {
    type Target = PlanarRgba<T>;

    fn deref(&self) -> &PlanarRgba<T> {
        &self.0
    }
}

/// Lays shadow and subject over the backdrop, in linear light. Pixels with neither keep the values of the backdrop, and
/// opaque ones those of the subject, bit for bit.
///
/// A transparent backdrop has no light to add to yet. There the shadow gets the alpha at which it looks right on a
/// white page, in a viewer that blends sRGB values as all browsers do.
///
/// Coverage and picture have the size of the canvas; where one is smaller, it counts as absent.
pub fn compose(canvas: (u32, u32), backdrop: &Backdrop, shadow: Option<Shade<'_>>, subject: &Layer) -> Composed {
    compose_in(&SrgbLight::new(), canvas, backdrop, shadow, subject)
}

/// The same in the color space whose light this is.
pub(crate) fn compose_in<T: ColorSample, L: Light<T>>(
    light: &L,
    canvas: (u32, u32),
    backdrop: &Backdrop<T>,
    shadow: Option<Shade<'_, T>>,
    subject: &Layer<T>,
) -> Composed<T> {
    let width = canvas.0 as usize;
    let mut planes = PlanarRgba::transparent(canvas);
    let (color, alpha) = planes.samples_mut();
    let mixer = Mixer::new(light, backdrop, shadow);
    let rows = color.par_chunks_exact_mut((width * 3).max(1)).zip(alpha.par_chunks_exact_mut(width.max(1)));
    rows.enumerate().for_each(|(y, (color, alpha))| {
        let (front_color, front_alpha) = subject.row(y);
        let left = (subject.x as usize).min(width);
        for (x, (color, alpha)) in color.as_chunks_mut::<3>().0.iter_mut().zip(alpha).enumerate() {
            // Left of the layer this wraps around to an index beyond its end.
            let at = x.wrapping_sub(left);
            let front = match front_alpha.get(at) {
                Some(alpha) if *alpha > 0 => Front {
                    color: [front_color[at * 3], front_color[at * 3 + 1], front_color[at * 3 + 2]],
                    alpha: *alpha,
                },
                _ => Front::none(),
            };
            (*color, *alpha) = mixer.pixel(x, y, front);
        }
    });
    Composed(planes)
}

/// A pixel of the subject.
#[derive(Clone, Copy)]
struct Front<T> {
    color: [T; 3],
    alpha: u8,
}

impl<T: ColorSample> Front<T> {
    fn none() -> Self {
        Self { color: [T::default(); 3], alpha: 0 }
    }
}

/// A pixel of the shadow: its opacity, 0 to 1, and its color.
#[derive(Clone, Copy)]
struct ShadowPixel<T> {
    opacity: f32,
    color: [T; 3],
}

struct Mixer<'a, T: ColorSample, L> {
    light: &'a L,
    backdrop: &'a Backdrop<T>,
    shadow: Option<Shade<'a, T>>,
    /// On a plain color: the result for each coverage of the shadow without subject. Most pixels of a canvas are that.
    shaded: Vec<[T; 3]>,
}

impl<'a, T: ColorSample, L: Light<T>> Mixer<'a, T, L> {
    fn new(light: &'a L, backdrop: &'a Backdrop<T>, shadow: Option<Shade<'a, T>>) -> Self {
        let mut mixer = Self { light, backdrop, shadow, shaded: Vec::new() };
        if let Backdrop::Color(color) = backdrop {
            let shaded = |coverage| mixer.blend(*color, mixer.shadow_at(coverage), Front::none());
            mixer.shaded = (0..=u8::MAX).map(shaded).collect();
        }
        mixer
    }

    /// Color and alpha of a pixel with `front` on top.
    fn pixel(&self, x: usize, y: usize, front: Front<T>) -> ([T; 3], u8) {
        if front.alpha == u8::MAX {
            return (front.color, u8::MAX);
        }
        let coverage = self.coverage(x, y);
        let behind = match self.backdrop {
            Backdrop::Color(_) if front.alpha == 0 => return (self.shaded[usize::from(coverage)], u8::MAX),
            Backdrop::Color(color) => *color,
            Backdrop::Picture(picture) => picture
                .get_pixel_checked(x as u32, y as u32)
                .map_or([T::FULL; 3], |pixel| from_fn(|channel| pixel.channels()[channel])),
            Backdrop::Transparent => return over_transparency(front, self.shadow_at(coverage)),
        };
        (self.blend(behind, self.shadow_at(coverage), front), u8::MAX)
    }

    /// The subject over the shadow over the backdrop, in linear light.
    fn blend(&self, behind: [T; 3], shadow: ShadowPixel<T>, front: Front<T>) -> [T; 3] {
        if front.alpha == 0 && shadow.opacity <= 0.0 {
            return behind;
        }
        let alpha = f32::from(front.alpha) / 255.0;
        from_fn(|channel| {
            let of = |color: [T; 3]| self.light.of(color[channel], channel);
            let beneath = of(behind);
            let shaded = beneath + (of(shadow.color) - beneath) * shadow.opacity;
            self.light.value(shaded + (of(front.color) - shaded) * alpha, channel)
        })
    }

    /// The coverage of the shadow at a pixel.
    fn coverage(&self, x: usize, y: usize) -> u8 {
        let coverage = self.shadow.map(|shadow| shadow.coverage);
        coverage.and_then(|coverage| coverage.get_pixel_checked(x as u32, y as u32)).map_or(0, |pixel| pixel.0[0])
    }

    /// The shadow at that coverage.
    fn shadow_at(&self, coverage: u8) -> ShadowPixel<T> {
        match self.shadow {
            Some(Shade { opacity, color, .. }) => {
                ShadowPixel { opacity: f32::from(coverage) / 255.0 * opacity.clamp(0.0, 1.0), color }
            }
            None => ShadowPixel { opacity: 0.0, color: [T::default(); 3] },
        }
    }
}

/// The subject over the shadow, as straight alpha, in encoded values as a viewer will blend them.
fn over_transparency<T: ColorSample>(front: Front<T>, shadow: ShadowPixel<T>) -> ([T; 3], u8) {
    if shadow.opacity <= 0.0 {
        return (front.color, front.alpha);
    }
    let (share, beneath) = (f32::from(front.alpha) / 255.0, seen_alpha(shadow.opacity, shadow.color));
    let rest = beneath * (1.0 - share);
    let whole = share + rest;
    let alpha = (whole * 255.0).round() as u8;
    if alpha == 0 {
        return ([T::default(); 3], 0);
    }
    let mix = |front: T, behind: T| {
        let (front, behind) = (front.to_u32() as f32, behind.to_u32() as f32);
        T::from_u32(((front * share + behind * rest) / whole).round() as u32)
    };
    (from_fn(|channel| mix(front.color[channel], shadow.color[channel])), alpha)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn a_cropped_backdrop_shows_its_part_of_the_picture() {
        let part = PixelBox { left: 2, top: 1, width: 3, height: 4 };
        let picture = |left: u32, top: u32, width, height| {
            Backdrop::Picture(RgbImage::from_fn(width, height, |x, y| Rgb([(x + left) as u8, (y + top) as u8, 7])))
        };
        assert_eq!(picture(0, 0, 8, 6).cropped(part), picture(2, 1, 3, 4));
        assert_eq!(Backdrop::Color([1_u8, 2, 3]).cropped(part), Backdrop::Color([1, 2, 3]));
        assert_eq!(Backdrop::<u8>::Transparent.cropped(part), Backdrop::Transparent);
    }
}
