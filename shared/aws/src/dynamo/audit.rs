//! The audit log. An entry about a job is stored twice: in the partition of its owner's log, and in that of the job.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::Put;
use cutline_core::domain::audit::{AUDIT_DAYS, AuditEntry, AuditId};
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::ports::{Audit, PortError};
use jiff::{SignedDuration, Timestamp};

use super::item::{AUDIT_PREFIX, Item, PrimaryKey, decode, encode, number, string};
use super::table::DynamoTable;
use super::transaction::TransactionOutcome;
use crate::error::fault;

#[async_trait]
impl Audit for DynamoTable {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        match self.transact(self.audit_puts(entry)?, None).await? {
            TransactionOutcome::Committed => Ok(()),
            // The puts have no condition.
            TransactionOutcome::RecordRefused | TransactionOutcome::OwnerRefused => {
                Err(PortError::fail("an entry of the audit log was refused"))
            }
        }
    }

    async fn list(&self, owner: &OwnerId, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        self.entries(&PrimaryKey::audit_of_owner(owner, before), before.is_some(), limit).await
    }

    async fn of_job(&self, job: JobId, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        self.entries(&PrimaryKey::audit_of_job(job, None), false, limit).await
    }
}

impl DynamoTable {
    /// The writes of an entry, for a transaction.
    pub(super) fn audit_puts(&self, entry: &AuditEntry) -> Result<Vec<Put>, PortError> {
        let of_owner = PrimaryKey::audit_of_owner(&entry.owner, Some(entry.id));
        let of_job = entry.job.map(|job| PrimaryKey::audit_of_job(job, Some(entry.id)));
        let put = |key: PrimaryKey| {
            let item = item(&key, entry)?;
            Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(PortError::fail)
        };
        [of_owner].into_iter().chain(of_job).map(put).collect()
    }

    /// Up to `limit` entries in the partition of `key`, newest first; if `below`, only those with a lower sort key.
    async fn entries(&self, key: &PrimaryKey, below: bool, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        let values = [(":partition", key.partition()), (":first", string(AUDIT_PREFIX)), (":last", key.sort())];
        // The sort keys of entries are between the prefix and the prefix with a character after every id.
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND sk BETWEEN :first AND :last")
            .set_expression_attribute_values(Some(values.map(|(name, value)| (name.to_owned(), value)).into()))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let (mut entries, last) = (Vec::new(), key.sort());
        while entries.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| fault("dynamodb:Query", error))?;
            // The bound itself is the entry that the caller has.
            if below && item.get("sk") == Some(&last) {
                continue;
            }
            entries.push(decode(key, item)?);
        }
        Ok(entries)
    }
}

fn item(key: &PrimaryKey, entry: &AuditEntry) -> Result<Item, PortError> {
    let mut item = encode(key, entry)?;
    let expires = entry.at.checked_add(SignedDuration::from_hours(24 * AUDIT_DAYS)).unwrap_or(Timestamp::MAX);
    item.insert("ttl".to_owned(), number(expires.as_second()));
    Ok(item)
}

#[cfg(test)]
mod tests {
    use cutline_core::contract::samples;
    use cutline_core::domain::audit::{Actor, AuditEvent};
    use cutline_core::{Ids as _, SystemIds};

    use super::*;

    #[test]
    fn an_entry_is_in_no_index_and_expires() {
        let (job, owner) = (SystemIds.job(), samples::owner());
        let event = AuditEvent::job_deleted(job, "done");
        let entry = AuditEntry::new(SystemIds.audit(), samples::now(), owner.clone(), Actor::CommandLine, event);
        for (key, pk) in [
            (PrimaryKey::audit_of_owner(&owner, Some(entry.id)), format!("audit#{owner}")),
            (PrimaryKey::audit_of_job(job, Some(entry.id)), format!("job#{job}")),
        ] {
            let item = item(&key, &entry).expect("encodes");
            assert_eq!((&item["pk"], &item["sk"]), (&string(pk), &string(format!("audit#{}", entry.id))));
            // A string, as the key of the lists' indexes, without the attributes that put it there.
            assert_eq!(item["id"], string(entry.id.to_string()));
            assert!(["by_owner", "by_external_id", "due"].iter().all(|name| !item.contains_key(*name)), "{item:?}");
            let expires = number(entry.at.as_second() + 400 * 86_400);
            assert_eq!(item["ttl"], expires);
            assert_eq!(decode::<AuditEntry>(&key, item).expect("decodes"), entry);
        }
    }
}
