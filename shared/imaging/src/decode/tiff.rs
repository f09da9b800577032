//! TIFF: the largest page, except reduced copies.
//!
//! Supports gray, RGB, CMYK and palettes of 1 to 32 bits per sample, floating point of 16 to 64 bits, and JPEG's YCbCr;
//! strips and tiles, interleaved or in planes; uncompressed, LZW, Deflate, PackBits, zstd, JPEG and fax. Alpha is the
//! sample that the file declares as alpha; other extra samples are not decoded, and named in a warning.
//!
//! Source: TIFF 6.0.

mod compression;
mod external;
mod kind;
mod layout;
mod page;
mod pages;
mod palette;
mod predictor;
mod raw;
mod sample_format;
mod unpack;

use std::borrow::Cow;

use self::compression::Compression;
use self::kind::{KIND, REMEDY};
use self::layout::Layout;
use self::page::Page;
use self::pages::ChosenPage;
use self::sample_format::{Number, SampleFormat, Stored, chroma_subsampling};
use super::color::{ColorEncoding, ColorTask, Conversion, Sample, SrgbImage, TargetColors};
use super::limits::Limits;
use super::metadata::ifd::{self, Ifd};
use super::metadata::kept::Kept;
use super::metadata::{self, MetadataSources, channels};
use super::stored::{StoredRaster, StoredResources};
use super::upright::upright;
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

const UNKNOWN_RANGE: &str = "The file has floating-point samples and no color profile: they were taken for sRGB values \
                             from 0 to 1.";

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    layout::size(&ChosenPage::of(bytes)?.ifd)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let page = ChosenPage::of(bytes)?;
    let ifd = &page.ifd;
    let size = layout::size(ifd)?;
    limits.check(size, 1)?;
    let layout = Layout::read(bytes, ifd, limits)?;
    let format = SampleFormat::detect(&layout, ifd)?;

    let sources = metadata_sources(bytes, ifd);
    let mut metadata = sources.merge();
    metadata.warnings.extend(page.warning());
    let profile = ifd.bytes(ifd::ICC_PROFILE);
    if format.number == Number::Float && profile.is_none() {
        metadata.warnings.push(UNKNOWN_RANGE.into());
    }
    let further = layout.samples.saturating_sub(format.samples());
    let resources = ifd.bytes(ifd::PHOTOSHOP).unwrap_or_default();
    metadata.warnings.extend(channels::warning(resources, further, target.keeps_colors()));
    let task = ColorEncoding::from(profile).or_exif(sources.is_adobe_rgb()).towards(target);
    let image = match (layout.compression, page.index) {
        (Compression::Jpeg | Compression::Fax, Some(index)) => {
            convert(external::decode(bytes, (ifd, index), &layout, format, limits)?, size, task, &mut metadata)
        }
        _ if format.stored == Stored::YCbCr && chroma_subsampling(ifd) != (1, 1) => {
            return Err(Error::unsupported(KIND, "subsampled YCbCr without JPEG compression", REMEDY));
        }
        _ if page::is_deep(&layout, &format) => {
            convert(Page::<u16>::decode(bytes, ifd, &layout, format, limits)?, size, task, &mut metadata)
        }
        _ => convert(Page::<u8>::decode(bytes, ifd, &layout, format, limits)?, size, task, &mut metadata),
    };
    upright(KIND, image, &[metadata::orientation(ifd)], metadata)
}

/// The page that is decoded, and how it is turned to be upright.
pub(super) fn stored_raster(bytes: &[u8]) -> Result<StoredRaster, Error> {
    let page = ChosenPage::of(bytes)?;
    let index = page.index.ok_or_else(|| {
        Error::unsupported(KIND, "a picture in a subfile of its first page", "save it as a TIFF of one page")
    })?;
    Ok(StoredRaster { orientation: metadata::orientation(&page.ifd), page: index })
}

/// Photoshop's resources of the page that is decoded, and how it is turned to be upright.
pub(super) fn resources(bytes: &[u8]) -> Option<StoredResources<'_>> {
    let ChosenPage { ifd, .. } = ChosenPage::of(bytes).ok()?;
    let resources = Cow::Borrowed(ifd.bytes(ifd::PHOTOSHOP)?);
    Some(StoredResources { resources, orientation: metadata::orientation(&ifd) })
}

/// All metadata of the page that is decoded.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    let Ok(ChosenPage { ifd, .. }) = ChosenPage::of(bytes) else { return Kept::default() };
    metadata_sources(bytes, &ifd).kept_with(Some(&ifd))
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

/// Takes the page, so that its samples are freed before the image is turned.
fn convert<T: Sample>(page: Page<T>, size: (u32, u32), task: ColorTask<'_>, metadata: &mut ImageMetadata) -> SrgbImage {
    let conversion = Conversion::<T>::new(page.format.model, task, metadata);
    conversion.run(size, page.format.alpha, |y, colors, alpha| page.read_row(y, colors, alpha))
}
