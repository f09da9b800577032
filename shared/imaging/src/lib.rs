//! From the bytes of a photograph to the bytes of a cut-out.
//!
//! Everything here is pure and synchronous: no network, no clock, no environment variables, and no files but the models
//! that [`Imaging::load`] reads. [`Imaging::make`] reads as the list of its stages, built on these modules:
//!
//! | module | from | to |
//! |---|---|---|
//! | [`mod@decode`] | the untrusted bytes of a file | [`Photo`]: upright sRGB with optional alpha, and its [`ImageMetadata`] |
//! | [`segment`] | the photograph, resized to a network's input | [`segment::CoarseMatte`], from each of two networks |
//! | [`mod@fuse`] | two coarse mattes | one, stretched to the full range, or [`Error::NoSubject`] |
//! | [`matting`] | the photograph | that coarse matte |
//! | [`regions`] | the photograph, and what the networks answered | a tree of regions, and which one a click means |
//! | `plate` | the coarse matte, and a picture of the scene without the subject, if the caller brings one | the coarse matte with what differs |
//! | [`mod@guide`] | the coarse matte, and the caller's settings | the coarse matte that a person steered |
//! | `assess` | the coarse matte, and what it was made from | how probably the cut is good, and where a person should look |
//! | [`mod@refine`] | photograph and coarse matte | [`Matte`]: at the photograph's size, and as sharp |
//! | [`own_path`] | the file, if the caller asks for its path | [`Matte`], without a network |
//! | [`mask_file`] | the untrusted bytes of a mask, if the caller brings one | [`Matte`], without a network |
//! | [`clip`] | the matte | a vector [`ClippingPath`], and the hard-edged alpha it encloses |
//! | [`foreground`] | [`RawCutout`]: colors and alpha | [`Cutout`]: the subject's own colors where it is partial |
//! | [`mod@compose`] | [`Cutout`], shadow and background | [`Composed`]: a picture on a canvas |
//! | `preview` | a finished picture | small ones for screens and lists |
//! | [`mod@encode`] | [`Document`]: a cut-out or composed picture, the original, the path | the bytes of a file |
//! | [`mod@insert`] | a file as it came, and a path | a [`Patch`](insert::Patch): that file with the path, pixels untouched |
//!
//! This crate knows nothing of jobs, storage or requests. [`Imaging`] implements the domain's
//! [`Pipeline`](cutline_core::ports::Pipeline). Of the domain, this crate uses that port and plain values: formats,
//! limits, parameter sets.

mod assess;
pub mod clip;
mod combined_path;
pub mod compose;
mod cutout;
pub mod decode;
mod digital_source_type;
pub mod encode;
mod error;
mod file_colors;
pub mod foreground;
pub mod fuse;
pub mod guide;
pub mod insert;
pub mod mask_file;
mod matte;
pub mod matting;
pub mod models;
mod native_colors;
mod own_alpha;
pub mod own_path;
pub mod path;
mod photo;
mod photoshop;
mod pipeline;
mod planes;
mod plate;
mod preview;
mod profile_light;
pub mod refine;
pub mod regions;
mod resample;
mod sample;
pub mod segment;
pub mod shadow;
mod source_metadata;

pub use assess::Features;
pub use compose::Composed;
pub use cutout::{Cutout, RawCutout};
pub use decode::{Limits, decode};
pub use digital_source_type::DigitalSourceType;
pub use encode::{Document, encode};
pub use error::{Cause, Error};
pub use file_colors::{BitDepth, EmbeddedProfile, FileColors};
pub use matte::Matte;
pub use matting::Matting;
pub use path::ClippingPath;
pub use photo::{ImageMetadata, Photo};
pub use pipeline::Imaging;
pub use planes::{BlackPlane, PlanarRgba};
pub use sample::{ColorSample, Colors};
pub use source_metadata::SourceMetadata;
