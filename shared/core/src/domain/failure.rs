//! How a job or a drop can fail, and whether trying again may help.
//!
//! Codes are part of the public contract and never renamed. [`CodeInfo`] describes each, and the tables of the
//! documentation are checked against it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a job failed, as a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The source answered with an error, or no connection could be made.
    SourceUnreachable,
    /// The source took longer than a fetch may take.
    SourceTimeout,
    /// The source's address is not on the public internet.
    SourceForbidden,
    /// The source has more bytes than [`MAX_SOURCE_BYTES`](super::limits::MAX_SOURCE_BYTES), or a fetched mask more than
    /// [`MAX_MASK_BYTES`](super::limits::MAX_MASK_BYTES).
    SourceTooLarge,
    /// The directly uploaded source is no longer the one that the job was accepted with.
    SourceChanged,
    /// The source is not a supported kind of picture.
    UnsupportedSource,
    /// The source is a picture of a supported kind, but damaged.
    InvalidImage,
    /// The picture has more pixels than allowed, or than the output format can hold.
    ImageTooLarge,
    /// The picture has no subject.
    NoSubject,
    /// The request's `roi` has no pixel of the picture.
    RoiOutside,
    /// The picture does not have what the request's `mask_source` names.
    MaskMissing,
    /// The mask that the request brings does not have the picture's size.
    MaskMismatch,
    /// The storage did not answer in any attempt.
    StorageUnavailable,
    /// Every attempt was interrupted before its end.
    Interrupted,
    /// Every attempt took longer than a picture may.
    TooSlow,
    /// The picture needed more memory than pictures of its size do.
    OutOfMemory,
    /// The image worker crashed in every attempt.
    WorkerCrashed,
    /// The job waited too long to be processed.
    TimedOut,
    /// A reviewer rejected the pictures.
    Rejected,
    /// Nobody approved or rejected the pictures in time.
    ReviewExpired,
    /// A fault of Cutline's own.
    Internal,
}

/// Why a drop was refused, as a stable code. Two codes are also codes of a failed job, for the same causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropRefusalCode {
    /// The first folder names no known owner.
    UnknownOwner,
    /// The second folder names no parameter set of that owner.
    UnknownSet,
    /// The owner has no credit left.
    InsufficientCredits,
    /// The file does not fit under the cap on the owner's stored bytes.
    StorageFull,
    /// The file exists but may not be read.
    UnreadableSource,
    /// As [`FailureCode::SourceTooLarge`].
    SourceTooLarge,
    /// As [`FailureCode::UnsupportedSource`].
    UnsupportedSource,
    /// The name of a retouched file names no job of the owner.
    UnknownJob,
    /// The job of a retouched file has failed.
    JobFailed,
    /// The photograph of a retouched file is no longer stored.
    SourceExpired,
    /// The job of a retouched file was cut as often as it can be.
    TooManyRevisions,
}

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// It may.
    Yes,
    /// It never does.
    No,
    /// In the cases that the text names. Each failed job says which it was.
    Sometimes(&'static str),
}

/// The facts about a code, as the documentation shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code in JSON.
    pub code: &'static str,
    /// What happened.
    pub cause: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: Retryable,
    /// Whether the job keeps the credit that it cost.
    pub charged: bool,
    /// What the caller can do.
    pub remedy: &'static str,
}

const fn code(code: &'static str, cause: &'static str, retryable: Retryable, remedy: &'static str) -> CodeInfo {
    CodeInfo { code, cause, retryable, charged: false, remedy }
}

impl FailureCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 21] = [
        Self::SourceUnreachable,
        Self::SourceTimeout,
        Self::SourceForbidden,
        Self::SourceTooLarge,
        Self::SourceChanged,
        Self::UnsupportedSource,
        Self::InvalidImage,
        Self::ImageTooLarge,
        Self::NoSubject,
        Self::RoiOutside,
        Self::MaskMissing,
        Self::MaskMismatch,
        Self::StorageUnavailable,
        Self::Interrupted,
        Self::TooSlow,
        Self::OutOfMemory,
        Self::WorkerCrashed,
        Self::TimedOut,
        Self::Rejected,
        Self::ReviewExpired,
        Self::Internal,
    ];

    /// The facts about the code.
    pub const fn info(self) -> CodeInfo {
        use Retryable::{No, Sometimes, Yes};
        match self {
            Self::SourceUnreachable => code(
                "source_unreachable",
                "`file_url`, `mask_url` or the set's image answered with an error, or no connection could be made",
                Sometimes("for 5xx answers and connection faults"),
                "check the URL; a 4xx answer fails at once, everything else is tried three times",
            ),
            Self::SourceTimeout => code(
                "source_timeout",
                "`file_url`, `mask_url` or the set's image took longer than 20 seconds in total",
                Yes,
                "serve the file faster, or upload it",
            ),
            Self::SourceForbidden => code(
                "source_forbidden",
                "`file_url`, `mask_url` or the set's image, or a redirect of it, leads to a private, local or reserved address",
                No,
                "use a public URL",
            ),
            Self::SourceTooLarge => {
                code("source_too_large", "the source exceeds 50 MB, or the mask 10 MB", No, "send a smaller file")
            }
            Self::SourceChanged => code(
                "source_changed",
                "the file of `file_key` was replaced or deleted before it was copied",
                No,
                "upload the file again under a new `file_key`, and leave it alone",
            ),
            Self::UnsupportedSource => code(
                "unsupported_source",
                "the source is not a supported kind of picture, a rare variant of one, or an SVG that is too expensive to draw",
                No,
                "convert it",
            ),
            Self::InvalidImage => code("invalid_image", "the picture is damaged or truncated", No, "export it again"),
            Self::ImageTooLarge => code(
                "image_too_large",
                "the picture exceeds 50 megapixels, 65,535 pixels a side, what the output format can hold (16,383 pixels a \
                 side in WebP, 30,000 in PSD), or with `depth` or `color` the memory of a worker",
                No,
                "scale it down, choose another format, or leave `depth` and `color` out",
            ),
            Self::NoSubject => code(
                "no_subject",
                "nothing stands out from the background, or the mask leaves nothing of the photo; with `review` the job is held instead",
                No,
                "send a photo with a subject, or another mask",
            ),
            Self::RoiOutside => code(
                "roi_outside",
                "`roi` has no pixel of the upright picture",
                No,
                "correct it; a percentage such as `12%` holds for every size",
            ),
            Self::MaskMissing => code(
                "mask_missing",
                "`mask_source` is `alpha` or `path`, and the picture has no transparency or no path",
                No,
                "save the picture with it, or send another `mask_source`",
            ),
            Self::MaskMismatch => code(
                "mask_mismatch",
                "the mask has another size than the upright picture",
                No,
                "scale the mask to the size in the message, and send it again",
            ),
            Self::StorageUnavailable => code(
                "storage_unavailable",
                "the storage did not answer in three attempts",
                Yes,
                "send the request again",
            ),
            Self::Interrupted => code(
                "interrupted",
                "the image worker was killed from outside, stopped responding or did not start: after a restart, or because \
                 the machine ran out of memory",
                Yes,
                "send the request again; give the machine or the process function more memory",
            ),
            Self::TooSlow => code(
                "too_slow",
                "every attempt took longer than five minutes, or longer than the process function may run",
                Yes,
                "send a smaller picture, or give the process function more memory",
            ),
            Self::OutOfMemory => code(
                "out_of_memory",
                "the picture needed more memory than pictures of its size do",
                No,
                "export it again as PNG or JPEG, and report the original",
            ),
            Self::WorkerCrashed => code(
                "worker_crashed",
                "the process that decodes and makes the picture crashed in every attempt",
                Yes,
                "export it again as PNG or JPEG, and report the original",
            ),
            Self::TimedOut => {
                code("timed_out", "the job waited four days without being processed", Yes, "send the request again")
            }
            Self::Rejected => CodeInfo {
                charged: true,
                ..code(
                    "rejected",
                    "a reviewer rejected the pictures; the message says why",
                    No,
                    "send a better photo, or other settings",
                )
            },
            Self::ReviewExpired => CodeInfo {
                charged: true,
                ..code(
                    "review_expired",
                    "nobody approved or rejected the pictures until a day before they expire",
                    Yes,
                    "send the photo again, and decide in time",
                )
            },
            Self::Internal => code(
                "internal",
                "a fault of Cutline or of the machine that runs it",
                Sometimes("where the machine may be the cause"),
                "report it with the job id; the log has details",
            ),
        }
    }

    /// The code in JSON.
    pub const fn as_str(self) -> &'static str {
        self.info().code
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl DropRefusalCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::UnknownOwner,
        Self::UnknownSet,
        Self::InsufficientCredits,
        Self::StorageFull,
        Self::UnreadableSource,
        Self::SourceTooLarge,
        Self::UnsupportedSource,
        Self::UnknownJob,
        Self::JobFailed,
        Self::SourceExpired,
        Self::TooManyRevisions,
    ];

    /// The facts about the code.
    pub const fn info(self) -> CodeInfo {
        use Retryable::{No, Yes};
        match self {
            Self::UnknownOwner => code(
                "unknown_owner",
                "the first folder names an owner without a key or settings",
                No,
                "drop the file again under an owner's name",
            ),
            Self::UnknownSet => code(
                "unknown_set",
                "the second folder names no parameter set of that owner; `choices` lists the existing ones",
                No,
                "drop the file again under a set's name",
            ),
            Self::InsufficientCredits => {
                code("insufficient_credits", "the owner has no credit left", No, "add credits and drop the file again")
            }
            Self::StorageFull => code(
                "storage_full",
                "the file does not fit under the server's cap on the owner's stored bytes",
                Yes,
                "wait until finished jobs expire, or raise the cap; then drop the file again",
            ),
            Self::UnreadableSource => code(
                "unreadable_source",
                "the file exists but may not be read: permissions, encryption or storage class",
                No,
                "make it readable and drop it again",
            ),
            Self::SourceTooLarge => FailureCode::SourceTooLarge.info(),
            Self::UnsupportedSource => FailureCode::UnsupportedSource.info(),
            Self::UnknownJob => code(
                "unknown_job",
                "the name of a retouched file has no job's id, or not that of a job of this owner that still exists",
                No,
                "drop the file again under the name of its job",
            ),
            Self::JobFailed => code(
                "job_failed",
                "the job of a retouched file has failed, so it has no cut to correct",
                No,
                "upload the photo again, with the file as its mask",
            ),
            Self::SourceExpired => code(
                "source_expired",
                "the photo of a retouched file's job is no longer stored",
                No,
                "upload the photo again, with the file as its mask",
            ),
            Self::TooManyRevisions => code(
                "too_many_revisions",
                "the job of a retouched file was cut 50 times",
                No,
                "approve or reject the job, then drop the file again",
            ),
        }
    }

    /// The code in JSON.
    pub const fn as_str(self) -> &'static str {
        self.info().code
    }
}

/// Why a job failed, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// What happened and what to do about it. Never holds internals.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// Why a stage of a job cannot continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another attempt may succeed: a timeout, a throttle, a source's 5xx.
    #[error("{}: {}", .0.code, .0.message)]
    Retry(Failure),
    /// No attempt can succeed: a damaged picture, a source's 404.
    #[error("{}: {}", .0.code, .0.message)]
    Fail(Failure),
}

impl Fault {
    /// A transient fault.
    pub fn retry(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Retry(Failure { code, message: message.into(), retryable: true })
    }

    /// A permanent fault.
    pub fn fail(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Fail(Failure { code, message: message.into(), retryable: false })
    }

    /// The same fault with its subject in front of the message.
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        let (Self::Retry(failure) | Self::Fail(failure)) = &mut self;
        failure.message = format!("{subject}: {}", failure.message);
        self
    }

    /// The failure that the caller sees if this fault ends the job.
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Retry(failure) | Self::Fail(failure) => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::domain::format::OutputFormat;
    use crate::domain::limits::{ALL as LIMITS, Limit, Unit};

    #[test]
    fn a_code_is_the_same_in_records_and_as_text() {
        for code in FailureCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("serializes"), code.as_str());
        }
    }

    #[test]
    fn one_code_has_one_meaning() {
        let drops = DropRefusalCode::ALL.map(DropRefusalCode::info);
        let mut meanings = HashMap::new();
        for info in FailureCode::ALL.map(FailureCode::info).into_iter().chain(drops) {
            assert_eq!(*meanings.entry(info.code).or_insert(info), info);
        }
        let shared = FailureCode::ALL.len() + drops.len() - meanings.len();
        assert_eq!(shared, 2, "a drop shares the codes of a source that a job would refuse");
    }

    #[test]
    fn causes_name_the_limits_that_hold() {
        let shown_of = |subject, unit| {
            let limit = LIMITS.iter().find(|limit| limit.subject == subject && limit.unit == unit);
            limit.map(Limit::to_string).expect("a limit")
        };
        let shown = |unit| shown_of("source", unit);
        let cause = FailureCode::SourceTooLarge.info().cause;
        assert!(cause.contains(&shown(Unit::Bytes)), "{cause}");
        assert!(cause.contains(&shown_of("mask", Unit::Bytes)), "{cause}");
        let cause = FailureCode::ImageTooLarge.info().cause;
        assert!(cause.contains(&shown(Unit::Pixels)) && cause.contains(&shown(Unit::PixelsPerSide)), "{cause}");
        for (format, side) in [(OutputFormat::Webp, "16,383"), (OutputFormat::Psd, "30,000")] {
            assert_eq!(side.replace(',', ""), format.info().max_size.side().to_string());
            assert!(cause.contains(side), "{cause}");
        }
    }
}
