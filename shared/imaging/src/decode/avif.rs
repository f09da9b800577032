//! AVIF: still pictures of AV1, alone or in a grid, with alpha beside them. Of a sequence the picture is read that
//! stands for it.
//!
//! Which way up a picture is the container tells; Exif data do not count for that, by the standard. The decoder of
//! AV1 is held to the size that the container promises, to one frame, and to one thread.

mod boxes;
mod stream;

use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;
use moxcms::{CicpColorPrimaries, CicpProfile, MatrixCoefficients, TransferCharacteristics};

use self::boxes::{Avif, Nclx, Picture, Reason, Turn};
use self::stream::Frame;
use super::color::{Alpha, Conversion, Model, Sample, Told};
use super::meta::Sources;
use super::{Limits, damaged, finish_turned, unsupported};
use crate::error::Error;
use crate::photo::Photo;

/// What a pixel takes at most while it is decoded: three samples of 16 bits, and alpha.
const BYTES_A_PIXEL: u8 = 8;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(boxes::parse(bytes).map_err(fault)?.color.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let avif = boxes::parse(bytes).map_err(fault)?;
    let (width, height) = avif.color.size;
    limits.check(width, height, BYTES_A_PIXEL)?;
    for picture in [&avif.color].into_iter().chain(&avif.alpha) {
        let (width, height) = picture.coded();
        if picture.tiles.len() > 1 || (width, height) != picture.size {
            grid_limits(limits).check(width, height, BYTES_A_PIXEL)?;
        }
    }
    let color = frames(&avif.color)?;
    let alpha = avif.alpha.as_ref().map(frames).transpose()?;
    let deep = |frames: &[Frame]| frames.iter().any(|frame| frame.depth > 8);
    if deep(&color) || alpha.as_deref().is_some_and(deep) {
        convert::<u16>(&avif, &color, alpha.as_deref())
    } else {
        convert::<u8>(&avif, &color, alpha.as_deref())
    }
}

/// What the tiles of a grid may come to: they may reach beyond the picture, by a part of one each way.
fn grid_limits(limits: &Limits) -> Limits {
    Limits {
        max_pixels: limits.max_pixels.saturating_mul(2),
        max_side: limits.max_side.saturating_mul(2),
        max_alloc: limits.max_alloc.saturating_mul(2),
    }
}

fn frames(picture: &Picture<'_>) -> Result<Vec<Frame>, Error> {
    picture.tiles.iter().map(|tile| stream::decode(tile, picture.tile)).collect()
}

fn convert<T: Sample>(avif: &Avif<'_>, color: &[Frame], alpha: Option<&[Frame]>) -> Result<Photo, Error> {
    let sources = Sources { exif: avif.exif.as_deref(), xmp: avif.xmp.as_deref(), ..Sources::default() };
    let mut metadata = sources.metadata();
    // By the container, else by the stream. A matrix that neither tells is BT.601's, as in JPEG.
    let nclx = avif.nclx.unwrap_or(color[0].nclx);
    let told = avif.profile.map_or_else(|| cicp(nclx).map_or(Told::Nothing, Told::Cicp), Told::Icc);
    if avif.sequence {
        metadata.warnings.push("Only the first frame of the animation was read.".into());
    }
    if avif.cropped {
        metadata.warnings.push("The file asks to show a part of the picture alone; the whole was read.".into());
    }
    let gray = color.iter().all(|frame| !frame.has_chroma());
    // A picture without chroma has the curve of its colors all the same, and so is converted as those.
    let gray = gray && (matches!(told, Told::Nothing) || is_gray(avif.profile));
    let model = if gray { Model::Gray } else { Model::Rgb };
    let mixer = Mixer::of(nclx)?;
    let conversion = Conversion::<T>::new(model, told, &mut metadata);
    let stored = match (alpha, avif.premultiplied) {
        (None, _) => Alpha::None,
        (Some(_), false) => Alpha::Straight,
        (Some(_), true) => Alpha::Premultiplied,
    };
    let (tile_width, tile_height) = (avif.color.tile.0 as usize, avif.color.tile.1 as usize);
    let columns = avif.color.columns;
    let picture = conversion.run(avif.color.size, stored, |y, row, opacity| {
        let mut buffers = Buffers::default();
        let tiles = &color[y / tile_height * columns..];
        for (part, frame) in row.chunks_mut(tile_width * model.samples()).zip(tiles) {
            mixer.row(frame, y % tile_height, gray, part, &mut buffers);
        }
        let Some((alpha, picture)) = alpha.zip(avif.alpha.as_ref()) else { return };
        let (width, height) = (picture.tile.0 as usize, picture.tile.1 as usize);
        for (part, frame) in opacity.chunks_mut(width).zip(&alpha[y / height * picture.columns..]) {
            frame.luma(y % height, &mut buffers.luma);
            let scale = T::MAX as f32 / ((1 << frame.depth) - 1) as f32;
            for (to, sample) in part.iter_mut().zip(&buffers.luma) {
                *to = T::of((sample * scale + 0.5) as u32);
            }
        }
    });
    finish_turned(ImageKind::Avif, picture, &avif.turns.iter().flat_map(orientations).collect::<Vec<_>>(), metadata)
}

fn is_gray(profile: Option<&[u8]>) -> bool {
    // The space of its colors stands at a fixed place in a profile.
    profile.and_then(|profile| profile.get(16..20)) == Some(b"GRAY")
}

/// A turn in terms of orientations.
fn orientations(turn: &Turn) -> Option<Orientation> {
    Some(match turn {
        Turn::Rotate(0 | 4..) => return None,
        Turn::Rotate(1) => Orientation::Rotate270,
        Turn::Rotate(2) => Orientation::Rotate180,
        Turn::Rotate(3) => Orientation::Rotate90,
        Turn::UpsideDown => Orientation::FlipVertical,
        Turn::Mirror => Orientation::FlipHorizontal,
    })
}

/// The colors by their code points; none where they are not told, which means sRGB.
fn cicp(nclx: Nclx) -> Option<CicpProfile> {
    let color_primaries = CicpColorPrimaries::try_from(nclx.primaries).ok()?;
    let transfer_characteristics = TransferCharacteristics::try_from(nclx.transfer).ok()?;
    // The curve of cameras is taken for that of screens, which is what all viewers do.
    let transfer_characteristics = match transfer_characteristics {
        TransferCharacteristics::Bt709 | TransferCharacteristics::Bt601 | TransferCharacteristics::Unspecified => {
            TransferCharacteristics::Srgb
        }
        other => other,
    };
    let color_primaries = match color_primaries {
        CicpColorPrimaries::Unspecified => CicpColorPrimaries::Bt709,
        other => other,
    };
    let matrix_coefficients = MatrixCoefficients::Identity;
    Some(CicpProfile { color_primaries, transfer_characteristics, matrix_coefficients, full_range: true })
}

/// How luma and chroma make red, green and blue.
struct Mixer {
    kind: Mix,
    full_range: bool,
}

enum Mix {
    /// There are green, blue and red in place of luma and chroma.
    Identity,
    /// Luma, and differences to green and orange.
    YCgCo,
    /// The shares of red and blue in luma.
    Shares(f32, f32),
}

#[derive(Default)]
struct Buffers {
    luma: Vec<f32>,
    blue: Vec<f32>,
    red: Vec<f32>,
    near: Vec<f32>,
    far: Vec<f32>,
}

impl Mixer {
    fn of(nclx: Nclx) -> Result<Self, Error> {
        let kind = match nclx.matrix {
            0 => Mix::Identity,
            1 => Mix::Shares(0.2126, 0.0722),
            2 | 5 | 6 => Mix::Shares(0.299, 0.114),
            4 => Mix::Shares(0.3, 0.11),
            7 => Mix::Shares(0.212, 0.087),
            8 => Mix::YCgCo,
            9 => Mix::Shares(0.2627, 0.0593),
            // Derived from the primaries; those that are in use are BT.709's, BT.2020's and P3's.
            12 => match nclx.primaries {
                9 => Mix::Shares(0.2627, 0.0593),
                11 | 12 => Mix::Shares(0.228_97, 0.079_29),
                _ => Mix::Shares(0.2126, 0.0722),
            },
            matrix => {
                let remedy = "save it again in YCbCr of BT.601 or BT.709";
                return Err(unsupported(ImageKind::Avif, remedy, format!("the matrix is {matrix}")));
            }
        };
        Ok(Self { kind, full_range: nclx.full_range })
    }

    /// Mixes a row of a frame.
    fn row<T: Sample>(&self, frame: &Frame, y: usize, gray: bool, into: &mut [T], buffers: &mut Buffers) {
        let Buffers { luma, blue, red, near, far } = buffers;
        let max = ((1 << frame.depth) - 1) as f32;
        let step = (1 << (frame.depth - 8)) as f32;
        let (black, span, chroma_span) =
            if self.full_range { (0.0, max, max) } else { (16.0 * step, 219.0 * step, 224.0 * step) };
        let out = |value: f32| T::of((value.clamp(0.0, 1.0) * T::MAX as f32 + 0.5) as u32);
        frame.luma(y, luma);
        luma.iter_mut().for_each(|luma| *luma = (*luma - black) / span);
        if gray {
            into.iter_mut().zip(luma.iter()).for_each(|(to, luma)| *to = out(*luma));
            return;
        }
        if !frame.has_chroma() {
            into.chunks_exact_mut(3).zip(luma.iter()).for_each(|(to, luma)| to.fill(out(*luma)));
            return;
        }
        frame.chroma(1, y, blue, near, far);
        frame.chroma(2, y, red, near, far);
        let middle = 128.0 * step;
        let pixels = into.chunks_exact_mut(3).zip(luma.iter()).zip(blue.iter().zip(red.iter()));
        for ((to, luma), (blue, red)) in pixels {
            let (cb, cr) = ((blue - middle) / chroma_span, (red - middle) / chroma_span);
            let rgb = match self.kind {
                Mix::Identity => [(red - black) / span, *luma, (blue - black) / span],
                Mix::YCgCo => [luma - cb + cr, luma + cb, luma - cb - cr],
                Mix::Shares(kr, kb) => {
                    let (r, b) = (luma + 2.0 * (1.0 - kr) * cr, luma + 2.0 * (1.0 - kb) * cb);
                    [r, (luma - kr * r - kb * b) / (1.0 - kr - kb), b]
                }
            };
            to.iter_mut().zip(rgb).for_each(|(to, value)| *to = out(value));
        }
    }
}

fn fault(reason: Reason) -> Error {
    match reason {
        Reason::Damaged(reason) => damaged(ImageKind::Avif, reason),
        Reason::Unsupported(reason) => {
            unsupported(ImageKind::Avif, "save it again as a plain AVIF of one picture", reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_against_the_clock() {
        assert_eq!(orientations(&Turn::Rotate(1)), Some(Orientation::Rotate270));
        assert_eq!(orientations(&Turn::Rotate(0)), None);
        assert_eq!(
            cicp(Nclx { primaries: 2, transfer: 2, matrix: 2, full_range: true }).map(|it| it.color_primaries as u8),
            Some(1)
        );
    }
}
