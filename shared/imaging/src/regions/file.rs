//! A tree as bytes: `CLRT`, the version, width, height and number of leaves, then compressed: how each pixel's label
//! follows from its neighbors, the labels that do not, and the merges. Numbers are little-endian.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::merge::Merge;
use super::tree::{MAX_LEAVES, MAX_SIDE, RegionTree};

/// The most bytes of a tree.
pub const MAX_BYTES: usize = 200_000;

const MAGIC: [u8; 4] = *b"CLRT";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 1 + 6;
/// Two nodes, and the height.
const MERGE: usize = 8;

/// How a pixel's label is given.
const AS_LEFT: u8 = 0;
const AS_ABOVE: u8 = 1;
/// The lowest number that is not used yet.
const NEW: u8 = 2;
/// A number of the list.
const LISTED: u8 = 3;

/// The bytes are not a tree of regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTree {
    /// Written by another release, or not a tree at all.
    #[error("unknown format of a region tree: expected version {VERSION}; make the cut again")]
    Version,
    /// The content contradicts itself.
    #[error("damaged region tree: {0}; make the cut again")]
    Damaged(
        /// The problem, as a clause.
        &'static str,
    ),
}

impl RegionTree {
    /// The tree as bytes, at most [`MAX_BYTES`].
    pub fn to_bytes(&self) -> Vec<u8> {
        write(self)
    }

    /// Reads a tree back.
    ///
    /// # Errors
    /// [`InvalidTree`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTree> {
        read(bytes)
    }
}

fn write(tree: &RegionTree) -> Vec<u8> {
    let (width, height) = tree.dimensions();
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    for number in [width as u16, height as u16, tree.leaves() as u16] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let (mut steps, mut listed, mut used) = (Vec::with_capacity(tree.labels.len()), Vec::new(), 0);
    for (at, &label) in tree.labels.iter().enumerate() {
        steps.push(match neighbors(&tree.labels, at, width as usize) {
            (Some(left), _) if left == label => AS_LEFT,
            (_, Some(above)) if above == label => AS_ABOVE,
            _ if label == used => {
                used += 1;
                NEW
            }
            _ => {
                listed.extend_from_slice(&label.to_le_bytes());
                LISTED
            }
        });
    }
    let merges = tree.merges.iter().flat_map(|Merge { nodes, height }| {
        let [one, other] = nodes.map(|node| (node as u16).to_le_bytes());
        [one, other].concat().into_iter().chain(height.to_le_bytes())
    });
    let mut encoder = DeflateEncoder::new(bytes, Compression::new(6));
    let content = [steps, listed, merges.collect()].concat();
    match encoder.write_all(&content).and_then(|()| encoder.finish()) {
        Ok(bytes) => bytes,
        Err(error) => unreachable!("memory can be written: {error}"),
    }
}

fn read(bytes: &[u8]) -> Result<RegionTree, InvalidTree> {
    let (header, packed) = bytes.split_at_checked(HEADER).ok_or(InvalidTree::Version)?;
    if bytes.len() > MAX_BYTES || header[..4] != MAGIC || header[4] != VERSION {
        return Err(InvalidTree::Version);
    }
    let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (width, height, leaves) = (number(5), number(7), number(9));
    let is_side = |side: u16| (1..=MAX_SIDE).contains(&side.into());
    let pixels = usize::from(width) * usize::from(height);
    if !is_side(width) || !is_side(height) || leaves == 0 || usize::from(leaves) > MAX_LEAVES.min(pixels) {
        return Err(InvalidTree::Damaged("its size is out of range"));
    }
    let merges = usize::from(leaves) - 1;
    // Each pixel has one step, and at most one number.
    let max_bytes = 3 * pixels + MERGE * merges;
    let mut content = Vec::new();
    let read = DeflateDecoder::new(packed).take(max_bytes as u64 + 1).read_to_end(&mut content);
    if read.is_err() || content.len() > max_bytes || content.len() < pixels + MERGE * merges {
        return Err(InvalidTree::Damaged("its content has another length"));
    }
    let (steps, rest) = content.split_at(pixels);
    let (listed, merged) = rest.split_at(rest.len() - MERGE * merges);
    let labels = read_labels(steps, listed, usize::from(width), leaves)?;
    let merges = read_merges(merged, leaves)?;
    Ok(RegionTree::new(width.into(), labels, merges))
}

fn read_labels(steps: &[u8], listed: &[u8], width: usize, leaves: u16) -> Result<Vec<u16>, InvalidTree> {
    let (mut labels, mut used) = (Vec::with_capacity(steps.len()), 0);
    let (listed, odd) = listed.as_chunks::<2>();
    let mut listed = listed.iter().map(|bytes| u16::from_le_bytes(*bytes));
    for (at, step) in steps.iter().enumerate() {
        let (left, above) = neighbors(&labels, at, width);
        let label = match *step {
            AS_LEFT => left,
            AS_ABOVE => above,
            NEW => {
                used += 1;
                Some(used - 1)
            }
            LISTED => listed.next(),
            _ => None,
        };
        labels.push(label.filter(|label| *label < used.min(leaves)).ok_or(InvalidTree::Damaged("a label is missing"))?);
    }
    if used != leaves || listed.next().is_some() || !odd.is_empty() {
        return Err(InvalidTree::Damaged("it has another number of labels"));
    }
    Ok(labels)
}

fn read_merges(merged: &[u8], leaves: u16) -> Result<Vec<Merge>, InvalidTree> {
    let wrong = InvalidTree::Damaged("its merges are no tree");
    let mut is_part = vec![false; 2 * usize::from(leaves)];
    let mut lowest = 0.0_f32;
    let chunks = merged.as_chunks::<MERGE>().0.iter().enumerate();
    let merges = chunks.map(|(index, &[a, b, c, d, height @ ..])| {
        let height = f32::from_le_bytes(height);
        let nodes = [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])].map(u32::from);
        for node in nodes {
            let is_known = (node as usize) < usize::from(leaves) + index;
            if !is_known || std::mem::replace(&mut is_part[node as usize], true) {
                return Err(wrong);
            }
        }
        if !height.is_finite() || height < lowest {
            return Err(wrong);
        }
        lowest = height;
        Ok(Merge { nodes, height })
    });
    merges.collect()
}

/// The labels to the left of and above a pixel.
fn neighbors(labels: &[u16], at: usize, width: usize) -> (Option<u16>, Option<u16>) {
    let left = (!at.is_multiple_of(width)).then(|| labels[at - 1]);
    (left, at.checked_sub(width).map(|above| labels[above]))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};
    use proptest::prelude::*;

    use super::super::samples::sign;
    use super::*;

    /// A picture in which neither neighbors nor rows resemble each other.
    fn noise(width: u32, height: u32) -> RgbImage {
        let mut state = 1_u64;
        RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Rgb([(state >> 56) as u8, (state >> 48) as u8, (state >> 40) as u8])
        })
    }

    #[test]
    fn a_tree_survives() {
        for picture in [sign(), noise(70, 50), RgbImage::new(1, 1), RgbImage::new(1, 30)] {
            let tree = RegionTree::build(&picture, &[]).expect("builds");
            assert_eq!(RegionTree::from_bytes(&tree.to_bytes()), Ok(tree));
        }
    }

    #[test]
    fn even_noise_fits() {
        let tree = RegionTree::build(&noise(1024, 1024), &[]).expect("builds");
        let bytes = tree.to_bytes();
        assert!(bytes.len() <= MAX_BYTES && tree.leaves() > 100, "{} in {} bytes", tree.leaves(), bytes.len());
    }

    #[test]
    fn names_what_is_wrong() {
        let bytes = RegionTree::build(&sign(), &[]).expect("builds").to_bytes();
        assert_eq!(RegionTree::from_bytes(b"CLRT"), Err(InvalidTree::Version));
        let newer = [&bytes[..4], &[2], &bytes[5..]].concat();
        assert_eq!(RegionTree::from_bytes(&newer), Err(InvalidTree::Version));
        let wide = [&bytes[..5], &[0xff, 0xff], &bytes[7..]].concat();
        assert_eq!(RegionTree::from_bytes(&wide), Err(InvalidTree::Damaged("its size is out of range")));
        let short = &bytes[..bytes.len() / 2];
        assert_eq!(RegionTree::from_bytes(short), Err(InvalidTree::Damaged("its content has another length")));
    }

    proptest! {
        /// A damaged file is refused, or is another valid tree: it never panics.
        #[test]
        fn damage_is_harmless(at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut bytes = RegionTree::build(&sign(), &[]).expect("builds").to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = value;
            if let Ok(tree) = RegionTree::from_bytes(&bytes) {
                prop_assert_eq!(RegionTree::from_bytes(&tree.to_bytes()), Ok(tree));
            }
        }
    }
}
