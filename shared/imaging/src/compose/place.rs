//! Where the subject stands on a canvas: geometry alone.

use cutline_core::domain::params::{AlignBy, Horizontal, Vertical};

use super::subject::{CroppedSides, SubjectBox};

/// How far a box may exceed the room between the margins and still count as fitting: rounding errors, in pixels.
const TOLERANCE: f64 = 1e-6;

/// How a subject is to be placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Width and height of the canvas in pixels, at least 1.
    pub canvas: (u32, u32),
    /// The margin at every side in pixels, rounded up. A margin that leaves no room is reduced until a pixel is left.
    pub margin: f64,
    /// The fraction of the canvas that the box fills along the side where it fills most, above 0 to 1. Margin and fill
    /// both apply; the smaller size wins.
    pub fill: Option<f64>,
    /// The scale, relative to the photograph, in place of margin and fill. A subject that does not fit between the margins
    /// then is reduced until it does.
    pub scale: Option<f64>,
    /// The largest scale, relative to the photograph. A subject that is cropped at opposite sides reaches from edge to
    /// edge regardless.
    pub max_scale: Option<f64>,
    /// The edge on which the subject stands, in pixels from the upper side: its lower margin begins there. A side where the
    /// photograph crops the subject lies at the edge of the canvas regardless.
    pub baseline: Option<f64>,
    /// The horizontal alignment.
    pub x: Horizontal,
    /// The vertical alignment.
    pub y: Vertical,
    /// Which point of the subject is centered.
    pub by: AlignBy,
}

/// The position of a subject's box, in pixels of the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// The first column, which may lie outside of the canvas.
    pub x: i64,
    /// The first row, which may lie outside of the canvas.
    pub y: i64,
    /// The width, at least 1.
    pub width: u32,
    /// The height, at least 1.
    pub height: u32,
    /// The scale, relative to the photograph.
    pub scale: f64,
    /// Whether the subject is cropped at two opposite sides and yet does not reach those of the canvas.
    pub floating: bool,
    /// Whether a layout placed the subject; otherwise it stays where it is in the photograph.
    pub moved: bool,
}

impl Placement {
    /// The subject's place in the photograph, on a canvas of the same size.
    pub fn as_is(subject: &SubjectBox) -> Self {
        let SubjectBox { x, y, width, height, .. } = *subject;
        Self { x: x.into(), y: y.into(), width, height, scale: 1.0, floating: false, moved: false }
    }

    /// The part of the box that lies on the canvas, as first and last column and row: left, top, right, bottom.
    pub fn visible_on(&self, canvas: (u32, u32)) -> Option<[u32; 4]> {
        let along = |start: i64, length: u32, side: u32| {
            let (first, end) = (start.clamp(0, side.into()), (start + i64::from(length)).clamp(0, side.into()));
            (end > first).then(|| (first as u32, end as u32 - 1))
        };
        let (left, right) = along(self.x, self.width, canvas.0)?;
        let (top, bottom) = along(self.y, self.height, canvas.1)?;
        Some([left, top, right, bottom])
    }
}

/// Where a box lies between the margins of an axis.
#[derive(Debug, Clone, Copy)]
enum AxisAlign {
    Start,
    /// `mass` is the distance of the center of mass from the start of the box, if that is to be centered.
    Center {
        mass: Option<f64>,
    },
    End,
}

/// One axis of a placement.
struct Axis {
    side: f64,
    length: f64,
    /// The margins at the start and at the end.
    margins: (f64, f64),
    /// Whether the photograph crops the subject at the start, and at the end.
    cropped: (bool, bool),
}

impl Axis {
    fn new(side: u32, length: u32, margin: f64, cropped: (bool, bool)) -> Self {
        let side = f64::from(side);
        let max = ((side - 1.0) / 2.0).floor();
        let margin = if margin.is_finite() { margin.ceil().clamp(0.0, max) } else { 0.0 };
        let at = |cropped: bool| if cropped { 0.0 } else { margin };
        Self { side, length: f64::from(length), margins: (at(cropped.0), at(cropped.1)), cropped }
    }

    /// The axis with an end margin that begins at `edge`.
    fn ending_at(mut self, edge: f64) -> Self {
        if !self.cropped.1 {
            self.margins.1 = (self.side - edge.round()).clamp(0.0, self.side - 1.0);
            self.margins.0 = self.margins.0.min(self.side - 1.0 - self.margins.1);
        }
        self
    }

    fn room(&self) -> f64 {
        self.side - self.margins.0 - self.margins.1
    }

    /// The scale at which the box fills the room between the margins.
    fn fitting_scale(&self) -> f64 {
        self.room() / self.length
    }

    /// The scale at which the box fills the whole side.
    fn full_scale(&self) -> f64 {
        self.side / self.length
    }

    fn is_cropped_at_both_ends(&self) -> bool {
        self.cropped == (true, true)
    }

    /// Whether the box fits between the margins at this scale.
    fn fits(&self, scale: f64) -> bool {
        self.length * scale <= self.room() + TOLERANCE
    }

    /// Where the box starts, and its length.
    fn put(&self, scale: f64, align: AxisAlign) -> (i64, u32) {
        let length = (self.length * scale).round().max(1.0);
        let (first, last) = (self.margins.0, self.side - self.margins.1 - length);
        let start = match self.cropped {
            (true, false) => 0.0,
            (false, true) => self.side - length,
            (true, true) => ((self.side - length) / 2.0).floor(),
            (false, false) => match align {
                AxisAlign::Start => first,
                AxisAlign::End => last,
                AxisAlign::Center { mass: None } => (first + (last - first) / 2.0).floor(),
                AxisAlign::Center { mass: Some(mass) } => {
                    (self.side / 2.0 - mass * length / self.length).round().min(last).max(first)
                }
            },
        };
        (start as i64, length as u32)
    }
}

/// Places a subject: as large as margin and fill allow, or at its scale, with its aspect ratio kept, in whole pixels, and
/// aligned within the margins.
///
/// A side where the photograph crops the subject has no margin, and the box lies at the edge of the canvas for any
/// alignment. A subject that is cropped at two opposite sides reaches from edge to edge, if it then fits between the
/// other margins; one that is cropped at all four covers the canvas.
pub fn place(subject: &SubjectBox, layout: &Layout) -> Placement {
    let CroppedSides { left, top, right, bottom } = subject.cropped;
    let across = Axis::new(layout.canvas.0, subject.width, layout.margin, (left, right));
    let down = Axis::new(layout.canvas.1, subject.height, layout.margin, (top, bottom));
    let down = match layout.baseline {
        Some(baseline) => down.ending_at(baseline),
        None => down,
    };
    let (scale, floating) = scale(&across, &down, layout);
    let by_mass = layout.by == AlignBy::Mass;
    let (x, width) = across.put(
        scale,
        match layout.x {
            Horizontal::Left => AxisAlign::Start,
            Horizontal::Center => AxisAlign::Center { mass: by_mass.then(|| subject.mass.0 - f64::from(subject.x)) },
            Horizontal::Right => AxisAlign::End,
        },
    );
    let (y, height) = down.put(
        scale,
        match layout.y {
            _ if layout.baseline.is_some() => AxisAlign::End,
            Vertical::Top => AxisAlign::Start,
            Vertical::Center => AxisAlign::Center { mass: by_mass.then(|| subject.mass.1 - f64::from(subject.y)) },
            Vertical::Bottom => AxisAlign::End,
        },
    );
    Placement { x, y, width, height, scale, floating, moved: true }
}

/// The scale of the subject, and whether it floats: see [`Placement::floating`].
fn scale(across: &Axis, down: &Axis, layout: &Layout) -> (f64, bool) {
    let fit = across.fitting_scale().min(down.fitting_scale());
    if let Some(scale) = layout.scale.filter(|scale| scale.is_finite() && *scale > 0.0) {
        let scale = scale.min(fit);
        let floats = |axis: &Axis| axis.is_cropped_at_both_ends() && axis.length * scale < axis.side - 0.5;
        return (scale, floats(across) || floats(down));
    }
    let fill = layout.fill.filter(|fill| fill.is_finite() && *fill > 0.0);
    let usual = fill.map_or(fit, |fill| fit.min(fill * across.full_scale().min(down.full_scale())));
    let usual = layout.max_scale.map_or(usual, |max_scale| usual.min(max_scale));
    match (across.is_cropped_at_both_ends(), down.is_cropped_at_both_ends()) {
        (false, false) => (usual, false),
        (true, true) => (across.full_scale().max(down.full_scale()), false),
        (true, false) if down.fits(across.full_scale()) => (across.full_scale(), false),
        (false, true) if across.fits(down.full_scale()) => (down.full_scale(), false),
        (true, false) | (false, true) => (usual, true),
    }
}
