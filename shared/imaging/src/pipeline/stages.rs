//! The stages of the pipeline, one file each, in the order in which they run.

mod brought_matte;
mod clean_plate;
mod composed_pictures;
mod crop_window;
mod decode;
mod empty_draft;
mod framed_picture;
mod original_picture;
mod own_shadow;
mod photo_pictures;
mod predict;
mod refine;
mod steer;
mod trace_outline;

pub(super) use brought_matte::{SizedPhoto, brought_matte};
pub(super) use clean_plate::{FramedPhoto, PlateCut, clean_plate};
pub(super) use composed_pictures::{ComposedInput, composed_pictures};
pub(super) use crop_window::crop_window;
pub(super) use decode::decode;
pub(super) use empty_draft::{EmptyDraft, empty_draft};
pub(super) use framed_picture::{FramedInput, framed_picture};
pub(super) use original_picture::original_picture;
pub(super) use own_shadow::{own_shadow, studio};
pub(super) use photo_pictures::{PhotoPictureWriter, background_picture, clipping_picture};
pub(super) use predict::predict;
pub(super) use refine::refine;
pub(super) use steer::{SeenPicture, new_evidence, seen, steer};
pub(super) use trace_outline::{Outline, trace_outline};
