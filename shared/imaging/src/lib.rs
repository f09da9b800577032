//! From the bytes of a photograph to the bytes of a cut-out.
//!
//! Everything here is pure and synchronous: no network, no clock, no environment, and of the file system
//! only the models that [`Imaging::load`] reads. [`Imaging::cut_out`] reads as the list of its stages:
//!
//! | stage | from | to |
//! |---|---|---|
//! | [`mod@decode`] | a file's bytes, not to be trusted | [`Photo`]: upright sRGB, and alpha if there is any |
//! | [`segment`] | the picture squashed to a network's square | [`segment::Matte`], once for each of two networks |
//! | [`mod@fuse`] | two mattes | one, stretched to the full range, or [`Error::NoSubject`] |
//! | [`matting`] | the picture | the matte at its size |
//! | [`photo`] | photograph and matte | [`Cutout`]: colours and alpha |
//! | [`mod@encode`] | cut-out | a file's bytes |
//!
//! It is not the place for jobs, storage or requests; [`Imaging`] implements the domain's
//! [`Pipeline`](cutline_core::ports::Pipeline) and knows no more of it than that.

pub mod decode;
pub mod encode;
mod error;
pub mod foreground;
pub mod fuse;
pub mod matting;
pub mod models;
pub mod path;
pub mod photo;
mod pipeline;
mod resample;
pub mod segment;

pub use decode::{Limits, decode};
pub use encode::encode;
pub use error::{Cause, Error};
pub use matting::Matting;
pub use path::Path;
pub use photo::{About, Cutout, Photo};
pub use pipeline::{Encoded, Imaging, memory_needed};
