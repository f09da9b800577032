//! Grids of values with a margin, so that loops over a row need no special case at its ends.

/// A grid of values with a margin of one column on either side, which repeats the outermost column.
#[derive(Debug, Clone)]
pub(super) struct PaddedPlane {
    stride: usize,
    values: Vec<f32>,
}

impl PaddedPlane {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let stride = width + 2;
        Self { stride, values: vec![0.0; stride * height] }
    }

    /// A row with its margins: value x is at x + 1.
    pub(super) fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.stride..][..self.stride]
    }

    /// A row without its margins.
    pub(super) fn inner(&self, y: usize) -> &[f32] {
        &self.values[y * self.stride + 1..][..self.stride - 2]
    }

    /// A row without its margins. Call [`Self::repeat_border`] after changing it.
    pub(super) fn inner_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.values[y * self.stride + 1..][..self.stride - 2]
    }

    /// The part that begins at this column and row and has this size.
    pub(super) fn cut(&self, (left, top): (usize, usize), (width, height): (usize, usize)) -> Self {
        let mut part = Self::new(width, height);
        for y in 0..height {
            part.inner_mut(y).copy_from_slice(&self.inner(top + y)[left..][..width]);
            part.repeat_border(y);
        }
        part
    }

    /// Repeats the outermost columns of a row in the margins.
    pub(super) fn repeat_border(&mut self, y: usize) {
        let row = &mut self.values[y * self.stride..][..self.stride];
        row[0] = row[1];
        row[row.len() - 1] = row[row.len() - 2];
    }
}
