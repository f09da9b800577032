//! The stages from outside, without model weights: decoding, refusing, cutting and writing.

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
