//! What went wrong in a call, told apart into what may pass and what stays. Private: a caller sees
//! [`PortError`] and reads the details in its text.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use cutline_core::ports::PortError;

/// Codes that say "later" although their HTTP status says "never": throttles and conflicts that answer with
/// 400, and credentials that their owner is about to replace.
const TRANSIENT_CODES: [&str; 20] = [
    "ConditionalRequestConflict",
    "ExpiredToken",
    "ExpiredTokenException",
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
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// A call that failed, or a record that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    /// The service answered with an error.
    #[error("{operation} was refused: {code} ({status}): {message} [request {request_id}]")]
    Refused { operation: &'static str, code: String, status: u16, message: String, request_id: String },
    /// There was no answer, or none that is of use.
    #[error("{operation} failed: {detail}")]
    Failed { operation: &'static str, detail: String, transient: bool },
    /// A record that this version cannot read, or cannot write.
    #[error("the record {key}: {detail}")]
    Record { key: String, detail: String },
}

impl AwsError {
    /// Whether the same call may succeed later.
    fn is_transient(&self) -> bool {
        match self {
            Self::Refused { code, status, .. } => {
                matches!(*status, 408 | 429 | 500..) || TRANSIENT_CODES.contains(&code.as_str())
            }
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

/// The fault of the call named `operation`.
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
        // Nothing was sent: a request that cannot be built now never can.
        SdkError::ConstructionFailure(_) => failed(false, &error),
        SdkError::DispatchFailure(failure) => failed(!failure.is_user() && !lacks_credentials(&error), &error),
        // A time-out, an answer that broke off, or what a later version of the SDK tells apart.
        _ => failed(true, &error),
    }
    .into()
}

/// Whether there are no credentials at all, which waiting does not change.
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

/// The error and all that caused it, in one line: the SDK's own texts name only the outermost.
fn chain(error: &dyn Error) -> String {
    DisplayErrorContext(error).to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ConnectorError;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;

    use super::*;

    #[test]
    fn credentials_that_are_not_there_stay_away_and_those_that_were_late_may_come() {
        let cases = [
            (CredentialsError::not_loaded("none in the environment"), true),
            (CredentialsError::invalid_configuration("half a key"), true),
            (CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)), false),
        ];
        for (error, stays) in cases {
            let error = SdkError::<GetItemError>::dispatch_failure(ConnectorError::other(error.into(), None));
            let fault = fault("dynamodb:GetItem", error);
            assert_eq!(matches!(fault, PortError::Fail(_)), stays, "{fault}");
        }
    }
}
