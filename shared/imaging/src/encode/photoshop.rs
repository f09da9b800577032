//! Photoshop's image resource blocks, and the clipping path that two of them hold. PSD files contain them directly, JPEG
//! files in a segment, and TIFF files in a tag.
//!
//! Source: Adobe, "Photoshop File Formats Specification", sections "Image resource blocks" and "Path resource format".

use cutline_core::Channels;
use cutline_core::domain::rendering::{PathOptions, Rendering};

use super::document::Document;
use crate::error::Cause;
use crate::path::{ClippingPath, Node, Point};

/// The resource with IPTC data.
pub(super) const IPTC: u16 = 1028;
/// The first resource for paths.
const PATH: u16 = 2000;
/// The resource that names the clipping path.
const CLIPPING_PATH_NAME: u16 = 2999;
/// Bytes of a record in a path resource.
const RECORD: usize = 26;

/// The kind of a record in a path resource.
mod selector {
    pub(super) const CLOSED_SUBPATH: u16 = 0;
    pub(super) const CLOSED_LINKED_KNOT: u16 = 1;
    pub(super) const CLOSED_UNLINKED_KNOT: u16 = 2;
    pub(super) const FILL_RULE: u16 = 6;
    pub(super) const INITIAL_FILL: u16 = 8;
}

/// Appends a resource to `resources`. The name has at most 255 bytes; most resources have none.
pub(super) fn append(resources: &mut Vec<u8>, id: u16, name: &[u8], data: &[u8]) -> Result<(), Cause> {
    resources.extend(b"8BIM");
    resources.extend(id.to_be_bytes());
    resources.extend(pascal(name, 2)?);
    resources.extend(u32::try_from(data.len())?.to_be_bytes());
    resources.extend(data);
    resources.extend((data.len() % 2 == 1).then_some(0));
    Ok(())
}

/// A string preceded by its length in one byte, padded with zeros to a multiple of `multiple` bytes.
pub(super) fn pascal(text: &[u8], multiple: usize) -> Result<Vec<u8>, Cause> {
    let mut string = [&[u8::try_from(text.len())?], text].concat();
    string.resize(string.len().next_multiple_of(multiple), 0);
    Ok(string)
}

/// UTF-16 text preceded by its length.
pub(super) fn unicode(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut bytes = (units.len() as u32).to_be_bytes().to_vec();
    bytes.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    bytes
}

/// The resources of the document's clipping path; empty if the file does not get one.
pub(super) fn path_resources(document: &Document<'_>, rendering: &Rendering) -> Result<Vec<u8>, Cause> {
    match document.path {
        Some(path) if rendering.channels == Channels::Rgba && !path.subpaths.is_empty() => {
            clipping_path(path, &rendering.path)
        }
        _ => Ok(Vec::new()),
    }
}

/// The path itself, and the resource that makes it the clipping path.
fn clipping_path(path: &ClippingPath, options: &PathOptions) -> Result<Vec<u8>, Cause> {
    let name = encoded_name(options.name.as_str());
    let mut resources = Vec::with_capacity(path.nodes() * RECORD + 1024);
    append(&mut resources, PATH, &name, &records(path)?)?;
    // The name, the flatness as a 16.16 fixed-point number (0: the device decides), and the fill rule, which readers
    // ignore.
    let flatness = (f64::from(options.flatness.get().unwrap_or(0.0)) * 65_536.0).round() as u32;
    let data = [pascal(&name, 2)?, flatness.to_be_bytes().to_vec(), vec![0, 1]].concat();
    append(&mut resources, CLIPPING_PATH_NAME, &[], &data)?;
    Ok(resources)
}

/// The bytes of a path's name. The format has no Unicode form of it and does not state an encoding. ExifTool reads
/// Latin 1, so that is used where it suffices; otherwise UTF-8 after a byte order mark, which marks it as such.
fn encoded_name(name: &str) -> Vec<u8> {
    let latin: Result<Vec<u8>, _> = name.chars().map(|character| u8::try_from(u32::from(character))).collect();
    latin.unwrap_or_else(|_| ["\u{FEFF}", name].concat().into_bytes())
}

/// The content of the path resource.
fn records(path: &ClippingPath) -> Result<Vec<u8>, Cause> {
    let (width, height) = (f64::from(path.width), f64::from(path.height));
    let mut records = Vec::with_capacity((path.nodes() + path.subpaths.len() + 2) * RECORD);
    let mut put = |selector: u16, content: &[u8]| {
        records.extend(selector.to_be_bytes());
        records.extend(content);
        records.resize(records.len().next_multiple_of(RECORD), 0);
    };
    put(selector::FILL_RULE, &[]);
    // 0: start with nothing filled.
    put(selector::INITIAL_FILL, &[0, 0]);
    for subpath in path.subpaths.iter().filter(|subpath| !subpath.nodes.is_empty()) {
        let knots = i16::try_from(subpath.nodes.len())
            .map_err(|_| "clipping path too complex: an outline has more than 32,767 nodes")?;
        // The zeros after the count mean that overlapping outlines exclude each other, so that holes are holes.
        put(selector::CLOSED_SUBPATH, &knots.to_be_bytes());
        for Node { before, anchor, after, smooth } in &subpath.nodes {
            let linked = if *smooth { selector::CLOSED_LINKED_KNOT } else { selector::CLOSED_UNLINKED_KNOT };
            let mut content = [0; 24];
            for (to, point) in content.chunks_exact_mut(8).zip([before, anchor, after]) {
                to.copy_from_slice(&coordinates(*point, width, height));
            }
            put(linked, &content);
        }
    }
    Ok(records)
}

/// A point as shares of the picture's height and then width, in 8.24 fixed-point numbers.
fn coordinates(point: Point, width: f64, height: f64) -> [u8; 8] {
    // The cast saturates, and turns NaN into 0.
    let fixed = |value: f64, of: f64| ((value / of * f64::from(1 << 24)).round() as i32).to_be_bytes();
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&fixed(point.y, height));
    bytes[4..].copy_from_slice(&fixed(point.x, width));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Subpath;

    fn node(x: f64, y: f64, smooth: bool) -> Node {
        let at = |x, y| Point { x, y };
        Node { before: at(x - 1.0, y), anchor: at(x, y), after: at(x + 1.0, y), smooth }
    }

    fn path(nodes: Vec<Node>) -> ClippingPath {
        ClippingPath { width: 200, height: 100, subpaths: vec![Subpath { nodes, hole: false }] }
    }

    #[test]
    fn writes_records_in_order_with_y_first() {
        let records = records(&path(vec![node(100.0, 25.0, true), node(-200.0, 100.0, false)])).expect("fits");
        assert_eq!(records.len(), 5 * RECORD);
        let selectors: Vec<u8> = records.chunks(RECORD).map(|record| record[1]).collect();
        assert_eq!(selectors, [6, 8, 0, 1, 2]);
        assert_eq!(records[2 * RECORD + 2..][..2], [0, 2]);
        let knot = &records[3 * RECORD + 2..][..24];
        // A quarter of the height; half of the width, and one pixel, 1/200, before and after it.
        assert_eq!(knot[8..16], [0, 0x40, 0, 0, 0, 0x80, 0, 0]);
        assert_eq!(i32::from_be_bytes(knot[4..8].try_into().expect("four")), (0.495 * 16_777_216.0_f64).round() as i32);
        assert_eq!(i32::from_be_bytes(knot[20..].try_into().expect("four")), (0.505 * 16_777_216.0_f64).round() as i32);
        let last = &records[4 * RECORD + 2..];
        assert_eq!(last[8..16], [1, 0, 0, 0, 0xFF, 0, 0, 0]);
    }

    #[test]
    fn pads_resources_and_repeats_the_name() {
        for name in ["Cutline Path", "Pfad", "Größe", "路径", &"𝕏".repeat(63)] {
            let options = PathOptions { name: name.to_owned().try_into().expect("is a name"), ..Default::default() };
            let resources = clipping_path(&path(vec![node(1.0, 1.0, false); 2]), &options).expect("fits");
            assert_eq!(resources.len() % 2, 0);
            let named = pascal(&encoded_name(name), 2).expect("fits");
            assert_eq!(resources.windows(named.len()).filter(|window| *window == named).count(), 2, "{name}");
        }
        assert_eq!(encoded_name("Größe"), b"Gr\xF6\xDFe");
    }

    #[test]
    fn rejects_too_many_nodes_and_accepts_non_finite_points() {
        assert!(records(&path(vec![node(0.0, 0.0, false); 65_536])).is_err());
        assert!(records(&path(vec![node(f64::NAN, f64::INFINITY, false); 2])).is_ok());
    }
}
