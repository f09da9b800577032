//! One change of a job together with its drop's record and its owner's credits: all are made, or none.

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use cutline_core::ports::PortError;

use super::DynamoTable;
use crate::error::{AwsError, fault};

const OPERATION: &str = "dynamodb:TransactWriteItems";

/// What a reason for cancelling says of the item in the same place; `None` stands for "nothing wrong".
const NONE: &str = "None";
const CONDITION: &str = "ConditionalCheckFailed";
/// Reasons that pass by themselves.
const TRANSIENT: [&str; 3] = ["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"];

/// How the transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All changes are made.
    Made,
    /// None, since a record that was to be put is not as that needs it.
    RecordRefused,
    /// None, since the owner is not as the change needs it. The records are.
    OwnerRefused,
}

impl DynamoTable {
    /// Puts the records and changes the owner, all or nothing. Sent again by the SDK it is the same transaction, by its
    /// token, so a lost answer cannot make it twice.
    pub(super) async fn transact(
        &self,
        records: impl IntoIterator<Item = Put>,
        owner: Option<Update>,
    ) -> Result<Ended, PortError> {
        let records = records.into_iter().map(|put| TransactWriteItem::builder().put(put).build());
        let mut items: Vec<_> = records.collect();
        let count = items.len();
        items.extend(owner.map(|update| TransactWriteItem::builder().update(update).build()));
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let error = match request.send().await {
            Ok(_) => return Ok(Ended::Made),
            Err(error) => error,
        };
        let reasons = error.as_service_error().map(reasons).unwrap_or_default();
        match reasons.split_at_checked(count) {
            Some((records, _)) if records.contains(&CONDITION) => Ok(Ended::RecordRefused),
            Some((records, [CONDITION])) if records.iter().all(|reason| *reason == NONE) => Ok(Ended::OwnerRefused),
            Some(_) if !reasons.is_empty() => Err(cancelled(&reasons)),
            _ => Err(fault(OPERATION, error)),
        }
    }
}

/// Why the transaction was cancelled, item by item; nothing if that is not what happened.
fn reasons(error: &TransactWriteItemsError) -> Vec<&str> {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or(NONE)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether nothing but time is needed for the transaction to go through: some reason passes, and none stays.
/// A refused condition beside a conflict counts as passing, for it may be this very transaction that the
/// conflict is with, sent before and still under way.
fn passes(reasons: &[&str]) -> bool {
    let known = |reason: &&str| TRANSIENT.contains(reason) || [NONE, CONDITION].contains(reason);
    reasons.iter().any(|reason| TRANSIENT.contains(reason)) && reasons.iter().all(known)
}

fn cancelled(reasons: &[&str]) -> PortError {
    let detail = format!("the transaction was cancelled: {}", reasons.join(", "));
    AwsError::Failed { operation: OPERATION, detail, transient: passes(reasons) }.into()
}

/// Has the SDK try a transaction again that another one was in the way of: it does so with plain writes, and
/// two uploads of one owner at the same time are not worth a 503.
#[derive(Debug)]
pub(crate) struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error(),
            Some(Ok(_)) | None => None,
        };
        match error.and_then(|error| error.downcast_ref::<TransactWriteItemsError>()).map(reasons) {
            Some(reasons) if passes(&reasons) => RetryAction::transient_error(),
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
    fn a_transaction_passes_only_if_time_is_all_it_needs() {
        assert!(passes(&[NONE, "TransactionConflict"]));
        assert!(passes(&["ThrottlingError", NONE]));
        assert!(passes(&["TransactionConflict", CONDITION]));
        assert!(!passes(&[NONE, NONE]));
        assert!(!passes(&[NONE, "ValidationError"]));
        assert!(!passes(&["TransactionConflict", "ValidationError"]));
        assert!(!passes(&[]));
    }
}
