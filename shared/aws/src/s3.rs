//! Objects in an S3 bucket.

mod drops;
mod job_files;
mod listing;
mod uploads;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::TaggingDirective;
use bytes::Bytes;
use cutline_core::ports::{Blobs, PortError};
use cutline_core::{AssetKind, StorageKey};

use crate::error::{AwsError, fault};

pub use listing::{ListedObject, ObjectPage};

const COPY: &str = "s3:CopyObject";
const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";

/// Time limit for reading an object's body. The largest are some tens of megabytes.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Retries of a conditional write that conflicts with another write.
const MAX_CONFLICTS: u32 = 5;

/// [`Blobs`], [`JobFiles`](cutline_core::ports::JobFiles) and [`DropFiles`](cutline_core::ports::DropFiles) in an S3
/// bucket. S3 never shows a partial object, and a
/// GET that begins after an acknowledged PUT sees it.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    client: Client,
    bucket: String,
}

impl S3Bucket {
    pub(crate) fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    fn put_request(&self, key: &StorageKey, bytes: Bytes) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.bucket).key(key.to_string());
        let request = request.content_type(key.content_type()).body(bytes.into());
        request.set_content_disposition(disposition(key))
    }
}

#[async_trait]
impl Blobs for S3Bucket {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        self.put_request(key, bytes).send().await.map(drop).map_err(|error| fault(PUT, error))
    }

    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        let mut conflicts = 0;
        loop {
            let error = match self.put_request(key, bytes.clone()).if_none_match("*").send().await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            match status(&error) {
                Some(412) => return Ok(false),
                // Another write of this key is in progress, and may win or fail.
                Some(409) if conflicts < MAX_CONFLICTS => {
                    conflicts += 1;
                    tokio::time::sleep(Duration::from_millis(50) * 2u32.pow(conflicts)).await;
                }
                _ => return Err(fault(PUT, error)),
            }
        }
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key.to_string()).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(fault(GET, error)),
        };
        read_all(answer.body).await.map(Some)
    }

    /// Copies within S3. The copy keeps the object's content type.
    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError> {
        let request = self.client.copy_object().bucket(&self.bucket).key(to.to_string());
        // Copying tags would take rights of its own.
        let request = request.tagging_directive(TaggingDirective::Replace);
        // A key has no character that would have to be escaped here.
        match request.copy_source(format!("{}/{from}", self.bucket)).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(false),
            Err(error) => Err(fault(COPY, error)),
        }
    }
}

/// Reads an object to its end.
async fn read_all(body: ByteStream) -> Result<Bytes, PortError> {
    let broken = |detail| AwsError::Failed { operation: GET, detail, transient: true };
    match tokio::time::timeout(BODY_TIMEOUT, body.collect()).await {
        Ok(Ok(body)) => Ok(body.into_bytes()),
        Ok(Err(error)) => Err(broken(DisplayErrorContext(error).to_string()).into()),
        Err(_) => Err(broken(format!("the object's body took longer than {BODY_TIMEOUT:?}")).into()),
    }
}

/// The `Content-Disposition` of a result: whether a browser shows or saves it, under a name that is unique, unlike the
/// last part of its key.
///
/// A browser saves an SVG rather than show it: as a page it could run scripts, and S3 cannot send the header that
/// forbids them. An `<img>` still shows it.
fn disposition(key: &StorageKey) -> Option<String> {
    let action = match key {
        StorageKey::Source { .. }
        | StorageKey::Backdrop { .. }
        | StorageKey::Evidence { .. }
        | StorageKey::Mask { .. } => return None,
        StorageKey::Output { .. } => "inline",
        StorageKey::Asset { kind, .. } => match kind {
            AssetKind::Matte | AssetKind::Preview | AssetKind::SourcePreview | AssetKind::Thumb => "inline",
            AssetKind::ClippingPath | AssetKind::Regions | AssetKind::Evidence => "attachment",
        },
    };
    Some(format!("{action}; filename=\"{}\"", key.download_name()))
}

/// The HTTP status of S3's answer, if there was one.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use cutline_core::{Ids, OutputFormat, SystemIds, Variation};

    use super::*;

    #[test]
    fn browsers_show_pictures_and_save_svg() {
        let (job, lease) = (SystemIds.job(), SystemIds.lease());
        let variation = Variation::Clipping;
        let cases = [
            (StorageKey::Source { job }, None),
            (StorageKey::Backdrop { job }, None),
            (
                StorageKey::Output { job, lease, variation, format: OutputFormat::Psd.into() },
                Some(format!("inline; filename=\"{job}-clipping.psd\"")),
            ),
            (
                StorageKey::Asset { job, lease, kind: AssetKind::Matte },
                Some(format!("inline; filename=\"{job}-matte.png\"")),
            ),
            (
                StorageKey::Asset { job, lease, kind: AssetKind::ClippingPath },
                Some(format!("attachment; filename=\"{job}-clipping_path.svg\"")),
            ),
        ];
        for (key, expected) in cases {
            assert_eq!(disposition(&key), expected, "{key}");
        }
    }
}
