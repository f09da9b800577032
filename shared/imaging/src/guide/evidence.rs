//! The evidence of a cut, from which it can be made again without the networks: their mattes, and the tree of regions.
//!
//! As bytes: `CLEV`, the version, the length of the tree, the sides of the mattes (0 for a missing one), the
//! part of the photograph, the tree, then both
//! mattes with 16 bits a value, compressed. Numbers are little-endian.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use image::RgbImage;

use super::frame::Frame;
use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::matting::NetworkMattes;
use crate::regions::{InvalidTree, RegionTree};

const MAGIC: [u8; 4] = *b"CLEV";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 1 + 8 + 8;
/// Where the part of the photograph stands in the header.
const PART: std::ops::Range<usize> = HEADER - 8..HEADER;

/// The first bytes of a file of regions: its signature and version.
const REGIONS: [u8; 5] = *b"CLRG\x01";
/// The largest side of a network's matte.
const MAX_SIDE: u16 = 2048;

/// How far the part may lie off when the photograph is reduced, in 65,535ths: rounding to whole pixels.
const MAX_SHIFT: u16 = 200;

/// The networks' answers for a frame of a photograph, and the tree of its regions.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The part of the photograph that the networks saw, in 65,535ths of its sides: left, top, width, height.
    part: [u16; 4],
    mattes: NetworkMattes,
    tree: RegionTree,
}

/// The bytes are not the evidence of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvidence {
    /// Written by another release, or something else.
    #[error("unknown format of a cut's evidence: expected version {VERSION}; make the cut again")]
    Version,
    /// The content contradicts itself.
    #[error("damaged evidence of a cut: {0}; make the cut again")]
    Damaged(
        /// The problem, as a clause.
        &'static str,
    ),
    /// Its tree is invalid.
    #[error(transparent)]
    Tree(#[from] InvalidTree),
}

impl Evidence {
    /// The evidence in the frame's part of a photograph, `picture`, and the networks' answers for it.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub fn new(frame: &Frame, picture: &RgbImage, mattes: NetworkMattes) -> Result<Self, Error> {
        let both: Vec<&CoarseMatte> = [Some(&mattes.detail), mattes.whole.as_ref()].into_iter().flatten().collect();
        let tree = RegionTree::build(picture, &both)?;
        Ok(Self { part: frame.part_shares(), mattes, tree })
    }

    /// Whether it is about this frame's part of the photograph, which may have another size by now.
    pub fn is_of(&self, frame: &Frame) -> bool {
        self.part.iter().zip(frame.part_shares()).all(|(one, other)| one.abs_diff(other) <= MAX_SHIFT)
    }

    /// The networks' answers.
    pub fn mattes(&self) -> &NetworkMattes {
        &self.mattes
    }

    /// The tree of regions.
    pub fn tree(&self) -> &RegionTree {
        &self.tree
    }

    /// The evidence as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tree = self.tree.to_bytes();
        let sides =
            [Some(&self.mattes.detail), self.mattes.whole.as_ref()].map(|matte| matte.map_or(0, CoarseMatte::side));
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&(tree.len() as u32).to_le_bytes());
        let sides = sides.into_iter().map(|side| side as u16);
        sides.chain(self.part).for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        bytes.extend_from_slice(&tree);
        let mut encoder = DeflateEncoder::new(bytes, Compression::fast());
        let values = [Some(&self.mattes.detail), self.mattes.whole.as_ref()].into_iter().flatten().flat_map(planes);
        match encoder.write_all(&values.collect::<Vec<u8>>()).and_then(|()| encoder.finish()) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("memory can be written: {error}"),
        }
    }

    /// Reads evidence back.
    ///
    /// # Errors
    /// [`InvalidEvidence`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidEvidence> {
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(InvalidEvidence::Version)?;
        let [b'C', b'L', b'E', b'V', VERSION, a, b, c, d, numbers @ ..] = header else {
            return Err(InvalidEvidence::Version);
        };
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let (tree, packed) = rest.split_at_checked(length).ok_or(InvalidEvidence::Damaged("it ends early"))?;
        let numbers: Vec<u16> = numbers.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
        let &[detail, whole, left, top, width, height] = numbers.as_slice() else {
            return Err(InvalidEvidence::Version);
        };
        if detail == 0 || detail.max(whole) > MAX_SIDE {
            return Err(InvalidEvidence::Damaged("its mattes' size is out of range"));
        }
        let mut unpacked = DeflateDecoder::new(packed);
        let detail = read_planes(&mut unpacked, detail)?;
        let whole = if whole == 0 { None } else { Some(read_planes(&mut unpacked, whole)?) };
        if !matches!(unpacked.read(&mut [0]), Ok(0)) {
            return Err(InvalidEvidence::Damaged("its mattes have another length"));
        }
        let part = [left, top, width, height];
        Ok(Self { part, mattes: NetworkMattes { detail, whole }, tree: RegionTree::from_bytes(tree)? })
    }
}

/// The file of regions for a page, from evidence as bytes: `CLRG`, the version, the part of the photograph that the regions
/// divide, then the tree as bytes. `docs/regions.md` describes all of it.
pub fn regions_file(evidence: &[u8]) -> Vec<u8> {
    let length = evidence.get(MAGIC.len() + 1..).and_then(|rest| rest.first_chunk());
    let length = length.map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    let part = evidence.get(PART).unwrap_or_default();
    let tree = evidence.get(HEADER..).and_then(|rest| rest.get(..length)).unwrap_or_default();
    [&REGIONS[..], part, tree].concat()
}

/// The values' upper bytes, then their lower ones, which compress worse; each as the difference to the one before.
fn planes(matte: &CoarseMatte) -> Vec<u8> {
    let mut last = 0_u16;
    let values: Vec<u16> = matte
        .values()
        .iter()
        .map(|value| {
            let value = (value * f32::from(u16::MAX)).round() as u16;
            value.wrapping_sub(std::mem::replace(&mut last, value))
        })
        .collect();
    let upper = values.iter().map(|value| (value >> 8) as u8);
    upper.chain(values.iter().map(|value| *value as u8)).collect()
}

fn read_planes(unpacked: &mut impl Read, side: u16) -> Result<CoarseMatte, InvalidEvidence> {
    let length = usize::from(side) * usize::from(side);
    let mut bytes = vec![0; 2 * length];
    unpacked.read_exact(&mut bytes).map_err(|_| InvalidEvidence::Damaged("its mattes have another length"))?;
    let (upper, lower) = bytes.split_at(length);
    let mut last = 0_u16;
    let values = upper.iter().zip(lower).map(|(upper, lower)| {
        last = last.wrapping_add(u16::from_be_bytes([*upper, *lower]));
        f32::from(last) / f32::from(u16::MAX)
    });
    CoarseMatte::new(side.into(), values.collect()).ok_or(InvalidEvidence::Damaged("its mattes are not square"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn evidence(with_whole: bool) -> Evidence {
        let picture = RgbImage::from_fn(60, 40, |x, y| image::Rgb([(x * 4) as u8, (y * 6) as u8, 90]));
        let matte = |side: u32| {
            let values = (0..side * side).map(|at| (at % side) as f32 / side as f32).collect();
            CoarseMatte::new(side, values).expect("a square")
        };
        let mattes = NetworkMattes { detail: matte(64), whole: with_whole.then(|| matte(32)) };
        let frame = Frame::new((60, 40), None).expect("whole");
        Evidence::new(&frame, &picture, mattes).expect("has a tree")
    }

    #[test]
    fn evidence_survives_to_a_65_535th() {
        for with_whole in [true, false] {
            let evidence = evidence(with_whole);
            let again = Evidence::from_bytes(&evidence.to_bytes()).expect("is valid");
            assert_eq!((again.tree(), again.mattes.whole.is_some()), (evidence.tree(), with_whole));
            let pairs = again.mattes.detail.values().iter().zip(evidence.mattes.detail.values());
            assert!(pairs.into_iter().all(|(one, other)| (one - other).abs() < 1.0 / 65_000.0));
        }
    }

    #[test]
    fn a_file_of_regions_is_the_part_and_the_tree() {
        let evidence = evidence(true);
        let file = regions_file(&evidence.to_bytes());
        let (head, tree) = file.split_at(REGIONS.len() + 8);
        assert_eq!(head, [&REGIONS[..], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat(), "the whole photograph");
        assert_eq!(RegionTree::from_bytes(tree).as_ref(), Ok(evidence.tree()));
    }

    #[test]
    fn names_what_is_wrong() {
        let bytes = evidence(true).to_bytes();
        assert_eq!(Evidence::from_bytes(b"CLE"), Err(InvalidEvidence::Version));
        assert_eq!(Evidence::from_bytes(&[&bytes[..4], &[9], &bytes[5..]].concat()), Err(InvalidEvidence::Version));
        for length in [HEADER, HEADER + 40, bytes.len() - 20] {
            assert!(matches!(Evidence::from_bytes(&bytes[..length]), Err(InvalidEvidence::Damaged(_))), "{length}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_harmless(at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut bytes = evidence(true).to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = value;
            // The tree within is checked too.
            drop(Evidence::from_bytes(&bytes));
        }
    }
}
