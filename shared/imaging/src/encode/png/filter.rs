//! PNG's filters, which replace samples by differences from the samples to the left and above, and the choice among them.
//!
//! As the PNG specification suggests (section 12.7, "Filter selection"), the filter with the least sum of absolute values
//! is chosen. `None` is used only for empty rows: it pays off in pictures of few colors, which photographs are not.

/// The numbers of the filters in a file.
mod kind {
    pub(super) const NONE: u8 = 0;
    pub(super) const SUB: u8 = 1;
    pub(super) const UP: u8 = 2;
    pub(super) const AVERAGE: u8 = 3;
    pub(super) const PAETH: u8 = 4;
}

/// Filters the rows of a picture, one after the other.
pub(super) struct RowFilter {
    /// Bytes a pixel.
    pixel: usize,
    /// The row and the one above it, each preceded by one pixel of zeros.
    current: Vec<u8>,
    above: Vec<u8>,
    candidate: Vec<u8>,
    best: Vec<u8>,
}

impl RowFilter {
    /// For rows of `stride` bytes, with `pixel` bytes a pixel.
    pub(super) fn new(stride: usize, pixel: usize) -> Self {
        let row = vec![0; pixel + stride];
        Self { pixel, current: row.clone(), above: row, candidate: vec![0; stride], best: vec![0; stride] }
    }

    /// The buffer for the next row of samples. The row before it becomes the one above.
    pub(super) fn next_row(&mut self) -> &mut [u8] {
        std::mem::swap(&mut self.current, &mut self.above);
        &mut self.current[self.pixel..]
    }

    /// Appends the number of the filter and the filtered row to `filtered`.
    pub(super) fn append(&mut self, filtered: &mut Vec<u8>) {
        let stride = self.best.len();
        let (row, up) = (&self.current[self.pixel..], &self.above[self.pixel..]);
        if row.iter().all(|sample| *sample == 0) {
            filtered.push(kind::NONE);
            filtered.extend(row);
        } else if row == up {
            // All differences are 0, which no other filter achieves.
            filtered.push(kind::UP);
            filtered.resize(filtered.len() + stride, 0);
        } else {
            filtered.push(self.filter_best());
            filtered.extend(self.best.iter());
        }
    }

    /// Leaves the best filtered row in `best`, and returns the number of its filter.
    fn filter_best(&mut self) -> u8 {
        let Self { pixel, current, above, candidate, best } = self;
        let stride = best.len();
        let (left, row) = (&current[..stride], &current[*pixel..]);
        let (corner, up) = (&above[..stride], &above[*pixel..]);
        let mut chosen = kind::SUB;
        let mut min_sum = apply(best, row, left, up, corner, |x, left, _, _| x.wrapping_sub(left));
        for kind in [kind::UP, kind::AVERAGE, kind::PAETH] {
            let sum = match kind {
                kind::UP => apply(candidate, row, left, up, corner, |x, _, up, _| x.wrapping_sub(up)),
                kind::AVERAGE => apply(candidate, row, left, up, corner, |x, left, up, _| {
                    x.wrapping_sub(((u16::from(left) + u16::from(up)) / 2) as u8)
                }),
                _ => apply(candidate, row, left, up, corner, |x, left, up, corner| {
                    x.wrapping_sub(paeth(left, up, corner))
                }),
            };
            if sum < min_sum {
                (chosen, min_sum) = (kind, sum);
                std::mem::swap(best, candidate);
            }
        }
        chosen
    }
}

/// Filters a row, and returns the sum of the absolute values of its bytes, as signed numbers.
#[inline]
fn apply(
    to: &mut [u8],
    row: &[u8],
    left: &[u8],
    up: &[u8],
    corner: &[u8],
    difference: impl Fn(u8, u8, u8, u8) -> u8,
) -> u64 {
    let length = to.len();
    let (row, left, up, corner) = (&row[..length], &left[..length], &up[..length], &corner[..length]);
    for at in 0..length {
        to[at] = difference(row[at], left[at], up[at], corner[at]);
    }
    // In chunks whose sums fit into 16 bits, which vector instructions add eight at a time.
    to.chunks(256)
        .map(|chunk| u64::from(chunk.iter().map(|value| u16::from((*value as i8).unsigned_abs())).sum::<u16>()))
        .sum()
}

/// The Paeth predictor: whichever of the three is closest to `left + up - corner`.
#[inline]
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let (pa, pb, pc) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if pa <= pb && pa <= pc {
        left
    } else if pb <= pc {
        up
    } else {
        corner
    }
}
