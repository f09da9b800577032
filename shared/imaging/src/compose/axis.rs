//! The map from a photograph to a canvas along one axis.

use super::place::Placement;
use super::subject::SubjectBox;

/// Maps coordinates of a photograph to a canvas along one axis, by the subject's box on both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AxisMap {
    photo_start: f64,
    photo_length: f64,
    canvas_start: f64,
    canvas_length: f64,
}

impl AxisMap {
    /// The maps of the horizontal and the vertical axis.
    pub(crate) fn of(subject: &SubjectBox, placement: &Placement) -> (Self, Self) {
        let map = |photo: (u32, u32), canvas: (i64, u32)| Self {
            photo_start: photo.0.into(),
            photo_length: photo.1.into(),
            canvas_start: canvas.0 as f64,
            canvas_length: canvas.1.into(),
        };
        let across = map((subject.x, subject.width), (placement.x, placement.width));
        (across, map((subject.y, subject.height), (placement.y, placement.height)))
    }

    /// How many pixels of the canvas one of the photograph is.
    pub(crate) fn scale(&self) -> f64 {
        self.canvas_length / self.photo_length
    }

    /// How many pixels of the photograph one of the canvas is.
    pub(super) fn step(&self) -> f64 {
        self.photo_length / self.canvas_length
    }

    /// A coordinate of the photograph on the canvas.
    pub(crate) fn on_canvas(&self, coordinate: f64) -> f64 {
        self.canvas_start + (coordinate - self.photo_start) * self.scale()
    }

    /// A coordinate of the canvas in the photograph.
    pub(crate) fn in_photo(&self, coordinate: f64) -> f64 {
        self.photo_start + (coordinate - self.canvas_start) / self.scale()
    }

    /// The same for the edge of a pixel, computed as the resampler steps over pixels, so that both round alike.
    pub(super) fn in_photo_by_step(&self, pixel: u32) -> f64 {
        self.photo_start + (f64::from(pixel) - self.canvas_start) * self.step()
    }
}
