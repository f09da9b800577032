//! One AV1 stream of one frame: looked through before its decoder sees it, decoded, and its samples read.

use cutline_core::domain::kind::ImageKind;
use re_rav1d::dav1d::{Decoder, Error as Fault, PixelLayout, PlanarImageComponent, Plane, Settings, pixel};

use super::super::{damaged, unsupported};
use super::boxes::Nclx;
use crate::error::Error;

const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
/// How often the decoder is asked for its one picture.
const ATTEMPTS: usize = 8;

/// A decoded frame.
pub(super) struct Frame {
    pub(super) depth: u32,
    /// What the stream says of its colors.
    pub(super) nclx: Nclx,
    /// Luma, and both chromas if there are any.
    planes: Vec<(Plane, usize)>,
    /// Whether chroma has half as many columns, and half as many rows.
    halved: (bool, bool),
    size: (usize, usize),
}

/// Decodes a stream that must have the size that its container promises. More pixels than that are refused by the
/// decoder as soon as it reads of them.
pub(super) fn decode(stream: &[u8], (width, height): (u32, u32)) -> Result<Frame, Error> {
    one_frame(stream)?;
    let mut settings = Settings::new();
    // One thread: it takes no memory for others, and needs no others to end it.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(width.saturating_mul(height));
    let fault = |error: Fault| match error {
        Fault::NotEnoughMemory => Error::TooMuchMemory,
        Fault::UnsupportedBitstream => unsupported(ImageKind::Avif, "save it again as a plain AVIF", error.to_string()),
        _ => damaged(ImageKind::Avif, error.to_string()),
    };
    let mut decoder = Decoder::with_settings(&settings).map_err(fault)?;
    let mut sent = decoder.send_data(stream.to_vec(), None, None, None);
    for _ in 0..ATTEMPTS {
        match sent {
            Ok(()) | Err(Fault::Again) => {}
            Err(error) => return Err(fault(error)),
        }
        match decoder.get_picture() {
            Ok(picture) => {
                if (picture.width(), picture.height()) != (width, height) {
                    return Err(damaged(ImageKind::Avif, "the frame is not of the size that was promised"));
                }
                let layout = picture.pixel_layout();
                let components: &[PlanarImageComponent] = match layout {
                    PixelLayout::I400 => &[PlanarImageComponent::Y],
                    _ => &[PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V],
                };
                let plane =
                    |component: &PlanarImageComponent| (picture.plane(*component), picture.stride(*component) as usize);
                return Ok(Frame {
                    depth: picture.bits_per_component().map_or(8, |bits| bits.0 as u32),
                    nclx: Nclx {
                        primaries: picture.color_primaries() as u8,
                        transfer: picture.transfer_characteristic() as u8,
                        matrix: matrix(picture.matrix_coefficients()),
                        full_range: picture.color_range() == pixel::YUVRange::Full,
                    },
                    planes: components.iter().map(plane).collect(),
                    halved: (matches!(layout, PixelLayout::I420 | PixelLayout::I422), layout == PixelLayout::I420),
                    size: (width as usize, height as usize),
                });
            }
            Err(Fault::Again) => sent = decoder.send_pending_data(),
            Err(error) => return Err(fault(error)),
        }
    }
    Err(damaged(ImageKind::Avif, "there is no frame"))
}

/// Checks that the units of a stream end within it and hold one frame: each frame may be as large as the picture,
/// takes as long to decode, and may be kept for the ones after it.
fn one_frame(stream: &[u8]) -> Result<(), Error> {
    let short = || damaged(ImageKind::Avif, "a unit of the stream ends past it");
    let (mut rest, mut frames) = (stream, 0);
    while let Some((head, after)) = rest.split_first() {
        let (kind, extended, sized) = (head >> 3 & 15, head & 4 != 0, head & 2 != 0);
        rest = after.get(usize::from(extended)..).ok_or_else(short)?;
        if kind == FRAME_HEADER || kind == FRAME {
            frames += 1;
        }
        if !sized {
            break;
        }
        let (length, after) = leb128(rest).ok_or_else(short)?;
        rest = after.get(length..).ok_or_else(short)?;
    }
    match frames {
        1 => Ok(()),
        0 => Err(damaged(ImageKind::Avif, "there is no frame")),
        _ => Err(unsupported(
            ImageKind::Avif,
            "save it as an AVIF of one frame and one layer",
            "there are several frames",
        )),
    }
}

/// A number of seven bits a byte, the lowest first, and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(8) {
        number |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

fn matrix(told: pixel::MatrixCoefficients) -> u8 {
    use pixel::MatrixCoefficients as Matrix;
    match told {
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

impl Frame {
    pub(super) fn has_chroma(&self) -> bool {
        self.planes.len() == 3
    }

    /// A row of a plane as it is stored.
    fn stored(&self, plane: usize, y: usize, into: &mut Vec<f32>) {
        let (data, stride) = &self.planes[plane];
        let columns = if plane > 0 && self.halved.0 { self.size.0.div_ceil(2) } else { self.size.0 };
        let row = data.get(y * stride..).unwrap_or_default();
        into.clear();
        if self.depth == 8 {
            into.extend(row.iter().take(columns).map(|sample| f32::from(*sample)));
        } else {
            let samples = row.as_chunks::<2>().0.iter().take(columns);
            into.extend(samples.map(|sample| f32::from(u16::from_ne_bytes(*sample))));
        }
        into.resize(columns, 0.0);
    }

    /// A row of luma.
    pub(super) fn luma(&self, y: usize, into: &mut Vec<f32>) {
        self.stored(0, y, into);
    }

    /// A row of a chroma, 1 or 2, at the size of luma: between samples by their distance, as JPEG's decoders do. The
    /// other two are for what is between.
    pub(super) fn chroma(&self, plane: usize, y: usize, into: &mut Vec<f32>, near: &mut Vec<f32>, far: &mut Vec<f32>) {
        if self.halved.1 {
            let (row, rows) = (y / 2, self.size.1.div_ceil(2));
            let other = if y % 2 == 1 { (row + 1).min(rows - 1) } else { row.saturating_sub(1) };
            self.stored(plane, row, near);
            self.stored(plane, other, far);
            near.iter_mut().zip(far.iter()).for_each(|(near, far)| *near = *near * 0.75 + far * 0.25);
        } else {
            self.stored(plane, y, near);
        }
        into.clear();
        if !self.halved.0 {
            into.extend_from_slice(near);
            return;
        }
        into.extend((0..self.size.0).map(|x| {
            let at = x / 2;
            let other = if x % 2 == 1 { (at + 1).min(near.len() - 1) } else { at.saturating_sub(1) };
            near[at] * 0.75 + near[other] * 0.25
        }));
    }
}
