//! Webhook settings and secrets of owners.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{Put, Update};
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::domain::webhook_secret::WebhookSecrets;
use cutline_core::ports::{OwnerWebhooks, PortError, WriteError};

use super::item::{PrimaryKey, decode, encode, number, string};
use super::table::DynamoTable;
use super::transaction::TransactionOutcome;
use crate::error::fault;

#[async_trait]
impl OwnerWebhooks for DynamoTable {
    async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
        let key = PrimaryKey::webhook_secrets(owner);
        let Some(item) = self.read_item(&key).await? else { return Ok(WebhookSecrets::default()) };
        // Without the cause, which could show a secret.
        decode(&key, item).map_err(|_| key.fault("unreadable secrets"))
    }

    async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(encode(&PrimaryKey::webhook_secrets(owner), secrets)?));
        let put = match secrets.version.checked_sub(1) {
            None | Some(0) => put.condition_expression("attribute_not_exists(pk)"),
            Some(previous) => put
                .condition_expression("version = :previous")
                .expression_attribute_values(":previous", number(previous)),
        };
        let put = put.build().map_err(PortError::fail)?;
        let note = self.owner_update(owner);
        let note = match secrets.created_at() {
            Some(at) => note
                .update_expression("SET id = :id, webhook_secret_at = :at")
                .expression_attribute_values(":at", string(at.to_string())),
            None => note.update_expression("SET id = :id REMOVE webhook_secret_at"),
        };
        match self.transact([put], Some(note.build().map_err(PortError::fail)?)).await? {
            TransactionOutcome::Committed => Ok(()),
            TransactionOutcome::RecordRefused | TransactionOutcome::OwnerRefused => Err(WriteError::Conflict),
        }
    }

    async fn set_webhook_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<(), PortError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(PrimaryKey::owner(owner).attributes()))
            .expression_attribute_values(":id", string(owner.as_str()));
        let request = match url {
            Some(url) => request
                .update_expression("SET id = :id, webhook_url = :url")
                .expression_attribute_values(":url", string(url.as_url().as_str())),
            None => request.update_expression("SET id = :id REMOVE webhook_url"),
        };
        request.send().await.map(drop).map_err(|error| fault("dynamodb:UpdateItem", error))
    }
}

impl DynamoTable {
    /// An update of the owner's item that sets `:id`, for an owner without one.
    fn owner_update(&self, owner: &OwnerId) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(PrimaryKey::owner(owner).attributes()))
            .expression_attribute_values(":id", string(owner.as_str()))
    }
}
