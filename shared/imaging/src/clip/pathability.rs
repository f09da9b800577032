//! How honest a hard outline is: whether a path does the subject justice, or hair, fur or glass need the matte.

use image::GrayImage;
use rayon::prelude::*;

use super::Traced;
use crate::path::Point;

/// The side of the networks' squares. An edge cannot be sharper in a matte than a pixel of theirs, unless it
/// was refined since.
const NETWORK_SIDE: f64 = 1024.0;
/// An edge is soft where alpha is between 10 and 90 % along so many pixels across it, in pixels of the
/// network's or of the picture, whichever are larger. A sharp edge has 1 to 2, one out of focus up to 4.
const SOFT_WIDTH: f64 = 5.0;
/// How far from the outline an edge is looked at, in the same unit.
const REACH: f64 = 12.0;
/// Along a larger share of its length, an outline must not be soft.
///
/// Of the true mattes of 15 pictures made for matting, 11 have 0.38 to 0.97 and fall back, and four have 0 to 0.19
/// and do not. Of 74 masks of other pictures, nearly all without soft edges, the largest share is 0.05. On what the
/// networks answer for the same pictures before it is refined, ten of the 11 fall back (the other has 0.28), and
/// so do 15 of the 74.
const MOST_SOFT: f32 = 0.3;
/// A larger share of the subject must not be translucent.
const MOST_TRANSLUCENT: f32 = 0.12;
/// More nodes for each 1000 pixels of outline are no outline that anybody would draw.
const MOST_COMPLEX: f32 = 200.0;
/// The distance of the places that are looked at along the outline, in the same unit.
const SPACING: f64 = 2.0;

/// How well a path stands for a matte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pathability {
    /// The share of the outline's length along which it is soft: alpha is between 10 and 90 % for more than 5
    /// pixels of the line across the outline, or of 5/1024 of the picture's longer side, if that is more. 0 to 1.
    pub soft_share: f32,
    /// The share of the subject's area (alpha above 10 %) where alpha is between 10 and 90 %, without what soft
    /// edges take. 0 to 1.
    pub translucent_share: f32,
    /// Nodes for each 1000 pixels of outline: 5 to 60 for things in large pictures, 60 to 130 for masks of 400
    /// pixels that were drawn by hand.
    pub complexity: f32,
    /// What follows of that.
    pub verdict: Verdict,
}

/// Whether a path is honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The outline is hard.
    Hard,
    /// There is no outline.
    Nothing,
    /// The outline is soft along too much of its length.
    Soft,
    /// Too much of the subject is translucent.
    Translucent,
    /// The outline is so ragged that it takes too many nodes, for its length or in all.
    Ragged,
}

impl Pathability {
    /// Whether a path does the subject justice.
    pub fn is_hard(&self) -> bool {
        self.verdict == Verdict::Hard
    }

    /// Why a path does not do the subject justice, as a sentence for the caller; `None` if it does.
    pub fn reason(&self) -> Option<String> {
        let percent = |share: f32| (share * 100.0).round();
        match self.verdict {
            Verdict::Hard => None,
            Verdict::Nothing => Some("Nothing of the picture is surely subject, so there is no outline.".into()),
            Verdict::Soft => Some(format!(
                "The outline is soft (hair, fur, or an edge that is not to be told from what is behind it) along {} % of its length, so no hard path is true to it.",
                percent(self.soft_share)
            )),
            Verdict::Translucent => Some(format!(
                "{} % of the subject is translucent (glass, gauze or smoke), which no hard path can show.",
                percent(self.translucent_share)
            )),
            Verdict::Ragged => Some(
                "The outline is so ragged (lace, leaves or noise) that no path of a useful number of nodes is true to it."
                    .into(),
            ),
        }
    }
}

/// Measures how well what was traced stands for the matte that it was traced from.
///
/// What counts as soft grows with the picture beyond 1024 pixels, since the mattes of the networks have no more
/// and an edge that was only enlarged is not soft; of a matte that was refined to the picture's own sharpness,
/// what is soft then is what is soft for the eye that looks at the whole picture.
pub fn pathability(matte: &GrayImage, traced: &Traced) -> Pathability {
    let length = traced.contour.length();
    let (width, height) = matte.dimensions();
    let unit = (f64::from(width.max(height)) / NETWORK_SIDE).max(1.0);
    let nothing = Pathability { soft_share: 0.0, translucent_share: 0.0, complexity: 0.0, verdict: Verdict::Nothing };
    let same = (traced.path.width, traced.path.height) == (width, height);
    if !same || length <= 0.0 {
        return nothing;
    }
    let soft_share = soft_share(matte, traced, unit);
    let (partial, subject) = areas(matte);
    let edges = length * SOFT_WIDTH * unit;
    let translucent_share = ((partial - edges).max(0.0) / subject.max(1.0)) as f32;
    let complexity = (traced.path.nodes() as f64 * 1000.0 / length) as f32;
    let verdict = if soft_share > MOST_SOFT {
        Verdict::Soft
    } else if translucent_share > MOST_TRANSLUCENT {
        Verdict::Translucent
    } else if complexity > MOST_COMPLEX || traced.contour.coarseness > 1 {
        Verdict::Ragged
    } else {
        Verdict::Hard
    };
    Pathability { soft_share, translucent_share, complexity, verdict }
}

/// How many pixels have alpha between 10 and 90 %, and how many above 10 %.
fn areas(matte: &GrayImage) -> (f64, f64) {
    let parts = matte.as_raw().par_chunks(1 << 16).map(|part| {
        let partial = part.iter().filter(|alpha| is_partial(**alpha)).count();
        (partial, part.iter().filter(|alpha| **alpha >= 26).count())
    });
    let (partial, subject) = parts.reduce(|| (0, 0), |one, other| (one.0 + other.0, one.1 + other.1));
    (partial as f64, subject as f64)
}

/// Whether alpha is between 10 and 90 %.
fn is_partial(alpha: u8) -> bool {
    (26..=229).contains(&alpha)
}

/// The share of the outline along which it is soft. What runs along the frame is left out.
fn soft_share(matte: &GrayImage, traced: &Traced, unit: f64) -> f32 {
    let (mut soft, mut all) = (0.0_f64, 0.0_f64);
    let (width, height) = matte.dimensions();
    for outline in &traced.contour.outlines {
        let mut gone = 0.0;
        for (from, to) in outline.points.iter().zip(outline.points.iter().cycle().skip(1)) {
            let (x, y) = (to.x - from.x, to.y - from.y);
            let long = x.hypot(y);
            gone += long;
            if gone < SPACING * unit || long <= 0.0 {
                continue;
            }
            let weight = std::mem::take(&mut gone);
            if super::inset::on_frame(*from, *to, width, height) {
                continue;
            }
            all += weight;
            let middle = Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 };
            if band(matte, middle, unit) > SOFT_WIDTH * unit {
                soft += weight;
            }
        }
    }
    if all > 0.0 { (soft / all) as f32 } else { 0.0 }
}

/// For how many pixels of the line across the outline alpha is between 10 and 90 %. "Across" is where alpha
/// falls, at the scale of the unit: the line itself goes up and down with every pixel's step.
fn band(matte: &GrayImage, middle: Point, unit: f64) -> f64 {
    let reach = 2.0 * unit;
    let at = |x: f64, y: f64| f64::from(alpha(matte, middle.x + x, middle.y + y));
    let (mut x, mut y) = (0.0, 0.0);
    for part in 0..8 {
        let (sine, cosine) = (f64::from(part) * std::f64::consts::FRAC_PI_4).sin_cos();
        let value = at(cosine * reach, sine * reach);
        (x, y) = (x + value * cosine, y + value * sine);
    }
    let steep = x.hypot(y);
    if steep < 1e-6 {
        // It falls nowhere: alpha is about one half all around.
        return REACH * unit;
    }
    let (x, y) = (x / steep, y / steep);
    let step = unit / 2.0;
    let count = (2.0 * REACH) as i32;
    (-count..=count)
        .filter(|at_step| is_partial(at(x * f64::from(*at_step) * step, y * f64::from(*at_step) * step) as u8))
        .count() as f64
        * step
}

/// Alpha of the pixel at a place; of the nearest one if it is outside.
fn alpha(matte: &GrayImage, x: f64, y: f64) -> u8 {
    let (width, height) = matte.dimensions();
    let column = (x.max(0.0) as u32).min(width - 1);
    let row = (y.max(0.0) as u32).min(height - 1);
    matte.as_raw()[row as usize * width as usize + column as usize]
}
