//! How a caller steers the cut: the networks' matte, changed by the settings of a request before it is refined.
//!
//! The settings apply in this order: `roi`, `keep`, `holes`, `hints`. So a hint has the last word, and nothing outside of
//! the `roi` comes back. Without settings the matte stays as it is, bit by bit.

mod distance;
mod evidence;
mod frame;
mod guided;
mod hints;
mod holes;
mod objects;
mod settle;

use cutline_core::domain::subject::{Holes, Keep, KeepChoice, SubjectSettings};
use image::RgbImage;

use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::regions::RegionTree;
pub(crate) use distance::{UNITS, distance_to, opened};
pub use evidence::{Evidence, InvalidEvidence, regions_file};
pub use frame::Frame;
pub use guided::Guided;

/// Changes `matte`, the networks' answer for `picture`, by the settings. `picture` is the frame's part of the photograph.
/// `tree` divides it; without one, hints have no effect.
///
/// # Errors
/// [`Error::NoObjectAt`] if `keep` names points and none of them is on an object; [`Error::Resample`].
pub fn guide(
    settings: &SubjectSettings,
    frame: &Frame,
    picture: &RgbImage,
    matte: CoarseMatte,
    tree: Option<&RegionTree>,
) -> Result<Guided, Error> {
    let mut guided = Guided { matte, warnings: frame.warnings() };
    frame.clear_outside(&mut guided.matte);
    match &settings.keep {
        None | Some(Keep::Choice(KeepChoice::All)) => {}
        Some(Keep::Choice(KeepChoice::Main)) => objects::keep_main(&mut guided.matte),
        Some(Keep::Points(points)) => objects::keep_at(&mut guided, frame, points)?,
    }
    match settings.holes.unwrap_or_default() {
        Holes::Auto => {}
        Holes::Open => holes::open(&mut guided.matte, picture)?,
        Holes::Keep => holes::fill(&mut guided.matte),
    }
    if let (Some(hints), Some(tree)) = (&settings.hints, tree) {
        hints::apply(&mut guided, frame, (picture, tree), hints.as_slice())?;
        frame.clear_outside(&mut guided.matte);
    }
    Ok(guided)
}
