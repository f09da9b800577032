//! Converts records to items and back: keys, attributes, sizes.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cutline_core::domain::identity::IdentityKey;
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::job::Job;
use cutline_core::domain::keys::KeyHash;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::ports::PortError;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::AwsError;

/// An item: attributes by name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The name of the sweep's index.
pub(super) const DUE_INDEX: &str = "due";

/// Partitions of the sweep's index. Each takes a thousand writes a second.
const DUE_PARTITIONS: u128 = 8;

/// The largest item, in bytes. DynamoDB's limit is 400 KB; the margin covers how it counts numbers and lists.
const MAX_ITEM_BYTES: usize = 390 * 1024;

/// The prefix of the sort keys of parameter sets.
pub(super) const SET_PREFIX: &str = "set#";

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

    pub(super) fn set(owner: &OwnerId, name: &SetName) -> Self {
        Self { sk: format!("{SET_PREFIX}{name}").into(), ..Self::owner(owner) }
    }

    pub(super) fn attributes(&self) -> Item {
        Item::from([("pk".to_owned(), self.partition()), ("sk".to_owned(), string(&*self.sk))])
    }

    /// The partition key.
    pub(super) fn partition(&self) -> AttributeValue {
        string(&self.pk)
    }

    pub(super) fn fault(&self, detail: impl ToString) -> PortError {
        AwsError::Record { key: format!("{} {}", self.pk, self.sk), detail: detail.to_string() }.into()
    }
}

/// The attributes that a list of parameter sets reads.
#[derive(Debug, Deserialize)]
pub(super) struct SetListItem {
    pub(super) name: SetName,
    pub(super) revision: Revision,
    pub(super) updated_at: Timestamp,
}

/// Reads an entry of the sweep's index: when a job is due, in milliseconds since 1970, and its id.
pub(super) fn due_entry(entry: &Item) -> Result<(i64, JobId), PortError> {
    let text = |name| match entry.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.as_str(),
        _ => "",
    };
    let id = text("pk").strip_prefix("job#").and_then(|id| id.parse().ok());
    match (text("due_at").parse(), id) {
        (Ok(due_at), Some(id)) => Ok((due_at, id)),
        _ => {
            let detail = "not an entry of the index of due jobs".to_owned();
            Err(AwsError::Record { key: text("pk").to_owned(), detail }.into())
        }
    }
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A job as an item, with the attributes for the index and for expiry.
pub(super) fn of_job(job: &Job) -> Result<Item, PortError> {
    let mut item = encode(&PrimaryKey::job(job.id), job)?;
    if let Some(due_at) = job.due_at() {
        item.insert("due".to_owned(), due_partition(job.id));
        item.insert("due_at".to_owned(), number(due_at.as_millisecond()));
    }
    if let Some(expires_at) = job.expires_at {
        item.insert("ttl".to_owned(), number(expires_at.as_second()));
    }
    Ok(item)
}

/// Reads a job from its item. Removes the attributes that the table adds: the job would keep them as unknown ones.
pub(super) fn job_of(id: JobId, mut item: Item) -> Result<Job, PortError> {
    for name in ["pk", "sk", "due", "due_at", "ttl"] {
        item.remove(name);
    }
    decode(&PrimaryKey::job(id), item)
}

/// A job's partition in the sweep's index. The low bits of a UUIDv7 are random.
fn due_partition(id: JobId) -> AttributeValue {
    string(format!("due#{}", id.uuid().as_u128() % DUE_PARTITIONS))
}

/// The partitions of the sweep's index.
pub(super) fn due_partitions() -> impl Iterator<Item = AttributeValue> {
    (0..DUE_PARTITIONS).map(|n| string(format!("due#{n}")))
}

/// A record as an item. Fails if it is too large for one.
pub(super) fn encode(key: &PrimaryKey, record: &impl Serialize) -> Result<Item, PortError> {
    let mut item: Item = serde_dynamo::to_item(record).map_err(|error| key.fault(error))?;
    // A null attribute exists. Leaving it out spares conditions from telling two kinds of "not set" apart.
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key.attributes());
    let size: usize = item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum();
    if size > MAX_ITEM_BYTES {
        return Err(key.fault(format_args!("{size} bytes; an item may have {MAX_ITEM_BYTES}")));
    }
    Ok(item)
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
    use cutline_core::domain::job::ReportId;
    use cutline_core::domain::limits::MAX_PARAMS_BYTES;
    use cutline_core::ports::StoredSet;
    use cutline_core::{FailureCode, Fault, Ids, Policy, SystemIds};

    use super::*;

    fn text<'a>(item: &'a Item, name: &str) -> &'a str {
        match item.get(name) {
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => text,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn stores_a_job_as_attributes_and_indexes_it_until_it_ends() {
        let (now, policy) = (samples::now(), Policy::default());
        let job = samples::job(&samples::owner(), false);
        let item = of_job(&job).expect("encodes");
        assert_eq!(text(&item, "pk"), format!("job#{}", job.id));
        assert_eq!(text(&item, "sk"), "job");
        assert_eq!(text(&item, "version"), "1");
        assert_eq!(text(&item, "owner"), job.owner.as_str());
        assert!(due_partitions().any(|partition| Some(&partition) == item.get("due")));
        assert!(!item.contains_key("ttl") && !item.contains_key("expires_at"), "{item:?}");
        let due_at = job.due_at().expect("due").as_millisecond();
        assert_eq!(due_entry(&item).expect("an entry"), (due_at, job.id));

        let fault = Fault::fail(FailureCode::NoSubject, "none");
        let failed = job.expire(fault.failure().clone(), now, &policy).expect("expires").job;
        let item = of_job(&failed).expect("encodes");
        assert!(!item.contains_key("due") && !item.contains_key("due_at"), "{item:?}");
        assert_eq!(text(&item, "ttl"), failed.expires_at.expect("expires").as_second().to_string());
        assert_eq!(job_of(failed.id, item).expect("decodes"), failed);
    }

    #[test]
    fn stores_a_set_in_its_owners_partition_and_the_largest_fits() {
        let (owner, set) = (samples::owner(), samples::long_set());
        let name: SetName = "Test-Api".parse().expect("a name");
        let stored = StoredSet { name: name.clone(), revision: SystemIds.revision(), updated_at: samples::now(), set };
        let key = PrimaryKey::set(&owner, &name);
        let item = encode(&key, &stored).expect("encodes");
        assert_eq!(text(&item, "pk"), format!("owner#{owner}"));
        assert_eq!(text(&item, "sk"), "set#Test-Api");
        assert_eq!(Some(&revision(&stored.revision).expect("encodes")), item.get("revision"));
        let listed = decode::<SetListItem>(&key, item.clone()).expect("decodes");
        assert_eq!((listed.name, listed.revision, listed.updated_at), (name, stored.revision, stored.updated_at));
        assert_eq!(decode::<StoredSet>(&key, item).expect("decodes"), stored);
        const { assert!(MAX_PARAMS_BYTES < MAX_ITEM_BYTES) };
    }

    #[test]
    fn keeps_exactly_the_attributes_of_a_newer_release() {
        let job = samples::job_of_newer_release();
        assert_eq!(job_of(job.id, of_job(&job).expect("encodes")).expect("decodes"), job);
    }

    #[test]
    fn a_dropped_job_stays_indexed_until_it_is_reported() {
        let job = samples::dropped_job(&samples::owner(), false);
        let fault = Fault::fail(FailureCode::NoSubject, "none");
        let failed = job.expire(fault.failure().clone(), samples::now(), &Policy::default()).expect("expires").job;
        let item = of_job(&failed).expect("encodes");
        assert!(["due", "due_at", "ttl"].iter().all(|name| item.contains_key(*name)), "{item:?}");
        assert_eq!(job_of(failed.id, item).expect("decodes"), failed);
        let reported = failed.report_delivered(&ReportId::manifest()).expect("delivers").job;
        let item = of_job(&reported).expect("encodes");
        assert!(!item.contains_key("due") && !item.contains_key("due_at") && item.contains_key("ttl"), "{item:?}");
    }

    #[test]
    fn jobs_spread_over_every_partition() {
        let jobs = (0..400).map(|_| samples::job(&samples::owner(), false));
        let used: std::collections::HashSet<_> =
            jobs.map(|job| text(&of_job(&job).expect("encodes"), "due").to_owned()).collect();
        assert_eq!(used.len(), due_partitions().count());
    }

    #[test]
    fn rejects_a_record_that_is_too_large_for_an_item() {
        let mut job = samples::job(&samples::owner(), false);
        let message = "x".repeat(MAX_ITEM_BYTES);
        let failure = Fault::fail(FailureCode::Internal, message).failure().clone();
        job = job.expire(failure, samples::now(), &Policy::default()).expect("expires").job;
        assert!(matches!(of_job(&job), Err(PortError::Fail(_))));
    }

    #[test]
    fn an_unreadable_item_is_a_permanent_fault() {
        let job = samples::job(&samples::owner(), false);
        let mut item = of_job(&job).expect("encodes");
        item.insert("state".to_owned(), string("asleep"));
        let error = job_of(job.id, item).expect_err("no such state");
        assert!(matches!(&error, PortError::Fail(_)) && error.to_string().contains(&job.id.to_string()), "{error}");
        assert!(due_entry(&PrimaryKey::owner(&job.owner).attributes()).is_err());
    }
}
