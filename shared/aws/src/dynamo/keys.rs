//! API keys, and the settings of their owners.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::keys::{CreditChange, KeyHash, KeyRecord, Owner, OwnerChange, RateLimitChange};
use cutline_core::domain::review::ReviewRule;
use cutline_core::ports::{ChangeOwnerError, Keys, PortError};
use jiff::Timestamp;

use super::item::{Item, PrimaryKey, encode, number, string};
use super::table::DynamoTable;
use super::transaction::TransactionOutcome;
use crate::error::{fault, is_condition_failure};

#[async_trait]
impl Keys for DynamoTable {
    /// Creates the owner's settings first if they are missing: [`Keys::is_known`] looks for them.
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError> {
        let owner = Owner::unlimited(key.owner.clone());
        self.put_if_absent(encode(&PrimaryKey::owner(&owner.id), &owner)?).await?;
        self.put_if_absent(encode(&PrimaryKey::api_key(&key.hash), key)?).await
    }

    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        self.read(PrimaryKey::api_key(hash)).await
    }

    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(PrimaryKey::api_key(hash).attributes()))
            .update_expression("SET revoked_at = :at")
            // An update creates a missing item; the first condition prevents that.
            .condition_expression("attribute_exists(pk) AND NOT attribute_type(revoked_at, :text)")
            .expression_attribute_values(":at", string(at.to_string()))
            .expression_attribute_values(":text", string("S"));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(fault("dynamodb:UpdateItem", error)),
        }
    }

    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError> {
        let stored = self.read(PrimaryKey::owner(id)).await?;
        Ok(stored.unwrap_or_else(|| Owner::unlimited(id.clone())))
    }

    async fn change_owner(&self, id: &OwnerId, change: OwnerChange) -> Result<(), ChangeOwnerError> {
        let update = OwnerUpdate::of(id, change).build(&self.table, id)?;
        // A plain update could be applied twice after a lost answer.
        match self.transact([], Some(update)).await? {
            TransactionOutcome::Committed => Ok(()),
            TransactionOutcome::RecordRefused | TransactionOutcome::OwnerRefused => Err(ChangeOwnerError::Credits),
        }
    }

    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        let stored: Option<Owner> = self.read(PrimaryKey::owner(id)).await?;
        Ok(stored.is_some())
    }
}

impl DynamoTable {
    async fn put_if_absent(&self, item: Item) -> Result<(), PortError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match request.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failure(&error) => Ok(()),
            Err(error) => Err(fault("dynamodb:PutItem", error)),
        }
    }
}

/// The parts of an update of an owner's item.
#[derive(Default)]
struct OwnerUpdate {
    set: Vec<&'static str>,
    remove: Vec<&'static str>,
    add: Vec<&'static str>,
    condition: Option<&'static str>,
    values: Vec<(&'static str, AttributeValue)>,
}

impl OwnerUpdate {
    /// Writes `id` too, for an owner without an item.
    fn of(id: &OwnerId, change: OwnerChange) -> Self {
        let mut update = Self::default();
        update.set("id = :id", (":id", string(id.as_str())));
        match change.credits {
            None => {}
            Some(CreditChange::Unlimited) => update.remove.push("credits"),
            Some(CreditChange::Set(credits)) => update.set("credits = :credits", (":credits", number(credits))),
            Some(CreditChange::Add(more)) => {
                update.add.push("credits :credits");
                // Without it, ADD would start the counting.
                update.condition = Some("attribute_type(credits, :number)");
                update.values.extend([(":credits", number(more)), (":number", string("N"))]);
            }
            Some(CreditChange::Subtract(fewer)) => {
                update.set("credits = credits - :credits", (":credits", number(fewer)));
                update.condition = Some("credits >= :credits");
            }
        }
        match change.requests_per_minute {
            None => {}
            Some(RateLimitChange::Unlimited) => update.remove.push("requests_per_minute"),
            Some(RateLimitChange::Set(limit)) => update.set("requests_per_minute = :limit", (":limit", number(limit))),
        }
        match change.review {
            None => {}
            Some(ReviewRule::Off) => update.remove.push("review"),
            Some(ReviewRule::Always) => update.set("review = :review", (":review", string("always"))),
            Some(ReviewRule::Below(limit)) => {
                let below = HashMap::from([("below".to_owned(), number(limit.get()))]);
                update.set("review = :review", (":review", AttributeValue::M(below)));
            }
        }
        update
    }

    fn set(&mut self, part: &'static str, value: (&'static str, AttributeValue)) {
        self.set.push(part);
        self.values.push(value);
    }

    fn build(self, table: &str, owner: &OwnerId) -> Result<Update, PortError> {
        let clauses = [("SET", self.set), ("REMOVE", self.remove), ("ADD", self.add)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        let clauses: Vec<_> = clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect();
        let values = self.values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Update::builder()
            .table_name(table)
            .set_key(Some(PrimaryKey::owner(owner).attributes()))
            .update_expression(clauses.join(" "))
            .set_condition_expression(self.condition.map(str::to_owned))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(PortError::fail)
    }
}
