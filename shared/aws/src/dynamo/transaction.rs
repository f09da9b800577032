//! Writes of records and of their owner's credits, all or nothing.

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use cutline_core::ports::{CreateError, PortError};

use super::table::DynamoTable;
use crate::error::{AwsError, fault};

const OPERATION: &str = "dynamodb:TransactWriteItems";

// Cancellation reasons, one per item of the transaction.
/// Nothing is wrong with this item.
const NONE: &str = "None";
const CONDITION: &str = "ConditionalCheckFailed";
/// Reasons that a retry may resolve.
const TRANSIENT: [&str; 3] = ["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"];

/// The outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransactionOutcome {
    /// Every change is made.
    Committed,
    /// Nothing is changed: a record's condition failed.
    RecordRefused,
    /// Nothing is changed: the owner's condition failed, and no record's did.
    OwnerRefused,
}

impl TransactionOutcome {
    /// The outcome of a transaction that creates a job and debits its owner.
    pub(super) fn created(self) -> Result<(), CreateError> {
        match self {
            Self::Committed => Ok(()),
            Self::RecordRefused => Err(CreateError::Exists),
            Self::OwnerRefused => Err(CreateError::InsufficientCredits),
        }
    }
}

impl DynamoTable {
    /// Puts the records and changes the owner, all or nothing. The SDK's retries carry the same token, so a lost
    /// answer cannot apply the transaction twice.
    pub(super) async fn transact(
        &self,
        records: impl IntoIterator<Item = Put>,
        owner: Option<Update>,
    ) -> Result<TransactionOutcome, PortError> {
        let records = records.into_iter().map(|put| TransactWriteItem::builder().put(put).build());
        let mut items: Vec<_> = records.collect();
        let count = items.len();
        items.extend(owner.map(|update| TransactWriteItem::builder().update(update).build()));
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let error = match request.send().await {
            Ok(_) => return Ok(TransactionOutcome::Committed),
            Err(error) => error,
        };
        let reasons = error.as_service_error().map(reasons).unwrap_or_default();
        match reasons.split_at_checked(count) {
            Some((records, _)) if records.contains(&CONDITION) => Ok(TransactionOutcome::RecordRefused),
            Some((records, [CONDITION])) if records.iter().all(|reason| *reason == NONE) => {
                Ok(TransactionOutcome::OwnerRefused)
            }
            Some(_) if !reasons.is_empty() => Err(cancelled(&reasons)),
            _ => Err(fault(OPERATION, error)),
        }
    }
}

/// Why the transaction was cancelled, item by item; empty if it failed otherwise.
fn reasons(error: &TransactWriteItemsError) -> Vec<&str> {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or(NONE)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a retry may succeed: some reason is transient, and none is permanent. A failed condition next to a
/// conflict counts as transient, for the conflict may be with an earlier attempt of this same transaction.
fn is_transient(reasons: &[&str]) -> bool {
    let may_pass = |reason: &&str| TRANSIENT.contains(reason) || [NONE, CONDITION].contains(reason);
    reasons.iter().any(|reason| TRANSIENT.contains(reason)) && reasons.iter().all(may_pass)
}

fn cancelled(reasons: &[&str]) -> PortError {
    let detail = format!("transaction cancelled: {}", reasons.join(", "));
    AwsError::Failed { operation: OPERATION, detail, transient: is_transient(reasons) }.into()
}

/// Makes the SDK retry a transaction that conflicted with another, as it does with plain writes. Otherwise, one of two
/// simultaneous uploads of an owner could end in a 503.
#[derive(Debug)]
pub(crate) struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error(),
            Some(Ok(_)) | None => None,
        };
        match error.and_then(|error| error.downcast_ref::<TransactWriteItemsError>()).map(reasons) {
            Some(reasons) if is_transient(&reasons) => RetryAction::transient_error(),
            Some(_) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_only_if_every_reason_may_pass() {
        assert!(is_transient(&[NONE, "TransactionConflict"]));
        assert!(is_transient(&["ThrottlingError", NONE]));
        assert!(is_transient(&["TransactionConflict", CONDITION]));
        assert!(!is_transient(&[NONE, NONE]));
        assert!(!is_transient(&[NONE, "ValidationError"]));
        assert!(!is_transient(&["TransactionConflict", "ValidationError"]));
        assert!(!is_transient(&[]));
    }
}
