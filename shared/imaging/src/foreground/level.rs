//! The levels of the pyramid: picture and matte at one scale, and the estimated colors of the two layers there.

use super::plane::PaddedPlane;

/// The number of color channels.
pub(super) const CHANNELS: usize = 3;

/// Picture and matte at one scale. A cell represents a square of pixels, and holds the means over them that least squares
/// need: a coarse level is equivalent to its pixels if each layer has a single color within a cell.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The mean of alpha, 0 to 1.
    pub(super) alpha: PaddedPlane,
    /// The mean color, 0 to 1.
    pub(super) color: [PaddedPlane; CHANNELS],
    /// The variation within the cells; `None` if cells are single pixels.
    pub(super) within: Option<CellVariation>,
}

/// How alpha and color vary within cells.
#[derive(Debug, Clone)]
pub(super) struct CellVariation {
    /// The variance of alpha.
    pub(super) variance: PaddedPlane,
    /// The covariance of alpha and color.
    pub(super) covariance: [PaddedPlane; CHANNELS],
}

impl Level {
    /// Empty cells of a pixel each.
    pub(super) fn of_pixels(width: usize, height: usize) -> Self {
        let plane = || PaddedPlane::new(width, height);
        Self { width, height, alpha: plane(), color: [plane(), plane(), plane()], within: None }
    }

    /// Empty cells of several pixels each.
    pub(super) fn of_cells(width: usize, height: usize) -> (Self, CellVariation) {
        let plane = || PaddedPlane::new(width, height);
        let within = CellVariation { variance: plane(), covariance: [plane(), plane(), plane()] };
        (Self::of_pixels(width, height), within)
    }

    /// The level at half the size. An odd last row or column becomes cells of its own.
    pub(super) fn halved(&self) -> Self {
        let (mut half, mut within) = Self::of_cells(self.width.div_ceil(2), self.height.div_ceil(2));
        for y in 0..half.height {
            // An odd last row is counted twice, which does not change its means.
            let rows = [2 * y, (2 * y + 1).min(self.height - 1)];
            average_pairs(half.alpha.inner_mut(y), &self.alpha, rows);
            for channel in 0..CHANNELS {
                average_pairs(half.color[channel].inner_mut(y), &self.color[channel], rows);
            }
            if let Some(old) = &self.within {
                average_pairs(within.variance.inner_mut(y), &old.variance, rows);
                for channel in 0..CHANNELS {
                    average_pairs(within.covariance[channel].inner_mut(y), &old.covariance[channel], rows);
                }
            }
            add_covariance(within.variance.inner_mut(y), &self.alpha, &self.alpha, rows);
            for channel in 0..CHANNELS {
                add_covariance(within.covariance[channel].inner_mut(y), &self.alpha, &self.color[channel], rows);
            }
            half.repeat_border(y);
            within.repeat_border(y);
        }
        half.within = Some(within);
        half
    }

    /// The part that begins at this column and row and has this size.
    pub(super) fn cut(&self, from: (usize, usize), size: (usize, usize)) -> Self {
        let within = self.within.as_ref().map(|within| CellVariation {
            variance: within.variance.cut(from, size),
            covariance: within.covariance.each_ref().map(|plane| plane.cut(from, size)),
        });
        Self {
            width: size.0,
            height: size.1,
            alpha: self.alpha.cut(from, size),
            color: self.color.each_ref().map(|plane| plane.cut(from, size)),
            within,
        }
    }

    /// Repeats the outermost columns of a row in the margins.
    pub(super) fn repeat_border(&mut self, y: usize) {
        self.alpha.repeat_border(y);
        self.color.iter_mut().for_each(|plane| plane.repeat_border(y));
    }
}

impl CellVariation {
    /// Repeats the outermost columns of a row in the margins.
    pub(super) fn repeat_border(&mut self, y: usize) {
        self.variance.repeat_border(y);
        self.covariance.iter_mut().for_each(|plane| plane.repeat_border(y));
    }
}

/// The estimated colors of foreground and background at one scale.
#[derive(Debug, Clone)]
pub(super) struct LayerColors {
    pub(super) foreground: [PaddedPlane; CHANNELS],
    pub(super) background: [PaddedPlane; CHANNELS],
}

impl LayerColors {
    /// A single cell with the same color in both layers.
    pub(super) fn of(color: [f32; CHANNELS]) -> Self {
        let mut layers = Self::new(1, 1);
        for planes in [&mut layers.foreground, &mut layers.background] {
            for (plane, value) in planes.iter_mut().zip(color) {
                plane.inner_mut(0)[0] = value;
                plane.repeat_border(0);
            }
        }
        layers
    }

    fn new(width: usize, height: usize) -> Self {
        let planes =
            || [PaddedPlane::new(width, height), PaddedPlane::new(width, height), PaddedPlane::new(width, height)];
        Self { foreground: planes(), background: planes() }
    }

    /// The part of these colors at twice the size that begins at this column and row, both even, and has this size.
    pub(super) fn doubled(&self, (left, top): (usize, usize), (width, height): (usize, usize)) -> Self {
        let mut large = Self::new(width, height);
        let into = large.foreground.iter_mut().chain(&mut large.background);
        for (from, to) in self.foreground.iter().chain(&self.background).zip(into) {
            for y in 0..height {
                let row = &from.inner((top + y) / 2)[left / 2..];
                let (pairs, odd) = to.inner_mut(y).as_chunks_mut::<2>();
                for (pair, value) in pairs.iter_mut().zip(row) {
                    *pair = [*value; 2];
                }
                if let ([last], Some(value)) = (odd, row.get(pairs.len())) {
                    *last = *value;
                }
                to.repeat_border(y);
            }
        }
        large
    }
}

/// Averages the 2 x 2 cells of two rows.
fn average_pairs(into: &mut [f32], plane: &PaddedPlane, [top, bottom]: [usize; 2]) {
    let (top, bottom) = (&plane.row(top)[1..], &plane.row(bottom)[1..]);
    for ((into, top), bottom) in into.iter_mut().zip(top.chunks(2)).zip(bottom.chunks(2)) {
        *into = 0.25 * (top[0] + top[1] + bottom[0] + bottom[1]);
    }
}

/// Adds the covariance of two planes over the 2 x 2 cells of two rows: how their means differ among the four is variation
/// within the larger cell.
fn add_covariance(into: &mut [f32], left: &PaddedPlane, right: &PaddedPlane, [top, bottom]: [usize; 2]) {
    let (a, b) = (&left.row(top)[1..], &left.row(bottom)[1..]);
    let (c, d) = (&right.row(top)[1..], &right.row(bottom)[1..]);
    let left = a.chunks(2).zip(b.chunks(2));
    let right = c.chunks(2).zip(d.chunks(2));
    for ((into, (a, b)), (c, d)) in into.iter_mut().zip(left).zip(right) {
        let left = [a[0], a[1], b[0], b[1]];
        let right = [c[0], c[1], d[0], d[1]];
        let center = 0.25 * left.iter().sum::<f32>();
        let products = left.iter().zip(right).map(|(left, right)| (left - center) * right);
        *into += 0.25 * products.sum::<f32>();
    }
}
