//! Photoshop documents (PSD, and PSB for large ones): the merged picture that stands at their end. Layers are not
//! read.
//!
//! By Adobe's "Photoshop File Formats Specification", November 2019. Gray, duotone, RGB and CMYK of 8 or 16 bits, and
//! bitmaps; plain or run-length encoded. The merged picture has alpha where the document says so: other further
//! channels are selections that someone saved. What is transparent in it was laid over white, which is undone here.
//! Photoshop shows a document as it is stored, whatever its Exif data say of which way up it is; so does this.

mod header;
mod runs;

use cutline_core::domain::kind::ImageKind;

use self::header::{Compression, Document, Mode};
use super::color::{Alpha, Conversion, Model, Sample};
use super::meta::{Sources, photoshop};
use super::{Limits, damaged, finish, unsupported};
use crate::error::Error;
use crate::photo::Photo;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    header::size(bytes).map_err(|reason| damaged(ImageKind::Psd, reason))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let (width, height) = dimensions(bytes)?;
    limits.check(width, height, 1)?;
    let document = Document::read(bytes).map_err(|reason| damaged(ImageKind::Psd, reason))?;
    let refused = |remedy, form: &'static str| Err(unsupported(ImageKind::Psd, remedy, form));
    let model = match document.mode {
        Mode::Bitmap | Mode::Gray | Mode::Duotone => Model::Gray,
        Mode::Rgb => Model::Rgb,
        Mode::Cmyk => Model::Cmyk,
        Mode::Indexed => return refused(REMEDY, "the colors are indexed"),
        Mode::Multichannel => return refused(REMEDY, "the document is multichannel"),
        Mode::Lab => return refused(REMEDY, "the colors are Lab"),
        Mode::Other => return refused(REMEDY, "the mode is not known"),
    };
    match document.depth {
        8 | 16 => {}
        1 if document.mode == Mode::Bitmap => {}
        32 => return refused("convert it to 8 or 16 bits a channel", "a channel has 32 bits"),
        _ => return Err(damaged(ImageKind::Psd, "there is no such depth")),
    }
    let version = photoshop::resource(document.resources, photoshop::VERSION);
    if version.and_then(|version| version.get(4)) == Some(&0) {
        return refused("save it with 'Maximize Compatibility'", "there is no merged picture");
    }
    let alpha =
        if document.transparent && document.channels > model.samples() { Alpha::OverWhite } else { Alpha::None };
    let wanted = model.samples() + usize::from(alpha != Alpha::None);
    if document.channels < wanted {
        return Err(damaged(ImageKind::Psd, "there are too few channels"));
    }
    // Of the channels only those that are wanted are unpacked.
    limits.check(width, height, wanted as u8 * document.depth.div_ceil(8) as u8)?;

    let row = (width as usize * document.depth).div_ceil(8);
    let planes = match document.compression {
        Compression::None => Planes::Stored(document.picture.get(..row * height as usize * wanted)),
        Compression::Runs => Planes::Unpacked(runs::unpack(&document, wanted, row)),
        Compression::Zip => return refused("save it again with Photoshop", "the merged picture is zipped"),
    };
    let planes = planes.bytes().ok_or_else(|| damaged(ImageKind::Psd, "the merged picture ends early"))?;

    let resource = |id| photoshop::resource(document.resources, id);
    let sources = Sources {
        exif: resource(photoshop::EXIF),
        xmp: resource(photoshop::XMP),
        photoshop: Some(document.resources),
        dpi: resource(photoshop::RESOLUTION).and_then(photoshop::dpi),
        ..Sources::default()
    };
    let mut metadata = sources.metadata();
    if document.mode == Mode::Duotone {
        metadata.warnings.push("The document is a duotone; it was read as gray.".into());
    }
    // A bitmap has no curve.
    let profile = resource(photoshop::ICC_PROFILE).filter(|_| !matches!(document.mode, Mode::Bitmap | Mode::Duotone));
    let plane = row * height as usize;
    let picture = if document.depth == 16 {
        let conversion = Conversion::<u16>::new(model, profile.into(), &mut metadata);
        conversion.run((width, height), alpha, |y, colors, alpha| {
            let read = |at: usize, x: usize| {
                let at = at * plane + y * row + x * 2;
                u16::from_be_bytes([planes[at], planes[at + 1]])
            };
            fill(model, colors, alpha, read);
        })
    } else {
        let conversion = Conversion::<u8>::new(model, profile.into(), &mut metadata);
        conversion.run((width, height), alpha, |y, colors, alpha| {
            let read = |at: usize, x: usize| {
                let row = &planes[at * plane + y * row..][..row];
                match document.depth {
                    // A bit that is set is black.
                    1 => {
                        if row[x / 8] >> (7 - x % 8) & 1 == 1 {
                            0
                        } else {
                            255
                        }
                    }
                    _ => row[x],
                }
            };
            fill(model, colors, alpha, read);
        })
    };
    finish(ImageKind::Psd, picture, image::metadata::Orientation::NoTransforms, metadata)
}

const REMEDY: &str = "convert it to RGB, gray or CMYK";

enum Planes<'a> {
    Stored(Option<&'a [u8]>),
    Unpacked(Option<Vec<u8>>),
}

impl Planes<'_> {
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Stored(bytes) => *bytes,
            Self::Unpacked(bytes) => bytes.as_deref(),
        }
    }
}

/// Writes a row from its planes. Inks are stored inverted.
fn fill<T: Sample>(model: Model, colors: &mut [T], alpha: &mut [T], read: impl Fn(usize, usize) -> T) {
    for (x, pixel) in colors.chunks_exact_mut(model.samples()).enumerate() {
        for (plane, to) in pixel.iter_mut().enumerate() {
            let stored = read(plane, x);
            *to = if model == Model::Cmyk { T::of(T::MAX - stored.wide()) } else { stored };
        }
    }
    for (x, alpha) in alpha.iter_mut().enumerate() {
        *alpha = read(model.samples(), x);
    }
}
