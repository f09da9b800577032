//! The matte of a picture at its own size.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;

use image::{GrayImage, RgbImage};

use crate::error::Error;
use crate::segment::Segmenter;
use crate::segment::rten::{RtenSegmenter, Threads};
use crate::{fuse, models, resample};

/// Makes mattes with two segmenters, one that sees detail and one that sees the whole. They run one after
/// the other, since each uses all threads and much memory. May be used by several threads at once.
pub struct Matting {
    detail: Box<dyn Segmenter>,
    whole: Box<dyn Segmenter>,
}

impl fmt::Debug for Matting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matting").finish_non_exhaustive()
    }
}

impl Matting {
    /// Makes mattes with these two.
    pub fn new(detail: Box<dyn Segmenter>, whole: Box<dyn Segmenter>) -> Self {
        Self { detail, whole }
    }

    /// Loads [`models::ISNET`] and [`models::U2NETP`] from the folder that holds them, to run on so many
    /// threads.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        let threads = Threads::new(threads);
        let detail = RtenSegmenter::load(models::ISNET, folder, threads.clone())?;
        let whole = RtenSegmenter::load(models::U2NETP, folder, threads)?;
        Ok(Self::new(Box::new(detail), Box::new(whole)))
    }

    /// The matte of an upright picture in sRGB, at its own size: 0 is background, 255 is subject.
    ///
    /// The two answers are fused at the side of the detailed one and enlarged once. Enlarging both and
    /// fusing them at the picture's size gave outlines no better and cost many times the memory.
    ///
    /// # Errors
    /// [`Error::NoSubject`] where neither network is sure of anything; [`Error::Inference`],
    /// [`Error::Resample`].
    pub fn matte(&self, picture: &RgbImage) -> Result<GrayImage, Error> {
        let detail = self.detail.segment(picture)?;
        let whole = self.whole.segment(picture)?;
        let fused = fuse::stretch(fuse::fuse(detail, &whole)?)?;
        resample::expand(&fused, picture.width(), picture.height())
    }
}
