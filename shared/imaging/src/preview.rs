//! Small pictures for screens and lists.

use bytes::Bytes;
use cutline_core::OutputFormat;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::encode;
use crate::error::Error;
use crate::photo::Photo;
use crate::planes::PlanarRgba;
use crate::resample::fit_within;

/// The longest side of a preview, in pixels.
pub(crate) const MAX_SIDE: u32 = 2_048;
/// The longest side of a picture in a list, in pixels.
const MAX_THUMB_SIDE: u32 = 256;

/// The previews of a picture, as WebP.
pub(crate) struct Previews {
    /// At most [`MAX_SIDE`] pixels a side.
    pub(crate) preview: Bytes,
    /// At most [`MAX_THUMB_SIDE`] pixels a side.
    pub(crate) thumb: Bytes,
}

impl Previews {
    /// The previews of a picture with straight alpha. Both planes have the same size.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if they differ in size; [`Error::Encode`].
    pub(crate) fn of(color: &RgbImage, alpha: &GrayImage) -> Result<Self, Error> {
        let preview = reduced(color, Some(alpha), MAX_SIDE)?;
        let thumb = reduced(preview.color(), Some(preview.alpha()), MAX_THUMB_SIDE)?;
        Ok(Self { preview: write(&preview)?, thumb: write(&thumb)? })
    }
}

/// The preview of a photograph, with the alpha that it came with.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn of_photo(photo: &Photo) -> Result<Bytes, Error> {
    write(&reduced(photo.color(), photo.alpha(), MAX_SIDE)?)
}

fn write(picture: &PlanarRgba) -> Result<Bytes, Error> {
    let encoded = encode::write_preview(picture);
    encoded.map(Bytes::from).map_err(|source| Error::Encode { format: OutputFormat::Webp, source })
}

/// The picture with its longer side at most `max_side`. A pixel is the mean of those that it covers, weighted by their
/// alpha, so that the colors of transparent pixels, which have no meaning, show nowhere. Without alpha the picture is opaque.
fn reduced(color: &RgbImage, alpha: Option<&GrayImage>, max_side: u32) -> Result<PlanarRgba, Error> {
    if alpha.is_some_and(|alpha| alpha.dimensions() != color.dimensions()) {
        return Err(Error::SizeMismatch("colors and alpha of a preview"));
    }
    let (width, height) = color.dimensions();
    let size = fit_within(width, height, max_side);
    let mut picture = PlanarRgba::transparent(size);
    let (columns, rows) = (spans(width, size.0), spans(height, size.1));
    let from =
        Rows { color: color.as_raw(), alpha: alpha.map(|alpha| alpha.as_raw().as_slice()), width: width as usize };
    let (to_color, to_alpha) = picture.samples_mut();
    let across = size.0 as usize;
    let targets = to_color.par_chunks_exact_mut(across * 3).zip(to_alpha.par_chunks_exact_mut(across));
    targets.zip(&rows).for_each(|((to_color, to_alpha), row)| {
        let mut sums = vec![[0.0_f32; 4]; across];
        for (y, share) in row.pixels() {
            from.add(y, share, &columns, &mut sums);
        }
        let area = row.length();
        for (((color, alpha), [red, green, blue, sum]), column) in
            to_color.as_chunks_mut::<3>().0.iter_mut().zip(to_alpha).zip(sums).zip(&columns)
        {
            if sum > 0.0 {
                *color = [red, green, blue].map(|value| (value / sum).round() as u8);
            }
            *alpha = (sum / (area * column.length())).round() as u8;
        }
    });
    Ok(picture)
}

/// The rows of a picture.
struct Rows<'a> {
    color: &'a [u8],
    alpha: Option<&'a [u8]>,
    width: usize,
}

impl Rows<'_> {
    /// Adds a share of row `y` to the sums of each column: of the colors times alpha, and of alpha.
    fn add(&self, y: usize, share: f32, columns: &[Span], sums: &mut [[f32; 4]]) {
        let start = y * self.width;
        let color = self.color[start * 3..][..self.width * 3].as_chunks::<3>().0;
        let alpha = self.alpha.map(|alpha| &alpha[start..][..self.width]);
        for (column, sum) in columns.iter().zip(sums) {
            for (x, of_column) in column.pixels() {
                let weight = share * of_column * alpha.map_or(255.0, |alpha| f32::from(alpha[x]));
                let [red, green, blue] = color[x].map(|value| f32::from(value) * weight);
                *sum = [sum[0] + red, sum[1] + green, sum[2] + blue, sum[3] + weight];
            }
        }
    }
}

/// The pixels along one axis that a pixel of the smaller picture covers: from `start` to `end`, which may lie within pixels.
struct Span {
    start: f64,
    end: f64,
}

/// The spans of `count` pixels that cover `length` pixels.
fn spans(length: u32, count: u32) -> Vec<Span> {
    let edge = |index: u32| f64::from(index) * f64::from(length) / f64::from(count);
    (0..count).map(|index| Span { start: edge(index), end: edge(index + 1) }).collect()
}

impl Span {
    fn length(&self) -> f32 {
        (self.end - self.start) as f32
    }

    /// Each pixel, and how much of it is covered.
    fn pixels(&self) -> impl Iterator<Item = (usize, f32)> {
        let Self { start, end } = *self;
        // The end of the last span is a whole number, and `ceil` keeps every index below it.
        (start as usize..end.ceil() as usize).filter_map(move |pixel| {
            let covered = end.min(pixel as f64 + 1.0) - start.max(pixel as f64);
            (covered > 1e-6).then_some((pixel, covered as f32))
        })
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn transparent_pixels_lend_no_color() {
        // Red beside green that is cut away: the mean is red, and half covered.
        let color = RgbImage::from_fn(4, 4, |x, _| Rgb(if x % 2 == 0 { [200, 0, 0] } else { [0, 200, 0] }));
        let alpha = GrayImage::from_fn(4, 4, |x, _| Luma([if x % 2 == 0 { 255 } else { 0 }]));
        let small = reduced(&color, Some(&alpha), 2).expect("is reduced");
        assert_eq!(small.interleaved(), [200, 0, 0, 128].repeat(4));
    }

    #[test]
    fn a_picture_that_is_small_enough_is_unchanged() {
        let color = RgbImage::from_fn(7, 3, |x, y| Rgb([x as u8 * 30, y as u8 * 60, 9]));
        let alpha = GrayImage::from_fn(7, 3, |x, _| Luma([40 + x as u8]));
        let same = reduced(&color, Some(&alpha), 7).expect("is reduced");
        assert_eq!((same.color(), same.alpha()), (&color, &alpha));
        assert!(reduced(&color, Some(&GrayImage::new(3, 7)), 7).is_err());
    }

    #[test]
    fn a_long_picture_keeps_at_least_one_row() {
        let line = RgbImage::from_pixel(5_000, 2, Rgb([10, 20, 30]));
        let small = reduced(&line, None, MAX_THUMB_SIDE).expect("is reduced");
        assert_eq!(small.dimensions(), (256, 1));
        assert!(small.color().pixels().all(|pixel| pixel.0 == [10, 20, 30]) && small.alpha().iter().all(|a| *a == 255));
    }

    proptest! {
        /// The pixels of a smaller picture share those of the larger one without gap or overlap.
        #[test]
        fn spans_cover_everything_once(length in 1_u32..5_000, count in 1_u32..2_100) {
            let count = count.min(length);
            let spans = spans(length, count);
            let mut covered = vec![0.0_f32; length as usize];
            for span in &spans {
                let of_span: f32 = span.pixels().map(|(_, share)| share).sum();
                prop_assert!((of_span - span.length()).abs() < 1e-3);
                for (pixel, share) in span.pixels() {
                    covered[pixel] += share;
                }
            }
            prop_assert!(covered.iter().all(|share| (share - 1.0).abs() < 1e-3));
        }
    }
}
