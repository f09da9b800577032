//! TIFF: the first page, by the `tiff` crate; what the crate does not tell is read from the directory here.
//!
//! Gray, RGB, CMYK and JPEG's YCbCr, of 8 or 16 bits a sample (gray also of 1, 2 or 4), in strips or tiles, plain or
//! compressed by LZW, Deflate, PackBits, JPEG or Group 4. Alpha is what the file calls so; further samples are ignored.

use std::io::Cursor;

use cutline_core::domain::kind::ImageKind;
use tiff::decoder::{ChunkType, Decoder, DecodingSampleType, Limits as Allowed};
use tiff::tags::{CompressionMethod, Tag};
use tiff::{ColorType, TiffError};

use super::color::{Alpha, Conversion, Model, Sample};
use super::meta::ifd::{self, Ifd};
use super::meta::{self, Sources};
use super::{Limits, damaged, finish, markers, unsupported};
use crate::error::Error;
use crate::photo::Photo;

/// The most memory in bytes for one value of a directory: the places of a picture's strips, or a profile.
const MAX_VALUE: usize = 16 << 20;

/// The longest tables that JPEGs in strips or tiles share, in bytes.
const MAX_TABLES: usize = 64 << 10;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const SAMPLES_PER_PIXEL: u16 = 277;
const PREDICTOR: u16 = 317;
const JPEG_TABLES: u16 = 347;

/// What the samples of a page are.
struct Form {
    model: Model,
    /// Where alpha stands among the samples, if there is any.
    alpha: Alpha,
    /// Samples of a pixel as they are decoded.
    samples: usize,
    /// Luma and chroma in place of RGB.
    ycbcr: bool,
    /// In bits; fewer than eight are packed.
    depth: u8,
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let ifd = directory(bytes)?;
    let side = |tag| ifd.whole(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
    side(WIDTH).zip(side(HEIGHT)).ok_or_else(|| damaged(ImageKind::Tiff, "the picture has no size"))
}

fn directory(bytes: &[u8]) -> Result<Ifd<'_>, Error> {
    Ifd::first(bytes).ok_or_else(|| damaged(ImageKind::Tiff, "there is no directory"))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let (width, height) = dimensions(bytes)?;
    limits.check(width, height, 1)?;
    let ifd = directory(bytes)?;
    let allowed = usize::try_from(limits.max_alloc).unwrap_or(usize::MAX);
    let mut given = Allowed::default();
    given.decoding_buffer_size = allowed;
    given.intermediate_buffer_size = allowed;
    given.ifd_value_size = allowed.min(MAX_VALUE);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(fault)?.with_limits(given);
    if decoder.dimensions().map_err(fault)? != (width, height) {
        return Err(damaged(ImageKind::Tiff, "the picture has two sizes"));
    }
    let form = form(&decoder.colortype().map_err(fault)?, &ifd)?;
    limits.check(width, height, (form.samples as u8).saturating_mul(form.depth.div_ceil(8)))?;
    check_chunks(bytes, &ifd, &mut decoder, &form, limits)?;

    let layout = decoder.image_buffer_layout().map_err(fault)?;
    if layout.complete_len > allowed {
        return Err(Error::TooMuchMemory);
    }
    let wide = match layout.sample_type {
        Some(DecodingSampleType::U8) => false,
        Some(DecodingSampleType::U16) => true,
        other => return Err(unsupported(ImageKind::Tiff, REMEDY, format!("the samples are {other:?}"))),
    };
    let stored = ifd.whole(SAMPLES_PER_PIXEL).and_then(|stored| usize::try_from(stored).ok()).unwrap_or(1);
    let leaves_out = layout.planes == 1 && stored > form.samples;
    if leaves_out && decoder.get_chunk_type() == ChunkType::Tile {
        // The decoder takes a row of a tile for one of the picture then.
        let remedy = "save it without the channels beside its colors";
        return Err(unsupported(ImageKind::Tiff, remedy, format!("{stored} samples a pixel, in tiles")));
    }
    let mut samples = vec![0; layout.complete_len];
    decoder.read_image_bytes(&mut samples).map_err(fault)?;
    if leaves_out && ifd.whole(PREDICTOR) == Some(2) {
        for row in samples.chunks_mut(layout.row_stride.map_or(1, std::num::NonZeroUsize::get)) {
            if wide { mend::<2>(row, stored, form.samples) } else { mend::<1>(row, stored, form.samples) }
        }
    }
    let planes = Planes {
        samples: &samples,
        across: layout.row_stride.map_or(0, std::num::NonZeroUsize::get),
        plane: if layout.planes > 1 { layout.plane_stride.map_or(0, std::num::NonZeroUsize::get) } else { 0 },
    };

    let sources = Sources {
        dpi: meta::resolution(&ifd),
        // The tags of Exif stand in the directory itself.
        exif: Some(bytes),
        photoshop: ifd.bytes(ifd::PHOTOSHOP),
        iptc: ifd.bytes(ifd::IPTC),
        xmp: ifd.bytes(ifd::XMP),
        ..Sources::default()
    };
    let mut metadata = sources.metadata();
    let pages = ifd.pages();
    if pages > 1 {
        metadata.warnings.push(format!("Only the first of {pages} pages was read."));
    }
    let told = ifd.bytes(ifd::ICC_PROFILE).into();
    let size = (width, height);
    let picture = if wide {
        let conversion = Conversion::<u16>::new(form.model, told, &mut metadata);
        conversion.run(size, form.alpha, |y, row, alpha| planes.fill(&form, y, row, alpha))
    } else {
        let conversion = Conversion::<u8>::new(form.model, told, &mut metadata);
        conversion.run(size, form.alpha, |y, row, alpha| planes.fill(&form, y, row, alpha))
    };
    drop(samples);
    finish(ImageKind::Tiff, picture, meta::orientation(&ifd), metadata)
}

/// Undoes a fault of the decoder in a row that it read. Where a pixel is stored with more samples than are read, the
/// predictor's differences were added up over the stored number, though those that are not read were taken out before.
fn mend<const BYTES: usize>(row: &mut [u8], stored: usize, read: usize) {
    let number = |sample: &[u8; BYTES]| sample.iter().rev().fold(0_u16, |number, byte| number << 8 | u16::from(*byte));
    let put = |number: u16| std::array::from_fn(|at| (number >> (8 * at)) as u8);
    let (samples, _) = row.as_chunks_mut::<BYTES>();
    // In the order of this machine's bytes.
    let turn = |samples: &mut [[u8; BYTES]]| {
        if cfg!(target_endian = "big") {
            samples.iter_mut().for_each(|sample| sample.reverse());
        }
    };
    turn(samples);
    for at in (stored..samples.len()).rev() {
        samples[at] = put(number(&samples[at]).wrapping_sub(number(&samples[at - stored])));
    }
    for at in read..samples.len() {
        samples[at] = put(number(&samples[at]).wrapping_add(number(&samples[at - read])));
    }
    turn(samples);
}

const REMEDY: &str = "save it as 8 or 16-bit RGB, gray or CMYK without layers";

/// Tells what the samples mean, or refuses what is not read.
fn form(color: &ColorType, ifd: &Ifd<'_>) -> Result<Form, Error> {
    // What the first sample beside the colors is: 1 is alpha multiplied into them, 2 alpha beside them.
    let extra = match ifd.whole(ifd::EXTRA_SAMPLES) {
        Some(1) => Alpha::Premultiplied,
        Some(2) => Alpha::Straight,
        _ => Alpha::None,
    };
    // Where a file has a fourth sample and does not say what it is, it is alpha by custom.
    let alpha = if extra == Alpha::None { Alpha::Straight } else { extra };
    let form = |model, alpha, samples, depth| Form { model, alpha, samples, ycbcr: false, depth };
    let found = match *color {
        ColorType::Gray(depth) => form(Model::Gray, Alpha::None, 1, depth),
        ColorType::GrayA(depth) => form(Model::Gray, alpha, 2, depth),
        ColorType::Multiband { bit_depth, num_samples } if num_samples <= 8 => {
            form(Model::Gray, extra, num_samples.into(), bit_depth)
        }
        ColorType::RGB(depth) => form(Model::Rgb, Alpha::None, 3, depth),
        ColorType::RGBA(depth) => form(Model::Rgb, alpha, 4, depth),
        ColorType::CMYK(depth) => form(Model::Cmyk, Alpha::None, 4, depth),
        ColorType::CMYKA(depth) => form(Model::Cmyk, alpha, 5, depth),
        ColorType::YCbCr(depth) => Form { ycbcr: true, ..form(Model::Rgb, Alpha::None, 3, depth) },
        ref other => return Err(unsupported(ImageKind::Tiff, REMEDY, format!("the colors are {other:?}"))),
    };
    let packed = found.samples == 1 && matches!(found.depth, 1 | 2 | 4);
    if !packed && !matches!(found.depth, 8 | 16) || found.ycbcr && found.depth != 8 {
        return Err(unsupported(ImageKind::Tiff, REMEDY, format!("a sample has {} bits", found.depth)));
    }
    Ok(found)
}

/// Checks what the decoder takes memory for beside the picture: a tile, and what a JPEG in a strip or tile says of
/// itself.
fn check_chunks(
    bytes: &[u8],
    ifd: &Ifd<'_>,
    decoder: &mut Decoder<Cursor<&[u8]>>,
    form: &Form,
    limits: &Limits,
) -> Result<(), Error> {
    let (width, height) = decoder.chunk_dimensions();
    let pixels = u64::from(width).saturating_mul(height.into());
    let strips = decoder.get_chunk_type() == ChunkType::Strip;
    if !strips && pixels.saturating_mul(form.samples as u64 * 2) > limits.max_alloc {
        return Err(Error::TooMuchMemory);
    }
    let method = decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(fault)?;
    let method = method.map_or(CompressionMethod::None, CompressionMethod::from_u16_exhaustive);
    if method == CompressionMethod::None {
        return Ok(());
    }
    let (places, lengths) =
        if strips { (Tag::StripOffsets, Tag::StripByteCounts) } else { (Tag::TileOffsets, Tag::TileByteCounts) };
    let places = decoder.get_tag_u64_vec(places).map_err(fault)?;
    let lengths = decoder.get_tag_u64_vec(lengths).map_err(fault)?;
    // Each could be the whole file, and much work may be hidden in data that come to nothing.
    if lengths.iter().fold(0, |sum: u64, length| sum.saturating_add(*length)) > 2 * bytes.len() as u64 {
        return Err(damaged(ImageKind::Tiff, "the strips or tiles overlap"));
    }
    if method != CompressionMethod::ModernJPEG {
        return Ok(());
    }
    // The decoder puts what they share before each, without the mark of the end, for the mark of its beginning.
    let shared = ifd.bytes(JPEG_TABLES).map(|tables| tables.get(..tables.len().saturating_sub(2)).unwrap_or_default());
    if shared.is_some_and(|shared| shared.len() > MAX_TABLES) {
        return Err(damaged(ImageKind::Tiff, "the tables of the JPEGs in it are too long"));
    }
    for (place, length) in places.into_iter().zip(lengths) {
        let end = place.saturating_add(length);
        let chunk = usize::try_from(place).ok().zip(usize::try_from(end).ok());
        let chunk = chunk.and_then(|(place, end)| bytes.get(place..end));
        let chunk = chunk.ok_or_else(|| damaged(ImageKind::Tiff, "a strip or tile ends past the file"))?;
        let whole = shared.map(|shared| [shared, chunk.get(2..).unwrap_or_default()].concat());
        let size = markers::frame_size(markers::first_picture(whole.as_deref().unwrap_or(chunk))?);
        let (across, down) = size.ok_or_else(|| damaged(ImageKind::Tiff, "a strip or tile has no header"))?;
        // Strips may be taller than what is left of the picture, but never than others.
        if across > width.next_multiple_of(16) || down > height.next_multiple_of(16) {
            return Err(damaged(ImageKind::Tiff, "a strip or tile is not of the size that was promised"));
        }
    }
    Ok(())
}

/// Decoded samples, pixel by pixel or plane by plane.
struct Planes<'a> {
    samples: &'a [u8],
    /// Bytes of a row.
    across: usize,
    /// Bytes of a plane; 0 where the samples of a pixel stand together.
    plane: usize,
}

impl Planes<'_> {
    fn fill<T: Sample>(&self, form: &Form, y: usize, row: &mut [T], alpha: &mut [T]) {
        let colors = form.model.samples();
        if form.depth < 8 {
            self.unpack(form.depth, y, row);
            return;
        }
        let bytes = usize::from(form.depth / 8);
        let read = |x: usize, sample: usize| {
            let at = if self.plane > 0 {
                sample * self.plane + y * self.across + x * bytes
            } else {
                y * self.across + (x * form.samples + sample) * bytes
            };
            match self.samples.get(at..at + bytes) {
                Some([byte]) => T::of((*byte).into()),
                Some([a, b]) => T::of(u16::from_ne_bytes([*a, *b]).into()),
                _ => T::default(),
            }
        };
        for (x, pixel) in row.chunks_exact_mut(colors).enumerate() {
            for (sample, to) in pixel.iter_mut().enumerate() {
                *to = read(x, sample);
            }
            if form.ycbcr {
                from_ycbcr(pixel);
            }
        }
        for (x, alpha) in alpha.iter_mut().enumerate() {
            *alpha = read(x, colors);
        }
    }

    /// Samples of fewer than eight bits, the first one in the highest.
    fn unpack<T: Sample>(&self, depth: u8, y: usize, row: &mut [T]) {
        let (each, max) = (usize::from(8 / depth), (1_u32 << depth) - 1);
        for (x, to) in row.iter_mut().enumerate() {
            let byte = self.samples.get(y * self.across + x / each).copied().unwrap_or_default();
            let shift = 8 - depth * ((x % each) as u8 + 1);
            *to = T::of((u32::from(byte) >> shift & max) * T::MAX / max);
        }
    }
}

/// Luma and chroma of full range, as JPEG has them.
fn from_ycbcr<T: Sample>(pixel: &mut [T]) {
    let [red, green, blue] = pixel else { return };
    let half = (T::MAX / 2 + 1) as f32;
    let (y, cb, cr) = (red.wide() as f32, green.wide() as f32 - half, blue.wide() as f32 - half);
    // A cast from a float saturates.
    let rounded = |value: f32| T::of(value.round() as u32);
    (*red, *green, *blue) =
        (rounded(y + 1.402 * cr), rounded(y - 0.344_136 * cb - 0.714_136 * cr), rounded(y + 1.772 * cb));
}

fn fault(error: TiffError) -> Error {
    match error {
        TiffError::LimitsExceeded => Error::TooMuchMemory,
        TiffError::UnsupportedError(_) => unsupported(ImageKind::Tiff, REMEDY, error),
        error => damaged(ImageKind::Tiff, error),
    }
}
