//! The samples of a decoded AV1 frame.

use re_rav1d::dav1d::{Picture, PixelLayout, PlanarImageComponent, Plane, pixel};

use super::code_points::CodePoints;

/// A decoded frame.
pub(super) struct Frame {
    /// Bits per sample: 8, 10 or 12.
    pub(super) depth: u32,
    /// The code points that the stream states.
    pub(super) code_points: CodePoints,
    /// Luma, and both chroma planes if there are any, each with its stride in bytes.
    planes: Vec<(Plane, usize)>,
    subsampling: Subsampling,
    /// Width and height in pixels.
    size: (usize, usize),
}

/// Whether chroma has half the columns or half the rows of luma.
#[derive(Debug, Clone, Copy)]
struct Subsampling {
    columns: bool,
    rows: bool,
}

/// A plane of a frame, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    Luma = 0,
    BlueChroma = 1,
    RedChroma = 2,
}

impl Frame {
    pub(super) fn new(picture: &Picture) -> Self {
        let layout = picture.pixel_layout();
        let components: &[PlanarImageComponent] = match layout {
            PixelLayout::I400 => &[PlanarImageComponent::Y],
            _ => &[PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V],
        };
        let plane = |component: &PlanarImageComponent| (picture.plane(*component), picture.stride(*component) as usize);
        Self {
            depth: picture.bits_per_component().map_or(8, |bits| bits.0 as u32),
            code_points: CodePoints {
                primaries: picture.color_primaries() as u8,
                transfer: picture.transfer_characteristic() as u8,
                matrix: matrix_code(picture.matrix_coefficients()),
                full_range: picture.color_range() == pixel::YUVRange::Full,
            },
            planes: components.iter().map(plane).collect(),
            subsampling: Subsampling {
                columns: matches!(layout, PixelLayout::I420 | PixelLayout::I422),
                rows: layout == PixelLayout::I420,
            },
            size: (picture.width() as usize, picture.height() as usize),
        }
    }

    pub(super) fn has_chroma(&self) -> bool {
        self.planes.len() == 3
    }

    /// The largest sample.
    pub(super) fn max_sample(&self) -> f32 {
        ((1 << self.depth) - 1) as f32
    }

    /// Reads a row of luma.
    pub(super) fn read_luma(&self, y: usize, row: &mut Vec<f32>) {
        self.read_stored(Component::Luma, y, row);
    }

    /// Reads a row of chroma at the size of luma. Like JPEG decoders, interpolates linearly between samples. `scratch`
    /// is overwritten.
    pub(super) fn read_chroma(&self, chroma: Component, y: usize, row: &mut Vec<f32>, scratch: &mut [Vec<f32>; 2]) {
        let [near, far] = scratch;
        if self.subsampling.rows {
            let rows = self.size.1.div_ceil(2);
            self.read_stored(chroma, y / 2, near);
            self.read_stored(chroma, neighbor(y, rows), far);
            near.iter_mut().zip(far.iter()).for_each(|(near, far)| *near = *near * 0.75 + far * 0.25);
        } else {
            self.read_stored(chroma, y, near);
        }
        row.clear();
        if self.subsampling.columns {
            row.extend((0..self.size.0).map(|x| near[x / 2] * 0.75 + near[neighbor(x, near.len())] * 0.25));
        } else {
            row.extend_from_slice(near);
        }
    }

    /// Reads a row as stored. Samples that the decoder did not return are 0.
    fn read_stored(&self, component: Component, y: usize, row: &mut Vec<f32>) {
        let (data, stride) = &self.planes[component as usize];
        let is_halved = component != Component::Luma && self.subsampling.columns;
        let columns = if is_halved { self.size.0.div_ceil(2) } else { self.size.0 };
        let bytes = data.get(y * stride..).unwrap_or_default();
        row.clear();
        if self.depth == 8 {
            row.extend(bytes.iter().take(columns).map(|sample| f32::from(*sample)));
        } else {
            let samples = bytes.as_chunks::<2>().0.iter().take(columns);
            row.extend(samples.map(|sample| f32::from(u16::from_ne_bytes(*sample))));
        }
        row.resize(columns, 0.0);
    }
}

/// The subsampled position next to the one that covers `position`, on the nearer side, within `0..length`.
fn neighbor(position: usize, length: usize) -> usize {
    let covering = position / 2;
    if position % 2 == 1 { (covering + 1).min(length - 1) } else { covering.saturating_sub(1) }
}

/// The code point of a matrix; 2, unspecified, for unknown ones.
fn matrix_code(matrix: pixel::MatrixCoefficients) -> u8 {
    use pixel::MatrixCoefficients as Matrix;
    match matrix {
        Matrix::Identity => 0,
        Matrix::BT709 => 1,
        Matrix::BT470M => 4,
        Matrix::BT470BG => 5,
        Matrix::ST170M => 6,
        Matrix::ST240M => 7,
        Matrix::YCgCo => 8,
        Matrix::BT2020NonConstantLuminance => 9,
        _ => 2,
    }
}
