//! Jobs, drops, keys, owners and their parameter sets in one DynamoDB table.
//!
//! | item | `pk` | `sk` | beside its own fields |
//! |---|---|---|---|
//! | job | `job#<id>` | `job` | `due`, `due_at` while it has not ended or not been reported; `ttl` once it has ended |
//! | drop | `drop#<SHA-256, hex>` | `drop` | `ttl` |
//! | key | `key#<SHA-256, hex>` | `key` | |
//! | owner | `owner#<id>` | `owner` | |
//! | parameter set | `owner#<id>` | `set#<name>` | |
//!
//! A record's fields are attributes of the same name, as serde writes them; a field that is null is left
//! out. The index `due` has the partition key `due` (`due#0` to `due#7`, by the job's id) and the sort key
//! `due_at` (milliseconds since 1970), and is sparse: what needs nothing more is not in it. `ttl` is in seconds since
//! 1970, as DynamoDB asks for.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use cutline_core::ports::PortError;

use crate::error::fault;

mod drops;
mod item;
mod jobs;
mod keys;
mod sets;
mod transaction;

pub(crate) use transaction::RetryConflicts;

/// [`Jobs`](cutline_core::ports::Jobs), [`Drops`](cutline_core::ports::Drops), [`Keys`](cutline_core::ports::Keys) and
/// [`ParamSets`](cutline_core::ports::ParamSets) in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoTable {
    client: Client,
    table: String,
}

impl DynamoTable {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The record under `key`, as it is after every write that was acknowledged.
    async fn read<T: DeserializeOwned>(&self, key: item::PrimaryKey) -> Result<Option<T>, PortError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.set_key(Some(key.attributes())).send().await;
        let answer = answer.map_err(|error| fault("dynamodb:GetItem", error))?;
        answer.item.map(|attributes| item::decode(&key, attributes)).transpose()
    }
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
