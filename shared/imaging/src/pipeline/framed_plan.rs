//! The plan of the picture `framed`.

use cutline_core::domain::crop::CropMargin;
use cutline_core::domain::params::{Canvas, ParamSet, Promise};

use super::layout::MAX_ENLARGEMENT;
use super::picture_plan::PicturePlan;
use crate::compose::{CroppedSides, FrameOptions, SubjectBox, frame};

/// The picture `framed`, and its settings.
pub(super) struct FramedPlan<'a> {
    pub(super) picture: PicturePlan,
    /// The room around the subject, in pixels of the photograph or shares of the subject.
    pub(super) margin: CropMargin,
    /// Width to height; `None` leaves the shape to the subject and its margin.
    pub(super) shape: Option<(u32, u32)>,
    /// Width and height of the picture; `None` leaves the photograph's pixels as they are.
    pub(super) size: Option<(u32, u32)>,
    /// Whether the backdrop becomes white, if it can.
    pub(super) whitens: bool,
    /// How many times larger than the photograph the picture may become before a warning says so.
    max_enlargement: f64,
    pub(super) promise: Option<&'a Promise>,
}

impl<'a> FramedPlan<'a> {
    /// `None` if the set has no settings for it.
    pub(super) fn new(set: &'a ParamSet, picture: PicturePlan) -> Option<Self> {
        let settings = set.framed?;
        let (shape, size) = match (settings.aspect, set.canvas) {
            (Some(aspect), _) | (None, Some(Canvas::Aspect { aspect })) => (Some(aspect.terms()), None),
            (None, Some(Canvas::Size { width, height })) => (Some((width, height)), Some((width, height))),
            (None, None) => (None, None),
        };
        let max_enlargement = set.enlargement.map_or(MAX_ENLARGEMENT, |max| max.get());
        let promise = set.promise.as_ref();
        Some(Self { picture, margin: settings.margin, shape, size, whitens: settings.whiten, max_enlargement, promise })
    }

    /// The warning about a picture that is this many times as large as its part of the photograph, if that is too large.
    pub(super) fn about_enlargement(&self, scale: f64) -> Option<String> {
        let max = self.max_enlargement;
        (scale > max + 1e-9).then(|| {
            format!(
                "The picture was enlarged {scale:.1} times, more than {max} times; use a larger photograph for a sharp \
                 picture."
            )
        })
    }

    /// The most pixels that the frame can have in a photograph of this width and height.
    pub(super) fn max_frame_pixels(&self, (width, height): (u32, u32)) -> u64 {
        let pixels = u64::from(width) * u64::from(height);
        if !self.whitens {
            return pixels;
        }
        let mass = (f64::from(width) / 2.0, f64::from(height) / 2.0);
        let whole = SubjectBox { x: 0, y: 0, width, height, mass, cropped: CroppedSides::default() };
        let largest =
            frame(&whole, (width, height), &FrameOptions { margin: self.margin, shape: self.shape, fills: true });
        pixels.max(u64::from(largest.width) * u64::from(largest.height))
    }

    /// The number of pixels of the picture, whose frame has `frame` pixels.
    pub(super) fn pixels(&self, frame: u64) -> u64 {
        self.size.map_or(frame, |(width, height)| u64::from(width) * u64::from(height))
    }
}
