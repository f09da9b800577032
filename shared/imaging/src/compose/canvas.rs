//! Backdrop, shadow and subject, laid over each other.

use std::ops::Deref;

use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, RgbImage, imageops};
use rayon::prelude::*;

use super::layer::Layer;
use super::light::{Light, seen_alpha};
use crate::planes::PlanarRgba;

/// The bottom layer of a composed picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backdrop {
    /// No background.
    Transparent,
    /// A plain sRGB color.
    Color([u8; 3]),
    /// A picture of the canvas's size.
    Picture(RgbImage),
}

impl Backdrop {
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
pub struct Shade<'a> {
    /// The strength of the shadow at each pixel of the canvas, 0 to 255.
    pub coverage: &'a GrayImage,
    /// The opacity of the shadow where the coverage is 255, from 0 to 1.
    pub opacity: f32,
    /// The sRGB color.
    pub color: [u8; 3],
}

/// A finished picture on a canvas: backdrop, shadow and subject in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed(PlanarRgba);

impl Composed {
    /// The part of the picture in a box that lies within it.
    pub(crate) fn cropped(self, part: PixelBox) -> Self {
        Self(self.0.cropped(part))
    }

    /// Colors and alpha.
    pub(crate) fn into_planes(self) -> PlanarRgba {
        self.0
    }
}

/// Encoders write any picture with alpha.
impl Deref for Composed {
    type Target = PlanarRgba;

    fn deref(&self) -> &PlanarRgba {
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
    let width = canvas.0 as usize;
    let mut planes = PlanarRgba::transparent(canvas);
    let (color, alpha) = planes.samples_mut();
    let mixer = Mixer::new(backdrop, shadow);
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
                _ => Front::NONE,
            };
            (*color, *alpha) = mixer.pixel(x, y, front);
        }
    });
    Composed(planes)
}

/// A pixel of the subject.
#[derive(Clone, Copy)]
struct Front {
    color: [u8; 3],
    alpha: u8,
}

impl Front {
    const NONE: Self = Self { color: [0; 3], alpha: 0 };
}

/// A pixel of the shadow: its opacity, 0 to 1, and its color.
#[derive(Clone, Copy)]
struct ShadowPixel {
    opacity: f32,
    color: [u8; 3],
}

struct Mixer<'a> {
    light: Light,
    backdrop: &'a Backdrop,
    shadow: Option<Shade<'a>>,
    /// On a plain color: the result for each coverage of the shadow without subject. Most pixels of a canvas are that.
    shaded: Vec<[u8; 3]>,
}

impl<'a> Mixer<'a> {
    fn new(backdrop: &'a Backdrop, shadow: Option<Shade<'a>>) -> Self {
        let mut mixer = Self { light: Light::new(), backdrop, shadow, shaded: Vec::new() };
        if let Backdrop::Color(color) = backdrop {
            let shaded = |coverage| mixer.blend(*color, mixer.shadow_at(coverage), Front::NONE);
            mixer.shaded = (0..=u8::MAX).map(shaded).collect();
        }
        mixer
    }

    /// Color and alpha of a pixel with `front` on top.
    fn pixel(&self, x: usize, y: usize, front: Front) -> ([u8; 3], u8) {
        if front.alpha == u8::MAX {
            return (front.color, u8::MAX);
        }
        let coverage = self.coverage(x, y);
        let behind = match self.backdrop {
            Backdrop::Color(_) if front.alpha == 0 => return (self.shaded[usize::from(coverage)], u8::MAX),
            Backdrop::Color(color) => *color,
            Backdrop::Picture(picture) => {
                picture.get_pixel_checked(x as u32, y as u32).map_or([u8::MAX; 3], |pixel| pixel.0)
            }
            Backdrop::Transparent => return over_transparency(front, self.shadow_at(coverage)),
        };
        (self.blend(behind, self.shadow_at(coverage), front), u8::MAX)
    }

    /// The subject over the shadow over the backdrop, in linear light.
    fn blend(&self, behind: [u8; 3], shadow: ShadowPixel, front: Front) -> [u8; 3] {
        if front.alpha == 0 && shadow.opacity <= 0.0 {
            return behind;
        }
        let alpha = f32::from(front.alpha) / 255.0;
        std::array::from_fn(|channel| {
            let beneath = self.light.of(behind[channel]);
            let shaded = beneath + (self.light.of(shadow.color[channel]) - beneath) * shadow.opacity;
            self.light.value(shaded + (self.light.of(front.color[channel]) - shaded) * alpha)
        })
    }

    /// The coverage of the shadow at a pixel.
    fn coverage(&self, x: usize, y: usize) -> u8 {
        let coverage = self.shadow.map(|shadow| shadow.coverage);
        coverage.and_then(|coverage| coverage.get_pixel_checked(x as u32, y as u32)).map_or(0, |pixel| pixel.0[0])
    }

    /// The shadow at that coverage.
    fn shadow_at(&self, coverage: u8) -> ShadowPixel {
        match self.shadow {
            Some(Shade { opacity, color, .. }) => {
                ShadowPixel { opacity: f32::from(coverage) / 255.0 * opacity.clamp(0.0, 1.0), color }
            }
            None => ShadowPixel { opacity: 0.0, color: [0; 3] },
        }
    }
}

/// The subject over the shadow, as straight alpha, in sRGB values as a viewer will blend them.
fn over_transparency(front: Front, shadow: ShadowPixel) -> ([u8; 3], u8) {
    if shadow.opacity <= 0.0 {
        return (front.color, front.alpha);
    }
    let (share, beneath) = (f32::from(front.alpha) / 255.0, seen_alpha(shadow.opacity, shadow.color));
    let rest = beneath * (1.0 - share);
    let whole = share + rest;
    let alpha = (whole * 255.0).round() as u8;
    if alpha == 0 {
        return ([0; 3], 0);
    }
    let mix = |front: u8, behind: u8| ((f32::from(front) * share + f32::from(behind) * rest) / whole).round() as u8;
    (std::array::from_fn(|channel| mix(front.color[channel], shadow.color[channel])), alpha)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_cropped_backdrop_shows_its_part_of_the_picture() {
        let part = PixelBox { left: 2, top: 1, width: 3, height: 4 };
        let picture = |left: u32, top: u32, width, height| {
            Backdrop::Picture(RgbImage::from_fn(width, height, |x, y| Rgb([(x + left) as u8, (y + top) as u8, 7])))
        };
        assert_eq!(picture(0, 0, 8, 6).cropped(part), picture(2, 1, 3, 4));
        assert_eq!(Backdrop::Color([1, 2, 3]).cropped(part), Backdrop::Color([1, 2, 3]));
        assert_eq!(Backdrop::Transparent.cropped(part), Backdrop::Transparent);
    }
}
