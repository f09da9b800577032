//! PSD: a document that a retoucher goes on with.
//!
//! Layers, from the bottom: `Background`, white and hidden; `Original`, the picture as it came, hidden; `Subject`, whose
//! pixels are whole and whose mask is the matte, so that painting on the mask brings back what was cut away.
//!
//! Of a composed picture they are `Background`, the color or picture behind; `Shadow`, whose mask is the shadow; and
//! `Subject`, as large as it stands on the canvas. Photoshop mixes layers as sRGB values, so the shadow's mask is such
//! that it looks there as it does in the merged picture.
//!
//! Behind the layers stands the merged picture, for programs that read no layers. Photoshop lays the
//! colors of a document with transparency over white there and writes the transparency as a fourth channel, which a
//! negative count of layers announces. ImageMagick and psd-tools take the white out again, so a program that
//! ignores the fourth channel shows the subject on white, and one that does not shows it on transparency.
//!
//! After Adobe's "Photoshop File Formats Specification".

mod packbits;

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;
use image::{GrayImage, RgbImage};

use super::metadata::Facts;
use super::waves::in_waves;
use super::{Document, Layers, WHITE, icc, on_white, path_resources, photoshop};
use crate::compose::{Backdrop, Shade, seen_alpha};
use crate::error::Cause;

/// The longest side, in pixels.
pub(super) const MAX_SIDE: u32 = 30_000;
/// The longest file, in bytes: 2 GiB.
const MAX_FILE: usize = i32::MAX as usize;
/// How many rows are packed at once.
const ROWS: usize = 64;
/// Compression of a channel: each row by PackBits.
const RLE: u16 = 1;

/// Numbers of resources.
mod resource {
    pub(super) const RESOLUTION: u16 = 1005;
    pub(super) const IPTC: u16 = 1028;
    pub(super) const PROFILE: u16 = 1039;
    pub(super) const VERSION: u16 = 1057;
    pub(super) const XMP: u16 = 1060;
}

/// Numbers of channels that are not colors.
mod channel {
    pub(super) const TRANSPARENCY: i16 = -1;
    pub(super) const MASK: i16 = -2;
}

/// One sample of each pixel.
#[derive(Clone, Copy)]
enum Plane<'a> {
    /// The same everywhere.
    Flat(u8),
    /// A gray picture.
    Gray(&'a GrayImage),
    /// A gray picture whose values stand for others.
    Mapped(&'a GrayImage, &'a [u8; 256]),
    /// A channel of a picture: 0 to 2.
    Color(&'a RgbImage, usize),
    /// A channel of the cut-out, of the other picture where the cut-out is wholly transparent.
    Whole(&'a RgbImage, &'a GrayImage, &'a RgbImage, usize),
    /// A channel of the cut-out on white.
    OnWhite(&'a RgbImage, &'a GrayImage, usize),
}

impl Plane<'_> {
    /// Writes the samples of pixels from `start` on.
    fn copy(self, start: usize, to: &mut [u8]) {
        let gray = |picture: &GrayImage, at: usize| picture.as_raw()[start + at];
        let color = |picture: &RgbImage, channel: usize, at: usize| picture.as_raw()[(start + at) * 3 + channel];
        match self {
            Self::Flat(value) => to.fill(value),
            Self::Gray(picture) => to.copy_from_slice(&picture.as_raw()[start..start + to.len()]),
            Self::Mapped(picture, values) => fill(to, |at| values[usize::from(gray(picture, at))]),
            Self::Color(picture, channel) => fill(to, |at| color(picture, channel, at)),
            Self::Whole(picture, alpha, beneath, channel) => {
                fill(to, |at| color(if gray(alpha, at) == 0 { beneath } else { picture }, channel, at));
            }
            Self::OnWhite(picture, alpha, channel) => {
                fill(to, |at| on_white(color(picture, channel, at), gray(alpha, at)));
            }
        }
    }
}

fn fill(to: &mut [u8], sample: impl Fn(usize) -> u8) {
    for (at, to) in to.iter_mut().enumerate() {
        *to = sample(at);
    }
}

struct Layer<'a> {
    name: &'static str,
    visible: bool,
    masked: bool,
    channels: Vec<(i16, Plane<'a>)>,
    /// How it is mixed with those beneath.
    blend: &'static [u8; 4],
    opacity: u8,
    /// Where it is on the canvas: its first column and row, width and height.
    bounds: [u32; 4],
}

const NORMAL: &[u8; 4] = b"norm";
const MULTIPLY: &[u8; 4] = b"mul ";

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let (width, height) = document.cutout.dimensions();
    let (color, alpha) = (document.cutout.color(), document.cutout.alpha());
    let gray = rendering.channels == Channels::Alpha;
    let shadow = document.layers.and_then(|layers| layers.shadow).map(|shade| SeenShade::of(&shade));
    let (layers, merged) = if gray {
        (Vec::new(), vec![Plane::Gray(alpha)])
    } else {
        let on_white = |channel| Plane::OnWhite(color, alpha, channel);
        let layers = match document.layers {
            Some(of) => composed(&of, shadow.as_ref(), (width, height)),
            None => layers(document),
        };
        (layers, vec![on_white(0), on_white(1), on_white(2), Plane::Gray(alpha)])
    };

    let mut file = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
    file.extend((merged.len() as u16).to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    // Bits a sample, and the color mode: gray, or RGB, either without further data.
    file.extend([0, 8, 0, if gray { 1 } else { 3 }, 0, 0, 0, 0]);
    let resources = resources(document, rendering, facts)?;
    file.extend(u32::try_from(resources.len())?.to_be_bytes());
    file.extend(resources);
    let mut writer = Writer { file, width: width as usize, height: height as usize };
    writer.layers(&layers)?;
    writer.merged(&merged)?;
    Ok(writer.file)
}

/// The channels of a layer.
fn channels<'a>(transparency: Plane<'a>, colors: [Plane<'a>; 3]) -> Vec<(i16, Plane<'a>)> {
    let ids = [channel::TRANSPARENCY, 0, 1, 2];
    ids.into_iter().zip([transparency].into_iter().chain(colors)).collect()
}

/// A shadow as layers have it, that are mixed as sRGB values.
struct SeenShade<'a> {
    shade: Shade<'a>,
    opacity: u8,
    /// The mask's value for each coverage.
    mask: [u8; 256],
}

impl<'a> SeenShade<'a> {
    fn of(shade: &Shade<'a>) -> Self {
        let whole = seen_alpha(shade.opacity.clamp(0.0, 1.0), shade.color);
        let mask = std::array::from_fn(|coverage| {
            let seen = seen_alpha(shade.opacity.clamp(0.0, 1.0) * coverage as f32 / 255.0, shade.color);
            if whole > 0.0 { (seen / whole * 255.0).round() as u8 } else { 0 }
        });
        Self { shade: *shade, opacity: (whole * 255.0).round() as u8, mask }
    }
}

/// The layers of a composed picture.
fn composed<'a>(of: &Layers<'a>, shadow: Option<&'a SeenShade<'a>>, canvas: (u32, u32)) -> Vec<Layer<'a>> {
    let opaque = Plane::Flat(u8::MAX);
    let bounds = [0, 0, canvas.0, canvas.1];
    let behind = match of.backdrop {
        Backdrop::Transparent => [Plane::Flat(WHITE); 3],
        Backdrop::Color(color) => color.map(Plane::Flat),
        Backdrop::Picture(picture) => [0, 1, 2].map(|channel| Plane::Color(picture, channel)),
    };
    let mut layers = vec![Layer {
        name: "Background",
        visible: *of.backdrop != Backdrop::Transparent,
        masked: false,
        channels: channels(opaque, behind),
        blend: NORMAL,
        opacity: u8::MAX,
        bounds,
    }];
    if let Some(SeenShade { shade, opacity, mask }) = shadow {
        let mut channels = channels(opaque, shade.color.map(Plane::Flat));
        channels.push((channel::MASK, Plane::Mapped(shade.coverage, mask)));
        // Black multiplied is black; over transparency there is nothing to be multiplied.
        let multiplies = shade.color == [0; 3] && *of.backdrop != Backdrop::Transparent;
        layers.push(Layer {
            name: "Shadow",
            visible: true,
            masked: true,
            channels,
            blend: if multiplies { MULTIPLY } else { NORMAL },
            opacity: *opacity,
            bounds,
        });
    }
    let subject = &of.subject.cutout;
    let (width, height) = subject.dimensions();
    if width > 0 && height > 0 {
        let mut channels = channels(opaque, [0, 1, 2].map(|channel| Plane::Color(subject.color(), channel)));
        channels.push((channel::MASK, Plane::Gray(subject.alpha())));
        layers.push(Layer {
            name: "Subject",
            visible: true,
            masked: true,
            channels,
            blend: NORMAL,
            opacity: u8::MAX,
            bounds: [of.subject.x, of.subject.y, width, height],
        });
    }
    layers
}

fn layers<'a>(document: &Document<'a>) -> Vec<Layer<'a>> {
    let (color, alpha) = (document.cutout.color(), document.cutout.alpha());
    let (blend, bounds) = (NORMAL, [0, 0, color.width(), color.height()]);
    let opacity = u8::MAX;
    let opaque = Plane::Flat(u8::MAX);
    let mut layers = vec![Layer {
        name: "Background",
        visible: false,
        masked: false,
        channels: channels(opaque, [Plane::Flat(WHITE); 3]),
        blend,
        opacity,
        bounds,
    }];
    if let Some(original) = document.original {
        layers.push(Layer {
            name: "Original",
            visible: false,
            masked: false,
            channels: channels(
                original.alpha().map_or(opaque, Plane::Gray),
                [0, 1, 2].map(|channel| Plane::Color(original.color(), channel)),
            ),
            blend,
            opacity,
            bounds,
        });
    }
    let whole = |channel| match document.original {
        Some(original) => Plane::Whole(color, alpha, original.color(), channel),
        None => Plane::Color(color, channel),
    };
    let mut channels = channels(opaque, [whole(0), whole(1), whole(2)]);
    channels.push((channel::MASK, Plane::Gray(alpha)));
    layers.push(Layer { name: "Subject", visible: true, masked: true, channels, blend, opacity, bounds });
    layers
}

fn resources(document: &Document<'_>, rendering: &Rendering, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let mut resources = Vec::new();
    // Dots per inch as a 16.16 fixed-point number, shown so, and the size shown in inches; for both sides.
    let side = [((facts.dpi * 65_536.0).round() as u32).to_be_bytes(), [0, 1, 0, 1]].concat();
    photoshop::append(&mut resources, resource::RESOLUTION, &[], &side.repeat(2))?;
    if let Some(sets) = facts.iptc() {
        photoshop::append(&mut resources, resource::IPTC, &[], &sets)?;
    }
    let profile = if rendering.channels == Channels::Alpha { icc::gray() } else { icc::srgb() };
    photoshop::append(&mut resources, resource::PROFILE, &[], &profile)?;
    // Version 1; there is a merged picture; who writes and who reads; version 1 of the file.
    let version =
        [&[0, 0, 0, 1, 1], unicode("Cutline").as_slice(), &unicode("Adobe Photoshop"), &[0, 0, 0, 1]].concat();
    photoshop::append(&mut resources, resource::VERSION, &[], &version)?;
    if let Some(packet) = facts.xmp() {
        photoshop::append(&mut resources, resource::XMP, &[], &packet)?;
    }
    resources.extend(path_resources(document, rendering)?);
    Ok(resources)
}

/// Text in UTF-16 after its length.
fn unicode(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut bytes = (units.len() as u32).to_be_bytes().to_vec();
    bytes.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    bytes
}

struct Writer {
    file: Vec<u8>,
    width: usize,
    height: usize,
}

impl Writer {
    /// Leaves room for the length of what follows.
    fn length(&mut self) -> usize {
        self.file.extend([0; 4]);
        self.file.len()
    }

    /// Fills in the length of what was written since.
    fn end(&mut self, start: usize) -> Result<(), Cause> {
        let length = u32::try_from(self.file.len() - start)?.to_be_bytes();
        self.file[start - 4..start].copy_from_slice(&length);
        Ok(())
    }

    fn layers(&mut self, layers: &[Layer<'_>]) -> Result<(), Cause> {
        if layers.is_empty() {
            self.file.extend([0; 4]);
            return Ok(());
        }
        let section = self.length();
        let info = self.length();
        self.file.extend((-(layers.len() as i16)).to_be_bytes());
        let mut lengths = Vec::new();
        for (layer, id) in layers.iter().zip(1_u32..) {
            lengths.extend(self.record(layer, id)?);
        }
        let channels = layers.iter().flat_map(|layer| layer.channels.iter().map(move |(_, plane)| (layer, *plane)));
        for ((layer, plane), at) in channels.zip(lengths) {
            let size = (layer.bounds[2] as usize, layer.bounds[3] as usize);
            let start = self.file.len();
            self.file.extend(RLE.to_be_bytes());
            let counts = self.counts(1, size.1);
            self.plane(plane, size, counts)?;
            let length = u32::try_from(self.file.len() - start)?.to_be_bytes();
            self.file[at..at + 4].copy_from_slice(&length);
        }
        let length = (self.file.len() - info).next_multiple_of(4);
        self.file.resize(info + length, 0);
        self.end(info)?;
        // There is no global mask.
        self.file.extend([0; 4]);
        self.end(section)
    }

    /// Writes what describes a layer, and tells where the lengths of its channels are to be.
    fn record(&mut self, layer: &Layer<'_>, id: u32) -> Result<Vec<usize>, Cause> {
        let [x, y, width, height] = layer.bounds;
        // Top, left, bottom, right.
        let bounds = [y, x, y + height, x + width].map(u32::to_be_bytes).concat();
        self.file.extend(&bounds);
        self.file.extend((layer.channels.len() as u16).to_be_bytes());
        let mut lengths = Vec::new();
        for (channel, _) in &layer.channels {
            self.file.extend(channel.to_be_bytes());
            lengths.push(self.file.len());
            self.file.extend([0; 4]);
        }
        self.file.extend(b"8BIM");
        self.file.extend(layer.blend);
        // The opacity; not clipped to the layer beneath; the flags, of which bit 1 hides, and bit 3 says
        // that bit 4 is meant; a filler.
        self.file.extend([layer.opacity, 0, if layer.visible { 0x08 } else { 0x0A }, 0]);
        let extra = self.length();
        let mask = self.length();
        if layer.masked {
            self.file.extend(&bounds);
            // Outside of its bounds it is 0; it is not disabled; a filler.
            self.file.extend([0, 0, 0, 0]);
        }
        self.end(mask)?;
        // No blending ranges.
        self.file.extend([0; 4]);
        self.file.extend(photoshop::pascal(layer.name.as_bytes(), 4)?);
        let mut name = unicode(layer.name);
        name.resize(name.len().next_multiple_of(4), 0);
        for (key, data) in [(b"luni", name), (b"lyid", id.to_be_bytes().to_vec())] {
            self.file.extend(b"8BIM");
            self.file.extend(key);
            self.file.extend((data.len() as u32).to_be_bytes());
            self.file.extend(data);
        }
        self.end(extra)?;
        Ok(lengths)
    }

    fn merged(&mut self, planes: &[Plane<'_>]) -> Result<(), Cause> {
        self.file.extend(RLE.to_be_bytes());
        let size = (self.width, self.height);
        let counts = self.counts(planes.len(), self.height);
        for (plane, number) in planes.iter().zip(0..) {
            self.plane(*plane, size, counts + number * self.height * 2)?;
        }
        Ok(())
    }

    /// Leaves room for how long each row of so many planes is.
    fn counts(&mut self, planes: usize, height: usize) -> usize {
        let start = self.file.len();
        self.file.resize(start + planes * height * 2, 0);
        start
    }

    /// Packs a plane, and writes how long each row is at `counts`.
    fn plane(&mut self, plane: Plane<'_>, (width, height): (usize, usize), mut counts: usize) -> Result<(), Cause> {
        let file = &mut self.file;
        in_waves(
            height.div_ceil(ROWS),
            |piece| {
                let rows = piece * ROWS..height.min((piece + 1) * ROWS);
                let mut row = vec![0; width];
                let mut lengths = Vec::with_capacity(rows.len());
                let mut packed = Vec::new();
                for y in rows {
                    plane.copy(y * width, &mut row);
                    let start = packed.len();
                    packbits::pack(&row, &mut packed);
                    lengths.push(u16::try_from(packed.len() - start)?);
                }
                Ok((lengths, packed))
            },
            |(lengths, packed)| {
                for length in lengths {
                    file[counts..counts + 2].copy_from_slice(&length.to_be_bytes());
                    counts += 2;
                }
                file.extend(packed);
                if file.len() > MAX_FILE { Err("the file would be longer than 2 GiB".into()) } else { Ok(()) }
            },
        )
    }
}
