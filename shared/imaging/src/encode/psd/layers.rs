//! The layers of a document, from the bottom to the top.

use super::super::document::{Document, Layers, OriginalPicture};
use super::channel_data::{Channel, ChannelData};
use crate::compose::{Backdrop, Shade, seen_alpha};
use crate::sample::ColorSample;

/// The numbers of channels that are not colors.
mod channel {
    pub(super) const TRANSPARENCY: i16 = -1;
    pub(super) const MASK: i16 = -2;
}

/// How a layer blends with the layers beneath.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BlendMode {
    Normal,
    Multiply,
}

impl BlendMode {
    pub(super) fn key(self) -> &'static [u8; 4] {
        match self {
            Self::Normal => b"norm",
            Self::Multiply => b"mul ",
        }
    }
}

/// A rectangle of the canvas, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Bounds {
    fn of_canvas((width, height): (u32, u32)) -> Self {
        Self { x: 0, y: 0, width, height }
    }
}

pub(super) struct PsdLayer<'a, T: ColorSample> {
    pub(super) name: &'static str,
    pub(super) visible: bool,
    /// The numbers and samples of the channels.
    pub(super) channels: Vec<(i16, ChannelData<'a, T>)>,
    pub(super) blend: BlendMode,
    pub(super) opacity: u8,
    pub(super) bounds: Bounds,
}

impl<'a, T: ColorSample> PsdLayer<'a, T> {
    /// A visible, opaque layer.
    fn new(
        name: &'static str,
        bounds: Bounds,
        transparency: ChannelData<'a, T>,
        colors: impl IntoIterator<Item = ChannelData<'a, T>>,
    ) -> Self {
        let channels = (channel::TRANSPARENCY..).zip([transparency].into_iter().chain(colors)).collect();
        Self { name, visible: true, channels, blend: BlendMode::Normal, opacity: u8::MAX, bounds }
    }

    fn opaque(name: &'static str, bounds: Bounds, colors: impl IntoIterator<Item = ChannelData<'a, T>>) -> Self {
        Self::new(name, bounds, ChannelData::Constant(T::FULL), colors)
    }

    fn masked(mut self, mask: ChannelData<'a, T>) -> Self {
        self.channels.push((channel::MASK, mask));
        self
    }

    fn hidden(self) -> Self {
        Self { visible: false, ..self }
    }

    pub(super) fn has_mask(&self) -> bool {
        self.channels.iter().any(|(number, _)| *number == channel::MASK)
    }
}

/// A shadow converted for blending as encoded values.
pub(super) struct EncodedShade<'a, T: ColorSample> {
    shade: Shade<'a, T>,
    opacity: u8,
    /// The mask's value for each coverage.
    mask: [u8; 256],
}

impl<'a, T: ColorSample> EncodedShade<'a, T> {
    pub(super) fn new(shade: &Shade<'a, T>) -> Self {
        let full = seen_alpha(shade.opacity.clamp(0.0, 1.0), shade.color);
        let mask = std::array::from_fn(|coverage| {
            let alpha = seen_alpha(shade.opacity.clamp(0.0, 1.0) * coverage as f32 / 255.0, shade.color);
            if full > 0.0 { (alpha / full * 255.0).round() as u8 } else { 0 }
        });
        Self { shade: *shade, opacity: (full * 255.0).round() as u8, mask }
    }

    fn layer(&'a self, backdrop: &Backdrop<T>, bounds: Bounds) -> PsdLayer<'a, T> {
        let Self { shade, opacity, mask } = self;
        let colors = shade.color.map(ChannelData::Constant);
        let layer = PsdLayer::opaque("Shadow", bounds, colors).masked(ChannelData::Mapped(shade.coverage, mask));
        // Multiplying by black looks the same, and stays right when the backdrop is changed. Over transparency there is
        // nothing to multiply.
        let multiplies = shade.color == [T::default(); 3] && *backdrop != Backdrop::Transparent;
        let blend = if multiplies { BlendMode::Multiply } else { BlendMode::Normal };
        PsdLayer { blend, opacity: *opacity, ..layer }
    }
}

/// The layers of a composed picture.
pub(super) fn composed_layers<'a, T: ColorSample>(
    parts: &Layers<'a, T>,
    shade: Option<&'a EncodedShade<'a, T>>,
    canvas: (u32, u32),
) -> Vec<PsdLayer<'a, T>> {
    let bounds = Bounds::of_canvas(canvas);
    let colors = match parts.backdrop {
        Backdrop::Transparent => [ChannelData::Constant(T::FULL); 3],
        Backdrop::Color(color) => color.map(ChannelData::Constant),
        Backdrop::Picture(picture) => [0, 1, 2].map(|channel| ChannelData::Of(Channel::Color(picture, channel))),
    };
    let background = PsdLayer::opaque("Background", bounds, colors);
    let hidden = *parts.backdrop == Backdrop::Transparent;
    let mut layers = vec![if hidden { background.hidden() } else { background }];
    layers.extend(shade.map(|shade| shade.layer(parts.backdrop, bounds)));
    let subject = &parts.subject.cutout;
    let (width, height) = subject.dimensions();
    if width > 0 && height > 0 {
        let bounds = Bounds { x: parts.subject.x, y: parts.subject.y, width, height };
        let colors = Channel::all(subject.color(), subject.black()).map(ChannelData::Of);
        layers.push(PsdLayer::opaque("Subject", bounds, colors).masked(ChannelData::Gray(subject.alpha())));
    }
    layers
}

/// The layers of a cut-out.
pub(super) fn cutout_layers<'a, T: ColorSample>(document: &Document<'a, T>) -> Vec<PsdLayer<'a, T>> {
    let (cutout, alpha) = (document.cutout, document.cutout.alpha());
    let channels: Vec<_> = Channel::all(cutout.color(), cutout.black()).collect();
    let bounds = Bounds::of_canvas(cutout.dimensions());
    let white = channels.iter().map(|_| ChannelData::Constant(T::FULL));
    let mut layers = vec![PsdLayer::opaque("Background", bounds, white).hidden()];
    let Some(OriginalPicture { color, black, alpha: own_alpha }) = document.original else {
        let colors = channels.into_iter().map(ChannelData::Of);
        layers.push(PsdLayer::opaque("Subject", bounds, colors).masked(ChannelData::Gray(alpha)));
        return layers;
    };
    let transparency = own_alpha.map_or(ChannelData::Constant(T::FULL), ChannelData::Gray);
    let beneath = || Channel::all(color, black);
    layers.push(PsdLayer::new("Original", bounds, transparency, beneath().map(ChannelData::Of)).hidden());
    let colors = channels.into_iter().zip(beneath());
    let colors = colors.map(|(channel, beneath)| ChannelData::Over { channel, alpha, beneath });
    layers.push(PsdLayer::opaque("Subject", bounds, colors).masked(ChannelData::Gray(alpha)));
    layers
}
