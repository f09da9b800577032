//! The stack's bucket.

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;

use crate::stack::{self, Stack};

/// The bucket, accessed with one set of credentials.
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) fn new(stack: &Stack, credentials: &stack::Credentials) -> Self {
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
    pub(crate) async fn count(&self, prefix: &str) -> Result<usize> {
        let answer = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).send().await;
        Ok(answer.context("cannot list objects")?.contents().len())
    }

    pub(crate) async fn put(&self, key: &str, bytes: &'static [u8]) -> Result<()> {
        let request = self.client.put_object().bucket(&self.name).key(key).body(ByteStream::from_static(bytes));
        request.send().await.map(drop).with_context(|| format!("cannot put {key}"))
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.name).key(key);
        request.send().await.map(drop).with_context(|| format!("cannot delete {key}"))
    }
}
