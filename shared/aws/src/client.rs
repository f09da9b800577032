//! The connection to AWS, set up once a process. Building it makes no call, so a cold start does not wait
//! for the network; connections are opened by the first call that needs one, and shared.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use cutline_core::Clock;

use crate::dynamo::RetryConflicts;
use crate::{DynamoTable, S3Bucket, S3Links, SqsQueue};

/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How long one attempt of a call may take. The services answer in milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How long one attempt of a call to S3 may take, with the bytes that go with it: 50 MB at 5 MB/s, a tenth of
/// what a function has there.
const TRANSFER_WITHIN: Duration = Duration::from_secs(10);

/// How many attempts' worth of time a call may take in all. So a service that does not answer at all costs
/// 9 seconds, and S3 20: the upload function, which lives for 29, can still tell its caller.
const ANSWERS: u32 = 3;
const TRANSFERS: u32 = 2;

/// How long bytes may stand still on the way to or from S3 before the attempt is given up.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// How often a call is tried in all, and how long it waits at most before the second attempt.
const ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// AWS, as the ports are built on it.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// AWS as the environment describes it, in the way that all of AWS's tools read it: region, credentials,
    /// and `AWS_ENDPOINT_URL` to speak to something else in its place. Calls nothing where the region is in
    /// the environment, as it is on Lambda; credentials are looked for by the first call.
    pub async fn from_env() -> Self {
        Self::load(aws_config::defaults(BehaviorVersion::v2026_01_12())).await
    }

    /// What listens at `endpoint` in place of AWS, such as an emulator. Nothing is read from the environment
    /// but what is not given here.
    pub async fn at(endpoint: &str, region: &str, access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        Self::load(loader).await
    }

    async fn load(loader: ConfigLoader) -> Self {
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(MAX_BACKOFF);
        let config = loader
            .http_client(http.build_https())
            .retry_config(retries)
            .timeout_config(time_limits(ANSWER_WITHIN, ANSWERS))
            .load()
            .await;
        Self { config }
    }

    /// The jobs, keys and owners in a DynamoDB table.
    pub fn table(&self, name: impl Into<String>) -> DynamoTable {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config).retry_classifier(RetryConflicts);
        DynamoTable::new(aws_sdk_dynamodb::Client::from_conf(config.build()), name.into())
    }

    /// The objects in an S3 bucket.
    pub fn bucket(&self, name: impl Into<String>) -> S3Bucket {
        S3Bucket::new(aws_sdk_s3::Client::from_conf(s3_config(&self.config).build()), name.into())
    }

    /// Links to the objects of an S3 bucket, signed as the role.
    pub fn links(&self, bucket: impl Into<String>, role_arn: impl Into<String>, clock: Arc<dyn Clock>) -> S3Links {
        S3Links::new(&self.config, bucket.into(), role_arn.into(), clock)
    }

    /// The SQS queue at `url`. It does not know its age: [`Queue::oldest_age`] is a fault.
    ///
    /// [`Queue::oldest_age`]: cutline_core::ports::Queue::oldest_age
    pub fn queue(&self, url: impl Into<String>) -> SqsQueue {
        SqsQueue::new(aws_sdk_sqs::Client::new(&self.config), url.into())
    }

    /// The SQS queue at `url`, with its age as CloudWatch knows it under the queue's name.
    pub fn queue_with_age(&self, url: impl Into<String>, name: impl Into<String>) -> SqsQueue {
        self.queue(url).with_metrics(aws_sdk_cloudwatch::Client::new(&self.config), name.into())
    }
}

/// Time limits under which an attempt has its answer within `attempt`, and the call within as many of them.
pub(crate) fn time_limits(attempt: Duration, attempts: u32) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_WITHIN)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * attempts)
        .build()
}

/// S3's part: more time for bytes that move, little for bytes that stand still, and bucket names in the path
/// where there is an endpoint that has no host name for each.
pub(crate) fn s3_config(config: &SdkConfig) -> aws_sdk_s3::config::Builder {
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(STALLED_AFTER).build();
    aws_sdk_s3::config::Builder::from(config)
        .timeout_config(time_limits(TRANSFER_WITHIN, TRANSFERS))
        .stalled_stream_protection(stalled)
        .force_path_style(config.endpoint_url().is_some())
}
