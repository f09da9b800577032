//! The stack's bucket.

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;

use crate::stack::{self, Report};

/// The bucket, accessed with one set of credentials.
#[derive(Debug)]
pub struct Bucket {
    /// The client.
    pub client: Client,
    /// The bucket's name.
    pub name: String,
}

impl Bucket {
    /// Access with `credentials`.
    pub fn new(stack: &Report, credentials: &stack::Credentials) -> Self {
        let stack::Credentials { aws_access_key_id, aws_secret_access_key, aws_session_token } = credentials.clone();
        let credentials = Credentials::new(aws_access_key_id, aws_secret_access_key, aws_session_token, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&stack.endpoint)
            .region(Region::new(stack.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(true)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { client: Client::from_conf(config), name: stack.outputs.bucket_name.clone() }
    }

    /// The number of objects whose keys begin with `prefix`, 1,000 at most.
    ///
    /// # Errors
    /// If the bucket refuses to list them.
    pub async fn count(&self, prefix: &str) -> Result<usize> {
        let answer = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).send().await;
        Ok(answer.context("cannot list objects")?.contents().len())
    }

    /// Stores an object.
    ///
    /// # Errors
    /// If the bucket refuses it.
    pub async fn put(&self, key: &str, bytes: impl Into<bytes::Bytes>) -> Result<()> {
        let request = self.client.put_object().bucket(&self.name).key(key).body(ByteStream::from(bytes.into()));
        request.send().await.map(drop).with_context(|| format!("cannot put {key}"))
    }

    /// Reads an object. `None` if it does not exist.
    ///
    /// # Errors
    /// If the bucket refuses.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(object) => {
                let body = object.body.collect().await.with_context(|| format!("cannot read {key}"))?;
                Ok(Some(body.into_bytes().to_vec()))
            }
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot get {key}")),
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// If the bucket refuses.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.name).key(key);
        request.send().await.map(drop).with_context(|| format!("cannot delete {key}"))
    }
}
