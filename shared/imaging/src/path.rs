//! Clipping paths as vector outlines, independent of any file format.

use std::fmt::Write;

use cutline_core::domain::subject::PixelBox;

/// A point of the picture, in pixels: (0, 0) is the outer corner of the first pixel, whose center is (0.5, 0.5). y grows
/// downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

/// A node of a cubic Bézier outline, with its two handles. The handles of a straight segment coincide with its nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// The handle towards the previous node.
    pub before: Point,
    /// The node itself, on the outline.
    pub anchor: Point,
    /// The handle towards the next node.
    pub after: Point,
    /// Whether the outline has no corner here: both handles are in line with the node, and programs keep them so when one is
    /// dragged.
    pub smooth: bool,
}

/// A closed outline of at least two nodes. On the screen, outer outlines run clockwise and holes counter-clockwise, so that
/// the even-odd and the non-zero rule agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Subpath {
    /// The nodes, in order. The last connects to the first.
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
    /// The outlines. Each outer one precedes its holes.
    pub subpaths: Vec<Subpath>,
}

impl ClippingPath {
    /// The number of nodes.
    pub fn nodes(&self) -> usize {
        self.subpaths.iter().map(|subpath| subpath.nodes.len()).sum()
    }

    /// The same outlines on the part of the picture in a box. They may reach beyond it.
    pub(crate) fn cropped(&self, part: PixelBox) -> Self {
        let (dx, dy) = (f64::from(part.left), f64::from(part.top));
        let moved = |point: Point| Point { x: point.x - dx, y: point.y - dy };
        let node = |node: &Node| Node {
            before: moved(node.before),
            anchor: moved(node.anchor),
            after: moved(node.after),
            smooth: node.smooth,
        };
        let subpath =
            |subpath: &Subpath| Subpath { nodes: subpath.nodes.iter().map(node).collect(), hole: subpath.hole };
        let subpaths = self.subpaths.iter().map(subpath).collect();
        Self { width: part.width, height: part.height, subpaths }
    }

    /// An SVG 1.1 document of the picture's size with the area within the path in black: even-odd rule, coordinates to 1/100
    /// pixel. `name` becomes the title and, with other characters replaced, the `id`.
    pub fn to_svg(&self, name: &str) -> String {
        let Self { width, height, .. } = self;
        let mut svg = String::with_capacity(400 + self.nodes() * 40);
        // Writing to a string cannot fail.
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
        write_point(svg, first.anchor);
        for (from, to) in self.nodes.iter().zip(self.nodes.iter().cycle().skip(1)) {
            if from.after == from.anchor && to.before == to.anchor {
                svg.push('L');
            } else {
                svg.push('C');
                write_point(svg, from.after);
                svg.push(' ');
                write_point(svg, to.before);
                svg.push(' ');
            }
            write_point(svg, to.anchor);
        }
        svg.push('Z');
    }
}

fn write_point(svg: &mut String, point: Point) {
    write_number(svg, point.x);
    svg.push(',');
    write_number(svg, point.y);
}

/// To 1/100, without trailing zeros. Numbers that are not finite become 0.
fn write_number(svg: &mut String, number: f64) {
    let hundredths = (number * 100.0).round();
    if !hundredths.is_finite() || hundredths == 0.0 {
        svg.push('0');
        return;
    }
    let text = format!("{:.2}", hundredths / 100.0);
    svg.push_str(text.trim_end_matches('0').trim_end_matches('.'));
}

/// Text as the content of an element, without characters that XML forbids.
fn escaped(text: &str) -> String {
    let allowed = |character: &char| !character.is_control() && !matches!(character, '\u{FFFE}' | '\u{FFFF}');
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(allowed) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Text as an identifier, with underscores for characters that are not allowed in one.
fn identifier(text: &str) -> String {
    let characters = text
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '_' });
    let mut identifier: String = characters.collect();
    if !identifier.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        identifier.insert(0, '_');
    }
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn svg_has_size_name_fill_rule_and_curves() {
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
    fn cropping_moves_every_point() {
        let at = |x, y| Point { x, y };
        let node = |by: f64| Node {
            before: at(10.5 - by, 20.0),
            anchor: at(11.0 - by, 21.25),
            after: at(12.0 - by, 3.0),
            smooth: true,
        };
        let path = |width, height, by| ClippingPath {
            width,
            height,
            subpaths: vec![Subpath { nodes: vec![node(by); 2], hole: true }],
        };
        let part = PixelBox { left: 9, top: 0, width: 30, height: 40 };
        assert_eq!(path(100, 80, 0.0).cropped(part), path(30, 40, 9.0));
    }

    #[test]
    fn svg_id_is_valid_for_any_name() {
        assert!(ClippingPath::default().to_svg("").contains("id=\"_\""));
        assert!(ClippingPath::default().to_svg("1").contains("id=\"_1\""));
    }
}
