//! Why a photograph's own shadow cannot be kept, or its backdrop not be whitened.

use std::fmt;

/// The photograph does not show a studio sweep, so its shadow cannot be separated from the background. Each message is a
/// sentence for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoStudioSweep {
    /// Matte and photograph differ in size.
    SizeMismatch,
    /// Too little background is visible around the subject.
    TooLittleBackground,
    /// The background is too dark.
    TooDark,
    /// The background has a texture.
    Textured,
    /// The brightness of the background is not that of one smooth surface.
    NotSmooth,
    /// There is something dark that is not connected with the subject.
    OtherObjects,
}

impl NoStudioSweep {
    /// The reason, as a clause.
    const fn reason(self) -> &'static str {
        match self {
            Self::SizeMismatch => "the matte has another size than the photograph",
            Self::TooLittleBackground => "too little of the background is visible around the subject",
            Self::TooDark => "the background is too dark to show a shadow",
            Self::Textured => "the background is textured",
            Self::NotSmooth => "the background is not one smooth surface",
            Self::OtherObjects => "the picture shows something else than the subject and its shadow",
        }
    }
}

impl fmt::Display for NoStudioSweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The photograph's own shadow cannot be kept: {}.", self.reason())
    }
}

/// The backdrop of a photograph cannot become white. Each message is a sentence for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWhitened {
    /// It is no studio sweep.
    NoSweep(NoStudioSweep),
    /// White would take more exposure than the subject bears.
    TooDark,
    /// It has a color.
    Colored,
    /// The photograph is transparent there, and has no backdrop.
    Transparent,
}

impl NotWhitened {
    /// The reason, as a clause.
    const fn reason(self) -> &'static str {
        match self {
            Self::NoSweep(reason) => reason.reason(),
            Self::TooDark => "it is too dark, and would need more than four times the light",
            Self::Colored => "it has a color",
            Self::Transparent => "it is transparent",
        }
    }
}

impl fmt::Display for NotWhitened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The backdrop was not whitened: {}. The picture shows it as it is.", self.reason())
    }
}
