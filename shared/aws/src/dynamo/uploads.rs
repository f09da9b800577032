//! The records of direct uploads. Each has a second item in its owner's partition while it is open, so that open uploads
//! are counted by one query that reads nothing else. It sorts by the time of expiry, since DynamoDB deletes expired items
//! days late.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_OPEN_UPLOADS};
use cutline_core::domain::upload::{ETag, KEPT, Upload, UploadKey, UploadRequest, UploadType, UploadUse};
use cutline_core::ports::{OpenUploadError, PortError, Uploads};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::item::{Item, PrimaryKey, encode, number, string};
use super::table::DynamoTable;
use crate::error::{fault, is_condition_failure};

/// An upload as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct UploadRecord {
    content_type: UploadType,
    size: u64,
    #[serde(default)]
    sha256: Option<Digest>,
    created_at: Timestamp,
    /// When DynamoDB may delete it, in seconds.
    ttl: i64,
}

/// The jobs of an upload, in the same item.
#[derive(Debug, Deserialize)]
struct UseRecord {
    #[serde(default)]
    used_etag: Option<ETag>,
    #[serde(default)]
    jobs: BTreeSet<JobId>,
}

/// The mark of an open upload.
#[derive(Debug, Serialize)]
struct OpenMark {
    ttl: i64,
}

impl UploadRecord {
    fn new(upload: &Upload) -> Self {
        let UploadRequest { content_type, size, sha256 } = upload.request.clone();
        let kept = SignedDuration::try_from(KEPT).unwrap_or(SignedDuration::MAX);
        let ttl = upload.created_at.checked_add(kept).unwrap_or(Timestamp::MAX).as_second();
        Self { content_type, size, sha256, created_at: upload.created_at, ttl }
    }

    fn upload(self, owner: &OwnerId, key: UploadKey) -> Upload {
        let Self { content_type, size, sha256, created_at, .. } = self;
        Upload { key, owner: owner.clone(), request: UploadRequest { content_type, size, sha256 }, created_at }
    }
}

#[async_trait]
impl Uploads for DynamoTable {
    /// Counts before it stores, so calls at the same time can exceed the limit, each by one upload. The mark comes first:
    /// an interruption leaves a place that is taken until it expires, and never an upload that does not count.
    async fn open(&self, upload: &Upload) -> Result<(), OpenUploadError> {
        let mark = PrimaryKey::open_upload(upload);
        let marks = self.open_marks(upload).await?;
        // A repeated call finds its own mark.
        let is_open = marks.contains(&mark.attributes());
        if let Some(first) = marks.first()
            && marks.len() >= MAX_OPEN_UPLOADS
            && !is_open
        {
            return Err(OpenUploadError::TooMany { until: expiry(&mark, first)? });
        }
        let record = UploadRecord::new(upload);
        let open = OpenMark { ttl: upload.expires_at().as_second() };
        self.put_upload_item(encode(&mark, &open)?).await?;
        let key = PrimaryKey::upload(&upload.owner, upload.key);
        Ok(self.put_upload_item(encode(&key, &record)?).await?)
    }

    async fn find(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<Upload>, PortError> {
        let record: Option<UploadRecord> = self.read(PrimaryKey::upload(owner, key)).await?;
        Ok(record.map(|record| record.upload(owner, key)))
    }

    async fn note_job(&self, upload: &Upload, etag: &ETag, job: JobId) -> Result<bool, PortError> {
        let key = PrimaryKey::upload(&upload.owner, upload.key);
        let has_room = "attribute_not_exists(jobs) OR size(jobs) < :max OR contains(jobs, :id)";
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET used_etag = :etag ADD jobs :job")
            .condition_expression(format!("attribute_exists(pk) AND ({has_room})"))
            .expression_attribute_values(":etag", string(etag.as_str()))
            .expression_attribute_values(":job", AttributeValue::Ss(vec![job.to_string()]))
            .expression_attribute_values(":id", string(job.to_string()))
            .expression_attribute_values(":max", number(MAX_JOBS_PER_UPLOAD));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => match self.uses(&upload.owner, upload.key).await? {
                Some(_) => Ok(false),
                None => Err(key.fault("no such upload")),
            },
            Err(error) => Err(fault("dynamodb:UpdateItem", error)),
        }
    }

    async fn uses(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, PortError> {
        let record: Option<UseRecord> = self.read(PrimaryKey::upload(owner, key)).await?;
        Ok(record.and_then(|UseRecord { used_etag, jobs }| Some(UploadUse { etag: used_etag?, jobs })))
    }

    async fn close(&self, upload: &Upload, _: &ETag) -> Result<(), PortError> {
        let mark = PrimaryKey::open_upload(upload);
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(mark.attributes()));
        request.send().await.map(drop).map_err(|error| fault("dynamodb:DeleteItem", error))
    }
}

impl DynamoTable {
    /// The keys of the marks of the owner's uploads that are open when this one is created, the first to expire first. At
    /// most one more than may be open.
    async fn open_marks(&self, upload: &Upload) -> Result<Vec<Item>, PortError> {
        let mark = PrimaryKey::open_upload(upload);
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk > :now")
            .expression_attribute_values(":pk", mark.partition())
            .expression_attribute_values(":now", string(PrimaryKey::open_upload_after(upload.created_at)))
            .projection_expression("pk, sk")
            .limit(i32::try_from(MAX_OPEN_UPLOADS + 1).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(|error| fault("dynamodb:Query", error))?;
        Ok(answer.items.unwrap_or_default())
    }

    async fn put_upload_item(&self, item: HashMap<String, AttributeValue>) -> Result<(), PortError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| fault("dynamodb:PutItem", error))
    }
}

/// When the upload of a mark expires.
fn expiry(key: &PrimaryKey, mark: &Item) -> Result<Timestamp, PortError> {
    let millis = match mark.get("sk") {
        Some(AttributeValue::S(sort)) => sort.split('#').next().and_then(|millis| millis.parse().ok()),
        Some(_) | None => None,
    };
    let time = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.ok_or_else(|| key.fault("a mark without a time of expiry"))
}
