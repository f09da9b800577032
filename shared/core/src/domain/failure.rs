//! How a job can fail, and whether trying again may help.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stable codes of a failed job. They are part of the public contract: a code is never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The source answered with an error, or could not be connected to.
    SourceUnreachable,
    /// The source took longer than the fetch may take.
    SourceTimeout,
    /// The source's address is not on the public internet.
    SourceForbidden,
    /// The source is larger than the limit, in bytes.
    SourceTooLarge,
    /// The source is not a kind of picture that is read.
    UnsupportedSource,
    /// The source is a picture of a known kind, and damaged.
    InvalidImage,
    /// The picture has more pixels than the limit.
    ImageTooLarge,
    /// There is no subject in the picture.
    NoSubject,
    /// Storage did not answer in any of the attempts.
    StorageUnavailable,
    /// Every attempt was interrupted before its end.
    Interrupted,
    /// The job was never processed within the time it may wait.
    TimedOut,
    /// A fault of Cutline's own.
    Internal,
}

impl FailureCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::SourceUnreachable,
        Self::SourceTimeout,
        Self::SourceForbidden,
        Self::SourceTooLarge,
        Self::UnsupportedSource,
        Self::InvalidImage,
        Self::ImageTooLarge,
        Self::NoSubject,
        Self::StorageUnavailable,
        Self::Interrupted,
        Self::TimedOut,
        Self::Internal,
    ];

    /// The code as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SourceUnreachable => "source_unreachable",
            Self::SourceTimeout => "source_timeout",
            Self::SourceForbidden => "source_forbidden",
            Self::SourceTooLarge => "source_too_large",
            Self::UnsupportedSource => "unsupported_source",
            Self::InvalidImage => "invalid_image",
            Self::ImageTooLarge => "image_too_large",
            Self::NoSubject => "no_subject",
            Self::StorageUnavailable => "storage_unavailable",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed_out",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a job failed, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// What happened and what to do about it. Never holds internals.
    pub message: String,
    /// Whether the same request, sent again later, may succeed.
    pub retryable: bool,
}

/// What a stage of a job reports when it cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another attempt may succeed: a time-out, a throttle, a source's 5xx.
    #[error("{}: {}", .0.code, .0.message)]
    Retry(Failure),
    /// No attempt can succeed: a damaged picture, a source's 404.
    #[error("{}: {}", .0.code, .0.message)]
    Fail(Failure),
}

impl Fault {
    /// A fault that another attempt may not have.
    pub fn retry(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Retry(Failure { code, message: message.into(), retryable: true })
    }

    /// A fault that every attempt would have.
    pub fn fail(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Fail(Failure { code, message: message.into(), retryable: false })
    }

    /// The same fault, with what it is about in front of its message.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        let (Self::Retry(failure) | Self::Fail(failure)) = &mut self;
        failure.message = format!("{what}: {}", failure.message);
        self
    }

    /// What the caller is told when this fault ends the job.
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Retry(failure) | Self::Fail(failure) => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_in_json_and_as_text() {
        for code in FailureCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("serialises"), code.as_str());
        }
    }
}
