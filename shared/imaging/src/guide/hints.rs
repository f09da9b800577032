//! Clicks and strokes: from a request to a matte.

use cutline_core::domain::subject::{Hint, HintKind};
use image::RgbImage;

use super::frame::Frame;
use super::guided::{Decisions, Guided, SUBJECT};
use super::objects;
use super::settle::settle;
use crate::error::Error;
use crate::regions::RegionTree;
use crate::regions::select::{Decision, Ground, Stroke, select};
use crate::resample;

/// Applies the hints to the matte of `picture`, which `tree` divides. A point outside of the photograph, and a removal where
/// nothing is, become warnings.
///
/// # Errors
/// [`Error::Resample`].
pub(super) fn apply(
    guided: &mut Guided,
    frame: &Frame,
    (picture, tree): (&RgbImage, &RegionTree),
    hints: &[Hint],
) -> Result<(), Error> {
    let (width, height) = tree.dimensions();
    let strokes = strokes(guided, frame, (width, height), hints);
    if strokes.is_empty() {
        return Ok(());
    }
    let colors = resample::shrink(picture, width, height)?;
    let matte = resample::resize_matte(&guided.matte, width, height)?;
    let chosen = select(Ground { tree, colors: &colors }, &matte, &strokes);
    let side = guided.matte.side();
    let decisions: Decisions = (0..side * side)
        .map(|at| {
            let along =
                |at: u32, length: u32| ((2 * u64::from(at) + 1) * u64::from(length) / (2 * u64::from(side))) as u32;
            chosen[(along(at / side, height) * width + along(at % side, width)) as usize]
        })
        .collect();
    settle(&mut guided.matte, decisions);
    Ok(())
}

/// The hints in pixels of the tree. Those without a point in the photograph are left out.
fn strokes(guided: &mut Guided, frame: &Frame, (width, height): (u32, u32), hints: &[Hint]) -> Vec<Stroke> {
    let photo = frame.photo_size();
    let part = frame.part_size();
    let scale = f64::from(width) / f64::from(part.0);
    let mut strokes: Vec<Stroke> = Vec::new();
    for (index, hint) in hints.iter().enumerate() {
        let points: Vec<(f64, f64)> = hint.points.iter().map(|point| point.px(photo)).collect();
        let shares: Vec<(f64, f64)> = points.iter().filter_map(|point| frame.share(*point)).collect();
        if shares.len() < points.len() {
            let outside = points.len() - shares.len();
            guided.warnings.push(format!(
                "Of hints[{index}], {outside} of {} points are outside of the photograph of {} x {} pixels or its roi.",
                points.len(),
                photo.0,
                photo.1
            ));
        }
        if shares.is_empty() {
            continue;
        }
        let decision = match hint.kind {
            HintKind::Keep => Decision::Keep,
            HintKind::Remove => Decision::Remove,
        };
        let has_kept = strokes.iter().any(|earlier| earlier.decision == Decision::Keep);
        if decision == Decision::Remove && !has_kept {
            warn_if_nothing(guided, frame, index, &shares);
        }
        strokes.push(Stroke {
            decision,
            points: shares
                .iter()
                .map(|(x, y)| ((x * f64::from(width)) as f32, (y * f64::from(height)) as f32))
                .collect(),
            radius: hint.radius.map(|radius| (radius.px(photo.0.max(photo.1)) * scale) as f32),
        });
    }
    strokes
}

/// Warns about a removal that begins and ends where nothing is.
fn warn_if_nothing(guided: &mut Guided, frame: &Frame, index: usize, shares: &[(f64, f64)]) {
    let side = guided.matte.side();
    let along = |share: f64| ((share * f64::from(side)) as u32).min(side - 1);
    let is_subject = |&(x, y): &(f64, f64)| guided.matte.values()[(along(y) * side + along(x)) as usize] > SUBJECT;
    if shares.iter().any(is_subject) {
        return;
    }
    if let Some(nearest) = shares.first().and_then(|share| objects::nearest_box(&guided.matte, frame, *share)) {
        guided
            .warnings
            .push(format!("There is nothing to remove at hints[{index}]; the nearest object is at {nearest}."));
    }
}
