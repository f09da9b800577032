//! The table, and a consistent read of one record.

use aws_sdk_dynamodb::Client;
use cutline_core::ports::PortError;
use serde::de::DeserializeOwned;

use super::item::{Item, PrimaryKey, decode};
use crate::error::fault;

/// [`Jobs`](cutline_core::ports::Jobs), [`Identities`](cutline_core::ports::Identities),
/// [`Keys`](cutline_core::ports::Keys), [`ParamSets`](cutline_core::ports::ParamSets),
/// [`RateCounters`](cutline_core::ports::RateCounters), [`Usage`](cutline_core::ports::Usage) and
/// [`Audit`](cutline_core::ports::Audit) in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoTable {
    pub(super) client: Client,
    pub(super) table: String,
}

impl DynamoTable {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads the item under `key`, consistently: it reflects every acknowledged write.
    pub(super) async fn read_item(&self, key: &PrimaryKey) -> Result<Option<Item>, PortError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.set_key(Some(key.attributes())).send().await;
        Ok(answer.map_err(|error| fault("dynamodb:GetItem", error))?.item)
    }

    /// Reads the record under `key`, consistently.
    pub(super) async fn read<T: DeserializeOwned>(&self, key: PrimaryKey) -> Result<Option<T>, PortError> {
        self.read_item(&key).await?.map(|item| decode(&key, item)).transpose()
    }
}
