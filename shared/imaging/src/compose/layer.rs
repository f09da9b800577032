//! The subject at the size and position that it has on a canvas.

use std::ops::Range;

use cutline_core::domain::subject::PixelBox;
use image::GrayImage;
use rayon::prelude::*;

use super::axis::AxisMap;
use super::light::{Light, SrgbLight};
use super::place::Placement;
use super::resize::{Weights, resample};
use super::subject::SubjectBox;
use crate::cutout::Cutout;
use crate::planes::PlanarRgba;
use crate::sample::ColorSample;

/// A premultiplied color is divided by its alpha only above this; below, both are rounding errors.
const MIN_ALPHA: f32 = 1e-6;
/// How many pixels a task of the thread pool copies.
const CHUNK: usize = 1 << 16;

/// The subject as it stands on a canvas: the part of the canvas that it shows on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer<T: ColorSample = u8> {
    /// The canvas's column at which the layer starts.
    pub x: u32,
    /// The canvas's row at which the layer starts.
    pub y: u32,
    /// Colors and alpha. Ends within the canvas.
    pub cutout: Cutout<T>,
}

impl<T: ColorSample> Layer<T> {
    /// A cut-out that covers a canvas of its own size.
    pub fn whole(cutout: Cutout<T>) -> Self {
        Self { x: 0, y: 0, cutout }
    }

    /// The alpha on the whole canvas.
    pub fn alpha_on(&self, canvas: (u32, u32)) -> GrayImage {
        let mut alpha = GrayImage::new(canvas.0, canvas.1);
        image::imageops::replace(&mut alpha, self.cutout.alpha(), self.x.into(), self.y.into());
        alpha
    }

    /// The layer on the part of its canvas in a box. Empty if it does not reach into the box.
    pub(crate) fn cropped(&self, part: PixelBox) -> Self {
        let (width, height) = self.cutout.dimensions();
        let across = overlap((self.x, width), (part.left, part.width));
        let down = overlap((self.y, height), (part.top, part.height));
        let shown = PixelBox {
            left: across.start - self.x,
            top: down.start - self.y,
            width: across.end - across.start,
            height: down.end - down.start,
        };
        Self { x: across.start - part.left, y: down.start - part.top, cutout: self.cutout.cropped(shown) }
    }

    /// Color and alpha samples of row `y` of the canvas, from the first column of the layer to its last. Empty where
    /// the layer does not reach.
    pub(super) fn row(&self, y: usize) -> (&[T], &[u8]) {
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

/// Where two ranges overlap, each given by its start and its length. An empty overlap starts where the later one does.
fn overlap(one: (u32, u32), other: (u32, u32)) -> Range<u32> {
    let start = one.0.max(other.0);
    start..(one.0 + one.1).min(other.0 + other.1).max(start)
}

/// Resamples the subject to its place on a canvas. `subject` is the box that becomes the box of `placement`, to the
/// pixel; the soft edges outside of it come along. Beyond a side where the photograph crops the subject, its last
/// pixels repeat.
///
/// Takes twice the memory of the layer, and for each thread about 640 bytes for each pixel of the cut-out's width, or
/// of the layer's where that is wider: 5 MB for 8,000 pixels.
pub fn place_subject(cutout: &Cutout, subject: &SubjectBox, placement: &Placement, canvas: (u32, u32)) -> Layer {
    place_subject_in(&SrgbLight::new(), cutout, subject, placement, canvas)
}

/// The same in the color space whose light this is.
pub(crate) fn place_subject_in<T: ColorSample, L: Light<T>>(
    light: &L,
    cutout: &Cutout<T>,
    subject: &SubjectBox,
    placement: &Placement,
    canvas: (u32, u32),
) -> Layer<T> {
    let size = cutout.dimensions();
    let (soft_x, soft_y) = soft_box(cutout.alpha());
    let (map_x, map_y) = AxisMap::of(subject, placement);
    let columns = visible(&map_x, soft_x, size.0, canvas.0);
    let rows = visible(&map_y, soft_y, size.1, canvas.1);
    let (width, height) = (columns.end - columns.start, rows.end - rows.start);

    let across = weights(&map_x, &columns, size.0);
    let down = weights(&map_y, &rows, size.1);
    let mut interleaved = vec![T::default(); width as usize * height as usize * 4];
    let read = |y: usize, columns: Range<usize>, to: &mut [f32]| read_row(cutout, light, y, columns, to);
    resample(&read, (&across, &down), &mut interleaved, 4, |sums, made| write_row(light, sums, made));
    Layer { x: columns.start, y: rows.start, cutout: Cutout::from_planes(split((width, height), &interleaved)) }
}

/// The columns or rows of a canvas of `side` pixels on which the photograph can show, given the range of its pixels
/// that are not fully transparent and its length.
fn visible(map: &AxisMap, soft: Range<u32>, photo_length: u32, side: u32) -> Range<u32> {
    // How far a kernel reaches beyond the existing pixels.
    let reach = 3.0 * map.scale().max(1.0) + 1.0;
    let (frame_start, frame_end) = (map.on_canvas(0.0).round(), map.on_canvas(photo_length.into()).round());
    let first = (map.on_canvas(soft.start.into()) - reach).floor().max(frame_start).clamp(0.0, f64::from(side));
    let end = (map.on_canvas(soft.end.into()) + reach).ceil().min(frame_end).clamp(first, f64::from(side));
    first as u32..end as u32
}

/// The weights of a range of the canvas, whose source is a photograph of `photo_length` pixels.
fn weights(map: &AxisMap, range: &Range<u32>, photo_length: u32) -> Weights {
    let count = (range.end - range.start) as usize;
    Weights::new(map.in_photo_by_step(range.start), map.step(), count, photo_length as usize)
}

/// The columns and rows that hold anything but fully transparent pixels.
fn soft_box(alpha: &GrayImage) -> (Range<u32>, Range<u32>) {
    let width = (alpha.width() as usize).max(1);
    let (mut left, mut right, mut top, mut bottom) = (width, 0, None, 0);
    for (y, row) in alpha.as_raw().chunks_exact(width).enumerate() {
        let Some(first) = row.iter().position(|alpha| *alpha > 0) else { continue };
        let last = row.iter().rposition(|alpha| *alpha > 0).unwrap_or(first);
        (left, right) = (left.min(first), right.max(last + 1));
        (top, bottom) = (top.or(Some(y)), y + 1);
    }
    (left.min(right) as u32..right as u32, top.unwrap_or(0) as u32..bottom as u32)
}

/// Some columns of a row as premultiplied linear light.
fn read_row<T: ColorSample, L: Light<T>>(
    cutout: &Cutout<T>,
    light: &L,
    y: usize,
    columns: Range<usize>,
    to: &mut [f32],
) {
    let start = y * cutout.dimensions().0 as usize;
    let color = &cutout.color().as_raw()[(start + columns.start) * 3..(start + columns.end) * 3];
    let alpha = &cutout.alpha().as_raw()[start + columns.start..start + columns.end];
    let pixels = to.as_chunks_mut::<4>().0.iter_mut();
    for ((to, rgb), alpha) in pixels.zip(color.as_chunks::<3>().0).zip(alpha) {
        let alpha = f32::from(*alpha) / 255.0;
        *to = [light.of(rgb[0], 0) * alpha, light.of(rgb[1], 1) * alpha, light.of(rgb[2], 2) * alpha, alpha];
    }
}

/// A row of premultiplied linear light as encoded values and straight alpha, which has 8 bits of the sample.
fn write_row<T: ColorSample, L: Light<T>>(light: &L, sums: &[f32], made: &mut [T]) {
    for (sum, made) in sums.as_chunks::<4>().0.iter().zip(made.as_chunks_mut::<4>().0) {
        let [red, green, blue, alpha] = *sum;
        // Colors and alpha overshoot alike next to an edge; the division cancels that.
        let inverse = if alpha > MIN_ALPHA { 1.0 / alpha } else { 0.0 };
        let value = |color: f32, channel: usize| light.value(color * inverse, channel);
        *made = [value(red, 0), value(green, 1), value(blue, 2), T::from_u8(u8::from_unit(alpha))];
    }
}

/// Interleaved RGBA as two planes.
fn split<T: ColorSample>(size: (u32, u32), interleaved: &[T]) -> PlanarRgba<T> {
    let mut planes = PlanarRgba::transparent(size);
    let (color, alpha) = planes.samples_mut();
    let chunks = color.par_chunks_mut(3 * CHUNK).zip(alpha.par_chunks_mut(CHUNK));
    chunks.zip(interleaved.par_chunks(4 * CHUNK)).for_each(|((color, alpha), interleaved)| {
        let pixels = color.as_chunks_mut::<3>().0.iter_mut().zip(alpha);
        for ((color, to), [red, green, blue, alpha]) in pixels.zip(interleaved.as_chunks::<4>().0) {
            (*color, *to) = ([*red, *green, *blue], alpha.to_u8());
        }
    });
    planes
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb, RgbImage, imageops};

    use super::*;

    const CANVAS: (u32, u32) = (20, 15);

    /// Four columns and three rows at column 5 and row 7. No two pixels are the same.
    fn layer() -> Layer {
        let color = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8, y as u8, 9]));
        let alpha = GrayImage::from_fn(4, 3, |x, y| Luma([(10 * y + x + 1) as u8]));
        Layer { x: 5, y: 7, cutout: Cutout::new(color, alpha).expect("same size") }
    }

    fn part(left: u32, top: u32, width: u32, height: u32) -> PixelBox {
        PixelBox { left, top, width, height }
    }

    /// Where the cropped layer begins, its size, and its alpha.
    fn cropped(part: PixelBox) -> ((u32, u32), (u32, u32), Vec<u8>) {
        let Layer { x, y, cutout } = layer().cropped(part);
        ((x, y), cutout.dimensions(), cutout.alpha().as_raw().clone())
    }

    #[test]
    fn a_layer_within_the_part_moves() {
        let whole = layer();
        assert_eq!(whole.cropped(part(0, 0, 20, 15)), whole);
        assert_eq!(whole.cropped(part(2, 1, 18, 14)), Layer { x: 3, y: 6, ..whole.clone() });
        assert_eq!(whole.cropped(part(5, 7, 4, 3)), Layer { x: 0, y: 0, ..whole });
    }

    #[test]
    fn a_layer_ends_at_the_sides_of_the_part() {
        assert_eq!(cropped(part(6, 5, 14, 4)), ((0, 2), (3, 2), vec![2, 3, 4, 12, 13, 14]));
        assert_eq!(cropped(part(0, 8, 7, 7)), ((5, 0), (2, 2), vec![11, 12, 21, 22]));
        assert_eq!(cropped(part(6, 8, 1, 1)), ((0, 0), (1, 1), vec![12]));
        let colors = layer().cropped(part(6, 8, 1, 1)).cutout.color().get_pixel(0, 0).0;
        assert_eq!(colors, [1, 1, 9]);
    }

    #[test]
    fn a_layer_outside_of_the_part_is_empty() {
        for part in [part(0, 0, 5, 15), part(9, 0, 11, 15), part(0, 0, 20, 7), part(0, 10, 20, 5), part(15, 0, 2, 2)] {
            let (_, (width, height), alpha) = cropped(part);
            assert!((width == 0 || height == 0) && alpha.is_empty(), "{part}: {width} x {height}");
        }
    }

    #[test]
    fn its_alpha_on_the_part_is_that_part_of_its_alpha_on_the_canvas() {
        let alpha = layer().alpha_on(CANVAS);
        for left in 0..CANVAS.0 {
            for top in 0..CANVAS.1 {
                let part = part(left, top, (CANVAS.0 - left).min(3), (CANVAS.1 - top).min(2));
                let expected = imageops::crop_imm(&alpha, part.left, part.top, part.width, part.height).to_image();
                assert_eq!(layer().cropped(part).alpha_on((part.width, part.height)), expected, "{part}");
            }
        }
    }
}
