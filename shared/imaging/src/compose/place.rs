//! Where the subject stands: geometry alone.

use image::GrayImage;
use rayon::prelude::*;

/// The least alpha of what counts as the subject when it is measured.
const SUBJECT: u8 = 128;
/// Of a side of the photograph, the share that the subject has to touch to count as cut off there, and the least
/// number of pixels.
const TOUCHED: f64 = 0.01;
const TOUCHED_LEAST: usize = 3;
/// How many rows along a side are looked at: a matte may fade in the last of them.
const ROWS: usize = 2;

/// At which sides the photograph cuts the subject off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cropped {
    /// At the left.
    pub left: bool,
    /// At the top.
    pub top: bool,
    /// At the right.
    pub right: bool,
    /// At the bottom.
    pub bottom: bool,
}

impl Cropped {
    /// The names of the sides.
    pub fn names(self) -> Vec<&'static str> {
        let sides = [(self.left, "left"), (self.top, "upper"), (self.right, "right"), (self.bottom, "lower")];
        sides.into_iter().filter_map(|(cropped, name)| cropped.then_some(name)).collect()
    }
}

/// The box around a subject, in pixels of its photograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SubjectBox {
    /// Its first column.
    pub x: u32,
    /// Its first row.
    pub y: u32,
    /// How many columns, at least 1.
    pub width: u32,
    /// How many rows, at least 1.
    pub height: u32,
    /// The center of mass of the alpha, from the photograph's upper left corner.
    pub mass: (f64, f64),
    /// Where the photograph cuts the subject off.
    pub cropped: Cropped,
}

impl SubjectBox {
    /// The box of what is at least half opaque, or of what is half as opaque as anything is; `None` if all is
    /// transparent. At a side where the subject is cut off, it
    /// reaches to the frame.
    pub fn of(alpha: &GrayImage) -> Option<Self> {
        let (width, height) = (alpha.width() as usize, alpha.height() as usize);
        let least = least_of(alpha);
        let rows = alpha.as_raw().par_chunks_exact(width.max(1)).enumerate();
        let seen = rows.map(|(y, row)| Seen::of(row, y, least)).reduce(Seen::default, Seen::and);
        let Seen { sum, across, down, columns, rows } = seen;
        let (Some((mut left, mut right)), Some((mut top, mut bottom))) = (columns, rows) else { return None };
        let mass = (across as f64 / sum as f64 / 2.0, down as f64 / sum as f64 / 2.0);
        let cropped = cropped(alpha, least);
        if cropped.left {
            left = 0;
        }
        if cropped.top {
            top = 0;
        }
        if cropped.right {
            right = width;
        }
        if cropped.bottom {
            bottom = height;
        }
        let [x, y, width, height] = [left, top, right - left, bottom - top].map(|value| value as u32);
        Some(Self { x, y, width, height, mass, cropped })
    }
}

/// What some rows have of the subject.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// All alpha, and the same times twice the middle of its column, and of its row.
    sum: u64,
    across: u64,
    down: u64,
    /// The first column and row of it, and the ones behind the last.
    columns: Option<(usize, usize)>,
    rows: Option<(usize, usize)>,
}

impl Seen {
    fn of(row: &[u8], y: usize, least: u8) -> Self {
        let (mut sum, mut across) = (0, 0);
        for (x, alpha) in row.iter().enumerate() {
            sum += u64::from(*alpha);
            across += u64::from(*alpha) * (2 * x as u64 + 1);
        }
        let first = row.iter().position(|alpha| *alpha >= least);
        let last = row.iter().rposition(|alpha| *alpha >= least);
        let columns = first.zip(last).map(|(first, last)| (first, last + 1));
        Self { sum, across, down: sum * (2 * y as u64 + 1), columns, rows: columns.map(|_| (y, y + 1)) }
    }

    fn and(self, other: Self) -> Self {
        let both = |one: Option<(usize, usize)>, other: Option<(usize, usize)>| match (one, other) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
        Self {
            sum: self.sum + other.sum,
            across: self.across + other.across,
            down: self.down + other.down,
            columns: both(self.columns, other.columns),
            rows: both(self.rows, other.rows),
        }
    }
}

/// The least alpha of what counts as the subject: of a picture that came with faint alpha, half of the most there is.
fn least_of(alpha: &GrayImage) -> u8 {
    let most = alpha.as_raw().par_chunks(1 << 16).filter_map(|part| part.iter().copied().max()).max().unwrap_or(0);
    if most >= SUBJECT { SUBJECT } else { most.div_ceil(2).max(1) }
}

fn cropped(alpha: &GrayImage, least: u8) -> Cropped {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let at = |x: usize, y: usize| alpha.as_raw()[y * width + x] >= least;
    let touches = |along: usize, deep: usize, shows: &dyn Fn(usize, usize) -> bool| {
        let shown = |place: usize| (0..ROWS.min(deep)).any(|depth| shows(place, depth));
        let (mut run, mut longest) = (0, 0);
        for place in 0..along {
            run = if shown(place) { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        let least = ((along as f64 * TOUCHED) as usize).max(TOUCHED_LEAST).min(along);
        longest >= least
    };
    Cropped {
        left: touches(height, width, &|y, depth| at(depth, y)),
        top: touches(width, height, &|x, depth| at(x, depth)),
        right: touches(height, width, &|y, depth| at(width - 1 - depth, y)),
        bottom: touches(width, height, &|x, depth| at(x, height - 1 - depth)),
    }
}

/// From left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlignX {
    /// At the left margin.
    Left,
    /// In the middle.
    Center,
    /// At the right margin.
    Right,
}

/// From top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlignY {
    /// At the upper margin.
    Top,
    /// In the middle.
    Center,
    /// At the lower margin.
    Bottom,
}

/// What of the subject is centered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlignBy {
    /// The middle of its box.
    Box,
    /// Its center of mass, as far as the margins allow.
    Mass,
}

/// How a subject is to be placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Width and height of the canvas in pixels, at least 1.
    pub canvas: (u32, u32),
    /// The room at every side in pixels, rounded up. One that leaves no room is made smaller until a pixel is left.
    pub margin: f64,
    /// The share of the canvas that the box takes along the side where it takes most, above 0 to 1. With a margin,
    /// whichever makes it smaller.
    pub fill: Option<f64>,
    /// How many times larger than in the photograph it becomes at most. What is cut off at opposite sides reaches from
    /// edge to edge even so.
    pub largest: Option<f64>,
    /// From left to right.
    pub x: AlignX,
    /// From top to bottom.
    pub y: AlignY,
    /// What is centered.
    pub by: AlignBy,
}

/// Where a subject's box goes, in pixels of the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Its first column, which may be beyond the canvas.
    pub x: i64,
    /// Its first row.
    pub y: i64,
    /// Its width, at least 1.
    pub width: u32,
    /// Its height, at least 1.
    pub height: u32,
    /// How many times larger than in the photograph it is.
    pub scale: f64,
    /// Whether it is cut off at two opposite sides and yet does not reach the canvas's.
    pub floating: bool,
    /// Whether it was placed, and does not stay where it is in the photograph.
    pub moved: bool,
}

impl Placement {
    /// Where the subject is in the photograph, on a canvas of the same size.
    pub fn as_is(found: &SubjectBox) -> Self {
        let SubjectBox { x, y, width, height, .. } = *found;
        Self { x: x.into(), y: y.into(), width, height, scale: 1.0, floating: false, moved: false }
    }

    /// The first and last column and row of what of the box is on the canvas: left, top, right, bottom.
    pub fn visible_on(&self, canvas: (u32, u32)) -> Option<[u32; 4]> {
        let along = |at: i64, length: u32, side: u32| {
            let (first, behind) = (at.clamp(0, side.into()), (at + i64::from(length)).clamp(0, side.into()));
            (behind > first).then(|| (first as u32, behind as u32 - 1))
        };
        let ((left, right), (top, bottom)) =
            (along(self.x, self.width, canvas.0)?, along(self.y, self.height, canvas.1)?);
        Some([left, top, right, bottom])
    }
}

/// One axis of a placement.
struct Axis {
    side: f64,
    length: f64,
    /// The margins before and behind.
    margins: (f64, f64),
    cropped: (bool, bool),
}

impl Axis {
    fn new(side: u32, length: u32, margin: f64, cropped: (bool, bool)) -> Self {
        let side = f64::from(side);
        let most = ((side - 1.0) / 2.0).floor();
        let margin = if margin.is_finite() { margin.ceil().clamp(0.0, most) } else { 0.0 };
        let at = |cropped: bool| if cropped { 0.0 } else { margin };
        Self { side, length: f64::from(length), margins: (at(cropped.0), at(cropped.1)), cropped }
    }

    fn room(&self) -> f64 {
        self.side - self.margins.0 - self.margins.1
    }

    fn is_cut_through(&self) -> bool {
        self.cropped == (true, true)
    }

    /// Whether the box fits between the margins, at this scale.
    fn fits(&self, scale: f64) -> bool {
        self.length * scale <= self.room() + 1e-6
    }

    /// Where the box begins and how long it is. `side` is -1, 0 or 1: before, in the middle, behind. `mass` is where
    /// its center of mass is, from its beginning, if that is to be in the middle.
    fn put(&self, scale: f64, side: i8, mass: Option<f64>) -> (i64, u32) {
        let length = (self.length * scale).round().max(1.0);
        let (first, last) = (self.margins.0, self.side - self.margins.1 - length);
        let at = match self.cropped {
            (true, false) => 0.0,
            (false, true) => self.side - length,
            (true, true) => ((self.side - length) / 2.0).floor(),
            (false, false) => match (side, mass) {
                (..0, _) => first,
                (1.., _) => last,
                (0, None) => (first + (last - first) / 2.0).floor(),
                (0, Some(mass)) => (self.side / 2.0 - mass * length / self.length).round().min(last).max(first),
            },
        };
        (at as i64, length as u32)
    }
}

/// Places a subject: as large as margin and fill allow with its proportions kept, in whole pixels, and aligned within
/// the margins.
///
/// At a side where the photograph cuts the subject off there is no margin, and the box lies at the canvas's edge
/// whatever the alignment says. Cut off at two opposite sides it reaches from edge to edge, if it fits between the
/// other margins then; cut off at all four it covers the canvas.
pub fn place(found: &SubjectBox, layout: &Layout) -> Placement {
    let Cropped { left, top, right, bottom } = found.cropped;
    let across = Axis::new(layout.canvas.0, found.width, layout.margin, (left, right));
    let down = Axis::new(layout.canvas.1, found.height, layout.margin, (top, bottom));
    let most = |axis: &Axis| axis.room() / axis.length;
    let whole = |axis: &Axis| axis.side / axis.length;
    let fit = most(&across).min(most(&down));
    let fill = layout.fill.filter(|fill| fill.is_finite() && *fill > 0.0);
    let usual = fill.map_or(fit, |fill| fit.min(fill * whole(&across).min(whole(&down))));
    let usual = layout.largest.map_or(usual, |largest| usual.min(largest));
    let (scale, floating) = match (across.is_cut_through(), down.is_cut_through()) {
        (false, false) => (usual, false),
        (true, true) => (whole(&across).max(whole(&down)), false),
        (true, false) if down.fits(whole(&across)) => (whole(&across), false),
        (false, true) if across.fits(whole(&down)) => (whole(&down), false),
        (true, false) | (false, true) => (usual, true),
    };
    let by_mass = layout.by == AlignBy::Mass;
    let (x, width) = across.put(
        scale,
        match layout.x {
            AlignX::Left => -1,
            AlignX::Center => 0,
            AlignX::Right => 1,
        },
        by_mass.then(|| found.mass.0 - f64::from(found.x)),
    );
    let (y, height) = down.put(
        scale,
        match layout.y {
            AlignY::Top => -1,
            AlignY::Center => 0,
            AlignY::Bottom => 1,
        },
        by_mass.then(|| found.mass.1 - f64::from(found.y)),
    );
    Placement { x, y, width, height, scale, floating, moved: true }
}
