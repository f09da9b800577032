//! Parameter sets.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::ports::{ParamSets, PortError, Precondition, StoredSet, WriteError};
use jiff::Timestamp;

use super::{DynamoTable, item, string};
use crate::error::fault;

/// The most values that DynamoDB compares one with.
const MAX_OPERANDS: usize = 100;

/// A precondition as DynamoDB has it.
#[derive(Debug)]
struct Condition {
    expression: Option<String>,
    values: Option<item::Item>,
}

impl Condition {
    /// The condition of a change of the item under `key`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] for one that nothing meets; a fault that stays for one that DynamoDB cannot hold.
    fn of(precondition: &Precondition, key: &item::PrimaryKey) -> Result<Self, WriteError> {
        let plain = |text: &str| Self { expression: Some(text.to_owned()), values: None };
        match precondition {
            Precondition::Any => Ok(Self { expression: None, values: None }),
            Precondition::Absent => Ok(plain("attribute_not_exists(pk)")),
            Precondition::Present => Ok(plain("attribute_exists(pk)")),
            Precondition::OneOf(revisions) if revisions.is_empty() => Err(WriteError::Conflict),
            Precondition::OneOf(revisions) if revisions.len() > MAX_OPERANDS => {
                let count = revisions.len();
                Err(key.fault(format_args!("{count} revisions are more than one condition can name")).into())
            }
            Precondition::OneOf(revisions) => {
                let named = revisions.iter().enumerate();
                let values = named.map(|(place, one)| Ok((format!(":revision{place}"), item::revision(one)?)));
                let values = values.collect::<Result<item::Item, PortError>>()?;
                let names = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                Ok(Self { expression: Some(format!("revision IN ({names})")), values: Some(values) })
            }
        }
    }
}

#[async_trait]
impl ParamSets for DynamoTable {
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError> {
        self.read(item::PrimaryKey::set(owner, name)).await
    }

    async fn list(&self, owner: &OwnerId) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        let owner = item::PrimaryKey::owner(owner);
        // In the order of the sort keys' bytes, and so of the names'.
        let mut entries = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :owner AND begins_with(sk, :set)")
            .expression_attribute_values(":owner", owner.partition())
            .expression_attribute_values(":set", string(item::SET_PREFIX))
            .projection_expression("#name, revision, updated_at")
            // A word of DynamoDB's own.
            .expression_attribute_names("#name", "name")
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|error| fault("dynamodb:Query", error))?;
            let item::SetLine { name, revision, updated_at } = item::decode(&owner, entry)?;
            listed.push((name, revision, updated_at));
        }
        Ok(listed)
    }

    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, WriteError> {
        let key = item::PrimaryKey::set(owner, &set.name);
        let condition = Condition::of(precondition, &key)?;
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::encode(&key, set)?))
            .set_condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .return_values(ReturnValue::AllOld);
        match request.send().await {
            Ok(answer) => Ok(answer.attributes.is_some_and(|replaced| !replaced.is_empty())),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(WriteError::Conflict)
            }
            Err(error) => Err(fault("dynamodb:PutItem", error).into()),
        }
    }

    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError> {
        let key = item::PrimaryKey::set(owner, name);
        let condition = Condition::of(precondition, &key)?;
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
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(WriteError::Conflict)
            }
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
    fn a_condition_names_every_revision_and_no_more_than_it_can() {
        let key = item::PrimaryKey::owner(&samples::owner());
        let one_of = |count: usize| Precondition::OneOf((0..count).map(|_| SystemIds.revision()).collect());
        let condition = Condition::of(&one_of(MAX_OPERANDS), &key).expect("holds");
        let (expression, values) = (condition.expression.expect("a condition"), condition.values.expect("values"));
        assert_eq!(values.len(), MAX_OPERANDS);
        assert!(values.keys().all(|name| expression.contains(name.as_str())), "{expression}");
        assert!(expression.len() < 4096, "DynamoDB's limit");
        assert!(matches!(Condition::of(&one_of(0), &key), Err(WriteError::Conflict)));
        let refused = Condition::of(&one_of(MAX_OPERANDS + 1), &key);
        assert!(matches!(refused, Err(WriteError::Port(PortError::Fail(_)))), "{refused:?}");
    }
}
