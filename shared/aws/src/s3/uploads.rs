//! Directly uploaded objects, under `uploads/`.

use async_trait::async_trait;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use cutline_core::StorageKey;
use cutline_core::domain::upload::{ETag, UploadKey};
use cutline_core::ports::{PortError, START_BYTES, UploadCopy, UploadObjects, UploadedObject};

use super::{COPY, GET, S3Bucket, read_all};
use crate::error::{AwsError, fault};

#[async_trait]
impl UploadObjects for S3Bucket {
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError> {
        let range = format!("bytes=0-{}", START_BYTES - 1);
        let request = self.client.get_object().bucket(&self.bucket).key(key.object()).range(range);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            // Nothing satisfies a range of an empty object, and no link can store one.
            Err(error) if error.code() == Some("InvalidRange") => return Ok(None),
            Err(error) => return Err(fault(GET, error)),
        };
        let invalid =
            |what: &str| AwsError::Failed { operation: GET, detail: format!("{what} in the answer"), transient: true };
        let etag = answer.e_tag.as_deref().and_then(|etag| etag.parse().ok()).ok_or_else(|| invalid("no ETag"))?;
        // `bytes 0-8191/50000000`; the answer to a small object may be the whole object.
        let total = answer.content_range.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
        let size = total.or(length).ok_or_else(|| invalid("no size"))?;
        let start = read_all(answer.body).await?;
        let start = start.slice(..start.len().min(START_BYTES));
        Ok(Some(UploadedObject { etag, size, start, is_counted: false }))
    }

    /// Copies within S3, which compares the ETag in the same call.
    async fn copy(&self, key: UploadKey, etag: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError> {
        let request = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(to.to_string())
            // A key has no character that would have to be escaped here.
            .copy_source(format!("{}/{}", self.bucket, key.object()))
            .copy_source_if_match(etag.as_str())
            // The client's own type is never trusted.
            .metadata_directive(MetadataDirective::Replace)
            // Copying tags would take rights of its own.
            .tagging_directive(TaggingDirective::Replace)
            .content_type(to.content_type());
        match request.send().await {
            Ok(_) => Ok(UploadCopy::Copied),
            Err(error) if is_changed(&error) => Ok(UploadCopy::Changed),
            Err(error) => Err(fault(COPY, error)),
        }
    }

    /// Compares before it deletes, and S3 compares once more in the same call. A store that ignores the condition leaves
    /// the moment in between.
    async fn delete(&self, key: UploadKey, etag: &ETag) -> Result<(), PortError> {
        if self.head(key).await?.is_none_or(|object| object.etag != *etag) {
            return Ok(());
        }
        let request = self.client.delete_object().bucket(&self.bucket).key(key.object()).if_match(etag.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_changed(&error) => Ok(()),
            Err(error) => Err(fault("s3:DeleteObject", error)),
        }
    }
}

/// Whether a copy or a deletion found no object, or another one.
fn is_changed<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    matches!(error.code(), Some("NoSuchKey" | "PreconditionFailed"))
}
