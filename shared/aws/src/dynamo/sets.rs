//! Parameter sets.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, Select};
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::limits::MAX_PARAM_SETS;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::ports::{ParamSets, PortError, Precondition, PutSetError, StoredSet, WriteError};
use jiff::Timestamp;

use super::item::{self, Item, PrimaryKey, SET_PREFIX, SetListItem, encode, string};
use super::table::DynamoTable;
use crate::error::{fault, is_condition_failure};

/// The most operands that DynamoDB takes in one `IN`.
const MAX_OPERANDS: usize = 100;

/// Sorts after every character of a name.
const AFTER_EVERY_NAME: char = '~';

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

    async fn list(
        &self,
        owner: &OwnerId,
        from: Option<&SetName>,
        limit: usize,
    ) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        let key = PrimaryKey::owner(owner);
        // DynamoDB sorts by the bytes of the sort key, and so by name.
        let mut entries = self
            .query_sets(owner, from)
            .projection_expression("#name, revision, updated_at")
            // `name` is a reserved word.
            .expression_attribute_names("#name", "name")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while listed.len() < limit
            && let Some(entry) = entries.next().await
        {
            let entry = entry.map_err(|error| fault("dynamodb:Query", error))?;
            let SetListItem { name, revision, updated_at } = item::decode(&key, entry)?;
            listed.push((name, revision, updated_at));
        }
        Ok(listed)
    }

    /// Counts the owner's sets before it stores a new one, so calls at the same time can exceed the limit, each by one
    /// set. A counter in the same transaction would be exact, but wrong for good as soon as the previous release, which
    /// does not know it, stores or deletes a set.
    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, PutSetError> {
        let key = PrimaryKey::set(owner, &set.name);
        let condition = SetCondition::of(precondition, &key)?;
        if precondition.allows(None) && !self.has_set(&key).await? && self.is_full(owner).await? {
            return Err(PutSetError::TooMany);
        }
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
            Err(error) if is_condition_failure(&error) => Err(PutSetError::Conflict),
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

impl DynamoTable {
    /// A consistent query of the owner's sets whose names are not before `from`.
    fn query_sets(&self, owner: &OwnerId, from: Option<&SetName>) -> QueryFluentBuilder {
        let from = from.map(SetName::as_str).unwrap_or_default();
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :owner AND sk BETWEEN :from AND :end")
            .expression_attribute_values(":owner", PrimaryKey::owner(owner).partition())
            .expression_attribute_values(":from", string(format!("{SET_PREFIX}{from}")))
            .expression_attribute_values(":end", string(format!("{SET_PREFIX}{AFTER_EVERY_NAME}")))
    }

    /// Whether a set is stored under this key.
    async fn has_set(&self, key: &PrimaryKey) -> Result<bool, PortError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.set_key(Some(key.attributes())).projection_expression("pk").send().await;
        Ok(answer.map_err(|error| fault("dynamodb:GetItem", error))?.item.is_some())
    }

    /// Whether the owner has as many sets as allowed.
    async fn is_full(&self, owner: &OwnerId) -> Result<bool, PortError> {
        let mut pages = self.query_sets(owner, None).select(Select::Count).into_paginator().send();
        let mut stored = 0;
        while stored < MAX_PARAM_SETS
            && let Some(page) = pages.next().await
        {
            let page = page.map_err(|error| fault("dynamodb:Query", error))?;
            stored += usize::try_from(page.count).unwrap_or(0);
        }
        Ok(stored >= MAX_PARAM_SETS)
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
