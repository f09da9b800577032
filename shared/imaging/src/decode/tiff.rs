//! TIFF: the first page, decoded by the `tiff` crate. Tags that the crate does not expose are read from the directory.
//!
//! Supports gray, RGB, CMYK and JPEG's YCbCr of 8 or 16 bits per sample, and gray of 1, 2 or 4; strips and tiles;
//! uncompressed, LZW, Deflate, PackBits, JPEG and Group 4. Alpha is the sample that the file declares as alpha; other
//! extra samples are ignored.
//!
//! Source: TIFF 6.0.

mod chunks;
mod decoder;
mod page;
mod predictor;
mod sample_format;

use std::borrow::Cow;

use self::decoder::{KIND, decoder_error};
use self::page::Page;
use self::sample_format::SampleFormat;
use super::color::{ColorEncoding, Conversion, Sample, SrgbImage};
use super::limits::Limits;
use super::metadata::ifd::{self, Ifd};
use super::metadata::{self, MetadataSources};
use super::upright::upright;
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let ifd = first_directory(bytes)?;
    let side = |tag| ifd.integer(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
    side(IMAGE_WIDTH).zip(side(IMAGE_LENGTH)).ok_or_else(|| Error::damaged(KIND, "the image has no size"))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let size = dimensions(bytes)?;
    limits.check(size, 1)?;
    let ifd = first_directory(bytes)?;
    let mut decoder = decoder::open(bytes, limits)?;
    if decoder.dimensions().map_err(decoder_error)? != size {
        return Err(Error::damaged(KIND, "the image has two sizes"));
    }
    let format = SampleFormat::detect(&decoder.colortype().map_err(decoder_error)?, &ifd)?;
    limits.check(size, format.bytes_per_pixel())?;
    chunks::check(bytes, &ifd, &mut decoder, &format, limits)?;
    let page = Page::decode(&mut decoder, &ifd, &format, limits)?;

    let mut metadata = metadata_sources(bytes, &ifd).merge();
    let pages = ifd.count_pages();
    if pages > 1 {
        metadata.warnings.push(format!("Only the first of {pages} pages was used."));
    }
    let encoding = ifd.bytes(ifd::ICC_PROFILE).into();
    let image = if page.is_16_bit() {
        convert::<u16>(&page, &format, size, encoding, &mut metadata)
    } else {
        convert::<u8>(&page, &format, size, encoding, &mut metadata)
    };
    // Frees the samples before the image is turned.
    drop(page);
    upright(KIND, image, &[metadata::orientation(&ifd)], metadata)
}

fn first_directory(bytes: &[u8]) -> Result<Ifd<'_>, Error> {
    Ifd::first(bytes).ok_or_else(|| Error::damaged(KIND, "the header or the directory is missing"))
}

fn metadata_sources<'a>(bytes: &'a [u8], ifd: &Ifd<'a>) -> MetadataSources<'a> {
    MetadataSources {
        dpi: metadata::resolution(ifd),
        // Exif's tags for the main image stand in the TIFF's own directory.
        exif: Some(bytes),
        photoshop: ifd.bytes(ifd::PHOTOSHOP).map(Cow::Borrowed),
        iptc: ifd.bytes(ifd::IPTC),
        xmp: ifd.bytes(ifd::XMP).map(Cow::Borrowed),
        ..MetadataSources::default()
    }
}

fn convert<T: Sample>(
    page: &Page,
    format: &SampleFormat,
    size: (u32, u32),
    encoding: ColorEncoding<'_>,
    metadata: &mut ImageMetadata,
) -> SrgbImage {
    let conversion = Conversion::<T>::new(format.model, encoding, metadata);
    conversion.run(size, format.alpha, |y, colors, alpha| page.read_row(format, y, colors, alpha))
}
