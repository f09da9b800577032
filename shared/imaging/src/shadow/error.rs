//! Why a photograph's own shadow cannot be kept.

/// The photograph does not show a studio sweep, so its shadow cannot be separated from the background. Each message is a
/// sentence for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoStudioSweep {
    /// Matte and photograph differ in size.
    #[error("The photograph's own shadow cannot be kept: the matte has another size than the photograph.")]
    SizeMismatch,
    /// Too little background is visible around the subject.
    #[error("The photograph's own shadow cannot be kept: too little of the background is visible around the subject.")]
    TooLittleBackground,
    /// The background is too dark.
    #[error("The photograph's own shadow cannot be kept: the background is too dark to show a shadow.")]
    TooDark,
    /// The background has a texture.
    #[error("The photograph's own shadow cannot be kept: the background is textured.")]
    Textured,
    /// The brightness of the background is not that of one smooth surface.
    #[error("The photograph's own shadow cannot be kept: the background is not one smooth surface.")]
    NotSmooth,
    /// There is something dark that is not connected with the subject.
    #[error(
        "The photograph's own shadow cannot be kept: the picture shows something else than the subject and its shadow."
    )]
    OtherObjects,
}
