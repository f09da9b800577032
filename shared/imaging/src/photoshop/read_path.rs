//! Reading paths: which one cuts the picture, and what its records say.
//!
//! Sources: Adobe's "Photoshop File Formats Specification", section "Path resource format". The operation of a subpath is
//! not in it; it stands behind the number of knots, as every version of Photoshop since 6 writes it.

use super::blocks::Blocks;
use super::path::{decoded_name, name_in_clipping_path};
use super::record;
use super::{CLIPPING_PATH_NAME, PATHS};
use crate::combined_path::{CombinedPath, Operation};
use crate::path::{Node, Point};

/// The most knots of one path. A program that traces an outline finely writes some ten thousand.
pub(crate) const MAX_KNOTS: usize = 50_000;

/// The path that a file is cut by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundPath<'a> {
    /// Its name, without control characters.
    pub(crate) name: String,
    /// The content of its resource.
    pub(crate) records: &'a [u8],
    /// The name of the clipping path, if no path of the file has it.
    pub(crate) missing: Option<String>,
}

/// A path has more than [`MAX_KNOTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyKnots;

/// The clipping path among a file's resources, or else the first of its paths; `None` without a path. Reads up to the first
/// fault in the resources.
pub(crate) fn find_path(resources: &[u8]) -> Option<FoundPath<'_>> {
    let blocks = || Blocks::of(resources).map_while(Result::ok);
    let clipping_path = blocks().find(|block| block.id == Some(CLIPPING_PATH_NAME));
    let clipping_path = clipping_path.and_then(|block| name_in_clipping_path(block.data));
    let paths = || blocks().filter(|block| block.id.is_some_and(|id| PATHS.contains(&id)));
    let named = clipping_path.and_then(|name| paths().find(|block| block.name == name));
    let missing = clipping_path.filter(|_| named.is_none()).map(decoded_name);
    let found = named.or_else(|| paths().next())?;
    Some(FoundPath { name: decoded_name(found.name), records: found.data, missing })
}

/// Whether the records of a path have a knot.
pub(crate) fn has_knots(records: &[u8]) -> bool {
    records.chunks_exact(record::LENGTH).any(|bytes| matches!(Record::of(bytes), Record::Knot(_)))
}

/// The path in these records, on a picture of this width and height in pixels.
///
/// A subpath ends where the next one begins, whatever number of knots it states. Open ones are closed by a straight side.
/// Records of the clipboard, and unknown ones, are skipped.
///
/// # Errors
/// [`TooManyKnots`].
pub(crate) fn read_path(records: &[u8], size: (u32, u32)) -> Result<CombinedPath, TooManyKnots> {
    let mut path = CombinedPath::default();
    let mut subpath: Option<Subpath> = None;
    let mut knots = 0;
    for bytes in records.chunks_exact(record::LENGTH) {
        match Record::of(bytes) {
            Record::Subpath { is_open, operation } => {
                let begun = Subpath { is_open, operation, nodes: Vec::new() };
                add(&mut path, subpath.replace(begun));
            }
            Record::Knot(points) => {
                knots += 1;
                if knots > MAX_KNOTS {
                    return Err(TooManyKnots);
                }
                // A knot outside of a subpath belongs to nothing.
                if let Some(subpath) = &mut subpath {
                    subpath.nodes.push(node(points, size));
                }
            }
            Record::InitialFill { is_filled } => path.starts_filled = is_filled,
            Record::Other => {}
        }
    }
    add(&mut path, subpath);
    Ok(path)
}

/// A subpath that is being read.
struct Subpath {
    is_open: bool,
    /// How it is combined with the area so far; `None` if it continues the shape of the one before.
    operation: Option<Operation>,
    nodes: Vec<Node>,
}

/// Adds a subpath that has knots to the path.
fn add(path: &mut CombinedPath, subpath: Option<Subpath>) {
    let Some(Subpath { is_open, operation, mut nodes }) = subpath else { return };
    if let (true, [first, .., last]) = (is_open, nodes.as_mut_slice()) {
        (first.before, last.after) = (first.anchor, last.anchor);
    }
    match operation {
        _ if nodes.is_empty() => {}
        Some(operation) => path.begin_shape(operation, nodes),
        None => path.continue_shape(nodes),
    }
}

/// A record of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record<'a> {
    /// A subpath begins.
    Subpath { is_open: bool, operation: Option<Operation> },
    /// Three points.
    Knot(&'a [u8]),
    /// Whether everything is inside before the first subpath.
    InitialFill { is_filled: bool },
    /// The fill rule, which is always the same; the clipboard; something unknown.
    Other,
}

impl<'a> Record<'a> {
    /// The record in [`record::LENGTH`] bytes.
    fn of(bytes: &'a [u8]) -> Self {
        let [a, b, content @ ..] = bytes else { return Self::Other };
        match u16::from_be_bytes([*a, *b]) {
            kind @ (record::CLOSED_SUBPATH | record::OPEN_SUBPATH) => {
                let operation =
                    content.get(2..).and_then(|rest| rest.first_chunk()).map(|code| i16::from_be_bytes(*code));
                let operation = match operation {
                    Some(-1) => None,
                    Some(1) => Some(Operation::Union),
                    Some(2) => Some(Operation::Subtract),
                    Some(3) => Some(Operation::Intersect),
                    // 0, and whatever programs that know no operations leave there.
                    Some(_) | None => Some(Operation::Exclude),
                };
                Self::Subpath { is_open: kind == record::OPEN_SUBPATH, operation }
            }
            record::CLOSED_LINKED_KNOT
            | record::CLOSED_UNLINKED_KNOT
            | record::OPEN_LINKED_KNOT
            | record::OPEN_UNLINKED_KNOT => Self::Knot(content),
            record::INITIAL_FILL => Self::InitialFill { is_filled: content.starts_with(&[0, 1]) },
            _ => Self::Other,
        }
    }
}

/// A knot: the handle before it, the anchor, and the handle after it, each as shares of the picture's height and then width.
fn node(points: &[u8], (width, height): (u32, u32)) -> Node {
    let share = |index: usize| {
        let fixed = points.as_chunks::<4>().0.get(index).map_or(0, |bytes| i32::from_be_bytes(*bytes));
        f64::from(fixed) / record::ONE
    };
    let point =
        |index: usize| Point { x: share(2 * index + 1) * f64::from(width), y: share(2 * index) * f64::from(height) };
    Node { before: point(0), anchor: point(1), after: point(2), smooth: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::combine;
    use crate::photoshop::{append, clipping_path_name};

    fn padded(kind: u16, content: &[u8]) -> Vec<u8> {
        let mut record = [&kind.to_be_bytes(), content].concat();
        record.resize(record::LENGTH, 0);
        record
    }

    fn subpath(kind: u16, operation: i16) -> Vec<u8> {
        padded(kind, &[4_i16.to_be_bytes(), operation.to_be_bytes(), 1_i16.to_be_bytes()].concat())
    }

    /// A knot whose three points are given as shares of width and height.
    fn knot(kind: u16, points: [(f64, f64); 3]) -> Vec<u8> {
        let fixed = |share: f64| ((share * record::ONE) as i32).to_be_bytes();
        padded(kind, &points.map(|(x, y)| [fixed(y), fixed(x)].concat()).concat())
    }

    fn corner(kind: u16, x: f64, y: f64) -> Vec<u8> {
        knot(kind, [(x, y); 3])
    }

    /// A closed rectangle, in pixels of a picture of 8 x 4.
    fn rectangle(operation: i16, [left, top, right, bottom]: [f64; 4]) -> Vec<u8> {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        let knots = corners.map(|(x, y)| corner(record::CLOSED_UNLINKED_KNOT, x / 8.0, y / 4.0)).concat();
        [subpath(record::CLOSED_SUBPATH, operation), knots].concat()
    }

    /// The area of records on a picture of 8 x 4, as text.
    fn drawn(records: &[Vec<u8>]) -> Vec<String> {
        let path = read_path(&records.concat(), (8, 4)).expect("has few knots");
        let picture = combine(&path, (8, 4)).expect("is simple");
        let letter = |alpha: &u8| match alpha {
            255 => '#',
            0 => '.',
            _ => '?',
        };
        picture.chunks_exact(8).map(|row| row.iter().map(letter).collect()).collect()
    }

    const LEFT: [f64; 4] = [0.0, 0.0, 5.0, 4.0];
    const RIGHT: [f64; 4] = [3.0, 1.0, 8.0, 3.0];

    #[test]
    fn operations_are_those_of_photoshop() {
        for (operation, outer, inner) in [
            (0, "#####...", "###..###"),
            (1, "#####...", "########"),
            (2, "#####...", "###....."),
            (3, "........", "...##..."),
            // Continues the shape before, which excludes.
            (-1, "#####...", "###..###"),
            // Left behind by a program that knows no operations.
            (7, "#####...", "###..###"),
        ] {
            let records = [padded(record::FILL_RULE, &[]), rectangle(1, LEFT), rectangle(operation, RIGHT)];
            assert_eq!(drawn(&records), [outer, inner, inner, outer], "{operation}");
        }
    }

    #[test]
    fn a_continued_subpath_shares_the_operation() {
        // A frame is taken away as a whole: its hole stays.
        let records = [
            rectangle(1, [0.0, 0.0, 8.0, 4.0]),
            rectangle(2, [1.0, 0.0, 7.0, 4.0]),
            rectangle(-1, [3.0, 1.0, 5.0, 3.0]),
        ];
        assert_eq!(drawn(&records), ["#......#", "#..##..#", "#..##..#", "#......#"]);
        // One that continues nothing begins the path.
        assert_eq!(drawn(&[rectangle(-1, LEFT)]), ["#####..."; 4]);
    }

    #[test]
    fn the_initial_fill_may_be_everything() {
        let start = |filled: u8| padded(record::INITIAL_FILL, &[0, filled]);
        let taken = |filled| drawn(&[start(filled), rectangle(2, LEFT)]);
        assert_eq!((taken(1), taken(0)), (vec![".....###".to_owned(); 4], vec!["........".to_owned(); 4]));
        assert_eq!(drawn(&[start(1)]), ["########"; 4]);
    }

    #[test]
    fn an_open_subpath_is_closed_by_a_straight_side() {
        // The handles of the first and the last knot would bend the closing side.
        let outline = |begin: u16, linked: u16, unlinked: u16| {
            drawn(&[
                subpath(begin, 0),
                knot(linked, [(0.9, 0.5), (0.5, 0.0), (0.5, 0.0)]),
                corner(unlinked, 0.0, 0.0),
                corner(unlinked, 0.0, 1.0),
                knot(linked, [(0.5, 1.0), (0.5, 1.0), (0.9, 0.5)]),
            ])
        };
        let open = outline(record::OPEN_SUBPATH, record::OPEN_LINKED_KNOT, record::OPEN_UNLINKED_KNOT);
        assert_eq!(open, ["####...."; 4]);
        let closed = outline(record::CLOSED_SUBPATH, record::CLOSED_LINKED_KNOT, record::CLOSED_UNLINKED_KNOT);
        assert!(closed[1].starts_with("#####"), "{closed:?}");
    }

    #[test]
    fn the_clipboard_and_unknown_records_are_skipped() {
        let junk = |kind: u16| padded(kind, &[0xFF; 24]);
        let mut records = vec![junk(7), corner(record::CLOSED_LINKED_KNOT, 0.5, 0.5)];
        records.extend([rectangle(0, LEFT), junk(7), junk(99), vec![0, 1, 2]]);
        assert_eq!(drawn(&records), ["#####..."; 4], "and a knot of no subpath, and half a record");
    }

    #[test]
    fn coordinates_beyond_sixteen_pictures_are_read_and_clipped() {
        // A triangle whose right corner is 100 pictures away: its lower side passes the picture at half its height.
        let corners = [(0.0, 0.0), (100.0, 0.0), (-100.0, 1.0)];
        let knots = corners.map(|(x, y)| corner(record::CLOSED_UNLINKED_KNOT, x, y));
        let path = read_path(&[vec![subpath(record::CLOSED_SUBPATH, 1)], knots.to_vec()].concat().concat(), (8, 400));
        let path = path.expect("has few knots");
        assert_eq!(path.shapes[0].outlines[0][1].anchor, Point { x: 800.0, y: 0.0 });
        let picture = combine(&path, (8, 400)).expect("is simple");
        let column: Vec<u8> = (0..400).map(|y| picture.get_pixel(4, y)[0]).collect();
        assert_eq!((column[0], column[195], column[205]), (255, 255, 0));
    }

    #[test]
    fn an_outline_of_too_many_knots_is_refused() {
        let records = |knots: usize| {
            let knot = corner(record::CLOSED_LINKED_KNOT, 0.5, 0.5);
            [subpath(record::CLOSED_SUBPATH, 0), knot.repeat(knots)].concat()
        };
        assert!(read_path(&records(MAX_KNOTS), (8, 4)).is_ok());
        assert_eq!(read_path(&records(MAX_KNOTS + 1), (8, 4)), Err(TooManyKnots));
        assert!(has_knots(&records(1)) && !has_knots(&records(0)));
    }

    fn resources(paths: &[(u16, &str)], clipping_path: Option<&str>) -> Vec<u8> {
        let mut resources = Vec::new();
        for (id, name) in paths {
            append(&mut resources, *id, name.as_bytes(), &id.to_be_bytes()).expect("is short");
        }
        if let Some(name) = clipping_path {
            let data = clipping_path_name(name.as_bytes(), None).expect("is short");
            append(&mut resources, CLIPPING_PATH_NAME, b"", &data).expect("is short");
        }
        resources
    }

    #[test]
    fn the_clipping_path_is_found_or_else_the_first_path() {
        let paths = [(1025, "work"), (2001, "A"), (2000, "B"), (2998, "C")];
        let found = |paths: &[(u16, &str)], clipping_path| {
            let resources = resources(paths, clipping_path);
            let FoundPath { name, records, missing } = find_path(&resources)?;
            Some((name, u16::from_be_bytes(records.try_into().expect("an id")), missing))
        };
        let expected = |name: &str, id, missing: Option<&str>| Some((name.to_owned(), id, missing.map(str::to_owned)));
        assert_eq!(found(&paths, None), expected("A", 2001, None));
        assert_eq!(found(&paths, Some("B")), expected("B", 2000, None));
        assert_eq!(found(&paths, Some("Gone")), expected("A", 2001, Some("Gone")));
        assert_eq!(found(&paths, Some("")), expected("A", 2001, None), "it names none");
        assert_eq!(
            found(&[paths[0], paths[3]], Some("C")),
            None,
            "neither the work path nor anything outside of the range"
        );
    }
}
