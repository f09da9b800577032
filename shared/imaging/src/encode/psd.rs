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
//! transparency, it holds the colors over white and the transparency as a fourth channel, which a negative layer count
//! announces. Programs that ignore the fourth channel show the subject on white; others, such as ImageMagick and
//! psd-tools, remove the white again and show it on transparency.
//!
//! Source: Adobe, "Photoshop File Formats Specification".

mod channel_data;
mod layers;
mod packbits;
mod writer;

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;

use super::document::Document;
use super::metadata::FileMetadata;
use super::{clipping_path, icc};
use crate::error::Cause;
use crate::photoshop;
use channel_data::ChannelData;
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

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, metadata: &FileMetadata) -> Result<Vec<u8>, Cause> {
    let size = document.cutout.dimensions();
    let (color, alpha) = (document.cutout.color(), document.cutout.alpha());
    let shade = document.layers.and_then(|layers| layers.shadow).map(|shade| EncodedShade::new(&shade));
    let (layers, merged) = match (rendering.channels, document.layers) {
        (Channels::Alpha, _) => (Vec::new(), vec![ChannelData::Gray(alpha)]),
        (Channels::Rgba, layers) => {
            let layers = match layers {
                Some(layers) => composed_layers(&layers, shade.as_ref(), size),
                None => cutout_layers(document),
            };
            let on_white = |channel| ChannelData::OnWhite { color, alpha, channel };
            (layers, vec![on_white(0), on_white(1), on_white(2), ChannelData::Gray(alpha)])
        }
    };

    let mut file = header(size, merged.len() as u16, rendering.channels);
    let resources = resources(document, rendering, metadata)?;
    file.extend(u32::try_from(resources.len())?.to_be_bytes());
    file.extend(resources);
    let mut writer = PsdWriter::new(file);
    writer.write_layers(&layers)?;
    writer.write_merged(&merged, size)?;
    Ok(writer.into_file())
}

/// The file header, and the color mode section, which is empty.
fn header((width, height): (u32, u32), channels: u16, kind: Channels) -> Vec<u8> {
    let mut header = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
    header.extend(channels.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend(width.to_be_bytes());
    let color_mode = match kind {
        Channels::Alpha => 1,
        Channels::Rgba => 3,
    };
    // Bits a sample, the color mode, and the length of its data.
    header.extend([0, 8, 0, color_mode, 0, 0, 0, 0]);
    header
}

fn resources(document: &Document<'_>, rendering: &Rendering, metadata: &FileMetadata) -> Result<Vec<u8>, Cause> {
    let mut resources = Vec::new();
    // For each axis: dots per inch as a 16.16 fixed-point number, and the units of resolution and size: inches.
    let axis = [((metadata.dpi * 65_536.0).round() as u32).to_be_bytes(), [0, 1, 0, 1]].concat();
    photoshop::append(&mut resources, resource::RESOLUTION, &[], &axis.repeat(2))?;
    if let Some(data_sets) = metadata.iptc() {
        photoshop::append(&mut resources, photoshop::IPTC, &[], &data_sets)?;
    }
    let profile = if rendering.channels == Channels::Alpha { icc::gray() } else { icc::srgb() };
    photoshop::append(&mut resources, resource::PROFILE, &[], &profile)?;
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
        let gray = rendering.channels == Channels::Alpha;
        let block = metadata.exif(document.cutout.dimensions(), gray)?;
        photoshop::append(&mut resources, resource::EXIF, &[], &block)?;
    }
    if let Some(packet) = metadata.xmp() {
        photoshop::append(&mut resources, resource::XMP, &[], &packet)?;
    }
    resources.extend(clipping_path::resources(document, rendering)?);
    Ok(resources)
}
