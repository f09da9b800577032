//! Failures of the processing itself, not of a picture.

use crate::domain::failure::{Failure, FailureCode, Fault};

/// Every attempt ended without a result: the worker was killed each time.
pub(crate) fn interrupted() -> Failure {
    Failure {
        code: FailureCode::Interrupted,
        message: "every attempt to process the picture was interrupted; a very large picture may need more memory"
            .to_owned(),
        retryable: true,
    }
}

/// The job waited longer than a job may.
pub(crate) fn timed_out() -> Failure {
    Failure {
        code: FailureCode::TimedOut,
        message: "the job was not processed within the time limit; send the request again".to_owned(),
        retryable: true,
    }
}

/// What the job needs is no longer stored, and cannot be fetched.
pub(crate) fn source_missing() -> Fault {
    Fault::fail(FailureCode::Internal, "the uploaded file is no longer stored; upload it again")
}

/// One attempt exceeded its time.
pub(super) fn too_slow() -> Fault {
    Fault::retry(FailureCode::TooSlow, "the picture took too long to process; send a smaller one, or try again later")
}

/// The object store did not answer.
pub(crate) fn storage_unavailable() -> Fault {
    Fault::retry(FailureCode::StorageUnavailable, "the storage did not answer; send the request again later")
}
