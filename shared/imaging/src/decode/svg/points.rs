//! The number of points of an element's outline, before it is made.
//!
//! Arcs become curves, and the larger an arc, the more: their number grows with the sixth root of the radius. Numbers may
//! have hundreds of digits, so that root may be any number.

use resvg::usvg::roxmltree::Node;

/// Points of a shape without arcs.
const SHAPE_POINTS: u64 = 8;
/// Fewest curves of an ellipse.
const MIN_CURVES: f64 = 5.0;
/// Units of length have at most this many pixels.
const PIXELS_PER_UNIT: f64 = 96.0;
/// Attributes that lengths in percent, or in multiples of the font's size, are relative to.
const REFERENCES: [&str; 4] = ["width", "height", "viewBox", "font-size"];
/// Attributes that determine the radius of an arc.
const RADII: [&str; 3] = ["r", "rx", "ry"];

/// The points of an element's own outline, at most. `reference` is what relative lengths may refer to, by
/// [`largest_reference`].
pub(super) fn count(node: Node<'_, '_>, reference: f64) -> u64 {
    match node.tag_name().name() {
        "circle" | "ellipse" | "rect" => {
            let radii = node.attributes().filter(|attribute| RADII.contains(&attribute.name()));
            let radius = radii.map(|attribute| length(attribute.value(), reference)).fold(0.0, f64::max);
            if radius > 0.0 { SHAPE_POINTS + (3.0 * curves(radius)) as u64 } else { SHAPE_POINTS }
        }
        _ => {
            let outlines = node.attributes().filter(|attribute| matches!(attribute.name(), "d" | "points"));
            outlines.map(|attribute| of_outline(attribute.value())).fold(SHAPE_POINTS, u64::saturating_add)
        }
    }
}

/// The largest number in an attribute that relative lengths may refer to.
pub(super) fn largest_reference(node: Node<'_, '_>) -> f64 {
    let is_reference = |name: &str| REFERENCES.contains(&name);
    let own = node.attributes().filter(|attribute| is_reference(attribute.name())).map(|attribute| attribute.value());
    let style = node.attribute("style").filter(|style| style.contains("font"));
    own.chain(style).map(largest_number).fold(0.0, f64::max)
}

/// The largest number in a text.
pub(super) fn largest_number(text: &str) -> f64 {
    numbers(text).map(value).fold(0.0, f64::max)
}

/// A length in pixels, at most.
fn length(text: &str, reference: f64) -> f64 {
    let number = largest_number(text);
    let is_relative = text.contains('%') || text.contains("em") || text.contains("ex");
    number * PIXELS_PER_UNIT * if is_relative { reference.max(1.0) } else { 1.0 }
}

/// The points of a path or a list of points. Each number is at most one point.
fn of_outline(text: &str) -> u64 {
    let closes = text.bytes().filter(|byte| matches!(byte, b'z' | b'Z')).count() as u64;
    let count = numbers(text).count() as u64;
    if !text.contains(['a', 'A']) {
        return count + closes;
    }
    // Relative coordinates add up. Three points per curve, and seven numbers per arc.
    let points_per_number = 3.0 / 7.0 * curves(largest_number(text) * count as f64);
    closes.saturating_add((count as f64 * points_per_number.max(1.0)) as u64)
}

/// The curves of an ellipse with a radius.
fn curves(radius: f64) -> f64 {
    // By the drawing library's tolerance of 0.1, and a little more.
    (17.0 * radius).powf(1.0 / 6.0).ceil().max(MIN_CURVES)
}

/// The absolute value of a number. One that is too large is infinite.
fn value(number: &str) -> f64 {
    number.parse::<f64>().map_or(f64::INFINITY, f64::abs)
}

/// The numbers in a text. A number may follow another without a separator: `1.5.5-3` is three.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while !bytes.get(at)?.is_ascii_digit() {
            at += 1;
        }
        let start = if at > 0 && bytes[at - 1] == b'.' { at - 1 } else { at };
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        at = digits(at);
        if start < at && bytes[start] != b'.' && bytes.get(at) == Some(&b'.') {
            at = digits(at + 1);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = digits(at + 1 + sign);
            if end > at + 1 + sign {
                at = end;
            }
        }
        text.get(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_numbers_as_the_path_parser_does() {
        for (text, expected) in [
            ("M10-20l30.1.5.1-20z", &["10", "20", "30.1", ".5", ".1", "20"][..]),
            ("1e5-2E-3 4e 5.e6", &["1e5", "2E-3", "4", "5.e6"]),
            ("A.5.5 0 0110 20", &[".5", ".5", "0", "0110", "20"]),
            ("", &[]),
        ] {
            assert_eq!(numbers(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn counts_the_curves_of_large_arcs() {
        assert!(of_outline("M0 0h1v1z") <= 5);
        assert!((15..40).contains(&of_outline("M0 0A5 5 0 1 1 9 9")));
        // One and a half million curves, and as many as there are atoms.
        assert!(of_outline("M0 0A1e36 1e36 0 1 1 1e36 1") > 3_000_000);
        assert!(of_outline("M0 0A1e300 1e300 0 1 1 1e300 1") > 3_000_000);
        assert!(of_outline(&format!("M0 0A{0} {0} 0 1 1 {0} 1", "9".repeat(500))) > 3_000_000);
    }
}
