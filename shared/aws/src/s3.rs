//! Objects in an S3 bucket.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use bytes::Bytes;
use cutline_core::StorageKey;
use cutline_core::ports::{Blobs, PortError};

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
        request.set_content_disposition(file_name(key).map(|name| format!("inline; filename=\"{name}\"")))
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
        let broken = |detail| AwsError::Failed { operation: GET, detail, transient: true };
        match tokio::time::timeout(BODY_WITHIN, answer.body.collect()).await {
            Ok(Ok(body)) => Ok(Some(body.into_bytes())),
            Ok(Err(error)) => Err(broken(DisplayErrorContext(error).to_string()).into()),
            Err(_) => Err(broken(format!("the object did not come within {BODY_WITHIN:?}")).into()),
        }
    }
}

/// What a browser calls an output when it saves it: unlike the last part of its key, not the same for all.
fn file_name(key: &StorageKey) -> Option<String> {
    match key {
        StorageKey::Source { .. } => None,
        StorageKey::Output { job, variation, format, .. } => {
            Some(format!("{job}-{}.{}", variation.as_str(), format.extension()))
        }
    }
}

/// The HTTP status that S3 answered with.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
