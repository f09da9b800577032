//! Reads the settings that frame the photograph or fix the subject's scale, and checks them against the others.

use serde_json::Value;

use super::document::ParamSet;
use super::framed::Framed;
use super::layout::{Canvas, Vertical};
use super::members::{Cursor, Members};
use crate::domain::crop::{CropMargin, InvalidCropMargin};

/// The settings of variation framed.
pub(super) fn framed(members: &mut Members<'_>) -> Option<Framed> {
    let mut members = members.object("framed")?;
    let usual = Framed::default();
    let framed = Framed {
        margin: crop_margin(&mut members, "margin").unwrap_or(usual.margin),
        aspect: members.text("aspect"),
        whiten: members.switch("whiten").unwrap_or(usual.whiten),
    };
    members.end();
    Some(framed)
}

/// A margin around the subject's box in the photograph.
pub(super) fn crop_margin(members: &mut Members<'_>, name: &'static str) -> Option<CropMargin> {
    let (mut cursor, value): (Cursor<'_>, Value) = members.take(name)?;
    let read = value.as_str().map_or(Err(InvalidCropMargin), str::parse);
    read.map_err(|fault| cursor.fault(format!("This value {fault}."))).ok()
}

/// Checks scale and baseline against the settings that they take the place of.
pub(super) fn check_scale(set: &ParamSet, cursor: &mut Cursor<'_>) {
    if set.scale.is_some() && set.fill.is_some() {
        cursor.inner("scale").fault("This value takes the place of fill; leave one of them out.");
    }
    if set.baseline.is_some() && set.align.y != Vertical::Center {
        cursor.inner("baseline").fault("This value takes the place of align.y; leave one of them out.");
    }
    if leaves_no_room_above(set) {
        cursor.inner("baseline").fault("This value must leave room for the subject below the upper margin.");
    }
}

/// Whether nothing is left between the upper margin and the baseline, as far as that is known without a photograph.
fn leaves_no_room_above(set: &ParamSet) -> bool {
    match (set.baseline, set.margin, set.canvas) {
        (Some(baseline), Some(margin), Some(Canvas::Size { width, height })) => {
            baseline.share() * f64::from(height) <= margin.px(width.min(height).into())
        }
        _ => false,
    }
}
