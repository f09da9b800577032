//! One level of the pyramid: what a picture and its matte tell about the two layers at one scale, and what
//! is believed of the layers' colours there.

/// How many colour channels there are.
pub(super) const CHANNELS: usize = 3;

/// A plane of numbers with a margin of one column on either side, which repeats the outermost column. So
/// every pixel has a neighbour to the left and to the right, and the loops over a row need no special case.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    stride: usize,
    values: Vec<f32>,
}

impl Plane {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let stride = width + 2;
        Self { stride, values: vec![0.0; stride * height] }
    }

    /// A row with its margins: pixel x is at x + 1.
    pub(super) fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.stride..][..self.stride]
    }

    /// A row without its margins.
    pub(super) fn inner(&self, y: usize) -> &[f32] {
        &self.values[y * self.stride + 1..][..self.stride - 2]
    }

    /// A row without its margins. They have to be made anew with [`Self::close`] afterwards.
    pub(super) fn inner_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.values[y * self.stride + 1..][..self.stride - 2]
    }

    /// Repeats the outermost columns of a row in its margins.
    pub(super) fn close(&mut self, y: usize) {
        let row = &mut self.values[y * self.stride..][..self.stride];
        row[0] = row[1];
        row[row.len() - 1] = row[row.len() - 2];
    }
}

/// What is given at one scale. A cell of it stands for a square of the picture's pixels, and holds the means
/// over them that least squares need, so that a coarse level states exactly what the pixels state together
/// if each layer has one colour throughout the cell.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The mean of alpha, 0 to 1.
    pub(super) alpha: Plane,
    /// The variance of alpha within the cell.
    pub(super) variance: Plane,
    /// The mean colour, 0 to 1.
    pub(super) colour: [Plane; CHANNELS],
    /// The covariance of alpha and colour within the cell.
    pub(super) covariance: [Plane; CHANNELS],
}

impl Given {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let plane = || Plane::new(width, height);
        Self {
            width,
            height,
            alpha: plane(),
            variance: plane(),
            colour: [plane(), plane(), plane()],
            covariance: [plane(), plane(), plane()],
        }
    }

    /// The same at half the size, an odd row or column out being a cell of its own.
    pub(super) fn halved(&self) -> Self {
        let mut half = Self::new(self.width.div_ceil(2), self.height.div_ceil(2));
        for y in 0..half.height {
            // The last row of an odd number is counted twice, which leaves its means what they are.
            let (top, bottom) = (2 * y, (2 * y + 1).min(self.height - 1));
            let mean = |plane: &Plane, into: &mut [f32]| {
                let (top, bottom) = (&plane.row(top)[1..], &plane.row(bottom)[1..]);
                for ((into, top), bottom) in into.iter_mut().zip(top.chunks(2)).zip(bottom.chunks(2)) {
                    *into = 0.25 * (top[0] + top[1] + bottom[0] + bottom[1]);
                }
            };
            // What the means differ by among the four is variance within the larger cell.
            let spread = |left: &Plane, right: &Plane, into: &mut [f32]| {
                let (a, b) = (&left.row(top)[1..], &left.row(bottom)[1..]);
                let (c, d) = (&right.row(top)[1..], &right.row(bottom)[1..]);
                let left = a.chunks(2).zip(b.chunks(2));
                let right = c.chunks(2).zip(d.chunks(2));
                for ((into, (a, b)), (c, d)) in into.iter_mut().zip(left).zip(right) {
                    let left = [a[0], a[1], b[0], b[1]];
                    let right = [c[0], c[1], d[0], d[1]];
                    let centre = 0.25 * left.iter().sum::<f32>();
                    let products = left.iter().zip(right).map(|(left, right)| (left - centre) * right);
                    *into += 0.25 * products.sum::<f32>();
                }
            };
            mean(&self.alpha, half.alpha.inner_mut(y));
            mean(&self.variance, half.variance.inner_mut(y));
            spread(&self.alpha, &self.alpha, half.variance.inner_mut(y));
            for channel in 0..CHANNELS {
                mean(&self.colour[channel], half.colour[channel].inner_mut(y));
                mean(&self.covariance[channel], half.covariance[channel].inner_mut(y));
                spread(&self.alpha, &self.colour[channel], half.covariance[channel].inner_mut(y));
            }
            half.close(y);
        }
        half
    }

    /// A window of it, which begins at this column and row and has this width and height.
    pub(super) fn cut(&self, (left, top): (usize, usize), (width, height): (usize, usize)) -> Self {
        let mut part = Self::new(width, height);
        let copy = |from: &Plane, into: &mut Plane, y: usize| {
            into.inner_mut(y).copy_from_slice(&from.inner(top + y)[left..][..width]);
        };
        for y in 0..height {
            copy(&self.alpha, &mut part.alpha, y);
            copy(&self.variance, &mut part.variance, y);
            for channel in 0..CHANNELS {
                copy(&self.colour[channel], &mut part.colour[channel], y);
                copy(&self.covariance[channel], &mut part.covariance[channel], y);
            }
            part.close(y);
        }
        part
    }

    /// Repeats the outermost columns of a row. Only alpha is looked at beyond the edge.
    pub(super) fn close(&mut self, y: usize) {
        self.alpha.close(y);
        self.variance.close(y);
        for channel in 0..CHANNELS {
            self.colour[channel].close(y);
            self.covariance[channel].close(y);
        }
    }
}

/// What is believed of the two layers at one scale: the colours of foreground and background.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub(super) foreground: [Plane; CHANNELS],
    pub(super) background: [Plane; CHANNELS],
}

impl Layers {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let planes = || [Plane::new(width, height), Plane::new(width, height), Plane::new(width, height)];
        Self { foreground: planes(), background: planes() }
    }

    /// The same at twice the size, cut to a window of the larger picture. The window begins at an even
    /// column and row.
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
                to.close(y);
            }
        }
        large
    }
}
