//! From luma and chroma to RGB (ITU-T H.273, section 8.3).

use cutline_core::domain::kind::ImageKind;

use super::code_points::CodePoints;
use super::frame::{Component, Frame};
use crate::decode::color::{ColorModel, Sample};
use crate::error::Error;

/// The conversion of an image's samples.
pub(super) struct YuvToRgb {
    matrix: Matrix,
    full_range: bool,
    /// Gray images keep luma alone.
    model: ColorModel,
}

enum Matrix {
    /// Luma is green, chroma is blue and red.
    Identity,
    /// Luma, and differences to green and orange.
    YCgCo,
    /// The weights of red and blue in luma.
    Weights { red: f32, blue: f32 },
}

/// Rows of one frame, reused between rows.
#[derive(Default)]
pub(super) struct RowBuffers {
    luma: Vec<f32>,
    blue: Vec<f32>,
    red: Vec<f32>,
    scratch: [Vec<f32>; 2],
}

/// The range of a frame's samples.
struct Range {
    black: f32,
    luma_span: f32,
    /// The chroma of gray.
    neutral: f32,
    chroma_span: f32,
}

const BT601: Matrix = Matrix::Weights { red: 0.299, blue: 0.114 };
const BT709: Matrix = Matrix::Weights { red: 0.2126, blue: 0.0722 };
const BT2020: Matrix = Matrix::Weights { red: 0.2627, blue: 0.0593 };
const DISPLAY_P3: Matrix = Matrix::Weights { red: 0.228_97, blue: 0.079_29 };

impl Matrix {
    fn new(code_points: CodePoints) -> Result<Self, Error> {
        Ok(match code_points.matrix {
            0 => Self::Identity,
            1 => BT709,
            // An unspecified matrix (2) is the one of JPEG.
            2 | 5 | 6 => BT601,
            4 => Self::Weights { red: 0.3, blue: 0.11 },
            7 => Self::Weights { red: 0.212, blue: 0.087 },
            8 => Self::YCgCo,
            9 => BT2020,
            // Derived from the primaries. Only these are common.
            12 => match code_points.primaries {
                9 => BT2020,
                11 | 12 => DISPLAY_P3,
                _ => BT709,
            },
            matrix => {
                let remedy = "save it again in YCbCr of BT.601 or BT.709";
                return Err(Error::unsupported(ImageKind::Avif, format!("color matrix {matrix}"), remedy));
            }
        })
    }
}

impl Range {
    fn new(frame: &Frame, full_range: bool) -> Self {
        // Limited ranges are defined in 8 bits.
        let step = (1 << (frame.depth - 8)) as f32;
        let max = frame.max_sample();
        let neutral = 128.0 * step;
        if full_range {
            Self { black: 0.0, luma_span: max, neutral, chroma_span: max }
        } else {
            Self { black: 16.0 * step, luma_span: 219.0 * step, neutral, chroma_span: 224.0 * step }
        }
    }
}

impl YuvToRgb {
    /// # Errors
    /// [`Error::UnsupportedFeature`] if the matrix is not supported.
    pub(super) fn new(code_points: CodePoints, model: ColorModel) -> Result<Self, Error> {
        Ok(Self { matrix: Matrix::new(code_points)?, full_range: code_points.full_range, model })
    }

    /// Converts row `y` of a frame to RGB, or to gray if that is the model.
    pub(super) fn convert_row<T: Sample>(&self, frame: &Frame, y: usize, pixels: &mut [T], buffers: &mut RowBuffers) {
        let RowBuffers { luma, blue, red, scratch } = buffers;
        let range = Range::new(frame, self.full_range);
        frame.read_luma(y, luma);
        luma.iter_mut().for_each(|luma| *luma = (*luma - range.black) / range.luma_span);
        if self.model == ColorModel::Gray {
            pixels.iter_mut().zip(luma.iter()).for_each(|(gray, luma)| *gray = to_sample(*luma));
            return;
        }
        if !frame.has_chroma() {
            pixels.chunks_exact_mut(3).zip(luma.iter()).for_each(|(pixel, luma)| pixel.fill(to_sample(*luma)));
            return;
        }
        frame.read_chroma(Component::BlueChroma, y, blue, scratch);
        frame.read_chroma(Component::RedChroma, y, red, scratch);
        let chroma = blue.iter().zip(red.iter());
        for ((pixel, luma), (blue, red)) in pixels.chunks_exact_mut(3).zip(luma.iter()).zip(chroma) {
            let rgb = self.rgb(*luma, *blue, *red, &range);
            pixel.iter_mut().zip(rgb).for_each(|(sample, value)| *sample = to_sample(value));
        }
    }

    /// One pixel, by normalized luma and chroma as stored. Returns 0 to 1, not clamped.
    fn rgb(&self, luma: f32, blue: f32, red: f32, range: &Range) -> [f32; 3] {
        let (cb, cr) = ((blue - range.neutral) / range.chroma_span, (red - range.neutral) / range.chroma_span);
        match self.matrix {
            Matrix::Identity => [(red - range.black) / range.luma_span, luma, (blue - range.black) / range.luma_span],
            Matrix::YCgCo => [luma - cb + cr, luma + cb, luma - cb - cr],
            Matrix::Weights { red: kr, blue: kb } => {
                let (r, b) = (luma + 2.0 * (1.0 - kr) * cr, luma + 2.0 * (1.0 - kb) * cb);
                [r, (luma - kr * r - kb * b) / (1.0 - kr - kb), b]
            }
        }
    }
}

/// Reads row `y` of an alpha frame, which has full range.
pub(super) fn read_alpha_row<T: Sample>(frame: &Frame, y: usize, row: &mut [T], buffers: &mut RowBuffers) {
    frame.read_luma(y, &mut buffers.luma);
    let scale = T::MAX as f32 / frame.max_sample();
    for (alpha, luma) in row.iter_mut().zip(&buffers.luma) {
        *alpha = T::from_u32((luma * scale + 0.5) as u32);
    }
}

/// A value of 0 to 1 as a sample, rounded.
fn to_sample<T: Sample>(value: f32) -> T {
    T::from_u32((value.clamp(0.0, 1.0) * T::MAX as f32 + 0.5) as u32)
}
