//! Parameter sets.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::ports::{ParamSets, PortError, Precondition, StoredSet, WriteError};
use jiff::Timestamp;

use super::item::{self, Item, PrimaryKey, SET_PREFIX, SetListItem, encode, string};
use super::table::DynamoTable;
use crate::error::{fault, is_condition_failure};

/// The most operands that DynamoDB takes in one `IN`.
const MAX_OPERANDS: usize = 100;

/// A precondition as a DynamoDB condition.
#[derive(Debug)]
struct SetCondition {
    expression: Option<String>,
    values: Option<Item>,
}

impl SetCondition {
    /// The condition for a change of the item under `key`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if no state of the item can meet the precondition, a permanent fault if it names more
    /// revisions than a condition can hold.
    fn of(precondition: &Precondition, key: &PrimaryKey) -> Result<Self, WriteError> {
        let plain = |text: &str| Self { expression: Some(text.to_owned()), values: None };
        match precondition {
            Precondition::Any => Ok(Self { expression: None, values: None }),
            Precondition::Absent => Ok(plain("attribute_not_exists(pk)")),
            Precondition::Present => Ok(plain("attribute_exists(pk)")),
            Precondition::OneOf(revisions) if revisions.is_empty() => Err(WriteError::Conflict),
            Precondition::OneOf(revisions) if revisions.len() > MAX_OPERANDS => {
                let count = revisions.len();
                Err(key.fault(format_args!("{count} revisions in one condition; at most {MAX_OPERANDS} fit")).into())
            }
            Precondition::OneOf(revisions) => {
                let numbered = revisions.iter().enumerate();
                let values = numbered.map(|(index, one)| Ok((format!(":revision{index}"), item::revision(one)?)));
                let values = values.collect::<Result<Item, PortError>>()?;
                let names = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                Ok(Self { expression: Some(format!("revision IN ({names})")), values: Some(values) })
            }
        }
    }
}

#[async_trait]
impl ParamSets for DynamoTable {
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError> {
        self.read(PrimaryKey::set(owner, name)).await
    }

    async fn list(&self, owner: &OwnerId) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        let owner = PrimaryKey::owner(owner);
        // DynamoDB sorts by the bytes of the sort key, and so by name.
        let mut entries = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :owner AND begins_with(sk, :set)")
            .expression_attribute_values(":owner", owner.partition())
            .expression_attribute_values(":set", string(SET_PREFIX))
            .projection_expression("#name, revision, updated_at")
            // `name` is a reserved word.
            .expression_attribute_names("#name", "name")
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|error| fault("dynamodb:Query", error))?;
            let SetListItem { name, revision, updated_at } = item::decode(&owner, entry)?;
            listed.push((name, revision, updated_at));
        }
        Ok(listed)
    }

    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, WriteError> {
        let key = PrimaryKey::set(owner, &set.name);
        let condition = SetCondition::of(precondition, &key)?;
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&key, set)?))
            .set_condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .return_values(ReturnValue::AllOld);
        match request.send().await {
            Ok(answer) => Ok(answer.attributes.is_some_and(|replaced| !replaced.is_empty())),
            Err(error) if is_condition_failure(&error) => Err(WriteError::Conflict),
            Err(error) => Err(fault("dynamodb:PutItem", error).into()),
        }
    }

    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError> {
        let key = PrimaryKey::set(owner, name);
        let condition = SetCondition::of(precondition, &key)?;
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .set_condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .return_values(ReturnValue::AllOld);
        match request.send().await {
            Ok(answer) => Ok(answer.attributes.is_some_and(|deleted| !deleted.is_empty())),
            Err(error) if is_condition_failure(&error) => Err(WriteError::Conflict),
            Err(error) => Err(fault("dynamodb:DeleteItem", error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::contract::samples;
    use cutline_core::{Ids, SystemIds};

    use super::*;

    #[test]
    fn a_condition_names_every_revision_up_to_dynamodbs_limit() {
        let key = PrimaryKey::owner(&samples::owner());
        let one_of = |count: usize| Precondition::OneOf((0..count).map(|_| SystemIds.revision()).collect());
        let condition = SetCondition::of(&one_of(MAX_OPERANDS), &key).expect("fits");
        let (expression, values) = (condition.expression.expect("a condition"), condition.values.expect("values"));
        assert_eq!(values.len(), MAX_OPERANDS);
        assert!(values.keys().all(|name| expression.contains(name.as_str())), "{expression}");
        assert!(expression.len() < 4096, "DynamoDB's limit");
        assert!(matches!(SetCondition::of(&one_of(0), &key), Err(WriteError::Conflict)));
        let refused = SetCondition::of(&one_of(MAX_OPERANDS + 1), &key);
        assert!(matches!(refused, Err(WriteError::Port(PortError::Fail(_)))), "{refused:?}");
    }
}
