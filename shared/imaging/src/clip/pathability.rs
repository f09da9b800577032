//! Decides whether a hard outline can represent a subject, or whether hair, fur or glass need the matte.

use image::GrayImage;
use rayon::prelude::*;

use super::inset::on_frame;
use super::trace::Trace;
use crate::path::Point;

/// The side of the networks' input, in pixels. Unless a matte was refined, its edges are no sharper than a pixel at
/// that size.
const NETWORK_SIDE: f64 = 1024.0;
/// An edge is soft if alpha is between 10 and 90 % over more than this width across it, in units: a unit is a pixel of the
/// network or of the picture, whichever is larger. Sharp edges have 1 to 2, edges out of focus up to 4.
const SOFT_WIDTH: f64 = 5.0;
/// How far from the outline an edge is examined, in units.
const REACH: f64 = 12.0;
/// The largest share of its length along which an outline may be soft.
///
/// Of the ground-truth mattes of 15 pictures made for matting, 11 have 0.38 to 0.97 and are rejected, and four have 0 to
/// 0.19 and are accepted. Of 74 masks of other pictures, nearly all with hard edges, the largest share is 0.05. With the
/// networks' unrefined mattes for the same pictures, ten of the 11 are rejected (the other has 0.28), and so are 15 of
/// the 74.
const MAX_SOFT: f32 = 0.3;
/// The largest share of the subject that may be translucent.
const MAX_TRANSLUCENT: f32 = 0.12;
/// The most nodes for each 1000 pixels of outline. A person would not draw more.
const MAX_COMPLEXITY: f32 = 200.0;
/// The distance of the points along the outline that are examined, in units.
const SPACING: f64 = 2.0;
/// Alpha from 10 to 90 %.
const PARTIAL: std::ops::RangeInclusive<u8> = 26..=229;

/// How well a path represents a matte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pathability {
    /// The share of the outline's length along which it is soft, 0 to 1: alpha is between 10 and 90 % over more than 5
    /// pixels across the outline, or over more than 5/1024 of the picture's longer side if that is more.
    pub soft_share: f32,
    /// The share of the subject's area (alpha above 10 %) where alpha is between 10 and 90 %, without the area of soft
    /// edges. 0 to 1.
    pub translucent_share: f32,
    /// Nodes for each 1000 pixels of outline: 5 to 60 for objects in large pictures, 60 to 130 for hand-drawn masks of 400
    /// pixels.
    pub complexity: f32,
    /// The conclusion.
    pub verdict: Verdict,
}

/// Whether a path can represent a matte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The outline is hard.
    Hard,
    /// The matte has no outline.
    Nothing,
    /// The outline is soft along too much of its length.
    Soft,
    /// Too much of the subject is translucent.
    Translucent,
    /// The outline is so ragged that it needs too many nodes, for its length or in total.
    Ragged,
}

impl Pathability {
    /// Whether a path can represent the matte.
    pub fn is_hard(&self) -> bool {
        self.verdict == Verdict::Hard
    }

    /// Why a path cannot represent the matte, as a sentence for the caller; `None` if it can.
    pub fn reason(&self) -> Option<String> {
        let percent = |share: f32| (share * 100.0).round();
        match self.verdict {
            Verdict::Hard => None,
            Verdict::Nothing => Some("No outline found: no part of the picture is clearly the subject.".into()),
            Verdict::Soft => Some(format!(
                "The outline is soft along {} % of its length (hair, fur, or an edge that blends into the background), so it cannot be traced as a clean path.",
                percent(self.soft_share)
            )),
            Verdict::Translucent => Some(format!(
                "{} % of the subject is translucent (glass, gauze or smoke), which a clean path cannot show.",
                percent(self.translucent_share)
            )),
            Verdict::Ragged => Some(
                "The outline is too ragged (lace, leaves or noise) to be traced with a useful number of nodes.".into(),
            ),
        }
    }
}

/// Measures how well a trace represents the matte that it was made from.
///
/// The width that counts as soft grows with pictures beyond 1024 pixels: the networks' mattes have no more detail, and an
/// edge that was only enlarged is not soft. In a matte that was refined to the picture's own sharpness, it is what looks
/// soft to someone who sees the whole picture.
pub fn pathability(matte: &GrayImage, trace: &Trace) -> Pathability {
    let length = trace.contour.length();
    let (width, height) = matte.dimensions();
    let unit = (f64::from(width.max(height)) / NETWORK_SIDE).max(1.0);
    let nothing = Pathability { soft_share: 0.0, translucent_share: 0.0, complexity: 0.0, verdict: Verdict::Nothing };
    let same_size = (trace.path.width, trace.path.height) == (width, height);
    if !same_size || length <= 0.0 {
        return nothing;
    }
    let soft_share = soft_share(matte, trace, unit);
    let (partial, subject) = areas(matte);
    let edges = length * SOFT_WIDTH * unit;
    let translucent_share = ((partial - edges).max(0.0) / subject.max(1.0)) as f32;
    let complexity = (trace.path.nodes() as f64 * 1000.0 / length) as f32;
    let verdict = if soft_share > MAX_SOFT {
        Verdict::Soft
    } else if translucent_share > MAX_TRANSLUCENT {
        Verdict::Translucent
    } else if complexity > MAX_COMPLEXITY || trace.contour.coarseness > 1 {
        Verdict::Ragged
    } else {
        Verdict::Hard
    };
    Pathability { soft_share, translucent_share, complexity, verdict }
}

/// The numbers of pixels with alpha between 10 and 90 %, and above 10 %.
fn areas(matte: &GrayImage) -> (f64, f64) {
    let parts = matte.as_raw().par_chunks(1 << 16).map(|part| {
        let partial = part.iter().filter(|alpha| PARTIAL.contains(*alpha)).count();
        (partial, part.iter().filter(|alpha| *alpha >= PARTIAL.start()).count())
    });
    let (partial, subject) = parts.reduce(|| (0, 0), |one, other| (one.0 + other.0, one.1 + other.1));
    (partial as f64, subject as f64)
}

/// The share of the outline's length along which it is soft, without the parts along the frame.
fn soft_share(matte: &GrayImage, trace: &Trace, unit: f64) -> f32 {
    let (mut soft, mut all) = (0.0_f64, 0.0_f64);
    let (width, height) = matte.dimensions();
    for outline in &trace.contour.outlines {
        // The length since the last point that was examined.
        let mut passed = 0.0;
        for (from, to) in outline.points.iter().zip(outline.points.iter().cycle().skip(1)) {
            let (x, y) = (to.x - from.x, to.y - from.y);
            let length = x.hypot(y);
            passed += length;
            if passed < SPACING * unit || length <= 0.0 {
                continue;
            }
            let weight = std::mem::take(&mut passed);
            if on_frame(*from, *to, width, height) {
                continue;
            }
            all += weight;
            let middle = Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 };
            if soft_width(matte, middle, unit) > SOFT_WIDTH * unit {
                soft += weight;
            }
        }
    }
    if all > 0.0 { (soft / all) as f32 } else { 0.0 }
}

/// The width over which alpha is between 10 and 90 % across the outline, in pixels. Across is where alpha falls at the scale
/// of the unit: the outline itself goes up and down with the stairs of the pixels.
fn soft_width(matte: &GrayImage, middle: Point, unit: f64) -> f64 {
    let reach = 2.0 * unit;
    let at = |x: f64, y: f64| f64::from(alpha(matte, middle.x + x, middle.y + y));
    let (mut x, mut y) = (0.0, 0.0);
    for eighth in 0..8 {
        let (sine, cosine) = (f64::from(eighth) * std::f64::consts::FRAC_PI_4).sin_cos();
        let value = at(cosine * reach, sine * reach);
        (x, y) = (x + value * cosine, y + value * sine);
    }
    let slope = x.hypot(y);
    if slope < 1e-6 {
        // Alpha falls in no direction: it is about one half all around.
        return REACH * unit;
    }
    let (x, y) = (x / slope, y / slope);
    let step = unit / 2.0;
    let count = (2.0 * REACH) as i32;
    let along = |index: &i32| at(x * f64::from(*index) * step, y * f64::from(*index) * step) as u8;
    (-count..=count).filter(|index| PARTIAL.contains(&along(index))).count() as f64 * step
}

/// The alpha of the pixel at a point, or of the closest pixel if the point is outside of the picture.
fn alpha(matte: &GrayImage, x: f64, y: f64) -> u8 {
    let (width, height) = matte.dimensions();
    let column = (x.max(0.0) as u32).min(width - 1);
    let row = (y.max(0.0) as u32).min(height - 1);
    matte.as_raw()[row as usize * width as usize + column as usize]
}
