//! Paths as resources: the records of a path, and the resource that makes one of them the clipping path.

use super::blocks::pascal;
use super::record::{self, ONE};
use crate::error::Cause;
use crate::path::{ClippingPath, Node, Point};

/// The largest coordinate, in pictures: the format has 8 bits in front of the point, and Photoshop uses 5 of them.
const MAX_COORDINATE: f64 = 16.0;

/// The content of the resource that makes the path of this name the clipping path.
///
/// # Errors
/// If the name is longer than 255 bytes.
pub(crate) fn clipping_path_name(name: &[u8], flatness: Option<f32>) -> Result<Vec<u8>, Cause> {
    // The name, the flatness as a 16.16 fixed-point number (0: the device decides), and the fill rule, which readers
    // ignore.
    let flatness = (f64::from(flatness.unwrap_or(0.0)) * 65_536.0).round() as u32;
    Ok([pascal(name, 2)?, flatness.to_be_bytes().to_vec(), vec![0, 1]].concat())
}

/// The name in the content of that resource; `None` if it names no path.
pub(crate) fn name_in_clipping_path(data: &[u8]) -> Option<&[u8]> {
    let (length, rest) = data.split_first()?;
    rest.get(..usize::from(*length)).filter(|name| !name.is_empty())
}

/// The bytes of a path's name. The format has no Unicode form of it and does not state an encoding. ExifTool reads
/// Latin 1, so that is used where it suffices; otherwise UTF-8 after a byte order mark, which marks it as such.
pub(crate) fn encoded_name(name: &str) -> Vec<u8> {
    let latin: Result<Vec<u8>, _> = name.chars().map(|character| u8::try_from(u32::from(character))).collect();
    latin.unwrap_or_else(|_| ["\u{FEFF}", name].concat().into_bytes())
}

/// The text of a path's name, without control characters.
pub(crate) fn decoded_name(name: &[u8]) -> String {
    let text = match name.strip_prefix("\u{FEFF}".as_bytes()) {
        Some(name) => String::from_utf8_lossy(name).into_owned(),
        None => name.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.replace(char::is_control, " ")
}

/// The content of the resource of a path. Coordinates are limited to 16 pictures in every direction.
///
/// # Errors
/// If an outline has more than 32,767 nodes.
pub(crate) fn records(path: &ClippingPath) -> Result<Vec<u8>, Cause> {
    let (width, height) = (f64::from(path.width), f64::from(path.height));
    let mut records = Vec::with_capacity((path.nodes() + path.subpaths.len() + 2) * record::LENGTH);
    let mut put = |kind: u16, content: &[u8]| {
        records.extend(kind.to_be_bytes());
        records.extend(content);
        records.resize(records.len().next_multiple_of(record::LENGTH), 0);
    };
    put(record::FILL_RULE, &[]);
    // 0: start with nothing filled.
    put(record::INITIAL_FILL, &[0, 0]);
    for subpath in path.subpaths.iter().filter(|subpath| !subpath.nodes.is_empty()) {
        let knots = i16::try_from(subpath.nodes.len())
            .map_err(|_| "clipping path too complex: an outline has more than 32,767 nodes")?;
        // The zeros after the count mean that overlapping outlines exclude each other, so that holes are holes.
        put(record::CLOSED_SUBPATH, &knots.to_be_bytes());
        for Node { before, anchor, after, smooth } in &subpath.nodes {
            let linked = if *smooth { record::CLOSED_LINKED_KNOT } else { record::CLOSED_UNLINKED_KNOT };
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
    // The last step before 16 pictures. The cast turns NaN into 0.
    let (min, max) = (-MAX_COORDINATE * ONE, MAX_COORDINATE * ONE - 1.0);
    let fixed = |value: f64, of: f64| ((value / of * ONE).round().clamp(min, max) as i32).to_be_bytes();
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&fixed(point.y, height));
    bytes[4..].copy_from_slice(&fixed(point.x, width));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Subpath;

    const RECORD: usize = record::LENGTH;

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
    fn a_name_survives_the_resource_of_the_clipping_path() {
        for name in ["Cutline Path", "Pfad", "Größe", "路径", &"𝕏".repeat(63)] {
            let data = clipping_path_name(&encoded_name(name), Some(0.5)).expect("fits");
            assert_eq!(name_in_clipping_path(&data).map(decoded_name).as_deref(), Some(name));
            assert!(data.ends_with(&[0, 0, 0x80, 0, 0, 1]), "{data:?}");
        }
        assert_eq!(encoded_name("Größe"), b"Gr\xF6\xDFe");
        assert_eq!(decoded_name(b"a\nb"), "a b");
        for none in [&b""[..], b"\0\0", b"\x05abc"] {
            assert_eq!(name_in_clipping_path(none), None, "{none:?}");
        }
    }

    #[test]
    fn coordinates_stay_within_sixteen_pictures() {
        let far = path(vec![node(1e9, -1e9, false), node(200.0 * 15.5, 0.0, false)]);
        let records = records(&far).expect("fits");
        let at = |knot: usize| -> [i32; 2] {
            let anchor = &records[(3 + knot) * RECORD + 10..][..8];
            [&anchor[..4], &anchor[4..]].map(|bytes| i32::from_be_bytes(bytes.try_into().expect("four")))
        };
        assert_eq!(at(0), [-16 << 24, (16 << 24) - 1]);
        assert_eq!(at(1), [0, 31 << 23]);
    }

    #[test]
    fn rejects_too_many_nodes_and_accepts_non_finite_points() {
        assert!(records(&path(vec![node(0.0, 0.0, false); 65_536])).is_err());
        assert!(records(&path(vec![node(f64::NAN, f64::INFINITY, false); 2])).is_ok());
    }
}
