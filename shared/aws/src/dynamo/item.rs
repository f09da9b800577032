//! Converts records to items and back: keys, attributes, sizes.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cutline_core::domain::audit::AuditId;
use cutline_core::domain::identity::IdentityKey;
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::keys::KeyHash;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::domain::upload::{Upload, UploadKey};
use cutline_core::domain::usage::Month;
use cutline_core::ports::PortError;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::AwsError;

/// An item: attributes by name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The largest item, in bytes. DynamoDB's limit is 400 KB; the margin covers how it counts numbers and lists.
const MAX_ITEM_BYTES: usize = 390 * 1024;

/// The prefix of the sort keys of parameter sets.
pub(super) const SET_PREFIX: &str = "set#";

/// The prefix of the sort keys of audit entries.
pub(super) const AUDIT_PREFIX: &str = "audit#";

/// Greater than every id: ids consist of hexadecimal digits and hyphens.
const AFTER_EVERY_ID: &str = "~";

/// The primary key of an item.
#[derive(Debug, Clone)]
pub(super) struct PrimaryKey {
    pk: String,
    sk: Cow<'static, str>,
}

impl PrimaryKey {
    pub(super) fn job(id: JobId) -> Self {
        Self { pk: format!("job#{id}"), sk: "job".into() }
    }

    pub(super) fn identity(key: &IdentityKey) -> Self {
        let kind = key.kind.as_str();
        Self { pk: format!("{kind}#{}", key.digest), sk: kind.into() }
    }

    pub(super) fn api_key(hash: &KeyHash) -> Self {
        Self { pk: format!("key#{hash}"), sk: "key".into() }
    }

    pub(super) fn owner(id: &OwnerId) -> Self {
        Self { pk: format!("owner#{id}"), sk: "owner".into() }
    }

    /// The secrets that sign an owner's webhooks. Only senders and operators read them.
    pub(super) fn webhook_secrets(owner: &OwnerId) -> Self {
        Self { pk: format!("hook#{owner}"), sk: "hook".into() }
    }

    /// The counter of an owner's requests in the window that begins at this time.
    pub(super) fn rate_counter(owner: &OwnerId, window: Timestamp) -> Self {
        Self { pk: format!("rate#{owner}#{}", window.as_second()), sk: "rate".into() }
    }

    /// An upload of this owner. Under another owner, its key leads nowhere.
    pub(super) fn upload(owner: &OwnerId, key: UploadKey) -> Self {
        Self { pk: format!("upload#{owner}#{key}"), sk: "upload".into() }
    }

    /// The mark of an open upload. Marks of an owner sort by the time of expiry, in milliseconds of 15 digits.
    pub(super) fn open_upload(upload: &Upload) -> Self {
        let sort = format!("{:015}#{}", upload.expires_at().as_millisecond(), upload.key);
        Self { pk: format!("uploads#{}", upload.owner), sk: sort.into() }
    }

    /// Sorts after the marks of uploads that have expired at `now`, and before all others.
    pub(super) fn open_upload_after(now: Timestamp) -> String {
        // The character after `#`, which ends the time.
        format!("{:015}$", now.as_millisecond())
    }

    /// The counts of an owner's jobs that ended in a month.
    pub(super) fn usage(owner: &OwnerId, month: Month) -> Self {
        Self { pk: format!("usage#{owner}#{month}"), sk: "usage".into() }
    }

    /// An entry of an owner's audit log; without an id, the key after all of them.
    pub(super) fn audit_of_owner(owner: &OwnerId, entry: Option<AuditId>) -> Self {
        Self { pk: format!("audit#{owner}"), sk: audit_sort_key(entry).into() }
    }

    /// An entry about a job; without an id, the key after all of them.
    pub(super) fn audit_of_job(job: JobId, entry: Option<AuditId>) -> Self {
        Self { sk: audit_sort_key(entry).into(), ..Self::job(job) }
    }

    pub(super) fn set(owner: &OwnerId, name: &SetName) -> Self {
        Self { sk: format!("{SET_PREFIX}{name}").into(), ..Self::owner(owner) }
    }

    pub(super) fn attributes(&self) -> Item {
        Item::from([("pk".to_owned(), self.partition()), ("sk".to_owned(), self.sort())])
    }

    /// The key of an item that was read.
    pub(super) fn read(pk: String, sk: String) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// Whether the item holds an owner's settings.
    pub(super) fn is_owner(&self) -> bool {
        self.sk == "owner"
    }

    /// The sort key.
    pub(super) fn sort(&self) -> AttributeValue {
        string(&*self.sk)
    }

    /// The partition key.
    pub(super) fn partition(&self) -> AttributeValue {
        string(&self.pk)
    }

    pub(super) fn fault(&self, detail: impl ToString) -> PortError {
        AwsError::Record { key: format!("{} {}", self.pk, self.sk), detail: detail.to_string() }.into()
    }
}

fn audit_sort_key(entry: Option<AuditId>) -> String {
    match entry {
        Some(id) => format!("{AUDIT_PREFIX}{id}"),
        None => format!("{AUDIT_PREFIX}{AFTER_EVERY_ID}"),
    }
}

/// The attributes that a list of parameter sets reads.
#[derive(Debug, Deserialize)]
pub(super) struct SetListItem {
    pub(super) name: SetName,
    pub(super) revision: Revision,
    pub(super) updated_at: Timestamp,
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A record as an item. Fails if it is too large for one.
pub(super) fn encode(key: &PrimaryKey, record: &impl Serialize) -> Result<Item, PortError> {
    let mut item: Item = serde_dynamo::to_item(record).map_err(|error| key.fault(error))?;
    // A null attribute exists. Leaving it out spares conditions from telling two kinds of "not set" apart.
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key.attributes());
    check_size(key, &item)?;
    Ok(item)
}

/// Fails if the item is too large.
pub(super) fn check_size(key: &PrimaryKey, item: &Item) -> Result<(), PortError> {
    let size: usize = item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum();
    if size > MAX_ITEM_BYTES {
        return Err(key.fault(format_args!("{size} bytes; an item may have {MAX_ITEM_BYTES}")));
    }
    Ok(())
}

/// Reads a record from an item.
pub(super) fn decode<T: DeserializeOwned>(key: &PrimaryKey, item: Item) -> Result<T, PortError> {
    serde_dynamo::from_item(item).map_err(|error| key.fault(error))
}

/// A revision as an attribute.
pub(super) fn revision(revision: &Revision) -> Result<AttributeValue, PortError> {
    serde_dynamo::to_attribute_value(revision).map_err(PortError::fail)
}

/// A value's share of its item's size, in bytes, rounded up where DynamoDB documents no exact rule.
fn size_of_value(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len() + 1,
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size_of_value(value)).sum::<usize>(),
        AttributeValue::M(values) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + size_of_value(value)).sum::<usize>()
        }
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        // Booleans and nulls. Records have no sets.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::contract::samples;
    use cutline_core::domain::limits::MAX_PARAMS_BYTES;
    use cutline_core::ports::StoredSet;
    use cutline_core::{Ids, SystemIds};

    use super::*;

    #[test]
    fn stores_a_set_in_its_owners_partition_and_the_largest_fits() {
        let (owner, set) = (samples::owner(), samples::long_set());
        let name: SetName = "Test-Api".parse().expect("a name");
        let stored = StoredSet { name: name.clone(), revision: SystemIds.revision(), updated_at: samples::now(), set };
        let key = PrimaryKey::set(&owner, &name);
        let item = encode(&key, &stored).expect("encodes");
        assert_eq!(item["pk"], string(format!("owner#{owner}")));
        assert_eq!(item["sk"], string("set#Test-Api"));
        assert_eq!(Some(&revision(&stored.revision).expect("encodes")), item.get("revision"));
        let listed = decode::<SetListItem>(&key, item.clone()).expect("decodes");
        assert_eq!((listed.name, listed.revision, listed.updated_at), (name, stored.revision, stored.updated_at));
        assert_eq!(decode::<StoredSet>(&key, item).expect("decodes"), stored);
        const { assert!(MAX_PARAMS_BYTES < MAX_ITEM_BYTES) };
    }

    #[test]
    fn rejects_a_record_that_is_too_large_for_an_item() {
        let key = PrimaryKey::owner(&samples::owner());
        let item = |bytes| Item::from([("text".to_owned(), string("x".repeat(bytes)))]);
        assert!(check_size(&key, &item(MAX_ITEM_BYTES - 5)).is_ok());
        assert!(matches!(check_size(&key, &item(MAX_ITEM_BYTES)), Err(PortError::Fail(_))));
    }
}
