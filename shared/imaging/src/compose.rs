//! The subject on a canvas: where it stands, at which size, and what is behind it.
//!
//! | step | from | to |
//! |---|---|---|
//! | [`SubjectBox::of`] | a cut-out's alpha | the box around the subject, and at which sides the photograph cuts it off |
//! | [`place`] | box and [`Layout`] | [`Placement`], in whole pixels of the canvas |
//! | [`place_subject`] | cut-out and placement | [`Layer`]: the subject at that size |
//! | [`fit`] | a picture | the same, as large as the canvas |
//! | [`compose`] | [`Backdrop`], [`Shade`], layer | the finished [`Cutout`](crate::Cutout) of the canvas's size |
//!
//! Light is added up where it is linear: sRGB values are decoded before they are mixed or resampled, and encoded
//! again at the end. Alpha is multiplied in meanwhile, so that what is transparent lends its color to nothing.

mod canvas;
mod light;
mod place;
mod resize;

pub use canvas::{Backdrop, Fit, Layer, Shade, compose, fit};
pub(crate) use light::seen_alpha;
pub use place::{AlignBy, AlignX, AlignY, Cropped, Layout, Placement, SubjectBox, place};
pub use resize::place_subject;
