//! The subject on a canvas: its position and size, its shadow, and the background behind it.
//!
//! | step | from | to |
//! |---|---|---|
//! | [`SubjectBox::of`] | the alpha of a cut-out | the bounding box of the subject, and the sides where the photograph crops it |
//! | [`place`] | box and [`Layout`] | [`Placement`], in whole pixels of the canvas |
//! | [`place_subject`] | cut-out and placement | [`Layer`]: the subject resampled to that size |
//! | [`frame()`] | box and [`FrameOptions`] | [`Frame`]: the part of the photograph that a framed picture shows |
//! | [`fit`] | a picture | the picture at the size of the canvas |
//! | [`compose()`] | [`Backdrop`], [`Shade`], layer | the finished [`Composed`] picture |
//!
//! Blending and resampling happen in linear light: encoded values are decoded first and encoded again at the end, by sRGB's
//! curve or, in the color space of a file, by that of its profile. Colors
//! are premultiplied by alpha meanwhile, so that the colors of transparent pixels have no effect.

mod axis;
mod canvas;
mod fit;
mod frame;
mod layer;
mod light;
mod place;
mod resize;
mod subject;

pub(crate) use axis::AxisMap;
pub(crate) use canvas::compose_in;
pub use canvas::{Backdrop, Composed, Shade, compose};
pub use fit::fit;
pub(crate) use fit::fit_in;
pub use frame::{Frame, FrameOptions, frame};
pub(crate) use layer::place_subject_in;
pub use layer::{Layer, place_subject};
pub(crate) use light::{Light, SrgbLight, decode as srgb_light, encode as srgb_value, seen_alpha};
pub use place::{Layout, Placement, place};
pub use subject::{CroppedSides, SubjectBox};
