//! Pictures at another size: in linear light, alpha multiplied in, and to a fraction of a pixel where they are wanted.
//!
//! Lanczos' kernel of three lobes where pixels become fewer, and Catmull and Rom's cubic where they become more. Both
//! passes are made for a band of rows at a time, so that no picture stands in memory as light.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::canvas::Layer;
use super::light::Light;
use super::place::{Placement, SubjectBox};
use crate::photo::Cutout;

/// Rows of the target that are made at once.
const BAND: usize = 32;
/// Below this, light is of nothing: what is left of rounding.
const NOTHING: f32 = 1e-6;

/// What of a source each pixel along an axis of the target is made of.
struct Weights {
    spans: Vec<Span>,
    weights: Vec<f32>,
}

/// What of a source one pixel is made of.
struct Span {
    /// The first pixel of the source, and where its weights begin and end.
    first: usize,
    weights: std::ops::Range<usize>,
    /// The pixels of the source that it lies among: beneath the kernel's main lobe where pixels become fewer, and the
    /// two on either side where they become more.
    among: std::ops::RangeInclusive<usize>,
}

impl Weights {
    /// For `count` pixels, the first of whose left edge is at `start` of a source of `length` pixels, each `step` of
    /// which are one. Beyond its ends, the source's last pixels go on.
    fn new(start: f64, step: f64, count: usize, length: usize) -> Self {
        let (kernel, lobes): (fn(f64) -> f64, f64) = if step > 1.0 { (lanczos, 3.0) } else { (cubic, 2.0) };
        let wide = step.max(1.0);
        let reach = lobes * wide;
        let last = length as i64 - 1;
        let within = |place: f64| (place as i64).clamp(0, last);
        let mut made = Self { spans: Vec::with_capacity(count), weights: Vec::new() };
        let mut sums = Vec::new();
        for index in 0..count {
            let center = start + (index as f64 + 0.5) * step;
            let (first, behind) = ((center - reach).floor() as i64, (center + reach).ceil() as i64);
            let (from, to) = (first.clamp(0, last), (behind - 1).clamp(0, last));
            sums.clear();
            sums.resize((to - from) as usize + 1, 0.0);
            for place in first..behind {
                sums[(place.clamp(0, last) - from) as usize] += kernel((place as f64 + 0.5 - center) / wide);
            }
            let sum: f64 = sums.iter().sum();
            let begin = made.weights.len();
            made.weights.extend(sums.iter().map(|of| (of / sum) as f32));
            let among = if step < 1.0 {
                within((center - 0.5).floor())..=within((center - 0.5).floor() + 1.0)
            } else {
                // Those whose middle is nearer than the lobe's end, where the kernel is nothing.
                within((center - 0.5 - wide).floor() + 1.0)..=within((center - 0.5 + wide).ceil() - 1.0)
            };
            let among = *among.start() as usize..=(*among.end()).max(*among.start()) as usize;
            made.spans.push(Span { first: from as usize, weights: begin..made.weights.len(), among });
        }
        made
    }

    /// What a pixel of the target is made of, and the weights of that.
    fn of(&self, index: usize) -> (&Span, &[f32]) {
        let span = &self.spans[index];
        (span, &self.weights[span.weights.clone()])
    }

    /// The pixels of the source that a range of the target is made of.
    fn needed(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let spans = &self.spans[range];
        let first = spans.iter().map(|span| span.first).min().unwrap_or(0);
        let behind = spans.iter().map(|span| span.first + span.weights.len()).max().unwrap_or(0);
        first..behind.max(first)
    }
}

fn lanczos(at: f64) -> f64 {
    let sinc =
        |at: f64| if at.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * at).sin() / (std::f64::consts::PI * at) };
    if at.abs() < 3.0 { sinc(at) * sinc(at / 3.0) } else { 0.0 }
}

fn cubic(at: f64) -> f64 {
    let at = at.abs();
    if at < 1.0 {
        (1.5 * at - 2.5) * at * at + 1.0
    } else if at < 2.0 {
        ((-0.5 * at + 2.5) * at - 4.0) * at + 2.0
    } else {
        0.0
    }
}

/// Light of a source's row: four values a pixel, the colors multiplied by alpha, and alpha.
type Row<'a> = dyn Fn(usize, std::ops::Range<usize>, &mut [f32]) + Sync + 'a;

/// Resamples, and hands each row of the target to `write` with its place in `made`: so many bytes a pixel.
///
/// A kernel with lobes below nothing overshoots beside an edge, and in linear light what is dark has little to lose: a
/// dark side of a bright edge would get a black line. So nothing becomes more or less than all of the pixels that it
/// lies among, neither in light nor in alpha.
fn resample(
    row: &Row<'_>,
    (across, down): (&Weights, &Weights),
    made: &mut [u8],
    a_pixel: usize,
    write: impl Fn(&[f32], &mut [u8]) + Sync,
) {
    let (width, height) = (across.spans.len(), down.spans.len());
    let columns = across.needed(0..width);
    made.par_chunks_mut((width * a_pixel * BAND).max(1)).enumerate().for_each(|(band, made)| {
        let rows = band * BAND..((band + 1) * BAND).min(height);
        let needed = down.needed(rows.clone());
        let mut light = vec![0.0_f32; columns.len() * 4];
        let mut squeezed = vec![0.0_f32; needed.len() * width * 4];
        for (y, to) in needed.clone().zip(squeezed.chunks_exact_mut(width * 4)) {
            row(y, columns.clone(), &mut light);
            squeeze(light.as_chunks::<4>().0, columns.start, across, to.as_chunks_mut::<4>().0);
        }
        let mut sums = vec![0.0_f32; width * 4];
        let (mut least, mut most) = (sums.clone(), sums.clone());
        let line = |y: usize| &squeezed[(y - needed.start) * width * 4..][..width * 4];
        for (y, made) in rows.zip(made.chunks_exact_mut(width * a_pixel)) {
            let (span, weights) = down.of(y);
            sums.fill(0.0);
            for (weight, y) in weights.iter().zip(span.first..) {
                for (sum, value) in sums.iter_mut().zip(line(y)) {
                    *sum += value * weight;
                }
            }
            least.fill(f32::INFINITY);
            most.fill(0.0);
            for y in span.among.clone() {
                for ((least, most), value) in least.iter_mut().zip(&mut most).zip(line(y)) {
                    *least = least.min(*value);
                    *most = most.max(*value);
                }
            }
            for ((sum, least), most) in sums.iter_mut().zip(&least).zip(&most) {
                *sum = sum.max(*least).min(*most);
            }
            write(&sums, made);
        }
    });
}

/// One row across. `light` begins at the source's column `start`.
fn squeeze(light: &[[f32; 4]], start: usize, across: &Weights, to: &mut [[f32; 4]]) {
    for (x, to) in to.iter_mut().enumerate() {
        let (span, weights) = across.of(x);
        let mut sum = [0.0_f32; 4];
        for (pixel, weight) in light[span.first - start..].iter().zip(weights) {
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += value * weight;
            }
        }
        let (mut least, mut most) = ([f32::INFINITY; 4], [0.0_f32; 4]);
        for pixel in &light[span.among.start() - start..=span.among.end() - start] {
            for channel in 0..4 {
                least[channel] = least[channel].min(pixel[channel]);
                most[channel] = most[channel].max(pixel[channel]);
            }
        }
        *to = std::array::from_fn(|channel| sum[channel].max(least[channel]).min(most[channel]));
    }
}

/// The part of a canvas that a photograph can show on, along an axis: the first pixel and how many.
fn shown(from: u32, length: u32, at: i64, to: u32, (soft, whole): ((u32, u32), u32), side: u32) -> (u32, u32) {
    let scale = f64::from(to) / f64::from(length);
    let on_canvas = |place: u32| at as f64 + (f64::from(place) - f64::from(from)) * scale;
    // What a kernel reaches beyond what is there.
    let reach = 3.0 * scale.max(1.0) + 1.0;
    let (frame, behind_frame) = (on_canvas(0).round(), on_canvas(whole).round());
    let first = (on_canvas(soft.0) - reach).floor().max(frame).clamp(0.0, f64::from(side));
    let behind = (on_canvas(soft.1) + reach).ceil().min(behind_frame).clamp(first, f64::from(side));
    (first as u32, (behind - first) as u32)
}

/// The first pixel that is not wholly transparent and the one behind the last, along both axes.
fn soft_box(alpha: &GrayImage) -> ((u32, u32), (u32, u32)) {
    let width = (alpha.width() as usize).max(1);
    let (mut left, mut right, mut top, mut bottom) = (width, 0, None, 0);
    for (y, row) in alpha.as_raw().chunks_exact(width).enumerate() {
        let Some(first) = row.iter().position(|alpha| *alpha > 0) else { continue };
        let last = row.iter().rposition(|alpha| *alpha > 0).unwrap_or(first);
        (left, right) = (left.min(first), right.max(last + 1));
        (top, bottom) = (top.or(Some(y)), y + 1);
    }
    ((left.min(right) as u32, right as u32), (top.unwrap_or(0) as u32, bottom as u32))
}

/// The subject at the size and place that it has on a canvas: as much of the canvas as it shows on, its softest
/// edges with it. `found` is the box that becomes the placement's, to the pixel. Beyond a side where the photograph
/// cuts the subject off, its last pixels go on.
///
/// Takes twice the memory of the layer while that is put together. Beside it each thread takes about 640 bytes for each
/// pixel of the cut-out's width, or of the layer's where that is wider: 5 MB for 8,000 pixels.
pub fn place_subject(cutout: &Cutout, found: &SubjectBox, to: &Placement, canvas: (u32, u32)) -> Layer {
    let (wide, high) = cutout.dimensions();
    let (soft_x, soft_y) = soft_box(cutout.alpha());
    let (x, width) = shown(found.x, found.width, to.x, to.width, (soft_x, wide), canvas.0);
    let (y, height) = shown(found.y, found.height, to.y, to.height, (soft_y, high), canvas.1);
    let axis = |from: u32, length: u32, at: i64, to: u32, first: u32, count: u32, whole: u32| {
        let step = f64::from(length) / f64::from(to);
        Weights::new(f64::from(from) + (f64::from(first) - at as f64) * step, step, count as usize, whole as usize)
    };
    let across = axis(found.x, found.width, to.x, to.width, x, width, wide);
    let down = axis(found.y, found.height, to.y, to.height, y, height, high);
    let light = Light::new();
    let row = |y: usize, columns: std::ops::Range<usize>, to: &mut [f32]| {
        let start = y * wide as usize;
        let color = &cutout.color().as_raw()[(start + columns.start) * 3..(start + columns.end) * 3];
        let alpha = &cutout.alpha().as_raw()[start + columns.start..start + columns.end];
        let pixels = to.as_chunks_mut::<4>().0.iter_mut();
        for ((to, rgb), alpha) in pixels.zip(color.as_chunks::<3>().0).zip(alpha) {
            let share = f32::from(*alpha) / 255.0;
            *to = [light.of(rgb[0]) * share, light.of(rgb[1]) * share, light.of(rgb[2]) * share, share];
        }
    };
    let pixels = width as usize * height as usize;
    let mut made = vec![0; pixels * 4];
    resample(&row, (&across, &down), &mut made, 4, |sums, made| {
        for (sum, made) in sums.as_chunks::<4>().0.iter().zip(made.as_chunks_mut::<4>().0) {
            let [red, green, blue, alpha] = *sum;
            // Colors and alpha overshoot alike next to an edge. Divided, what is too much cancels out.
            let whole = if alpha > NOTHING { 1.0 / alpha } else { 0.0 };
            let value = |color: f32| light.value(color * whole);
            *made = [value(red), value(green), value(blue), (alpha * 255.0 + 0.5) as u8];
        }
    });
    let (mut color, mut alpha) = (vec![0; pixels * 3], vec![0; pixels]);
    let parts = color.par_chunks_mut(3 << 16).zip(alpha.par_chunks_mut(1 << 16)).zip(made.par_chunks(4 << 16));
    parts.for_each(|((color, alpha), made)| {
        let pixels = color.as_chunks_mut::<3>().0.iter_mut().zip(alpha);
        for ((color, alpha), [red, green, blue, shown]) in pixels.zip(made.as_chunks::<4>().0) {
            (*color, *alpha) = ([*red, *green, *blue], *shown);
        }
    });
    let color = RgbImage::from_raw(width, height, color).unwrap_or_default();
    let alpha = GrayImage::from_raw(width, height, alpha).unwrap_or_default();
    Layer { x, y, cutout: Cutout::of(color, alpha) }
}

/// A part of a picture, given by its left, upper, width and height, at another size.
pub(super) fn resize_rgb(
    picture: &RgbImage,
    (left, top, wide, high): (f64, f64, f64, f64),
    (width, height): (u32, u32),
) -> RgbImage {
    let across = Weights::new(left, wide / f64::from(width), width as usize, picture.width() as usize);
    let down = Weights::new(top, high / f64::from(height), height as usize, picture.height() as usize);
    let light = Light::new();
    let row = |y: usize, columns: std::ops::Range<usize>, to: &mut [f32]| {
        let start = y * picture.width() as usize;
        let color = &picture.as_raw()[(start + columns.start) * 3..(start + columns.end) * 3];
        for (to, rgb) in to.as_chunks_mut::<4>().0.iter_mut().zip(color.as_chunks::<3>().0) {
            *to = [light.of(rgb[0]), light.of(rgb[1]), light.of(rgb[2]), 1.0];
        }
    };
    let mut made = RgbImage::new(width, height);
    resample(&row, (&across, &down), &mut made, 3, |sums, made| {
        for (sum, made) in sums.as_chunks::<4>().0.iter().zip(made.as_chunks_mut::<3>().0) {
            *made = [light.value(sum[0]), light.value(sum[1]), light.value(sum[2])];
        }
    });
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_one_and_stay_within_the_source() {
        for (start, step, count, length) in
            [(0.0, 2.5, 40, 100), (-7.3, 0.3, 90, 20), (0.0, 50.0, 2, 100), (0.0, 1.0, 1, 1)]
        {
            let weights = Weights::new(start, step, count, length);
            for index in 0..count {
                let (span, of) = weights.of(index);
                assert!(span.first + of.len() <= length);
                assert!((of.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                let among = span.among.clone();
                assert!(*among.start() >= span.first && *among.end() < span.first + of.len() && !among.is_empty());
            }
        }
    }

    #[test]
    fn a_fine_checkerboard_is_half_the_light() {
        let board = RgbImage::from_fn(64, 64, |x, y| image::Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let small = resize_rgb(&board, (0.0, 0.0, 64.0, 64.0), (8, 8));
        assert!(small.iter().all(|value| value.abs_diff(188) <= 1), "{:?}", small.get_pixel(4, 4));
    }

    #[test]
    fn a_dark_side_of_a_bright_edge_stays_as_it_is() {
        let edge = RgbImage::from_fn(90, 12, |x, _| image::Rgb([if x < 43 { 30 } else { 250 }; 3]));
        for width in [20, 33, 61, 200, 400] {
            let made = resize_rgb(&edge, (0.0, 0.0, 90.0, 12.0), (width, 12));
            assert!(made.iter().all(|value| (30..=250).contains(value)), "{width}");
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y % 256) as u8]));
        assert_eq!(resize_rgb(&picture, (0.0, 0.0, 40.0, 30.0), (40, 30)), picture);
        assert_eq!(
            resize_rgb(&picture, (5.0, 7.0, 10.0, 10.0), (10, 10)),
            image::imageops::crop_imm(&picture, 5, 7, 10, 10).to_image()
        );
    }
}
