//! Resampling in linear light with premultiplied alpha, at positions of a fraction of a pixel.
//!
//! Downscaling uses the Lanczos kernel with three lobes, upscaling the Catmull-Rom cubic. Both passes run on a band of
//! rows at a time, so that no picture is held in memory as linear light.

use std::ops::{Range, RangeInclusive};

use rayon::prelude::*;

use super::light::Light;
use crate::sample::{ColorSample, Colors};

/// How many rows of the target are made at once.
const BAND: usize = 32;

/// The source pixels and weights of every pixel along one axis of the target.
pub(super) struct Weights {
    spans: Vec<Span>,
    weights: Vec<f32>,
}

/// The source pixels of one target pixel.
struct Span {
    /// The first source pixel.
    first: usize,
    /// The weights of this and the following ones, as a range of [`Weights::weights`].
    weights: Range<usize>,
    /// The source pixels that bound the result: those beneath the main lobe of the kernel when downscaling, and the two
    /// neighbors when upscaling.
    among: RangeInclusive<usize>,
}

impl Weights {
    /// The weights of `count` target pixels, each `step` source pixels wide. The first starts at coordinate `start` of a
    /// source of `length` pixels. Beyond the ends of the source, its last pixels repeat.
    pub(super) fn new(start: f64, step: f64, count: usize, length: usize) -> Self {
        let (kernel, lobes): (fn(f64) -> f64, f64) = if step > 1.0 { (lanczos, 3.0) } else { (cubic, 2.0) };
        let wide = step.max(1.0);
        let reach = lobes * wide;
        let last = length as i64 - 1;
        let within = |place: f64| (place as i64).clamp(0, last);
        let mut all = Self { spans: Vec::with_capacity(count), weights: Vec::new() };
        let mut sums = Vec::new();
        for index in 0..count {
            let center = start + (index as f64 + 0.5) * step;
            let (first, end) = ((center - reach).floor() as i64, (center + reach).ceil() as i64);
            let (from, to) = (first.clamp(0, last), (end - 1).clamp(0, last));
            sums.clear();
            sums.resize((to - from) as usize + 1, 0.0);
            for place in first..end {
                sums[(place.clamp(0, last) - from) as usize] += kernel((place as f64 + 0.5 - center) / wide);
            }
            let sum: f64 = sums.iter().sum();
            let begin = all.weights.len();
            all.weights.extend(sums.iter().map(|of| (of / sum) as f32));
            let among = if step < 1.0 {
                within((center - 0.5).floor())..=within((center - 0.5).floor() + 1.0)
            } else {
                // Pixels whose middle lies within the main lobe; at its end the kernel is 0.
                within((center - 0.5 - wide).floor() + 1.0)..=within((center - 0.5 + wide).ceil() - 1.0)
            };
            let among = *among.start() as usize..=(*among.end()).max(*among.start()) as usize;
            all.spans.push(Span { first: from as usize, weights: begin..all.weights.len(), among });
        }
        all
    }

    /// The span of a target pixel, and its weights.
    fn of(&self, index: usize) -> (&Span, &[f32]) {
        let span = &self.spans[index];
        (span, &self.weights[span.weights.clone()])
    }

    /// The source pixels that a range of the target needs.
    fn needed(&self, range: Range<usize>) -> Range<usize> {
        let spans = &self.spans[range];
        let first = spans.iter().map(|span| span.first).min().unwrap_or(0);
        let end = spans.iter().map(|span| span.first + span.weights.len()).max().unwrap_or(0);
        first..end.max(first)
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

/// Reads some columns of a source row as linear light: four values a pixel, the premultiplied colors and alpha.
type ReadRow<'a> = dyn Fn(usize, Range<usize>, &mut [f32]) + Sync + 'a;

/// Resamples, and hands each row of the target to `write`, with its slice of `target`, which has `samples_per_pixel` samples a pixel.
///
/// A kernel with negative lobes overshoots next to an edge. In linear light the dark side has little room below it, and
/// a black line would appear along bright edges. So each result, light and alpha alike, is clamped to the range of the
/// source pixels around it.
pub(super) fn resample<T: ColorSample>(
    row: &ReadRow<'_>,
    (across, down): (&Weights, &Weights),
    target: &mut [T],
    samples_per_pixel: usize,
    write: impl Fn(&[f32], &mut [T]) + Sync,
) {
    let (width, height) = (across.spans.len(), down.spans.len());
    let columns = across.needed(0..width);
    target.par_chunks_mut((width * samples_per_pixel * BAND).max(1)).enumerate().for_each(|(band, target)| {
        let rows = band * BAND..((band + 1) * BAND).min(height);
        let needed = down.needed(rows.clone());
        let mut light = vec![0.0_f32; columns.len() * 4];
        let mut narrowed = vec![0.0_f32; needed.len() * width * 4];
        for (y, to) in needed.clone().zip(narrowed.chunks_exact_mut(width * 4)) {
            row(y, columns.clone(), &mut light);
            resample_row(light.as_chunks::<4>().0, columns.start, across, to.as_chunks_mut::<4>().0);
        }
        let mut sums = vec![0.0_f32; width * 4];
        let (mut min, mut max) = (sums.clone(), sums.clone());
        let line = |y: usize| &narrowed[(y - needed.start) * width * 4..][..width * 4];
        for (y, target) in rows.zip(target.chunks_exact_mut(width * samples_per_pixel)) {
            let (span, weights) = down.of(y);
            sums.fill(0.0);
            for (weight, y) in weights.iter().zip(span.first..) {
                for (sum, value) in sums.iter_mut().zip(line(y)) {
                    *sum += value * weight;
                }
            }
            min.fill(f32::INFINITY);
            max.fill(0.0);
            for y in span.among.clone() {
                for ((min, max), value) in min.iter_mut().zip(&mut max).zip(line(y)) {
                    *min = min.min(*value);
                    *max = max.max(*value);
                }
            }
            for ((sum, min), max) in sums.iter_mut().zip(&min).zip(&max) {
                *sum = sum.max(*min).min(*max);
            }
            write(&sums, target);
        }
    });
}

/// Resamples one row horizontally. `light` begins at column `start` of the source.
fn resample_row(light: &[[f32; 4]], start: usize, across: &Weights, to: &mut [[f32; 4]]) {
    for (x, to) in to.iter_mut().enumerate() {
        let (span, weights) = across.of(x);
        let mut sum = [0.0_f32; 4];
        for (pixel, weight) in light[span.first - start..].iter().zip(weights) {
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += value * weight;
            }
        }
        let (mut min, mut max) = ([f32::INFINITY; 4], [0.0_f32; 4]);
        for pixel in &light[span.among.start() - start..=span.among.end() - start] {
            for channel in 0..4 {
                min[channel] = min[channel].min(pixel[channel]);
                max[channel] = max[channel].max(pixel[channel]);
            }
        }
        *to = std::array::from_fn(|channel| sum[channel].max(min[channel]).min(max[channel]));
    }
}

/// Resamples a part of a picture, given by left, top, width and height in its pixels, to another size.
pub(super) fn resize_rgb<T: ColorSample, L: Light<T>>(
    light: &L,
    picture: &Colors<T>,
    (left, top, wide, high): (f64, f64, f64, f64),
    (width, height): (u32, u32),
) -> Colors<T> {
    let across = Weights::new(left, wide / f64::from(width), width as usize, picture.width() as usize);
    let down = Weights::new(top, high / f64::from(height), height as usize, picture.height() as usize);
    let row = |y: usize, columns: Range<usize>, to: &mut [f32]| {
        let start = y * picture.width() as usize;
        let color = &picture.as_raw()[(start + columns.start) * 3..(start + columns.end) * 3];
        for (to, rgb) in to.as_chunks_mut::<4>().0.iter_mut().zip(color.as_chunks::<3>().0) {
            *to = [light.of(rgb[0], 0), light.of(rgb[1], 1), light.of(rgb[2], 2), 1.0];
        }
    };
    let mut target = Colors::<T>::new(width, height);
    resample(&row, (&across, &down), &mut target, 3, |sums, row: &mut [T]| {
        for (sum, to) in sums.as_chunks::<4>().0.iter().zip(row.as_chunks_mut::<3>().0) {
            *to = std::array::from_fn(|channel| light.value(sum[channel], channel));
        }
    });
    target
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::compose::light::SrgbLight;

    #[test]
    fn weights_sum_to_one_and_stay_within_the_source() {
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
    fn downscaling_averages_linear_light() {
        let board = RgbImage::from_fn(64, 64, |x, y| image::Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let small = resize_rgb(&SrgbLight::new(), &board, (0.0, 0.0, 64.0, 64.0), (8, 8));
        assert!(small.iter().all(|value| value.abs_diff(188) <= 1), "{:?}", small.get_pixel(4, 4));
    }

    #[test]
    fn edges_do_not_overshoot() {
        let edge = RgbImage::from_fn(90, 12, |x, _| image::Rgb([if x < 43 { 30 } else { 250 }; 3]));
        for width in [20, 33, 61, 200, 400] {
            let made = resize_rgb(&SrgbLight::new(), &edge, (0.0, 0.0, 90.0, 12.0), (width, 12));
            assert!(made.iter().all(|value| (30..=250).contains(value)), "{width}");
        }
    }

    #[test]
    fn resampling_to_the_same_size_changes_nothing() {
        let picture = RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y % 256) as u8]));
        assert_eq!(resize_rgb(&SrgbLight::new(), &picture, (0.0, 0.0, 40.0, 30.0), (40, 30)), picture);
        assert_eq!(
            resize_rgb(&SrgbLight::new(), &picture, (5.0, 7.0, 10.0, 10.0), (10, 10)),
            image::imageops::crop_imm(&picture, 5, 7, 10, 10).to_image()
        );
    }
}
