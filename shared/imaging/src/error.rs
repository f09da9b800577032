//! Why an image could not be decoded, cut out or encoded.
//!
//! Messages go to the caller of the API. They have the form `<what is wrong>: <detail>; <what to do>` and never hold
//! what a library or the operating system reported: that is the `source`, which is for logs.

use std::borrow::Cow;
use std::path::PathBuf;

use cutline_core::domain::foreign_kind::ForeignKind;
use cutline_core::domain::inks::InksNotHeld;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::picture_size::mask_mismatch;
use cutline_core::{FailureCode, Fault, OutputFormat};

/// The underlying error of a library or of the operating system, for logs.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the pipeline produced no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The content matches no supported kind of image. The file's name is not considered.
    #[error("unknown image format: the content is not a supported kind of image; send a {}", ImageKind::listed("or"))]
    UnknownKind,
    /// The content is of a kind that is recognized and not supported, for example JPEG XL.
    #[error("unsupported image format: {}", .0.refusal())]
    ForeignKind(
        /// The kind.
        ForeignKind,
    ),
    /// The source is HEIC, and the program was built without a decoder for it.
    #[error("{}", ImageKind::Heic.undecodable())]
    NoHeicDecoder,
    /// The file uses a feature of its format that is not supported, for example lossless JPEG.
    #[error("unsupported {}: {feature}; {remedy}", .kind.name())]
    UnsupportedFeature {
        /// The file's format.
        kind: ImageKind,
        /// The feature, as a noun phrase: "32 bits per channel".
        feature: Cow<'static, str>,
        /// The remedy for the user, in the imperative.
        remedy: &'static str,
        /// The decoder's error, if the decoder refused the file.
        source: Option<Cause>,
    },
    /// More pixels than [`crate::Limits::max_pixels`], by the header. Nothing was decoded.
    #[error(
        "image too large: {width} x {height} pixels exceed the limit of {} megapixels; scale it down",
        .max_pixels / 1_000_000
    )]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit in pixels.
        max_pixels: u64,
    },
    /// A side longer than [`crate::Limits::max_side`], by the header. Nothing was decoded.
    #[error("image too large: {width} x {height} pixels exceed the limit of {max_side} pixels per side; scale it down")]
    SideTooLong {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit in pixels.
        max_side: u32,
    },
    /// Decoding would take more memory than [`crate::Limits::max_alloc`].
    #[error("image too large: decoding it needs more memory than allowed; reduce its size or its bit depth")]
    TooMuchMemory,
    /// The file ends before its image does.
    #[error("truncated {}: the file ends early; send the complete file", .kind.name())]
    Truncated {
        /// The file's format.
        kind: ImageKind,
        /// The decoder's error, if the decoder noticed.
        source: Option<Cause>,
    },
    /// The file contradicts its format or itself.
    #[error("{}", .kind.damaged(.problem))]
    Damaged {
        /// The file's format.
        kind: ImageKind,
        /// The problem, as a clause: "the frame lies outside the canvas".
        problem: Cow<'static, str>,
        /// The decoder's error, if the decoder noticed.
        source: Option<Cause>,
    },
    /// A decoder panicked, which happens only with damaged files.
    #[error("{}", .kind.damaged("the decoder could not handle it"))]
    DecoderPanicked {
        /// The file's format.
        kind: ImageKind,
    },
    /// Nothing in the image stands out from its background.
    #[error("no subject found: nothing stands out from the background; send an image with a clear subject")]
    NoSubject,
    /// No point of `keep` is on an object.
    #[error("no subject found: the keep points are on no object: no object at {place}; correct the points")]
    NoObjectAt {
        /// The first of the points, and the object nearest to it.
        place: String,
    },
    /// The image has no transparency, and `mask_source` asks for it.
    #[error(
        "no transparency: the image has none, and mask_source=alpha cuts by it; save it with transparency, or send another \
         mask_source"
    )]
    NoAlpha,
    /// The file has no path, and `mask_source` asks for one.
    #[error(
        "no path: the file has neither a clipping path nor a named one, and mask_source=path cuts along it; save it with a \
         path as JPEG, TIFF or PSD, or send another mask_source"
    )]
    NoPath,
    /// The file of the mask was not passed in.
    #[error("missing mask: mask_source=file cuts by one, and none was passed in")]
    NoMask,
    /// The mask has another size than the image.
    #[error("{}", mask_mismatch((.mask.0, .mask.1), (.picture.0, .picture.1)))]
    MaskMismatch {
        /// Width and height of the mask in pixels.
        mask: (u32, u32),
        /// Width and height of the upright image in pixels.
        picture: (u32, u32),
    },
    /// The file of the mask was refused.
    #[error("the mask: {0}")]
    Mask(#[source] Box<Self>),
    /// The clean plate has another size than the image.
    #[error(
        "clean plate of another size: it has {} x {} pixels, and the image {} x {}; send both as the camera took them, from \
         the same place and turned alike",
        .plate.0, .plate.1, .picture.0, .picture.1
    )]
    PlateMismatch {
        /// Width and height of the upright plate in pixels.
        plate: (u32, u32),
        /// Width and height of the upright image in pixels.
        picture: (u32, u32),
    },
    /// The file of the clean plate was refused.
    #[error("the clean plate: {0}")]
    Plate(#[source] Box<Self>),
    /// The mask that the caller brings leaves nothing of the image.
    #[error("no subject found: {mask} leaves nothing of the image; correct it, or send another mask_source")]
    EmptyMask {
        /// The mask, as a noun phrase.
        mask: String,
    },
    /// A cut cannot be made again from evidence about another part of the photograph.
    #[error("other part of the photograph: the networks have not seen the new roi; make the cut again")]
    OtherPart,
    /// No pixel of the image is in the `roi`.
    #[error("roi outside of the photograph: {roi} has no pixel of its {width} x {height}; correct the roi")]
    RoiOutside {
        /// The box, as requested.
        roi: String,
        /// Width of the image in pixels.
        width: u32,
        /// Height of the image in pixels.
        height: u32,
    },
    /// Two images that belong together differ in size, which is a bug.
    #[error("size mismatch: {0} differ in size")]
    SizeMismatch(
        /// The two images: "photo and matte".
        &'static str,
    ),
    /// The parameter set names an image for the background, and its file was not passed in.
    #[error("missing background: the parameter set's background image was not passed in")]
    NoBackdrop,
    /// A job of mode `params` came without its parameter set.
    #[error("missing parameter set: mode params needs one; name a set or send it with the request")]
    NoSet,
    /// The image to be placed behind the subject was refused.
    #[error("the background's image: {0}")]
    Backdrop(#[source] Box<Self>),
    /// The output format cannot hold an image of this size.
    #[error(
        "image too large: {width} x {height} pixels exceed the {max_side} pixels per side of {}; \
         choose another format or scale it down",
        .format.extension()
    )]
    TooLargeForFormat {
        /// The output format.
        format: OutputFormat,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The format's longest side in pixels.
        max_side: u32,
    },
    /// An encoder failed.
    #[error("encoding failed: the image could not be written as {}", .format.extension())]
    Encode {
        /// The output format.
        format: OutputFormat,
        /// The encoder's error.
        source: Cause,
    },
    /// The original was asked for in a mode that makes no clipping path for it.
    #[error("missing clipping path: output_format original inserts one; use mode clipping")]
    OriginalWithoutPath,
    /// The original was asked for with a crop, which would change its pixels.
    #[error("the original cannot be cropped: output_format original keeps every pixel; leave crop out")]
    OriginalCropped,
    /// The original was asked for without its metadata, or with a part of them.
    #[error(
        "the original keeps all of its metadata: output_format original changes nothing but the path; leave keep_metadata out"
    )]
    OriginalStripped,
    /// A picture whose backdrop becomes white was asked for in more than 8-bit sRGB, in which whitening is done.
    #[error(
        "the variation framed cannot be whitened with this depth or color: whitening is done in 8-bit sRGB; send depth=8 and \
         color=srgb, or use a set without framed.whiten"
    )]
    WhitenedNative,
    /// The inks of a CMYK photograph are to be kept, and a picture does not hold them.
    #[error("CMYK with color=keep: {0}; {remedy}", remedy = .0.remedy())]
    InksNotHeld(InksNotHeld),
    /// A path could not be written into the original file.
    #[error("inserting failed: the path could not be written into the {}", .kind.name())]
    Insertion {
        /// The file's format.
        kind: ImageKind,
        /// Why it failed.
        source: Cause,
    },
    /// A model's file is missing, has the wrong size, or holds another model.
    #[error("cannot load model: {}", .path.display())]
    Model {
        /// The path that was tried.
        path: PathBuf,
        /// Why it failed.
        source: Cause,
    },
    /// A model did not run, or returned something other than a matte.
    #[error("inference failed: model {model}")]
    Inference {
        /// The model's name.
        model: String,
        /// Why it failed.
        source: Cause,
    },
    /// The operating system started no further thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// An image or a matte could not be resampled.
    #[error("resampling failed")]
    Resample(#[source] Cause),
}

impl Error {
    /// A feature that our own checks found, with what the user can do about it.
    pub(crate) fn unsupported(kind: ImageKind, feature: impl Into<Cow<'static, str>>, remedy: &'static str) -> Self {
        Self::UnsupportedFeature { kind, feature: feature.into(), remedy, source: None }
    }

    /// The error for content of an unsupported kind.
    pub(crate) fn unknown_kind(bytes: &[u8]) -> Self {
        ForeignKind::sniff(bytes).map_or(Self::UnknownKind, Self::ForeignKind)
    }

    /// A problem that our own checks found.
    pub(crate) fn damaged(kind: ImageKind, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged { kind, problem: problem.into(), source: None }
    }

    /// A file that, by our own checks, ends early.
    pub(crate) fn truncated(kind: ImageKind) -> Self {
        Self::Truncated { kind, source: None }
    }

    /// A problem that a decoder reported. Its words stay out of the message.
    pub(crate) fn undecodable(kind: ImageKind, source: impl Into<Cause>) -> Self {
        Self::Damaged { kind, problem: "it cannot be decoded".into(), source: Some(source.into()) }
    }

    /// The same error about a file of another kind, for kinds that share a reader.
    #[must_use]
    pub(crate) fn of_kind(mut self, other: ImageKind) -> Self {
        if let Self::UnsupportedFeature { kind, .. } | Self::Truncated { kind, .. } | Self::Damaged { kind, .. } =
            &mut self
        {
            *kind = other;
        }
        self
    }

    /// Why nothing of the photograph is in the cut, as a sentence for the reviewer of the empty draft. `None` for every
    /// other error.
    pub(crate) fn emptiness(&self) -> Option<String> {
        match self {
            Self::NoSubject => Some("No subject was found: nothing stands out from the background.".to_owned()),
            Self::NoObjectAt { place } => Some(format!("The keep points are on no object: no object at {place}.")),
            Self::EmptyMask { mask } => Some(format!("No subject is left: {mask} leaves nothing of the photograph.")),
            _ => None,
        }
    }

    /// The same error with the decoder's own as its source, where the variant has one.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        if let Self::UnsupportedFeature { source, .. } | Self::Truncated { source, .. } | Self::Damaged { source, .. } =
            &mut self
        {
            *source = Some(cause.into());
        }
        self
    }
}

/// The message for faults that are not the image's. The log has the details.
const INTERNAL: &str = "the picture could not be processed";

impl From<Error> for Fault {
    /// The same bytes, mode and format always fail in the same way, so only faults of the machine are retried.
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Backdrop(error) => return Self::from(*error).about("the background's image"),
            Error::Mask(error) => return Self::from(*error).about("the mask"),
            Error::Plate(error) => return Self::from(*error).about("the clean plate"),
            Error::Encode { .. }
            | Error::Insertion { .. }
            | Error::Resample(_)
            | Error::SizeMismatch(_)
            | Error::NoBackdrop
            | Error::NoMask
            | Error::OtherPart => {
                return Self::fail(FailureCode::Internal, INTERNAL);
            }
            Error::Model { .. } | Error::Inference { .. } | Error::Thread(_) => {
                return Self::retry(FailureCode::Internal, INTERNAL);
            }
            Error::UnknownKind
            | Error::ForeignKind(_)
            | Error::NoHeicDecoder
            | Error::UnsupportedFeature { .. }
            | Error::InksNotHeld(_)
            | Error::WhitenedNative => FailureCode::UnsupportedSource,
            Error::TooManyPixels { .. }
            | Error::SideTooLong { .. }
            | Error::TooMuchMemory
            | Error::TooLargeForFormat { .. } => FailureCode::ImageTooLarge,
            Error::Truncated { .. }
            | Error::Damaged { .. }
            | Error::DecoderPanicked { .. }
            | Error::PlateMismatch { .. } => FailureCode::InvalidImage,
            Error::NoSubject | Error::NoObjectAt { .. } | Error::EmptyMask { .. } => FailureCode::NoSubject,
            Error::NoAlpha | Error::NoPath => FailureCode::MaskMissing,
            Error::MaskMismatch { .. } => FailureCode::MaskMismatch,
            Error::RoiOutside { .. } => FailureCode::RoiOutside,
            Error::NoSet | Error::OriginalWithoutPath | Error::OriginalCropped | Error::OriginalStripped => {
                FailureCode::Internal
            }
        };
        Self::fail(code, error.to_string())
    }
}
