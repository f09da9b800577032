//! Makes the backdrop of a photograph white, as a retoucher does who lifts the exposure until the paper is gone.
//!
//! The backdrop and the shadow come from [`StudioShadow`]. A pixel of the background is divided by the light of the backdrop at
//! its place, so that vignettes and gradients vanish; one of the subject by the backdrop's median light, so that the subject
//! gets one exposure. Where a background pixel then looks like white paper with the shadow on it, up to noise, it becomes
//! exactly that. Anything else stays: a strap that the matte misses is not lost.

use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::error::NotWhitened;
use super::preserved::{FRAME, StudioShadow};
use super::rows::smoothstep;
use super::soft::SoftShape;
use crate::compose::{Light, SrgbLight};

/// The smallest median light of the backdrop: two stops below white.
const MIN_LIGHT: f32 = 0.25;
/// The largest difference of a channel's light from the luminance, as a share of it, up to which a backdrop has no color.
const MAX_TINT: f32 = 0.25;
/// How far a pixel may be from white with the shadow on it and still become that, as a share of white; more if the backdrop
/// is noisy. From 2.5 times as far on, it stays as it is.
const PAPER: f32 = 0.08;
const MAX_PAPER: f32 = 0.3;
const FAR_OFF: f32 = 2.5;
/// How many times the median deviation of the backdrop from its color counts as noise.
const NOISE: f32 = 4.0;
/// The most pixels that color and noise of the backdrop are measured by, and the least.
const SAMPLES: usize = 1 << 16;
const MIN_SAMPLES: usize = 200;

/// The sides of the part at which white continues, so that the picture fades into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenSides {
    /// The left side.
    pub left: bool,
    /// The upper side.
    pub top: bool,
    /// The right side.
    pub right: bool,
    /// The lower side.
    pub bottom: bool,
}

/// A part of a photograph with a white backdrop.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitened {
    /// The part.
    pub picture: RgbImage,
    /// By how much the subject's light was multiplied, 1 to 4.
    pub exposure: f32,
    /// The share of the subject's pixels that this made too bright for their value, 0 to 1.
    pub overexposed: f32,
}

/// The part of a photograph in a box, with a white backdrop. `alpha` is that of the subject; photograph and alpha have the
/// size that `shadow` was separated at, and the box lies within it. The backdrop becomes exactly 255, the shadow stays.
///
/// # Errors
/// [`NotWhitened::TooDark`] if the median light of the backdrop in the part is below a quarter of white;
/// [`NotWhitened::Colored`] if a channel of the backdrop differs by more than a quarter from its luminance.
pub fn whitened(
    photo: &RgbImage,
    alpha: &GrayImage,
    shadow: &StudioShadow,
    (part, open): (PixelBox, OpenSides),
) -> Result<Whitened, NotWhitened> {
    let light = SrgbLight::new();
    let level = backdrop_level(shadow, part);
    if level < MIN_LIGHT {
        return Err(NotWhitened::TooDark);
    }
    let paper = Paper::measured(photo, alpha, shadow, part);
    if paper.tint.iter().any(|tint| (tint - 1.0).abs() > MAX_TINT) {
        return Err(NotWhitened::Colored);
    }
    let size = photo.dimensions();
    let backdrop = SoftShape::of_cells(&shadow.backdrop, shadow.cell, size);
    let cast = SoftShape::of_cells(&shadow.shadow, shadow.cell, size);
    let developer = Developer { light, exposure: 1.0 / level, paper, fade: Fade::new(open, part, size) };
    let mut picture = RgbImage::new(part.width, part.height);
    let counts = picture
        .par_chunks_exact_mut(3 * part.width as usize)
        .enumerate()
        .map_init(
            || (Vec::new(), vec![0.0; size.0 as usize], vec![0.0; size.0 as usize]),
            |(cells, backdrops, casts), (row, to)| {
                let y = part.top as usize + row;
                backdrop.row(y, cells, backdrops);
                cast.row(y, cells, casts);
                let columns = part.left as usize..(part.left + part.width) as usize;
                let start = y * size.0 as usize;
                let from = &photo.as_raw()[3 * (start + columns.start)..3 * (start + columns.end)];
                let alphas = &alpha.as_raw()[start + columns.start..start + columns.end];
                let places = backdrops[columns.clone()].iter().zip(&casts[columns]);
                let mut counts = Counts::default();
                let pixels = to.as_chunks_mut::<3>().0.iter_mut().zip(from.as_chunks::<3>().0).zip(alphas);
                for (column, (((to, from), alpha), (backdrop, cast))) in pixels.zip(places).enumerate() {
                    let place = Place { alpha: f32::from(*alpha) / 255.0, backdrop: *backdrop, cast: *cast };
                    let fade = developer.fade.at(column, row);
                    *to = developer.pixel(*from, place, fade, &mut counts);
                }
                counts
            },
        )
        .reduce(Counts::default, Counts::join);
    let overexposed = counts.overexposed as f32 / counts.subject.max(1) as f32;
    Ok(Whitened { picture, exposure: developer.exposure, overexposed })
}

/// The median light of the backdrop in a part of the photograph, where the subject does not hide it, if it shows at all.
fn backdrop_level(shadow: &StudioShadow, part: PixelBox) -> f32 {
    let cells = |start: u32, length: u32, count: usize| {
        let cell = shadow.cell;
        (start as usize / cell)..((start + length) as usize).div_ceil(cell).min(count)
    };
    let (across, down) =
        (cells(part.left, part.width, shadow.backdrop.width), cells(part.top, part.height, shadow.backdrop.height));
    let levels = |hidden_too: bool| -> Vec<f32> {
        let places = down.clone().flat_map(|y| across.clone().map(move |x| y * shadow.backdrop.width + x));
        places.filter(|at| hidden_too || shadow.clear[*at]).map(|at| shadow.backdrop.values[at]).collect()
    };
    let mut levels = Some(levels(false)).filter(|levels| !levels.is_empty()).unwrap_or_else(|| levels(true));
    median(&mut levels).unwrap_or(1.0).min(1.0)
}

fn median(values: &mut [f32]) -> Option<f32> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// The color and the noise of the backdrop, relative to its luminance.
#[derive(Debug, Clone, Copy)]
struct Paper {
    /// The light of each channel.
    tint: [f32; 3],
    /// How far a pixel may be off and still be paper.
    tolerance: f32,
}

impl Paper {
    /// Measures where there is neither subject nor shadow: in the part, or else in the whole photograph.
    fn measured(photo: &RgbImage, alpha: &GrayImage, shadow: &StudioShadow, part: PixelBox) -> Self {
        let whole = PixelBox { left: 0, top: 0, width: photo.width(), height: photo.height() };
        let mut samples = samples(photo, alpha, shadow, part);
        if samples.len() < MIN_SAMPLES {
            samples = self::samples(photo, alpha, shadow, whole);
        }
        let channel = |channel: usize| {
            let mut values: Vec<f32> = samples.iter().map(|sample| sample[channel]).collect();
            median(&mut values).unwrap_or(1.0)
        };
        let tint: [f32; 3] = std::array::from_fn(channel);
        let off = |sample: &[f32; 3]| (0..3).map(|at| (sample[at] - tint[at]).abs()).fold(0.0, f32::max);
        let mut deviations: Vec<f32> = samples.iter().map(off).collect();
        let noise = median(&mut deviations).unwrap_or(0.0);
        Self { tint, tolerance: (NOISE * noise).clamp(PAPER, MAX_PAPER) }
    }
}

/// The light of each channel at pixels without subject and shadow, relative to that of the backdrop.
fn samples(photo: &RgbImage, alpha: &GrayImage, shadow: &StudioShadow, part: PixelBox) -> Vec<[f32; 3]> {
    let light = SrgbLight::new();
    let step = ((part.area() as f64 / SAMPLES as f64).sqrt().ceil() as usize).max(1);
    let mut samples = Vec::new();
    for y in (part.top..part.top + part.height).step_by(step) {
        for x in (part.left..part.left + part.width).step_by(step) {
            let at = y as usize / shadow.cell * shadow.backdrop.width + x as usize / shadow.cell;
            if shadow.clear[at] && shadow.shadow.values[at] == 0.0 && alpha.get_pixel(x, y)[0] == 0 {
                samples.push(photo.get_pixel(x, y).0.map(|value| light.of(value, 0) / shadow.backdrop.values[at]));
            }
        }
    }
    samples
}

/// The estimates for a pixel: the subject's share in it, the light of the backdrop, and the share of it that the shadow takes.
#[derive(Clone, Copy)]
struct Place {
    alpha: f32,
    backdrop: f32,
    cast: f32,
}

/// How many pixels the subject has, and how many of them became too bright.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    subject: u64,
    overexposed: u64,
}

impl Counts {
    fn join(self, other: Self) -> Self {
        Self { subject: self.subject + other.subject, overexposed: self.overexposed + other.overexposed }
    }
}

/// Everything that all pixels share.
struct Developer {
    light: SrgbLight,
    /// The factor of the subject's light, at least 1.
    exposure: f32,
    paper: Paper,
    fade: Fade,
}

impl Developer {
    /// The pixel with a white backdrop. `fade` is how far the picture has turned into its model there, from 0 to 1.
    fn pixel(&self, from: [u8; 3], place: Place, fade: f32, counts: &mut Counts) -> [u8; 3] {
        let Place { alpha, backdrop, cast } = place;
        let behind = 1.0 - alpha;
        let factor = if alpha <= 0.0 {
            1.0 / backdrop
        } else if alpha >= 1.0 {
            self.exposure
        } else {
            self.exposure.powf(alpha) * backdrop.powf(-behind)
        };
        // White paper with the shadow on it.
        let white = (1.0 - cast).clamp(0.0, 1.0);
        // The backdrop behind a partial pixel is replaced by that.
        let lifted: [f32; 3] = std::array::from_fn(|channel| {
            let paper = backdrop * self.paper.tint[channel] * factor;
            self.light.of(from[channel], channel) * factor - behind * white * (paper - 1.0)
        });
        if alpha >= 0.5 {
            counts.subject += 1;
            let is_new = lifted.iter().zip(from).any(|(light, value)| *light > 1.0 && value < u8::MAX);
            counts.overexposed += u64::from(is_new);
        }
        let off = lifted.iter().map(|light| (light.min(1.0) - white).abs()).fold(0.0, f32::max);
        let tolerance = self.paper.tolerance;
        let is_paper = 1.0 - smoothstep((off - tolerance) / ((FAR_OFF - 1.0) * tolerance));
        let modeled = behind * is_paper.max(fade);
        lifted.map(|light| self.light.value(light + modeled * (white - light), 0))
    }
}

/// Where a part fades into the white around it.
struct Fade {
    open: OpenSides,
    size: (usize, usize),
    /// The width over which it fades, in pixels.
    width: f32,
}

impl Fade {
    fn new(open: OpenSides, part: PixelBox, photo: (u32, u32)) -> Self {
        let width = (FRAME * photo.0.min(photo.1) as f32).max(1.0);
        Self { open, size: (part.width as usize, part.height as usize), width }
    }

    /// From 1 at an open side to 0 far from all of them.
    fn at(&self, x: usize, y: usize) -> f32 {
        let OpenSides { left, top, right, bottom } = self.open;
        let sides = [(left, x), (top, y), (right, self.size.0 - 1 - x), (bottom, self.size.1 - 1 - y)];
        let nearest = sides.into_iter().filter_map(|(open, away)| open.then_some(away)).min();
        nearest.map_or(0.0, |away| 1.0 - smoothstep(away as f32 / self.width))
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    const SIZE: (u32, u32) = (600, 500);
    const WHOLE: PixelBox = PixelBox { left: 0, top: 0, width: 600, height: 500 };

    fn inside(x: u32, y: u32) -> bool {
        (230..370).contains(&x) && (180..330).contains(&y)
    }

    fn matte() -> GrayImage {
        GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
    }

    /// How much of the light the shadow takes: soft, beneath and right of the box.
    fn cast(x: u32, y: u32) -> f32 {
        let (dx, dy) = ((x as f32 - 330.0) / 110.0, (y as f32 - 325.0) / 45.0);
        0.5 * (-0.5 * (dx * dx + dy * dy)).exp()
    }

    /// A dark box on a gradient of light `backdrop`, with a soft shadow and a few levels of noise.
    fn photo(backdrop: impl Fn(u32, u32) -> [f32; 3]) -> RgbImage {
        let light = SrgbLight::new();
        RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            if inside(x, y) {
                return Rgb([120, 60, 30]);
            }
            let noise = 1.0 + 0.02 * ((x * 7919 + y * 104_729) % 17) as f32 / 8.0 - 0.02;
            Rgb(backdrop(x, y).map(|value| light.value(value * (1.0 - cast(x, y)) * noise, 0)))
        })
    }

    fn gradient(x: u32, _: u32) -> [f32; 3] {
        let light = 0.55 + 0.25 * x as f32 / 600.0;
        [light, light, 0.96 * light]
    }

    fn whiten(photo: &RgbImage, part: PixelBox) -> Result<Whitened, NotWhitened> {
        let shadow = StudioShadow::of(photo, &matte()).map_err(NotWhitened::NoSweep)?;
        whitened(photo, &matte(), &shadow, (part, OpenSides::default()))
    }

    #[test]
    fn the_backdrop_becomes_exactly_white_and_the_shadow_stays() {
        let made = whiten(&photo(gradient), WHOLE).expect("is whitened");
        let light = SrgbLight::new();
        let (mut white, mut shaded) = (0, 0);
        for (x, y, pixel) in made.picture.enumerate_pixels().filter(|(x, y, _)| !inside(*x, *y)) {
            if cast(x, y) < 0.001 {
                assert_eq!(pixel.0, [255; 3], "{x}, {y}");
                white += 1;
            } else if cast(x, y) > 0.15 && x >= 380 {
                let off = (light.of(pixel[1], 1) - (1.0 - cast(x, y))).abs();
                assert!(off < 0.06, "{x}, {y}: {pixel:?} where {} of the light is missing", cast(x, y));
                shaded += 1;
            }
        }
        assert!(white > 120_000 && shaded > 2_000, "{white} {shaded}");
    }

    #[test]
    fn the_subject_gets_one_exposure() {
        let made = whiten(&photo(gradient), WHOLE).expect("is whitened");
        assert!((made.exposure - 1.0 / 0.675).abs() < 0.08, "{}", made.exposure);
        let light = SrgbLight::new();
        let expected = [120, 60, 30].map(|value| light.value(light.of(value, 0) * made.exposure, 0));
        for (x, y, pixel) in made.picture.enumerate_pixels().filter(|(x, y, _)| inside(*x, *y)) {
            assert_eq!(pixel.0, expected, "{x}, {y}");
        }
        assert_eq!(made.overexposed, 0.0);
    }

    #[test]
    fn what_the_matte_misses_is_not_lost() {
        let mut with_strap = photo(gradient);
        for y in 100..180 {
            for x in 290..296 {
                with_strap.put_pixel(x, y, Rgb([40, 40, 40]));
            }
        }
        let made = whiten(&with_strap, WHOLE).expect("is whitened");
        assert!((110..170).all(|y| made.picture.get_pixel(292, y)[0] < 90), "{:?}", made.picture.get_pixel(292, 140));
        assert_eq!(made.picture.get_pixel(250, 120).0, [255; 3]);
    }

    #[test]
    fn a_part_is_a_window_of_its_photograph_at_its_own_exposure() {
        let part = PixelBox { left: 150, top: 120, width: 300, height: 300 };
        let made = whiten(&photo(|_, _| [0.7; 3]), part).expect("is whitened");
        let whole = whiten(&photo(|_, _| [0.7; 3]), WHOLE).expect("is whitened");
        assert_eq!(made.picture.dimensions(), (300, 300));
        let window = image::imageops::crop_imm(&whole.picture, 150, 120, 300, 300).to_image();
        let most = made.picture.iter().zip(window.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most <= Some(2), "{most:?}");
    }

    #[test]
    fn refuses_a_backdrop_that_cannot_be_white() {
        assert_eq!(whiten(&photo(|_, _| [0.15; 3]), WHOLE), Err(NotWhitened::TooDark));
        assert_eq!(whiten(&photo(|_, _| [0.4, 0.6, 0.9]), WHOLE), Err(NotWhitened::Colored));
        let board = photo(|x, y| if (x / 3 + y / 3) % 2 == 0 { [0.9; 3] } else { [0.4; 3] });
        assert!(matches!(whiten(&board, WHOLE), Err(NotWhitened::NoSweep(_))));
        let text = NotWhitened::Colored.to_string();
        assert_eq!(text, "The backdrop was not whitened: it has a color. The picture shows it as it is.");
    }

    #[test]
    fn a_bright_subject_that_is_overexposed_is_counted() {
        let mut bright = photo(|_, _| [0.5; 3]);
        for y in 180..330 {
            for x in 230..370 {
                bright.put_pixel(x, y, Rgb(if x < 300 { [230; 3] } else { [90; 3] }));
            }
        }
        let made = whiten(&bright, WHOLE).expect("is whitened");
        assert!((made.overexposed - 0.5).abs() < 0.01, "{}", made.overexposed);
    }

    #[test]
    fn an_open_side_fades_into_white() {
        // A shadow that the photograph cuts off at its right side.
        let across = |x: u32, y: u32| {
            let taken = if x > 300 { 0.4 * (-0.5 * ((y as f32 - 250.0) / 30.0).powi(2)).exp() } else { 0.0 };
            [0.7 * (1.0 - taken); 3]
        };
        let photo = photo(across);
        let shadow = StudioShadow::of(&photo, &matte()).expect("shows a sweep");
        let open = OpenSides { right: true, ..OpenSides::default() };
        let made = whitened(&photo, &matte(), &shadow, (WHOLE, open)).expect("is whitened");
        assert!((0..500).all(|y| made.picture.get_pixel(599, y).0 == [255; 3]));
        assert!(made.picture.get_pixel(450, 250)[0] < 230, "{:?}", made.picture.get_pixel(450, 250));
        let closed = whitened(&photo, &matte(), &shadow, (WHOLE, OpenSides::default())).expect("is whitened");
        assert!(closed.picture.get_pixel(599, 250)[0] < 230, "{:?}", closed.picture.get_pixel(599, 250));
    }
}
