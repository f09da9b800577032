//! API keys, and the settings of their owners.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::keys::{KeyHash, KeyRecord, Owner};
use cutline_core::ports::{Keys, PortError};
use jiff::Timestamp;

use super::item::{Item, PrimaryKey, encode, string};
use super::table::DynamoTable;
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

    async fn put_owner(&self, owner: &Owner) -> Result<(), PortError> {
        let item = encode(&PrimaryKey::owner(&owner.id), owner)?;
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| fault("dynamodb:PutItem", error))
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
