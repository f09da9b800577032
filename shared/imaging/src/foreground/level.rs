//! One level of the pyramid: what a picture and its matte tell about the two layers at one scale, and what
//! is believed of the layers' colors there.

/// How many color channels there are.
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

    /// A window of it, which begins at this column and row and has this width and height.
    fn cut(&self, (left, top): (usize, usize), (width, height): (usize, usize)) -> Self {
        let mut part = Self::new(width, height);
        for y in 0..height {
            part.inner_mut(y).copy_from_slice(&self.inner(top + y)[left..][..width]);
            part.close(y);
        }
        part
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
/// if each layer has one color throughout the cell.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The mean of alpha, 0 to 1.
    pub(super) alpha: Plane,
    /// The mean color, 0 to 1.
    pub(super) color: [Plane; CHANNELS],
    /// What varies within the cells. A single pixel has nothing that does.
    pub(super) within: Option<Within>,
}

/// How alpha and colors vary within cells.
#[derive(Debug, Clone)]
pub(super) struct Within {
    /// The variance of alpha.
    pub(super) variance: Plane,
    /// The covariance of alpha and color.
    pub(super) covariance: [Plane; CHANNELS],
}

impl Given {
    /// Cells of a pixel each.
    pub(super) fn of_pixels(width: usize, height: usize) -> Self {
        let plane = || Plane::new(width, height);
        Self { width, height, alpha: plane(), color: [plane(), plane(), plane()], within: None }
    }

    /// Cells of several pixels each.
    pub(super) fn of_cells(width: usize, height: usize) -> (Self, Within) {
        let plane = || Plane::new(width, height);
        let within = Within { variance: plane(), covariance: [plane(), plane(), plane()] };
        (Self::of_pixels(width, height), within)
    }

    /// The same at half the size, an odd row or column out being a cell of its own.
    pub(super) fn halved(&self) -> Self {
        let (mut half, mut within) = Self::of_cells(self.width.div_ceil(2), self.height.div_ceil(2));
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
                    let center = 0.25 * left.iter().sum::<f32>();
                    let products = left.iter().zip(right).map(|(left, right)| (left - center) * right);
                    *into += 0.25 * products.sum::<f32>();
                }
            };
            mean(&self.alpha, half.alpha.inner_mut(y));
            for channel in 0..CHANNELS {
                mean(&self.color[channel], half.color[channel].inner_mut(y));
            }
            if let Some(old) = &self.within {
                mean(&old.variance, within.variance.inner_mut(y));
                for channel in 0..CHANNELS {
                    mean(&old.covariance[channel], within.covariance[channel].inner_mut(y));
                }
            }
            spread(&self.alpha, &self.alpha, within.variance.inner_mut(y));
            for channel in 0..CHANNELS {
                spread(&self.alpha, &self.color[channel], within.covariance[channel].inner_mut(y));
            }
            half.close(y);
            within.close(y);
        }
        half.within = Some(within);
        half
    }

    /// A window of it, which begins at this column and row and has this width and height.
    pub(super) fn cut(&self, from: (usize, usize), size: (usize, usize)) -> Self {
        let within = self.within.as_ref().map(|within| Within {
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

    /// Repeats the outermost columns of a row.
    pub(super) fn close(&mut self, y: usize) {
        self.alpha.close(y);
        self.color.iter_mut().for_each(|plane| plane.close(y));
    }
}

impl Within {
    /// Repeats the outermost columns of a row.
    pub(super) fn close(&mut self, y: usize) {
        self.variance.close(y);
        self.covariance.iter_mut().for_each(|plane| plane.close(y));
    }
}

/// What is believed of the two layers at one scale: the colors of foreground and background.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub(super) foreground: [Plane; CHANNELS],
    pub(super) background: [Plane; CHANNELS],
}

impl Layers {
    /// One color for both, in a single cell.
    pub(super) fn of(color: [f32; CHANNELS]) -> Self {
        let mut layers = Self::new(1, 1);
        for planes in [&mut layers.foreground, &mut layers.background] {
            for (plane, value) in planes.iter_mut().zip(color) {
                plane.inner_mut(0)[0] = value;
                plane.close(0);
            }
        }
        layers
    }

    fn new(width: usize, height: usize) -> Self {
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
