//! PSD: a layered document for retouchers.
//!
//! The layers of a cut-out, from the bottom: `Background`, white and hidden; `Original`, the source picture, hidden;
//! `Subject`, with opaque pixels and the matte as its mask, so that painting on the mask brings back what was cut away.
//!
//! The layers of a composed picture: `Background`, a color or a picture; `Shadow`, with the shadow as its mask;
//! `Subject`, at its size on the canvas. Photoshop blends layers as encoded sRGB values, so the shadow's mask is
//! converted to look there as it does in the merged picture.
//!
//! The merged picture follows the layers, for programs that ignore them. As Photoshop does in documents with
//! transparency, it holds the colors over white and the transparency as a further channel, which a negative layer count
//! announces. Programs that ignore that channel show the subject on white; others, such as ImageMagick and
//! psd-tools, remove the white again and show it on transparency.
//!
//! A document in CMYK stores inks inverted, as the light that they leave, so that white is the largest value there too.
//!
//! Source: Adobe, "Photoshop File Formats Specification".

mod channel_data;
mod layers;
mod packbits;
mod writer;

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;

use super::document::Document;
use super::exif::ExifColors;
use super::metadata::FileMetadata;
use super::{clipping_path, icc};
use crate::error::Cause;
use crate::file_colors::BitDepth;
use crate::photoshop;
use crate::sample::ColorSample;
use channel_data::{Channel, ChannelData};
use layers::{EncodedShade, composed_layers, cutout_layers};
use writer::PsdWriter;

/// Numbers of resources.
mod resource {
    pub(super) const RESOLUTION: u16 = 1005;
    pub(super) const PROFILE: u16 = 1039;
    pub(super) const VERSION: u16 = 1057;
    pub(super) const EXIF: u16 = 1058;
    pub(super) const XMP: u16 = 1060;
}

pub(super) fn write<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
    let (size, depth) = (document.cutout.dimensions(), document.file.depth);
    let shade = document.layers.and_then(|layers| layers.shadow).map(|shade| EncodedShade::new(&shade));
    let (layers, merged) = match (rendering.channels, document.layers) {
        (Channels::Alpha, _) => (Vec::new(), vec![ChannelData::Gray(document.cutout.alpha())]),
        (Channels::Rgba, layers) => {
            let layers = match layers {
                Some(layers) => composed_layers(&layers, shade.as_ref(), size),
                None => cutout_layers(document),
            };
            (layers, merged(document))
        }
    };

    let mode = match rendering.channels {
        Channels::Alpha => ColorMode::Gray,
        Channels::Rgba if document.cutout.black().is_some() => ColorMode::Cmyk,
        Channels::Rgba => ColorMode::Rgb,
    };
    let mut file = header(size, merged.len() as u16, mode, depth);
    let resources = resources(document, rendering, metadata)?;
    file.extend(u32::try_from(resources.len())?.to_be_bytes());
    file.extend(resources);
    let mut writer = PsdWriter::new(file, depth);
    writer.write_layers(&layers)?;
    writer.write_merged(&merged, size)?;
    Ok(writer.into_file())
}

/// The merged picture: colors on white, and alpha.
fn merged<'a, T: ColorSample>(document: &Document<'a, T>) -> Vec<ChannelData<'a, T>> {
    let (cutout, alpha) = (document.cutout, document.cutout.alpha());
    let channels = Channel::all(cutout.color(), cutout.black());
    channels.map(|channel| ChannelData::OnWhite { channel, alpha }).chain([ChannelData::Gray(alpha)]).collect()
}

/// Writes row `y` of the merged picture as interleaved samples in big-endian order: RGBA, or the light that inks leave, and
/// alpha.
pub(super) fn copy_row<T: ColorSample>(document: &Document<'_, T>, y: usize, row: &mut [u8]) {
    let (width, depth) = (document.cutout.dimensions().0 as usize, document.file.depth);
    let size = depth.bytes();
    let mut plane = vec![0; width * size];
    let merged = merged(document);
    let pixel = merged.len() * size;
    for (channel, data) in merged.into_iter().enumerate() {
        data.copy(y * width, depth, &mut plane);
        for (to, sample) in row.chunks_exact_mut(pixel).zip(plane.chunks_exact(size)) {
            to[channel * size..][..size].copy_from_slice(sample);
        }
    }
}

/// The number of a color mode.
#[derive(Clone, Copy)]
enum ColorMode {
    Gray = 1,
    Rgb = 3,
    Cmyk = 4,
}

/// The file header, and the color mode section, which is empty.
fn header((width, height): (u32, u32), channels: u16, mode: ColorMode, depth: BitDepth) -> Vec<u8> {
    let mut header = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
    header.extend(channels.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend(width.to_be_bytes());
    // Bits a sample, the color mode, and the length of its data.
    header.extend([0, depth.bits(), 0, mode as u8, 0, 0, 0, 0]);
    header
}

fn resources<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
    let mut resources = Vec::new();
    // For each axis: dots per inch as a 16.16 fixed-point number, and the units of resolution and size: inches.
    let axis = [((metadata.dpi * 65_536.0).round() as u32).to_be_bytes(), [0, 1, 0, 1]].concat();
    photoshop::append(&mut resources, resource::RESOLUTION, &[], &axis.repeat(2))?;
    if let Some(data_sets) = metadata.iptc() {
        photoshop::append(&mut resources, photoshop::IPTC, &[], &data_sets)?;
    }
    if let Some(profile) = icc::of_channels(rendering.channels, &document.file.profile) {
        photoshop::append(&mut resources, resource::PROFILE, &[], &profile)?;
    }
    // Version 1, there is a merged picture, the names of writer and reader, version 1 of the file.
    let version = [
        &[0, 0, 0, 1, 1],
        photoshop::unicode("Cutline").as_slice(),
        &photoshop::unicode("Adobe Photoshop"),
        &[0, 0, 0, 1],
    ]
    .concat();
    photoshop::append(&mut resources, resource::VERSION, &[], &version)?;
    if metadata.keeps_exif() {
        let colors = ExifColors::of(rendering.channels, &document.file.profile);
        let block = metadata.exif(document.cutout.dimensions(), colors)?;
        photoshop::append(&mut resources, resource::EXIF, &[], &block)?;
    }
    if let Some(packet) = metadata.xmp() {
        photoshop::append(&mut resources, resource::XMP, &[], &packet)?;
    }
    resources.extend(clipping_path::resources(document, rendering)?);
    Ok(resources)
}
