//! `serve --backend aws`: the stores of a deployment on AWS. The deployment's functions keep running. This server accepts
//! uploads that are too large for their gateway, shows the web pages, and can process jobs too. The sweep stays with the functions.

use std::sync::Arc;

use cutline_aws::config::{self, CommonConfig, StatusConfig, UploadConfig};
use cutline_aws::lambda::metrics_in_log;
use cutline_aws::{Aws, DynamoTable, S3Bucket, S3Links, S3UploadLinks, SqsLanes, SqsQueue};
use cutline_core::SystemClock;
use cutline_core::domain::job::JobStage;
use cutline_core::domain::metrics::Measurement;
use cutline_core::ports::Metrics;
use cutline_core::usecases::{RecordStores, UploadStores};
use cutline_http::WebPages;

use super::metrics::PrometheusMetrics;
use super::ports::Ports;

/// The variable that turns metrics in the log on.
const METRICS_NAMESPACE: &str = "CUTLINE_METRICS_NAMESPACE";

/// The table, bucket and queue of a deployment.
pub(crate) struct AwsDeployment {
    config: UploadConfig,
    table: Arc<DynamoTable>,
    bucket: Arc<S3Bucket>,
    lanes: Arc<SqsLanes>,
    reports: Arc<SqsQueue>,
    links: Arc<S3Links>,
    upload_links: Arc<S3UploadLinks>,
    pages: WebPages,
}

impl AwsDeployment {
    /// The deployment that the environment names, with the variables of the upload and status functions. Makes no call
    /// to AWS, so a wrong name is only noticed with the first request.
    ///
    /// # Errors
    /// The first variable that is missing or invalid.
    pub(crate) async fn from_env() -> anyhow::Result<Self> {
        let config: UploadConfig = config::from_env()?;
        let delivery: StatusConfig = config::from_env()?;
        let aws = Aws::from_env().await;
        Ok(Self {
            table: Arc::new(aws.table(&config.common.table)),
            bucket: Arc::new(aws.bucket(&config.bucket)),
            lanes: Arc::new(aws.lanes(&config.queues)),
            upload_links: Arc::new(aws.upload_links(&config.bucket, &config.upload_role_arn, Arc::new(SystemClock))),
            reports: Arc::new(aws.queue(&config.reports_queue_url)),
            pages: WebPages { store: Some(aws.link_origin(&delivery.bucket).await?) },
            links: Arc::new(aws.links(delivery.bucket, delivery.delivery_role_arn, Arc::new(SystemClock))),
            config,
        })
    }

    /// The ports.
    pub(crate) fn ports(&self) -> Ports {
        Ports {
            records: RecordStores::in_one(self.table.clone()),
            drop_files: Some(self.bucket.clone()),
            blobs: self.bucket.clone(),
            queue: self.lanes.clone(),
            deliveries: Arc::new(self.lanes.deliveries(JobStage::Make)),
            intake_deliveries: Arc::new(self.lanes.deliveries(JobStage::Intake)),
            reports: self.reports.clone(),
            storage_usage: None,
            links: self.links.clone(),
            files: None,
            uploads: UploadStores { records: self.table.clone(), objects: self.bucket.clone() },
            upload_links: self.upload_links.clone(),
            received_uploads: None,
            pages: self.pages.clone(),
        }
    }

    /// Where measurements go. With a namespace for CloudWatch they also go to standard output, in the same form as those of
    /// the functions: the dashboard and the alarms of the deployment count them if the output is stored in CloudWatch Logs.
    pub(crate) fn metrics(&self, prometheus: PrometheusMetrics) -> Arc<dyn Metrics> {
        match std::env::var(METRICS_NAMESPACE) {
            Ok(namespace) if !namespace.is_empty() => {
                let cloudwatch = metrics_in_log(&self.config.common.metrics_namespace);
                Arc::new(TwoMetrics { prometheus, cloudwatch })
            }
            _ => Arc::new(prometheus),
        }
    }

    /// The names of the stores, for the startup message.
    pub(crate) fn description(&self) -> String {
        let UploadConfig { common: CommonConfig { table, .. }, bucket, queues, .. } = &self.config;
        format!("On AWS: table {table}, bucket {bucket}, queue {}", queues.queue_url)
    }

    /// The command that creates a key.
    pub(crate) fn new_key_command(&self) -> String {
        format!("cutline keys create --for-aws {}", self.config.common.table)
    }
}

/// Records each measurement for both systems.
struct TwoMetrics {
    prometheus: PrometheusMetrics,
    cloudwatch: Arc<dyn Metrics>,
}

impl Metrics for TwoMetrics {
    fn record(&self, measurement: &Measurement) {
        self.prometheus.record(measurement);
        self.cloudwatch.record(measurement);
    }
}
