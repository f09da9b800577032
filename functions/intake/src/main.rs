//! The intake function: fetches what jobs need from elsewhere, copies files that were uploaded directly, and turns files
//! that S3 reports as dropped into jobs.

use std::sync::Arc;

use cutline_aws::Aws;
use cutline_aws::config::{self, IntakeConfig};
use cutline_aws::lambda::{self, BatchResponse, SqsEvent};
use cutline_core::domain::job::JobStage;
use cutline_core::usecases::{Intake, IntakePorts, RecordStores, UseCases};
use cutline_http::{FetchConfig, HttpFetcher};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config: IntakeConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let (table, bucket) = (Arc::new(aws.table(&config.common.table)), Arc::new(aws.bucket(&config.bucket)));
    let lanes = Arc::new(aws.lanes(&config.queues));
    let use_cases = UseCases { env: lambda::env(&config.common), stores: RecordStores::in_one(table) };
    let fetch = FetchConfig { allow_private: config.allow_private_sources, ..FetchConfig::default() };
    let intake = use_cases.intake(IntakePorts {
        blobs: bucket.clone(),
        uploads: bucket.clone(),
        fetcher: Arc::new(HttpFetcher::new(fetch)?),
        queue: lanes.clone(),
        reports: Arc::new(aws.queue(&config.reports_queue_url)),
        drops: Some(use_cases.drop_ingest(bucket.clone(), bucket, lanes.clone())),
    });
    let handler = async |event: LambdaEvent<SqsEvent>| -> Result<BatchResponse, Error> {
        let intake = Intake { deadline: Some(lambda::deadline(event.context.deadline)), ..intake.clone() };
        let queue = lanes.source(event.payload.queue_name(), JobStage::Intake);
        let handle = async |_: &str, request| intake.handle(request).await;
        let handled = lambda::handle_batch(event.payload, queue, handle);
        Ok(lambda::in_invocation(&event.context.request_id, handled).await)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}
