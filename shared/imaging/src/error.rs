//! What can go wrong between the bytes of a photograph and the bytes of a cut-out.

use std::path::PathBuf;

use cutline_core::domain::kind::ImageKind;
use cutline_core::{FailureCode, Fault, OutputFormat};

/// The cause that a library below reported. It is for logs: no message of [`Error`] holds it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A picture was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not of any kind of picture that is known, whatever the file's name says.
    #[error("the file is not a picture of a known kind")]
    UnknownKind,
    /// A rare form of a kind that is read otherwise, for example a lossless or arithmetic-coded JPEG.
    #[error("this form of {} is not read; {remedy}", .kind.name())]
    UnsupportedForm {
        /// The kind.
        kind: ImageKind,
        /// What to do about it, as a part of a sentence.
        remedy: &'static str,
        /// What the decoder said.
        source: Cause,
    },
    /// More pixels than [`crate::Limits::max_pixels`]. Known from the header, before anything is decoded.
    #[error("the picture is {width} x {height} pixels; at most {} megapixels are read", .max_pixels / 1_000_000)]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit.
        max_pixels: u64,
    },
    /// A side longer than [`crate::Limits::max_side`]. Known from the header, before anything is decoded.
    #[error("the picture is {width} x {height} pixels; sides of at most {max_side} pixels are read")]
    SideTooLong {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit.
        max_side: u32,
    },
    /// Decoding would need more memory than [`crate::Limits::max_alloc`].
    #[error("the picture needs more memory to decode than is allowed")]
    TooMuchMemory,
    /// The file ends early or contradicts itself.
    #[error("the {} file is damaged or incomplete", .kind.name())]
    Damaged {
        /// The kind.
        kind: ImageKind,
        /// What the decoder said.
        source: Cause,
    },
    /// There is nothing in the picture that stands out from its background.
    #[error("no subject was found in the picture")]
    NoSubject,
    /// Two pictures that belong together differ in size: a fault of Cutline's own.
    #[error("{0} differ in size")]
    SizeMismatch(
        /// The two pictures.
        &'static str,
    ),
    /// A parameter set names a picture for the background, and its file was not passed in.
    #[error("the file of the background's image is missing")]
    NoBackdrop,
    /// Mode params without a parameter set.
    #[error("mode params needs a parameter set")]
    NoSet,
    /// The picture that is to stand behind the subject has a fault.
    #[error("the background's image: {0}")]
    Backdrop(#[source] Box<Self>),
    /// The format cannot hold a picture of this size.
    #[error("a picture of {width} x {height} pixels does not fit into {}, which holds {max_side} a side", .format.extension())]
    TooLargeForFormat {
        /// The format.
        format: OutputFormat,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The format's longest side in pixels.
        max_side: u32,
    },
    /// The picture could not be encoded.
    #[error("the picture could not be written as {}", .format.extension())]
    Encode {
        /// The format.
        format: OutputFormat,
        /// What the encoder said.
        source: Cause,
    },
    /// A model's file is missing, of the wrong size, or not that model.
    #[error("the model {} cannot be loaded", .path.display())]
    Model {
        /// Where the file was looked for.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// A model did not run, or gave something else than a matte.
    #[error("the model {model} failed")]
    Inference {
        /// The model's name.
        model: String,
        /// Why.
        source: Cause,
    },
    /// No further thread could be started.
    #[error("no thread could be started")]
    Thread(#[source] std::io::Error),
    /// A picture could not be resampled.
    #[error("the picture could not be resampled")]
    Resample(#[source] Cause),
}

/// What a caller is told of a fault that is not the picture's. The log says more.
const UNPROCESSED: &str = "the picture could not be processed";

impl From<Error> for Fault {
    /// The same bytes, mode and format would fail in the same way again, so every fault but those of the
    /// machine is final.
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Backdrop(error) => return Self::from(*error).about("the background's image"),
            error => error,
        };
        let code = match &error {
            Error::UnknownKind | Error::UnsupportedForm { .. } => FailureCode::UnsupportedSource,
            Error::TooManyPixels { .. }
            | Error::SideTooLong { .. }
            | Error::TooMuchMemory
            | Error::TooLargeForFormat { .. } => FailureCode::ImageTooLarge,
            Error::Damaged { .. } => FailureCode::InvalidImage,
            Error::NoSubject => FailureCode::NoSubject,
            Error::NoSet => FailureCode::Internal,
            Error::Encode { .. }
            | Error::Resample(_)
            | Error::SizeMismatch(_)
            | Error::NoBackdrop
            | Error::Backdrop(_) => {
                return Self::fail(FailureCode::Internal, UNPROCESSED);
            }
            Error::Model { .. } | Error::Inference { .. } | Error::Thread(_) => {
                return Self::retry(FailureCode::Internal, UNPROCESSED);
            }
        };
        Self::fail(code, error.to_string())
    }
}
