//! Faults of AWS calls, classified as transient or permanent. Callers see a [`PortError`] with the details in its text.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use cutline_core::ports::PortError;

/// Error codes that are transient whatever their HTTP status: throttles, conflicts, expired credentials, which are
/// about to be replaced, and faults that S3 reports with status 200.
const TRANSIENT_CODES: [&str; 22] = [
    "ConditionalRequestConflict",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "KmsThrottled",
    "KMS.ThrottlingException",
    "LimitExceededException",
    "OperationAborted",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// A failed call or an unreadable record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    /// The service answered with an error.
    #[error("{operation} refused: {code} ({status}): {message} [request {request_id}]")]
    Refused { operation: &'static str, code: String, status: u16, message: String, request_id: String },
    /// There was no answer, or no usable one.
    #[error("{operation} failed: {detail}")]
    Failed { operation: &'static str, detail: String, transient: bool },
    /// This version cannot read or write a record.
    #[error("invalid record {key}: {detail}")]
    Record { key: String, detail: String },
}

impl AwsError {
    /// Whether the same call may succeed later.
    fn is_transient(&self) -> bool {
        match self {
            Self::Refused { code, status, .. } => matches!(*status, 408 | 429 | 500..) || is_transient(code),
            Self::Failed { transient, .. } => *transient,
            Self::Record { .. } => false,
        }
    }
}

impl From<AwsError> for PortError {
    fn from(error: AwsError) -> Self {
        if error.is_transient() { Self::retry(error) } else { Self::fail(error) }
    }
}

/// Whether a call that failed with this code may succeed later, whatever its HTTP status.
pub(crate) fn is_transient(code: &str) -> bool {
    TRANSIENT_CODES.contains(&code)
}

/// Whether a conditional write failed because its condition did not hold.
pub(crate) fn is_condition_failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

/// The fault of a failed call of `operation`.
pub(crate) fn fault<E>(operation: &'static str, error: SdkError<E>) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let failed = |transient, detail: &dyn Error| AwsError::Failed { operation, detail: chain(detail), transient };
    match &error {
        SdkError::ServiceError(refused) => AwsError::Refused {
            operation,
            code: refused.err().code().unwrap_or("unknown").to_owned(),
            status: refused.raw().status().as_u16(),
            message: refused.err().message().unwrap_or_default().to_owned(),
            request_id: error.request_id().unwrap_or("unknown").to_owned(),
        },
        // Nothing was sent. A request that cannot be built is permanent.
        SdkError::ConstructionFailure(_) => failed(false, &error),
        SdkError::DispatchFailure(failure) => failed(!failure.is_user() && !lacks_credentials(&error), &error),
        // A timeout, a truncated answer, or a variant that a later SDK adds.
        _ => failed(true, &error),
    }
    .into()
}

/// Whether no credentials are configured. Waiting does not change that.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            return matches!(
                error,
                CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)
            );
        }
        next = error.source();
    }
    false
}

/// The error with its causes, in one line. The SDK's own texts name only the outermost.
fn chain(error: &dyn Error) -> String {
    DisplayErrorContext(error).to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ConnectorError;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;

    use super::*;

    #[test]
    fn missing_credentials_are_permanent_and_slow_ones_transient() {
        let cases = [
            (CredentialsError::not_loaded("none in the environment"), true),
            (CredentialsError::invalid_configuration("half a key"), true),
            (CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)), false),
        ];
        for (error, permanent) in cases {
            let error = SdkError::<GetItemError>::dispatch_failure(ConnectorError::other(error.into(), None));
            let fault = fault("dynamodb:GetItem", error);
            assert_eq!(matches!(fault, PortError::Fail(_)), permanent, "{fault}");
        }
    }
}
