//! A vector outline: what a clipping path is before it is written into any file.

use std::fmt::Write;

/// A place on the picture, in its pixels: (0, 0) is the outer corner of the first pixel, and the center of
/// that pixel is (0.5, 0.5). y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

/// A node of a cubic Bézier outline, with its two handles. A straight side has its handles at the nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// The handle on the side of the node before.
    pub before: Point,
    /// The node, which the outline passes through.
    pub anchor: Point,
    /// The handle on the side of the node after.
    pub after: Point,
    /// Whether the outline goes through without a corner: both handles lie on one line with the node, and
    /// programs keep them so when one is dragged.
    pub smooth: bool,
}

/// A closed outline of at least two nodes; the last is joined to the first. Seen on the screen, an outer
/// outline runs clockwise and a hole counter-clockwise, so that the even-odd and the non-zero rule agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Subpath {
    /// The nodes in their order.
    pub nodes: Vec<Node>,
    /// Whether this is a hole in an outer outline.
    pub hole: bool,
}

/// The outlines of a subject on a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClippingPath {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// The outlines, each outer one before the holes in it.
    pub subpaths: Vec<Subpath>,
}

impl ClippingPath {
    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.subpaths.iter().map(|subpath| subpath.nodes.len()).sum()
    }

    /// A document of its own in SVG 1.1, at the size of the picture, with the area within the path in black:
    /// the path with the even-odd rule, places to 1/100 pixel. `name` is its title, and its `id` as far as the
    /// characters of an identifier go.
    pub fn to_svg(&self, name: &str) -> String {
        let Self { width, height, .. } = self;
        let mut svg = String::with_capacity(400 + self.nodes() * 40);
        // Writing into a string does not fail.
        let _ = write!(
            svg,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n\
             <path id=\"{}\" fill-rule=\"evenodd\" d=\"",
            escaped(name),
            identifier(name)
        );
        for (index, subpath) in self.subpaths.iter().enumerate() {
            if index > 0 {
                svg.push(' ');
            }
            subpath.write_svg(&mut svg);
        }
        svg.push_str("\"/>\n</svg>\n");
        svg
    }
}

impl Subpath {
    fn write_svg(&self, svg: &mut String) {
        let Some(first) = self.nodes.first() else { return };
        svg.push('M');
        write_place(svg, first.anchor);
        for (from, to) in self.nodes.iter().zip(self.nodes.iter().cycle().skip(1)) {
            if from.after == from.anchor && to.before == to.anchor {
                svg.push('L');
            } else {
                svg.push('C');
                write_place(svg, from.after);
                svg.push(' ');
                write_place(svg, to.before);
                svg.push(' ');
            }
            write_place(svg, to.anchor);
        }
        svg.push('Z');
    }
}

fn write_place(svg: &mut String, place: Point) {
    write_number(svg, place.x);
    svg.push(',');
    write_number(svg, place.y);
}

/// To 1/100, without zeros at the end.
fn write_number(svg: &mut String, number: f64) {
    let hundredths = (number * 100.0).round();
    if !hundredths.is_finite() || hundredths == 0.0 {
        svg.push('0');
        return;
    }
    let text = format!("{:.2}", hundredths / 100.0);
    svg.push_str(text.trim_end_matches('0').trim_end_matches('.'));
}

/// Text as the content of an element: without the characters that XML does not know.
fn escaped(text: &str) -> String {
    let known = |letter: &char| !letter.is_control() && !matches!(letter, '\u{FFFE}' | '\u{FFFF}');
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().filter(known) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Text as an identifier: what may not be in one is an underscore.
fn identifier(text: &str) -> String {
    let letters =
        text.chars().map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' });
    let mut identifier: String = letters.collect();
    if !identifier.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        identifier.insert(0, '_');
    }
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_document_with_its_name_and_rule() {
        let at = |x, y| Point { x, y };
        let corner = |x, y| Node { before: at(x, y), anchor: at(x, y), after: at(x, y), smooth: false };
        let bent = Node { before: at(9.0, 5.004), anchor: at(10.0, -0.001), after: at(10.0, 0.0), smooth: false };
        let nodes = vec![corner(0.0, 0.125), bent, corner(3.5, 8.0)];
        let path = ClippingPath { width: 12, height: 9, subpaths: vec![Subpath { nodes, hole: false }] };
        let svg = path.to_svg("A <b> & \u{7}\"c\"");
        assert!(svg.contains("width=\"12\" height=\"9\" viewBox=\"0 0 12 9\""), "{svg}");
        assert!(svg.contains("<title>A &lt;b&gt; &amp; &quot;c&quot;</title>"), "{svg}");
        assert!(svg.contains("id=\"A__b______c_\" fill-rule=\"evenodd\""), "{svg}");
        assert!(svg.contains("d=\"M0,0.13C0,0.13 9,5 10,0C10,0 3.5,8 3.5,8L0,0.13Z\""), "{svg}");
    }

    #[test]
    fn a_name_may_be_anything() {
        assert!(ClippingPath::default().to_svg("").contains("id=\"_\""));
        assert!(ClippingPath::default().to_svg("1").contains("id=\"_1\""));
    }
}
