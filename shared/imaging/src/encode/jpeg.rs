//! JPEG: the subject on white, without chroma subsampling, and the segments that hold profile, credit and
//! clipping path.

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;
use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::{GenericImageView, Rgb};

use super::metadata::Facts;
use super::{Document, icc, on_white, path_resources, photoshop};
use crate::error::Cause;
use crate::planes::PlanarRgba;

/// Of 100.
const QUALITY: u8 = 92;
/// The most that a segment holds beside its marker and its length.
const SEGMENT: usize = u16::MAX as usize - 2;
/// The resource that holds IPTC data.
const IPTC: u16 = 1028;

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let quality = rendering.quality.map_or(QUALITY, |quality| quality.get());
    let (width, height) = document.cutout.dimensions();
    let gray = rendering.channels == Channels::Alpha;
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    let density = facts.dpi.round() as u16;
    encoder.set_pixel_density(PixelDensity { density: (density, density), unit: PixelDensityUnit::Inches });
    if gray {
        encoder.encode_image(document.cutout.alpha())?;
    } else {
        encoder.encode_image(&OnWhite(document.cutout))?;
    }

    let mut segments = Vec::new();
    let exif = [b"Exif\0\0".as_slice(), &facts.exif(width, height, gray)?].concat();
    segment(&mut segments, 0xE1, &[&exif])?;
    if let Some(packet) = facts.xmp() {
        segment(&mut segments, 0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", &packet])?;
    }
    let mut resources = Vec::new();
    if let Some(sets) = facts.iptc() {
        photoshop::append(&mut resources, IPTC, &[], &sets)?;
    }
    resources.extend(path_resources(document, rendering)?);
    // Resources that are longer than a segment go on in the next one.
    const NAME: &[u8] = b"Photoshop 3.0\0";
    for part in resources.chunks(SEGMENT - NAME.len()) {
        segment(&mut segments, 0xED, &[NAME, part])?;
    }
    // The profile's first segment of one.
    let profile = if gray { icc::gray() } else { icc::srgb() };
    segment(&mut segments, 0xE2, &[b"ICC_PROFILE\0\x01\x01", &profile])?;

    // They stand behind the first segment, which JFIF wants to be its own.
    let after_jfif = match file.get(..6) {
        Some([0xFF, 0xD8, 0xFF, 0xE0, high, low]) => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => return Err("the encoder wrote no JFIF segment".into()),
    };
    file.splice(after_jfif..after_jfif, segments);
    Ok(file)
}

fn segment(segments: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) -> Result<(), Cause> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    segments.extend([0xFF, marker]);
    segments.extend(u16::try_from(length + 2)?.to_be_bytes());
    for part in parts {
        segments.extend(*part);
    }
    Ok(())
}

/// The subject on white, made as the encoder asks for it, once for each pixel.
struct OnWhite<'a>(&'a PlanarRgba);

impl GenericImageView for OnWhite<'_> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let alpha = self.0.alpha().get_pixel(x, y).0[0];
        Rgb(self.0.color().get_pixel(x, y).0.map(|value| on_white(value, alpha)))
    }
}
