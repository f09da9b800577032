//! From a matte to a vector path, and from a path back to pixels.
//!
//! [`trace()`] finds the outlines of a matte at alpha 0.5 ([`contour()`]), moves them inwards on request, drops small ones,
//! finds corners, and fits as few cubic Bézier curves as stay within a tolerance. [`deviation()`] measures how close a path
//! is to the outline, and [`rasterize`] renders a path as alpha; `combine` does so for a path that a file brings, whose
//! shapes may overlap in any way. [`pathability()`] decides whether a hard outline can represent a subject at all.
//!
//! It neither writes paths into files nor improves mattes.

mod bezier;
mod choose;
mod combine;
mod contour;
mod corners;
mod coverage;
mod deviation;
mod fit;
mod flat_shape;
mod flatten;
mod inset;
mod nesting;
mod pathability;
mod polish;
mod raster;
mod ring;
mod samples;
mod simplify;
mod straighten;
mod trace;

pub(crate) use combine::combine;
pub use contour::{Contour, Outline, contour};
pub use deviation::{Deviation, deviation};
pub use inset::MAX_INSET;
pub use pathability::{Pathability, Verdict, pathability};
pub use raster::rasterize;
pub use simplify::simplified;
pub use trace::{MAX_NODES, Trace, TraceOptions, trace};
