//! The regions of a photograph: what a person means by a click.
//!
//! A [`RegionTree`] divides the photograph into small regions along its edges and merges them pair by pair, the weakest
//! edge first, up to the whole photograph. Each node is a region that a click may mean: a letter, the sign that it
//! stands on, the wall with the sign. [`select`] finds the node.
//!
//! | module | does |
//! |---|---|
//! | `edges` | how strong the edge at each pixel is, in the colors and in the networks' mattes |
//! | `watershed` | the basins of that relief |
//! | `merge` | which basins merge, and when |
//! | `tree`, `build` | the tree, and the areas of its nodes; how one is made |
//! | `file` | the tree as bytes, and back |
//! | `geodesic` | distances that edges lengthen, where no node is small enough |
//! | [`select`] | from hints to pixels |
//!
//! Sources: L. Vincent and P. Soille, "Watersheds in Digital Spaces", 1991; F. Meyer, "Topographic distance and
//! watershed lines", 1994; P. Arbeláez et al., "Contour Detection and Hierarchical Image Segmentation", 2011, for trees
//! merged by mean edge strength.

mod build;
mod edges;
mod file;
mod geodesic;
mod merge;
#[cfg(test)]
mod samples;
pub mod select;
mod tree;
mod watershed;

pub use file::{InvalidTree, MAX_BYTES};
pub use tree::{MAX_SIDE, NodeId, RegionTree};
pub(crate) use watershed::neighbors;
