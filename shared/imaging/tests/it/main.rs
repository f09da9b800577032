//! The stages from outside, without any weights: what is decoded, refused, cut and written.

mod bad_input;
mod clipping;
mod composing;
mod decoding;
mod encoding;
mod files;
mod foreground;
mod kinds;
mod params;
mod pipeline;
mod shadows;
mod upright;
mod webp;
