//! From a picture to its tree.

use image::RgbImage;

use super::edges::edge_strength;
use super::file;
use super::merge::{Hierarchy, merge};
use super::tree::{MAX_LEAVES, MAX_SIDE, RegionTree};
use super::watershed::watershed;
use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::resample;

impl RegionTree {
    /// Divides a picture. Edges of the mattes count like those of its colors.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub fn build(picture: &RgbImage, mattes: &[&CoarseMatte]) -> Result<Self, Error> {
        let (width, height) = resample::fit_within(picture.width(), picture.height(), MAX_SIDE);
        let colors = resample::shrink(picture, width, height)?;
        let mattes: Vec<_> =
            mattes.iter().map(|matte| resample::resize_matte(matte, width, height)).collect::<Result<_, _>>()?;
        let strength = edge_strength(&colors, width as usize, &mattes);
        let (basins, count) = watershed(&strength, width as usize);
        let mut max_leaves = MAX_LEAVES;
        loop {
            let Hierarchy { labels, merges } = merge(&basins, count, &strength, width as usize, max_leaves);
            let tree = Self::new(width, labels, merges);
            // Only a picture of noise has outlines that long.
            if max_leaves == 1 || tree.to_bytes().len() <= file::MAX_BYTES {
                return Ok(tree);
            }
            max_leaves /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::super::samples::sign;
    use super::super::tree::NodeId;
    use super::*;

    fn leaf(tree: &RegionTree, x: usize, y: usize) -> NodeId {
        tree.leaf_of(y * tree.width as usize + x)
    }

    #[test]
    fn a_letter_is_in_a_sign_is_on_a_wall() {
        let tree = RegionTree::build(&sign(), &[]).expect("builds");
        let areas: Vec<_> = tree.ancestors(leaf(&tree, 50, 36)).map(|node| tree.area(node)).collect();
        // Some pixels of the edges belong to either side.
        let has = |area: u32| areas.iter().any(|other| other.abs_diff(area) <= area / 8);
        assert!(has(12 * 20) && has(48 * 40) && areas.last() == Some(&(120 * 80)), "{areas:?}");
        assert!(areas.is_sorted());
    }

    #[test]
    fn nodes_contain_what_was_merged_into_them() {
        let tree = RegionTree::build(&sign(), &[]).expect("builds");
        let (letter, wall) = (leaf(&tree, 50, 36), leaf(&tree, 3, 3));
        let top = tree.ancestors(letter).last().expect("a root");
        assert!(tree.mask(top).iter().all(|is_in| *is_in));
        assert!(!tree.mask(wall)[36 * 120 + 50] && tree.mask(letter)[36 * 120 + 50]);
        assert_eq!(tree.ancestors(wall).last(), Some(top));
        assert_eq!(tree.span(top), 0..tree.leaves());
    }

    #[test]
    fn an_edge_of_a_matte_divides_equal_colors() {
        let plain = RgbImage::from_pixel(64, 64, Rgb([90; 3]));
        assert_eq!(RegionTree::build(&plain, &[]).expect("builds").leaves(), 1);
        let values = (0..64 * 64).map(|at| if at % 64 < 20 { 1.0 } else { 0.0 }).collect();
        let matte = CoarseMatte::new(64, values).expect("a square");
        let tree = RegionTree::build(&plain, &[&matte]).expect("builds");
        assert_ne!(leaf(&tree, 5, 5), leaf(&tree, 50, 5));
    }

    #[test]
    fn a_large_photograph_is_reduced() {
        let tree = RegionTree::build(&RgbImage::new(3000, 20), &[]).expect("builds");
        assert_eq!(tree.dimensions(), (1024, 7));
        assert_eq!(RegionTree::build(&RgbImage::new(1, 1), &[]).expect("builds").dimensions(), (1, 1));
    }
}
