//! What goes into a file, and what becomes of it.

use cutline_core::domain::rendering::PathOptions;

use super::patch::Patch;
use crate::path::ClippingPath;

/// A path, and how it goes into a file.
#[derive(Debug, Clone, Copy)]
pub struct Insertion<'a> {
    /// The path, on the pixels as the file stores them: before they are turned upright.
    pub path: &'a ClippingPath,
    /// Its name and flatness, and what happens to a clipping path that the file already has.
    pub options: &'a PathOptions,
    /// The page of a TIFF that gets the path: its place in the chain of directories, from 0. Other kinds have one page.
    pub page: usize,
}

/// The change of a file, and sentences for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// The change.
    pub patch: Patch,
    /// What the owner should know: a clipping path that stays, a signature that no longer verifies.
    pub warnings: Vec<String>,
}
