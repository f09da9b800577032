//! The part of a photograph that is looked at.

use cutline_core::domain::subject::{PixelBox, Roi};
use image::{GrayImage, RgbImage, imageops};

use crate::error::Error;
use crate::matte::CoarseMatte;

/// A `roi` that covers less of the photograph than this is looked at alone. On the crop around a subject that fills more,
/// the networks lost outlines (see ARCHITECTURE.md, "Tried and rejected").
const ALONE: f64 = 0.25;

/// The part of a photograph that the networks see, and the part in which there may be subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Width and height of the photograph.
    photo: (u32, u32),
    /// The pixels outside of which all is background.
    roi: PixelBox,
    /// The part that the networks see.
    part: PixelBox,
    /// Whether the request's box reached beyond the photograph.
    is_clipped: bool,
}

impl Frame {
    /// The frame of a photograph of this width and height.
    ///
    /// # Errors
    /// [`Error::RoiOutside`] if no pixel of the photograph is in the box.
    pub fn new(photo: (u32, u32), roi: Option<&Roi>) -> Result<Self, Error> {
        let whole = PixelBox { left: 0, top: 0, width: photo.0, height: photo.1 };
        let Some(roi) = roi else { return Ok(Self { photo, roi: whole, part: whole, is_clipped: false }) };
        let (width, height) = photo;
        let pixels = roi.within(photo).ok_or_else(|| Error::RoiOutside { roi: roi.to_string(), width, height })?;
        let is_small = (pixels.area() as f64) < ALONE * whole.area() as f64;
        let part = if is_small { pixels } else { whole };
        Ok(Self { photo, roi: pixels, part, is_clipped: roi.exceeds(photo) })
    }

    /// Whether the networks see less than the photograph.
    pub fn is_part(&self) -> bool {
        (self.part.width, self.part.height) != self.photo
    }

    /// The part of `photo` that the networks see.
    pub fn crop(&self, photo: &RgbImage) -> RgbImage {
        let PixelBox { left, top, width, height } = self.part;
        imageops::crop_imm(photo, left, top, width, height).to_image()
    }

    /// A matte of the photograph's size from one of the frame's part, with nothing outside of the `roi`.
    pub(crate) fn place(&self, part: GrayImage) -> GrayImage {
        if !self.is_part() {
            let mut matte = part;
            self.clear_rows(&mut matte);
            return matte;
        }
        let mut matte = GrayImage::new(self.photo.0, self.photo.1);
        imageops::replace(&mut matte, &part, self.part.left.into(), self.part.top.into());
        matte
    }

    fn clear_rows(&self, matte: &mut GrayImage) {
        let PixelBox { left, top, width, height } = self.roi;
        if (width, height) == self.photo {
            return;
        }
        let (rows, columns) = (top..top + height, left as usize..(left + width) as usize);
        for (y, row) in (0..).zip(matte.chunks_exact_mut(self.photo.0 as usize)) {
            if rows.contains(&y) {
                row[..columns.start].fill(0);
                row[columns.end..].fill(0);
            } else {
                row.fill(0);
            }
        }
    }

    /// Clears what is outside of the `roi` from a matte of the frame's part.
    pub(crate) fn clear_outside(&self, matte: &mut CoarseMatte) {
        if self.roi == self.part {
            return;
        }
        let side = matte.side();
        matte.edit(|at, value| {
            let at = at as u32;
            let (x, y) = self.photo_point((at % side, at / side), side);
            let (x, y) = (x as u32, y as u32);
            let PixelBox { left, top, width, height } = self.roi;
            let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
            if inside { value } else { 0.0 }
        });
    }

    /// The photograph's pixel at the middle of a pixel of a square matte of the part.
    fn photo_point(&self, (x, y): (u32, u32), side: u32) -> (f64, f64) {
        let along = |at: u32, start: u32, length: u32| {
            f64::from(start) + (f64::from(at) + 0.5) / f64::from(side) * f64::from(length)
        };
        (along(x, self.part.left, self.part.width), along(y, self.part.top, self.part.height))
    }

    /// Where a point of the photograph is in the part, from 0 to 1 along both sides; `None` if it is outside of the `roi`.
    pub(crate) fn share(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let within = |at: f64, start: u32, length: u32| (f64::from(start)..=f64::from(start + length)).contains(&at);
        let roi = self.roi;
        if !within(x, roi.left, roi.width) || !within(y, roi.top, roi.height) {
            return None;
        }
        let share = |at: f64, start: u32, length: u32| ((at - f64::from(start)) / f64::from(length)).clamp(0.0, 1.0);
        Some((share(x, self.part.left, self.part.width), share(y, self.part.top, self.part.height)))
    }

    /// The pixels of the photograph under the columns and rows of a square matte of the part.
    pub(super) fn photo_box(&self, (x, y): ([u32; 2], [u32; 2]), side: u32) -> PixelBox {
        let along =
            |at: u32, start: u32, length: u32| start + (u64::from(at) * u64::from(length) / u64::from(side)) as u32;
        let (left, right) =
            (along(x[0], self.part.left, self.part.width), along(x[1] + 1, self.part.left, self.part.width));
        let (top, bottom) =
            (along(y[0], self.part.top, self.part.height), along(y[1] + 1, self.part.top, self.part.height));
        PixelBox { left, top, width: (right - left).max(1), height: (bottom - top).max(1) }
    }

    /// The pixels of the photograph under columns and rows, first and last, of a grid over the part with this width and
    /// height.
    pub(crate) fn place_of(&self, (x, y): ([usize; 2], [usize; 2]), grid: (usize, usize)) -> PixelBox {
        let along = |[first, last]: [usize; 2], start: u32, length: u32, count: usize| {
            let scaled = |at: usize| at as u64 * u64::from(length);
            let from = scaled(first) / count as u64;
            let to = scaled(last + 1).div_ceil(count as u64);
            (start + from as u32, (to - from).max(1) as u32)
        };
        let (left, width) = along(x, self.part.left, self.part.width, grid.0);
        let (top, height) = along(y, self.part.top, self.part.height, grid.1);
        PixelBox { left, top, width, height }
    }

    /// Width and height of the photograph.
    pub(crate) fn photo_size(&self) -> (u32, u32) {
        self.photo
    }

    /// Width and height of the part.
    pub(super) fn part_size(&self) -> (u32, u32) {
        (self.part.width, self.part.height)
    }

    /// The part as shares of the photograph, in 65,535ths: left, top, width, height.
    pub(super) fn part_shares(&self) -> [u16; 4] {
        let share = |length: u32, side: u32| {
            (u64::from(length) * u64::from(u16::MAX) / u64::from(side)).min(u16::MAX.into()) as u16
        };
        let (part, (width, height)) = (self.part, self.photo);
        [share(part.left, width), share(part.top, height), share(part.width, width), share(part.height, height)]
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let (width, height) = self.photo;
        let clipped = format!(
            "The roi reaches beyond the photograph of {width} x {height} pixels; its part within was used: {}.",
            self.roi
        );
        self.is_clipped.then_some(clipped).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(roi: &str) -> Result<Frame, Error> {
        Frame::new((400, 200), Some(&roi.parse().expect("a box")))
    }

    #[test]
    fn only_a_small_box_is_looked_at_alone() {
        let small = frame("100 50 200 150").expect("inside");
        assert!(small.is_part());
        assert_eq!(small.crop(&RgbImage::new(400, 200)).dimensions(), (100, 100));
        assert!(!frame("0 0 50% 50%").expect("inside").is_part(), "a quarter is not less than a quarter");
        assert!(!Frame::new((400, 200), None).expect("whole").is_part());
    }

    #[test]
    fn outside_is_background() {
        for (roi, expected) in [("100 50 200 150", 100 * 100), ("40 0 360 200", 320 * 200)] {
            let frame = frame(roi).expect("inside");
            let (width, height) = frame.part_size();
            let matte = frame.place(GrayImage::from_pixel(width, height, image::Luma([255])));
            assert_eq!(matte.dimensions(), (400, 200));
            assert_eq!(matte.iter().filter(|value| **value == 255).count(), expected, "{roi}");
        }
        let mut coarse = CoarseMatte::new(40, vec![1.0; 1600]).expect("a square");
        frame("50% 0 100% 100%").expect("inside").clear_outside(&mut coarse);
        assert_eq!(coarse.values().iter().filter(|value| **value > 0.0).count(), 800);
    }

    #[test]
    fn a_box_beyond_the_photograph_is_a_warning_and_one_without_it_an_error() {
        let clipped = frame("300 100 500 300").expect("partly inside");
        let warning = "The roi reaches beyond the photograph of 400 x 200 pixels; its part within was used: \
                       300 100 400 200.";
        assert_eq!(clipped.warnings(), [warning]);
        let error = frame("400 0 500 100").expect_err("is outside");
        let message = "roi outside of the photograph: 400 0 500 100 has no pixel of its 400 x 200; correct the roi";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn points_and_boxes_are_those_of_the_photograph() {
        let frame = frame("100 50 200 150").expect("inside");
        assert_eq!((frame.share((150.0, 75.0)), frame.share((99.0, 75.0))), (Some((0.5, 0.25)), None));
        let pixels = frame.photo_box(([5, 9], [0, 4]), 10);
        assert_eq!(pixels.to_string(), "150 50 200 100");
        assert_eq!(frame.place_of(([5, 9], [0, 4]), (10, 10)).to_string(), "150 50 200 100");
        assert_eq!(frame.place_of(([1, 1], [2, 2]), (3, 3)).to_string(), "133 116 167 150");
    }
}
