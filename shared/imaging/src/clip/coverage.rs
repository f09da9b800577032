//! The area that outlines cover in each pixel, exactly.
//!
//! Every side of a flattened outline adds its signed area to an accumulation buffer, and the running sum along a row is the
//! mean winding number of each pixel. Source: R. Levien, "Inside the fastest font renderer in the world" (font-rs, 2016).

use crate::path::Point;

/// Signed areas of some rows. Each has two more columns, which take the area beyond the right side of the frame.
pub(super) struct CoverageBuffer {
    width: usize,
    height: usize,
    cells: Vec<f32>,
}

impl CoverageBuffer {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, cells: vec![0.0; (width + 2) * height] }
    }

    /// Adds a side. Left of the frame it covers the whole row, right of it nothing.
    pub(super) fn add(&mut self, from: Point, to: Point) {
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

    /// The mean winding numbers of a row's pixels, from left to right. The sign tells in which direction outlines run.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f64> {
        let start = row * (self.width + 2);
        self.cells[start..start + self.width].iter().scan(0.0, |sum, cell| {
            *sum += f64::from(*cell);
            Some(*sum)
        })
    }
}
