//! Robots that click until a cut is right.

use anyhow::{Context, Result};
use cutline_core::domain::subject::{Hints, SubjectSettings};
use serde_json::{Value, json};

use super::case::Case;
use super::rules::{GOALS, MAX_CLICKS};

/// How a robot clicks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Robot {
    /// By the click alone.
    Alone,
    /// With the scale that helps most, of those that the tree offers.
    Scale,
    /// Not through the tree: each click makes exactly its wrong region right.
    Perfect,
}

/// What became of a photograph: its IoU before the first click and after each.
pub(crate) struct Session {
    pub(crate) ious: Vec<f64>,
}

/// A click in the middle of the largest wrong region.
pub(crate) struct Click {
    /// The pixel.
    pub(crate) at: usize,
    /// Whether it is to become subject.
    pub(crate) keep: bool,
    /// The pixels of the region.
    region: Vec<usize>,
}

impl Robot {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alone => "by click alone",
            Self::Scale => "with the best scale",
            Self::Perfect => "if each click took exactly its region (bound)",
        }
    }

    pub(crate) fn click(self, case: &Case) -> Result<Session> {
        let mut mask = case.cut(&SubjectSettings::default())?;
        let mut session = Session { ious: vec![case.iou(&mask)] };
        let mut hints: Vec<Value> = Vec::new();
        while session.ious.len() <= MAX_CLICKS && session.ious.last().is_some_and(|iou| *iou < GOALS[1]) {
            let Some(click) = Click::on(case, &mask) else { break };
            match self {
                Self::Perfect => click.region.iter().for_each(|at| mask[*at] = click.keep),
                Self::Alone | Self::Scale => {
                    let radius = if self == Self::Scale { Some(best_radius(case, &mask, &click)) } else { None };
                    hints.push(click.hint(case, radius));
                    mask = case.cut(&settings(&hints)?)?;
                }
            }
            session.ious.push(case.iou(&mask));
        }
        Ok(session)
    }
}

fn settings(hints: &[Value]) -> Result<SubjectSettings> {
    let hints = Hints::read(&json!(hints)).context("a robot's hints are invalid")?;
    Ok(SubjectSettings { hints, ..SubjectSettings::default() })
}

impl Click {
    /// The click on the largest wrong region; `None` if nothing is wrong.
    pub(crate) fn on(case: &Case, mask: &[bool]) -> Option<Self> {
        let width = case.size().0 as usize;
        let wrong = |at: usize| case.truth[at].filter(|truth| *truth != mask[at]);
        let mut is_listed = vec![false; mask.len()];
        let mut largest: Vec<usize> = Vec::new();
        for start in 0..mask.len() {
            if is_listed[start] || wrong(start).is_none() {
                continue;
            }
            let mut region = vec![start];
            is_listed[start] = true;
            let mut next = 0;
            while let Some(&at) = region.get(next) {
                next += 1;
                for neighbor in neighbors(at, width, mask.len()) {
                    if !is_listed[neighbor] && wrong(neighbor) == wrong(start) {
                        is_listed[neighbor] = true;
                        region.push(neighbor);
                    }
                }
            }
            if region.len() > largest.len() {
                largest = region;
            }
        }
        let keep = wrong(*largest.first()?)?;
        Some(Self { at: middle(&largest, width, mask.len()), keep, region: largest })
    }

    fn hint(&self, case: &Case, radius: Option<f64>) -> Value {
        let width = case.size().0 as usize;
        let point = [(self.at % width) as f64 + 0.5, (self.at / width) as f64 + 0.5];
        let mut hint = json!({ "kind": if self.keep { "keep" } else { "remove" }, "points": [point] });
        if let Some(radius) = radius {
            hint["radius"] = json!(radius);
        }
        hint
    }
}

/// The pixel of a region that is farthest from its border.
fn middle(region: &[usize], width: usize, length: usize) -> usize {
    let mut depth = vec![0_u32; length];
    region.iter().for_each(|at| depth[*at] = u32::MAX);
    // The border of the picture counts as one of the region, or clicks would sit on it.
    let at_frame =
        |at: usize| at.is_multiple_of(width) || at % width == width - 1 || at < width || at + width >= length;
    let mut front: Vec<usize> = region.to_vec();
    front.retain(|at| at_frame(*at) || neighbors(*at, width, length).any(|next| depth[next] == 0));
    front.iter().for_each(|at| depth[*at] = 1);
    let mut last = region[0];
    let mut is_diagonal = false;
    while let Some(&first) = front.first() {
        last = first;
        let mut next = Vec::new();
        for &at in &front {
            // Squares and diamonds in turn are nearly discs.
            for neighbor in neighbors(at, width, length).chain(corners(at, width, length).filter(|_| is_diagonal)) {
                if depth[neighbor] == u32::MAX {
                    depth[neighbor] = depth[at] + 1;
                    next.push(neighbor);
                }
            }
        }
        is_diagonal = !is_diagonal;
        front = next;
    }
    last
}

/// The radius of the node that makes most pixels right, of all that contain the click.
fn best_radius(case: &Case, mask: &[bool], click: &Click) -> f64 {
    let tree = case.evidence.tree();
    let (width, height) = case.size();
    let (columns, rows) = tree.dimensions();
    let at = |x: u32, y: u32| {
        let along = |at: u32, from: u32, to: u32| (u64::from(at) * u64::from(to) / u64::from(from)) as u32;
        (along(y, rows, height) * width + along(x, columns, width)) as usize
    };
    let gains: Vec<i32> = (0..columns * rows)
        .map(|index| {
            let pixel = at(index % columns, index / columns);
            match case.truth[pixel] {
                Some(truth) if mask[pixel] != click.keep => {
                    if truth == click.keep {
                        1
                    } else {
                        -1
                    }
                }
                Some(_) | None => 0,
            }
        })
        .collect();
    let (x, y) = (click.at as u32 % width, click.at as u32 / width);
    let leaf = tree.leaf_at(((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height)));
    let gain =
        |node| tree.mask(node).iter().zip(&gains).filter(|(is_in, _)| **is_in).map(|(_, gain)| *gain).sum::<i32>();
    let best = tree.ancestors(leaf).max_by_key(|node| gain(*node));
    let radius = (f64::from(tree.area(best.unwrap_or(leaf))) / std::f64::consts::PI).sqrt();
    radius * f64::from(width) / f64::from(columns)
}

fn neighbors(at: usize, width: usize, length: usize) -> impl Iterator<Item = usize> {
    let left = (!at.is_multiple_of(width)).then(|| at - 1);
    let right = (at % width + 1 < width).then_some(at + 1);
    let below = Some(at + width).filter(|below| *below < length);
    [left, right, at.checked_sub(width), below].into_iter().flatten()
}

fn corners(at: usize, width: usize, length: usize) -> impl Iterator<Item = usize> {
    let rows = [at.checked_sub(width), Some(at + width).filter(|below| *below < length)].into_iter().flatten();
    rows.flat_map(move |row| {
        let left = (row % width > 0).then(|| row - 1);
        let right = (row % width + 1 < width).then_some(row + 1);
        [left, right].into_iter().flatten()
    })
}
