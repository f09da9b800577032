//! Objects in an S3 bucket.

mod drops;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use cutline_core::ports::{Blobs, PortError};
use cutline_core::{AssetKind, StorageKey};

use crate::error::{AwsError, fault};

const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";

/// How long the whole of an object may take to come. The largest are some tens of megabytes.
const BODY_WITHIN: Duration = Duration::from_secs(60);

/// How often a conditional write is tried that another one was in the way of.
const MAX_CONFLICTS: u32 = 5;

/// [`Blobs`] in an S3 bucket. S3 shows an object whole or not at all, and a GET that begins after a PUT was
/// acknowledged sees it.
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
                // Another write of the same key is under way. Which of the two is first is not known yet.
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
        whole(answer.body).await.map(Some)
    }
}

/// All of an object.
async fn whole(body: ByteStream) -> Result<Bytes, PortError> {
    let broken = |detail| AwsError::Failed { operation: GET, detail, transient: true };
    match tokio::time::timeout(BODY_WITHIN, body.collect()).await {
        Ok(Ok(body)) => Ok(body.into_bytes()),
        Ok(Err(error)) => Err(broken(DisplayErrorContext(error).to_string()).into()),
        Err(_) => Err(broken(format!("the object did not come within {BODY_WITHIN:?}")).into()),
    }
}

/// What a browser does with a file that it got by a link, and what it calls the file when it saves it: unlike
/// the last part of its key, not the same for all.
///
/// An SVG is saved and not shown: shown by itself it is a page, which might run scripts, and S3 sends no
/// header that forbids it. An `<img>` shows it all the same.
fn disposition(key: &StorageKey) -> Option<String> {
    let how = match key {
        StorageKey::Source { .. } | StorageKey::Backdrop { .. } => return None,
        StorageKey::Output { .. } | StorageKey::Asset { kind: AssetKind::Matte, .. } => "inline",
        StorageKey::Asset { kind: AssetKind::ClippingPath, .. } => "attachment",
    };
    Some(format!("{how}; filename=\"{}\"", key.download_name()))
}

/// The HTTP status that S3 answered with.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use cutline_core::{Ids, OutputFormat, SystemIds, Variation};

    use super::*;

    #[test]
    fn a_browser_shows_pictures_and_saves_what_could_run_scripts() {
        let (job, lease) = (SystemIds.job(), SystemIds.lease());
        let variation = Variation::Clipping;
        let cases = [
            (StorageKey::Source { job }, None),
            (StorageKey::Backdrop { job }, None),
            (
                StorageKey::Output { job, lease, variation, format: OutputFormat::Psd },
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
