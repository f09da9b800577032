//! JPEG: baseline, extended sequential and progressive, of 8 bits, in any number of scans and with any whole subsampling.
//! The results equal libjpeg's.
//!
//! The decoder is our own: of those in Rust, one shows wrong pictures for baseline files of several scans, and all round
//! colors differently from what other programs show.
//!
//! A file that ends within its scans is an error, unless an end-of-image marker follows the data: then its missing part is
//! gray, with a warning.
//!
//! Adobe's programs store inks inverted, and all others that write CMYK do the same.

mod bits;
mod color;
mod header;
mod huffman;
mod idct;
mod kind;
pub(super) mod markers;
mod one_scan;
mod planes;
mod scan;
mod upsample;

use image::RgbImage;
use image::metadata::Orientation;
use rayon::prelude::*;

use self::color::StoredColors;
use self::header::{Coefficients, Frame, HeaderReader, Scan, coefficients};
use self::kind::KIND;
use self::markers::Segments;
use self::planes::Plane;
use self::scan::ScanEnd;
use super::color::{AlphaMode, ColorEncoding, ColorModel, Conversion, TargetColors};
use super::limits::Limits;
use super::metadata::kept::Kept;
use super::stored::StoredResources;
use super::upright::upright;
use crate::error::Error;
use crate::photo::Photo;

const INCOMPLETE: &str = "The JPEG is incomplete: its missing part is gray.";
const NO_ADOBE_MARKER: &str =
    "The file has inks and no Adobe marker: they were taken for inverted, as most programs do.";

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let mut reader = HeaderReader::new(markers::first_image(KIND, bytes)?);
    reader.next_scan(None)?;
    let frame = reader.frame()?;
    Ok((frame.size.0 as u32, frame.size.1 as u32))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let Decoded { size, planes, is_complete, component_ids } = decode_planes(bytes, limits)?;
    let segments = Segments::read(bytes);
    let stored = StoredColors::detect(&component_ids, &segments);
    let sources = segments.metadata_sources();
    let mut metadata = sources.merge();
    if !is_complete {
        metadata.warnings.push(INCOMPLETE.into());
    }
    let model = stored.model();
    if model == ColorModel::Cmyk && segments.adobe_transform.is_none() {
        metadata.warnings.push(NO_ADOBE_MARKER.into());
    }
    let profile = segments.profile();
    let task = ColorEncoding::from(profile.as_deref()).or_exif(sources.is_adobe_rgb()).towards(target);
    let conversion = Conversion::<u8>::new(model, task, &mut metadata);
    let image = if model == ColorModel::Rgb {
        let mut color = RgbImage::new(size.0, size.1);
        let columns = size.0 as usize;
        color
            .par_chunks_exact_mut(3 * columns)
            .enumerate()
            .for_each_init(|| vec![0; planes.len() * columns], |rows, (y, row)| stored.read_row(&planes, y, rows, row));
        drop(planes);
        conversion.run_in_place(color)
    } else {
        let columns = size.0 as usize;
        conversion.run(size, AlphaMode::Opaque, |y, row, _| {
            stored.read_row(&planes, y, &mut vec![0; planes.len() * columns], row);
        })
    };
    upright(KIND, image, &[sources.orientation()], metadata)
}

/// How the pixels are turned to be upright, by the Exif block.
pub(super) fn orientation(bytes: &[u8]) -> Orientation {
    Segments::read(bytes).metadata_sources().orientation()
}

/// All metadata of the file.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    Segments::read(bytes).metadata_sources().kept()
}

/// Photoshop's resources, and how the pixels are turned to be upright.
pub(super) fn resources(bytes: &[u8]) -> Option<StoredResources<'_>> {
    let sources = Segments::read(bytes).metadata_sources();
    let orientation = sources.orientation();
    Some(StoredResources { resources: sources.photoshop?, orientation })
}

/// The samples of an image, component by component.
struct Decoded {
    size: (u32, u32),
    planes: Vec<Plane>,
    component_ids: Vec<u8>,
    /// Whether the data cover the whole image.
    is_complete: bool,
}

fn decode_planes(bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let image = markers::first_image(KIND, bytes)?;
    let mut reader = HeaderReader::new(image);
    let first = reader.next_scan(None)?.ok_or_else(|| Error::truncated(KIND))?;
    let frame = reader.frame()?;
    check_size(frame, limits)?;
    let (planes, is_complete) = if one_scan::has_all(frame, &first) {
        let (planes, end) = one_scan::decode(image, frame, &first)?;
        check_end(image, &end)?;
        // Whatever follows, the image has all its coefficients; libjpeg ignores further scans too.
        reader.next_scan(Some(end.position))?;
        (planes, end.is_complete)
    } else {
        let (blocks, is_complete) = decode_scans(image, &mut reader, first)?;
        let frame = reader.frame()?;
        let planes =
            frame.components.iter().zip(blocks).map(|(component, blocks)| Plane::new(frame, component, blocks));
        (planes.collect::<Result<_, _>>()?, is_complete)
    };
    let frame = reader.frame()?;
    let component_ids = frame.components.iter().map(|component| component.id).collect();
    Ok(Decoded { size: (frame.size.0 as u32, frame.size.1 as u32), planes, component_ids, is_complete })
}

/// Decodes all scans of an image from the first one on. Returns the coefficients, and whether the data cover them.
fn decode_scans(image: &[u8], reader: &mut HeaderReader<'_>, first: Scan) -> Result<(Vec<Coefficients>, bool), Error> {
    let mut blocks = coefficients(reader.frame()?);
    let (mut next, mut is_complete) = (Some(first), true);
    while let Some(scan) = next {
        let end = scan::decode(image, reader.frame()?, &scan, &mut blocks)?;
        check_end(image, &end)?;
        is_complete &= end.is_complete;
        next = reader.next_scan(Some(end.position))?;
    }
    Ok((blocks, is_complete))
}

fn check_size(frame: &Frame, limits: &Limits) -> Result<(), Error> {
    const COEFFICIENT_BYTES: usize = 2;
    let size = (frame.size.0 as u32, frame.size.1 as u32);
    limits.check(size, (frame.components.len().max(2) * COEFFICIENT_BYTES) as u8)?;
    // Blocks that fill up MCUs may outnumber those of a small image.
    let blocks = frame.components.iter().map(|component| frame.blocks(component));
    let bytes: usize = blocks.map(|(across, down)| across * down * size_of::<idct::Block>()).sum();
    limits.check_alloc(bytes as u64)
}

/// Checks that the image ends where the data of a scan that is not complete do.
fn check_end(image: &[u8], end: &ScanEnd) -> Result<(), Error> {
    if end.is_complete {
        return Ok(());
    }
    match markers::next_marker(image, end.position) {
        Some((0xD9, _)) => Ok(()),
        Some(_) => Err(Error::damaged(KIND, "the data of a scan end early")),
        None => Err(Error::truncated(KIND)),
    }
}
