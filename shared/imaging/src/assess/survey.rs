//! The evidence of a cut on one grid, small enough to be looked at in a few milliseconds.

use image::RgbImage;

use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::matting::NetworkMattes;
use crate::resample;

/// The longer side of the grid, in pixels.
const SIDE: u32 = 320;
/// An error within this share of the diagonal from the outline is one of the edge, and not of the subject.
const RING: f64 = 0.01;
/// A value above this is subject.
pub(crate) const SUBJECT: f32 = 0.5;

/// A picture, the networks' mattes of it, and the matte of the cut, all at the same size and row by row.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Interleaved RGB.
    pub(crate) colors: Vec<u8>,
    /// The answer of the detail network, 0 to 1.
    pub(crate) detail: Vec<f32>,
    /// The answer of the network for the whole, if there are two.
    pub(crate) whole: Option<Vec<f32>>,
    /// The matte of the cut.
    pub(crate) cut: Vec<f32>,
}

impl Survey {
    /// The evidence for `picture`, and `cut`, the coarse matte computed from it.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub(crate) fn new(picture: &RgbImage, mattes: &NetworkMattes, cut: &CoarseMatte) -> Result<Self, Error> {
        let (width, height) = resample::fit_within(picture.width(), picture.height(), SIDE);
        let resized = |matte| resample::resize_matte(matte, width, height);
        Ok(Self {
            width: width as usize,
            height: height as usize,
            colors: resample::shrink(picture, width, height)?,
            detail: resized(&mattes.detail)?,
            whole: mattes.whole.as_ref().map(resized).transpose()?,
            cut: resized(cut)?,
        })
    }

    /// The width of the ring around the outline within which an error is one of the edge, in pixels, at least 1.
    pub(crate) fn ring(&self) -> u32 {
        ((RING * (self.width as f64).hypot(self.height as f64)).round() as u32).max(1)
    }

    /// Which pixels are subject.
    pub(crate) fn subject(&self) -> Vec<bool> {
        self.cut.iter().map(|value| *value > SUBJECT).collect()
    }

    /// The subject's pixels, at least 1.
    pub(crate) fn area(&self) -> usize {
        self.cut.iter().filter(|value| **value > SUBJECT).count().max(1)
    }

    /// Column and row of a pixel.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        (at % self.width, at / self.width)
    }

    /// The pixels that share a side with this one.
    pub(crate) fn around(&self, at: usize) -> impl Iterator<Item = usize> + use<> {
        let (x, y) = self.place(at);
        let (width, height) = (self.width, self.height);
        [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then_some(at + 1),
            (y > 0).then(|| at - width),
            (y + 1 < height).then_some(at + width),
        ]
        .into_iter()
        .flatten()
    }

    /// The connected parts of a set of pixels that have at least `min_area` of them.
    pub(crate) fn parts(&self, set: &[bool], min_area: usize) -> Vec<Part> {
        let mut is_open = set.to_vec();
        let mut parts = Vec::new();
        for start in 0..set.len() {
            if !is_open[start] {
                continue;
            }
            is_open[start] = false;
            let mut pixels = vec![start];
            let mut next = 0;
            while let Some(at) = pixels.get(next).copied() {
                next += 1;
                for neighbor in self.around(at) {
                    if std::mem::take(&mut is_open[neighbor]) {
                        pixels.push(neighbor);
                    }
                }
            }
            if pixels.len() >= min_area {
                parts.push(Part { pixels });
            }
        }
        parts
    }
}

/// Connected pixels of a survey.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) pixels: Vec<usize>,
}

impl Part {
    /// Its pixels.
    pub(crate) fn area(&self) -> usize {
        self.pixels.len()
    }

    /// Its first and last column, and its first and last row, in a grid of this width.
    pub(crate) fn extent(&self, width: usize) -> ([usize; 2], [usize; 2]) {
        extent(&self.pixels, width)
    }
}

/// The first and last column, and the first and last row, of pixels in a grid of this width.
pub(crate) fn extent(pixels: &[usize], width: usize) -> ([usize; 2], [usize; 2]) {
    let span = |along: &dyn Fn(usize) -> usize| {
        pixels.iter().fold([usize::MAX, 0], |[first, last], at| [first.min(along(*at)), last.max(along(*at))])
    };
    (span(&|at| at % width), span(&|at| at / width))
}
