//! From the bytes of a photograph to the bytes of a cut-out.
//!
//! Everything here is pure and synchronous: no network, no clock, no environment, and of the file system
//! only the models that [`Imaging::load`] reads. [`Imaging::make`] reads as the list of its stages:
//!
//! | stage | from | to |
//! |---|---|---|
//! | [`mod@decode`] | a file's bytes, not to be trusted | [`Photo`]: upright sRGB, alpha if there is any, and what the file tells [`ImageMetadata`] it |
//! | [`segment`] | the picture squashed to a network's square | [`segment::Matte`], once for each of two networks |
//! | [`mod@fuse`] | two mattes | one, stretched to the full range, or [`Error::NoSubject`] |
//! | [`matting`] | the picture | that matte, and how far it is to be trusted |
//! | [`mod@refine`] | picture and matte | the matte at the picture's size, as sharp as the picture |
//! | [`clip`] | the matte | a vector [`ClippingPath`], and alpha of it |
//! | [`foreground`] | picture and alpha | the subject's own colors where it is partial |
//! | [`mod@encode`] | [`Document`]: cut-out, original, path | a file's bytes |
//!
//! It is not the place for jobs, storage or requests; [`Imaging`] implements the domain's
//! [`Pipeline`](cutline_core::ports::Pipeline) and knows no more of it than that.

pub mod clip;
pub mod compose;
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
pub mod refine;
mod resample;
pub mod segment;
pub mod shadow;

pub use decode::{Limits, decode};
pub use encode::{Document, encode};
pub use error::{Cause, Error};
pub use matting::Matting;
pub use path::ClippingPath;
pub use photo::{Cutout, ImageMetadata, Photo};
pub use pipeline::{Imaging, memory_needed};
