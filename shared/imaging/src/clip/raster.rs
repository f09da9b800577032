//! Renders a path as alpha, with the exact coverage of every pixel.
//!
//! Every side of the flattened path adds its signed area to an accumulation buffer, and the running sum along a row is the
//! coverage. Source: R. Levien, "Inside the fastest font renderer in the world" (font-rs, 2016). It is not a general
//! renderer: outlines have to run as [`ClippingPath`] says.

use image::GrayImage;
use rayon::prelude::*;

use super::bezier::on_curve;
use crate::path::{ClippingPath, Node, Point};

/// The largest distance between a side and its curve, in pixels.
const FLATNESS: f64 = 0.0025;
/// Rows that are accumulated together. Each thread needs a buffer of this many rows.
const BAND: usize = 32;
/// The most sides of one curve. A curve that needs more is larger than any picture.
const MAX_SIDES: f64 = 4096.0;

/// Renders the area within a path: the exact share of each pixel that is covered, rounded to 8 bits. Curves are flattened
/// to within 0.0025 pixels, and everything outside of the picture is cut off.
///
/// The winding numbers of all outlines are added up, and their absolute values limited to one. For outlines that run as
/// [`ClippingPath`] says and do not cross, that is the area under both the even-odd and the non-zero rule; where two
/// outlines of the same direction overlap, it is the non-zero rule.
pub fn rasterize(path: &ClippingPath) -> GrayImage {
    let (width, height) = (path.width as usize, path.height as usize);
    let mut picture = GrayImage::new(path.width, path.height);
    if width == 0 || height == 0 {
        return picture;
    }
    let sides = flattened(path);
    // The sides that touch each band.
    let bands = height.div_ceil(BAND);
    let mut touching: Vec<Vec<u32>> = vec![Vec::new(); bands];
    for (index, [from, to]) in sides.iter().enumerate() {
        let (top, bottom) = (from.y.min(to.y), from.y.max(to.y));
        if bottom <= 0.0 || top >= height as f64 {
            continue;
        }
        let band = |y: f64| ((y.max(0.0) / BAND as f64) as usize).min(bands - 1);
        for touched in &mut touching[band(top)..=band(bottom)] {
            touched.push(index as u32);
        }
    }
    let rows: &mut [u8] = &mut picture;
    rows.par_chunks_mut(width * BAND).zip(touching).enumerate().for_each(|(band, (rows, touching))| {
        if touching.is_empty() {
            return;
        }
        let mut buffer = CoverageBuffer::new(width, rows.len() / width);
        let above = (band * BAND) as f64;
        for index in touching {
            let [from, to] = sides[index as usize];
            buffer.add(Point { y: from.y - above, ..from }, Point { y: to.y - above, ..to });
        }
        buffer.finish(rows);
    });
    picture
}

/// All curves of a path as straight sides.
pub(super) fn flattened(path: &ClippingPath) -> Vec<[Point; 2]> {
    let mut sides = Vec::new();
    for subpath in &path.subpaths {
        for (from, to) in subpath.nodes.iter().zip(subpath.nodes.iter().cycle().skip(1)) {
            flatten(from, to, &mut sides);
        }
    }
    sides
}

/// Appends the sides of the curve from one node to the next. Their number is Wang's bound for a cubic.
fn flatten(from: &Node, to: &Node, sides: &mut Vec<[Point; 2]>) {
    let curve = [from.anchor, from.after, to.before, to.anchor];
    if curve.iter().any(|point| !point.x.is_finite() || !point.y.is_finite()) {
        return;
    }
    let second = |a: Point, b: Point, c: Point| (a.x - 2.0 * b.x + c.x).hypot(a.y - 2.0 * b.y + c.y);
    let bend = second(curve[0], curve[1], curve[2]).max(second(curve[1], curve[2], curve[3]));
    let straight = from.after == from.anchor && to.before == to.anchor;
    let count = if straight { 1.0 } else { (0.75 * bend / FLATNESS).sqrt().ceil().clamp(1.0, MAX_SIDES) };
    let mut last = curve[0];
    for index in 1..=count as u32 {
        let next = if f64::from(index) == count { curve[3] } else { on_curve(&curve, f64::from(index) / count) };
        sides.push([last, next]);
        last = next;
    }
}

/// Signed areas of some rows. Each has two more columns, which take the area beyond the right side of the frame.
struct CoverageBuffer {
    width: usize,
    height: usize,
    cells: Vec<f32>,
}

impl CoverageBuffer {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, cells: vec![0.0; (width + 2) * height] }
    }

    /// Adds a side. Left of the frame it covers the whole row, right of it nothing.
    fn add(&mut self, from: Point, to: Point) {
        if from.y == to.y {
            return;
        }
        let (sign, top, bottom) = if from.y < to.y { (-1.0, from, to) } else { (1.0, to, from) };
        let slope = (bottom.x - top.x) / (bottom.y - top.y);
        let (start, end) = (top.y.max(0.0), bottom.y.min(self.height as f64));
        if start >= end {
            return;
        }
        for row in start as usize..(end.ceil() as usize).min(self.height) {
            let (upper, lower) = (start.max(row as f64), end.min(row as f64 + 1.0));
            if lower > upper {
                // Exact at both ends.
                let column = |y: f64| {
                    if y <= top.y {
                        top.x
                    } else if y >= bottom.y {
                        bottom.x
                    } else {
                        top.x + (y - top.y) * slope
                    }
                };
                self.add_in_row(row, sign * (lower - upper), column(upper), column(lower));
            }
        }
    }

    /// Adds the part of a side within a row, from one column to another. `cover` is its signed height.
    fn add_in_row(&mut self, row: usize, cover: f64, from: f64, to: f64) {
        let (mut left, mut right) = if from < to { (from, to) } else { (to, from) };
        let end = self.width as f64;
        if left >= end {
            return;
        }
        let mut cover = cover;
        if left < 0.0 {
            let outside = if right <= 0.0 { 1.0 } else { -left / (right - left) };
            self.add_area(row, 0, cover * outside);
            cover *= 1.0 - outside;
            left = 0.0;
        }
        if right > end {
            cover *= (end - left) / (right - left);
            right = end;
        }
        if cover == 0.0 || right < 0.0 {
            return;
        }
        let first = left as usize;
        if right <= first as f64 + 1.0 {
            // Within one pixel: the area right of the middle of the side is covered.
            let right_share = 1.0 - ((left + right) / 2.0 - first as f64);
            self.add_area(row, first, cover * right_share);
            self.add_area(row, first + 1, cover * (1.0 - right_share));
            return;
        }
        let per_column = cover / (right - left);
        let mut carry = 0.0;
        for column in first..(right.ceil() as usize).min(self.width) {
            let (enter, leave) = (left.max(column as f64), right.min(column as f64 + 1.0));
            let part = per_column * (leave - enter);
            let right_share = 1.0 - ((enter + leave) / 2.0 - column as f64);
            // The rest of the previous column, and the share of this one.
            self.add_area(row, column, carry + part * right_share);
            carry = part * (1.0 - right_share);
            if leave >= right {
                self.add_area(row, column + 1, carry);
                carry = 0.0;
            }
        }
    }

    fn add_area(&mut self, row: usize, column: usize, area: f64) {
        self.cells[row * (self.width + 2) + column] += area as f32;
    }

    /// Writes the coverage as alpha.
    fn finish(&self, rows: &mut [u8]) {
        for (cells, row) in self.cells.chunks_exact(self.width + 2).zip(rows.chunks_exact_mut(self.width)) {
            let mut sum = 0.0_f64;
            for (cell, alpha) in cells.iter().zip(row) {
                sum += f64::from(*cell);
                *alpha = (sum.abs().min(1.0) * 255.0).round() as u8;
            }
        }
    }
}
