//! The connection to AWS, set up once per process.
//!
//! Setting it up makes no network call, so a cold start does not wait for one. The first call of each client opens
//! a connection; clones share it.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, IdentityCache, SharedCredentialsProvider};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use cutline_core::Clock;
use cutline_core::ports::PortError;
use url::{Origin, Url};

use crate::config::QueueUrls;
use crate::dynamo::{DynamoTable, RetryConflicts};
use crate::error::fault;
use crate::links::S3Links;
use crate::role_session::{SIGN, unsigned};
use crate::s3::S3Bucket;
use crate::sdk::{s3_config, timeouts};
use crate::sqs::{SqsLanes, SqsQueue};
use crate::upload_links::S3UploadLinks;

/// Time limit for one attempt of a call. The services answer in milliseconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Time limit for a whole call, in attempts: 9 seconds. The upload function has 29, so it can still answer.
const CALL_ATTEMPTS: u32 = 3;

/// Attempts per call, the first included. [`CALL_ATTEMPTS`] cuts off slow ones earlier.
const MAX_ATTEMPTS: u32 = 4;

/// Back-off before the second attempt, at most; it grows up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// An AWS account. Creates the adapters.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// The account that the environment describes, read like every AWS tool does: region, credentials, and
    /// `AWS_ENDPOINT_URL` for an emulator, which may be empty. Makes no call if the environment names the region, as it does on Lambda;
    /// the first call looks for credentials.
    pub async fn from_env() -> Self {
        Self::load(aws_config::defaults(BehaviorVersion::v2026_01_12())).await
    }

    /// An emulator or compatible service at `endpoint`. Settings that are not parameters still come from the
    /// environment.
    pub async fn at(endpoint: &str, region: &str, access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "static");
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        Self::load(loader).await
    }

    async fn load(loader: ConfigLoader) -> Self {
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let retries = RetryConfig::standard()
            .with_max_attempts(MAX_ATTEMPTS)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(MAX_BACKOFF);
        let config = loader
            .http_client(http.build_https())
            .retry_config(retries)
            .timeout_config(timeouts(CALL_TIMEOUT, CALL_ATTEMPTS))
            .load()
            .await;
        let is_empty = std::env::var_os("AWS_ENDPOINT_URL").is_some_and(|endpoint| endpoint.is_empty());
        Self { config: if is_empty { without_endpoint_variable(config) } else { config } }
    }

    /// The settings of every client.
    #[cfg(feature = "doctor")]
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// A DynamoDB table with Cutline's records.
    pub fn table(&self, name: impl Into<String>) -> DynamoTable {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config).retry_classifier(RetryConflicts);
        DynamoTable::new(aws_sdk_dynamodb::Client::from_conf(config.build()), name.into())
    }

    /// An S3 bucket with sources, outputs and drops.
    pub fn bucket(&self, name: impl Into<String>) -> S3Bucket {
        S3Bucket::new(aws_sdk_s3::Client::from_conf(s3_config(&self.config).build()), name.into())
    }

    /// Presigned links to the objects of an S3 bucket, signed by the role `role_arn`.
    pub fn links(&self, bucket: impl Into<String>, role_arn: impl Into<String>, clock: Arc<dyn Clock>) -> S3Links {
        S3Links::new(&self.config, bucket.into(), role_arn.into(), clock)
    }

    /// Presigned links to upload files to an S3 bucket, signed by the role `role_arn`.
    pub fn upload_links(
        &self,
        bucket: impl Into<String>,
        role_arn: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> S3UploadLinks {
        S3UploadLinks::new(&self.config, bucket.into(), role_arn.into(), clock)
    }

    /// The origin of all presigned links to the objects of an S3 bucket, such as
    /// `https://photos.s3.eu-central-1.amazonaws.com`. Makes no call.
    ///
    /// # Errors
    /// If links to the bucket cannot be signed, for example because the region is unknown.
    pub async fn link_origin(&self, bucket: &str) -> Result<Origin, PortError> {
        // Nobody follows this link. Its host is that of all others.
        let config = s3_config(&self.config)
            .credentials_provider(Credentials::new("unused", "unused", None, None, "link origin"))
            .identity_cache(IdentityCache::no_cache());
        let client = aws_sdk_s3::Client::from_conf(config.build());
        let presigning =
            PresigningConfig::expires_in(Duration::from_secs(60)).map_err(|error| unsigned(error.to_string()))?;
        let request = client.get_object().bucket(bucket).key("unused").presigned(presigning).await;
        let request = request.map_err(|error| fault(SIGN, error))?;
        let url = Url::parse(request.uri()).map_err(|error| unsigned(error.to_string()))?;
        Ok(url.origin())
    }

    /// The SQS queue at `url`.
    pub fn queue(&self, url: impl Into<String>) -> SqsQueue {
        SqsQueue::new(aws_sdk_sqs::Client::new(&self.config), url.into())
    }

    /// The queues of jobs. Reads their age from CloudWatch, under the name at the end of their URL.
    pub fn lanes(&self, urls: &QueueUrls) -> SqsLanes {
        SqsLanes {
            live: self.queue(&urls.queue_url),
            bulk: self.queue(&urls.bulk_queue_url),
            intake_live: self.queue(&urls.intake_queue_url),
            intake_bulk: self.queue(&urls.intake_bulk_queue_url),
            metrics: aws_sdk_cloudwatch::Client::new(&self.config),
        }
    }
}

/// Ignores the variable `AWS_ENDPOINT_URL`. The SDK takes an empty one for an endpoint; `sam local` sets it so unless it has
/// a value for it.
fn without_endpoint_variable(config: SdkConfig) -> SdkConfig {
    config.into_builder().service_config(NoServiceConfig).build()
}

/// Where the SDK looks for endpoints of single services, without any.
#[derive(Debug)]
struct NoServiceConfig;

impl LoadServiceConfig for NoServiceConfig {
    fn load_config(&self, _key: ServiceConfigKey<'_>) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment variable as the SDK reads it.
    #[derive(Debug)]
    struct Variable(&'static str);

    impl LoadServiceConfig for Variable {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            (key.env() == "AWS_ENDPOINT_URL").then(|| self.0.to_owned())
        }
    }

    fn with(endpoint: &'static str) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test")))
            .service_config(Variable(endpoint))
            .build()
    }

    /// A link shows the endpoint without a call.
    async fn link(config: &SdkConfig) -> Option<String> {
        let client = aws_sdk_s3::Client::from_conf(s3_config(config).build());
        let expires = PresigningConfig::expires_in(Duration::from_secs(60)).expect("a valid time");
        let signed = client.get_object().bucket("photos").key("a").presigned(expires).await;
        signed.ok().map(|request| request.uri().to_owned())
    }

    #[tokio::test]
    async fn an_empty_endpoint_is_none() {
        assert!(link(&with("http://localhost:1")).await.is_some_and(|link| link.contains("localhost:1/")));
        let without = link(&without_endpoint_variable(with(""))).await.expect("a link");
        assert!(without.starts_with("https://photos.s3.eu-central-1.amazonaws.com/a?"), "{without}");
    }

    #[tokio::test]
    async fn the_origin_of_links_is_that_of_the_bucket_or_the_emulator() {
        let on_aws = Aws { config: without_endpoint_variable(with("")) };
        let origin = on_aws.link_origin("photos").await.expect("an origin");
        assert_eq!(origin.ascii_serialization(), "https://photos.s3.eu-central-1.amazonaws.com");
        let emulator = Aws::at("http://127.0.0.1:8789", "eu-central-1", "id", "secret").await;
        let origin = emulator.link_origin("photos").await.expect("an origin");
        assert_eq!(origin.ascii_serialization(), "http://127.0.0.1:8789");
    }
}
