//! The bounding box of a subject, and the sides where the photograph crops it.

use image::GrayImage;
use rayon::prelude::*;

/// The lowest alpha that counts as subject when it is measured.
const SUBJECT_ALPHA: u8 = 128;
/// A subject counts as cropped at a side if it touches this fraction of the side in one run.
const TOUCHED_FRACTION: f64 = 0.01;
/// A subject also has to touch at least this many pixels of a side to count as cropped there.
const MIN_TOUCHED: usize = 3;
/// How many rows along a side are examined: a matte may fade in the outermost one.
const EXAMINED_ROWS: usize = 2;

/// The sides at which the photograph crops the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CroppedSides {
    /// The left side.
    pub left: bool,
    /// The upper side.
    pub top: bool,
    /// The right side.
    pub right: bool,
    /// The lower side.
    pub bottom: bool,
}

impl CroppedSides {
    /// Finds the sides that a subject touches whose alpha is `min_alpha` or more.
    fn of(alpha: &GrayImage, min_alpha: u8) -> Self {
        let (width, height) = (alpha.width() as usize, alpha.height() as usize);
        let shows = |x: usize, y: usize| alpha.as_raw()[y * width + x] >= min_alpha;
        Self {
            left: touches(height, width, |y, depth| shows(depth, y)),
            top: touches(width, height, shows),
            right: touches(height, width, |y, depth| shows(width - 1 - depth, y)),
            bottom: touches(width, height, |x, depth| shows(x, height - 1 - depth)),
        }
    }

    /// The names of the cropped sides.
    pub fn names(self) -> Vec<&'static str> {
        let sides = [(self.left, "left"), (self.top, "upper"), (self.right, "right"), (self.bottom, "lower")];
        sides.into_iter().filter_map(|(cropped, name)| cropped.then_some(name)).collect()
    }
}

/// Whether a subject touches a side of `length` pixels, of a picture that is `depth` pixels deep behind it.
fn touches(length: usize, depth: usize, shows: impl Fn(usize, usize) -> bool) -> bool {
    let shown = |place: usize| (0..EXAMINED_ROWS.min(depth)).any(|depth| shows(place, depth));
    let (mut run, mut longest) = (0, 0);
    for place in 0..length {
        run = if shown(place) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest >= ((length as f64 * TOUCHED_FRACTION) as usize).max(MIN_TOUCHED).min(length)
}

/// The bounding box of a subject, in pixels of its photograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SubjectBox {
    /// The first column.
    pub x: u32,
    /// The first row.
    pub y: u32,
    /// The number of columns, at least 1.
    pub width: u32,
    /// The number of rows, at least 1.
    pub height: u32,
    /// The center of mass of the alpha, from the photograph's upper left corner.
    pub mass: (f64, f64),
    /// The sides at which the photograph crops the subject.
    pub cropped: CroppedSides,
}

impl SubjectBox {
    /// The box of the pixels that are at least half opaque, or half as opaque as the most opaque one. At a side where
    /// the subject is cropped, the box reaches the frame. `None` if everything is transparent.
    pub fn of(alpha: &GrayImage) -> Option<Self> {
        let (width, height) = (alpha.width() as usize, alpha.height() as usize);
        let min_alpha = subject_alpha(alpha);
        let rows = alpha.as_raw().par_chunks_exact(width.max(1)).enumerate();
        let moments = rows.map(|(y, row)| Moments::of(row, y, min_alpha)).reduce(Moments::default, Moments::join);
        let Moments { sum, across, down, columns, rows } = moments;
        let ((mut left, mut right), (mut top, mut bottom)) = columns.zip(rows)?;
        let mass = (across as f64 / sum as f64 / 2.0, down as f64 / sum as f64 / 2.0);
        let cropped = CroppedSides::of(alpha, min_alpha);
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

/// The lowest alpha that counts as subject: of a picture that came with faint alpha, half of its highest.
fn subject_alpha(alpha: &GrayImage) -> u8 {
    let highest = alpha.as_raw().par_chunks(1 << 16).filter_map(|part| part.iter().copied().max()).max().unwrap_or(0);
    if highest >= SUBJECT_ALPHA { SUBJECT_ALPHA } else { highest.div_ceil(2).max(1) }
}

/// The extent and the moments of the alpha of some rows.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    /// The sum of all alpha.
    sum: u64,
    /// The sum of all alpha times twice the middle of its column.
    across: u64,
    /// The sum of all alpha times twice the middle of its row.
    down: u64,
    /// The first column of the subject, and the one behind the last.
    columns: Option<(usize, usize)>,
    /// The first row of the subject, and the one behind the last.
    rows: Option<(usize, usize)>,
}

impl Moments {
    fn of(row: &[u8], y: usize, min_alpha: u8) -> Self {
        let (mut sum, mut across) = (0, 0);
        for (x, alpha) in row.iter().enumerate() {
            sum += u64::from(*alpha);
            across += u64::from(*alpha) * (2 * x as u64 + 1);
        }
        let first = row.iter().position(|alpha| *alpha >= min_alpha);
        let last = row.iter().rposition(|alpha| *alpha >= min_alpha);
        let columns = first.zip(last).map(|(first, last)| (first, last + 1));
        Self { sum, across, down: sum * (2 * y as u64 + 1), columns, rows: columns.map(|_| (y, y + 1)) }
    }

    fn join(self, other: Self) -> Self {
        let union = |one: Option<(usize, usize)>, other: Option<(usize, usize)>| match (one, other) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
        Self {
            sum: self.sum + other.sum,
            across: self.across + other.across,
            down: self.down + other.down,
            columns: union(self.columns, other.columns),
            rows: union(self.rows, other.rows),
        }
    }
}
