//! The pictures of a parameter set that show the subject on a canvas.

use bytes::Bytes;
use cutline_core::OutputFormat;
use cutline_core::domain::params::{
    Align, AlignBy, Background, Canvas, Color, Horizontal, ImageFit, Length, ParamSet, Vertical,
};
use cutline_core::ports::EncodedPicture;
use cutline_core::{Channels, Variation, Warnings};
use image::{GrayImage, RgbImage};

use super::File;
use super::promise::{self, Finished};
use crate::compose::{self, Backdrop, Cropped, Layer, Layout, Placement, Shade, SubjectBox};
use crate::decode::{Limits, decode};
use crate::encode::{self, Document, Layers, encode};
use crate::error::Error;
use crate::photo::{Cutout, ImageMetadata};
use crate::resample;
use crate::shadow::{self, GroundOptions, TopOptions, WallOptions};

/// The margin of a canvas for which neither margin nor fill is set.
const MARGIN: f64 = 0.05;
/// How many times larger than in the photograph the subject may become, if the set does not say.
const ENLARGEMENT: f64 = 1.5;

/// What the composed pictures of a job have in common: the canvas, what stands behind, and the subject on it.
pub(super) struct Scene<'a> {
    set: &'a ParamSet,
    metadata: &'a ImageMetadata,
    canvas: (u32, u32),
    backdrop: Backdrop,
    placement: Placement,
    subject: Layer,
    /// The subject's alpha on the whole canvas, which shadows are made of.
    alpha: GrayImage,
    /// The photograph's own shadow on the canvas.
    own_shadow: Option<GrayImage>,
    /// What there is to say of where the subject stands.
    said: Vec<String>,
}

/// What a scene is made of.
pub(super) struct Parts<'a> {
    pub(super) set: &'a ParamSet,
    pub(super) metadata: &'a ImageMetadata,
    /// Not kept longer than it takes to place it.
    pub(super) cutout: Cutout,
    /// The file of the picture behind the subject.
    pub(super) backdrop: Option<&'a Bytes>,
    /// The photograph's own shadow, of its size.
    pub(super) own_shadow: Option<GrayImage>,
    pub(super) limits: &'a Limits,
}

impl<'a> Scene<'a> {
    /// Places the subject.
    ///
    /// # Errors
    /// [`Error::NoSubject`]; those of decoding the picture behind it, as [`Error::Backdrop`];
    /// [`Error::TooLargeForFormat`] if a format cannot hold the canvas.
    pub(super) fn new(parts: Parts<'a>, formats: &[OutputFormat]) -> Result<Self, Error> {
        let Parts { set, metadata, cutout, backdrop, own_shadow, limits } = parts;
        let found = SubjectBox::of(cutout.alpha()).ok_or(Error::NoSubject)?;
        let photo = cutout.dimensions();
        let canvas = canvas_of(set, &found, photo);
        for format in formats {
            encode::check_size(*format, canvas)?;
        }
        let backdrop = match &set.background {
            None => Backdrop::Color(Color::WHITE.0),
            Some(Background::Transparent) => Backdrop::Transparent,
            Some(Background::Color { color }) => Backdrop::Color(color.0),
            Some(Background::Picture(picture)) => {
                let file = backdrop.ok_or_else(|| Error::Resample("the background's image is missing".into()))?;
                let decoded = decode(file, limits).map_err(|error| Error::Backdrop(Box::new(error)))?;
                let beneath = picture.color.unwrap_or(Color::WHITE).0;
                Backdrop::Picture(fitted(&decoded.on(beneath), picture.fit, canvas, beneath))
            }
        };
        let placement = match layout_of(set, canvas) {
            Some(layout) => compose::place(&found, &layout),
            None => Placement::as_is(&found),
        };
        let subject = compose::place_subject(&cutout, &found, &placement, canvas);
        drop(cutout);
        let alpha = subject.alpha_on(canvas);
        let own_shadow = own_shadow.map(|shadow| shadow_on(&shadow, &found, &placement, canvas)).transpose()?;
        let said = said_of(set, &found, &placement);
        Ok(Self { set, metadata, canvas, backdrop, placement, subject, alpha, own_shadow, said })
    }

    /// Makes a picture, and adds what there is to say of it.
    ///
    /// # Errors
    /// [`Error::Encode`].
    pub(super) fn picture(&self, file: &File, warnings: &mut Warnings) -> Result<EncodedPicture, Error> {
        let File { variation, format, rendering } = file;
        let (variation, format) = (*variation, *format);
        // Alpha alone is that of the subject: behind it there is no backdrop then, and no shadow.
        let alone = rendering.channels == Channels::Alpha;
        let coverage = self.shadow(variation).filter(|_| !alone);
        let shade = coverage.as_ref().map(|(coverage, opacity, color)| Shade {
            coverage,
            opacity: *opacity as f32,
            color: *color,
        });
        let (width, height) = self.canvas;
        let bytes = {
            let backdrop = if alone { &Backdrop::Transparent } else { &self.backdrop };
            let composed = compose::compose(self.canvas, backdrop, shade, &self.subject);
            let layers = Layers { backdrop, shadow: shade, subject: &self.subject };
            let document = Document { metadata: self.metadata, layers: Some(layers), ..Document::of(&composed) };
            Bytes::from(encode(document, format, rendering)?)
        };
        let mut said = self.said.clone();
        if let Some(promise) = self.set.promise.as_ref().filter(|_| !alone) {
            let finished = Finished {
                bytes: &bytes,
                canvas: self.canvas,
                background: &self.backdrop,
                subject: self.placement.visible_on(self.canvas),
            };
            said.extend(promise::misses(promise, &finished)?);
        }
        if !said.is_empty() {
            warnings.entry(variation.as_str().to_owned()).or_default().extend(said);
        }
        Ok(EncodedPicture { variation, format, bytes, width, height })
    }

    /// The coverage of a variation's shadow, its opacity and its color.
    fn shadow(&self, variation: Variation) -> Option<(GrayImage, f64, [u8; 3])> {
        let short = f64::from(self.canvas.0.min(self.canvas.1));
        match variation {
            Variation::Background | Variation::Clipping => None,
            Variation::Compose => match &self.own_shadow {
                Some(coverage) => Some((coverage.clone(), 1.0, Color::BLACK.0)),
                None => self.set.shadow_ground.map(|ground| {
                    let options = GroundOptions { blur: ground.blur.px(short) };
                    (shadow::ground(&self.alpha, &options), ground.opacity.get(), ground.color.0)
                }),
            },
            Variation::ShadowTop => self.set.shadow_top.map(|top| {
                let options = TopOptions { blur: top.blur.px(short), spread: top.spread.px(short) };
                (shadow::top(&self.alpha, &options), top.opacity.get(), top.color.0)
            }),
            Variation::ShadowWall => self.set.shadow_wall.map(|wall| {
                let options = WallOptions {
                    dx: wall.dx.px(short),
                    dy: wall.dy.px(short),
                    blur: wall.blur.px(short),
                    spread: wall.spread.px(short),
                    fade: wall.fade.get(),
                };
                (shadow::wall(&self.alpha, &options), wall.opacity.get(), wall.color.0)
            }),
        }
    }
}

/// The size of the composed pictures.
fn canvas_of(set: &ParamSet, found: &SubjectBox, photo: (u32, u32)) -> (u32, u32) {
    match set.canvas {
        None => photo,
        Some(Canvas::Size { width, height }) => (width, height),
        Some(Canvas::Aspect { aspect }) => around(set, aspect.ratio(), found),
    }
}

/// The most pixels that the composed pictures of a photograph of this size can have.
pub(super) fn most_pixels(set: &ParamSet, width: u32, height: u32) -> u64 {
    let mass = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let whole = SubjectBox { x: 0, y: 0, width, height, mass, cropped: Cropped::default() };
    let (width, height) = canvas_of(set, &whole, (width, height));
    u64::from(width) * u64::from(height)
}

/// The smallest canvas of a shape that holds the subject as large as it is in the photograph.
fn around(set: &ParamSet, ratio: f64, found: &SubjectBox) -> (u32, u32) {
    let (width, height) = (f64::from(found.width), f64::from(found.height));
    // In shares of the canvas's short side, which the sides are `across` and `down` times as long as.
    let (across, down) = if ratio <= 1.0 { (1.0, 1.0 / ratio) } else { (ratio, 1.0) };
    let (share, px) = match set.margin.map(Length::share_or_px) {
        Some(Ok(share)) => (share, 0.0),
        Some(Err(px)) => (0.0, px),
        None if set.fill.is_some() => (0.0, 0.0),
        None => (MARGIN, 0.0),
    };
    // A margin is rounded up, and there is none where the photograph cuts the subject off.
    let rounding = if share > 0.0 || px > 0.0 { 3.0 } else { 0.0 };
    let margins = |before: bool, behind: bool| f64::from(2 - u8::from(before) - u8::from(behind));
    let within =
        |side: f64, times: f64, margins: f64| (side + margins * px + rounding) / (times - margins * share).max(0.01);
    let Cropped { left, top, right, bottom } = found.cropped;
    let mut short = within(width, across, margins(left, right)).max(within(height, down, margins(top, bottom)));
    if let Some(fill) = set.fill {
        short = short.max((width / across).max(height / down) / fill.share());
    }
    let most = f64::from(Canvas::MAX_SIDE);
    let (mut wide, mut high) = (short * across, short * down);
    let shrink = (most / wide.max(high)).min((Canvas::MAX_PIXELS as f64 / (wide * high)).sqrt()).min(1.0);
    (wide, high) = (wide * shrink, high * shrink);
    let side = |side: f64| (side as u32).clamp(1, Canvas::MAX_SIDE);
    let (width, height) = (side(wide.ceil()), side(high.ceil()));
    match u64::from(width) * u64::from(height) > Canvas::MAX_PIXELS {
        true => (side(wide.floor()), side(high.floor())),
        false => (width, height),
    }
}

/// How the subject is placed; `None` leaves it where it is in the photograph.
fn layout_of(set: &ParamSet, canvas: (u32, u32)) -> Option<Layout> {
    if set.canvas.is_none() && set.margin.is_none() && set.fill.is_none() {
        return None;
    }
    let short = f64::from(canvas.0.min(canvas.1));
    let margin = match (set.margin, set.fill) {
        (Some(margin), _) => margin.px(short),
        (None, Some(_)) => 0.0,
        (None, None) => MARGIN * short,
    };
    let Align { x, y, by } = set.align;
    let largest = matches!(set.canvas, Some(Canvas::Aspect { .. })).then_some(1.0);
    Some(Layout {
        canvas,
        margin,
        largest,
        fill: set.fill.map(|fill| fill.share()),
        x: match x {
            Horizontal::Left => compose::AlignX::Left,
            Horizontal::Center => compose::AlignX::Center,
            Horizontal::Right => compose::AlignX::Right,
        },
        y: match y {
            Vertical::Top => compose::AlignY::Top,
            Vertical::Center => compose::AlignY::Center,
            Vertical::Bottom => compose::AlignY::Bottom,
        },
        by: match by {
            AlignBy::Box => compose::AlignBy::Box,
            AlignBy::Mass => compose::AlignBy::Mass,
        },
    })
}

fn fitted(picture: &RgbImage, fit: ImageFit, canvas: (u32, u32), beneath: [u8; 3]) -> RgbImage {
    let fit = match fit {
        ImageFit::Cover => compose::Fit::Cover,
        ImageFit::Contain => compose::Fit::Contain,
        ImageFit::Tile => compose::Fit::Tile,
    };
    compose::fit(picture, fit, canvas, beneath)
}

/// The photograph's own shadow, moved and scaled as the subject is. Where the photograph does not reach there is none.
fn shadow_on(
    shadow: &GrayImage,
    found: &SubjectBox,
    placement: &Placement,
    canvas: (u32, u32),
) -> Result<GrayImage, Error> {
    let along = |from: u32, length: u32, at: i64, to: u32, whole: u32, side: u32| {
        let scale = f64::from(to) / f64::from(length);
        let on_canvas = |place: f64| at as f64 + (place - f64::from(from)) * scale;
        let first = on_canvas(0.0).ceil().clamp(0.0, f64::from(side));
        let behind = on_canvas(f64::from(whole)).floor().clamp(first, f64::from(side));
        let in_photo = |place: f64| (f64::from(from) + (place - at as f64) / scale).clamp(0.0, f64::from(whole));
        (first as u32, (behind - first) as u32, in_photo(first), in_photo(behind))
    };
    let (x, width, left, right) = along(found.x, found.width, placement.x, placement.width, shadow.width(), canvas.0);
    let (y, height, top, bottom) =
        along(found.y, found.height, placement.y, placement.height, shadow.height(), canvas.1);
    let mut on = GrayImage::new(canvas.0, canvas.1);
    if width > 0 && height > 0 {
        let part = resample::part_of(shadow, (left, top, right - left, bottom - top), (width, height))?;
        image::imageops::replace(&mut on, &part, i64::from(x), i64::from(y));
    }
    Ok(on)
}

/// What there is to say of where the subject stands.
fn said_of(set: &ParamSet, found: &SubjectBox, placement: &Placement) -> Vec<String> {
    let mut said = Vec::new();
    let cropped = found.cropped.names();
    if !cropped.is_empty() && placement.moved {
        let sides = cropped.join(" and ");
        let where_to =
            if placement.floating { "but does not reach the canvas's" } else { "and stands at the canvas's" };
        said.push(format!("The subject is cut off at the photograph's {sides} edge, {where_to}."));
    }
    let most = set.enlargement.map_or(ENLARGEMENT, |most| most.get());
    if placement.scale > most + 1e-9 {
        let times = placement.scale;
        said.push(format!(
            "The subject was enlarged {times:.1} times, above {most} times; use a larger photograph for a sharp picture."
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(width: u32, height: u32) -> SubjectBox {
        let alpha = GrayImage::from_pixel(width, height, image::Luma([255]));
        let mut on = GrayImage::new(width + 20, height + 20);
        image::imageops::replace(&mut on, &alpha, 10, 10);
        SubjectBox::of(&on).expect("a subject")
    }

    fn set(document: serde_json::Value) -> ParamSet {
        ParamSet::read(document).expect("is a set")
    }

    #[test]
    fn a_canvas_of_an_aspect_holds_the_subject_with_its_margin() {
        let cases = [
            (json!({"canvas": {"aspect": "1:1"}, "margin": "10%"}), (400, 200), (504, 504)),
            (json!({"canvas": {"aspect": "1:1"}, "margin": "10%"}), (401, 200), (505, 505)),
            (json!({"canvas": {"aspect": "2:1"}, "margin": "0px"}), (400, 300), (600, 300)),
            (json!({"canvas": {"aspect": "4:5"}, "margin": "50px"}), (300, 300), (403, 504)),
            (json!({"canvas": {"aspect": "1:1"}, "fill": "50%"}), (400, 200), (800, 800)),
            (json!({"canvas": {"aspect": "1:1"}}), (450, 90), (504, 504)),
        ];
        for (document, (width, height), canvas) in cases {
            let set = set(document.clone());
            let found = found(width, height);
            assert_eq!(canvas_of(&set, &found, (1, 1)), canvas, "{document}");
            let placed = compose::place(&found, &layout_of(&set, canvas).expect("is placed"));
            assert_eq!((placed.width, placed.height), (width, height), "at its own scale: {document}");
        }
        let huge = set(json!({"canvas": {"aspect": "20:1"}, "margin": "1%"}));
        let (width, height) = canvas_of(&huge, &found(30, 9000), (1, 1));
        assert!(width <= Canvas::MAX_SIDE && u64::from(width) * u64::from(height) <= Canvas::MAX_PIXELS);
        for ratio in ["1:1", "16:9", "3:4"] {
            let half = set(json!({"canvas": {"aspect": ratio}, "fill": "20%"}));
            let (width, height) = canvas_of(&half, &found(3600, 3600), (1, 1));
            assert!(u64::from(width) * u64::from(height) <= Canvas::MAX_PIXELS, "{width} x {height}");
        }
        // Cut off below, there is no margin there, and the subject is no larger for it.
        let cut = SubjectBox { cropped: Cropped { bottom: true, ..Cropped::default() }, ..found(400, 1000) };
        let tall = set(json!({"canvas": {"aspect": "1:1"}, "margin": "10%"}));
        let canvas = canvas_of(&tall, &cut, (1, 1));
        let placed = compose::place(&cut, &layout_of(&tall, canvas).expect("is placed"));
        assert_eq!((placed.width, placed.height, placed.scale), (400, 1000, 1.0));
    }

    #[test]
    fn the_photographs_shadow_moves_with_the_subject() {
        // A shadow of one block beside the subject, at twice the size.
        let found = found(40, 40);
        let mut shadow = GrayImage::new(60, 60);
        for y in 30..40 {
            for x in 50..60 {
                shadow.put_pixel(x, y, image::Luma([200]));
            }
        }
        let layout =
            Layout { fill: Some(0.5), ..layout_of(&set(json!({"margin": "0px"})), (160, 160)).expect("placed") };
        let placed = compose::place(&found, &layout);
        assert_eq!((placed.x, placed.y, placed.width, placed.height), (40, 40, 80, 80));
        let on = shadow_on(&shadow, &found, &placed, (160, 160)).expect("is placed");
        // 50 in the photograph is 40 right of the subject's box, and so 80 right of it on the canvas.
        assert_eq!((on.get_pixel(130, 90)[0], on.get_pixel(110, 90)[0], on.get_pixel(150, 90)[0]), (200, 0, 0));
    }
}
