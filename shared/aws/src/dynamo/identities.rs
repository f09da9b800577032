//! External identities, each stored in the transaction that creates its job.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::Put;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Identities, PortError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::{PrimaryKey, encode, number};
use super::table::DynamoTable;

/// The identity is absent or has expired. Earlier releases stored `ttl` only.
const IS_FREE: &str = "attribute_not_exists(pk) OR expires_at <= :now \
                       OR (attribute_not_exists(expires_at) AND #ttl <= :now_in_seconds)";

/// An identity as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct IdentityRecord {
    job_id: JobId,
    #[serde(default)]
    fingerprint: Option<Digest>,
    /// Milliseconds since 1970. Earlier releases did not store it.
    #[serde(default)]
    expires_at: Option<i64>,
    /// The same in seconds, for DynamoDB, which deletes the item some days later.
    ttl: i64,
}

impl IdentityRecord {
    fn is_live(&self, now: Timestamp) -> bool {
        match self.expires_at {
            Some(expires_at) => expires_at > now.as_millisecond(),
            None => self.ttl > now.as_second(),
        }
    }
}

#[async_trait]
impl Identities for DynamoTable {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        let record: Option<IdentityRecord> = self.read(PrimaryKey::identity(key)).await?;
        let live = record.filter(|record| record.is_live(now));
        Ok(live.map(|record| IdentifiedJob { job: record.job_id, fingerprint: record.fingerprint }))
    }

    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        let record = IdentityRecord {
            job_id: job.id,
            fingerprint: identity.fingerprint,
            expires_at: Some(identity.expires_at.as_millisecond()),
            ttl: identity.expires_at.as_second(),
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(encode(&PrimaryKey::identity(&identity.key), &record)?))
            .condition_expression(IS_FREE)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(job.created_at.as_millisecond()))
            .expression_attribute_values(":now_in_seconds", number(job.created_at.as_second()))
            .build()
            .map_err(PortError::fail)?;
        let debit = match job.charged {
            true => Some(self.debit(&job.owner).build().map_err(PortError::fail)?),
            false => None,
        };
        self.transact([self.put_new(job)?, put], debit).await?.created()
    }
}
