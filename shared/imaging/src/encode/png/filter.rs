//! The filters of PNG, which tell a row by its differences from what stands left of it and above, and the
//! choice among them.
//!
//! As the specification suggests (section 12.7, "Filter selection"), the filter is taken whose result has
//! the least sum of absolute values. `None` is taken for rows that are empty alone: it pays for
//! pictures of few colors, which a photograph is not.

/// Makes rows of filtered bytes out of rows of samples.
pub(super) struct Filter {
    /// Bytes a pixel.
    pixel: usize,
    /// The row and the one above it, each behind one pixel of zeros.
    current: Vec<u8>,
    above: Vec<u8>,
    tried: Vec<u8>,
    best: Vec<u8>,
}

impl Filter {
    /// For rows of so many bytes with so many a pixel.
    pub(super) fn new(stride: usize, pixel: usize) -> Self {
        let row = vec![0; pixel + stride];
        Self { pixel, current: row.clone(), above: row, tried: vec![0; stride], best: vec![0; stride] }
    }

    /// The place for the next row of samples. The row before it becomes the one above.
    pub(super) fn next(&mut self) -> &mut [u8] {
        std::mem::swap(&mut self.current, &mut self.above);
        &mut self.current[self.pixel..]
    }

    /// Writes the filtered row, after the byte that names its filter, to the end of `filtered`.
    pub(super) fn append(&mut self, filtered: &mut Vec<u8>) {
        let Self { pixel, current, above, tried, best } = self;
        let stride = best.len();
        let (left, row) = (&current[..stride], &current[*pixel..]);
        let (corner, up) = (&above[..stride], &above[*pixel..]);
        if row.iter().all(|sample| *sample == 0) {
            filtered.push(0);
            filtered.extend(row);
            return;
        }
        if row == up {
            // Nothing but zeros, which no other filter makes of it.
            filtered.push(2);
            filtered.resize(filtered.len() + stride, 0);
            return;
        }
        let mut chosen = 1;
        let mut least = apply(best, row, left, up, corner, |x, left, _, _| x.wrapping_sub(left));
        for kind in 2..=4_u8 {
            let sum = match kind {
                2 => apply(tried, row, left, up, corner, |x, _, up, _| x.wrapping_sub(up)),
                3 => apply(tried, row, left, up, corner, |x, left, up, _| {
                    x.wrapping_sub(((u16::from(left) + u16::from(up)) / 2) as u8)
                }),
                _ => apply(tried, row, left, up, corner, |x, left, up, corner| x.wrapping_sub(paeth(left, up, corner))),
            };
            if sum < least {
                (chosen, least) = (kind, sum);
                std::mem::swap(best, tried);
            }
        }
        filtered.push(chosen);
        filtered.extend(best.iter());
    }
}

/// Filters a row and adds up how far its bytes are from 0, as signed numbers.
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
    // In pieces whose sums fit into 16 bits, which processors add eight at a time.
    to.chunks(256)
        .map(|piece| u64::from(piece.iter().map(|value| u16::from((*value as i8).unsigned_abs())).sum::<u16>()))
        .sum()
}

/// Which of the three is closest to what they make together: a plane through left, up and corner.
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
