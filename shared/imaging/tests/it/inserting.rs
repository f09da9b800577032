//! A path goes into a customer's own file, and nothing else in it changes.

mod hostile;
pub(crate) mod jpeg;
mod orientation;
mod psd;
mod tiff;
mod whole;

use cutline_core::domain::rendering::{ExistingClippingPath, PathOptions};
use cutline_imaging::insert::{Inserted, Insertion, insert_path};
use cutline_imaging::path::{Node, Point, Subpath};
use cutline_imaging::{ClippingPath, Error};

/// Bytes of a record of a path.
const RECORD: usize = 26;

/// A triangle on a picture of this size.
pub(crate) fn triangle(width: u32, height: u32) -> ClippingPath {
    let (w, h) = (f64::from(width), f64::from(height));
    let nodes = [(w * 0.25, h * 0.25), (w * 0.75, h * 0.5), (w * 0.25, h * 0.75)];
    ClippingPath { width, height, subpaths: vec![Subpath { nodes: nodes.map(corner).into(), hole: false }] }
}

/// A path of this many nodes.
fn long_path(nodes: usize) -> ClippingPath {
    let node = |index: usize| corner((index as f64 / 100.0, (index % 7) as f64));
    ClippingPath {
        width: 40,
        height: 30,
        subpaths: vec![Subpath { nodes: (0..nodes).map(node).collect(), hole: false }],
    }
}

fn corner((x, y): (f64, f64)) -> Node {
    let at = Point { x, y };
    Node { before: at, anchor: at, after: at, smooth: false }
}

pub(crate) fn options(name: &str, existing: ExistingClippingPath) -> PathOptions {
    PathOptions { name: name.to_owned().try_into().expect("is a name"), existing, ..PathOptions::default() }
}

fn keep(name: &str) -> PathOptions {
    options(name, ExistingClippingPath::Keep)
}

fn replace(name: &str) -> PathOptions {
    options(name, ExistingClippingPath::Replace)
}

fn planned(file: &[u8], path: &ClippingPath, options: &PathOptions, page: usize) -> Result<Inserted, Error> {
    insert_path(file, &Insertion { path, options, page })
}

/// The file with the path, and the warnings. Checks that the same path inserted again changes nothing.
fn inserted(file: &[u8], path: &ClippingPath, options: &PathOptions) -> (Vec<u8>, Vec<String>) {
    inserted_into_page(file, path, options, 0)
}

fn inserted_into_page(file: &[u8], path: &ClippingPath, options: &PathOptions, page: usize) -> (Vec<u8>, Vec<String>) {
    let Inserted { patch, warnings } = planned(file, path, options, page).expect("takes a path");
    let new = patch.apply(file.to_vec());
    let again = planned(&new, path, options, page).expect("takes the path again");
    assert_eq!(again.patch.edits(), [], "a second run changes nothing");
    (new, warnings)
}

/// A block of image resources.
pub(crate) fn block(signature: &[u8; 4], id: u16, name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut block = [signature.as_slice(), &id.to_be_bytes(), &[name.len() as u8], name].concat();
    block.resize(block.len().next_multiple_of(2), 0);
    block.extend((data.len() as u32).to_be_bytes());
    block.extend(data);
    block.resize(block.len().next_multiple_of(2), 0);
    block
}

fn photoshop(id: u16, data: &[u8]) -> Vec<u8> {
    block(b"8BIM", id, b"", data)
}

/// A resource 2999 that names a path.
pub(crate) fn clipping_path(name: &[u8]) -> Vec<u8> {
    let mut data = [&[name.len() as u8], name].concat();
    data.resize(data.len().next_multiple_of(2), 0);
    data.extend([0, 0, 0x80, 0, 0, 1]);
    photoshop(2999, &data)
}

/// Blocks as their signature, id, name and data.
type Blocks = Vec<([u8; 4], u16, Vec<u8>, Vec<u8>)>;

/// Divides resources into blocks.
fn blocks(mut resources: &[u8]) -> Blocks {
    let mut blocks = Vec::new();
    while resources.len() >= 12 {
        let (head, rest) = resources.split_at(6);
        let name_length = usize::from(rest[0]);
        let name = rest[1..=name_length].to_vec();
        let rest = &rest[(name_length + 1).next_multiple_of(2)..];
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four")) as usize;
        let data = rest[4..4 + length].to_vec();
        resources = &rest[(4 + length.next_multiple_of(2)).min(rest.len())..];
        blocks.push((head[..4].try_into().expect("four"), u16::from_be_bytes([head[4], head[5]]), name, data));
    }
    assert!(resources.iter().all(|byte| *byte == 0), "the blocks fill the resources: {resources:?}");
    blocks
}

/// The ids of Photoshop's blocks, in order.
fn ids(blocks: &Blocks) -> Vec<u16> {
    blocks.iter().filter(|(signature, ..)| signature == b"8BIM").map(|(_, id, ..)| *id).collect()
}

/// The name in resource 2999.
fn clipping_path_name(blocks: &Blocks) -> Option<Vec<u8>> {
    let (.., data) = blocks.iter().find(|(signature, id, ..)| signature == b"8BIM" && *id == 2999)?;
    Some(data[1..=usize::from(data[0])].to_vec())
}

/// Resources of many kinds: credit, a path, blocks of other programs, a work path, a thumbnail, an IPTC digest.
fn varied_resources() -> Vec<u8> {
    [
        photoshop(1036, b"thumbnail"),
        block(b"MeSa", 7, b"odd", b"measured"),
        photoshop(1028, b"\x1C\x02\x50\0\x03Bob"),
        block(b"PHUT", 2000, b"", b"x"),
        block(b"8BIM", 2000, b"Work", &[0; RECORD]),
        photoshop(1025, &[0; RECORD]),
        block(b"AgHg", 1, b"", b""),
        block(b"DCSR", 2001, b"", b"12"),
        block(b"ZZZZ", 2999, b"", b"unknown"),
        photoshop(1061, &[9; 16]),
        photoshop(1033, b"old thumbnail"),
    ]
    .concat()
}

/// Checks that the blocks of `old` are in `new`, in order and unchanged, except those with these ids of Photoshop.
fn assert_keeps(old: &Blocks, new: &Blocks, except: &[u16]) {
    let others = |blocks: &Blocks| -> Blocks {
        let is_other = |(signature, id, ..): &&([u8; 4], u16, _, _)| signature != b"8BIM" || !except.contains(id);
        blocks.iter().filter(is_other).cloned().collect()
    };
    assert_eq!(others(old), others(new));
}
