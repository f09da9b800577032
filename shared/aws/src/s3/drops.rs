//! Dropped files and their results. A manifest is replaced by a conditional write, so concurrent writers cannot
//! overwrite each other's.

use async_trait::async_trait;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use bytes::Bytes;
use cutline_core::domain::drops::{DropPath, DroppedObject, MANIFEST};
use cutline_core::domain::limits::MAX_SOURCE_BYTES;
use cutline_core::ports::{DropContent, DropFiles, ManifestTag, PortError, StoredManifest};

use super::{GET, PUT, S3Bucket, read_all, status};
use crate::error::{AwsError, fault};

#[async_trait]
impl DropFiles for S3Bucket {
    /// Reads the version that the event named. In a bucket without versions, reads the object only if its ETag is still
    /// the event's.
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError> {
        let origin = &object.origin;
        if origin.bucket != self.bucket {
            let detail = format!("the drop is in bucket {}; only those in {} are read", origin.bucket, self.bucket);
            return Err(AwsError::Failed { operation: GET, detail, transient: false }.into());
        }
        let request = self.client.get_object().bucket(&self.bucket).key(origin.path.as_str());
        let request = match &origin.version {
            Some(version) => request.version_id(version),
            None => request.set_if_match(object.etag.as_ref().map(|etag| format!("\"{}\"", etag.trim_matches('"')))),
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if status(&error) == Some(412) => return Ok(DropContent::Gone),
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion")) => return Ok(DropContent::Gone),
            Err(error) => return Err(fault(GET, error)),
        };
        match answer.content_length().and_then(|length| u64::try_from(length).ok()) {
            // Dropping the answer closes the connection without reading the body.
            Some(bytes) if bytes > MAX_SOURCE_BYTES => Ok(DropContent::TooLarge { bytes }),
            Some(_) => read_all(answer.body).await.map(DropContent::Bytes),
            None => Err(AwsError::Failed {
                operation: GET,
                detail: "no Content-Length in the answer".to_owned(),
                transient: true,
            }
            .into()),
        }
    }

    async fn put_result(
        &self,
        path: &DropPath,
        name: &str,
        content_type: &'static str,
        bytes: Bytes,
    ) -> Result<(), PortError> {
        let request = self.client.put_object().bucket(&self.bucket).key(path.result(name));
        let request = request.content_type(content_type).body(bytes.into());
        request.send().await.map(drop).map_err(|error| fault(PUT, error))
    }

    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(path.result(MANIFEST)).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(fault(GET, error)),
        };
        let Some(tag) = answer.e_tag.map(ManifestTag) else {
            return Err(AwsError::Failed {
                operation: GET,
                detail: "no ETag in the answer".to_owned(),
                transient: true,
            }
            .into());
        };
        Ok(Some(StoredManifest { bytes: read_all(answer.body).await?, tag }))
    }

    async fn put_manifest(
        &self,
        path: &DropPath,
        bytes: Bytes,
        before: Option<&ManifestTag>,
    ) -> Result<bool, PortError> {
        let request = self.client.put_object().bucket(&self.bucket).key(path.result(MANIFEST));
        let request = request.content_type("application/json").body(bytes.into());
        let request = match before {
            Some(ManifestTag(tag)) => request.if_match(tag),
            None => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            // The manifest was replaced or removed, or another write of it is in progress.
            Err(error) if matches!(status(&error), Some(409 | 412)) => Ok(false),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(false),
            Err(error) => Err(fault(PUT, error)),
        }
    }
}
