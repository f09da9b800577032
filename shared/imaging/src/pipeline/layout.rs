//! The canvas of a parameter set, and where the subject goes on it.

use cutline_core::domain::params::{Align, Canvas, Length, Measure, ParamSet};

use crate::compose::{CroppedSides, Layout, SubjectBox};

/// The scale, relative to the photograph, above which a warning says that the subject was enlarged, if the set has no
/// other.
pub(super) const MAX_ENLARGEMENT: f64 = 1.5;
/// The margin, as a fraction of the canvas's short side, if a set has neither margin nor fill.
const DEFAULT_MARGIN: f64 = 0.05;
/// The smallest fraction of a side that margins are taken to leave, which keeps the division finite.
const MIN_ROOM: f64 = 0.01;
/// The most that rounding margins up can add to a side, in pixels.
const MARGIN_ROUNDING: f64 = 3.0;

/// Width and height of the composed pictures of a set, for a subject in a photograph of this size.
pub(super) fn canvas_size(set: &ParamSet, subject: &SubjectBox, photo: (u32, u32)) -> (u32, u32) {
    match set.canvas {
        None => photo,
        Some(Canvas::Size { width, height }) => (width, height),
        Some(Canvas::Aspect { aspect }) => smallest_canvas(set, aspect.ratio(), subject),
    }
}

/// The largest number of pixels that [`canvas_size`] can give for a photograph of this size.
pub(super) fn max_canvas_pixels(set: &ParamSet, width: u32, height: u32) -> u64 {
    let mass = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let whole = SubjectBox { x: 0, y: 0, width, height, mass, cropped: CroppedSides::default() };
    let (width, height) = canvas_size(set, &whole, (width, height));
    u64::from(width) * u64::from(height)
}

/// The smallest canvas of an aspect ratio, width to height, that holds the subject at the set's scale, or else at the
/// photograph's.
fn smallest_canvas(set: &ParamSet, ratio: f64, subject: &SubjectBox) -> (u32, u32) {
    let scale = set.scale.map_or(1.0, |scale| scale.get());
    let (width, height) = (f64::from(subject.width) * scale, f64::from(subject.height) * scale);
    // The sides of the canvas, as multiples of its short side.
    let (across, down) = if ratio <= 1.0 { (1.0, 1.0 / ratio) } else { (ratio, 1.0) };
    let (share, px) = match set.margin.map(Length::measure) {
        Some(Measure::Percent(percent)) => (percent / 100.0, 0.0),
        Some(Measure::Px(px)) => (0.0, px),
        None if set.fill.is_some() || set.scale.is_some() => (0.0, 0.0),
        None => (DEFAULT_MARGIN, 0.0),
    };
    let rounding = if share > 0.0 || px > 0.0 { MARGIN_ROUNDING } else { 0.0 };
    // A side where the photograph crops the subject has no margin.
    let margins = |at_start: bool, at_end: bool| f64::from(2 - u8::from(at_start) - u8::from(at_end));
    let short_side = |side: f64, multiple: f64, margins: f64| {
        (side + margins * px + rounding) / (multiple - margins * share).max(MIN_ROOM)
    };
    let CroppedSides { left, top, right, bottom } = subject.cropped;
    let upright = match set.baseline {
        // Below the baseline is room enough.
        Some(baseline) if !bottom => short_side(height, down * baseline.share(), margins(top, true)),
        Some(_) | None => short_side(height, down, margins(top, bottom)),
    };
    let mut short = short_side(width, across, margins(left, right)).max(upright);
    if let Some(fill) = set.fill {
        short = short.max((width / across).max(height / down) / fill.share());
    }
    within_limits(short * across, short * down)
}

/// A canvas in whole pixels, reduced to the limits of [`Canvas`] if it exceeds them.
fn within_limits(width: f64, height: f64) -> (u32, u32) {
    let max_side = f64::from(Canvas::MAX_SIDE);
    let shrink = (max_side / width.max(height)).min((Canvas::MAX_PIXELS as f64 / (width * height)).sqrt()).min(1.0);
    let (wide, high) = (width * shrink, height * shrink);
    let side = |side: f64| (side as u32).clamp(1, Canvas::MAX_SIDE);
    let (width, height) = (side(wide.ceil()), side(high.ceil()));
    match u64::from(width) * u64::from(height) > Canvas::MAX_PIXELS {
        true => (side(wide.floor()), side(high.floor())),
        false => (width, height),
    }
}

/// How a set places the subject; `None` leaves it where it is in the photograph.
///
/// `reduction` is how many times the photograph's sides are those of the one that the set's scale refers to: below 1 for a
/// preview.
pub(super) fn layout(set: &ParamSet, canvas: (u32, u32), reduction: f64) -> Option<Layout> {
    if !set.places_subject() {
        return None;
    }
    let short = f64::from(canvas.0.min(canvas.1));
    let margin = match set.margin {
        Some(margin) => margin.px(short),
        None if set.fill.is_some() || set.scale.is_some() => 0.0,
        None => DEFAULT_MARGIN * short,
    };
    // Only a canvas of a fixed size keeps it when the photograph is reduced.
    let reduction = if matches!(set.canvas, Some(Canvas::Size { .. })) { reduction } else { 1.0 };
    let Align { x, y, by } = set.align;
    // The canvas was made for the subject at its own scale.
    let max_scale = matches!(set.canvas, Some(Canvas::Aspect { .. })).then_some(1.0);
    Some(Layout {
        canvas,
        margin,
        max_scale,
        fill: set.fill.map(|fill| fill.share()),
        scale: set.scale.map(|scale| scale.get() / reduction),
        baseline: set.baseline.map(|baseline| baseline.share() * f64::from(canvas.1)),
        x,
        y,
        by,
    })
}

#[cfg(test)]
mod tests {
    use image::GrayImage;
    use serde_json::json;

    use super::*;
    use crate::compose::place;

    fn subject(width: u32, height: u32) -> SubjectBox {
        let alpha = GrayImage::from_pixel(width, height, image::Luma([255]));
        let mut photo = GrayImage::new(width + 20, height + 20);
        image::imageops::replace(&mut photo, &alpha, 10, 10);
        SubjectBox::of(&photo).expect("a subject")
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
            let subject = subject(width, height);
            assert_eq!(canvas_size(&set, &subject, (1, 1)), canvas, "{document}");
            let placed = place(&subject, &layout(&set, canvas, 1.0).expect("is placed"));
            assert_eq!((placed.width, placed.height), (width, height), "at its own scale: {document}");
        }
    }

    #[test]
    fn a_canvas_of_an_aspect_keeps_to_the_limits() {
        let huge = set(json!({"canvas": {"aspect": "20:1"}, "margin": "1%"}));
        let (width, height) = canvas_size(&huge, &subject(30, 9000), (1, 1));
        assert!(width <= Canvas::MAX_SIDE && u64::from(width) * u64::from(height) <= Canvas::MAX_PIXELS);
        for ratio in ["1:1", "16:9", "3:4"] {
            let half = set(json!({"canvas": {"aspect": ratio}, "fill": "20%"}));
            let (width, height) = canvas_size(&half, &subject(3600, 3600), (1, 1));
            assert!(u64::from(width) * u64::from(height) <= Canvas::MAX_PIXELS, "{width} x {height}");
        }
    }

    #[test]
    fn a_preview_shows_a_scaled_subject_as_the_whole_picture_does() {
        let fixed = set(json!({"canvas": {"width": 1000, "height": 1000}, "scale": 0.5, "baseline": "92%"}));
        let placed = |set: &ParamSet, (wide, high): (u32, u32), canvas, reduction| {
            let placed = place(&subject(wide, high), &layout(set, canvas, reduction).expect("is placed"));
            [placed.x, placed.y, placed.width.into(), placed.height.into()]
        };
        assert_eq!(placed(&fixed, (400, 600), (1000, 1000), 1.0), [400, 620, 200, 300]);
        assert_eq!(placed(&fixed, (200, 300), (1000, 1000), 0.5), [400, 620, 200, 300]);
        let own = set(json!({"scale": 0.5}));
        assert_eq!(placed(&own, (400, 600), (420, 620), 1.0), [110, 160, 200, 300]);
        assert_eq!(placed(&own, (200, 300), (210, 310), 0.5), [55, 80, 100, 150], "its canvas is reduced too");
    }

    #[test]
    fn a_cropped_side_has_no_margin_and_the_subject_keeps_its_scale() {
        let cropped = CroppedSides { bottom: true, ..CroppedSides::default() };
        let cut = SubjectBox { cropped, ..subject(400, 1000) };
        let tall = set(json!({"canvas": {"aspect": "1:1"}, "margin": "10%"}));
        let canvas = canvas_size(&tall, &cut, (1, 1));
        let placed = place(&cut, &layout(&tall, canvas, 1.0).expect("is placed"));
        assert_eq!((placed.width, placed.height, placed.scale), (400, 1000, 1.0));
    }
}
