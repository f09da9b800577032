//! Dropped files and their results. A manifest is replaced by a conditional write, so concurrent writers cannot
//! overwrite each other's.

use async_trait::async_trait;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use bytes::Bytes;
use cutline_core::StorageKey;
use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, MANIFEST};
use cutline_core::ports::{DROP_HEAD_BYTES, DropFiles, DropLook, ManifestTag, PortError, StoredManifest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{COPY, GET, PUT, S3Bucket, read_all, status};
use crate::error::{AwsError, fault};

/// Everything but letters, digits, and what is never escaped; a slash separates the parts of a key.
const KEY_ENCODING: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl S3Bucket {
    /// The drop's origin.
    ///
    /// # Errors
    /// [`PortError::Fail`] if it is in another bucket.
    fn in_this_bucket<'a>(
        &self,
        object: &'a DroppedObject,
        operation: &'static str,
    ) -> Result<&'a DropOrigin, PortError> {
        let origin = &object.origin;
        if origin.bucket == self.bucket {
            return Ok(origin);
        }
        let detail = format!("the drop is in bucket {}; only those in {} are read", origin.bucket, self.bucket);
        Err(AwsError::Failed { operation, detail, transient: false }.into())
    }
}

/// An ETag as headers have it. Events leave out the quotes.
fn quoted(etag: &str) -> String {
    format!("\"{}\"", etag.trim_matches('"'))
}

/// Whether the object no longer exists in the version that was asked for.
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    status(error) == Some(412) || matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion"))
}

#[async_trait]
impl DropFiles for S3Bucket {
    /// Looks at the version that the event named. In a bucket without versions, looks at the object only if its ETag is
    /// still the event's.
    async fn look(&self, object: &DroppedObject) -> Result<DropLook, PortError> {
        let origin = self.in_this_bucket(object, GET)?;
        let request = self.client.get_object().bucket(&self.bucket).key(origin.path.as_str());
        let request = request.range(format!("bytes=0-{}", DROP_HEAD_BYTES - 1));
        let request = match &origin.version {
            Some(version) => request.version_id(version),
            None => request.set_if_match(object.etag.as_deref().map(quoted)),
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(DropLook::Gone),
            // An empty object has no range.
            Err(error) if status(&error) == Some(416) => return Ok(DropLook::Found { bytes: 0, head: Bytes::new() }),
            Err(error) => return Err(fault(GET, error)),
        };
        // `bytes 0-8191/123456`; an answer that is not partial has the whole object.
        let whole = answer.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let Some(bytes) = whole.or(length) else {
            let detail = "no length in the answer".to_owned();
            return Err(AwsError::Failed { operation: GET, detail, transient: true }.into());
        };
        let mut head = read_all(answer.body).await?;
        head.truncate(DROP_HEAD_BYTES);
        Ok(DropLook::Found { bytes, head })
    }

    /// Copies within S3, on the condition under which [`Self::look`] looks. The copy has none of the original's metadata
    /// and tags, which the function's role may not read.
    async fn copy_to(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, PortError> {
        let origin = self.in_this_bucket(object, COPY)?;
        let path = utf8_percent_encode(origin.path.as_str(), KEY_ENCODING);
        let request = self.client.copy_object().bucket(&self.bucket).key(to.to_string());
        let request = match &origin.version {
            Some(version) => {
                let version = utf8_percent_encode(version, KEY_ENCODING);
                request.copy_source(format!("{}/{path}?versionId={version}", self.bucket))
            }
            None => request
                .copy_source(format!("{}/{path}", self.bucket))
                .set_copy_source_if_match(object.etag.as_deref().map(quoted)),
        };
        let request = request.metadata_directive(MetadataDirective::Replace).content_type(to.content_type());
        match request.tagging_directive(TaggingDirective::Replace).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(fault(COPY, error)),
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
