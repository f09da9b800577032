//! A matte while it is steered.

use crate::matte::CoarseMatte;
use crate::regions::select::Decision;

/// A value of the matte above this is subject rather than background.
pub(super) const SUBJECT: f32 = 0.5;

/// A steered matte.
#[derive(Debug, Clone, PartialEq)]
pub struct Guided {
    /// The matte of the frame's part of the photograph.
    pub matte: CoarseMatte,
    /// Settings that could not be followed, each as a sentence for the caller.
    pub warnings: Vec<String>,
}

/// Which pixels of a square matte are decided; the others keep their values.
pub(super) type Decisions = Vec<Option<Decision>>;
