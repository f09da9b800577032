//! The stages from outside, without model weights: decoding, refusing, cutting and writing.

mod bad_input;
mod clipping;
mod composing;
mod cropping;
mod decoding;
mod encoding;
mod fidelity;
mod files;
mod foreground;
mod framing;
mod inserting;
mod keeping_metadata;
mod kinds;
mod mask_files;
mod masks;
mod metadata_files;
mod params;
mod pipeline;
mod previews;
mod psd_layers;
mod reading;
mod shadows;
mod steering;
mod svgs;
mod upright;
mod webp;
