//! The pictures as planes of numbers.

/// A picture in three planes of the same size, row by row: sRGB values from 0 to 1, which may exceed that after a gain.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planes {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: [Vec<f32>; 3],
}

impl Planes {
    /// A picture of interleaved RGB.
    pub(super) fn of_srgb(bytes: &[u8], width: usize) -> Self {
        let pixels = bytes.as_chunks::<3>().0;
        let channel = |channel: usize| pixels.iter().map(|pixel| f32::from(pixel[channel]) / 255.0).collect();
        Self { width, height: pixels.len() / width, channels: [0, 1, 2].map(channel) }
    }

    pub(super) fn len(&self) -> usize {
        self.width * self.height
    }

    /// The brightness of each pixel, from 0 to 1.
    pub(super) fn luma(&self) -> Vec<f32> {
        (0..self.len()).map(|at| self.luma_at(at)).collect()
    }

    pub(super) fn luma_at(&self, at: usize) -> f32 {
        let [red, green, blue] = &self.channels;
        0.299 * red[at] + 0.587 * green[at] + 0.114 * blue[at]
    }

    /// The same planes with other values.
    pub(super) fn map(&self, mut change: impl FnMut(usize, &[f32]) -> Vec<f32>) -> Self {
        let [red, green, blue] = &self.channels;
        let channels = [change(0, red), change(1, green), change(2, blue)];
        Self { width: self.width, height: self.height, channels }
    }
}

/// The light of an sRGB value, 1 for white.
pub(super) fn to_linear(value: f32) -> f32 {
    if value <= 0.040_45 { value.max(0.0) / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of light.
pub(super) fn to_srgb(light: f32) -> f32 {
    if light <= 0.003_130_8 { 12.92 * light.max(0.0) } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// The median of some values; `None` of none. Changes their order.
pub(super) fn median(values: &mut [f32]) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// The standard deviation of a normal distribution whose absolute values have this median.
pub(super) fn deviation(median_of_absolutes: f32) -> f32 {
    median_of_absolutes / 0.6745
}

/// At each pixel, how steeply a plane rises, in its unit a pixel.
pub(super) fn slope(values: &[f32], width: usize) -> Vec<f32> {
    let height = values.len() / width;
    let mut slopes = Vec::with_capacity(values.len());
    for y in 0..height {
        let (above, below) = (y.saturating_sub(1) * width, (y + 1).min(height - 1) * width);
        for x in 0..width {
            let (left, right) = (y * width + x.saturating_sub(1), y * width + (x + 1).min(width - 1));
            slopes.push(0.5 * (values[right] - values[left]).hypot(values[below + x] - values[above + x]));
        }
    }
    slopes
}
